"""Finding names that are given in a text: those of services, and those that were introduced.

A name is found as whole words in any case, and so is each part of it that says something by itself.
Parts that are words of any call ("Will", "Mark") count only where they are capitalised.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from cci_lite.language.heard import heard, mark_class
from cci_lite.masking.introductions import HeardName
from cci_lite.masking.spans import NAME, WITHHELD, Find, Span
from cci_lite.masking.word_lists import introductions, word_set

# What may stand between the words of one name.
_BETWEEN = re.compile(r"[\s.'’‐‑-]{1,3}")  # noqa: RUF001
# What may stand between letters when somebody spells.
_BETWEEN_LETTERS = re.compile(r"[\s.,-]{1,3}")
# Shorter parts of names are words of any language: "Li", "Jo", "an".
_FEWEST_LETTERS = 3
# In Arabic "and", "for", "with" are written in one with the name: longer ones first.
_ARABIC_PREFIX = re.compile(r"[وف]?(?:بال|كال|لل|ال|[بلك])?(?=\w{2})")
# Scripts that are written without spaces, or with endings behind names (Korean).
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}"
)


@cache
def _word() -> re.Pattern[str]:
    return re.compile(rf"\[[A-Z_]{{2,40}}\]|(?:[^\W\d_]++|[{mark_class()}]++)++")


class _Wanted(NamedTuple):
    """A name, or a part of one, as folded words. `as_name` says that it must be written as one."""

    words: tuple[str, ...]
    as_name: bool


def names_in(names: Iterable[str]) -> Find:
    """Finds the names, and their parts, as whole words."""
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
    """The whole name, and each part that says something by itself; spelled ones, too."""
    particles = word_set(introductions().words.particles)
    common_names = word_set(introductions().words.common_names)
    is_heard = isinstance(name, HeardName)
    name = WITHHELD.sub(" ", name)
    words = tuple(_fold(word) for word in _word().findall(name))
    for chunk in name.split():
        # O'Brien and Anna-Lena are also heard as one word.
        if len(joined := [_fold(word) for word in _word().findall(chunk)]) > 1:
            yield _Wanted(("".join(joined),), as_name=is_heard)
    if len(words) > 1:
        yield _Wanted(words, as_name=all(word in particles for word in words))
    for word in words:
        is_short = len(word) < _FEWEST_LETTERS
        if word not in particles and (len(words) == 1 or not is_short) and len(word) > 1:
            # "will" and "mark" are words of every call; Will and Mark are names.
            yield _Wanted((word,), as_name=is_heard or is_short or word in common_names)
        if word not in particles and not is_short:
            yield _Wanted(tuple(word), as_name=False)


def unspaced_names_in(names: Iterable[str]) -> Find:
    """Finds names inside of what is written without spaces."""
    parts = {part for name in names for part in _UNSPACED.findall(name)}
    if not parts:
        return lambda _: ()
    pattern = re.compile("|".join(sorted(parts, key=lambda part: (-len(part), part))))
    return lambda text: (Span(found.start(), found.end(), NAME) for found in pattern.finditer(text))


def _names(text: str, by_first: dict[str, list[_Wanted]]) -> Iterator[Span]:
    found = [match for match in _word().finditer(text) if not match[0].startswith("[")]
    folded = [_fold(match[0]) for match in found]
    position = 0
    while position < len(found):
        length = _length_of_name(text, found, folded, position, by_first)
        if length:
            last = found[position + length - 1]
            yield Span(found[position].start(), last.end(), NAME)
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
    is_spelled = all(len(word[0]) == 1 for word in words)
    between = _BETWEEN_LETTERS if is_spelled else _BETWEEN
    gaps = itertools.pairwise(words)
    return all(between.fullmatch(text, one.end(), other.start()) for one, other in gaps)


def _without_genitive(word: str) -> tuple[str, ...]:
    """The word, and what it is the genitive or plural of ("Alices", "Müllers")."""
    if word.endswith("s") and len(word) > _FEWEST_LETTERS:
        return (word, word[:-1])
    prefix = None if word.isascii() else _ARABIC_PREFIX.match(word)
    if prefix and prefix.end():
        return (word, word[1:], word[prefix.end() :])
    return (word,)


@lru_cache(maxsize=16384)
def _fold(word: str) -> str:
    return heard(word).replace(" ", "")
