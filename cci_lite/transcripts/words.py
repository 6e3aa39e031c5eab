"""From items to words: each with its speaker's label, its times and its punctuation.

Punctuation has no times. It belongs to the word before it; where it opens what a speaker says, to
the word behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

import msgspec

from cci_lite.errors import TranscriptError, describe_value
from cci_lite.transcripts.documents import (
    Alternative,
    AnalyticsItem,
    AnalyticsTranscript,
    ChannelLabels,
    Item,
    Results,
    SpeakerLabels,
)

_START = attrgetter("start_seconds")


class SpokenWord(msgspec.Struct, gc=False):
    """A word with its punctuation. `label` is None when the transcript does not say who speaks."""

    label: str | None
    start_seconds: float
    end_seconds: float
    text: str
    confidence: float | None


def batch_words(results: Results) -> list[SpokenWord]:
    """The words of a batch transcript in the order of their start; raises TranscriptError."""
    if results.channel_labels is None:
        words = _joined(results.items, _speakers(results), "results.items")
    else:
        words = _channel_words(results, results.channel_labels)
    text = results.transcripts[0].transcript if results.transcripts else ""
    if text.strip() and not results.items:
        raise TranscriptError("results.items", "the items of the transcript's words", "none")
    return sorted(words, key=_START)


def analytics_segments(document: AnalyticsTranscript) -> list[list[SpokenWord]]:
    """The words of each segment of Call Analytics output that has any; raises TranscriptError."""
    segments = []
    for number, segment in enumerate(document.transcript):
        items = [_as_item(item) for item in segment.items]
        labels = [segment.participant_role] * len(items)
        if words := _joined(items, labels, f"Transcript[{number}].Items"):
            segments.append(sorted(words, key=_START))
    return segments


def _as_item(item: AnalyticsItem) -> Item:
    start, end = item.begin_offset_millis, item.end_offset_millis
    return Item(
        type=item.type,
        alternatives=[Alternative(item.content, item.confidence)],
        start_time=None if start is None else start / 1000,
        end_time=None if end is None else end / 1000,
    )


def _joined(items: Sequence[Item], labels: Iterable[str | None], path: str) -> list[SpokenWord]:
    words: list[SpokenWord] = []
    leading = ""
    for position, (item, label) in enumerate(zip(items, labels, strict=True)):
        spoken = item.alternatives[0]
        if item.type == "punctuation":
            if words and label in (None, words[-1].label):
                words[-1].text += spoken.content
            else:
                leading += spoken.content
            continue
        start, end = item.start_time, item.end_time
        if start is None or end is None or end < start:
            found = "an end before the start" if start is not None and end is not None else "none"
            raise TranscriptError(f"{path}[{position}]", "a word with start and end times", found)
        words.append(SpokenWord(label, start, end, leading + spoken.content, spoken.confidence))
        leading = ""
    if leading and words:
        words[-1].text += leading
    elif leading:
        words.append(SpokenWord(None, 0.0, 0.0, leading, None))
    return words


def _channel_words(results: Results, labels: ChannelLabels) -> list[SpokenWord]:
    if results.speaker_labels is not None:
        raise TranscriptError("results", "channel_labels or speaker_labels", "both")
    words: list[SpokenWord] = []
    count = 0
    for number, channel in enumerate(labels.channels):
        path = f"results.channel_labels.channels[{number}]"
        for position, item in enumerate(channel.items):
            if item.channel_label not in (None, channel.channel_label) or item.speaker_label:
                raise _contradiction(f"{path}.items[{position}]", channel.channel_label, item)
        words += _joined(
            channel.items, [channel.channel_label] * len(channel.items), f"{path}.items"
        )
        count += len(channel.items)
    if count != len(results.items):
        raise TranscriptError(
            "results.channel_labels", f"the {len(results.items)} items of results.items", str(count)
        )
    return words


def _speakers(results: Results) -> Iterator[str | None]:
    """Who speaks each item: as the item says or, in outputs before 2022, as the segments say."""
    by_time = {} if results.speaker_labels is None else _speakers_by_time(results.speaker_labels)
    for position, item in enumerate(results.items):
        label = by_time.get((item.start_time, item.end_time))
        own = item.speaker_label
        if item.channel_label is not None:
            raise TranscriptError(
                f"results.items[{position}].channel_label", "results.channel_labels with it", "none"
            )
        if own and label and own != label:
            raise _contradiction(f"results.items[{position}]", label, item)
        yield own or label


def _speakers_by_time(labels: SpeakerLabels) -> dict[tuple[float | None, float | None], str | None]:
    speakers: dict[tuple[float | None, float | None], str | None] = {}
    for segment in labels.segments:
        for item in segment.items:
            label = item.speaker_label or segment.speaker_label
            key = (item.start_time, item.end_time)
            # Two speakers at exactly the same times: then only the item itself can say whose it is.
            speakers[key] = label if speakers.get(key, label) == label else None
    return speakers


def _contradiction(path: str, label: str | None, item: Item) -> TranscriptError:
    return TranscriptError(
        path,
        f"the label {describe_value(label)}, as the transcript's labels say",
        describe_value(item.channel_label or item.speaker_label),
    )
