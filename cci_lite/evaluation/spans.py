"""Finding mail addresses, account, card and telephone numbers in a text.

Every expression is linear in the text: repetitions are possessive, and none can begin inside of
what it has passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

EMAIL, IBAN, CARD, NUMBER, NAME = "[EMAIL]", "[IBAN]", "[CARD]", "[NUMBER]", "[NAME]"

# Fewer digits are house numbers, years and amounts.
FEWEST_DIGITS = 6
FEWEST_NUMBER_WORDS = 5
_CARD_DIGITS = range(13, 20)


class Span(NamedTuple):
    """A part of a text, and what is to stand there instead."""

    start: int
    end: int
    placeholder: str


Stage = Callable[[str], Iterable[Span]]

# Transcribe writes [NAME], Call Analytics and Contact Lens may write ***.
WITHHELD = re.compile(r"\[[A-Z_]{2,40}\]|\*{3,}")


# --- mail addresses -------------------------------------------------------------------------------

_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
_EMAIL = re.compile(
    rf"(?<!{_LOCAL}){_LOCAL}++@[\w-]++(?:\.[\w-]++)*+"
    # As it is dictated: "jane dot doe at example dot com".
    r"|(?<!\w)\w{1,40}(?:\s(?:dot|punkt|underscore|unterstrich|dash|hyphen|minus)\s\w{1,40}){0,5}"
    r"\s(?:at|ät)\s\w{1,60}(?:\s(?:dot|punkt)\s\w{1,20}){1,4}\b",
    re.IGNORECASE,
)


def emails(text: str) -> Iterator[Span]:
    """Mail addresses, written or dictated."""
    for found in _EMAIL.finditer(text):
        yield Span(found.start(), found.end(), EMAIL)


# --- account numbers ------------------------------------------------------------------------------

# By country (IBAN registry); one that is new is still masked as a number.
_IBAN_COUNTRIES = """
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18
    DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23
    IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31
    MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24
    SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
    """
_IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN_COUNTRIES.split()}
_IBAN_GAPS = " -\u00a0"
_IBAN_START = re.compile(
    r"(?<![A-Za-z0-9])([A-Za-z]{2})[ \u00a0-]?\d[ -]?\d(?=[ \u00a0-]?[A-Za-z0-9])", re.ASCII
)


def ibans(text: str) -> Iterator[Span]:
    """Account numbers whose length and check digits are right (ISO 13616), in any grouping."""
    done = 0
    for found in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(found[1].upper())
        if length and found.start() >= done and (end := _end_of_iban(text, found.start(), length)):
            yield Span(found.start(), end, IBAN)
            done = end


def _end_of_iban(text: str, start: int, length: int) -> int | None:
    """Where the account number of this length ends that starts here; None when there is none."""
    characters: list[str] = []
    for position in range(start, len(text)):
        character = text[position]
        if character.isascii() and character.isalnum():
            characters.append(character)
            if len(characters) == length:
                is_border = not text[position + 1 : position + 2].isalnum()
                return position + 1 if is_border and _is_iban(characters) else None
        elif character not in _IBAN_GAPS or text[position - 1] in _IBAN_GAPS:
            return None
    return None


def _is_iban(characters: Sequence[str]) -> bool:
    # One run of words in a hundred has the right remainder, too: it has no digits.
    if 2 * sum(map(str.isdigit, characters)) < len(characters):
        return False
    moved = [*characters[4:], *characters[:4]]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


# --- numbers --------------------------------------------------------------------------------------

_GAP = r"[\s\-‐‑–—./,()_·\u200b\u00ad]{0,3}+"  # noqa: RUF001
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:19|20)\d\d"
_DATE = (
    rf"(?:{_YEAR}-{_MONTH}-{_DAY}|{_YEAR}/{_MONTH}/{_DAY}"
    rf"|{_DAY}\.{_MONTH}\.(?:{_YEAR}|\d\d)|{_DAY}/{_DAY}/(?:{_YEAR}|\d\d)|{_DAY}-{_DAY}-{_YEAR})"
)
_TIME = r"\d\d?:\d\d(?::\d\d)?"
_AMOUNT = r"(?:\d{1,2}[,.']\d{3}|\d{1,5})(?:[.,]\d{1,2})?"
_CURRENCY = r"(?:[€$£]|EUR|USD|GBP|CHF)"
_UNIT = r"(?:[€$£%]|(?:EUR|USD|GBP|CHF|euros?|dollars?|pounds?|cents?|percent|prozent)\b)"
_NUMBERS = re.compile(
    # What stays, where no more digits are near that could belong to it …
    rf"(?P<kept>(?:{_DATE}(?:(?:\s|T|,\s|\s?[–-]\s?)(?:{_DATE}|{_TIME}))*+"  # noqa: RUF001
    rf"|{_CURRENCY}\s?{_AMOUNT}|{_AMOUNT}\s?{_UNIT})(?!{_GAP}\d))"
    # … and everything that has digits.
    rf"|[+(]{{0,3}}\d(?:{_GAP}\d)*+",
    re.IGNORECASE,
)


def numbers(text: str) -> Iterator[Span]:
    """Card numbers, and all other runs of FEWEST_DIGITS digits that are no date or amount."""
    for found in _NUMBERS.finditer(text):
        if found["kept"] is not None:
            continue
        digits = [int(character) for character in found[0] if character.isdecimal()]
        if len(digits) in _CARD_DIGITS and _is_card(digits):
            yield Span(found.start(), found.end(), CARD)
        elif len(digits) >= FEWEST_DIGITS:
            yield Span(found.start(), found.end(), NUMBER)


def _is_card(digits: Sequence[int]) -> bool:
    """Whether the check digit is right (Luhn, ISO 7812)."""
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


_DIGITS_DE = "ein|zwei|drei|vier|fünf|fuenf|sechs|sieben|acht|neun"
_TENS_DE = "zwanzig|dreißig|dreissig|vierzig|fünfzig|fuenfzig|sechzig|siebzig|achtzig|neunzig"
_NUMBER_WORD = (
    "(?:zero|oh?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen"
    "|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|fou?rty|fifty|sixty|seventy|eighty"
    "|ninety|hundred|double|triple"
    f"|null|eins|zwo|(?:{_DIGITS_DE})und(?:{_TENS_DE})|{_DIGITS_DE}|{_TENS_DE}|zehn|elf|zwölf"
    "|zwoelf|(?:drei|vier|fünf|fuenf|sech|sieb|acht|neun)zehn|hundert|doppel)"
)
_SPELLED = re.compile(
    rf"(?<![^\W\d_])(?:{_NUMBER_WORD}|\d{{1,3}}+)(?![\w'’])"  # noqa: RUF001
    rf"(?:[\s,.\-–]{{1,3}}+(?:{_NUMBER_WORD}|\d{{1,3}}+)(?![\w'’])){{{FEWEST_NUMBER_WORDS - 1},}}+",  # noqa: RUF001
    re.IGNORECASE,
)


def spelled_numbers(text: str) -> Iterator[Span]:
    """Runs of FEWEST_NUMBER_WORDS number words, English or German."""
    for found in _SPELLED.finditer(text):
        # Digits alone are dates, lists of small numbers, or what was masked before.
        if any(map(str.isalpha, found[0])):
            yield Span(found.start(), found.end(), NUMBER)
