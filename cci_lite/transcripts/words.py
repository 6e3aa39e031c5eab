"""Turns a transcript's items into words: each with its speaker's label, times and punctuation.

Punctuation has no times. It belongs to the word before it; where it opens what a speaker says, to
the word behind it. Punctuation without any word is no speech.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

from cci_lite.errors import TranscriptError, describe_value
from cci_lite.transcripts.times import (
    MAX_SECONDS,
    SpokenWord,
    in_order,
    last_second,
)
from cci_lite.transcripts.transcribe_output import (
    AnalyticsItem,
    AnalyticsSegment,
    AnalyticsTranscript,
    ChannelLabels,
    Item,
    Results,
    SpeakerLabels,
)

# What a vocabulary filter puts in place of a word; redaction puts a name in brackets.
_MASK = "***"

# A word or a mark, whatever layout it comes from: the label of its speaker, whether it is a mark,
# what is written, the confidence, start and end.
_Piece = tuple[str | None, bool, str, float | None, float, float]


def is_speech(text: str) -> bool:
    """Whether a text has a word in it, be it a masked one, and not only punctuation."""
    # Nearly every word begins with a letter.
    return text[:1].isalnum() or any(map(str.isalnum, text)) or _MASK in text


@dataclass(frozen=True)
class Heard:
    """The words of a recording by their start.

    `labels` are those of all speakers of whom anything was transcribed, even only punctuation.
    """

    words: list[SpokenWord]
    labels: frozenset[str]


def batch_words(results: Results[float]) -> Heard:
    """The words of a batch transcript; raises TranscriptError."""
    if results.channel_labels is None:
        labels = list(_speakers(results))
        streams = [_joined_pieces(_pieces(results.items, labels))]
        heard = frozenset(label for label in labels if label is not None)
    else:
        streams = list(_channel_words(results, results.channel_labels))
        channels = results.channel_labels.channels
        heard = frozenset(channel.channel_label for channel in channels if channel.items)
    # Text without items would silently become a call in which nobody spoke.
    text = results.transcripts[0].transcript if results.transcripts else ""
    if text.strip() and not results.items:
        raise TranscriptError("results.items", "the items of the transcript's words", "none")
    return Heard(in_order(streams), heard)


def analytics_segments(document: AnalyticsTranscript[float]) -> list[list[SpokenWord]]:
    """The words of each segment of Call Analytics output that has any, in their order."""
    total = document.conversation_characteristics.total_conversation_duration_millis
    last = last_second(total / 1000)
    heard = [_segment_words(segment, last) for segment in document.transcript]
    timed = (word.start_seconds for words in heard for word in words if word.timed)
    place = min(timed, default=0.0)
    segments: list[list[SpokenWord]] = []
    for words in heard:
        if ordered := in_order([words], otherwise=place):
            place = ordered[-1].start_seconds
            segments.append(ordered)
    return segments


def _pieces(items: Iterable[Item[float]], labels: Iterable[str | None]) -> Iterator[_Piece]:
    for item, label in zip(items, labels, strict=False):
        spoken = item.alternatives[0]
        is_mark = item.type == "punctuation"
        yield label, is_mark, spoken.content, spoken.confidence, item.start_time, item.end_time


def _segment_words(segment: AnalyticsSegment[float], last: float) -> list[SpokenWord]:
    label = segment.participant_role
    words = _joined_pieces((_of_analytics(item, label) for item in segment.items or ()), last)
    if words or segment.content is None or not is_speech(segment.content):
        return words
    # Without items only the segment's own times are known: its text is taken as one word.
    start, end = segment.begin_offset_millis / 1000, segment.end_offset_millis / 1000
    return _joined_pieces([(label, False, segment.content.strip(), None, start, end)], last)


def _of_analytics(item: AnalyticsItem[float], label: str) -> _Piece:
    start, end = item.begin_offset_millis / 1000, item.end_offset_millis / 1000
    return label, item.type == "punctuation", item.content, item.confidence, start, end


def _joined_pieces(pieces: Iterable[_Piece], last: float = MAX_SECONDS) -> list[SpokenWord]:
    words: list[SpokenWord] = []
    leading, whose = "", None
    for label, is_mark, content, confidence, start, end in pieces:
        if is_mark and words and label in (None, words[-1].label):
            words[-1].text += content
            continue
        # Punctuation belongs to its own speaker; when another one speaks next, it is dropped.
        ahead = leading if whose in (None, label) else ""
        if is_mark:
            leading, whose = ahead + content, label
        elif text := ahead + content:
            # Can have been said then; false for NaN.
            timed = 0 <= start <= end <= last
            words.append(SpokenWord(label, start, end, text, confidence, timed))
            leading, whose = "", None
    return words


def _channel_words(
    results: Results[float], labels: ChannelLabels[float]
) -> Iterator[list[SpokenWord]]:
    if results.speaker_labels is not None:
        raise TranscriptError("results", "channel_labels or speaker_labels", "both")
    count = 0
    for number, channel in enumerate(labels.channels):
        own = channel.channel_label
        for position, item in enumerate(channel.items):
            if item.channel_label not in (None, own) or item.speaker_label:
                path = f"results.channel_labels.channels[{number}].items[{position}]"
                raise _contradiction(path, own, item)
        yield _joined_pieces(_pieces(channel.items, repeat(own)))
        count += len(channel.items)
    # Transcribe lists every item twice, in `items` and by channel. A difference means that the file
    # was edited or cut.
    if count != len(results.items):
        raise TranscriptError(
            "results.channel_labels", f"the {len(results.items)} items of results.items", str(count)
        )


def _speakers(results: Results[float]) -> Iterator[str | None]:
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


def _speakers_by_time(labels: SpeakerLabels[float]) -> dict[tuple[float, float], str | None]:
    speakers: dict[tuple[float, float], str | None] = {}
    for segment in labels.segments:
        for item in segment.items:
            label = item.speaker_label or segment.speaker_label
            key = item.start_time, item.end_time
            if math.isnan(item.start_time) or math.isnan(item.end_time):
                continue
            # Two speakers at exactly the same times: only the item itself can tell whose it is.
            speakers[key] = label if speakers.get(key, label) == label else None
    return speakers


def _contradiction(path: str, label: str | None, item: Item[float]) -> TranscriptError:
    return TranscriptError(
        path,
        f"the label {describe_value(label)}, as the transcript's labels say",
        describe_value(item.channel_label or item.speaker_label),
    )
