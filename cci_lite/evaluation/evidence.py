"""Quotes what was said as evidence for a verdict: the sentence around it, and when it was said."""

from __future__ import annotations

import re
from functools import cache

from cci_lite.contract.conversation import Turn, Word
from cci_lite.contract.document import Evidence
from cci_lite.language.comparison import unspaced_class
from cci_lite.language.heard import is_mark

MAX_QUOTE = 200

# Chinese and Japanese marks end a sentence without a blank behind them.
_SENTENCE_END = re.compile(r"[.!?…।။។]['\")\]’”]*\s+|[。！？｡]['\")\]’”」』]*\s*")  # noqa: RUF001


def evidence_of(turn: Turn, start: int, end: int) -> Evidence:
    """The sentence around `turn.text[start:end]`, and when those words were said."""
    first, last = _spoken_at(turn, start), _spoken_at(turn, max(start, end - 1))
    return Evidence(
        quote=quote_around(turn.text, start, end),
        start_seconds=first.start_seconds,
        end_seconds=last.end_seconds,
        said_by=turn.role.value,
    )


def quote_around(text: str, start: int, end: int) -> str:
    """The sentence in `text` around `start` to `end`: a part of it, at most MAX_QUOTE characters.

    A longer sentence is cut between words, on both sides of what was found.
    """
    borders = [0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
    left = max(border for border in borders if border <= start)
    right = min(border for border in borders if border >= end)
    if right - left > MAX_QUOTE:
        left, right = _shortened(text, left, right, start, end)
    return text[left:right].strip()


def _spoken_at(turn: Turn, offset: int) -> Word | Turn:
    return next((word for word in reversed(turn.words) if word.offset <= offset), turn)


def _shortened(text: str, left: int, right: int, start: int, end: int) -> tuple[int, int]:
    # Widen to whole words first: a pattern may have matched a part of one.
    begins, ends = _borders(text, left, right)
    start = max((begin for begin in begins if begin <= start), default=left)
    end = min((place for place in ends if place >= end), default=right)
    room = max(0, MAX_QUOTE - (end - start))
    low = max(left, min(start - room // 2, right - MAX_QUOTE))
    high = min(right, low + MAX_QUOTE)
    if low > left:
        low = next((begin for begin in begins if low <= begin <= start), start)
    if high < right:
        floor = end if end <= high else low + 1
        high = max((place for place in ends if floor <= place <= high), default=high)
    return low, high


def _borders(text: str, left: int, right: int) -> tuple[list[int], list[int]]:
    """Where words begin and where they end; in scripts without blanks, characters."""
    spans = [word.span() for word in _word().finditer(text, left, right)]
    begins = [begin for begin, _ in spans if not is_mark(text[begin])]
    ends = [end for _, end in spans if end == right or not is_mark(text[end])]
    return begins, ends


@cache
def _word() -> re.Pattern[str]:
    unspaced = unspaced_class()
    return re.compile(rf"[{unspaced}]|[^\s{unspaced}]+")
