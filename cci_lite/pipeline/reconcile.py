"""Finds what has stalled: events get lost, functions die, tenants come back.

Events of S3 and Transcribe are delivered at best at least once, in rare cases not at all. Every
sweep compares the registry with the input bucket and with the transcription jobs, and puts what is
missing onto the queues again. What was driven five times without an end fails.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from cci_lite.contract.registry import CallState, Reason
from cci_lite.contract.tenant import Tenant, TenantStatus
from cci_lite.errors import CciLiteError
from cci_lite.pipeline.call_metadata import sidecar_recording
from cci_lite.pipeline.media import SIDECAR_SUFFIX
from cci_lite.pipeline.redrive import (
    REOPENED,
    Action,
    Drive,
    Reconciling,
    ask_for_job,
    drive_stalled,
    judge_again,
    reopen,
    rewrite,
    start,
    start_waiting,
    take_in_unknown,
    tell_people,
    tell_sidecar,
)
from cci_lite.tenancy import call_id_for

# How long each step may take before it is looked after. Transcribe may queue a job for hours.
STALLED_RECEIVED = dt.timedelta(minutes=10)
STALLED_TRANSCRIBING = dt.timedelta(minutes=30)
STALLED_TRANSCRIBED = dt.timedelta(minutes=15)
# Recordings expire one day after their upload, rounded up to midnight.
RECORDINGS_KEPT = dt.timedelta(days=2)
# Notices are remembered for 30 days: within this time none can be sent a second time.
FAILURES_LOOKED_AT = dt.timedelta(days=7)
# With fewer seconds than this left, nothing new is begun.
LAST_SECONDS = 60.0

_DRIVEN: Sequence[tuple[CallState, dt.timedelta, Drive]] = (
    (CallState.TRANSCRIBING, STALLED_TRANSCRIBING, ask_for_job),
    (CallState.TRANSCRIBED, STALLED_TRANSCRIBED, judge_again),
)
_TURN = dt.timedelta(minutes=15)
_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Reconciled:
    """What was done for one tenant. A skipped call was in trouble; the next sweep comes again.

    `is_whole` is False when time was too short for all of its calls.
    """

    tenant_id: str
    counts: Mapping[Action, int] = field(default_factory=Counter)
    is_whole: bool = True


@dataclass(frozen=True)
class Sweep:
    """What was done for each tenant, and for how many of them time was too short."""

    done: Sequence[Reconciled]
    left: int


def reconcile_all(r: Reconciling) -> Sweep:
    """Reconcile every tenant; one that is in trouble is logged and does not stop the others."""
    tenant_ids = in_turn(r.tenants.tenant_ids(), r.clock())
    done: list[Reconciled] = []
    tried = 0
    while tried < len(tenant_ids) and is_time(r):
        tenant_id = tenant_ids[tried]
        tried += 1
        try:
            done.append(reconcile_tenant(r, tenant_id))
        except Exception as problem:  # its message may carry anything: the type is enough
            r.telemetry.log("tenant_skipped", tenant_id=tenant_id, error=type(problem).__name__)
    left = len(tenant_ids) - tried + sum(not each.is_whole for each in done)
    if left:
        r.telemetry.log("sweep_cut_short", count=left)
    return Sweep(done, left)


def in_turn(tenant_ids: Sequence[str], at: dt.datetime) -> list[str]:
    """The tenants, beginning with another one every quarter of an hour.

    Steps of the golden ratio spread the beginnings evenly, however many tenants a sweep gets to.
    """
    turn = int(at.timestamp() // _TURN.total_seconds())
    first = int(turn * _GOLDEN_RATIO % 1 * len(tenant_ids))
    return [*tenant_ids[first:], *tenant_ids[:first]]


def is_time(r: Reconciling) -> bool:
    """Whether there is time to begin something."""
    return r.remaining() >= LAST_SECONDS


def reconcile_tenant(r: Reconciling, tenant_id: str) -> Reconciled:
    """Drive on a tenant's stalled calls; safe to repeat, to interrupt, and to run twice at once.

    Raises PipelineError when the tenant's settings cannot be read, or its calls not be listed.
    """
    counts: Counter[Action] = Counter()
    tenant = r.tenants.tenant(tenant_id)
    for call_id, step in _steps(r, tenant) if tenant else ():
        if not is_time(r):
            return Reconciled(tenant_id, counts, is_whole=False)
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
    """What to do, by call; in the order of states, so that no call is driven twice in a sweep.

    The bucket comes last: it takes longest, and would use up the time of the others.
    """
    if tenant.status is TenantStatus.ACTIVE:
        yield from _refused(r, tenant.tenant_id)
    yield from _received(r, tenant)
    for state, after, drive in _DRIVEN:
        for record in r.registry.find(tenant.tenant_id, state):
            yield record.call_id, partial(drive_stalled, r, record, after, drive)
    for record in r.registry.to_rewrite(tenant.tenant_id):
        yield record.call_id, partial(rewrite, r, record)
    yield from _failed(r, tenant.tenant_id)
    yield from _uploads(r, tenant)


def _refused(r: Reconciling, tenant_id: str) -> Iterator[_Step]:
    """Uploads from before the tenant was known, or while it was suspended."""
    since = r.clock() - RECORDINGS_KEPT
    for record in r.registry.find(tenant_id, CallState.REFUSED, received_from=since):
        if record.reason in REOPENED:
            yield record.call_id, partial(reopen, r, record)


def _received(r: Reconciling, tenant: Tenant) -> Iterator[_Step]:
    """Uploads whose job was not started: for want of room, which they wait for, or by a crash."""
    most = tenant.max_open_calls
    running = r.registry.find(tenant.tenant_id, CallState.TRANSCRIBING)
    room = most - sum(1 for _ in islice(running, most))
    for record in r.registry.find(tenant.tenant_id, CallState.RECEIVED):
        if record.reason != Reason.WAITING:
            yield record.call_id, partial(drive_stalled, r, record, STALLED_RECEIVED, start)
        elif room > 0:
            room -= 1
            yield record.call_id, partial(start_waiting, r, record)


def _failed(r: Reconciling, tenant_id: str) -> Iterator[_Step]:
    """Failures of which nobody may have been told, because the function crashed before."""
    since = r.clock() - FAILURES_LOOKED_AT
    for record in r.registry.find(tenant_id, CallState.FAILED, received_from=since):
        yield record.call_id, partial(tell_people, r, record, STALLED_RECEIVED)


def _uploads(r: Reconciling, tenant: Tenant) -> Iterator[_Step]:
    """What lies in the input bucket, long enough that its event should have come."""
    latest = r.clock() - STALLED_RECEIVED
    for upload in r.recordings.listing(tenant.tenant_id):
        if upload.uploaded_at > latest or upload.key.endswith("/"):
            continue
        recording = sidecar_recording(upload.key)
        if recording is not None and tenant.status is TenantStatus.ACTIVE:
            call_id = call_id_for(tenant.tenant_id, recording)
            yield call_id, partial(tell_sidecar, r, upload, call_id)
        elif not upload.key.endswith(SIDECAR_SUFFIX):
            call_id = call_id_for(tenant.tenant_id, upload.key)
            yield call_id, partial(take_in_unknown, r, upload, call_id)
