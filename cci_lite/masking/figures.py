"""Finding card, telephone and other numbers that are written in figures.

A text is cut into items (dates, amounts, groups of digits), and items that are near to each other
into runs. A run is masked as a whole or not at all: what stays is read the same way the next time.
Every expression is linear in the text: repetitions are possessive or bounded, and none can begin
inside of what it has passed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from stdnum import luhn

from cci_lite.language.heard import mark_class
from cci_lite.masking.spans import (
    CARD,
    FEWEST_DIGITS,
    FEWEST_GROUPS_OF_DICTATION,
    NUMBER,
    Span,
    Stage,
)
from cci_lite.masking.word_lists import any_of, dates_and_places, spoken

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:19|20)\d\d"
_DATE = (
    rf"{_YEAR}-{_MONTH}-{_DAY}|{_YEAR}/{_MONTH}/{_DAY}|{_DAY}\.{_MONTH}\.{_YEAR}"
    rf"|{_DAY}/{_DAY}/{_YEAR}|{_DAY}-{_DAY}-{_YEAR}"
)
# Two years, unless they are groups in the middle of a longer number.
_PERIOD = rf"(?<!\d\s[/–-]\s){_YEAR}\s?[/–-]\s?(?:{_YEAR}|\d\d)(?!\s[/–-]\s\d)"  # noqa: RUF001
_SHORT_DATE = rf"{_DAY}\.{_MONTH}\.\d\d|{_DAY}/{_DAY}/\d\d|{_DAY}\.{_MONTH}\."
_TIME = r"[012]?\d:[0-5]\d(?::[0-5]\d)?|[012]?\d(?:[.:][0-5]\d)?\s?(?:uhr|[ap]\.?m)(?![\w\[])"
_AMOUNT = r"(?:\d{1,3}(?:[,.']\d{3}){1,2}|\d{1,2}(?:,\d\d){1,3},\d{3}|\d{1,5})(?:[.,]\d{1,2})?"
# Nothing of a number goes on before or behind.
_FREE, _END = r"(?<!\d)(?<!\d[.,:/'-])", r"(?!\d|[.,:/'-]\d)"


@cache
def _item_expression() -> re.Pattern[str]:
    """A `moment` (date, time, version), an `amount` (of money, of things), or `digits`."""
    known = spoken().units
    month_name = f"(?:{any_of(dates_and_places().dates.months)})"
    currency = f"(?:{any_of(known.currencies)})"
    unit = rf"(?:(?:{any_of(known.spaced)})(?![\w\[{mark_class()}])|{any_of(known.unspaced)})"
    return re.compile(
        rf"{_FREE}(?:(?P<moment>(?<!\w){month_name}\.?\s{_DAY}(?:st|nd|rd|th|\.)?,?\s{_YEAR}"
        rf"|{_DATE}|{_TIME}|{_PERIOD}|24/7"
        r"|(?:version|release|firmware)\s\d{1,3}(?:\.\d{1,3}){1,9})"
        rf"|(?P<amount>{_SHORT_DATE}|{currency}\s?{_AMOUNT}|{_AMOUNT}\s?{unit}"
        rf"|\d{{1,9}}(?:{any_of(known.money)})"
        r"|\d{1,3}(?:(?:,\d{3})+\.|(?:[.']\d{3})+,)\d\d|(?:0|[1-9]\d{0,3})[.,]\d\d?)"
        rf"){_END}"
        r"|(?P<digits>[+(]{0,3}\d++)",
        re.IGNORECASE,
    )


# What stands between two numbers that are near is shorter.
_LONGEST_GAP = 40


@cache
def _gap_expression() -> re.Pattern[str]:
    """What may stand between the groups of one number; named, because some of it makes a list."""
    languages = spoken().languages
    fillers = any_of(*(each.fillers for each in languages))
    also = any_of(*(each.also for each in languages))
    between = any_of(*(each.between for each in languages))
    return re.compile(
        rf"(?P<comma>\s?,\s{{1,2}}|\s?、\s{{0,2}})|(?P<dash>\s[‐‑–—-]\s)"  # noqa: RUF001
        rf"|(?P<also>,?\s(?:{also})\s|\s?[x×]\s?)"  # noqa: RUF001
        r"|(?P<near>[\s\-‐‑–—./,()_·\u200b\u00ad]{0,3}|[:'])"  # noqa: RUF001
        rf"|(?P<filled>(?:[\s,.-]{{1,3}}(?:{fillers}|{also})){{1,4}}[\s,.-]{{1,3}}"
        rf"|\s?(?:{between}){{1,3}}\s?)",
        re.IGNORECASE,
    )


@cache
def _list_goes_on() -> re.Pattern[str]:
    joints = any_of(spoken().units.list_joints)
    return re.compile(rf",?\s(?:{joints})\s[\[\d€$£]", re.IGNORECASE)


# "100, 250 and 500" is a list; "030 - 123" is not, but "5 EUR - 10 EUR" are two amounts.
_OF_LISTS = frozenset(("comma", "also"))
_LOOSE = _OF_LISTS | {"dash"}
_LENGTHS_OF_CARDS = range(13, 20)
_FEWEST_GROUPS_OF_A_CARD = 4
_US_GROUPS = [3, 3, 4]
_A_YEAR = re.compile(_YEAR)
# A currency or a unit is no part of the number; letters that are written in one with it are:
# "AB-1234567", "12345678Z".
_BEFORE_NUMBER, _BEHIND_NUMBER = re.compile(r"[^+(\d]*"), re.compile(r"\D+$")
_MOST_LETTERS = 5
_LETTERS_BEFORE = re.compile(r"(?<![^\W_])[A-Z]{1,4}-?\Z")
_LETTERS_BEHIND = re.compile(r"-?[A-Z]{1,4}(?![^\W_]|\[)")


class _Item(NamedTuple):
    """A number in a text. `gap` names what stands before it, when another number is near."""

    start: int
    end: int
    kind: str
    text: str
    gap: str | None

    @property
    def digits(self) -> str:
        return "".join(filter(str.isdecimal, self.text))

    @property
    def has_unit(self) -> bool:
        return self.kind == "amount" and not self.text[-1].isdecimal()

    @property
    def is_year(self) -> bool:
        return _A_YEAR.fullmatch(self.digits) is not None


def _numbers(text: str) -> Iterator[Span]:
    """Card numbers, and all other runs of FEWEST_DIGITS digits that are no date or amount."""
    run: list[_Item] = []
    for item in _items(text):
        if run and _is_border(run[-1], item):
            yield from _of_run(text, run, item)
            run = []
        run.append(item)
    yield from _of_run(text, run)


NUMBER_STAGE = Stage(_numbers, rf"(?:\d.*){{{FEWEST_DIGITS}}}")


def _items(text: str) -> Iterator[_Item]:
    end = -_LONGEST_GAP
    for found in _item_expression().finditer(text):
        start = found.start()
        gap = _gap_expression().fullmatch(text, end, start) if start - end < _LONGEST_GAP else None
        yield _Item(start, found.end(), found.lastgroup or "", found[0], gap and gap.lastgroup)
        end = found.end()


def _is_border(one: _Item, other: _Item) -> bool:
    """Whether two neighbours are two things, whatever else stands around them."""
    if other.gap is None or "moment" in (one.kind, other.kind):
        return True
    if one.has_unit:
        return True
    return "amount" in (one.kind, other.kind) and other.gap in _LOOSE


def _of_run(text: str, run: Sequence[_Item], after: _Item | None = None) -> Iterator[Span]:
    """The span of a run that is to be masked: all of it, or nothing."""
    if not run or (len(run) == 1 and run[0].kind != "digits"):
        return
    digits = "".join(item.digits for item in run)
    if len(digits) < FEWEST_DIGITS or all(item.is_year for item in run):
        return
    is_card = len(digits) in _LENGTHS_OF_CARDS and luhn.is_valid(digits)
    if is_card or _is_dictated(run) or _longest_part(text, run, after) >= FEWEST_DIGITS:
        yield _span(text, run, CARD if is_card else NUMBER)


def _span(text: str, run: Sequence[_Item], placeholder: str) -> Span:
    first = _BEFORE_NUMBER.match(run[0].text)
    start = run[0].start + (first.end() if first else 0)
    end = run[-1].start + len(_BEHIND_NUMBER.sub("", run[-1].text))
    before = _LETTERS_BEFORE.search(text, max(0, start - _MOST_LETTERS), start)
    behind = _LETTERS_BEHIND.match(text, end)
    return Span(before.start() if before else start, behind.end() if behind else end, placeholder)


def _is_dictated(run: Sequence[_Item]) -> bool:
    """Whether the groups of this run are a telephone's or a card's, though it looks like a list."""
    sizes = [len(item.digits) for item in run]
    first = run[0].text.lstrip("(")
    return (
        first.startswith("+")
        or (first.startswith("0") and sizes[0] > 2)
        or sizes[-3:] == _US_GROUPS
        or len(sizes) >= FEWEST_GROUPS_OF_DICTATION
        or (len(sizes) >= _FEWEST_GROUPS_OF_A_CARD and set(sizes) == {4})
    )


def _longest_part(text: str, run: Sequence[_Item], after: _Item | None) -> int:
    """How many digits belong together: a list is many numbers, and so is what has years in it."""
    gaps = [item.gap for item in run[1:]]
    # "1, 2, 3" may be dictated; only what stands behind tells: "1, 2, 3 and 4", "1, 2, 3 days".
    is_amount_next = after is not None and after.has_unit and after.gap in _OF_LISTS
    is_list = _OF_LISTS.issuperset(gaps) and bool(
        "also" in gaps or is_amount_next or _list_goes_on().match(text, run[-1].end)
    )
    longest = length = len(run[0].digits)
    for one, other in itertools.pairwise(run):
        is_year = any(item.kind == "digits" and item.is_year for item in (one, other))
        is_at_year = is_year and other.gap in _LOOSE
        length = len(other.digits) + (0 if is_list or is_at_year else length)
        longest = max(longest, length)
    return longest
