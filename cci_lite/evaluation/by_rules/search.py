"""Finds the phrases or the pattern of a rule in what was said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from cci_lite.contract.conversation import Turn
from cci_lite.contract.form import Condition, Rule
from cci_lite.evaluation.by_rules.within import Stretch
from cci_lite.language.comparison import Comparison
from cci_lite.language.heard import (
    find_words,
    heard,
    heard_phrase,
    place_in,
    plain_pattern,
    plain_text,
    span_of_words,
)


@dataclass(frozen=True, slots=True)
class Hit:
    """Where in a turn it was found; `phrase` is None when a pattern found it."""

    turn: Turn
    start: int
    end: int
    phrase: str | None


@dataclass(frozen=True, slots=True)
class _Search:
    """What a rule or condition looks for, prepared for a language."""

    comparison: Comparison
    phrases: tuple[tuple[str, str], ...]
    pattern: Any


def first_hit(
    searched: Rule | Condition, stretches: Iterable[Stretch], comparison: Comparison
) -> Hit | None:
    """The first place where one of the phrases, or the pattern, is found."""
    search = _search_for(searched.phrases, searched.pattern, comparison)
    # RE2 needs linear time for any pattern, so a form cannot stall the calls of other tenants.
    find = _find_phrase if search.pattern is None else _find_pattern
    return next((hit for stretch in stretches if (hit := find(search, stretch))), None)


# Prepared once for all calls; the result depends on nothing but the arguments.
@lru_cache(maxsize=1024)
def _search_for(phrases: tuple[str, ...], pattern: str | None, comparison: Comparison) -> _Search:
    if pattern is None:
        ready = tuple((phrase, heard_phrase(phrase, comparison)) for phrase in phrases)
        return _Search(comparison, ready, None)
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        compiled = re2.compile(plain_pattern(pattern), options)
    except re2.error:
        # Made plain, a class can be left empty: it held only characters that plain text never has.
        compiled = re2.compile(pattern, options)
    return _Search(comparison, (), compiled)


def _find_phrase(search: _Search, stretch: Stretch) -> Hit | None:
    # A stretch begins at a word, so the text from there on has the same words as in the whole turn.
    text = stretch.turn.text[stretch.begin :]
    words = heard(text, search.comparison) if stretch.begin else stretch.text.heard
    hits = [
        (found, phrase)
        for phrase, needle in search.phrases
        if (found := find_words(words, needle, search.comparison))
    ]
    if not hits:
        return None
    found, phrase = min(hits, key=lambda hit: hit[0].first)
    start, end = span_of_words(text, *found, search.comparison)
    start, end = start + stretch.begin, end + stretch.begin
    return Hit(stretch.turn, start, end, phrase) if start < stretch.end else None


def _find_pattern(search: _Search, stretch: Stretch) -> Hit | None:
    text = stretch.turn.text
    if stretch.text.plain == text:
        match = search.pattern.search(text, stretch.begin)
        span = match and match.span()
    else:
        begin = len(plain_text(text[: stretch.begin]))
        match = search.pattern.search(stretch.text.plain, begin)
        span = match and _span_in(text, *match.span())
    if span is None or span[0] >= stretch.end:
        return None
    start, end = span
    return Hit(stretch.turn, start, end, None)


def _span_in(text: str, start: int, end: int) -> tuple[int, int]:
    """The span of the text that corresponds to `start` to `end` in its plain form."""
    first = place_in(text, start)
    return first, first if start == end else place_in(text, end - 1) + 1
