"""The files that Amazon Transcribe writes, as types: batch output (since 2018) and Call Analytics.

Call Analytics writes the same kind of file after a call that it transcribed in real time.

Only the fields that turns are made from are declared; everything else is skipped while decoding.
`audio_segments` and the alternatives under `segments` repeat the items and are not read.
"""

from __future__ import annotations

import codecs
import math
from typing import Annotated, Any, Generic, Literal, TypeVar, cast

import msgspec

from cci_lite.contract.parsing import contract_error, is_not_utf8
from cci_lite.errors import TranscriptError, describe_value
from cci_lite.transcripts.not_transcripts import describe_bytes, describe_document, describe_list
from cci_lite.transcripts.times import number_in

T = TypeVar("T")
# A time is a number, also where it is written as text; undecoded where one of them is no number.
Time = TypeVar("Time")

_EXPECTED = "a transcript as Amazon Transcribe writes it"
_COMPLETED = "COMPLETED"

_NOTHING = msgspec.Raw(b"null")
_UNKNOWN: Any = math.nan

Confidence = Annotated[float, msgspec.Meta(ge=0, le=1)]
Kind = Literal["pronunciation", "punctuation"]


# A long call has tens of thousands of items. They cannot form cycles, so that the garbage
# collector need not look at them (msgspec, "Disabling Garbage Collection").
class _Part(msgspec.Struct, gc=False):
    """Part of a transcript."""


class Alternative(_Part):
    """What one item may have been; redacted ones carry no confidence."""

    content: str
    confidence: Confidence | None = None


class Item(_Part, Generic[Time]):
    """A word or a punctuation mark. Before 2022 only `speaker_labels` said who spoke it."""

    type: Kind
    alternatives: Annotated[list[Alternative], msgspec.Meta(min_length=1)]
    start_time: Time = _UNKNOWN
    end_time: Time = _UNKNOWN
    language_code: str | None = None
    channel_label: str | None = None
    speaker_label: str | None = None


class Channel(_Part, Generic[Time]):
    """The items of one channel."""

    channel_label: str
    items: list[Item[Time]]


class ChannelLabels(_Part, Generic[Time]):
    """The items once more, by channel."""

    channels: list[Channel[Time]]


class SpeakerItem(_Part, Generic[Time]):
    """Who speaks between two times."""

    start_time: Time = _UNKNOWN
    end_time: Time = _UNKNOWN
    speaker_label: str | None = None


class SpeakerSegment(_Part, Generic[Time]):
    """An uninterrupted stretch of one speaker."""

    speaker_label: str
    items: list[SpeakerItem[Time]] = []


class SpeakerLabels(_Part, Generic[Time]):
    """Who speaks when."""

    segments: list[SpeakerSegment[Time]]


class FullText(_Part):
    """The whole transcript as text."""

    transcript: str


class LanguageShare(_Part, Generic[Time]):
    """One of several languages of a call, and for how long it was spoken."""

    language_code: str
    duration_in_seconds: Time = _UNKNOWN


class Results(_Part, Generic[Time]):
    """The result of a batch job."""

    items: list[Item[Time]]
    transcripts: list[FullText] = []
    channel_labels: ChannelLabels[Time] | None = None
    speaker_labels: SpeakerLabels[Time] | None = None
    language_code: str | None = None
    language_codes: list[LanguageShare[Time]] = []


class BatchTranscript(_Part, Generic[Time]):
    """The output of a transcription job."""

    job_name: str = msgspec.field(name="jobName")
    results: Results[Time]
    status: Literal["COMPLETED"]
    is_redacted: bool = msgspec.field(name="isRedacted", default=False)


class AnalyticsItem(_Part, Generic[Time], rename="pascal"):
    """A word or a punctuation mark in Call Analytics output."""

    type: Kind
    content: str
    confidence: Confidence | None = None
    begin_offset_millis: Time = _UNKNOWN
    end_offset_millis: Time = _UNKNOWN


class AnalyticsSegment(_Part, Generic[Time], rename="pascal"):
    """A stretch of one participant in Call Analytics output.

    After a call that was transcribed in real time there may be no items, only the text.
    """

    participant_role: Literal["AGENT", "CUSTOMER"]
    items: list[AnalyticsItem[Time]] | None = None
    content: str | None = None
    begin_offset_millis: Time = _UNKNOWN
    end_offset_millis: Time = _UNKNOWN


class ContentMetadata(_Part, rename="pascal"):
    """Whether the output is the redacted one."""

    output: str | None = None


class Characteristics(_Part, Generic[Time], rename="pascal"):
    """Measures of the whole call."""

    total_conversation_duration_millis: Time = _UNKNOWN


class AnalyticsLanguageShare(_Part, Generic[Time], rename="pascal"):
    """One of several languages of a call, and for how long it was spoken."""

    language_code: str
    duration_in_seconds: Time = _UNKNOWN


class AnalyticsTranscript(_Part, Generic[Time], rename="pascal"):
    """The output of Call Analytics: of a job, or of a session after it."""

    transcript: list[AnalyticsSegment[Time]]
    job_name: str | None = None
    session_id: str | None = None
    language_code: str | None = None
    language_codes: list[AnalyticsLanguageShare[Time]] = []
    content_metadata: ContentMetadata = msgspec.field(default_factory=ContentMetadata)
    conversation_characteristics: Characteristics[Time] = msgspec.field(
        default_factory=Characteristics
    )


class _Outline(_Part):
    """The fields by which a document shows what it is, not yet decoded."""

    status: msgspec.Raw = _NOTHING
    job_status: msgspec.Raw = msgspec.field(name="JobStatus", default=_NOTHING)
    results: msgspec.Raw = _NOTHING
    transcript: msgspec.Raw = msgspec.field(name="Transcript", default=_NOTHING)


def decode_transcript(data: bytes) -> BatchTranscript[float] | AnalyticsTranscript[float]:
    """The document in `data`; raises TranscriptError unless it is a completed job's transcript.

    What is no number in the place of a time is NaN.
    """
    text = data.removeprefix(codecs.BOM_UTF8)
    # Nearly all files are this, and all of a file is read to see what it is.
    if batch := _exactly(text, BatchTranscript[float]):
        return batch
    outline = _outline(text)
    # Decided by the fields that only one kind of output has, before anything else is decoded: a
    # transcript can have megabytes, and the wrong type would give a misleading error.
    if outline.results != _NOTHING:
        _check_completed("status", outline.status)
        return _with_any_times(text, BatchTranscript[float], BatchTranscript[msgspec.Raw])
    fields = _decode(text, dict[str, msgspec.Raw])
    if other := describe_document(fields):
        raise TranscriptError("", _EXPECTED, other)
    if outline.transcript == _NOTHING:
        found = describe_value(_decode(text, object))
        raise TranscriptError(
            "", _EXPECTED, f"{found}, neither 'results' nor 'Transcript' among them"
        )
    _check_completed("JobStatus", outline.job_status)
    document = _with_any_times(text, AnalyticsTranscript[float], AnalyticsTranscript[msgspec.Raw])
    if not (document.job_name or document.session_id):
        raise TranscriptError("", "the field JobName or SessionId", "neither")
    return document


def _exactly(text: bytes, to: type[T]) -> T | None:
    """The document, unless one of its times is no number, or something else is wrong with it."""
    try:
        return msgspec.json.decode(text, type=to, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _with_any_times(text: bytes, to: type[T], undecoded: type[Any]) -> T:
    """The document, whatever its times are: one that is impossible must not make it unreadable."""
    if (document := _exactly(text, to)) is None:
        document = cast("T", _decode(text, undecoded))
        _number_times(document)
    return document


def _number_times(part: object) -> None:
    """Decode each time in a part of a document."""
    if isinstance(part, list):
        for each in part:
            _number_times(each)
    elif isinstance(part, _Part):
        for name in part.__struct_fields__:
            value = getattr(part, name)
            if isinstance(value, msgspec.Raw):
                setattr(part, name, number_in(value))
            else:
                _number_times(value)


def _outline(text: bytes) -> _Outline:
    """The fields by which a document is recognised; a list is recognised by its first element."""
    try:
        return _decode(text, _Outline)
    except TranscriptError:
        if other := describe_list(text):
            raise TranscriptError("", _EXPECTED, other) from None
        raise


def _check_completed(path: str, raw: msgspec.Raw) -> None:
    status = _decode(raw, object)
    if status != _COMPLETED:
        raise TranscriptError(path, f"'{_COMPLETED}'", describe_value(status))


def _decode(text: bytes | msgspec.Raw, to: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=to, strict=False)
    except msgspec.ValidationError as problem:
        if to is object:
            # Whatever it stands for: msgspec takes any other value.
            raise TranscriptError("", _EXPECTED, "a number that is out of range") from None
        raise contract_error(problem, _decode(text, object), TranscriptError) from None
    except RecursionError:
        raise TranscriptError("", _EXPECTED, "nesting too deep to be read") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise TranscriptError("", _EXPECTED, _describe_broken(bytes(text), problem)) from None


def _describe_broken(data: bytes, problem: Exception) -> str:
    if other := describe_bytes(data):
        return other
    if is_not_utf8(problem):
        return "bytes that are not UTF-8"
    if "trailing" in str(problem):
        return "several JSON documents; name the file .jsonl, with one on each line"
    return "JSON that is cut off or malformed"
