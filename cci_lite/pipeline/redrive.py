"""Drives one stalled call on, or has it fail with the reason."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cci_lite.contract.registry import (
    CallRecord,
    CallState,
    MetadataSource,
    Reason,
    Upload,
    failed,
    moved,
    place_upload,
)
from cci_lite.pipeline.call_metadata import SidecarOutcome, take_sidecar
from cci_lite.pipeline.events import JobEvent, UploadEvent
from cci_lite.pipeline.lease import is_held, of_revision
from cci_lite.pipeline.notify import Notifying, call_failed, job_failed, record_of
from cci_lite.pipeline.tenant_directory import TenantDirectory
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

LONGEST_TRANSCRIPTION = dt.timedelta(hours=24)
MAX_REDRIVES = 5
# What was driven in vain is driven after twice the time, so that an hour of trouble fails nothing.
LONGEST_WAIT = dt.timedelta(hours=6)
REOPENED = frozenset({Reason.UNKNOWN_TENANT, Reason.TENANT_SUSPENDED})


def unlimited() -> float:
    """The seconds that are left where there is no limit."""
    return math.inf


@dataclass(frozen=True)
class Reconciling:
    """What reconciling needs.

    `rewrite` writes a marked call's document again; `remaining` says how many seconds are left.
    """

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
    remaining: Callable[[], float] = unlimited

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


Drive = Callable[[Reconciling, CallRecord], Action | None]


def patience(after: dt.timedelta, record: CallRecord) -> dt.timedelta:
    """How long a record may stand still: `after`, and twice as long each time it was driven."""
    doubled: int = 2**record.redrives
    return min(after * doubled, LONGEST_WAIT)


def stalled(r: Reconciling, found: CallRecord, after: dt.timedelta) -> CallRecord | None:
    """The record as it is now, if nobody has touched it since `after` or works on it; else None."""
    latest = r.clock() - after
    if found.updated_at > latest:
        return None
    records = r.registry.records(found.call_id)
    record = of_revision(records, found.revision)
    if record is None or record.state is not found.state or record.updated_at > latest:
        return None
    return None if is_held(records, r.clock()) else record


def drive_stalled(
    r: Reconciling, found: CallRecord, after: dt.timedelta, drive: Drive
) -> Action | None:
    """Drive a record on that has stalled for longer than it may."""
    record = stalled(r, found, patience(after, found))
    return drive(r, record) if record is not None else None


def start(r: Reconciling, record: CallRecord) -> Action | None:
    """Have the upload's transcription job started; after too many attempts the call fails."""
    if record.redrives >= MAX_REDRIVES:
        return _give_up(r, record, Reason.STUCK_RECEIVED)
    if not _counted(r, record, CallState.RECEIVED):
        return None
    r.dispatcher.start(record.upload)
    return Action.STARTED


def start_waiting(r: Reconciling, record: CallRecord) -> Action:
    """Start an upload for which there is room. Waiting is no failure: it uses up no attempt."""
    r.dispatcher.start(record.upload)
    return Action.STARTED


def judge_again(r: Reconciling, record: CallRecord) -> Action | None:
    """Have a transcribed call judged once more; after too many attempts it fails."""
    if record.redrives >= MAX_REDRIVES:
        return _give_up(r, record, Reason.STUCK_TRANSCRIBED)
    if not _counted(r, record, record.state):
        return None
    r.dispatcher.judge(record.job_name)
    return Action.JUDGED


def ask_for_job(r: Reconciling, record: CallRecord) -> Action | None:
    """Ask how a call's transcription job has ended, of which no event came, and drive it on."""
    job = r.transcriber.job(record.job_name)
    if job is None:
        return start(r, record)
    if job.status is JobStatus.COMPLETED:
        return judge_again(r, record)
    if job.status is JobStatus.FAILED:
        job_failed(r.notifying, JobEvent(record.job_name, JobStatus.FAILED, job.failure))
        return Action.FAILED
    is_late = record.updated_at <= r.clock() - LONGEST_TRANSCRIPTION
    return _give_up(r, record, Reason.STUCK_TRANSCRIBING) if is_late else None


def take_in_unknown(r: Reconciling, upload: Upload, call_id: str) -> Action | None:
    """Have a recording taken in of which the registry has no record."""
    # One that is superseded is refused as that: then it is accounted for, and not found again.
    if place_upload(upload, r.registry.records(call_id)).known is not None:
        return None
    r.dispatcher.start(upload)
    return Action.FOUND


def tell_sidecar(r: Reconciling, upload: Upload, call_id: str) -> Action | None:
    """Take in a sidecar that was not taken in since it was uploaded."""
    stored = r.registry.metadata(upload.tenant_id, call_id)
    told = stored.told.get(MetadataSource.SIDECAR)
    if told is not None and told.told_at >= upload.uploaded_at:
        return None
    event = UploadEvent.of(r.input_bucket, upload)
    return Action.SIDECAR_TOLD if take_sidecar(r, event) is SidecarOutcome.STORED else None


def reopen(r: Reconciling, found: CallRecord) -> Action | None:
    """Have an upload taken in that was refused for its tenant."""
    record = record_of(r.registry, found.job_name)
    if record is None or record.state is not CallState.REFUSED or record.reason not in REOPENED:
        return None
    # A crash after this leaves a received upload, which the next sweep starts.
    if not r.registry.replace(moved(record, CallState.RECEIVED, r.clock(), reason=None)):
        return None
    r.dispatcher.start(record.upload)
    return Action.REOPENED


def rewrite(r: Reconciling, record: CallRecord) -> Action | None:
    """Bring a marked call's documents up to date."""
    return Action.REWRITTEN if r.rewrite(record) else None


def tell_people(r: Reconciling, found: CallRecord, after: dt.timedelta) -> Action | None:
    """Tell people of a failure that they were not told of by whoever saw it."""
    record = stalled(r, found, after)
    if record is None:
        return None
    return Action.PEOPLE_TOLD if call_failed(r.notifying, record) else None


def _counted(r: Reconciling, record: CallRecord, state: CallState) -> bool:
    """Count an attempt before it is made, as it may crash; False when the record has moved."""
    redrives = record.redrives + 1
    return r.registry.replace(moved(record, state, r.clock(), redrives=redrives))


def _give_up(r: Reconciling, record: CallRecord, reason: Reason) -> Action | None:
    given_up = failed(record, reason, r.clock())
    if not r.registry.replace(given_up):
        return None
    r.telemetry.count(Metric.FAILED)
    call_failed(r.notifying, given_up)
    return Action.FAILED
