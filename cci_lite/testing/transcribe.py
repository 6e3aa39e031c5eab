"""Amazon Transcribe's batch jobs in memory, with transcripts written to a real or emulated S3."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from cci_lite.contract.services import language_of
from cci_lite.errors import TenantError
from cci_lite.testing.shapes import check_request, service_error

_MISSING = "The requested job couldn't be found. Check the job name and try your request again."
_OPEN = frozenset({"QUEUED", "IN_PROGRESS"})


@dataclass
class _Job:
    request: Mapping[str, Any]
    status: str
    created_at: dt.datetime
    completed_at: dt.datetime | None = None
    failure: str | None = None
    plain_uri: str | None = None
    redacted_uri: str | None = None


class TranscribeDouble:
    """A client of Transcribe whose jobs end when the test says so (`finish`, `fail`).

    Requests are checked by the service's model; answers and error texts were recorded from it. At
    most `limit` jobs run; another one is queued when the request allows that, otherwise refused
    with LimitExceededException. `throttle` is how many of the next starts are refused.
    `transcript_for` gives the bytes for a request: redacted when it asks for that.

    moto is wrong, or silent, about all of this: it writes no transcript, sends no event and answers
    with no RedactedTranscriptFileUri; an OutputKey that ends in `/` becomes `.../.json`; patterns,
    enums, the media's existence and the limit are unchecked; get does not tell the settings.
    """

    def __init__(
        self,
        s3_client: Any,
        transcript_for: Callable[[Mapping[str, Any]], bytes],
        *,
        region: str = "eu-central-1",
        account: str = "123456789012",
        clock: Callable[[], dt.datetime] = lambda: dt.datetime(2025, 11, 5, 9, tzinfo=dt.UTC),
        limit: int = 100,
    ) -> None:
        self.limit = limit
        self.throttle = 0
        self.started: list[Mapping[str, Any]] = []
        self._s3 = s3_client
        self._transcript_for = transcript_for
        self._region = region
        self._account = account
        self._clock = clock
        self._jobs: dict[str, _Job] = {}

    def start_transcription_job(self, **request: Any) -> dict[str, Any]:
        """StartTranscriptionJob."""
        operation = "StartTranscriptionJob"
        check_request("transcribe", operation, request, code="BadRequestException")
        self._check_settings(operation, request)
        if self.throttle > 0:
            self.throttle -= 1
            raise service_error(operation, "ThrottlingException", "Rate exceeded")
        name = request["TranscriptionJobName"]
        if name in self._jobs:
            message = "The requested job name already exists. Use a different job name."
            raise service_error(operation, "ConflictException", message)
        running = sum(job.status == "IN_PROGRESS" for job in self._jobs.values())
        deferrable = request.get("JobExecutionSettings", {}).get("AllowDeferredExecution", False)
        if running >= self.limit and not deferrable:
            message = "You have too many concurrent jobs."
            raise service_error(operation, "LimitExceededException", message, status=429)
        self._check_media(operation, request)
        status = "IN_PROGRESS" if running < self.limit else "QUEUED"
        self._jobs[name] = _Job(request, status, self._clock())
        self.started.append(request)
        return {"TranscriptionJob": self._told(self._jobs[name])}

    def get_transcription_job(self, **request: Any) -> dict[str, Any]:
        """GetTranscriptionJob."""
        check_request("transcribe", "GetTranscriptionJob", request, code="BadRequestException")
        job = self._job("GetTranscriptionJob", request["TranscriptionJobName"])
        return {"TranscriptionJob": self._told(job)}

    def list_transcription_jobs(self, **request: Any) -> dict[str, Any]:
        """ListTranscriptionJobs, in one page."""
        check_request("transcribe", "ListTranscriptionJobs", request, code="BadRequestException")
        summaries = [
            {
                "TranscriptionJobName": name,
                "TranscriptionJobStatus": job.status,
                "LanguageCode": job.request["LanguageCode"],
                "CreationTime": job.created_at,
                "OutputLocationType": "CUSTOMER_BUCKET",
            }
            for name, job in sorted(self._jobs.items())
            if job.status == request.get("Status", job.status)
            and request.get("JobNameContains", "").lower() in name.lower()
        ]
        return {"TranscriptionJobSummaries": summaries}

    def delete_transcription_job(self, **request: Any) -> dict[str, Any]:
        """DeleteTranscriptionJob: the job is forgotten, its transcript stays."""
        check_request("transcribe", "DeleteTranscriptionJob", request, code="BadRequestException")
        self._job("DeleteTranscriptionJob", request["TranscriptionJobName"])
        del self._jobs[request["TranscriptionJobName"]]
        return {}

    def open_jobs(self) -> list[str]:
        """The names of the jobs that have not ended, in the order of their start."""
        return [name for name, job in self._jobs.items() if job.status in _OPEN]

    def finish(self, job_name: str) -> dict[str, Any]:
        """Complete a job: write its transcripts where the service does. The event of it."""
        job = self._jobs[job_name]
        redaction = job.request.get("ContentRedaction", {}).get("RedactionOutput")
        if redaction is not None:
            job.redacted_uri = self._write(job.request, "redacted-")
        if redaction != "redacted":
            plain = {name: v for name, v in job.request.items() if name != "ContentRedaction"}
            job.plain_uri = self._write(plain, "")
        return self._end(job, "COMPLETED")

    def fail(self, job_name: str, reason: str) -> dict[str, Any]:
        """Let a job fail for a reason, in the service's wording. The event of it."""
        job = self._jobs[job_name]
        job.failure = reason
        return self._end(job, "FAILED")

    def _end(self, job: _Job, status: str) -> dict[str, Any]:
        job.status = status
        job.completed_at = self._clock()
        # A place is free: the job that has waited longest starts.
        waiting = [other for other in self._jobs.values() if other.status == "QUEUED"]
        if waiting:
            waiting[0].status = "IN_PROGRESS"
        detail = {
            "TranscriptionJobName": job.request["TranscriptionJobName"],
            "TranscriptionJobStatus": status,
        }
        if job.failure is not None:
            detail["FailureReason"] = job.failure
        return {
            "version": "0",
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{sorted(detail.items())}")),
            "detail-type": "Transcribe Job State Change",
            "source": "aws.transcribe",
            "account": self._account,
            "time": f"{job.completed_at:%Y-%m-%dT%H:%M:%SZ}",
            "region": self._region,
            "resources": [],
            "detail": detail,
        }

    def _job(self, operation: str, name: str) -> _Job:
        if name not in self._jobs:
            raise service_error(operation, "BadRequestException", _MISSING)
        return self._jobs[name]

    def _check_settings(self, operation: str, request: Mapping[str, Any]) -> None:
        """What the service refuses beyond its model."""
        settings = request.get("Settings", {})
        deferring = request.get("JobExecutionSettings", {})
        complaint = None
        if "LanguageCode" not in request:
            complaint = "The language code is missing."
        elif "ContentRedaction" in request and not _redacts(request["LanguageCode"]):
            complaint = "Content redaction is not supported for the language code."
        elif settings.get("ShowSpeakerLabels", False) != ("MaxSpeakerLabels" in settings):
            complaint = "MaxSpeakerLabels and ShowSpeakerLabels go together."
        elif "KMSEncryptionContext" in request and "OutputEncryptionKMSKeyId" not in request:
            complaint = "An encryption context needs a KMS key."
        elif deferring.get("AllowDeferredExecution") and "DataAccessRoleArn" not in deferring:
            complaint = "Deferred execution needs a data access role."
        if complaint is not None:
            raise service_error(operation, "BadRequestException", complaint)

    def _check_media(self, operation: str, request: Mapping[str, Any]) -> None:
        place = urlsplit(request["Media"]["MediaFileUri"])
        try:
            self._s3.head_object(Bucket=place.netloc, Key=place.path.removeprefix("/"))
        except ClientError:
            message = "The S3 URI that you provided can't be accessed."
            raise service_error(operation, "BadRequestException", message) from None

    def _write(self, request: Mapping[str, Any], prefix: str) -> str:
        bucket = request["OutputBucketName"]
        folder, name = _output_place(request)
        key = f"{folder}{prefix}{name}"
        encryption = {}
        if key_id := request.get("OutputEncryptionKMSKeyId"):
            encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}
        body = self._transcript_for(request)
        self._s3.put_object(Bucket=bucket, Key=key, Body=body, **encryption)
        return f"https://s3.{self._region}.amazonaws.com/{bucket}/{key}"

    def _told(self, job: _Job) -> dict[str, Any]:
        told = {
            name: job.request[name]
            for name in ("TranscriptionJobName", "LanguageCode", "MediaFormat", "Media")
            if name in job.request
        } | {
            "TranscriptionJobStatus": job.status,
            "CreationTime": job.created_at,
            "Settings": {"ChannelIdentification": False, "ShowAlternatives": False}
            | job.request.get("Settings", {}),
        }
        for name in ("ContentRedaction", "JobExecutionSettings", "Tags"):
            if name in job.request:
                told[name] = job.request[name]
        uris = {"TranscriptFileUri": job.plain_uri, "RedactedTranscriptFileUri": job.redacted_uri}
        told["Transcript"] = {name: uri for name, uri in uris.items() if uri is not None}
        if job.completed_at is not None:
            told["CompletionTime"] = job.completed_at
        if job.failure is not None:
            told["FailureReason"] = job.failure
        return told


def _redacts(language_code: str) -> bool:
    try:
        return language_of(language_code).redaction
    except TenantError:
        return False


def _output_place(request: Mapping[str, Any]) -> tuple[str, str]:
    """Folder and file name: an OutputKey that ends in `.json` is a file, any other a folder."""
    output_key = request.get("OutputKey", "")
    if output_key.endswith(".json"):
        folder, _, name = output_key.rpartition("/")
        return (f"{folder}/" if folder else "", name)
    folder = output_key.rstrip("/")
    return (f"{folder}/" if folder else "", f"{request['TranscriptionJobName']}.json")
