"""Finding account numbers (IBAN) and the numbers that states give to people.

Lengths, structures and check digits are python-stdnum's; `national_ids.toml` says what to look for.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache

from stdnum import iban, numdb

from cci_lite.masking.spans import IBAN, ID, Span, Stage
from cci_lite.masking.word_lists import national_ids

_IBAN_GAPS = " -\u00a0"
_IBAN_START = re.compile(
    r"(?<![A-Za-z0-9])([A-Za-z]{2})[ \u00a0-]?\d[ -]?\d(?=[ \u00a0-]?[A-Za-z0-9])", re.ASCII
)
_PART_OF_IBAN = re.compile(r"(\d+)!")


def _ibans(text: str) -> Iterator[Span]:
    """Account numbers whose structure and check digits are right (ISO 13616), in any grouping."""
    position = 0
    while found := _IBAN_START.search(text, position):
        length = _length_of_iban(found[1].upper())
        end = _end_of_iban(text, found.start(), length) if length else None
        if end:
            yield Span(found.start(), end, IBAN)
        position = end or found.end()


IBAN_STAGE = Stage(_ibans, r"[a-z]{2}[ \x{a0}-]?\d[ -]?\d")


@cache
def _length_of_iban(country: str) -> int:
    """How many characters the account numbers of a country have; 0 where there are none."""
    ((_, facts),) = numdb.get("iban").info(country)
    return 4 + sum(map(int, _PART_OF_IBAN.findall(facts["bban"]))) if "bban" in facts else 0


def _end_of_iban(text: str, start: int, length: int) -> int | None:
    """Where the account number of this length ends that starts here; None when there is none."""
    characters = ""
    for position in range(start, len(text)):
        character = text[position]
        if character.isascii() and character.isalnum():
            characters += character
            if len(characters) == length:
                is_border = not text[position + 1 : position + 2].isalnum()
                is_right = is_border and iban.is_valid(characters, check_country=False)
                return position + 1 if is_right else None
        elif character not in _IBAN_GAPS or text[position - 1] in _IBAN_GAPS:
            return None
    return None


def _ids_of_states(text: str) -> Iterator[Span]:
    """Numbers with letters in them, as states give them; right ones, where that can be checked."""
    for found in _national_id().finditer(text):
        checked_by = national_ids()[int((found.lastgroup or "")[1:])].checked_by
        if not checked_by or _is_right(checked_by, found[0]):
            yield Span(found.start(), found.end(), ID)


# Each of the shapes has more digits.
ID_STAGE = Stage(_ids_of_states, r"\d.*\d.*\d")


def _is_right(module: str, number: str) -> bool:
    characters = "".join(filter(str.isalnum, number))
    return bool(importlib.import_module(f"stdnum.{module}").is_valid(characters))


@cache
def _national_id() -> re.Pattern[str]:
    shapes = "|".join(f"(?P<_{n}>{each.shape})" for n, each in enumerate(national_ids()))
    return re.compile(rf"(?<![\w.-])(?:{shapes})(?![\w])", re.ASCII)
