"""Which words say a number, in calls of a language, however they are spelled."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from cci_lite.language.comparison import unspaced_class
from cci_lite.language.heard import has_far_script, heard, in_place, mark_class
from cci_lite.masking.word_lists import Spoken, any_of, spoken_in, words_of

# So many words of a number must be known, where others are spelled like one or strange.
FEWEST_KNOWN_WORDS = 3
_LONGEST_STRANGER = 8
_LONGEST_FAR_STRANGER = 5
_SHORTEST_ALIKE, _LONGEST_ALIKE = 3, 20
# Of shorter words too many are one letter apart.
_SHORTEST_MISSPELLED = 4
# Lengthens a vowel: ごー.
LENGTHENING = "ー"
_VOWELS = re.compile("[aeiouy\\u093a-\\u094c\\u0900-\\u0903]+")
_SILENT = re.compile("(?<=.)h|[\\u093c\\u094d]")
_REPEATED = re.compile(r"(.)\1+")
# Korean is written with blanks, but numerals follow each other without any.
_HANGUL = "\uac00-\ud7af"


class NumberWord(NamedTuple):
    """A word that says a number, as it is heard; not `known` when it is only spelled like one."""

    heard: str
    known: bool


class Vocabulary(NamedTuple):
    """The number words in calls of a language, and how they are found in a text.

    `digits` are said one by one. Behind an `apart` nothing strange belongs to a number.
    `outlines` and `misspelled` tell what is nearly one of `words`.
    """

    language_code: str | None
    words: frozenset[str]
    digits: frozenset[str]
    only_dictated: frozenset[str]
    hundreds: frozenset[str]
    apart: frozenset[str]
    attached: tuple[str, ...]
    outlines: frozenset[str]
    misspelled: frozenset[str]
    item: re.Pattern[str]
    gap: re.Pattern[str]
    stranger: re.Pattern[str]
    also: re.Pattern[str]

    def has(self, word: str) -> bool:
        """Whether this word says a number; it may be two that are written in one."""
        return word in self.words or any(
            all(part in self.words for part in filter(None, parts)) for parts in self._cut(word)
        )

    def is_alike(self, word: str) -> bool:
        """Whether this word is spelled nearly like one that says a number."""
        if not _SHORTEST_ALIKE <= len(word) <= _LONGEST_ALIKE or word in self.apart:
            return False
        is_misspelled = len(word) >= _SHORTEST_MISSPELLED and not self.misspelled.isdisjoint(
            _misspellings(word)
        )
        return is_misspelled or _outline(word) in self.outlines

    def _cut(self, word: str) -> Iterator[tuple[str, ...]]:
        """What a word may be made of: "and two" (Arabic), "two hundred and five" (German)."""
        for attached in self.attached:
            if word.startswith(attached):
                yield (word[len(attached) :],)
        for hundred in self.hundreds:
            if hundred in word:
                yield word.partition(hundred)


def vocabulary_for(text: str, language_code: str | None) -> Vocabulary:
    """The number words that count in a text, in calls of a language."""
    return _vocabulary(language_code, is_far=has_far_script(text))


def number_clue(language_code: str | None) -> str:
    """The clue that a text may have so many number words that it says a number: FEWEST_KNOWN_WORDS.

    It is for texts in ASCII; in others words can be spelled in many ways, and each may have some.
    """
    vocabulary = _vocabulary(language_code, is_far=False)
    words = "|".join(sorted(filter(str.isascii, vocabulary.words)))
    with_hundreds = "|".join(
        f"[a-z]*{each}[a-z]*" for each in vocabulary.hundreds if each.isascii()
    )
    number = rf"\b(?:\d+|{words}|{with_hundreds})\b"
    return rf"[^\x00-\x7f]|{number}(?:.*{number}){{{FEWEST_KNOWN_WORDS - 1}}}"


def is_number_word(word: str, language_code: str | None) -> bool:
    """Whether this word says a number, in calls of a language."""
    found = number_word(word, language_code)
    return found is not None and found.known


@lru_cache(maxsize=16384)
def number_word(word: str, language_code: str | None) -> NumberWord | None:
    """The number that this word says, or seems to say, in calls of a language."""
    # The words are the same in all texts; only how they are found differs.
    vocabulary, heard_word = _vocabulary(language_code, is_far=False), key_of(word)
    known = vocabulary.has(heard_word)
    return NumberWord(heard_word, known) if known or vocabulary.is_alike(heard_word) else None


@lru_cache(maxsize=16384)
def key_of(word: str) -> str:
    """A word as vocabularies have it."""
    return word.lower() if word.isascii() else heard(word).replace(" ", "")


@lru_cache(maxsize=256)
def _vocabulary(language_code: str | None, *, is_far: bool) -> Vocabulary:
    spoken = spoken_in(language_code)
    words = {word for each in spoken for word in _words(each)}
    numerals = [in_place(each) for each in words_of(*(each.numerals for each in spoken))]
    spelled_freely = (word for each in spoken if each.spelled_freely for word in _words(each))
    misspelled = (_misspellings(word) for word in words if len(word) >= _SHORTEST_MISSPELLED)
    return Vocabulary(
        language_code,
        frozenset(words),
        _keys(f"{each.digits} {each.only_dictated} {each.numerals}" for each in spoken),
        _keys(each.only_dictated for each in spoken),
        _keys(each.hundreds for each in spoken),
        _keys(each.apart for each in spoken),
        tuple(each.attached for each in spoken if each.attached),
        frozenset(map(_outline, spelled_freely)),
        frozenset(itertools.chain.from_iterable(misspelled)),
        *_expressions(spoken, numerals if is_far else []),
    )


def _expressions(spoken: tuple[Spoken, ...], numerals: list[str]) -> Iterator[re.Pattern[str]]:
    """How an item, a gap, a stranger and "and" are found; with numerals, without blanks, too."""
    fillers = any_of(*(each.fillers for each in spoken))
    also = any_of(*(each.also for each in spoken))
    if numerals:
        unspaced = unspaced_class() + _HANGUL
        numeral = rf"(?:{'|'.join(map(re.escape, numerals))}){LENGTHENING}*+|"
        between = any_of(*(each.between for each in spoken))
        marks = r"[\s,.\-–、,・]"  # noqa: RUF001
        gap = rf"(?:{marks}{{0,3}}+(?:{fillers}|{also}|{between})){{0,4}}{marks}{{0,3}}+"
    else:
        unspaced, numeral = "", ""
        marks = r"[\s,.\-–]"  # noqa: RUF001
        gap = rf"(?:{marks}{{1,3}}+(?:{fillers}|{also})(?!\w)){{0,4}}{marks}{{1,3}}+"
    letter, signs = rf"[^\W\d_{unspaced}]", mark_class()
    stranger = rf"(?<!\w)(?:{letter}[{signs}]{{0,2}}){{1,{_LONGEST_STRANGER}}}+(?!\w)"
    if numerals:
        far = rf"[{unspaced}]{{1,{_LONGEST_FAR_STRANGER}}}+"
        stranger += rf"|{any_of(*(each.ten for each in spoken))}|(?<={marks}){far}(?={marks})"
    item = (
        rf"{numeral}(?<!\w)(?<!\])(?P<word>{letter}++(?:[{signs}]++{letter}*+)*+)(?![\d_'’\[])"  # noqa: RUF001
        # Not a part of a date, a time or a longer number.
        rf"|(?<!\d)(?<!\d[.,:/'-])\d{{1,19}}+(?![^\W{unspaced}]|\[|[.,:/'-]\d)"
    )
    around = rf"{gap}(?P<stranger>{stranger}){gap}"
    for expression in (item, gap, around, rf"(?<!\w)(?:{also})(?!\w)"):
        yield re.compile(expression, re.IGNORECASE)


def _words(spoken: Spoken) -> Iterator[str]:
    pairs = itertools.product(spoken.first.split(), spoken.last.split())
    compounds = (f"{first}{spoken.joint}{last}" for first, last in pairs)
    return map(key_of, itertools.chain(spoken.digits.split(), spoken.words.split(), compounds))


def _keys(lists: Iterable[str]) -> frozenset[str]:
    return frozenset(key_of(word) for words in lists for word in words.split())


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
