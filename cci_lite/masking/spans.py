"""What a stage of masking finds: a part of a text, and what is to stand there instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

EMAIL, IBAN, CARD, ID, BIRTH = "[EMAIL]", "[IBAN]", "[CARD]", "[ID]", "[DATE_OF_BIRTH]"
NUMBER, NAME = "[NUMBER]", "[NAME]"

# Fewer digits are house numbers, years and amounts.
FEWEST_DIGITS = 6
# So many groups in a row are dictated: no list of small numbers is as long.
FEWEST_GROUPS_OF_DICTATION = 7

# Transcribe writes [NAME], Call Analytics and Contact Lens may write ***.
WITHHELD = re.compile(r"\[[A-Z_]{2,40}\]|\*{3,}")


class Span(NamedTuple):
    """A part of a text, and what is to stand there instead."""

    start: int
    end: int
    placeholder: str


# Finds spans that do not overlap, from left to right. What was masked before is a border that no
# span reaches across, so that masking twice is masking once.
Find = Callable[[str], Iterable[Span]]


class Stage(NamedTuple):
    """Finds spans; in a text without its clue (see `clues.py`) there are none."""

    find: Find
    clue: str = ""
