"""What Amazon Transcribe writes: batch output (2018 until today) and Call Analytics output.

Only the fields that turns are made from are declared; everything else is skipped while decoding.
`audio_segments` and the alternatives under `segments` repeat the items and are not read.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec

from cci_lite.contract.parsing import contract_error
from cci_lite.errors import TranscriptError, describe_value

T = TypeVar("T")

_BOM = b"\xef\xbb\xbf"
_EXPECTED = "a transcript as Amazon Transcribe writes it"
_COMPLETED = "COMPLETED"

# The bounds also keep out the text "nan", which a lenient reader takes for a number.
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e7)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=1e10)]
Confidence = Annotated[float, msgspec.Meta(ge=0, le=1)]
Kind = Literal["pronunciation", "punctuation"]


class _Part(msgspec.Struct, gc=False):
    """Part of a transcript."""


class Alternative(_Part):
    """What one item may have been; redacted ones carry no confidence."""

    content: str
    confidence: Confidence | None = None


class Item(_Part):
    """A word or a punctuation mark. Old outputs say only elsewhere who spoke it."""

    type: Kind
    alternatives: Annotated[list[Alternative], msgspec.Meta(min_length=1)]
    start_time: Seconds | None = None
    end_time: Seconds | None = None
    channel_label: str | None = None
    speaker_label: str | None = None


class Channel(_Part):
    """The items of one channel."""

    channel_label: str
    items: list[Item]


class ChannelLabels(_Part):
    """The items once more, by channel."""

    channels: list[Channel]


class SpeakerItem(_Part):
    """Who speaks between two times."""

    start_time: Seconds
    end_time: Seconds
    speaker_label: str | None = None


class SpeakerSegment(_Part):
    """An uninterrupted stretch of one speaker."""

    speaker_label: str
    items: list[SpeakerItem] = []


class SpeakerLabels(_Part):
    """Who speaks when."""

    segments: list[SpeakerSegment]


class FullText(_Part):
    """The whole transcript as text."""

    transcript: str


class Results(_Part):
    """The result of a batch job."""

    items: list[Item]
    transcripts: list[FullText] = []
    channel_labels: ChannelLabels | None = None
    speaker_labels: SpeakerLabels | None = None
    language_code: str | None = None


class BatchTranscript(_Part):
    """The output of a transcription job."""

    job_name: str = msgspec.field(name="jobName")
    results: Results
    is_redacted: bool = msgspec.field(name="isRedacted", default=False)


class AnalyticsItem(_Part, rename="pascal"):
    """A word or a punctuation mark in Call Analytics output."""

    type: Kind
    content: str
    confidence: Confidence | None = None
    begin_offset_millis: Milliseconds | None = None
    end_offset_millis: Milliseconds | None = None


class AnalyticsSegment(_Part, rename="pascal"):
    """A stretch of one participant in Call Analytics output."""

    participant_role: Literal["AGENT", "CUSTOMER"]
    items: list[AnalyticsItem]


class ContentMetadata(_Part, rename="pascal"):
    """Whether the output is the redacted one."""

    output: str | None = None


class Characteristics(_Part, rename="pascal"):
    """Measures of the whole call."""

    total_conversation_duration_millis: Milliseconds | None = None


class AnalyticsTranscript(_Part, rename="pascal"):
    """The output of a Call Analytics job."""

    job_name: str
    transcript: list[AnalyticsSegment]
    language_code: str | None = None
    content_metadata: ContentMetadata = msgspec.field(default_factory=ContentMetadata)
    conversation_characteristics: Characteristics = msgspec.field(default_factory=Characteristics)


_NOTHING = msgspec.Raw(b"null")


class _Outline(_Part):
    """The fields by which a document shows what it is, not yet decoded."""

    status: msgspec.Raw = _NOTHING
    job_status: msgspec.Raw = msgspec.field(name="JobStatus", default=_NOTHING)
    results: msgspec.Raw = _NOTHING
    transcript: msgspec.Raw = msgspec.field(name="Transcript", default=_NOTHING)


# What people hand in instead of a transcript, by a field that only it has.
_OTHERS = {
    "SpeechSegments": "the processed form that Post Call Analytics makes of a transcript; "
    "use the file that Transcribe wrote",
    "TranscriptionJob": "an answer about a transcription job; "
    "use the file that its TranscriptFileUri names",
    "CallAnalyticsJob": "an answer about a Call Analytics job; "
    "use the file that its TranscriptFileUri names",
    "TranscriptionJobSummaries": "a list of transcription jobs; use the files that the jobs wrote",
    "CallAnalyticsJobSummaries": "a list of Call Analytics jobs; use the files that the jobs wrote",
    "detail-type": "an event; use the file that the transcription job wrote",
    "Error": "an error answer of the service",
    "qa_evaluation": "a unified document, which is already evaluated",
}


def decode_transcript(data: bytes) -> BatchTranscript | AnalyticsTranscript:
    """The document in `data`; raises TranscriptError when it is no completed job's transcript."""
    text = data.removeprefix(_BOM)
    outline = _decode(text, _Outline)
    if outline.results != _NOTHING:
        _check_completed("status", outline.status)
        return _decode(text, BatchTranscript)
    if outline.transcript != _NOTHING:
        _check_completed("JobStatus", outline.job_status)
        return _decode(text, AnalyticsTranscript)
    raise TranscriptError("", _EXPECTED, _describe_document(_decode(text, dict[str, object])))


def _check_completed(path: str, raw: msgspec.Raw) -> None:
    status = _decode(raw, object)
    if status != _COMPLETED:
        raise TranscriptError(path, f"'{_COMPLETED}'", describe_value(status))


def _describe_document(document: dict[str, object]) -> str:
    for field, what in _OTHERS.items():
        if field in document:
            return what
    return f"{describe_value(document)}, neither 'results' nor 'Transcript' among them"


def _decode(text: bytes | msgspec.Raw, to: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=to, strict=False)
    except msgspec.ValidationError as problem:
        raise contract_error(problem, _decode(text, object), TranscriptError) from None
    except UnicodeDecodeError:
        raise TranscriptError("", _EXPECTED, "bytes that are not UTF-8") from None
    except RecursionError:
        raise TranscriptError("", _EXPECTED, "nesting too deep to be read") from None
    except msgspec.DecodeError:
        found = "JSON that is cut off or malformed" if bytes(text).strip() else "an empty file"
        raise TranscriptError("", _EXPECTED, found) from None
