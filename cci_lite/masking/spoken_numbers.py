"""Finding numbers that are said word by word."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from cci_lite.language.comparison import unspaced_class
from cci_lite.language.heard import has_far_script, heard, in_place, mark_class
from cci_lite.masking.spans import FEWEST_DIGITS, FEWEST_GROUPS_OF_DICTATION, NUMBER, Span, Stage
from cci_lite.masking.spoken import Spoken, spoken_in, words_of

FEWEST_NUMBER_WORDS = 5
# So many of them must be known words, where others are spelled like one or strange.
FEWEST_KNOWN_WORDS = 3
_LONGEST_STRANGER = 8
_LONGEST_FAR_STRANGER = 5
_SHORTEST_ALIKE, _LONGEST_ALIKE = 3, 20
# Of shorter words too many are one letter apart.
_SHORTEST_MISSPELLED = 4
# Lengthens a vowel: ごー.
_LENGTHENING = "ー"
_VOWELS = re.compile("[aeiouy\\u093a-\\u094c\\u0900-\\u0903]+")
_SILENT = re.compile("(?<=.)h|[\\u093c\\u094d]")
_REPEATED = re.compile(r"(.)\1+")
# English people say these without meaning a number.
_EXCLAMATIONS = frozenset(("o", "oh"))
# Korean is written with blanks, but numerals follow each other without any.
_HANGUL = "\uac00-\ud7af"


class _Item(NamedTuple):
    """A number word, or digits, and where it stands. `word` is what is heard; empty for digits.

    What is not `known` is only spelled like a number word, or a stranger between digits.
    """

    start: int
    end: int
    word: str
    known: bool = True


class _Vocabulary(NamedTuple):
    """The number words of some languages, and how they are found in a text."""

    words: frozenset[str]
    digits: frozenset[str]
    outlines: frozenset[str]
    misspelled: frozenset[str]
    apart: frozenset[str]
    attached: tuple[str, ...]
    only_dictated: frozenset[str]
    hundreds: frozenset[str]
    item: re.Pattern[str]
    gap: re.Pattern[str]
    stranger: re.Pattern[str]
    also: re.Pattern[str]


def number_word_stage(language_code: str | None) -> Stage:
    """Finds runs of FEWEST_NUMBER_WORDS number words, as they are said in calls of a language.

    Some may be spelled otherwise where spelling is free, and one strange word may stand between two
    digits: a recogniser mishears, people correct themselves.
    """
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
    digits = _heard(f"{each.digits} {each.only_dictated} {each.numerals}" for each in spoken)
    fillers = _any(each.fillers for each in spoken)
    also = _any(each.also for each in spoken)
    if is_far:
        numerals = [in_place(each) for each in words_of(*(each.numerals for each in spoken))]
        words |= set(numerals)
        unspaced, numeral = (
            unspaced_class() + _HANGUL,
            f"(?:{'|'.join(map(re.escape, numerals))}){_LENGTHENING}*+|",
        )
        between = _any(each.between for each in spoken)
        marks = r"[\s,.\-–、,・]"  # noqa: RUF001
        gap = rf"(?:{marks}{{0,3}}+(?:{fillers}|{also}|{between})){{0,4}}{marks}{{0,3}}+"
    else:
        unspaced, numeral = "", ""
        marks = r"[\s,.\-–]"  # noqa: RUF001
        gap = rf"(?:{marks}{{1,3}}+(?:{fillers}|{also})(?!\w)){{0,4}}{marks}{{1,3}}+"
    letter = rf"[^\W\d_{unspaced}]"
    signs = mark_class()
    stranger = rf"(?<!\w)(?:{letter}[{signs}]{{0,2}}){{1,{_LONGEST_STRANGER}}}+(?!\w)"
    if is_far:
        far = rf"[{unspaced}]{{1,{_LONGEST_FAR_STRANGER}}}+"
        stranger += rf"|{_any(each.ten for each in spoken)}|(?<={marks}){far}(?={marks})"
    return _Vocabulary(
        words,
        digits,
        frozenset(outline for each in spoken if each.spelled_freely for outline in _outlines(each)),
        frozenset(
            itertools.chain.from_iterable(
                map(_misspellings, (word for word in words if len(word) >= _SHORTEST_MISSPELLED))
            )
        ),
        _heard(each.apart for each in spoken),
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
        re.compile(rf"{gap}(?P<stranger>{stranger}){gap}", re.IGNORECASE),
        re.compile(rf"(?<!\w)(?:{also})(?!\w)", re.IGNORECASE),
    )


def _words(spoken: Spoken) -> Iterator[str]:
    pairs = itertools.product(spoken.first.split(), spoken.last.split())
    compounds = (f"{first}{spoken.joint}{last}" for first, last in pairs)
    listed = f"{spoken.digits} {spoken.words}".split()
    return map(_key, itertools.chain(listed, compounds))


def _outlines(spoken: Spoken) -> Iterator[str]:
    return map(_outline, _words(spoken))


def _misspellings(word: str) -> Iterator[str]:
    """What two words that differ by one letter have in common: one dropped, or one replaced."""
    yield word
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]
        yield f"{word[:place]}?{word[place + 1 :]}"


@lru_cache(maxsize=16384)
def _outline(word: str) -> str:
    """The consonants of a word and where its vowels are: one for all spellings of "saat"."""
    return _REPEATED.sub(r"\1", _VOWELS.sub("*", _SILENT.sub("", word)))


def _heard(lists: Iterable[str]) -> frozenset[str]:
    return frozenset(_key(word) for words in lists for word in words.split())


@lru_cache(maxsize=16384)
def _key(word: str) -> str:
    return word.lower() if word.isascii() else heard(word).replace(" ", "")


def _any(lists: Iterable[str]) -> str:
    return "|".join(map(re.escape, map(in_place, words_of(*lists))))


def _runs(text: str, vocabulary: _Vocabulary) -> Iterator[list[_Item]]:
    """Runs of number words that follow each other, and are enough for a number."""
    chain: list[list[_Item]] = []
    for part in _parts(text, vocabulary):
        if chain and not _is_stranger_between(text, chain[-1], part, vocabulary):
            yield from _of_chain(chain)
            chain = []
        chain.append(part)
    yield from _of_chain(chain)


def _of_chain(chain: Sequence[list[_Item]]) -> Iterator[list[_Item]]:
    """The parts of a chain as one number, if strangers are few in it; else each for itself."""
    run = [item for part in chain for item in part]
    is_one = len(chain) > 1 and 2 * (len(chain) - 1) < len(run)
    return filter(_is_enough, [run] if is_one and _is_enough(run) else chain)


def _is_enough(run: Sequence[_Item]) -> bool:
    known = sum(item.known for item in run)
    is_known = known >= FEWEST_KNOWN_WORDS and 2 * known > len(run)
    return len(run) >= FEWEST_NUMBER_WORDS and is_known


def _parts(text: str, vocabulary: _Vocabulary) -> Iterator[list[_Item]]:
    items = list(_items(text, vocabulary))
    part: list[_Item] = []
    for number, item in enumerate(items):
        if part and not _goes_on(text, items, number, vocabulary):
            yield part
            part = []
        part.append(item)
    yield from [part] if part else []


def _is_stranger_between(
    text: str, one: Sequence[_Item], other: Sequence[_Item], vocabulary: _Vocabulary
) -> bool:
    """Whether one unknown short word stands between two parts that are said digit by digit."""
    if not all(item.word in vocabulary.digits for item in (*one, *other)):
        return False
    found = vocabulary.stranger.fullmatch(text, one[-1].end, other[0].start)
    return found is not None and _key(found["stranger"]) not in vocabulary.apart


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
            word = "" if is_digits else found[0].rstrip(_LENGTHENING)
            yield _Item(found.start(), found.end(), word)
        elif _is_said(word := _key(found["word"]), vocabulary):
            yield _Item(found.start(), found.end(), word)
        elif _is_alike(word, vocabulary):
            yield _Item(found.start(), found.end(), word, known=False)


def _is_said(word: str, vocabulary: _Vocabulary) -> bool:
    return word in vocabulary.words or any(
        all(part in vocabulary.words for part in filter(None, parts))
        for parts in _cut(word, vocabulary)
    )


def _is_alike(word: str, vocabulary: _Vocabulary) -> bool:
    if not _SHORTEST_ALIKE <= len(word) <= _LONGEST_ALIKE or word in vocabulary.apart:
        return False
    is_misspelled = len(word) >= _SHORTEST_MISSPELLED and not vocabulary.misspelled.isdisjoint(
        _misspellings(word)
    )
    return is_misspelled or _outline(word) in vocabulary.outlines


def _cut(word: str, vocabulary: _Vocabulary) -> Iterator[tuple[str, ...]]:
    """What a word that is written in one may be made of: "and two", "two hundred and five"."""
    for attached in vocabulary.attached:
        if word.startswith(attached):
            yield (word[len(attached) :],)
    for hundred in vocabulary.hundreds:
        if hundred in word:
            yield word.partition(hundred)


def _is_number(text: str, run: Sequence[_Item], vocabulary: _Vocabulary) -> bool:
    """Whether this is one number, and no list of small ones."""
    words = {item.word for item in run if item.word}
    digits = sum(item.end - item.start for item in run if not item.word)
    # Digits alone are dates, lists of small numbers, or what was masked before.
    if not words or (words <= _EXCLAMATIONS and not digits):
        return False
    pairs = itertools.pairwise(run)
    gaps = ((one.end, other.start) for one, other in pairs if one.known and other.known)
    return (
        digits >= FEWEST_DIGITS
        or len(run) >= FEWEST_GROUPS_OF_DICTATION
        or not words.isdisjoint(vocabulary.only_dictated)
        or not all(_is_listing(text, start, end, vocabulary) for start, end in gaps)
    )


def _is_listing(text: str, start: int, end: int, vocabulary: _Vocabulary) -> bool:
    between = text[start:end]
    is_comma = any(mark in between for mark in ",、")
    is_stranger = vocabulary.gap.fullmatch(text, start, end) is None
    return is_comma or is_stranger or vocabulary.also.search(text, start, end) is not None
