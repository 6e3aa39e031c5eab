"""Whether two channels carry the same speech: a recording of one track, written to both.

Who spoke on which is then not known, whatever the tenant says about its channels.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from statistics import median
from typing import NamedTuple

from cci_lite.transcripts.times import SpokenWord

# This share of the words of the channel with fewer must be on the other one too. Not all of them:
# the quieter copy of a track is transcribed worse.
SHARE_ALIKE = 0.8
# Fewer words can be a coincidence ("thank you, bye bye"), unless they and all times are equal.
FEWEST_WORDS = 8
SECONDS_APART = 0.3
# One channel may lag behind the other by this many seconds.
MOST_DELAY = 5.0


class _Said(NamedTuple):
    """A word without its marks and case, and when it was said; the start is None when unknown."""

    text: str
    start: float | None
    end: float


def channels_alike(words: Iterable[SpokenWord]) -> bool:
    """Whether these are the words of two channels with (nearly) the same words and times."""
    by_label: dict[str | None, tuple[list[str], list[SpokenWord]]] = {}
    for word in words:
        if text := _plain(word.text):
            texts, spoken = by_label.setdefault(word.label, ([], []))
            texts.append(text)
            spoken.append(word)
    if len(by_label) != 2:
        return False
    channels = sorted(by_label.values(), key=lambda channel: len(channel[0]))
    (fewer_texts, _), (more_texts, _) = channels
    wanted = SHARE_ALIKE * len(fewer_texts)
    # Cheap tests before the expensive one: enough words in common, at whatever time.
    if sum(map(set(more_texts).__contains__, fewer_texts)) < wanted:
        return False
    counts = Counter(more_texts)
    if sum(min(n, counts[text]) for text, n in Counter(fewer_texts).items()) < wanted:
        return False
    fewer, more = (list(map(_said, *channel)) for channel in channels)
    # Equal to the last time: the same track twice, however short it is.
    return fewer == more or (len(fewer) >= FEWEST_WORDS and _at_once(fewer, more) >= wanted)


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _said(text: str, word: SpokenWord) -> _Said:
    return _Said(text, word.start_seconds if word.timed else None, word.end_seconds)


def _at_once(fewer: Sequence[_Said], more: Sequence[_Said]) -> int:
    """How many of the fewer words are on the other channel too, at the same time."""
    delay = _delay(fewer, more)
    starts: dict[str, list[float]] = defaultdict(list)
    for said in more:
        if said.start is not None:
            starts[said.text].append(said.start)
    found = 0
    for said in fewer:
        if said.start is not None:
            there = starts[said.text]
            expected = said.start + delay
            near = [start for start in there if abs(start - expected) <= SECONDS_APART]
            if near:
                there.remove(near[0])
                found += 1
    return found


def _delay(fewer: Sequence[_Said], more: Sequence[_Said]) -> float:
    """By how much the other channel lags behind, judged by words that occur once on each."""
    once, other = _said_once(fewer), _said_once(more)
    delays = [other[text] - start for text, start in once.items() if text in other]
    delay = median(delays) if delays else 0.0
    return delay if abs(delay) <= MOST_DELAY else 0.0


def _said_once(words: Sequence[_Said]) -> dict[str, float]:
    times = Counter(said.text for said in words)
    return {
        said.text: said.start for said in words if said.start is not None and times[said.text] == 1
    }
