"""Drives on what has come to a halt: events get lost, functions die, tenants come back.

Events of S3 and Transcribe are delivered at best at least once, in rare cases not at all. Every
sweep compares the registry with the input bucket and with the transcription jobs, and puts what is
missing onto the queues again. What was driven five times without an end fails.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import islice

from cci_lite.contract.registry import (
    CallRecord,
    CallState,
    MetadataSource,
    Upload,
    moved,
    place_upload,
)
from cci_lite.contract.tenant import Tenant, TenantStatus
from cci_lite.errors import CciLiteError
from cci_lite.pipeline.call_metadata import SidecarOutcome, sidecar_recording, take_sidecar
from cci_lite.pipeline.events import JobEvent, UploadEvent
from cci_lite.pipeline.intake import Reason
from cci_lite.pipeline.media import SIDECAR_SUFFIX
from cci_lite.pipeline.notify import Notifying, call_failed, job_failed, record_of
from cci_lite.pipeline.tenants import TenantDirectory
from cci_lite.ports import (
    CallRegistry,
    Dispatcher,
    JobStatus,
    Metric,
    Notifier,
    Recordings,
    Telemetry,
    TenantFiles,
    Transcriber,
)
from cci_lite.tenancy import call_id_for

# How long each step may take before it is looked after. Transcribe may queue a job for hours.
HALTED_RECEIVED = dt.timedelta(minutes=10)
HALTED_TRANSCRIBING = dt.timedelta(minutes=30)
HALTED_TRANSCRIBED = dt.timedelta(minutes=15)
LONGEST_TRANSCRIPTION = dt.timedelta(hours=24)
MAX_REDRIVES = 5
# Recordings expire one day after their upload, rounded up to midnight.
RECORDINGS_KEPT = dt.timedelta(days=2)
# Notices are remembered for 30 days: within this time none can be sent a second time.
FAILURES_LOOKED_AT = dt.timedelta(days=7)

_REOPENED = frozenset({Reason.UNKNOWN_TENANT, Reason.TENANT_SUSPENDED})


@dataclass(frozen=True)
class Reconciling:
    """What reconciling needs. `rewrite` writes a marked call's document again."""

    input_bucket: str
    registry: CallRegistry
    recordings: Recordings
    files: TenantFiles
    transcriber: Transcriber
    tenants: TenantDirectory
    dispatcher: Dispatcher
    notifier: Notifier
    telemetry: Telemetry
    clock: Callable[[], dt.datetime]
    rewrite: Callable[[CallRecord], bool]

    @property
    def notifying(self) -> Notifying:
        """What telling people needs."""
        return Notifying(self.registry, self.notifier, self.telemetry, self.clock)


class Action(StrEnum):
    """What was done about one call."""

    STARTED = "started"
    FOUND = "found"
    REOPENED = "reopened"
    JUDGED = "judged"
    FAILED = "failed"
    SIDECAR_TOLD = "sidecar_told"
    REWRITTEN = "rewritten"
    PEOPLE_TOLD = "people_told"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Reconciled:
    """What was done for one tenant. A skipped call was in trouble; the next sweep comes again."""

    tenant_id: str
    counts: Mapping[Action, int] = field(default_factory=Counter)


def reconcile_all(r: Reconciling) -> list[Reconciled]:
    """Reconcile every tenant; one that is in trouble is logged and does not stop the others."""
    done = []
    for tenant_id in r.tenants.tenant_ids():
        try:
            done.append(reconcile_tenant(r, tenant_id))
        except Exception as problem:  # its message may carry anything: the type is enough
            r.telemetry.log("tenant_skipped", tenant_id=tenant_id, error=type(problem).__name__)
    return done


def reconcile_tenant(r: Reconciling, tenant_id: str) -> Reconciled:
    """Drive on what has halted of one tenant; safe to repeat, to interrupt and to run at once.

    Raises PipelineError when the tenant's settings cannot be read, or its calls not be listed.
    """
    counts: Counter[Action] = Counter()
    tenant = r.tenants.tenant(tenant_id)
    for call_id, step in _steps(r, tenant) if tenant else ():
        error = None
        try:
            action = step()
        except CciLiteError as problem:
            action, error = Action.SKIPPED, type(problem).__name__
        if action is not None:
            counts[action] += 1
            r.telemetry.log(
                "reconciled",
                tenant_id=tenant_id,
                call_id=call_id,
                reason=action.value,
                error=error,
            )
    return Reconciled(tenant_id, counts)


_Step = tuple[str, Callable[[], Action | None]]


def _steps(r: Reconciling, tenant: Tenant) -> Iterator[_Step]:
    """What is to be looked at, by call. Forwards, so that no call is driven twice in a sweep."""
    if tenant.status is TenantStatus.ACTIVE:
        yield from _refused(r, tenant.tenant_id)
    yield from _received(r, tenant)
    yield from _in_state(r, tenant, CallState.TRANSCRIBING, HALTED_TRANSCRIBING, _transcribing)
    yield from _in_state(r, tenant, CallState.TRANSCRIBED, HALTED_TRANSCRIBED, _judge)
    yield from _uploads(r, tenant)
    for record in r.registry.to_rewrite(tenant.tenant_id):
        yield record.call_id, partial(_rewrite, r, record)
    yield from _failed(r, tenant.tenant_id)


def _refused(r: Reconciling, tenant_id: str) -> Iterator[_Step]:
    """Uploads from before the tenant was known, or while it was suspended."""
    since = r.clock() - RECORDINGS_KEPT
    for record in r.registry.find(tenant_id, CallState.REFUSED, received_from=since):
        if record.reason in _REOPENED:
            yield record.call_id, partial(_reopen, r, record)


def _received(r: Reconciling, tenant: Tenant) -> Iterator[_Step]:
    """Uploads whose job was not started: for want of room, which they wait for, or by a crash."""
    most = tenant.max_open_calls
    running = r.registry.find(tenant.tenant_id, CallState.TRANSCRIBING)
    room = most - sum(1 for _ in islice(running, most))
    for record in r.registry.find(tenant.tenant_id, CallState.RECEIVED):
        if record.reason != Reason.WAITING:
            yield (
                record.call_id,
                partial(_when_halted, r, record, HALTED_RECEIVED, partial(_start, r)),
            )
        elif room > 0:
            room -= 1
            yield record.call_id, partial(_start_waiting, r, record)


def _in_state(
    r: Reconciling,
    tenant: Tenant,
    state: CallState,
    after: dt.timedelta,
    drive: Callable[[Reconciling, CallRecord], Action | None],
) -> Iterator[_Step]:
    for record in r.registry.find(tenant.tenant_id, state):
        yield record.call_id, partial(_when_halted, r, record, after, partial(drive, r))


def _uploads(r: Reconciling, tenant: Tenant) -> Iterator[_Step]:
    """What lies in the input bucket, long enough that its event should have come."""
    latest = r.clock() - HALTED_RECEIVED
    for upload in r.recordings.listing(tenant.tenant_id):
        if upload.uploaded_at > latest or upload.key.endswith("/"):
            continue
        recording = sidecar_recording(upload.key)
        if recording is not None and tenant.status is TenantStatus.ACTIVE:
            call_id = call_id_for(tenant.tenant_id, recording)
            yield call_id, partial(_tell_sidecar, r, upload, call_id)
        elif not upload.key.endswith(SIDECAR_SUFFIX):
            call_id = call_id_for(tenant.tenant_id, upload.key)
            yield call_id, partial(_take_in, r, upload, call_id)


def _failed(r: Reconciling, tenant_id: str) -> Iterator[_Step]:
    """Failures of which whoever saw them may have died before people were told."""
    since = r.clock() - FAILURES_LOOKED_AT
    for record in r.registry.find(tenant_id, CallState.FAILED, received_from=since):
        yield (
            record.call_id,
            partial(_when_halted, r, record, HALTED_RECEIVED, partial(_tell_people, r)),
        )


def _when_halted(
    r: Reconciling,
    found: CallRecord,
    after: dt.timedelta,
    drive: Callable[[CallRecord], Action | None],
) -> Action | None:
    """Drive a record, as it is now, that nobody has touched since `after` or works on."""
    latest = r.clock() - after
    if found.updated_at > latest:
        return None
    record = record_of(r.registry, found.job_name)
    if record is None or record.state is not found.state or record.updated_at > latest:
        return None
    if record.lease_until is not None and record.lease_until > r.clock():
        return None
    return drive(record)


def _start_waiting(r: Reconciling, record: CallRecord) -> Action:
    """Waiting is no failure: it uses up no attempt."""
    r.dispatcher.start(record.upload)
    return Action.STARTED


def _start(r: Reconciling, record: CallRecord) -> Action | None:
    return _drive(r, record, CallState.RECEIVED)


def _judge(r: Reconciling, record: CallRecord) -> Action | None:
    return _drive(r, record, record.state)


def _drive(r: Reconciling, record: CallRecord, state: CallState) -> Action | None:
    """Put a record onto its queue again, counted before: what always dies still ends."""
    if record.redrives >= MAX_REDRIVES:
        return _give_up(r, record)
    driven = moved(record, state, r.clock(), redrives=record.redrives + 1)
    if not r.registry.replace(driven):
        return None
    if state is CallState.RECEIVED:
        r.dispatcher.start(record.upload)
        return Action.STARTED
    r.dispatcher.judge(record.job_name)
    return Action.JUDGED


def _give_up(r: Reconciling, record: CallRecord) -> Action | None:
    reason = f"stuck_{record.state.lower()}"
    failed = moved(record, CallState.FAILED, r.clock(), reason=reason)
    if not r.registry.replace(failed):
        return None
    r.telemetry.count(Metric.FAILED)
    call_failed(r.notifying, failed)
    return Action.FAILED


def _transcribing(r: Reconciling, record: CallRecord) -> Action | None:
    """Ask for the job whose end was not told."""
    job = r.transcriber.job(record.job_name)
    if job is None:
        return _start(r, record)
    if job.status is JobStatus.COMPLETED:
        return _judge(r, record)
    if job.status is JobStatus.FAILED:
        job_failed(r.notifying, JobEvent(record.job_name, JobStatus.FAILED, job.failure))
        return Action.FAILED
    is_late = record.updated_at <= r.clock() - LONGEST_TRANSCRIPTION
    return _give_up(r, record) if is_late else None


def _take_in(r: Reconciling, upload: Upload, call_id: str) -> Action | None:
    # One that is superseded is refused as that: then it is accounted for, and not found again.
    if place_upload(upload, r.registry.records(call_id)).known is not None:
        return None
    r.dispatcher.start(upload)
    return Action.FOUND


def _tell_sidecar(r: Reconciling, upload: Upload, call_id: str) -> Action | None:
    stored = r.registry.metadata(upload.tenant_id, call_id)
    told = stored.told.get(MetadataSource.SIDECAR)
    if told is not None and told.told_at >= upload.uploaded_at:
        return None
    event = UploadEvent.of(r.input_bucket, upload)
    return Action.SIDECAR_TOLD if take_sidecar(r, event) is SidecarOutcome.STORED else None


def _reopen(r: Reconciling, found: CallRecord) -> Action | None:
    record = record_of(r.registry, found.job_name)
    if record is None or record.state is not CallState.REFUSED or record.reason not in _REOPENED:
        return None
    # A crash after this leaves a received upload, which the next sweep starts.
    if not r.registry.replace(moved(record, CallState.RECEIVED, r.clock(), reason=None)):
        return None
    r.dispatcher.start(record.upload)
    return Action.REOPENED


def _rewrite(r: Reconciling, record: CallRecord) -> Action | None:
    return Action.REWRITTEN if r.rewrite(record) else None


def _tell_people(r: Reconciling, record: CallRecord) -> Action | None:
    return Action.PEOPLE_TOLD if call_failed(r.notifying, record) else None
