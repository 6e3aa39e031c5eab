"""Finding mail addresses, account, card and telephone numbers in a text.

Numbers that are near to each other are masked together or not at all: what stays is read the same
way the next time. Every expression is linear in the text: repetitions are possessive or bounded,
and none can begin inside of what it has passed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from cci_lite.language.heard import has_far_script, in_place, mark_class
from cci_lite.masking.spoken import all_spoken, units, words_of

EMAIL, IBAN, CARD, NUMBER, NAME = "[EMAIL]", "[IBAN]", "[CARD]", "[NUMBER]", "[NAME]"

_LONGEST_FAR_NAME = 30

# Fewer digits are house numbers, years and amounts.
FEWEST_DIGITS = 6
FEWEST_GROUPS_OF_DICTATION = 7
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
_TOP_LEVEL = (
    r"(?:com|net|org|edu|gov|info|biz|co|io|de|at|ch|uk|eu|fr|es|it|nl|us|ie|ca|au|pt|br|in|mx)"
)
_PROVIDER = (
    r"(?:gmail|googlemail|hotmail|outlook|yahoo|icloud|aol|gmx|web|live|msn|proton|protonmail|mail"
    r"|freenet|arcor|comcast|verizon|btinternet|posteo|t(?:-|\s(?:minus|dash|strich)\s)online)"
)


@cache
def _email_expression() -> re.Pattern[str]:
    spoken = all_spoken()
    at = _any(*(each.at for each in spoken))
    dot = f"(?:{_any(*(each.dot for each in spoken))})"
    dash = f"(?:{_any(*(each.dash for each in spoken))})"
    at_sign = (
        r"(?:\s?@\s?|\s?[(\[](?:at|ät)[)\]]\s?"
        rf"|\s(?:at(?:\s(?:sign|the\srate(?:\sof)?))?|{at})\s)"
    )
    label = rf"\w{{1,60}}(?:(?:-|\s{dash}\s)\w{{1,60}}){{0,3}}"
    return re.compile(
        rf"(?<!{_LOCAL}){_LOCAL}++@[\w-]++(?:\.[\w-]++)*+"
        # As it is dictated: "jane dot doe at example dot com", "jane.doe at gmail.com".
        r"|(?<![\w.+-])(?P<local>(?:\w\s){0,30}\w{1,40}"
        rf"(?:(?:[.+-]|\s(?:{dot}|{dash}|underscore|unterstrich|plus)\s)\w{{1,40}}){{0,5}})"
        rf"{at_sign}(?:(?P<provider>{_PROVIDER}(?:\.|\s{dot}\s)\w{{2,20}})"
        # "At this point I" is no address.
        rf"|(?P<dictated>{label}"
        rf"(?:(?:\s(?:dot|punkt)\s\w{{1,20}}){{1,4}}|\s{dot}\s{_TOP_LEVEL}))"
        rf"|(?P<written>{label}(?:\.\w{{1,60}}){{0,3}}\.{_TOP_LEVEL}))(?!\w)",
        re.IGNORECASE,
    )


class _FarAddress(NamedTuple):
    """How an address is dictated where words have vowel signs or no blanks: in three parts."""

    local: re.Pattern[str]
    at: re.Pattern[str]
    domain: re.Pattern[str]


@cache
def _far_address() -> _FarAddress:
    spoken = all_spoken()
    dot = f"(?:{_any(*(each.dot for each in spoken))})"
    between = f"(?:{_any(*(f'{each.dot} {each.dash}' for each in spoken))}|[._-])"
    letter = rf"(?!{between})[\w{mark_class()}]"
    name = f"(?:{letter}){{1,{_LONGEST_FAR_NAME}}}"
    return _FarAddress(
        re.compile(rf"(?:{name}\s?{between}\s?){{0,3}}{name}\s?\Z", re.IGNORECASE),
        re.compile(rf"(?:{_any(*(each.at for each in spoken))}|@)\s?", re.IGNORECASE),
        re.compile(rf"(?:{name}\s?(?:{dot}|\.)\s?){{1,4}}{name}(?:-{name})?", re.IGNORECASE),
    )


def _far_emails(text: str) -> Iterator[Span]:
    """Dictated addresses; without blanks, words around one go, too."""
    known = _far_address()
    done = 0
    for at in known.at.finditer(text):
        domain = known.domain.match(text, at.end())
        first = max(done, at.start() - 2 * _LONGEST_FAR_NAME)
        local = known.local.search(text[first : at.start()]) if domain else None
        if domain and local:
            yield Span(first + local.start(), domain.end(), EMAIL)
            done = domain.end()


# Before the address of a site.
_NO_LOCALS = frozenset(
    [
        "aim",
        "are",
        "arrive",
        "available",
        "be",
        "bought",
        "buy",
        "check",
        "checked",
        "checking",
        "find",
        "found",
        "is",
        "it",
        "look",
        "looked",
        "looking",
        "looks",
        "me",
        "online",
        "ordered",
        "ordering",
        "see",
        "shopped",
        "shopping",
        "site",
        "them",
        "us",
        "was",
        "website",
        "were",
        "work",
        "worked",
        "working",
        "works",
    ]
)


def emails(text: str) -> Iterator[Span]:
    """Mail addresses, written or dictated."""
    done = 0
    found = sorted([*_near_emails(text), *(_far_emails(text) if has_far_script(text) else ())])
    for span in found:
        if span.start >= done:
            yield span
            done = span.end


def _near_emails(text: str) -> Iterator[Span]:
    for found in _email_expression().finditer(text):
        local = found["local"]
        is_word = local is not None and local.isalpha()
        if is_word and (found["written"] or local.lower() in _NO_LOCALS):
            continue
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

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:19|20)\d\d"
_MONTH_NAME = (
    r"(?:january?|february?|march|april|may|june?|july?|august|september|october|november|december"
    r"|jan|feb|mar|apr|aug|sept?|oct|nov|dec|märz|mai|juni|juli|oktober|dezember|okt|dez)"
)
_DATE = (
    rf"{_YEAR}-{_MONTH}-{_DAY}|{_YEAR}/{_MONTH}/{_DAY}|{_DAY}\.{_MONTH}\.{_YEAR}"
    rf"|{_DAY}/{_DAY}/{_YEAR}|{_DAY}-{_DAY}-{_YEAR}"
)
_SHORT_DATE = rf"{_DAY}\.{_MONTH}\.\d\d|{_DAY}/{_DAY}/\d\d|{_DAY}\.{_MONTH}\."
_TIME = r"[012]?\d:[0-5]\d(?::[0-5]\d)?|[012]?\d(?:[.:][0-5]\d)?\s?(?:uhr|[ap]\.?m)(?![\w\[])"
_AMOUNT = r"(?:\d{1,3}(?:[,.']\d{3}){1,2}|\d{1,2}(?:,\d\d){1,3},\d{3}|\d{1,5})(?:[.,]\d{1,2})?"
# Nothing of a number goes on before or behind.
_FREE, _END = r"(?<!\d)(?<!\d[.,:/'-])", r"(?!\d|[.,:/'-]\d)"


@cache
def _item_expression() -> re.Pattern[str]:
    known = units()
    currency = rf"(?:[€$£]|EUR|USD|GBP|CHF|{_any(known.currencies)})"
    unit = (
        r"(?:[€$£%]|(?:EUR|USD|GBP|CHF|euros?|dollars?|pounds?|cents?|percent|prozent|[kmg]bit"
        r"|[kmg]b|(?:kilo|mega|giga)(?:bit|byte)s?|minutes?|minuten?|hours?|stunden?|days?|tagen?"
        r"|weeks?|wochen?|months?|monaten?|years?|jahren?|people|points|miles|credits"
        rf"|{_any(known.spaced)})(?![\w\[{mark_class()}])|{_any(known.unspaced)})"
    )
    return re.compile(
        rf"{_FREE}(?:(?P<moment>{_MONTH_NAME}\.?\s{_DAY}(?:st|nd|rd|th|\.)?,?\s{_YEAR}"
        rf"|{_DATE}|{_TIME}|{_YEAR}\s?[/–-]\s?(?:{_YEAR}|\d\d)|24/7"  # noqa: RUF001
        r"|(?:version|release|firmware)\s\d{1,3}(?:\.\d{1,3}){1,9})"
        rf"|(?P<amount>{_SHORT_DATE}|{currency}\s?{_AMOUNT}|{_AMOUNT}\s?{unit}"
        rf"|\d{{1,9}}(?:{_any(known.money)})"
        r"|\d{1,3}(?:(?:,\d{3})+\.|(?:[.']\d{3})+,)\d\d|(?:0|[1-9]\d{0,3})[.,]\d\d?)"
        rf"){_END}"
        r"|(?P<digits>[+(]{0,3}\d++)",
        re.IGNORECASE,
    )


def _any(*lists: str) -> str:
    return "|".join(map(re.escape, map(in_place, words_of(*lists))))


_LONGEST_GAP = 40


@cache
def _gap_expression() -> re.Pattern[str]:
    fillers = _any(*(each.fillers for each in all_spoken()))
    also = _any(*(each.also for each in all_spoken()))
    between = _any(*(each.between for each in all_spoken()))
    return re.compile(
        rf"(?P<comma>\s?,\s{{1,2}}|\s?、\s{{0,2}})|(?P<dash>\s[‐‑–—-]\s)"  # noqa: RUF001
        rf"|(?P<also>,?\s(?:{also})\s|\s?[x×]\s?)"  # noqa: RUF001
        r"|(?P<near>[\s\-‐‑–—./,()_·\u200b\u00ad]{0,3}|[:'])"  # noqa: RUF001
        rf"|(?P<filled>(?:[\s,.-]{{1,3}}(?:{fillers}|{also})){{1,4}}[\s,.-]{{1,3}}"
        rf"|\s?(?:{between}){{1,3}}\s?)",
        re.IGNORECASE,
    )


_LISTING = frozenset(("comma", "also"))
_LOOSE = _LISTING | {"dash"}
# What a list goes on with: "100, 250 or 500".
_GOES_ON = re.compile(r",?\s(?:and|und|or|oder|et|y|ou|o|e|of|en)\s[\[\d€$£]", re.IGNORECASE)
_FEWEST_GROUPS_OF_A_CARD = 4
_US_GROUPS = [3, 3, 4]


class _Item(NamedTuple):
    """A number in a text. `gap` names what stands before it, when another number is near."""

    start: int
    end: int
    kind: str
    text: str
    gap: str | None
    is_spaced: bool

    @property
    def digits(self) -> list[int]:
        return [int(character) for character in _figures(self.text)]

    @property
    def has_unit(self) -> bool:
        return self.kind == "amount" and not self.text[-1].isdecimal()

    @property
    def is_year(self) -> bool:
        return self.kind == "digits" and _A_YEAR.fullmatch(self.text) is not None


_A_YEAR = re.compile(_YEAR)
# A currency or a unit is no part of the number.
_PREFIX, _SUFFIX = re.compile(r"[+(\d]"), re.compile(r"\D+$")


def numbers(text: str) -> Iterator[Span]:
    """Card numbers, and all other runs of FEWEST_DIGITS digits that are no date or amount."""
    run: list[_Item] = []
    for item in _items(text):
        if run and _is_border(run[-1], item):
            yield from _of_run(text, run, item)
            run = []
        run.append(item)
    yield from _of_run(text, run)


def _items(text: str) -> Iterator[_Item]:
    end = -_LONGEST_GAP
    for found in _item_expression().finditer(text):
        start = found.start()
        gap = _gap_expression().fullmatch(text, end, start) if start - end < _LONGEST_GAP else None
        is_spaced = gap is not None and any(map(str.isspace, gap[0]))
        kind = found.lastgroup or ""
        yield _Item(start, found.end(), kind, found[0], gap and gap.lastgroup, is_spaced)
        end = found.end()


def _figures(text: str) -> str:
    return "".join(filter(str.isdecimal, text))


def _is_border(one: _Item, other: _Item) -> bool:
    """Whether two neighbours are two things, whatever else stands around them."""
    if other.gap is None:
        return True
    if "moment" in (one.kind, other.kind):
        return other.is_spaced
    if one.has_unit:
        return True
    return "amount" in (one.kind, other.kind) and other.gap in _LOOSE


def _of_run(text: str, run: Sequence[_Item], after: _Item | None = None) -> Iterator[Span]:
    """The span of a run that is to be masked: all of it, or nothing."""
    if not run or (len(run) == 1 and run[0].kind != "digits"):
        return
    digits = [digit for item in run for digit in item.digits]
    is_card = len(digits) in _CARD_DIGITS and _is_card(digits)
    is_years = all(_A_YEAR.fullmatch(_figures(item.text)) for item in run)
    if len(digits) < FEWEST_DIGITS or is_years:
        return
    if is_card or _is_dictated(run) or _longest_part(text, run, after) >= FEWEST_DIGITS:
        start = run[0].start + len(_PREFIX.split(run[0].text, maxsplit=1)[0])
        end = run[-1].start + len(_SUFFIX.sub("", run[-1].text))
        yield Span(start, end, CARD if is_card else NUMBER)


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
    is_amount_next = after is not None and after.has_unit and after.gap in _LISTING
    is_list = _LISTING.issuperset(gaps) and bool(
        "also" in gaps or is_amount_next or _GOES_ON.match(text, run[-1].end)
    )
    longest = length = len(run[0].digits)
    for one, other in itertools.pairwise(run):
        is_at_year = (one.is_year or other.is_year) and other.gap in _LOOSE
        length = len(other.digits) + (0 if is_list or is_at_year else length)
        longest = max(longest, length)
    return longest


def _is_card(digits: Sequence[int]) -> bool:
    """Whether the check digit is right (Luhn, ISO 7812)."""
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
