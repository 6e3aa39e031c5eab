"""Turns a transcript's items into words: each with its speaker's label, times and punctuation.

Punctuation has no times. It belongs to the word before it; where it opens what a speaker says, to
the word behind it. Punctuation without any word is no speech.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from cci_lite.errors import TranscriptError, describe_value
from cci_lite.transcripts.times import (
    MAX_SECONDS,
    SpokenWord,
    in_order,
    is_possible,
    last_second,
    number_in,
)
from cci_lite.transcripts.transcribe_output import (
    AnalyticsItem,
    AnalyticsSegment,
    AnalyticsTranscript,
    ChannelLabels,
    Item,
    Results,
    SpeakerItem,
    SpeakerLabels,
)

# What a vocabulary filter puts in place of a word; redaction puts a name in brackets.
_MASK = "***"

_Times = tuple[float, float]


def is_speech(text: str) -> bool:
    """Whether a text has a word in it, be it a masked one, and not only punctuation."""
    return any(map(str.isalnum, text)) or _MASK in text


@dataclass(frozen=True)
class Heard:
    """The words of a recording by their start.

    `labels` are those of all speakers of whom anything was transcribed, even only punctuation.
    """

    words: list[SpokenWord]
    labels: frozenset[str]


def batch_words(results: Results) -> Heard:
    """The words of a batch transcript; raises TranscriptError."""
    if results.channel_labels is None:
        labels = list(_speakers(results))
        streams = [_joined_pieces(map(_of_batch, results.items, labels))]
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


def analytics_segments(document: AnalyticsTranscript) -> list[list[SpokenWord]]:
    """The words of each segment of Call Analytics output that has any, in their order."""
    total = document.conversation_characteristics.total_conversation_duration_millis
    last = last_second(number_in(total) / 1000)
    heard = [_segment_words(segment, last) for segment in document.transcript]
    timed = (word.start_seconds for words in heard for word in words if word.timed)
    place = min(timed, default=0.0)
    segments: list[list[SpokenWord]] = []
    for words in heard:
        if ordered := in_order([words], otherwise=place):
            place = ordered[-1].start_seconds
            segments.append(ordered)
    return segments


class _Piece(msgspec.Struct, gc=False):
    """A word or a mark, whatever layout it comes from."""

    label: str | None
    is_mark: bool
    content: str
    confidence: float | None
    start: float
    end: float
    last: float = MAX_SECONDS


def _of_batch(item: Item, label: str | None) -> _Piece:
    spoken = item.alternatives[0]
    start, end = number_in(item.start_time), number_in(item.end_time)
    is_mark = item.type == "punctuation"
    return _Piece(label, is_mark, spoken.content, spoken.confidence, start, end)


def _segment_words(segment: AnalyticsSegment, last: float) -> list[SpokenWord]:
    label = segment.participant_role
    words = _joined_pieces(_of_analytics(item, label, last) for item in segment.items or ())
    if words or segment.content is None or not is_speech(segment.content):
        return words
    # Without items only the segment's own times are known: its text is taken as one word.
    start = number_in(segment.begin_offset_millis) / 1000
    end = number_in(segment.end_offset_millis) / 1000
    return _joined_pieces([_Piece(label, False, segment.content.strip(), None, start, end, last)])


def _of_analytics(item: AnalyticsItem, label: str, last: float) -> _Piece:
    start = number_in(item.begin_offset_millis) / 1000
    end = number_in(item.end_offset_millis) / 1000
    is_mark = item.type == "punctuation"
    return _Piece(label, is_mark, item.content, item.confidence, start, end, last)


def _joined_pieces(pieces: Iterable[_Piece]) -> list[SpokenWord]:
    words: list[SpokenWord] = []
    leading, whose = "", None
    for piece in pieces:
        if piece.is_mark and words and piece.label in (None, words[-1].label):
            words[-1].text += piece.content
            continue
        # Punctuation belongs to its own speaker; when another one speaks next, it is dropped.
        ahead = leading if whose in (None, piece.label) else ""
        if piece.is_mark:
            leading, whose = ahead + piece.content, piece.label
        elif text := ahead + piece.content:
            timed = is_possible(piece.start, piece.end, piece.last)
            words.append(
                SpokenWord(piece.label, piece.start, piece.end, text, piece.confidence, timed)
            )
            leading, whose = "", None
    return words


def _channel_words(results: Results, labels: ChannelLabels) -> Iterator[list[SpokenWord]]:
    if results.speaker_labels is not None:
        raise TranscriptError("results", "channel_labels or speaker_labels", "both")
    count = 0
    for number, channel in enumerate(labels.channels):
        path = f"results.channel_labels.channels[{number}]"
        for position, item in enumerate(channel.items):
            if item.channel_label not in (None, channel.channel_label) or item.speaker_label:
                raise _contradiction(f"{path}.items[{position}]", channel.channel_label, item)
        yield _joined_pieces(_of_batch(item, channel.channel_label) for item in channel.items)
        count += len(channel.items)
    # Transcribe lists every item twice, in `items` and by channel. A difference means that the file
    # was edited or cut.
    if count != len(results.items):
        raise TranscriptError(
            "results.channel_labels", f"the {len(results.items)} items of results.items", str(count)
        )


def _speakers(results: Results) -> Iterator[str | None]:
    """Who speaks each item: as the item says or, in outputs before 2022, as the segments say."""
    by_time = {} if results.speaker_labels is None else _speakers_by_time(results.speaker_labels)
    for position, item in enumerate(results.items):
        label = by_time.get(_times_of(item)) if by_time else None
        own = item.speaker_label
        if item.channel_label is not None:
            raise TranscriptError(
                f"results.items[{position}].channel_label", "results.channel_labels with it", "none"
            )
        if own and label and own != label:
            raise _contradiction(f"results.items[{position}]", label, item)
        yield own or label


def _speakers_by_time(labels: SpeakerLabels) -> dict[_Times | None, str | None]:
    speakers: dict[_Times | None, str | None] = {}
    for segment in labels.segments:
        for item in segment.items:
            label = item.speaker_label or segment.speaker_label
            if (key := _times_of(item)) is None:
                continue
            # Two speakers at exactly the same times: only the item itself can tell whose it is.
            speakers[key] = label if speakers.get(key, label) == label else None
    return speakers


def _times_of(item: Item | SpeakerItem) -> _Times | None:
    start, end = number_in(item.start_time), number_in(item.end_time)
    return None if math.isnan(start) or math.isnan(end) else (start, end)


def _contradiction(path: str, label: str | None, item: Item) -> TranscriptError:
    return TranscriptError(
        path,
        f"the label {describe_value(label)}, as the transcript's labels say",
        describe_value(item.channel_label or item.speaker_label),
    )
