"""Finding numbers that are said word by word ("oh seven seven double oh").

Number words that follow each other make a part: "double oh, nine". Parts with one unknown short
word between them make a chain: a recogniser mishears ("nine won three"), people correct themselves
("three, sorry, eight"). A part or chain with enough number words is masked, unless it reads as a
list of small numbers ("one or two, three at most").
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cci_lite.masking.number_words import (
    FEWEST_KNOWN_WORDS,
    LENGTHENING,
    Vocabulary,
    key_of,
    number_clue,
    number_word,
    vocabulary_for,
)
from cci_lite.masking.spans import FEWEST_DIGITS, FEWEST_GROUPS_OF_DICTATION, NUMBER, Span, Stage

FEWEST_NUMBER_WORDS = 5
# English people say these without meaning a number.
_EXCLAMATIONS = frozenset(("o", "oh"))


class _Item(NamedTuple):
    """A number word, or digits, and where it stands. `word` is what is heard; empty for digits.

    What is not `known` is only spelled like a number word, or a stranger between digits.
    """

    start: int
    end: int
    word: str
    known: bool = True


def number_word_stage(language_code: str | None) -> Stage:
    """Finds runs of FEWEST_NUMBER_WORDS number words, as they are said in calls of a language."""

    def stage(text: str) -> Iterator[Span]:
        vocabulary = vocabulary_for(text, language_code)
        for run in _runs(text, vocabulary):
            if _is_number(text, run, vocabulary):
                yield Span(run[0].start, run[-1].end, NUMBER)

    return Stage(stage, number_clue(language_code))


def _runs(text: str, vocabulary: Vocabulary) -> Iterator[list[_Item]]:
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


def _parts(text: str, vocabulary: Vocabulary) -> Iterator[list[_Item]]:
    items = list(_items(text, vocabulary))
    part: list[_Item] = []
    for number, item in enumerate(items):
        if part and not _goes_on(text, items, number, vocabulary):
            yield part
            part = []
        part.append(item)
    yield from [part] if part else []


def _is_stranger_between(
    text: str, one: Sequence[_Item], other: Sequence[_Item], vocabulary: Vocabulary
) -> bool:
    """Whether one unknown short word stands between two parts that are said digit by digit."""
    if not all(item.word in vocabulary.digits for item in (*one, *other)):
        return False
    found = vocabulary.stranger.fullmatch(text, one[-1].end, other[0].start)
    return found is not None and key_of(found["stranger"]) not in vocabulary.apart


def _goes_on(text: str, items: Sequence[_Item], number: int, vocabulary: Vocabulary) -> bool:
    """Whether an item belongs to the one before: "two hundred and three hundred" are two."""
    before, item = items[number - 1], items[number]
    if not vocabulary.gap.fullmatch(text, before.end, item.start):
        return False
    after = items[number + 1].word if number + 1 < len(items) else ""
    is_at_hundred = not vocabulary.hundreds.isdisjoint((before.word, after))
    return not (is_at_hundred and vocabulary.also.search(text, before.end, item.start))


def _items(text: str, vocabulary: Vocabulary) -> Iterator[_Item]:
    for found in vocabulary.item.finditer(text):
        if found["word"] is None:
            is_digits = found[0].isdecimal()
            word = "" if is_digits else found[0].rstrip(LENGTHENING)
            yield _Item(found.start(), found.end(), word)
        elif said := number_word(found["word"], vocabulary.language_code):
            yield _Item(found.start(), found.end(), *said)


def _is_number(text: str, run: Sequence[_Item], vocabulary: Vocabulary) -> bool:
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


def _is_listing(text: str, start: int, end: int, vocabulary: Vocabulary) -> bool:
    between = text[start:end]
    is_comma = any(mark in between for mark in ",、")
    is_stranger = vocabulary.gap.fullmatch(text, start, end) is None
    return is_comma or is_stranger or vocabulary.also.search(text, start, end) is not None
