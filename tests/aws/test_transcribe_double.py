"""The double of Transcribe does what the service is documented and recorded to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError, ParamValidationError

from cci_lite.testing.transcribe import TranscribeDouble

from .conftest import OUTPUT_BUCKET

MEDIA = "work/acme/media/one.wav"


def transcript(request: Mapping[str, Any]) -> bytes:
    return b"redacted" if "ContentRedaction" in request else b"plain"


@pytest.fixture
def double(s3: Any) -> TranscribeDouble:
    s3.put_object(Bucket=OUTPUT_BUCKET, Key=MEDIA, Body=b"RIFF")
    return TranscribeDouble(s3, transcript)


def request(name: str = "one", **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "TranscriptionJobName": name,
        "LanguageCode": "en-US",
        "Media": {"MediaFileUri": f"s3://{OUTPUT_BUCKET}/{MEDIA}"},
        "OutputBucketName": OUTPUT_BUCKET,
    }
    return fields | changes


def redaction(output: str) -> dict[str, str]:
    return {"RedactionType": "PII", "RedactionOutput": output}


def status(double: TranscribeDouble, name: str) -> str:
    job = double.get_transcription_job(TranscriptionJobName=name)["TranscriptionJob"]
    told: str = job["TranscriptionJobStatus"]
    return told


@pytest.mark.parametrize(
    ("output_key", "key"),
    [
        pytest.param(None, "one.json", id="none"),
        pytest.param("my-transcript.json", "my-transcript.json", id="a file"),
        pytest.param("my-transcript", "my-transcript/one.json", id="a folder"),
        pytest.param("files/my-transcript.json", "files/my-transcript.json", id="a file below"),
        pytest.param("files/my-transcript", "files/my-transcript/one.json", id="a folder below"),
        pytest.param("files/", "files/one.json", id="a folder with its slash"),
    ],
)
@pytest.mark.parametrize("redacted", [False, True], ids=["plain", "redacted"])
def test_transcripts_lie_where_the_services_documentation_says(
    s3: Any, double: TranscribeDouble, output_key: str | None, key: str, redacted: bool
) -> None:
    changes: dict[str, Any] = {} if output_key is None else {"OutputKey": output_key}
    if redacted:
        changes["ContentRedaction"] = redaction("redacted")
        folder, slash, name = key.rpartition("/")
        key = f"{folder}{slash}redacted-{name}"
    double.start_transcription_job(**request(**changes))
    double.finish("one")
    keys = {found["Key"] for found in s3.list_objects_v2(Bucket=OUTPUT_BUCKET)["Contents"]}
    assert keys == {MEDIA, key}


def test_both_transcripts_are_written_when_both_are_wanted(
    s3: Any, double: TranscribeDouble
) -> None:
    wanted = redaction("redacted_and_unredacted")
    double.start_transcription_job(**request(ContentRedaction=wanted, OutputKey="x/one.json"))
    double.finish("one")
    job = double.get_transcription_job(TranscriptionJobName="one")["TranscriptionJob"]
    place = f"https://s3.eu-central-1.amazonaws.com/{OUTPUT_BUCKET}"
    assert job["Transcript"] == {
        "TranscriptFileUri": f"{place}/x/one.json",
        "RedactedTranscriptFileUri": f"{place}/x/redacted-one.json",
    }
    for key, text in (("x/one.json", b"plain"), ("x/redacted-one.json", b"redacted")):
        assert s3.get_object(Bucket=OUTPUT_BUCKET, Key=key)["Body"].read() == text


def test_a_transcript_is_encrypted_as_the_request_says(
    s3: Any, double: TranscribeDouble, kms_key_arn: str
) -> None:
    double.start_transcription_job(**request(OutputEncryptionKMSKeyId=kms_key_arn))
    double.finish("one")
    head = s3.head_object(Bucket=OUTPUT_BUCKET, Key="one.json")
    assert head["SSEKMSKeyId"] == kms_key_arn


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"TranscriptionJobName": "a b"}, "BadRequestException", id="name"),
        pytest.param({"TranscriptionJobName": "x" * 201}, "BadRequestException", id="long name"),
        pytest.param({"LanguageCode": "non-existent"}, "BadRequestException", id="language"),
        pytest.param({"MediaFormat": "exe"}, "BadRequestException", id="format"),
        pytest.param({"OutputKey": "a b.json"}, "BadRequestException", id="output key"),
        pytest.param({"OutputBucketName": "UPPER"}, "BadRequestException", id="bucket"),
        pytest.param(
            {"Settings": {"ShowSpeakerLabels": True, "MaxSpeakerLabels": 31}},
            "BadRequestException",
            id="too many speakers",
        ),
        pytest.param(
            {"Settings": {"ShowSpeakerLabels": True}}, "BadRequestException", id="how many speakers"
        ),
        pytest.param(
            {"LanguageCode": "en-GB", "ContentRedaction": redaction("redacted")},
            "BadRequestException",
            id="not redacted",
        ),
        pytest.param(
            {"KMSEncryptionContext": {"tenant_id": "acme"}}, "BadRequestException", id="no key"
        ),
        pytest.param(
            {"JobExecutionSettings": {"AllowDeferredExecution": True}},
            "BadRequestException",
            id="deferred without a role",
        ),
        pytest.param(
            {"Media": {"MediaFileUri": f"s3://{OUTPUT_BUCKET}/gone.wav"}},
            "BadRequestException",
            id="no media",
        ),
    ],
)
def test_what_only_the_service_checks_is_checked(
    double: TranscribeDouble, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        double.start_transcription_job(**request(**changes))
    assert caught.value.response["Error"]["Code"] == code
    assert double.started == []


@pytest.mark.parametrize(
    "changes",
    [{"NotificationTopic": "arn"}, {"Settings": {"ChannelIdentification": "yes"}}],
    ids=["a parameter that does not exist", "a type"],
)
def test_what_the_client_checks_is_checked(
    double: TranscribeDouble, changes: dict[str, Any]
) -> None:
    with pytest.raises(ParamValidationError):
        double.start_transcription_job(**request(**changes))


def test_a_name_is_taken_until_its_job_is_deleted(double: TranscribeDouble) -> None:
    double.start_transcription_job(**request())
    with pytest.raises(ClientError, match="ConflictException"):
        double.start_transcription_job(**request())
    double.delete_transcription_job(TranscriptionJobName="one")
    double.start_transcription_job(**request())


def test_errors_read_as_those_of_the_service(double: TranscribeDouble) -> None:
    with pytest.raises(ClientError) as missing:
        double.get_transcription_job(TranscriptionJobName="nobody")
    assert missing.value.response["Error"] == {
        "Code": "BadRequestException",
        "Message": "The requested job couldn't be found. Check the job name and try your request "
        "again.",
    }
    double.start_transcription_job(**request())
    with pytest.raises(ClientError) as taken:
        double.start_transcription_job(**request())
    assert taken.value.response["Error"] == {
        "Code": "ConflictException",
        "Message": "The requested job name already exists. Use a different job name.",
    }


def test_errors_read_as_they_were_recorded(double: TranscribeDouble, shared: Any) -> None:
    data = (shared / "data" / "transcribe" / "recorded-api.json").read_bytes()
    recorded = msgspec.json.decode(data)

    def content(test: str, name: str) -> dict[str, Any]:
        error: dict[str, Any] = recorded[test]["recorded-content"][name]["Error"]
        return error

    with pytest.raises(ClientError) as missing:
        double.get_transcription_job(TranscriptionJobName="nobody")
    expected = content("test_get_transcription_job", "GetError")
    assert missing.value.response["Error"] == expected
    double.start_transcription_job(**request())
    with pytest.raises(ClientError) as taken:
        double.start_transcription_job(**request())
    expected = content("test_transcribe_start_job_same_name", "same-transcription-job-name")
    assert taken.value.response["Error"] == expected


def test_over_the_limit_a_job_waits_when_it_may(double: TranscribeDouble) -> None:
    double.limit = 1
    role = "arn:aws:iam::123456789012:role/queue"
    may = {"AllowDeferredExecution": True, "DataAccessRoleArn": role}
    double.start_transcription_job(**request("one"))
    with pytest.raises(ClientError, match="LimitExceededException"):
        double.start_transcription_job(**request("two"))
    double.start_transcription_job(**request("three", JobExecutionSettings=may))
    assert (status(double, "one"), status(double, "three")) == ("IN_PROGRESS", "QUEUED")
    double.finish("one")
    assert (status(double, "one"), status(double, "three")) == ("COMPLETED", "IN_PROGRESS")
    assert double.open_jobs() == ["three"]


def test_the_events_of_a_job_say_what_became_of_it(double: TranscribeDouble) -> None:
    for name in ("one", "two"):
        double.start_transcription_job(**request(name))
    events = (double.finish("one"), double.fail("two", "Unsupported media format."))
    told = {"version", "id", "detail-type", "source", "account", "time", "region", "resources"}
    for event in events:
        assert event.keys() == told | {"detail"}
        assert event["detail-type"] == "Transcribe Job State Change"
    assert [event["detail"] for event in events] == [
        {"TranscriptionJobName": "one", "TranscriptionJobStatus": "COMPLETED"},
        {
            "TranscriptionJobName": "two",
            "TranscriptionJobStatus": "FAILED",
            "FailureReason": "Unsupported media format.",
        },
    ]


def test_the_events_of_a_job_look_like_the_documented_ones(
    double: TranscribeDouble, shared: Any
) -> None:
    data = (shared / "data" / "events" / "documented-transcribe.json").read_bytes()
    documented = {one["name"]: one["event"] for one in msgspec.json.decode(data)}
    double.start_transcription_job(**request("one"))
    double.start_transcription_job(**request("two"))
    completed, failed = double.finish("one"), double.fail("two", "Unsupported media format.")
    for event, name in ((completed, "job completed"), (failed, "job failed")):
        assert event.keys() == documented[name].keys()
        assert event["detail"].keys() == documented[name]["detail"].keys()
        assert event["detail-type"] == documented[name]["detail-type"]
    assert completed["detail"]["TranscriptionJobStatus"] == "COMPLETED"
    assert failed["detail"]["FailureReason"] == "Unsupported media format."


def test_jobs_are_listed_by_name_and_status(double: TranscribeDouble) -> None:
    for name in ("acme-1", "acme-2", "other"):
        double.start_transcription_job(**request(name))
    double.finish("acme-2")

    def listed(**asked: str) -> list[str]:
        summaries = double.list_transcription_jobs(**asked)["TranscriptionJobSummaries"]
        return [summary["TranscriptionJobName"] for summary in summaries]

    assert listed() == ["acme-1", "acme-2", "other"]
    assert listed(Status="COMPLETED") == ["acme-2"]
    assert listed(JobNameContains="ACME", Status="IN_PROGRESS") == ["acme-1"]
