"""Transcription jobs: the requests that are sent, and how responses are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
import msgspec
import pytest

from cci_lite.aws.transcribe import TranscribeJobs
from cci_lite.contract.tenant import Audio
from cci_lite.errors import RetryLaterError, ServiceError
from cci_lite.ports import JobStatus, TranscriptionJob, TranscriptionOrder
from cci_lite.tenancy import media_key, redacted_transcript_key, transcript_key
from cci_lite.testing.shapes import check_request, service_error
from cci_lite.testing.transcribe import TranscribeDouble

from .conftest import OUTPUT_BUCKET

JOB = "cci_acme_abcdefghij2345672345_r1"
MEDIA = media_key("acme", JOB, "wav")
ROLE = "arn:aws:iam::123456789012:role/transcribe-queue"
KMS = "arn:aws:kms:eu-central-1:123456789012:key/12345678-1234-1234-1234-123456789012"


def order(**changes: Any) -> TranscriptionOrder:
    fields: dict[str, Any] = {
        "tenant_id": "acme",
        "job_name": JOB,
        "media_key": MEDIA,
        "media_format": "wav",
        "language_code": "en-US",
        "audio": Audio(agent_channel="ch_0"),
        "redact": True,
        "output_key": transcript_key("acme", JOB),
    }
    return TranscriptionOrder(**(fields | changes))


@pytest.fixture
def double(s3: Any) -> TranscribeDouble:
    s3.put_object(Bucket=OUTPUT_BUCKET, Key=MEDIA, Body=b"RIFF")
    return TranscribeDouble(s3, lambda _: b"{}")


@pytest.fixture
def jobs(double: TranscribeDouble) -> TranscribeJobs:
    return adapter(double)


def adapter(client: Any, **changes: Any) -> TranscribeJobs:
    fields: dict[str, Any] = {"kms_key_arn": KMS, "role_arn": ROLE}
    return TranscribeJobs(
        client, OUTPUT_BUCKET, failure_word=lambda _: "other", **(fields | changes)
    )


def test_a_job_is_asked_for_with_everything_that_it_needs(
    jobs: TranscribeJobs, double: TranscribeDouble
) -> None:
    assert jobs.start(order())
    assert double.started == [
        {
            "TranscriptionJobName": JOB,
            "LanguageCode": "en-US",
            "MediaFormat": "wav",
            "Media": {"MediaFileUri": f"s3://{OUTPUT_BUCKET}/{MEDIA}"},
            "OutputBucketName": OUTPUT_BUCKET,
            "OutputKey": f"work/acme/transcripts/{JOB}.json",
            "OutputEncryptionKMSKeyId": KMS,
            "KMSEncryptionContext": {"tenant_id": "acme"},
            "Settings": {"ChannelIdentification": True},
            "JobExecutionSettings": {"AllowDeferredExecution": True, "DataAccessRoleArn": ROLE},
            "ContentRedaction": {"RedactionType": "PII", "RedactionOutput": "redacted"},
            "Tags": [{"Key": "tenant_id", "Value": "acme"}],
        }
    ]


def test_voices_are_told_apart_where_no_channel_is_the_agents(
    jobs: TranscribeJobs, double: TranscribeDouble
) -> None:
    jobs.start(order(audio=Audio(max_speakers=4)))
    assert double.started[0]["Settings"] == {"ShowSpeakerLabels": True, "MaxSpeakerLabels": 4}


def test_what_is_not_configured_is_not_asked_for(double: TranscribeDouble) -> None:
    adapter(double, kms_key_arn=None, role_arn=None).start(order(redact=False))
    left_out = {"OutputEncryptionKMSKeyId", "KMSEncryptionContext", "JobExecutionSettings"}
    assert not (left_out | {"ContentRedaction"}) & double.started[0].keys()


@pytest.mark.parametrize("redact", [True, False], ids=["redacted", "plain"])
@pytest.mark.parametrize("channel", ["ch_0", None], ids=["channels", "speakers"])
@pytest.mark.parametrize("media_format", ["mp3", "mp4", "wav", "flac", "ogg", "amr", "webm", "m4a"])
def test_every_request_is_one_that_the_services_model_allows(
    double: TranscribeDouble, media_format: str, channel: str | None, redact: bool
) -> None:
    audio = Audio(agent_channel=channel)
    adapter(double).start(order(media_format=media_format, audio=audio, redact=redact))
    [request] = double.started
    check_request("transcribe", "StartTranscriptionJob", request, code="BadRequestException")


def test_a_name_that_is_taken_starts_nothing(
    jobs: TranscribeJobs, double: TranscribeDouble
) -> None:
    assert jobs.start(order())
    assert not jobs.start(order())
    assert len(double.started) == 1


def test_moto_agrees_that_the_name_is_taken(cloud: None, s3: Any) -> None:
    jobs = adapter(boto3.client("transcribe", region_name="eu-central-1"))
    assert jobs.start(order())
    assert not jobs.start(order())
    job = jobs.job(JOB)
    assert job is not None
    assert job.media_key == MEDIA


def test_without_a_queue_the_limit_asks_for_a_retry(double: TranscribeDouble) -> None:
    double.limit = 0
    with pytest.raises(RetryLaterError, match="^transcribe_limit: StartTranscriptionJob$"):
        adapter(double, role_arn=None).start(order())
    assert adapter(double).start(order())


def test_a_throttle_asks_for_a_retry(jobs: TranscribeJobs, double: TranscribeDouble) -> None:
    double.throttle = 1
    with pytest.raises(RetryLaterError, match="^transcribe_throttled: StartTranscriptionJob$"):
        jobs.start(order())
    assert jobs.start(order())


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"media_key": media_key("acme", "gone", "wav")}, id="media that is not there"),
        pytest.param({"language_code": "xx-XX"}, id="no language"),
        pytest.param({"language_code": "en-GB"}, id="a language that is not redacted"),
        pytest.param({"media_format": "exe"}, id="no format"),
    ],
)
def test_a_refusal_of_the_service_is_permanent_and_hides_its_message(
    jobs: TranscribeJobs, changes: Mapping[str, Any]
) -> None:
    refused = "^transcribe_BadRequestException: StartTranscriptionJob$"
    with pytest.raises(ServiceError, match=refused):
        jobs.start(order(**changes))


@pytest.mark.parametrize(
    "name", ["", "a b", "ü", "a/b", "x" * 201, "a\n"], ids=["", "blank", "ü", "/", "long", "line"]
)
def test_a_name_that_the_client_would_let_pass_is_refused(jobs: TranscribeJobs, name: str) -> None:
    with pytest.raises(ServiceError, match="^transcribe_job_name: "):
        jobs.start(order(job_name=name))


@pytest.mark.parametrize(
    "key", ["", "a b.json", "ü.json", "a+b.json", "x" * 1025], ids=["", "blank", "ü", "+", "long"]
)
def test_an_output_key_that_the_client_would_let_pass_is_refused(
    jobs: TranscribeJobs, key: str
) -> None:
    with pytest.raises(ServiceError, match="^transcribe_output_key: "):
        jobs.start(order(output_key=key))


def test_a_missing_job_is_none(jobs: TranscribeJobs) -> None:
    assert jobs.job(JOB) is None


def test_an_expired_job_is_none_however_the_service_says_so() -> None:
    gone = service_error("GetTranscriptionJob", "NotFoundException", "gone", status=404)
    assert adapter(Answering(gone)).job(JOB) is None


def test_another_refusal_is_no_missing_job() -> None:
    bad = service_error("GetTranscriptionJob", "BadRequestException", "You are not authorized")
    refused = "^transcribe_BadRequestException: GetTranscriptionJob$"
    with pytest.raises(ServiceError, match=refused):
        adapter(Answering(bad)).job(JOB)


def test_a_redacted_job_names_its_redacted_transcript_only(
    jobs: TranscribeJobs, double: TranscribeDouble, s3: Any
) -> None:
    jobs.start(order())
    assert jobs.job(JOB) == TranscriptionJob(JOB, JobStatus.IN_PROGRESS, MEDIA)
    double.finish(JOB)
    expected = redacted_transcript_key("acme", JOB)
    assert jobs.job(JOB) == TranscriptionJob(
        JOB, JobStatus.COMPLETED, MEDIA, redacted_transcript_key=expected
    )
    written = [found["Key"] for found in s3.list_objects_v2(Bucket=OUTPUT_BUCKET)["Contents"]]
    assert written == [MEDIA, expected]


def test_a_job_without_redaction_names_its_plain_transcript(
    jobs: TranscribeJobs, double: TranscribeDouble
) -> None:
    jobs.start(order(redact=False))
    double.finish(JOB)
    assert jobs.job(JOB) == TranscriptionJob(
        JOB, JobStatus.COMPLETED, MEDIA, transcript_key=transcript_key("acme", JOB)
    )


def test_a_reason_becomes_a_word(double: TranscribeDouble) -> None:
    asked: list[str] = []

    def word(reason: str) -> str:
        asked.append(reason)
        return "media_format"

    jobs = TranscribeJobs(double, OUTPUT_BUCKET, None, None, word)
    jobs.start(order())
    double.fail(JOB, "Unsupported media format.")
    job = jobs.job(JOB)
    assert job is not None
    assert (job.status, job.failure) == (JobStatus.FAILED, "media_format")
    assert asked == ["Unsupported media format."]


class Answering:
    """A client that answers one thing, whatever it is asked."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def get_transcription_job(self, **_: Any) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.mark.parametrize(
    ("uri", "key"),
    [
        pytest.param(
            "https://s3.eu-central-1.amazonaws.com/acme-results/work/a.json",
            "work/a.json",
            id="path style",
        ),
        pytest.param(
            "https://s3.amazonaws.com/acme-results/work/a.json", "work/a.json", id="without region"
        ),
        pytest.param(
            "https://s3-us-west-2.amazonaws.com/acme-results/a.json", "a.json", id="old region"
        ),
        pytest.param(
            "https://s3.cn-north-1.amazonaws.com.cn/acme-results/a.json", "a.json", id="China"
        ),
        pytest.param(
            "https://acme-results.s3.eu-central-1.amazonaws.com/work/a.json",
            "work/a.json",
            id="virtual-hosted",
        ),
        pytest.param(
            "https://acme-results.s3.eu-central-1.amazonaws.com/a%20b.json?X-Amz-Date=1",
            "a b.json",
            id="encoded and signed",
        ),
        pytest.param("s3://acme-results/work/a.json", "work/a.json", id="s3"),
        pytest.param(
            "https://s3.eu-central-1.amazonaws.com/aws-transcribe-eu-central-1-prod/1/a.json",
            None,
            id="the service's bucket",
        ),
        pytest.param(
            "https://s3.eu-central-1.amazonaws.com/acme-results-2/a.json",
            None,
            id="a bucket that begins alike",
        ),
        pytest.param(
            "https://x.acme-results.s3.eu-central-1.amazonaws.com/a.json", None, id="a longer name"
        ),
        pytest.param("https://s3.example.com/acme-results/a.json", None, id="another host"),
        pytest.param(
            "https://s3.eu-central-1.amazonaws.com.example.com/acme-results/a.json",
            None,
            id="a host that begins alike",
        ),
        pytest.param("http://s3.amazonaws.com/acme-results/a.json", None, id="unencrypted"),
        pytest.param("s3://acme-results/", None, id="no key"),
        pytest.param("s3:/acme-results/a.json", None, id="malformed"),
        pytest.param("", None, id="empty"),
    ],
)
def test_a_transcripts_place_is_read_from_its_address(uri: str, key: str | None) -> None:
    answer = {
        "TranscriptionJob": {
            "TranscriptionJobStatus": "COMPLETED",
            "Media": {"MediaFileUri": uri},
            "Transcript": {"TranscriptFileUri": uri, "RedactedTranscriptFileUri": uri},
        }
    }
    job = adapter(Answering(answer)).job(JOB)
    assert job == TranscriptionJob(JOB, JobStatus.COMPLETED, key, key, key)


def test_a_job_that_has_just_begun_has_no_transcript_and_one_that_is_not_there_is_none() -> None:
    begun = {"TranscriptionJobStatus": "IN_PROGRESS", "Transcript": {}, "Settings": {}}
    job = adapter(Answering({"TranscriptionJob": begun})).job(JOB)
    assert job is not None
    assert (job.status, job.media_key, job.transcript_key) == (JobStatus.IN_PROGRESS, None, None)
    error = service_error(
        "GetTranscriptionJob", "BadRequestException", "The requested job couldn't be found."
    )
    assert adapter(Answering(error)).job(JOB) is None


def test_recorded_answers_are_understood(shared: Any) -> None:
    recorded = msgspec.json.decode(
        (shared / "data" / "transcribe" / "recorded-api.json").read_bytes()
    )
    for content in (one["recorded-content"] for one in recorded.values()):
        for answer in content.values():
            if not (isinstance(answer, dict) and "TranscriptionJob" in answer):
                continue
            job = adapter(Answering(answer)).job(JOB)
            assert job is not None
            assert (job.media_key, job.transcript_key) == (None, None)
    told = recorded["test_get_transcription_job"]["recorded-content"]["GetError"]["Error"]
    error = service_error("GetTranscriptionJob", told["Code"], told["Message"])
    assert adapter(Answering(error)).job(JOB) is None
