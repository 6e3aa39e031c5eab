"""Finding dates of birth: a date near a word of birth, in figures or as it is said."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

from cci_lite.language.heard import in_place, mark_class
from cci_lite.masking.clues import any_phrase
from cci_lite.masking.number_words import is_number_word
from cci_lite.masking.spans import BIRTH, Span, Stage
from cci_lite.masking.word_lists import dates_and_places, word_set

# So far from the word of birth may its date begin, and so long may it be.
_REACH, _LONGEST = 40, 80
_FIGURES = re.compile(r"\d{1,4}(?:st|nd|rd|th)?", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,./-]{1,3}")
_FEWEST_NUMBERS = 3


class _Word(NamedTuple):
    start: int
    end: int
    kind: str


def birth_date_stage(language_code: str | None) -> Stage:
    """Finds dates of birth: a month and a number, or a day, a month and a year as numbers."""

    def stage(text: str) -> Iterator[Span]:
        done = 0
        for cue in _birth().finditer(text):
            for start, end in _dates_near(text, cue, language_code):
                if start >= done:
                    yield Span(start, end, BIRTH)
                    done = end

    return Stage(stage, any_phrase(_births()))


def _births() -> list[str]:
    return sorted(map(in_place, dates_and_places().dates.births), key=len, reverse=True)


@cache
def _birth() -> re.Pattern[str]:
    births = "|".join(map(re.escape, _births()))
    return re.compile(rf"(?<!\w)(?:{births})(?!\w)", re.IGNORECASE)


@cache
def _word() -> re.Pattern[str]:
    return re.compile(rf"[\[*]|[\w{mark_class()}]+")


def _dates_near(
    text: str, cue: re.Match[str], language_code: str | None
) -> Iterator[tuple[int, int]]:
    """The date that ends where the cue begins, for some cues, and the first soon behind it."""
    if cue[0].lower() in dates_and_places().dates.births_behind:
        before = max(0, cue.start() - _LONGEST)
        for start, end in _dates(text, before, cue.start(), language_code):
            if _BETWEEN.fullmatch(text, end, cue.start()):
                yield start, end
    behind = _dates(text, cue.end(), cue.end() + _REACH + _LONGEST, language_code)
    yield from (date for date in itertools.islice(behind, 1) if date[0] <= cue.end() + _REACH)


def _dates(
    text: str, first: int, last: int, language_code: str | None
) -> Iterator[tuple[int, int]]:
    """Where dates begin and end between two places; nothing is read behind what was masked."""
    run: list[_Word] = []
    for found in itertools.chain(_word().finditer(text, first, last), [None]):
        kind = _kind(found[0], language_code) if found else ""
        is_near = found and run and _BETWEEN.fullmatch(text, run[-1].end, found.start())
        if run and not (kind and is_near):
            yield from _date_of(run)
            run = []
        if found is None or found[0] in "[*":
            return
        if kind:
            run.append(_Word(found.start(), found.end(), kind))


def _date_of(run: list[_Word]) -> Iterator[tuple[int, int]]:
    said = [word for word in run if word.kind != "joint"]
    numbers = sum(word.kind == "number" for word in said)
    if numbers >= (_FEWEST_NUMBERS if numbers == len(said) else 1):
        yield said[0].start, said[-1].end


@lru_cache(maxsize=4096)
def _kind(word: str, language_code: str | None) -> str:
    dates = dates_and_places().dates
    folded = word.lower()
    if folded in word_set(dates.months):
        return "month"
    if folded in word_set(dates.joints):
        return "joint"
    is_number = _FIGURES.fullmatch(word) or folded in word_set(dates.ordinals)
    return "number" if is_number or is_number_word(word, language_code) else ""
