"""From an upload to its one transcription job."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

import msgspec

from cci_lite.contract.document import Redaction
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.registry import SUPERSEDED as _SUPERSEDED
from cci_lite.contract.registry import (
    STUCK_RECEIVED,
    CallRecord,
    CallState,
    MetadataSource,
    Upload,
    moved,
    place_upload,
)
from cci_lite.contract.services import language_of
from cci_lite.contract.tenant import Tenant, TenantStatus, UnredactedPolicy
from cci_lite.errors import ContractError, RetryLaterError, ServiceError, TenantError, TenantIdError
from cci_lite.pipeline.events import UploadEvent
from cci_lite.pipeline.media import (
    MAX_MEDIA_BYTES,
    SIDECAR_SUFFIX,
    media_format_of,
    metadata_of_headers,
)
from cci_lite.pipeline.tenants import TenantDirectory
from cci_lite.ports import (
    CallRegistry,
    Metric,
    Recordings,
    Telemetry,
    Transcriber,
    TranscriptionOrder,
)
from cci_lite.tenancy import call_id_for, media_key, parse_recording_key, transcript_key

_ATTEMPTS = 5
_NO_METADATA = CallMetadata()


@dataclass(frozen=True)
class Intake:
    """What taking in an upload needs."""

    input_bucket: str
    registry: CallRegistry
    recordings: Recordings
    transcriber: Transcriber
    tenants: TenantDirectory
    telemetry: Telemetry
    clock: Callable[[], dt.datetime]


class TakenOutcome(StrEnum):
    """What became of an upload."""

    STARTED = "started"
    WAITING = "waiting"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    IGNORED = "ignored"
    FAILED = "failed"


class Reason(StrEnum):
    """Why an upload has no transcription job. A refusing service's own code is a reason too."""

    OTHER_BUCKET = "other_bucket"
    NO_RECORDING = "no_recording"
    FOLDER_MARKER = "folder_marker"
    SIDECAR = "sidecar"
    NO_ETAG = "no_etag"
    TENANT_ID = "tenant_id"
    UNKNOWN_TENANT = "unknown_tenant"
    TENANT_SUSPENDED = "tenant_suspended"
    SUPERSEDED = _SUPERSEDED
    GONE = "gone"
    MEDIA_FORMAT = "media_format"
    MEDIA_EMPTY = "media_empty"
    MEDIA_TOO_LARGE = "media_too_large"
    LANGUAGE_UNKNOWN = "language_unknown"
    LANGUAGE_UNREDACTED = "language_unredacted"
    WAITING = "waiting"
    JOB_NAME_TAKEN = "job_name_taken"


@dataclass(frozen=True)
class Taken:
    """The outcome, why, and the upload's record where it has one."""

    outcome: TakenOutcome
    reason: str | None
    record: CallRecord | None


@dataclass(frozen=True)
class _Request:
    """How an upload is to be transcribed."""

    tenant: Tenant
    media_format: str
    language_code: str
    redaction: Redaction


_METRICS = {
    TakenOutcome.DUPLICATE: Metric.DUPLICATES,
    TakenOutcome.REFUSED: Metric.REFUSED,
    TakenOutcome.IGNORED: Metric.IGNORED,
    TakenOutcome.FAILED: Metric.FAILED,
}


def take_in(intake: Intake, event: UploadEvent) -> Taken:
    """Register an upload and start its transcription job; the same upload again changes nothing.

    Safe to repeat and to interrupt: a registered upload whose job was not started is gone on with.
    Raises RetryLaterError when the event is to be delivered again, ServiceError when the recording
    may not be looked at, and PipelineError when the tenant's settings cannot be read.
    """
    taken = _set_aside(intake.input_bucket, event) or _taken(intake, _upload_of(intake, event))
    if metric := _METRICS.get(taken.outcome):
        intake.telemetry.count(metric)
    intake.telemetry.log(f"upload_{taken.outcome}", reason=taken.reason, **_ids(taken.record))
    return taken


def _set_aside(input_bucket: str, event: UploadEvent) -> Taken | None:
    """What becomes of an object that is no tenant's recording; None when it is one."""
    if event.bucket != input_bucket:
        return Taken(TakenOutcome.IGNORED, Reason.OTHER_BUCKET, None)
    try:
        parse_recording_key(event.key)
    except TenantIdError:
        return Taken(TakenOutcome.REFUSED, Reason.TENANT_ID, None)
    except ContractError:
        return Taken(TakenOutcome.IGNORED, Reason.NO_RECORDING, None)
    if event.key.endswith("/"):
        return Taken(TakenOutcome.IGNORED, Reason.FOLDER_MARKER, None)
    if event.key.endswith(SIDECAR_SUFFIX):
        return Taken(TakenOutcome.IGNORED, Reason.SIDECAR, None)
    if event.etag is None:
        # S3 sends none such; the recording is found by the bucket's listing.
        return Taken(TakenOutcome.IGNORED, Reason.NO_ETAG, None)
    return None


def _upload_of(intake: Intake, event: UploadEvent) -> Upload:
    upload = event.upload
    if event.size is None and (media := intake.recordings.look(upload)) is not None:
        return msgspec.structs.replace(upload, size=media.upload.size)
    return upload


def _taken(intake: Intake, upload: Upload) -> Taken:
    for _ in range(_ATTEMPTS):
        if (taken := _attempt(intake, upload)) is not None:
            return taken
    raise RetryLaterError("registry_contended")


def _attempt(intake: Intake, upload: Upload) -> Taken | None:
    """Take the upload in; None when somebody else changed its record in between."""
    call_id = call_id_for(upload.tenant_id, upload.key)
    placement = place_upload(upload, intake.registry.records(call_id))
    known = placement.known
    if known is not None and not _waits_for_its_job(known):
        return Taken(TakenOutcome.DUPLICATE, None, known)
    now = intake.clock()
    record = known or CallRecord(
        call_id=call_id,
        revision=placement.revision,
        upload=upload,
        state=CallState.RECEIVED,
        received_at=now,
        updated_at=now,
    )
    is_new = known is None
    asked = Reason.SUPERSEDED if placement.superseded else _examined(intake, record, is_new=is_new)
    if isinstance(asked, Reason):
        refused = _stored(intake, record, CallState.REFUSED, is_new=is_new, reason=asked)
        return Taken(TakenOutcome.REFUSED, asked, refused) if refused else None
    waiting = Reason.WAITING if _is_full(intake.registry, asked.tenant) else None
    # What the job is asked for is written down before it is paid: its end can come first.
    received = _stored(
        intake,
        record,
        CallState.RECEIVED,
        is_new=is_new,
        reason=waiting,
        redrives=0 if record.state is CallState.FAILED else record.redrives,
        media_key=media_key(record.tenant_id, record.job_name, asked.media_format),
        language_code=asked.language_code,
        redaction=asked.redaction,
    )
    if received is None:
        return None
    if waiting:
        return Taken(TakenOutcome.WAITING, waiting, received)
    return _started(intake, received, asked)


def _waits_for_its_job(record: CallRecord) -> bool:
    """Whether no job was started yet, and an event may start it."""
    is_stuck = record.state is CallState.FAILED and record.reason == STUCK_RECEIVED
    return record.state is CallState.RECEIVED or is_stuck


def _stored(
    intake: Intake, record: CallRecord, state: CallState, *, is_new: bool, **changes: Any
) -> CallRecord | None:
    """The record so, as it is stored now; None when somebody else changed it in between."""
    registry = intake.registry
    if is_new:
        record = msgspec.structs.replace(record, state=state, **changes)
        if not registry.add(record):
            return None
        intake.telemetry.count(Metric.RECEIVED)
        return record
    wanted = {"state": state, **changes}
    if all(getattr(record, name) == value for name, value in wanted.items()):
        return record
    record = moved(record, state, intake.clock(), **changes)
    return record if registry.replace(record) else None


# --- Whether, and how ----------------------------------------------------------------------------


def _examined(intake: Intake, record: CallRecord, *, is_new: bool) -> _Request | Reason:
    """How the upload is to be transcribed, or why it is not. Nothing is defaulted."""
    upload = record.upload
    tenant = intake.tenants.tenant(upload.tenant_id)
    if tenant is None:
        return Reason.UNKNOWN_TENANT
    if tenant.status is not TenantStatus.ACTIVE:
        return Reason.TENANT_SUSPENDED
    media_format = media_format_of(upload.key)
    if media_format is None:
        return Reason.MEDIA_FORMAT
    media = intake.recordings.look(upload)
    if media is None and is_new:
        return Reason.GONE
    if upload.size == 0:
        return Reason.MEDIA_EMPTY
    if upload.size > MAX_MEDIA_BYTES:
        return Reason.MEDIA_TOO_LARGE
    metadata = _metadata(intake, record, media.metadata if media else None)
    if record.language_code is not None and record.redaction is not None:
        # The job may run already, and runs so.
        return _Request(tenant, media_format, record.language_code, record.redaction)
    language_code = metadata.language_code or tenant.language_code
    try:
        language = language_of(language_code)
    except TenantError:
        return Reason.LANGUAGE_UNKNOWN
    if language.redaction:
        return _Request(tenant, media_format, language_code, Redaction.TRANSCRIBE)
    if tenant.unredacted is UnredactedPolicy.REFUSE:
        return Reason.LANGUAGE_UNREDACTED
    return _Request(tenant, media_format, language_code, Redaction.MASKED)


def _is_full(registry: CallRegistry, tenant: Tenant) -> bool:
    """Whether as many of the tenant's calls are transcribed as may be, give or take a few.

    Transcribe's queue is one for all tenants of an account; each fills no more than its share.
    """
    running = islice(registry.find(tenant.tenant_id, CallState.TRANSCRIBING), tenant.max_open_calls)
    return sum(1 for _ in running) >= tenant.max_open_calls


def _metadata(
    intake: Intake, record: CallRecord, headers: Mapping[str, str] | None
) -> CallMetadata:
    """All that was told of the call, now also by the recording's own headers."""
    tenant_id, call_id = record.tenant_id, record.call_id
    told, unread = (None, 0) if headers is None else metadata_of_headers(headers)
    if unread:
        intake.telemetry.log("headers_unread", count=unread, **_ids(record))
    for _ in range(_ATTEMPTS):
        stored = intake.registry.metadata(tenant_id, call_id)
        if told is None or (told == _NO_METADATA and MetadataSource.OBJECT not in stored.told):
            return stored.merged
        changed = stored.with_told(MetadataSource.OBJECT, told, record.upload.uploaded_at)
        if changed is None:
            return stored.merged
        if intake.registry.put_metadata(tenant_id, call_id, changed):
            return changed.merged
    raise RetryLaterError("metadata_contended")


# --- The job --------------------------------------------------------------------------------------


def _started(intake: Intake, record: CallRecord, request: _Request) -> Taken | None:
    """Have the job run; None when somebody else changed the record in between."""
    problem: str | None
    try:
        problem = _job_problem(intake, record, request)
    except ServiceError as refusal:
        problem = refusal.code
    if problem is None:
        state, outcome = CallState.TRANSCRIBING, TakenOutcome.STARTED
    elif problem == Reason.GONE:
        state, outcome = CallState.REFUSED, TakenOutcome.REFUSED
    else:
        state, outcome = CallState.FAILED, TakenOutcome.FAILED
    stored = _stored(intake, record, state, is_new=False, reason=problem)
    return Taken(outcome, problem, stored) if stored else None


def _job_problem(intake: Intake, record: CallRecord, request: _Request) -> Reason | None:
    """Why the record's job cannot run; None when it does."""
    media, transcriber = record.media_key or "", intake.transcriber
    # A URI has no version, and a recording can be uploaded again: the job reads a copy.
    if not intake.recordings.accept(record.upload, media):
        # The recording may have expired since an attempt that died had started the job.
        job = transcriber.job(record.job_name)
        return None if job is not None and job.media_key == media else Reason.GONE
    order = TranscriptionOrder(
        tenant_id=record.tenant_id,
        job_name=record.job_name,
        media_key=media,
        media_format=request.media_format,
        language_code=request.language_code,
        audio=request.tenant.audio,
        redact=request.redaction is Redaction.TRANSCRIBE,
        output_key=transcript_key(record.tenant_id, record.job_name),
    )
    if transcriber.start(order):
        return None
    job = transcriber.job(record.job_name)
    if job is None:
        raise RetryLaterError("job_unclear")
    return None if job.media_key == media else Reason.JOB_NAME_TAKEN


def _ids(record: CallRecord | None) -> dict[str, str | int]:
    if record is None:
        return {}
    return {
        "tenant_id": record.tenant_id,
        "call_id": record.call_id,
        "revision": record.revision,
    }
