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
from cci_lite.contract.metadata import NO_METADATA, CallMetadata, ParsedMetadata, possible
from cci_lite.contract.registry import (
    CallRecord,
    CallState,
    MetadataSource,
    Reason,
    StoredMetadata,
    Upload,
    moved,
    place_upload,
)
from cci_lite.contract.services import Residency, language_of
from cci_lite.contract.tenant import Tenant, TenantStatus, is_masked
from cci_lite.errors import ContractError, RetryLaterError, ServiceError, TenantError, TenantIdError
from cci_lite.pipeline.call_metadata import log_put_aside
from cci_lite.pipeline.events import UploadEvent
from cci_lite.pipeline.media import (
    MAX_MEDIA_BYTES,
    SIDECAR_SUFFIX,
    media_format_of,
    metadata_of_headers,
)
from cci_lite.pipeline.stored_metadata import keep_told
from cci_lite.pipeline.tenant_directory import TenantDirectory
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
# Of a failed upload: reasons that no second attempt mends.
_FINAL_WORDS = frozenset(reason.value for reason in Reason) - {Reason.STUCK_RECEIVED.value}


@dataclass(frozen=True)
class Intake:
    """What taking in an upload needs. `residency` is where this installation's services are."""

    input_bucket: str
    residency: Residency | None
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

    Safe to repeat and to interrupt: of a registered upload the job is started when it was not yet.
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
    asked = Reason.SUPERSEDED if placement.superseded else _examined(intake, record)
    if isinstance(asked, Reason):
        return _refused(intake, record, asked, is_new=is_new)
    # Whose the key of the copy is the record says: it is there before anything is copied.
    if is_new and not _added(intake, record):
        return None
    return _copied_and_started(intake, record, asked)


def _waits_for_its_job(record: CallRecord) -> bool:
    """Whether no job was started yet, and an event may start it.

    True also of an upload that was given up, and of one whose start a service refused, with a
    code that is none of ours: what was wrong may be mended.
    """
    if record.state is not CallState.FAILED:
        return record.state is CallState.RECEIVED
    return record.reason is not None and record.reason not in _FINAL_WORDS


def _refused(
    intake: Intake, record: CallRecord, reason: Reason, *, is_new: bool = False
) -> Taken | None:
    """Refuse the upload; one that has failed stays so, for people were told of that."""
    refused: CallRecord | None = record
    if is_new:
        refused = msgspec.structs.replace(record, state=CallState.REFUSED, reason=reason)
        if not _added(intake, refused):
            return None
    elif record.state is not CallState.FAILED:
        refused = _stored(intake, record, CallState.REFUSED, reason=reason)
    return Taken(TakenOutcome.REFUSED, reason, refused) if refused else None


def _added(intake: Intake, record: CallRecord) -> bool:
    if not intake.registry.add(record):
        return False
    intake.telemetry.count(Metric.RECEIVED)
    return True


def _stored(
    intake: Intake, record: CallRecord, state: CallState, **changes: Any
) -> CallRecord | None:
    """The record in this state, stored; None when somebody else changed it in between."""
    wanted = {"state": state, **changes}
    if all(getattr(record, name) == value for name, value in wanted.items()):
        return record
    record = moved(record, state, intake.clock(), **changes)
    return record if intake.registry.replace(record) else None


# --- Whether, and how ----------------------------------------------------------------------------


def _examined(intake: Intake, record: CallRecord) -> _Request | Reason:
    """How the upload is to be transcribed, or why it is not. Nothing is guessed."""
    upload = record.upload
    tenant = intake.tenants.tenant(upload.tenant_id)
    if tenant is None:
        return Reason.UNKNOWN_TENANT
    if tenant.status is not TenantStatus.ACTIVE:
        return Reason.TENANT_SUSPENDED
    if tenant.data_residency is not intake.residency:
        return Reason.RESIDENCY
    media_format = media_format_of(upload.key)
    if media_format is None:
        return Reason.MEDIA_FORMAT
    media = intake.recordings.look(upload)
    if media is None and record.media_key is None:
        return Reason.GONE
    if upload.size == 0:
        return Reason.MEDIA_EMPTY
    if upload.size > MAX_MEDIA_BYTES:
        return Reason.MEDIA_TOO_LARGE
    metadata = _metadata(intake, tenant, record, media.metadata if media else None)
    # What the record says its job may be running with already.
    language_code = record.language_code or metadata.language_code or tenant.language_code
    try:
        language = language_of(language_code)
    except TenantError:
        return Reason.LANGUAGE_UNKNOWN
    redacts = Redaction.TRANSCRIBE if language.redaction else Redaction.MASKED
    redaction = record.redaction or redacts
    if redaction is Redaction.MASKED and not is_masked(tenant, language):
        return Reason.LANGUAGE_UNREDACTED
    return _Request(tenant, media_format, language_code, redaction)


def _has_to_wait(registry: CallRegistry, tenant: Tenant, record: CallRecord) -> bool:
    """Whether the tenant has as many calls in transcription as it may, give or take a few.

    All tenants of an account share Transcribe's queue; each fills no more than its part. What waits
    already goes first.
    """
    received = registry.find(tenant.tenant_id, CallState.RECEIVED)
    if record.reason != Reason.WAITING and any(_is_waiting(each) for each in received):
        return True
    running = islice(registry.find(tenant.tenant_id, CallState.TRANSCRIBING), tenant.max_open_calls)
    return sum(1 for _ in running) >= tenant.max_open_calls


def _is_waiting(record: CallRecord) -> bool:
    return record.reason == Reason.WAITING


def _metadata(
    intake: Intake, tenant: Tenant, record: CallRecord, headers: Mapping[str, str] | None
) -> CallMetadata:
    """All that was told of the call, now also by the recording's own headers."""
    uploaded_at = record.upload.uploaded_at
    own = ParsedMetadata()
    if headers is not None:
        own = possible(metadata_of_headers(headers, tenant.zone), uploaded_at)
    stored = _with_own(intake, record, None if headers is None else own.metadata)
    problems = [*own.problems, *stored.start_problems(uploaded_at)]
    log_put_aside(intake.telemetry, record.tenant_id, record.call_id, problems)
    return stored.for_upload(uploaded_at).merged


def _with_own(intake: Intake, record: CallRecord, own: CallMetadata | None) -> StoredMetadata:
    """What is stored of the call, with what the recording's headers tell now."""
    tenant_id, call_id = record.tenant_id, record.call_id
    stored = intake.registry.metadata(tenant_id, call_id)
    if own is None or (own == NO_METADATA and MetadataSource.OBJECT not in stored.told):
        return stored
    stored, _ = keep_told(
        intake,
        tenant_id,
        call_id,
        source=MetadataSource.OBJECT,
        metadata=own,
        told_at=record.upload.uploaded_at,
    )
    return stored


# --- The job --------------------------------------------------------------------------------------


def _copied_and_started(intake: Intake, record: CallRecord, request: _Request) -> Taken | None:
    """Copy the recording, then have its job run; None when somebody else changed the record."""
    tenant, media = request.tenant, record.media_key
    if media is None:
        media = media_key(record.tenant_id, record.job_name, request.media_format)
        # A URI has no version, and a recording is replaced, or expires: the job reads a copy.
        try:
            is_copied = intake.recordings.accept(record.upload, media)
        except ServiceError as refusal:
            return _failed(intake, record, refusal.code)
        if not is_copied:
            return _refused(intake, record, Reason.GONE)
    waiting = Reason.WAITING if _has_to_wait(intake.registry, tenant, record) else None
    # What the job is asked for is written down before it is paid: its end can come first.
    received = _stored(
        intake,
        record,
        CallState.RECEIVED,
        reason=waiting,
        redrives=0 if record.state is CallState.FAILED else record.redrives,
        media_key=media,
        language_code=request.language_code,
        redaction=request.redaction,
    )
    if received is None:
        return None
    if waiting:
        return Taken(TakenOutcome.WAITING, waiting, received)
    return _started(intake, received, request, media)


def _started(intake: Intake, record: CallRecord, request: _Request, media: str) -> Taken | None:
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
    try:
        is_ours = _runs(intake.transcriber, order)
    except ServiceError as refusal:
        return _failed(intake, record, refusal.code)
    if not is_ours:
        return _failed(intake, record, Reason.JOB_NAME_TAKEN)
    stored = _stored(intake, record, CallState.TRANSCRIBING, reason=None)
    return Taken(TakenOutcome.STARTED, None, stored) if stored else None


def _runs(transcriber: Transcriber, order: TranscriptionOrder) -> bool:
    """Have the job run; False when somebody else's job has its name."""
    if transcriber.start(order):
        return True
    job = transcriber.job(order.job_name)
    if job is None:
        raise RetryLaterError("job_unclear")
    return job.media_key == order.media_key


def _failed(intake: Intake, record: CallRecord, reason: str) -> Taken | None:
    stored = _stored(intake, record, CallState.FAILED, reason=reason)
    return Taken(TakenOutcome.FAILED, reason, stored) if stored else None


def _ids(record: CallRecord | None) -> dict[str, str | int]:
    if record is None:
        return {}
    return {
        "tenant_id": record.tenant_id,
        "call_id": record.call_id,
        "revision": record.revision,
    }
