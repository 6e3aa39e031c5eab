"""Second-stage masking: personal data that a redacted transcript or a model's words still carry.

Masking is a sequence of stages, each of which finds spans of a text and what to put there. What is
masked already (`[NAME]`, `***`) is a border that no stage reaches across, so that masking twice is
masking once. Every expression is linear in the text: repetitions are possessive, and none can begin
inside of what it has passed.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from cci_lite.contract.conversation import Conversation, Turn, Word
from cci_lite.contract.document import (
    AiSummary,
    CriterionResult,
    Entities,
    Entity,
    EntityResult,
    KeyPhrase,
    KeyPhraseResult,
    KeyPhrases,
)
from cci_lite.contract.judgement import Judgement, NlpAnswer
from cci_lite.evaluation.limits import cut_raw
from cci_lite.evaluation.naming import COMMON_NAMES, PARTICLES, introduced_names

__all__ = [
    "introduced_names",
    "mask",
    "masked_conversation",
    "masked_judgement",
    "masked_nlp",
]

EMAIL, IBAN, CARD, NUMBER, NAME = "[EMAIL]", "[IBAN]", "[CARD]", "[NUMBER]", "[NAME]"

# Fewer digits are house numbers, years and amounts.
FEWEST_DIGITS = 6
FEWEST_NUMBER_WORDS = 5
_CARD_DIGITS = range(13, 20)


class _Span(NamedTuple):
    start: int
    end: int
    placeholder: str


_Stage = Callable[[str], Iterable[_Span]]


def mask(text: str, names: Iterable[str] = ()) -> str:
    """`text` without mail addresses, account, card and telephone numbers, and the given names.

    Dates, times, percentages, amounts of less than FEWEST_DIGITS digits and ids of criteria stay.
    Names are found as whole words in any case, with their possessive; so are their parts.
    """
    return _masked(text, _stages(names))


def masked_judgement(judgement: Judgement, names: Iterable[str] = ()) -> Judgement:
    """The judgement with all words of the model, and all quotes, masked."""
    stages = _stages(names)
    raw = judgement.summary_raw
    return msgspec.structs.replace(
        judgement,
        results=[_masked_result(result, stages) for result in judgement.results],
        summary=_masked_summary(judgement.summary, stages),
        summary_raw=None if raw is None else cut_raw(_masked(raw, stages)),
    )


def masked_nlp(answer: NlpAnswer, names: Iterable[str] = ()) -> NlpAnswer:
    """The answer without key phrases and entities that are personal data or were redacted.

    Offsets of the others still count in the text that was analysed.
    """
    stages = _stages(names)

    def is_harmless(text: str | None) -> bool:
        return text is None or not (_WITHHELD.search(text) or _masked(text, stages) != text)

    def keeps_entity(entity: Entity) -> bool:
        text = entity.text
        is_address = text is not None and _ADDRESS.search(text) is not None
        return entity.type != "PERSON" and not is_address and is_harmless(text)

    def keeps_phrase(phrase: KeyPhrase) -> bool:
        return is_harmless(phrase.text)

    return msgspec.structs.replace(
        answer,
        key_phrases=KeyPhrases(
            result_list=[
                KeyPhraseResult(
                    key_phrases=list(filter(keeps_phrase, each.key_phrases)), index=each.index
                )
                for each in answer.key_phrases.result_list
            ]
        ),
        entities=Entities(
            result_list=[
                EntityResult(entities=list(filter(keeps_entity, each.entities)), index=each.index)
                for each in answer.entities.result_list
            ]
        ),
    )


def masked_conversation(conversation: Conversation, names: Iterable[str] = ()) -> Conversation:
    """The conversation with its turns masked; words keep their times, a masked span is one word."""
    stages = _stages(names)
    turns = tuple(_masked_turn(turn, stages) for turn in conversation.turns)
    return msgspec.structs.replace(conversation, turns=turns)


def _stages(names: Iterable[str]) -> tuple[_Stage, ...]:
    given = frozenset(names)
    of_names = (_name_stage(given), _unspaced_stage(given)) if given else ()
    return (_emails, _ibans, _numbers, _spelled_numbers, *of_names)


def _masked(text: str, stages: Sequence[_Stage]) -> str:
    for stage in stages:
        if spans := list(stage(text)):
            text = _replaced(text, spans)
    return text


def _replaced(text: str, spans: Sequence[_Span]) -> str:
    pieces: list[str] = []
    end = 0
    for span in spans:
        pieces += (text[end : span.start], span.placeholder)
        end = span.end
    return "".join([*pieces, text[end:]])


def _masked_turn(turn: Turn, stages: Sequence[_Stage]) -> Turn:
    text, words = turn.text, turn.words
    for stage in stages:
        if spans := list(stage(text)):
            text, words = _replaced(text, spans), _moved(words, spans)
    return turn if text == turn.text else msgspec.structs.replace(turn, text=text, words=words)


def _moved(words: Sequence[Word], spans: Sequence[_Span]) -> tuple[Word, ...]:
    """The words where they are after replacing; those inside of a span become its first word."""
    moved: list[Word] = []
    shift = 0
    rest = iter(words)
    word = next(rest, None)
    for span in spans:
        while word is not None and word.offset < span.start:
            moved.append(Word(word.offset + shift, word.start_seconds, word.end_seconds))
            word = next(rest, None)
        inside: list[Word] = []
        while word is not None and word.offset < span.end:
            inside.append(word)
            word = next(rest, None)
        if inside:
            first, last = inside[0], inside[-1]
            moved.append(Word(span.start + shift, first.start_seconds, last.end_seconds))
        shift += len(span.placeholder) - (span.end - span.start)
    for late in itertools.chain([] if word is None else [word], rest):
        moved.append(Word(late.offset + shift, late.start_seconds, late.end_seconds))
    return tuple(moved)


def _masked_result(result: CriterionResult, stages: Sequence[_Stage]) -> CriterionResult:
    return msgspec.structs.replace(
        result,
        reason=None if result.reason is None else _masked(result.reason, stages),
        evidence=[
            msgspec.structs.replace(each, quote=_masked(each.quote, stages))
            for each in result.evidence
        ],
    )


def _masked_summary(summary: AiSummary | None, stages: Sequence[_Stage]) -> AiSummary | None:
    if summary is None:
        return None

    def masked(text: str | None) -> str | None:
        return None if text is None else _masked(text, stages)

    return msgspec.structs.replace(
        summary,
        issue=masked(summary.issue),
        resolution=masked(summary.resolution),
        outcome=masked(summary.outcome),
        sentiment_summary=masked(summary.sentiment_summary),
        action_items=[_masked(item, stages) for item in summary.action_items],
    )


# --- mail addresses -------------------------------------------------------------------------------

# Transcribe writes [NAME], Call Analytics and Contact Lens may write ***.
_WITHHELD = re.compile(r"\[[A-Z_]{2,40}\]|\*{3,}")
_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
_EMAIL = re.compile(
    rf"(?<!{_LOCAL}){_LOCAL}++@[\w-]++(?:\.[\w-]++)*+"
    # As it is dictated: "jane dot doe at example dot com".
    r"|(?<!\w)\w{1,40}(?:\s(?:dot|punkt|underscore|unterstrich|dash|hyphen|minus)\s\w{1,40}){0,5}"
    r"\s(?:at|ät)\s\w{1,60}(?:\s(?:dot|punkt)\s\w{1,20}){1,4}\b",
    re.IGNORECASE,
)


def _emails(text: str) -> Iterator[_Span]:
    for found in _EMAIL.finditer(text):
        yield _Span(found.start(), found.end(), EMAIL)


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


def _ibans(text: str) -> Iterator[_Span]:
    """Account numbers whose length and check digits are right (ISO 13616), in any grouping."""
    done = 0
    for found in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(found[1].upper())
        if length and found.start() >= done and (end := _end_of_iban(text, found.start(), length)):
            yield _Span(found.start(), end, IBAN)
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


def _numbers(text: str) -> Iterator[_Span]:
    for found in _NUMBERS.finditer(text):
        if found["kept"] is not None:
            continue
        digits = [int(character) for character in found[0] if character.isdecimal()]
        if len(digits) in _CARD_DIGITS and _is_card(digits):
            yield _Span(found.start(), found.end(), CARD)
        elif len(digits) >= FEWEST_DIGITS:
            yield _Span(found.start(), found.end(), NUMBER)


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


def _spelled_numbers(text: str) -> Iterator[_Span]:
    for found in _SPELLED.finditer(text):
        # Digits alone are dates, lists of small numbers, or what was masked before.
        if any(map(str.isalpha, found[0])):
            yield _Span(found.start(), found.end(), NUMBER)


# --- names ----------------------------------------------------------------------------------------

_WORD = re.compile(r"\[[A-Z_]{2,40}\]|(?:[^\W\d_]|[\u0300-\u036f])++")
# What may stand between the words of one name.
_BETWEEN = re.compile(r"[\s.'’‐‑-]{1,3}")  # noqa: RUF001
_FEWEST_LETTERS = 3


class _Wanted(NamedTuple):
    """A name, or a part of one, as folded words. `as_name` says that it must be written as one."""

    words: tuple[str, ...]
    as_name: bool


def _name_stage(names: Iterable[str]) -> _Stage:
    by_first: dict[str, set[_Wanted]] = {}
    for name in names:
        for wanted in _wanted(name):
            by_first.setdefault(wanted.words[0], set()).add(wanted)
    longest_first = {
        first: sorted(wanted, key=lambda each: -len(each.words))
        for first, wanted in by_first.items()
    }
    return lambda text: _names(text, longest_first)


def _wanted(name: str) -> Iterator[_Wanted]:
    """The whole name, and each part that says something by itself."""
    name = _WITHHELD.sub(" ", name)
    words = tuple(_fold(word) for word in _WORD.findall(name))
    for chunk in name.split():
        # O'Brien and Anna-Lena are also heard as one word.
        if len(joined := [_fold(word) for word in _WORD.findall(chunk)]) > 1:
            yield _Wanted(("".join(joined),), as_name=False)
    if len(words) > 1:
        yield _Wanted(words, as_name=all(word in PARTICLES for word in words))
    for word in words:
        is_short = len(word) < _FEWEST_LETTERS
        if word not in PARTICLES and (len(words) == 1 or not is_short) and len(word) > 1:
            # "will" and "mark" are words of every call; Will and Mark are names.
            yield _Wanted((word,), as_name=is_short or word in COMMON_NAMES)


# Scripts that are written without spaces, or with endings behind names (Korean).
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}"
)


def _unspaced_stage(names: Iterable[str]) -> _Stage:
    parts = {part for name in names for part in _UNSPACED.findall(name)}
    if not parts:
        return lambda _: ()
    pattern = re.compile("|".join(sorted(parts, key=lambda part: (-len(part), part))))
    return lambda text: (
        _Span(found.start(), found.end(), NAME) for found in pattern.finditer(text)
    )


def _names(text: str, by_first: dict[str, list[_Wanted]]) -> Iterator[_Span]:
    found = [match for match in _WORD.finditer(text) if not match[0].startswith("[")]
    folded = [_fold(match[0]) for match in found]
    position = 0
    while position < len(found):
        length = _length_of_name(text, found, folded, position, by_first)
        if length:
            last = found[position + length - 1]
            yield _Span(found[position].start(), last.end(), NAME)
        position += length or 1


def _length_of_name(
    text: str,
    found: Sequence[re.Match[str]],
    folded: Sequence[str],
    position: int,
    by_first: dict[str, list[_Wanted]],
) -> int:
    """How many words from here on are a name; 0 when they are not."""
    for first in _without_genitive(folded[position]):
        for wanted in by_first.get(first, ()):
            end = position + len(wanted.words)
            *middle, last = [first, *folded[position + 1 : end]]
            if (
                end <= len(found)
                and any((*middle, word) == wanted.words for word in _without_genitive(last))
                and not (wanted.as_name and found[position][0][0].islower())
                and _is_one(text, found[position:end])
            ):
                return len(wanted.words)
    return 0


def _is_one(text: str, words: Sequence[re.Match[str]]) -> bool:
    gaps = itertools.pairwise(words)
    return all(_BETWEEN.fullmatch(text, one.end(), other.start()) for one, other in gaps)


def _without_genitive(word: str) -> tuple[str, ...]:
    """The word, and what it is the genitive or plural of ("Alices", "Müllers")."""
    return (word, word[:-1]) if word.endswith("s") and len(word) > _FEWEST_LETTERS else (word,)


def _fold(word: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())


# --- addresses ------------------------------------------------------------------------------------

_ADDRESS = re.compile(
    r"\d\S{0,5}\s+(?:\S{1,40}\s+){0,4}(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd"
    r"|court|ct|square|place|close|crescent|terrace|way)\b"
    r"|\w{2,40}(?:str(?:aße|asse|\.)|weg|platz|allee|gasse|ring|damm|ufer)\s{0,3}\d"
    r"|\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b"
    r"|https?://|\bwww\.",
    re.IGNORECASE,
)
