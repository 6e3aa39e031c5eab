"""Files that are no transcript are recognised, and the message says what to do."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from cci_lite.contract.tenant import Audio
from cci_lite.errors import TranscriptError
from cci_lite.transcripts import read_transcript

EXPECTED = "expected a transcript as Amazon Transcribe writes it, found "
CONTACT_LENS = "a Contact Lens analysis; use the file that a transcription job wrote"
STREAMED = "saved streaming results; use the file that a transcription job wrote"
COMPREHEND = "an answer of Amazon Comprehend; use the file that a transcription job wrote"
HEALTHSCRIBE = "a document of AWS HealthScribe; use the file that a transcription job wrote"
AUDIO = "an audio file; transcribe it first"
SUBTITLES = "subtitles; use the .json file that the same transcription job wrote"
JOB = "use the file that its TranscriptFileUri names"

_RESULT = {"ResultId": "r1", "IsPartial": False, "Alternatives": [{"Transcript": "Hello."}]}
_LENS_TURN = {"ParticipantId": "AGENT", "BeginOffsetMillis": 0, "Content": "Hello."}


def refusal(data: bytes) -> str:
    with pytest.raises(TranscriptError) as refused:
        read_transcript(data, Audio())
    message = str(refused.value)
    assert message.startswith(EXPECTED)
    return message.removeprefix(EXPECTED)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"JobStatus": "COMPLETED", "Transcript": [_LENS_TURN]}, CONTACT_LENS),
        ({"ContactId": "c", "Transcript": []}, CONTACT_LENS),
        ({"CustomerMetadata": {}, "JobStatus": "COMPLETED", "Transcript": []}, CONTACT_LENS),
        ({"Channel": "VOICE", "Segments": [{"Transcript": _LENS_TURN}]}, CONTACT_LENS),
        ({"Transcript": {"Results": [_RESULT]}}, STREAMED),
        ({"TranscriptEvent": {"Transcript": {"Results": [_RESULT]}}}, STREAMED),
        ({"Results": [_RESULT]}, STREAMED),
        ([{"TranscriptEvent": {"Transcript": {"Results": []}}}], STREAMED),
        ([{"UtteranceEvent": {"ParticipantRole": "AGENT"}}], STREAMED),
        (_RESULT, STREAMED),
        ({"TranscriptionJob": {"Transcript": {}}}, f"an answer about a transcription job; {JOB}"),
        ({"MedicalTranscriptionJob": {}}, f"an answer about a medical job; {JOB}"),
        ({"MedicalScribeJob": {}}, f"an answer about a HealthScribe job; {JOB}"),
        ({"Conversation": {"TranscriptSegments": []}}, HEALTHSCRIBE),
        ({"ClinicalDocumentation": {"Sections": []}}, HEALTHSCRIBE),
        (
            {"AWSContactTraceRecordFormatVersion": "2017-03-10", "ContactId": "c"},
            "a contact record of Amazon Connect; use the file that a transcription job wrote",
        ),
        ({"ResultList": [], "ErrorList": []}, COMPREHEND),
        ({"Sentiment": "MIXED", "SentimentScore": {"Mixed": 1}}, COMPREHEND),
        ({"KeyPhrases": []}, COMPREHEND),
        ({"Records": []}, "an event; use the file that the transcription job wrote"),
        ({"schema_version": "1.3"}, "a unified document, which is already evaluated"),
        ({"name": "x", "criteria": []}, "a form; store it with: cci-lite forms put"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)  # fmt: skip
def test_json_that_is_no_transcript_is_named(document: Any, found: str) -> None:
    assert refusal(json.dumps(document).encode()) == found


_JSON = '{"jobName": "x", "status": "COMPLETED", "results": {"items": []}}'


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b" \n", "an empty file"),
        (b"\xef\xbb\xbf", "an empty file"),
        (b'{"jobName": "x", "results": {"items": [', "JSON that is cut off or malformed"),
        (b"not json", "JSON that is cut off or malformed"),
        (b"Hello, how are you?\nFine, thanks, and you?\n", "JSON that is cut off or malformed"),
        (b"{,\n,", "JSON that is cut off or malformed"),
        (b'{"jobName": "\xff"}', "bytes that are not UTF-8"),
        (b'{"a": ' * 100_000, "nesting too deep to be read"),
        (b'{"status": "COMPLETED", "results": {"items": 5}, "size": 1e999}', "a number that is out of range"),
        (_JSON.encode("utf-16"), "UTF-16 text; save as UTF-8"),
        (_JSON.encode("utf-16-le"), "UTF-16 text; save as UTF-8"),
        (_JSON.encode("utf-16-be"), "UTF-16 text; save as UTF-8"),
        (_JSON.encode("utf-32"), "UTF-32 text; save as UTF-8"),
        (gzip.compress(_JSON.encode(), mtime=0), "a gzip file; name it .json.gz, or unpack it"),
        (b"PK\x03\x04\x14\x00", "a zip archive; unpack it"),
        (b"%PDF-1.7\n", "a PDF file"),
        (b"RIFF\x24\x08\x00\x00WAVEfmt ", AUDIO),
        (b"ID3\x04\x00\x00", AUDIO),
        (b"\xff\xfb\x90\x64", AUDIO),
        (b"fLaC\x00\x00\x00\x22", AUDIO),
        (b"OggS\x00\x02", AUDIO),
        (b"\x00\x00\x00\x20ftypM4A ", AUDIO),
        (b"WEBVTT\n\n1\n00:00:00.000 --> 00:00:02.000\nHello.\n", SUBTITLES),
        (b"1\r\n00:00:00,000 --> 00:00:02,000\r\nHello.\r\n", SUBTITLES),
        (
            b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>'
            b"<Message>Access Denied</Message></Error>",
            "an error answer of S3 (AccessDenied); download the file again",
        ),
        (b"<Error><Code>ExpiredToken</Code></Error>",
         "an error answer of S3 (ExpiredToken); download the file again"),
        (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>",
         "an HTML page; download the file itself"),
        (b'<?xml version="1.0"?><a/>', "an XML document"),
        (b"job_name,agent_id,queue\njob-a,a-1,\n", "a table (CSV); give metadata with --metadata"),
        (b"job_name;agent_id\r\njob-a;a-1\r\n", "a table (CSV); give metadata with --metadata"),
        (f"{_JSON}\n{_JSON}\n".encode(),
         "several JSON documents; name the file .jsonl, with one on each line"),
    ],
    ids=lambda value: repr(value[:24]),
)  # fmt: skip
def test_bytes_that_are_no_json_are_named(data: bytes, found: str) -> None:
    assert refusal(data) == found


def test_the_output_of_transcribe_medical_is_a_transcript_like_any_other() -> None:
    item = {
        "type": "pronunciation",
        "start_time": "0.0",
        "end_time": "0.5",
        "alternatives": [{"confidence": "0.99", "content": "Hello"}],
    }
    results = {"language_code": "en-US", "transcripts": [{"transcript": "Hello"}], "items": [item]}
    value = {"jobName": "m", "accountId": "0", "results": results, "status": "COMPLETED"}
    call = read_transcript(json.dumps(value).encode(), Audio())
    assert [turn.text for turn in call.turns] == ["Hello"]
