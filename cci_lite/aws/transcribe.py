"""Starts and reads transcription jobs of Amazon Transcribe."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from cci_lite.aws.failures import error_code, translated
from cci_lite.contract.tenant import Audio
from cci_lite.errors import ServiceError
from cci_lite.ports import JobStatus, TranscriptionJob, TranscriptionOrder

# From StartTranscriptionJobRequest; boto3 checks neither pattern nor length.
_JOB_NAME = re.compile(r"[0-9a-zA-Z._-]{1,200}", re.ASCII)
_OUTPUT_KEY = re.compile(r"[a-zA-Z0-9\-_.!*'()/]{1,1024}", re.ASCII)

_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True)
class TranscribeJobs:
    """Transcriber: media and transcripts are in one bucket of ours.

    With `role_arn` the service queues jobs beyond its limit instead of refusing them.
    `failure_word` maps the service's FailureReason to a word of a fixed vocabulary.
    """

    client: Any
    output_bucket: str
    kms_key_arn: str | None
    role_arn: str | None
    failure_word: Callable[[str], str]

    def start(self, order: TranscriptionOrder) -> bool:
        """Start a job; False when a job of that name is there already."""
        if not _JOB_NAME.fullmatch(order.job_name):
            raise ServiceError("transcribe_job_name", "not a name that the service takes")
        if not _OUTPUT_KEY.fullmatch(order.output_key):
            raise ServiceError("transcribe_output_key", "not a key that the service takes")
        with translated("transcribe", "StartTranscriptionJob"):
            try:
                self.client.start_transcription_job(**self._request(order))
            except ClientError as error:
                # Job names are unique per account: an earlier attempt has started this job.
                if error_code(error) == "ConflictException":
                    return False
                raise
        return True

    def job(self, job_name: str) -> TranscriptionJob | None:
        """The job, or None."""
        with translated("transcribe", "GetTranscriptionJob"):
            try:
                answer = self.client.get_transcription_job(TranscriptionJobName=job_name)
            except ClientError as error:
                if _is_missing(error):
                    return None
                raise
        job = answer["TranscriptionJob"]
        transcript = job.get("Transcript", {})
        reason = job.get("FailureReason")
        return TranscriptionJob(
            job_name=job_name,
            status=JobStatus(job["TranscriptionJobStatus"]),
            media_key=self._key_of(job.get("Media", {}).get("MediaFileUri")),
            transcript_key=self._key_of(transcript.get("TranscriptFileUri")),
            redacted_transcript_key=self._key_of(transcript.get("RedactedTranscriptFileUri")),
            failure=None if reason is None else self.failure_word(reason),
        )

    def _request(self, order: TranscriptionOrder) -> dict[str, Any]:
        request: dict[str, Any] = {
            "TranscriptionJobName": order.job_name,
            "LanguageCode": order.language_code,
            "MediaFormat": order.media_format,
            "Media": {"MediaFileUri": f"s3://{self.output_bucket}/{order.media_key}"},
            "OutputBucketName": self.output_bucket,
            "OutputKey": order.output_key,
            "Settings": _settings(order.audio),
            "Tags": [{"Key": "tenant_id", "Value": order.tenant_id}],
        }
        if self.kms_key_arn is not None:
            request["OutputEncryptionKMSKeyId"] = self.kms_key_arn
            request["KMSEncryptionContext"] = {"tenant_id": order.tenant_id}
        # Deferred execution (job queueing) needs a role with access to the media.
        if self.role_arn is not None:
            request["JobExecutionSettings"] = {
                "AllowDeferredExecution": True,
                "DataAccessRoleArn": self.role_arn,
            }
        if order.redact:
            request["ContentRedaction"] = {"RedactionType": "PII", "RedactionOutput": "redacted"}
        return request

    def _key_of(self, uri: str | None) -> str | None:
        """The key that a URI names in our bucket; None for any other place.

        The service writes `https://s3.<region>.amazonaws.com/<bucket>/<key>`; the virtual-hosted
        form and `s3://` are read as well.
        """
        if uri is None:
            return None
        parts = urlsplit(uri)
        path = parts.path.removeprefix("/")
        if parts.scheme == "s3":
            bucket, key = parts.netloc, path
        elif parts.scheme == "https" and (host := _S3_HOST.fullmatch(parts.netloc)):
            bucket, key = host["bucket"], unquote(path)
            if bucket is None:
                bucket, _, key = key.partition("/")
        else:
            return None
        return key if key and bucket == self.output_bucket else None


def _settings(audio: Audio) -> Mapping[str, Any]:
    if audio.agent_channel is not None:
        return {"ChannelIdentification": True}
    return {"ShowSpeakerLabels": True, "MaxSpeakerLabels": audio.max_speakers}


def _is_missing(error: ClientError) -> bool:
    code = error_code(error)
    # As recorded from the service: a missing job is a BadRequestException; only its message tells.
    told = str(error.response.get("Error", {}).get("Message", ""))
    return code == "NotFoundException" or (
        code == "BadRequestException" and "couldn't be found" in told
    )
