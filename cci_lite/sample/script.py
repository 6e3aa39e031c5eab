"""Spoken exchanges, written down like a play: `companies/README.md` says how."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from cci_lite.errors import TenantError

AGENT = "AGENT"
CUSTOMER = "CUSTOMER"
NOTHING = "(nothing)"

_LATE = "(late in the call)"
_LINE = re.compile(r"(?P<who>Agent|Customer)(?: \(after (?P<silence>\d+) s\))?: +(?P<text>\S.*)")
_EXPECTED = f"'Agent: …', 'Agent (after 60 s): …', 'Customer: …', {NOTHING} or {_LATE}"


class SpokenLine(NamedTuple):
    """A sentence or two of one speaker, after a silence; `late` in the call or now."""

    who: str
    silence_ms: int
    text: str
    late: bool = False


Exchange = tuple[SpokenLine, ...]


@cache
def read_script(text: str, place: str = "") -> tuple[Exchange, ...]:
    """The exchanges of a script, at least one; raises TenantError with its place for a bad line."""
    return tuple(_exchange(part, place) for part in re.split(r"\n(?:[ \t]*\n)+", text.strip()))


def _exchange(text: str, place: str) -> Exchange:
    now, _, late = text.partition(_LATE)
    return (
        *(_spoken_line(line, place) for line in now.splitlines() if line.strip() != NOTHING),
        *(_spoken_line(line, place)._replace(late=True) for line in late.strip().splitlines()),
    )


def _spoken_line(line: str, place: str) -> SpokenLine:
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise TenantError(place, _EXPECTED, f"'{line.strip()[:60]}'")
    who = AGENT if match["who"] == "Agent" else CUSTOMER
    return SpokenLine(who, 1000 * int(match["silence"] or 0), match["text"])
