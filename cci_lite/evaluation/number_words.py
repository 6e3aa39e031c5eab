"""Finding numbers that are said word by word."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from cci_lite.contract.languages import unspaced_class
from cci_lite.evaluation.phrases import has_far_script, heard, in_place, mark_class
from cci_lite.evaluation.spans import (
    FEWEST_DIGITS,
    FEWEST_GROUPS_OF_DICTATION,
    NUMBER,
    Span,
    Stage,
)
from cci_lite.evaluation.spoken import Spoken, spoken_in, words_of

FEWEST_NUMBER_WORDS = 5
# English people say these without meaning a number.
_EXCLAMATIONS = frozenset(("o", "oh"))
# Korean is written with blanks, but numerals follow each other without any.
_HANGUL = "\uac00-\ud7af"


class _Item(NamedTuple):
    """A number word, or digits, and where it stands. `word` is what is heard; empty for digits."""

    start: int
    end: int
    word: str


class _Vocabulary(NamedTuple):
    """The number words of some languages, and how they are found in a text."""

    words: frozenset[str]
    attached: tuple[str, ...]
    only_dictated: frozenset[str]
    hundreds: frozenset[str]
    item: re.Pattern[str]
    gap: re.Pattern[str]
    also: re.Pattern[str]


def number_word_stage(language_code: str | None) -> Stage:
    """Finds runs of FEWEST_NUMBER_WORDS number words, as they are said in calls of a language."""
    near = _vocabulary(language_code, is_far=False)

    def stage(text: str) -> Iterator[Span]:
        far = has_far_script(text)
        vocabulary = _vocabulary(language_code, is_far=True) if far else near
        for run in _runs(text, vocabulary):
            if _is_number(text, run, vocabulary):
                yield Span(run[0].start, run[-1].end, NUMBER)

    return stage


@lru_cache(maxsize=256)
def _vocabulary(language_code: str | None, *, is_far: bool) -> _Vocabulary:
    spoken = spoken_in(language_code)
    words = frozenset(itertools.chain.from_iterable(map(_words, spoken)))
    fillers = _any(each.fillers for each in spoken)
    also = _any(each.also for each in spoken)
    if is_far:
        numerals = [in_place(each) for each in words_of(*(each.numerals for each in spoken))]
        words |= set(numerals)
        unspaced, numeral = unspaced_class() + _HANGUL, f"{'|'.join(map(re.escape, numerals))}|"
        between = _any(each.between for each in spoken)
        marks = r"[\s,.\-–、,・]"  # noqa: RUF001
        gap = rf"(?:{marks}{{0,3}}+(?:{fillers}|{also}|{between})){{0,4}}{marks}{{0,3}}+"
    else:
        unspaced, numeral = "", ""
        marks = r"[\s,.\-–]"  # noqa: RUF001
        gap = rf"(?:{marks}{{1,3}}+(?:{fillers}|{also})(?!\w)){{0,4}}{marks}{{1,3}}+"
    letter = rf"[^\W\d_{unspaced}]"
    signs = mark_class()
    return _Vocabulary(
        words,
        tuple(each.attached for each in spoken if each.attached),
        _heard(each.only_dictated for each in spoken),
        _heard(each.hundreds for each in spoken),
        re.compile(
            rf"{numeral}(?<!\w)(?<!\])(?P<word>{letter}++(?:[{signs}]++{letter}*+)*+)(?![\d_'’\[])"  # noqa: RUF001
            # Not a part of a date, a time or a longer number.
            rf"|(?<!\d)(?<!\d[.,:/'-])\d{{1,19}}+(?![^\W{unspaced}]|\[|[.,:/'-]\d)",
            re.IGNORECASE,
        ),
        re.compile(gap, re.IGNORECASE),
        re.compile(rf"(?<!\w)(?:{also})(?!\w)", re.IGNORECASE),
    )


def _words(spoken: Spoken) -> Iterator[str]:
    pairs = itertools.product(spoken.first.split(), spoken.last.split())
    compounds = (f"{first}{spoken.joint}{last}" for first, last in pairs)
    return map(_key, itertools.chain(spoken.words.split(), compounds))


def _heard(lists: Iterable[str]) -> frozenset[str]:
    return frozenset(_key(word) for words in lists for word in words.split())


@lru_cache(maxsize=16384)
def _key(word: str) -> str:
    return word.lower() if word.isascii() else heard(word).replace(" ", "")


def _any(lists: Iterable[str]) -> str:
    return "|".join(map(re.escape, map(in_place, words_of(*lists))))


def _runs(text: str, vocabulary: _Vocabulary) -> Iterator[list[_Item]]:
    """Runs of at least FEWEST_NUMBER_WORDS number words that follow each other."""
    items = list(_items(text, vocabulary))
    run: list[_Item] = []
    for number, item in enumerate(items):
        if run and not _goes_on(text, items, number, vocabulary):
            yield from [run] if len(run) >= FEWEST_NUMBER_WORDS else []
            run = []
        run.append(item)
    yield from [run] if len(run) >= FEWEST_NUMBER_WORDS else []


def _goes_on(text: str, items: Sequence[_Item], number: int, vocabulary: _Vocabulary) -> bool:
    """Whether an item belongs to the one before: "two hundred and three hundred" are two."""
    before, item = items[number - 1], items[number]
    if not vocabulary.gap.fullmatch(text, before.end, item.start):
        return False
    after = items[number + 1].word if number + 1 < len(items) else ""
    is_at_hundred = not vocabulary.hundreds.isdisjoint((before.word, after))
    return not (is_at_hundred and vocabulary.also.search(text, before.end, item.start))


def _items(text: str, vocabulary: _Vocabulary) -> Iterator[_Item]:
    for found in vocabulary.item.finditer(text):
        if found["word"] is None:
            is_digits = found[0].isdecimal()
            yield _Item(found.start(), found.end(), "" if is_digits else found[0])
        elif _is_said(word := _key(found["word"]), vocabulary):
            yield _Item(found.start(), found.end(), word)


def _is_said(word: str, vocabulary: _Vocabulary) -> bool:
    return word in vocabulary.words or any(
        word.startswith(attached) and word[len(attached) :] in vocabulary.words
        for attached in vocabulary.attached
    )


def _is_number(text: str, run: Sequence[_Item], vocabulary: _Vocabulary) -> bool:
    """Whether this is one number, and no list of small ones."""
    words = {item.word for item in run if item.word}
    digits = sum(item.end - item.start for item in run if not item.word)
    # Digits alone are dates, lists of small numbers, or what was masked before.
    if not words or (words <= _EXCLAMATIONS and not digits):
        return False
    gaps = ((one.end, other.start) for one, other in itertools.pairwise(run))
    return (
        digits >= FEWEST_DIGITS
        or len(run) >= FEWEST_GROUPS_OF_DICTATION
        or not words.isdisjoint(vocabulary.only_dictated)
        or not all(_is_listing(text, start, end, vocabulary) for start, end in gaps)
    )


def _is_listing(text: str, start: int, end: int, vocabulary: _Vocabulary) -> bool:
    is_comma = any(mark in text[start:end] for mark in ",、")
    return is_comma or vocabulary.also.search(text, start, end) is not None
