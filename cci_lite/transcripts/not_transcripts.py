"""Recognises files that are given instead of a transcript, so that the error names what they are.

By what only they have: the first bytes of a file that is no JSON, or a field of one that is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

_JOB = "use the file that its TranscriptFileUri names"
_STREAMED = "saved streaming results; use the file that a transcription job wrote"
_CONTACT_LENS = "a Contact Lens analysis; use the file that a transcription job wrote"
_COMPREHEND = "an answer of Amazon Comprehend; use the file that a transcription job wrote"
_HEALTH = "a document of AWS HealthScribe; use the file that a transcription job wrote"
_EVENT = "an event; use the file that the transcription job wrote"

# By a field of the whole document; the first that is there decides.
_BY_FIELD = {
    "SpeechSegments": "the processed output that Post Call Analytics makes of a transcript; "
    "use the file that Transcribe wrote",
    "TranscriptionJob": f"an answer about a transcription job; {_JOB}",
    "CallAnalyticsJob": f"an answer about a Call Analytics job; {_JOB}",
    "MedicalTranscriptionJob": f"an answer about a medical job; {_JOB}",
    "MedicalScribeJob": f"an answer about a HealthScribe job; {_JOB}",
    "TranscriptionJobSummaries": "a list of transcription jobs; use the files that the jobs wrote",
    "CallAnalyticsJobSummaries": "a list of Call Analytics jobs; use the files that the jobs wrote",
    "detail-type": _EVENT,
    "Records": _EVENT,
    "AWSContactTraceRecordFormatVersion": "a contact record of Amazon Connect; "
    "use the file that a transcription job wrote",
    "ContactId": _CONTACT_LENS,
    "CustomerMetadata": _CONTACT_LENS,
    "Segments": _CONTACT_LENS,
    "TranscriptEvent": _STREAMED,
    "UtteranceEvent": _STREAMED,
    "CategoryEvent": _STREAMED,
    "TranscriptResultStream": _STREAMED,
    "CallAnalyticsTranscriptResultStream": _STREAMED,
    "Results": _STREAMED,
    "IsPartial": _STREAMED,
    "Conversation": _HEALTH,
    "ClinicalDocumentation": _HEALTH,
    "ResultList": _COMPREHEND,
    "SentimentScore": _COMPREHEND,
    "KeyPhrases": _COMPREHEND,
    "Entities": _COMPREHEND,
    "Languages": _COMPREHEND,
    "SyntaxTokens": _COMPREHEND,
    "Error": "an error answer of the service",
    "qa_evaluation": "a unified document, which is already evaluated",
    "schema_version": "a unified document, which is already evaluated",
    "criteria": "a form; store it with: cci-lite forms put",
}

_AUDIO = "an audio file; transcribe it first"
_AUDIO_STARTS = (
    b"RIFF",
    b"ID3",
    b"fLaC",
    b"OggS",
    b"#!AMR",
    b"\x1aE\xdf\xa3",
    b"\xff\xfb",
    b"\xff\xf3",
    b"\xff\xf2",
)
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF32_MARKS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")
_SUBTITLES = "subtitles; use the .json file that the same transcription job wrote"
_SUBRIP = re.compile(rb"\d+\s*\r?\n\d{2}:\d{2}:\d{2}[,.]\d{3} -->")
_S3_CODE = re.compile(rb"<Error>.{0,200}?<Code>([A-Za-z]{1,40})</Code>", re.DOTALL)
# This much of a file is enough to recognise it.
_HEAD = 1000


def describe_document(document: Mapping[str, msgspec.Raw]) -> str | None:
    """What a JSON document is, judged by its fields; None when it is not recognised."""
    transcript = document.get("Transcript")
    if transcript is not None and bytes(transcript).startswith(b"{"):
        return _STREAMED
    if transcript is not None and any(map(_is_contact_lens, _objects_in(transcript))):
        return _CONTACT_LENS
    return next((what for field, what in _BY_FIELD.items() if field in document), None)


def describe_list(data: bytes) -> str | None:
    """What a list of JSON documents is, judged by the first of them."""
    return next(filter(None, map(describe_document, _objects_in(data)[:1])), None)


def describe_bytes(data: bytes) -> str | None:
    """What a file that is no JSON in UTF-8 is; None when it is not recognised."""
    head = data[:_HEAD].lstrip()
    if not head:
        return "an empty file"
    if data.startswith(_AUDIO_STARTS) or data[4:8] == b"ftyp":
        return _AUDIO
    if data.startswith(_UTF32_MARKS):
        return "UTF-32 text; save as UTF-8"
    # Without a mark, every other byte of Western text is a zero.
    if data.startswith(_UTF16_MARKS) or (head[:1].isascii() and b"\0" in head[:2]):
        return "UTF-16 text; save as UTF-8"
    if data.startswith(b"\x1f\x8b"):
        return "a gzip file; name it .json.gz, or unpack it"
    if data.startswith(b"PK\x03\x04"):
        return "a zip archive; unpack it"
    if data.startswith(b"%PDF"):
        return "a PDF file"
    return _describe_text(head)


def _describe_text(head: bytes) -> str | None:
    if head.startswith(b"WEBVTT") or _SUBRIP.match(head):
        return _SUBTITLES
    if code := _S3_CODE.search(head):
        return f"an error answer of S3 ({code[1].decode()}); download the file again"
    lowered = head[:20].lower()
    if lowered.startswith((b"<!doctype html", b"<html")):
        return "an HTML page; download the file itself"
    if head.startswith(b"<"):
        return "an XML document"
    if _is_table(head):
        return "a table (CSV); give metadata with --metadata"
    return None


def _is_table(head: bytes) -> bool:
    first, second, *_ = [*head.splitlines(), b"", b""]
    separators = (b",", b";", b"\t")
    alike = any(0 < first.count(each) == second.count(each) for each in separators)
    return alike and not first.startswith((b"{", b"["))


def _is_contact_lens(segment: Mapping[str, msgspec.Raw]) -> bool:
    return "ParticipantId" in segment and "ParticipantRole" not in segment


def _objects_in(data: bytes | msgspec.Raw) -> list[dict[str, msgspec.Raw]]:
    """The elements of a list of objects; none when it is another value."""
    try:
        return msgspec.json.decode(data, type=list[dict[str, msgspec.Raw]])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
