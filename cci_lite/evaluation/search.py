"""Finding what a rule looks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from cci_lite.contract.conversation import Turn
from cci_lite.contract.template import Condition, Rule
from cci_lite.evaluation.phrases import heard, heard_phrase, span_of_words
from cci_lite.evaluation.scope import Stretch


@dataclass(frozen=True, slots=True)
class Hit:
    """Where in a turn it was found; `phrase` is None when a pattern found it."""

    turn: Turn
    start: int
    end: int
    phrase: str | None


@dataclass(frozen=True, slots=True)
class _Search:
    """What a rule or condition looks for, made ready."""

    phrases: tuple[tuple[str, str], ...]
    pattern: Any


def first_hit(searched: Rule | Condition, stretches: Iterable[Stretch]) -> Hit | None:
    """The first place where one of the phrases, or the pattern, is found."""
    search = _search_for(searched.phrases, searched.pattern)
    find = _find_phrase if search.pattern is None else _find_pattern
    return next((hit for stretch in stretches if (hit := find(search, stretch))), None)


# A form is made ready once for all calls. The result depends on nothing but the arguments.
@lru_cache(maxsize=1024)
def _search_for(phrases: tuple[str, ...], pattern: str | None) -> _Search:
    if pattern is None:
        return _Search(tuple((phrase, heard_phrase(phrase)) for phrase in phrases), None)
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    return _Search((), re2.compile(pattern, options))


def _find_phrase(search: _Search, stretch: Stretch) -> Hit | None:
    # A stretch begins at a word, so that what is heard from there on is heard alike.
    text = stretch.turn.text[stretch.begin :]
    words = heard(text) if stretch.begin else stretch.heard
    found = [
        (place, phrase, needle)
        for phrase, needle in search.phrases
        if (place := words.find(needle)) >= 0
    ]
    if not found:
        return None
    place, phrase, needle = min(found, key=lambda hit: hit[0])
    first = words.count(" ", 0, place + 1) - 1
    start, end = span_of_words(text, first, needle.count(" ") - 1)
    start, end = start + stretch.begin, end + stretch.begin
    return Hit(stretch.turn, start, end, phrase) if start < stretch.end else None


def _find_pattern(search: _Search, stretch: Stretch) -> Hit | None:
    match = search.pattern.search(stretch.turn.text, stretch.begin)
    if match is None or match.start() >= stretch.end:
        return None
    return Hit(stretch.turn, match.start(), match.end(), None)
