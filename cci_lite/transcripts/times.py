"""When words were said: which times are believed, and where words without a time are placed.

A word with an impossible time is kept and its time is dropped, never replaced by a guess. The word
stays among its speaker's words where the transcript has it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import attrgetter

import msgspec

# The service takes no longer recordings (Transcribe quotas: media length; a longer one fails).
MAX_SECONDS = 4 * 3600.0
# The last word may end a little after the length that the transcript gives for the call.
_OVERRUN_SECONDS = 10.0
# A word this far from its speaker's neighbouring words has a wrong time.
_STRAY_SECONDS = 60.0
# With a larger share out of order, the list is unsorted and its times may well be right.
_MOST_STRAYS = 1 / 3

_START = attrgetter("start_seconds")


class SpokenWord(msgspec.Struct, gc=False):
    """A word with its punctuation. `label` is None when the transcript does not say who speaks.

    When it was said is not known unless it is `timed`; `start_seconds` is then only its place.
    """

    label: str | None
    start_seconds: float
    end_seconds: float
    text: str
    confidence: float | None
    timed: bool = True


def number_in(raw: msgspec.Raw) -> float:
    """The number in a raw JSON value, also when written as text; NaN for anything else."""
    value = bytes(raw)
    try:
        return float(msgspec.json.decode(value, type=str).encode() if value[:1] == b'"' else value)
    except (ValueError, msgspec.MsgspecError):
        return math.nan


def last_second(total: float) -> float:
    """The latest second at which a word can end, given the call's length (NaN when unknown)."""
    return min(total + _OVERRUN_SECONDS, MAX_SECONDS) if total > 0 else MAX_SECONDS


def in_order(
    streams: Iterable[Sequence[SpokenWord]], *, otherwise: float = 0.0
) -> list[SpokenWord]:
    """The words of all streams by their start; one without a time comes behind the word before it.

    When no time at all is believed, all words are placed at `otherwise`.
    """
    streams = list(streams)
    for stream in streams:
        starts = [word.start_seconds for word in stream if word.timed]
        # The usual case: nothing is out of order.
        if starts != sorted(starts):
            _disbelieve_strays(stream)
    words = list(chain(*streams))
    if not all(word.timed for word in words):
        timed = (word.start_seconds for word in words if word.timed)
        origin = min(timed, default=otherwise)
        for stream in streams:
            _place_untimed(stream, origin)
    return sorted(words, key=_START)


def _disbelieve_strays(stream: Iterable[SpokenWord]) -> None:
    by_label: dict[str | None, list[SpokenWord]] = defaultdict(list)
    for word in stream:
        if word.timed:
            by_label[word.label].append(word)
    for words in by_label.values():
        _disbelieve(words)


def _place_untimed(words: Sequence[SpokenWord], origin: float) -> None:
    """Put words without a time right behind the word before them, or ahead of the first."""
    place = next((word.start_seconds for word in words if word.timed), origin)
    for word in words:
        if word.timed:
            place = word.start_seconds
        else:
            word.start_seconds = word.end_seconds = place


def _disbelieve(words: Sequence[SpokenWord]) -> None:
    """Drop the time of single words that lies far from the times of their neighbours.

    Where many are out of order the list itself is unsorted: then all keep their times.
    """
    kept = set(run := _longest_run(words))
    strays = len(words) - len(kept)
    if strays > len(words) * _MOST_STRAYS:
        return
    around = words[run[0]]
    for index, word in enumerate(words):
        if index in kept:
            around = word
        elif abs(word.start_seconds - around.start_seconds) > _STRAY_SECONDS:
            word.timed = False


def _longest_run(words: Sequence[SpokenWord]) -> list[int]:
    """The positions of the longest run of words whose starts never decrease."""
    # Patience sorting: the last word of the best run of each length, and what it follows.
    tails: list[int] = []
    starts: list[float] = []
    before: list[int | None] = []
    for index, word in enumerate(words):
        length = bisect_right(starts, word.start_seconds)
        before.append(tails[length - 1] if length else None)
        tails[length : length + 1] = [index]
        starts[length : length + 1] = [word.start_seconds]
    run: list[int] = []
    last = tails[-1] if tails else None
    while last is not None:
        run.append(last)
        last = before[last]
    return run[::-1]
