"""Events of S3 and Amazon Transcribe, in every shape in which they arrive, as what they say."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self
from urllib.parse import unquote_plus

import msgspec

from cci_lite.contract.document import UtcTime
from cci_lite.contract.registry import Upload
from cci_lite.ports import JobStatus
from cci_lite.tenancy import parse_recording_key


@dataclass(frozen=True)
class UploadEvent:
    """An object was created. `key` is decoded; it is a file name: never log it."""

    bucket: str
    key: str
    size: int | None
    etag: str | None
    version_id: str | None
    sequencer: str | None
    time: dt.datetime

    @classmethod
    def of(cls, bucket: str, upload: Upload) -> Self:
        """The event that tells of an upload."""
        return cls(
            bucket=bucket,
            key=upload.key,
            size=upload.size,
            etag=upload.etag,
            version_id=upload.version_id,
            sequencer=upload.sequencer,
            time=upload.uploaded_at,
        )

    @property
    def upload(self) -> Upload:
        """What was uploaded; raises ContractError when the key is no recording's."""
        return Upload(
            tenant_id=parse_recording_key(self.key).tenant_id,
            key=self.key,
            size=self.size or 0,
            etag=self.etag or "",
            uploaded_at=self.time,
            version_id=self.version_id,
            sequencer=self.sequencer,
        )


@dataclass(frozen=True)
class JobEvent:
    """A transcription job ended: ours or anybody's. `failure` is a word of `failure_word`."""

    job_name: str
    status: JobStatus
    failure: str | None = None


@dataclass(frozen=True)
class Ignored:
    """An event that asks for nothing; `reason` is one word."""

    reason: str


Event = UploadEvent | JobEvent | Ignored

_MALFORMED = Ignored("malformed")
_NESTED = 8

_JOB_STATE = "Transcribe Job State Change"
_OTHER_JOBS = {
    "Language Identification State Change": Ignored("language_identification"),
    "Call Analytics Job State Change": Ignored("call_analytics"),
    "Call Analytics Post Call Job State Change": Ignored("call_analytics"),
    "Vocabulary State Change": Ignored("vocabulary"),
}
_SNS_CONTROL = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation"})


def read_event(event: object) -> list[Event]:
    """What an event says: an EventBridge event, an S3 notification, or either within SNS or SQS.

    Never raises: what is not understood is `Ignored("malformed")`.
    """
    return _read(event, _NESTED)


def _read(event: object, depth: int) -> list[Event]:
    if not isinstance(event, Mapping) or depth == 0:
        return [_MALFORMED]
    if "detail-type" in event:
        return [_bus_event(event)]
    if event.get("Event") == "s3:TestEvent":
        return [Ignored("test_event")]
    if event.get("Type") == "Notification":
        return _read_text(event.get("Message"), depth)
    if isinstance(kind := event.get("Type"), str) and kind in _SNS_CONTROL:
        return [Ignored("subscription")]
    records = event.get("Records")
    if not isinstance(records, list) or not records:
        return [_MALFORMED]
    return [found for record in records for found in _record(record, depth)]


def _record(record: object, depth: int) -> list[Event]:
    """What one record of S3, SNS or SQS says."""
    if not isinstance(record, Mapping):
        return [_MALFORMED]
    if isinstance(message := record.get("Sns"), Mapping):
        return _read_text(message.get("Message"), depth)
    if "body" in record:
        return _read_text(record["body"], depth)
    return [_notification(record)]


def _read_text(text: object, depth: int) -> list[Event]:
    if not isinstance(text, str):
        return [_MALFORMED]
    try:
        return _read(json.loads(text), depth - 1)
    except (ValueError, RecursionError):
        return [_MALFORMED]


# --- S3 -------------------------------------------------------------------------------------------


class _Bucket(msgspec.Struct):
    name: str


class _Object(msgspec.Struct):
    """An object as EventBridge spells it (`version-id`) and as a notification does (`versionId`).

    moto's EventBridge events spell `eTag` like a notification.
    """

    key: Annotated[str, msgspec.Meta(min_length=1)]
    url_decoded_key: str | None = msgspec.field(name="urlDecodedKey", default=None)
    size: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
    etag: str | None = None
    e_tag: str | None = msgspec.field(name="eTag", default=None)
    version_id: str | None = msgspec.field(name="version-id", default=None)
    notified_version_id: str | None = msgspec.field(name="versionId", default=None)
    sequencer: str | None = None


class _Created(msgspec.Struct):
    bucket: _Bucket
    object: _Object


def _bus_event(event: Mapping[str, Any]) -> Event:
    source, kind, detail = event.get("source"), event["detail-type"], event.get("detail")
    if not isinstance(kind, str):
        return _MALFORMED
    if source == "aws.transcribe":
        return _job(detail) if kind == _JOB_STATE else _OTHER_JOBS.get(kind, Ignored("other_job"))
    if source != "aws.s3":
        return Ignored("other_source")
    if kind == "Object Created":
        return _upload(detail, event.get("time"), is_encoded=False)
    if kind == "Object Deleted":
        reason = detail.get("reason") if isinstance(detail, Mapping) else None
        return Ignored("expired" if reason == "Lifecycle Expiration" else "deleted")
    return Ignored("other_change")


def _notification(record: Mapping[str, Any]) -> Event:
    name = record.get("eventName")
    if not isinstance(name, str) or not isinstance(record.get("s3"), Mapping):
        return _MALFORMED
    kind = name.removeprefix("s3:").partition(":")[0]
    if kind == "ObjectCreated":
        return _upload(record["s3"], record.get("eventTime"), is_encoded=True)
    words = {"ObjectRemoved": "deleted", "LifecycleExpiration": "expired"}
    return Ignored(words.get(kind, "other_change"))


def _upload(value: object, time: object, *, is_encoded: bool) -> Event:
    """An upload; only a notification's key is URL-encoded (S3 user guide, content structure)."""
    try:
        created = msgspec.convert(value, _Created, strict=False)
        at = msgspec.convert(time, UtcTime, strict=False).astimezone(dt.UTC)
        stored = created.object
        key = stored.key
        if is_encoded:
            key = stored.url_decoded_key or unquote_plus(key, errors="strict")
        # Half a surrogate pair is JSON, but no key that S3 can hold.
        key.encode()
    except (msgspec.ValidationError, ValueError, OverflowError):
        return _MALFORMED
    return UploadEvent(
        bucket=created.bucket.name,
        key=key,
        size=stored.size,
        etag=(stored.etag or stored.e_tag or "").strip('"') or None,
        version_id=_version(stored.version_id or stored.notified_version_id),
        sequencer=stored.sequencer or None,
        time=at,
    )


def _version(version_id: str | None) -> str | None:
    """A version's own id: every object written while versioning is suspended is called `null`."""
    return None if version_id in (None, "", "null") else version_id


# --- Transcribe -----------------------------------------------------------------------------------


class _Job(msgspec.Struct, rename="pascal"):
    transcription_job_name: Annotated[str, msgspec.Meta(min_length=1)]
    transcription_job_status: str
    failure_reason: str | None = None


def _job(detail: object) -> Event:
    try:
        job = msgspec.convert(detail, _Job)
    except msgspec.ValidationError:
        return _MALFORMED
    if job.transcription_job_status == JobStatus.COMPLETED:
        return JobEvent(job.transcription_job_name, JobStatus.COMPLETED)
    if job.transcription_job_status == JobStatus.FAILED:
        failure = failure_word(job.failure_reason or "")
        return JobEvent(job.transcription_job_name, JobStatus.FAILED, failure)
    return Ignored("job_status")


# In this order: a recording that is too long is told as "file size too large" as well.
_FAILURES = (
    ("media_too_long", r"maximum audio duration|(?:audio|media|file) (?:is )?too long"),
    ("media_too_large", r"file size"),
    ("media_channels", r"number of channels"),
    ("sample_rate", r"sample rate"),
    ("media_format", r"media format"),
    ("access_denied", r"access ?denied|permission|authori[sz]ed|can't be accessed|kms"),
    ("internal", r"internal|service (?:failure|unavailable)|unexpected"),
    ("media_unreadable", r"media file|audio|s3 object|decode|parse|corrupt|isn't valid"),
)


def failure_word(reason: str) -> str:
    """One word of a fixed vocabulary for Transcribe's FailureReason; `other` for unknown prose."""
    for word, pattern in _FAILURES:
        if re.search(pattern, reason, re.IGNORECASE):
            return word
    return "other"


# --- What a dispatcher puts on a queue ------------------------------------------------------------


def upload_event(bucket: str, upload: Upload) -> dict[str, Any]:
    """The event of an upload, as EventBridge would have sent it."""
    stored = {
        "key": upload.key,
        "size": upload.size,
        "etag": upload.etag,
        "version-id": upload.version_id,
        "sequencer": upload.sequencer,
    }
    return {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": upload.uploaded_at.isoformat(),
        "detail": {
            "bucket": {"name": bucket},
            "object": {name: value for name, value in stored.items() if value is not None},
        },
    }


def completed_event(job_name: str) -> dict[str, Any]:
    """The event of a completed job, as EventBridge would have sent it."""
    return {
        "detail-type": _JOB_STATE,
        "source": "aws.transcribe",
        "detail": {
            "TranscriptionJobName": job_name,
            "TranscriptionJobStatus": JobStatus.COMPLETED.value,
        },
    }
