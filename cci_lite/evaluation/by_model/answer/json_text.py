"""Reads the JSON that a language model writes as text: exactly, or repaired in structure only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import json_repair

from cci_lite.evaluation.by_model.answer.framing import is_closing, is_lead_in

# Far more than a model may write; the library's repair is slow on long text.
_LONGEST_REPAIR = 100_000
_DEEPEST = 20


class DoubtfulError(ValueError):
    """Text or a value that could be read in more than one way; the message is in our words."""


def is_deep(value: object) -> bool:
    """Whether a value is nested deeper than any answer, so that recursion over it could fail."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _members(outer)]
        if not level:
            return False
    return True


def _members(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def only_one(values: Sequence[object]) -> object:
    """The value when all are equal; raises DoubtfulError for different values."""
    first = values[0]
    if any(is_deep(each) for each in values):
        raise DoubtfulError("it was nested too deep")
    if any(each != first for each in values):
        raise DoubtfulError("it held different evaluations")
    return first


def exact_value(text: str) -> object:
    """The one JSON object or list in a text that has only harmless words beside it.

    Raises DoubtfulError for anything else, and JSONDecodeError where only a repair could help.
    """
    try:
        return _exact_value(text)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as problem:
        raise _doubt(problem) from None


def structure(value: object) -> object:
    """The object or list that is given as its JSON text; anything else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[", '"')):
        return value
    try:
        return exact_value(value)
    except ValueError:
        return value


def repaired_value(text: str) -> object:
    """What `json_repair` makes of a text with a broken structure; raises DoubtfulError in doubt.

    The text must be complete, and the repaired value must hold every word of it and no other.
    """
    start, end = text.find("{"), text.rfind("}") + 1
    body = text[start:end]
    if start < 0 or len(body) > _LONGEST_REPAIR or not body or not _is_closed(body):
        raise DoubtfulError("it was not whole JSON")
    _check_framing([text[:start], text[end:]])
    escapes = _Escapes()
    shielded = escapes.shielded(body)
    try:
        value = json_repair.loads(shielded, skip_json_loads=True)
        # json_repair may drop or invent text to make the structure valid. Comparing all letters and
        # digits before and after shows whether it did.
        is_same = _said(shielded) == _said("\n".join(_texts_of(value)))
    except (ValueError, RecursionError) as problem:
        raise _doubt(problem) from None
    if not is_same:
        raise DoubtfulError("it was broken JSON")
    return escapes.restored(value)


def _doubt(problem: Exception) -> DoubtfulError:
    return problem if isinstance(problem, DoubtfulError) else DoubtfulError("it was not JSON")


# --- exactly --------------------------------------------------------------------------------------


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if content.setdefault(key, value) != value:
            raise DoubtfulError("it said two things under one name")
    return content


def _no_constant(name: str) -> float:  # noqa: ARG001
    raise DoubtfulError("it held a number that is none")


# Whole numbers as floats: Python refuses to make an int of more than 4,300 digits.
_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant, parse_int=float)
_START = re.compile(r'[{\[]|"(?=\s*[{\[])')


def _exact_value(text: str) -> object:
    values: list[object] = []
    around: list[str] = []
    place = 0
    while start := _START.search(text, place):
        around.append(text[place : start.start()])
        value, place = _DECODER.raw_decode(text, start.start())
        # JSON in a JSON string: some models quote their own answer.
        values.append(_exact_value(value) if isinstance(value, str) else value)
    if not values:
        raise DoubtfulError("it was not JSON")
    _check_framing([*around, text[place:]])
    return only_one(values)


def _check_framing(around: Sequence[str]) -> None:
    """Raise DoubtfulError unless the words before, between and after are known to be harmless.

    Surplus closing brackets are no words.
    """
    first, *between, last = around
    if not (
        is_lead_in(first)
        and all(is_lead_in(each) or is_closing(each) for each in between)
        and is_closing(last)
    ):
        raise DoubtfulError("there were words beside the evaluation")


# --- repaired -------------------------------------------------------------------------------------


def _is_closed(text: str) -> bool:
    """Whether every bracket is closed: otherwise a repair would invent the end."""
    depth = 0
    quoted = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = quoted
        elif character == '"':
            quoted = not quoted
        elif not quoted and character in "{[":
            depth += 1
        elif not quoted and character in "}]":
            depth -= 1
    return not quoted and depth == 0


_ESCAPE = re.compile(
    r'\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[\da-fA-F]{4}|["\\/bfnrt])'
)
_FIRST_PRIVATE = 0xF0000


class _Escapes:
    """Replaces legal escapes by private-use characters while the library repairs a text.

    It knows only some escapes, and turns the others into other text.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def shielded(self, text: str) -> str:
        """The text without an escape; raises DoubtfulError where no character is free."""
        if any(ord(character) >= _FIRST_PRIVATE for character in text):
            raise DoubtfulError("it was broken JSON")
        return _ESCAPE.sub(self._shield, text)

    def _shield(self, escape: re.Match[str]) -> str:
        return self._known.setdefault(escape[0], chr(_FIRST_PRIVATE + len(self._known)))

    def restored(self, value: Any) -> Any:
        """The value with what the escapes mean."""
        meant = {ord(shield): json.loads(f'"{escape}"') for escape, shield in self._known.items()}

        def restored(part: Any) -> Any:
            if isinstance(part, str):
                return part.translate(meant)
            if isinstance(part, list):
                return [restored(each) for each in part]
            if isinstance(part, dict):
                return {restored(key): restored(each) for key, each in part.items()}
            return part

        return restored(value)


def _texts_of(value: object) -> Iterator[str]:
    """Everything that a value says, in its order."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from _texts_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts_of(each)
    else:
        yield value if isinstance(value, str) else json.dumps(value)


_FRACTION = re.compile(r"(?<=\d)\.\d+", re.ASCII)


def _said(text: str) -> str:
    """Letters, figures and shielded escapes alone; 0.90 as 0.9."""
    plain = _FRACTION.sub(lambda each: each[0].rstrip("0"), text)
    return "".join(each for each in plain if each.isalnum() or ord(each) >= _FIRST_PRIVATE)
