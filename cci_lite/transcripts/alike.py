"""Whether two channels carry the same speech: a recording of one track, written to both.

Who spoke on which is then not known, whatever the tenant says about its channels.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from cci_lite.transcripts.times import SpokenWord

# Of the channel with fewer words, as many must be on the other: what is quieter is heard worse.
SHARE_ALIKE = 0.8
# Fewer words can be said by both at once ("thank you, bye bye"), unless to the hundredth.
FEWEST_WORDS = 8
SECONDS_APART = 0.3
# As much later may one channel be as a whole.
MOST_DELAY = 5.0


def channels_alike(words: Iterable[SpokenWord]) -> bool:
    """Whether these are the words of two channels with (nearly) the same words and times."""
    by_label: dict[str | None, list[SpokenWord]] = defaultdict(list)
    for word in words:
        if _plain(word.text):
            by_label[word.label].append(word)
    if len(by_label) != 2:
        return False
    fewer, more = sorted(by_label.values(), key=len)
    if _written(fewer) == _written(more):
        return True
    return len(fewer) >= FEWEST_WORDS and _common(fewer, more) >= SHARE_ALIKE * len(fewer)


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _written(words: Iterable[SpokenWord]) -> list[tuple[str, float, float]]:
    return [(_plain(word.text), word.start_seconds, word.end_seconds) for word in words]


def _common(fewer: Sequence[SpokenWord], more: Sequence[SpokenWord]) -> int:
    """How many of the fewer words are on the other channel too, at the same time."""
    delay = _delay(fewer, more)
    starts: dict[str, list[float]] = defaultdict(list)
    for word in more:
        if word.timed:
            starts[_plain(word.text)].append(word.start_seconds)
    found = 0
    for word in fewer:
        there = starts[_plain(word.text)]
        near = [s for s in there if abs(s - word.start_seconds - delay) <= SECONDS_APART]
        if word.timed and near:
            there.remove(near[0])
            found += 1
    return found


def _delay(fewer: Sequence[SpokenWord], more: Sequence[SpokenWord]) -> float:
    """How much later the other channel is, by the words that are said once on each."""
    once, other = _said_once(fewer), _said_once(more)
    delays = [other[text] - start for text, start in once.items() if text in other]
    delay = median(delays) if delays else 0.0
    return delay if abs(delay) <= MOST_DELAY else 0.0


def _said_once(words: Sequence[SpokenWord]) -> dict[str, float]:
    times = Counter(_plain(word.text) for word in words)
    return {
        text: word.start_seconds
        for word in words
        if word.timed and times[text := _plain(word.text)] == 1
    }
