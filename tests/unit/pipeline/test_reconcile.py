"""What has stalled is driven on, or fails with a reason; nothing is lost silently."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
from typing import Any

import pytest

from cci_lite.contract.registry import CallRecord, CallState, MetadataSource, leased
from cci_lite.errors import PipelineError, RetryLaterError, ServiceError
from cci_lite.pipeline.call_metadata import take_sidecar
from cci_lite.pipeline.intake import take_in
from cci_lite.pipeline.notify import call_failed
from cci_lite.pipeline.reconcile import in_turn, reconcile_all, reconcile_tenant
from cci_lite.pipeline.redrive import Action
from cci_lite.ports import JobStatus, Metric, TranscriptionJob
from cci_lite.tenancy import call_id_for
from tests.calls_in_memory import (
    MORNING,
    TENANT,
    Installation,
    event_of,
    everything_said,
    interrupted,
    minutes,
)
from tests.interrupter import Crash


@pytest.fixture
def installation() -> Installation:
    return Installation()


def sweep(installation: Installation, after: float = 0) -> dict[Action, int]:
    installation.clock.now += minutes(after)
    return dict(reconcile_tenant(installation.reconciling(), TENANT).counts)


# --- RECEIVED -------------------------------------------------------------------------------------


def test_a_received_upload_is_started_again_after_ten_minutes(installation: Installation) -> None:
    record = installation.register(CallState.RECEIVED)

    assert sweep(installation, after=9) == {}
    assert sweep(installation, after=1) == {Action.STARTED: 1}
    assert installation.dispatcher.started == [record.upload]
    assert installation.now(record).redrives == 1


def test_the_next_sweep_waits_again(installation: Installation) -> None:
    installation.register(CallState.RECEIVED)

    assert sweep(installation, after=10) == {Action.STARTED: 1}
    assert sweep(installation, after=19) == {}
    assert sweep(installation, after=1) == {Action.STARTED: 1}


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        (CallState.RECEIVED, [10, 20, 40, 80, 160, 320]),
        (CallState.TRANSCRIBED, [15, 30, 60, 120, 240, 360]),
    ],
    ids=str,
)
def test_after_five_attempts_the_call_fails_and_people_are_told_once(
    installation: Installation, state: CallState, waits: list[int]
) -> None:
    record = installation.register(state)

    for wait in waits[:5]:
        assert sweep(installation, after=wait - 1) == {}
        assert sweep(installation, after=1).keys() <= {Action.STARTED, Action.JUDGED}
    assert sweep(installation, after=waits[5] - 1) == {}
    assert sweep(installation, after=1) == {Action.FAILED: 1}
    assert sweep(installation, after=60) == {}

    reason = f"stuck_{state.lower()}"
    assert (installation.now(record).state, installation.now(record).reason) == (
        CallState.FAILED,
        reason,
    )
    assert [notice.code for notice in installation.notifier.notices] == [reason]
    assert installation.telemetry.metrics[Metric.FAILED] == 1
    assert len(installation.dispatcher.started + installation.dispatcher.judged) == 5


@pytest.mark.parametrize(
    "state", [CallState.RECEIVED, CallState.TRANSCRIBING, CallState.TRANSCRIBED], ids=str
)
def test_an_hour_of_trouble_fails_nothing(installation: Installation, state: CallState) -> None:
    record = installation.register(state)
    installation.start_job(record)
    installation.transcriber.finish(record.job_name)

    for _ in range(60):
        assert Action.FAILED not in sweep(installation, after=1)

    assert installation.now(record).state is state
    assert installation.now(record).redrives <= 2


def test_waiting_uploads_are_started_oldest_first_as_there_is_room(
    installation: Installation,
) -> None:
    installation.add_tenant(max_open_calls=3)
    installation.clock.now += minutes(2)
    running = installation.register(CallState.TRANSCRIBING, "running.wav")
    waiting = []
    for name in ("z.wav", "y.wav", "x.wav"):
        waiting.append(installation.register(name=name, reason="waiting"))
        installation.clock.wait(1)

    assert sweep(installation) == {Action.STARTED: 2}

    assert installation.dispatcher.started == [record.upload for record in waiting[:2]]
    assert [installation.now(record).redrives for record in waiting] == [0, 0, 0]
    installation.move(running, CallState.DONE)
    assert sweep(installation) == {Action.STARTED: 3}


def test_without_room_nothing_is_started_however_long_it_waits(
    installation: Installation,
) -> None:
    installation.add_tenant(max_open_calls=1)
    installation.clock.now += minutes(2)
    running = installation.register(CallState.TRANSCRIBING, "running.wav")
    installation.start_job(running)
    record = installation.register(name="b.wav", reason="waiting")

    for _ in range(10):
        assert sweep(installation, after=15) == {}
    assert installation.now(record) == record


# --- TRANSCRIBING ---------------------------------------------------------------------------------


def test_the_lost_end_of_a_job_is_asked_for_after_half_an_hour(installation: Installation) -> None:
    record = installation.register(CallState.TRANSCRIBING)
    installation.start_job(record)
    installation.transcriber.finish(record.job_name)

    assert sweep(installation, after=29) == {}
    assert sweep(installation, after=1) == {Action.JUDGED: 1}
    assert installation.dispatcher.judged == [record.job_name]
    assert installation.now(record).redrives == 1


def test_a_job_whose_failure_was_not_told_fails_the_call(installation: Installation) -> None:
    record = installation.register(CallState.TRANSCRIBING)
    installation.start_job(record)
    installation.transcriber.fail(record.job_name, "media_unreadable")

    assert sweep(installation, after=30) == {Action.FAILED: 1}

    assert installation.now(record).reason == "media_unreadable"
    assert [notice.code for notice in installation.notifier.notices] == ["media_unreadable"]


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.IN_PROGRESS])
def test_a_running_job_is_left_alone_for_a_day_and_no_longer(
    installation: Installation, status: JobStatus
) -> None:
    record = installation.register(CallState.TRANSCRIBING)
    installation.start_job(record)
    installation.transcriber.jobs[record.job_name] = TranscriptionJob(record.job_name, status)

    assert sweep(installation, after=23 * 60 + 59) == {}
    assert installation.now(record) == record
    assert sweep(installation, after=1) == {Action.FAILED: 1}
    assert installation.now(record).reason == "stuck_transcribing"
    assert len(installation.notifier.notices) == 1


def test_a_job_that_does_not_exist_is_started_again(installation: Installation) -> None:
    record = installation.register(CallState.TRANSCRIBING)

    assert sweep(installation, after=30) == {Action.STARTED: 1}

    assert installation.now(record).state is CallState.RECEIVED
    assert installation.now(record).redrives == 1
    assert installation.dispatcher.started == [record.upload]


def test_a_job_that_never_comes_to_exist_is_given_up(installation: Installation) -> None:
    record = installation.register(CallState.TRANSCRIBING)

    for _ in range(5):
        assert sweep(installation, after=360) == {Action.STARTED: 1}
        installation.move(record, CallState.TRANSCRIBING)
    assert sweep(installation, after=360) == {Action.FAILED: 1}
    # Its event, delivered again, has it taken up; waiting for the job's end would be in vain.
    assert installation.now(record).reason == "stuck_received"
    assert "should its job still complete" not in installation.notifier.notices[0].text


def test_a_completed_job_that_is_never_judged_is_given_up(installation: Installation) -> None:
    record = installation.register(CallState.TRANSCRIBING, redrives=5)
    installation.start_job(record)
    installation.transcriber.finish(record.job_name)

    assert sweep(installation, after=360) == {Action.FAILED: 1}
    assert installation.now(record).reason == "stuck_transcribed"


# --- TRANSCRIBED ----------------------------------------------------------------------------------


def test_a_call_that_is_being_judged_is_left_alone(installation: Installation) -> None:
    record = installation.register(CallState.TRANSCRIBED)
    installation.clock.now += minutes(20)
    claimed = leased(record, "somebody", installation.clock(), dt.timedelta(minutes=40))
    assert claimed is not None
    assert installation.registry.replace(claimed)

    assert sweep(installation, after=39) == {}
    assert sweep(installation, after=1) == {Action.JUDGED: 1}
    assert installation.dispatcher.judged == [record.job_name]


@pytest.mark.parametrize(
    "state", [CallState.DONE, CallState.REVIEW, CallState.REFUSED, CallState.ERASED]
)
def test_what_has_come_to_an_end_is_left_alone(
    installation: Installation, state: CallState
) -> None:
    record = installation.register(state)

    assert sweep(installation, after=24 * 60) == {}
    assert installation.now(record) == record


# --- Lost events ----------------------------------------------------------------------------------


def test_a_recording_whose_event_was_lost_is_found_after_ten_minutes(
    installation: Installation,
) -> None:
    upload = installation.upload()

    assert sweep(installation, after=9) == {}
    assert sweep(installation, after=1) == {Action.FOUND: 1}
    (started,) = installation.dispatcher.started
    assert (started.key, started.etag) == (upload.key, upload.etag)


def test_a_recording_that_was_uploaded_again_is_found_again(installation: Installation) -> None:
    installation.register(CallState.DONE)
    installation.upload(data=b"another call")

    assert sweep(installation, after=10) == {Action.FOUND: 1}


@pytest.mark.parametrize("state", list(CallState))
def test_a_recording_that_is_registered_is_not_lost(
    installation: Installation, state: CallState
) -> None:
    installation.register(state)

    assert Action.FOUND not in sweep(installation, after=60)


def test_folder_markers_and_sidecars_are_no_recordings(installation: Installation) -> None:
    installation.upload("", b"")
    installation.upload("2025/", b"")
    installation.upload(".meta.json", b"{}")
    installation.upload("a.wav.meta.json", b"{broken")

    assert sweep(installation, after=10) == {}
    assert installation.dispatcher.started == []


def test_a_sidecar_whose_event_was_lost_is_taken_in(installation: Installation) -> None:
    upload = installation.upload("a.wav.meta.json", b'{"agent_id": "a-1"}')

    assert sweep(installation, after=10) == {Action.SIDECAR_TOLD: 1}
    assert sweep(installation, after=10) == {}

    call_id = call_id_for(TENANT, upload.key.removesuffix(".meta.json"))
    stored = installation.registry.metadata(TENANT, call_id)
    assert stored.told[MetadataSource.SIDECAR].told_at == upload.uploaded_at
    assert stored.merged.agent_id == "a-1"


@pytest.mark.parametrize("when", ["crash_before", "crash_after"])
@pytest.mark.parametrize("at", range(1, 20))
def test_a_sidecar_is_not_lost_by_a_reconciler_that_dies(
    installation: Installation, when: str, at: int
) -> None:
    record = installation.register(CallState.DONE)
    installation.upload("a.wav.meta.json", b'{"agent_id": "a-1"}')
    installation.clock.now += minutes(20)
    interrupter = interrupted(when, at)

    with contextlib.suppress(Crash):
        reconcile_tenant(installation.reconciling(interrupter.wrap), TENANT)
    for _ in range(2):
        sweep(installation, after=15)

    stored = installation.registry.metadata(TENANT, record.call_id)
    assert stored.merged.agent_id == "a-1"
    assert [each.call_id for each in installation.rewritten][-1:] == [record.call_id]


def test_an_upload_is_left_alone_while_another_one_of_its_call_is_worked_on(
    installation: Installation,
) -> None:
    first = installation.register(CallState.DONE)
    second = installation.register(
        CallState.TRANSCRIBED, upload=installation.upload(data=b"again"), revision=2
    )
    claimed = leased(first, "somebody", installation.clock(), dt.timedelta(minutes=30))
    assert claimed is not None
    assert installation.registry.replace(claimed)

    assert sweep(installation, after=29) == {}
    assert sweep(installation, after=1) == {Action.JUDGED: 1}
    assert installation.dispatcher.judged == [second.job_name]


def test_a_sidecar_that_was_replaced_since_is_taken_in_again(
    installation: Installation,
) -> None:
    upload = installation.upload("a.wav.meta.json", b'{"agent_id": "a-1"}')
    take_sidecar(installation.metadata_intake, event_of(upload))
    installation.clock.wait(5)
    installation.upload("a.wav.meta.json", b'{"agent_id": "a-2"}')

    assert sweep(installation, after=10) == {Action.SIDECAR_TOLD: 1}


def test_sidecars_of_a_suspended_tenant_wait_until_it_is_active(
    installation: Installation,
) -> None:
    installation.upload("a.wav.meta.json", b'{"agent_id": "a-1"}')
    installation.suspend()

    assert sweep(installation, after=10) == {}
    assert installation.telemetry.metrics == {}
    installation.add_tenant()
    assert sweep(installation, after=10) == {Action.SIDECAR_TOLD: 1}


# --- Refused, to be rewritten, failed -------------------------------------------------------------


@pytest.mark.parametrize("reason", ["unknown_tenant", "tenant_suspended"])
def test_what_was_refused_for_its_tenant_is_taken_in_once_that_is_active(
    installation: Installation, reason: str
) -> None:
    record = installation.register(CallState.REFUSED, reason=reason)
    installation.suspend()

    assert sweep(installation) == {}
    installation.add_tenant()
    assert sweep(installation, after=2) == {Action.REOPENED: 1}
    assert sweep(installation) == {}

    assert (installation.now(record).state, installation.now(record).reason) == (
        CallState.RECEIVED,
        None,
    )
    assert installation.dispatcher.started == [record.upload]


def test_what_was_refused_for_itself_stays_refused(installation: Installation) -> None:
    installation.register(CallState.REFUSED, reason="media_format")

    assert sweep(installation, after=60) == {}


def test_a_refused_recording_that_has_expired_stays_refused(installation: Installation) -> None:
    installation.register(CallState.REFUSED, reason="tenant_suspended")

    assert sweep(installation, after=49 * 60) == {}


def test_marked_documents_are_given_for_rewriting(installation: Installation) -> None:
    record = installation.register(CallState.DONE, rewrite=True)
    installation.register(CallState.DONE, name="b.wav")

    assert sweep(installation) == {Action.REWRITTEN: 1}
    assert installation.rewritten == [record]


def test_a_document_that_needed_no_rewriting_is_not_counted(installation: Installation) -> None:
    installation.register(CallState.DONE, rewrite=True)

    r = installation.reconciling(rewrite=lambda _: False)

    assert reconcile_tenant(r, TENANT).counts == {}


def test_a_failure_without_a_notice_is_reported(installation: Installation) -> None:
    installation.register(CallState.FAILED, reason="job_name_taken")
    told = installation.register(CallState.FAILED, name="b.wav", reason="internal")
    call_failed(installation.notifying, told)

    assert sweep(installation, after=9) == {}
    assert sweep(installation, after=1) == {Action.PEOPLE_TOLD: 1}
    assert sweep(installation, after=10) == {}
    assert [notice.code for notice in installation.notifier.notices] == [
        "internal",
        "job_name_taken",
    ]


# --- Trouble, races and crashes -------------------------------------------------------------------


def test_an_unknown_tenant_has_nothing_to_reconcile(installation: Installation) -> None:
    done = reconcile_tenant(installation.reconciling(), "unknown")

    assert (done.tenant_id, done.counts) == ("unknown", {})


def test_a_failure_of_one_call_does_not_stop_the_others(installation: Installation) -> None:
    records = [
        installation.register(CallState.TRANSCRIBING, name) for name in ("a.wav", "b.wav", "c.wav")
    ]
    for record in records:
        installation.start_job(record)
        installation.transcriber.finish(record.job_name)
    installation.clock.now += minutes(30)
    asked = iter([None, RetryLaterError("transcribe_limit"), ServiceError("denied", "canary")])

    class Refusing:
        def job(self, job_name: str) -> Any:
            if (problem := next(asked)) is not None:
                raise problem
            return installation.transcriber.job(job_name)

    r = installation.reconciling(
        lambda port: Refusing() if port is installation.transcriber else port
    )

    assert reconcile_tenant(r, TENANT).counts == {Action.JUDGED: 1, Action.SKIPPED: 2}
    assert len(installation.dispatcher.judged) == 1
    skipped = [fields for _, fields in installation.telemetry.events if fields.get("error")]
    assert [fields["error"] for fields in skipped] == ["RetryLaterError", "ServiceError"]
    assert "canary" not in everything_said(installation)


def test_a_failure_of_one_tenant_does_not_stop_the_others(installation: Installation) -> None:
    for tenant_id in ("a-broken", "b-dying", "c-fine"):
        installation.add_tenant(tenant_id)
        installation.upload(tenant_id=tenant_id)
    installation.config.items["TENANT#a-broken", "META#v1"]["time_zone"] = "canary"
    installation.clock.now += minutes(10)

    class Dying:
        def listing(self, tenant_id: str) -> Any:
            if tenant_id == "b-dying":
                raise RuntimeError("canary")
            return installation.recordings.listing(tenant_id)

    r = installation.reconciling(lambda port: Dying() if port is installation.recordings else port)

    swept = reconcile_all(r)
    assert {done.tenant_id: done.counts for done in swept.done} == {
        "c-fine": {Action.FOUND: 1},
        TENANT: {},
    }
    assert swept.left == 0
    assert {
        fields["tenant_id"]: fields["error"]
        for event, fields in installation.telemetry.events
        if event == "tenant_skipped"
    } == {"a-broken": "PipelineError", "b-dying": "RuntimeError"}
    assert "canary" not in everything_said(installation)


# --- Time -----------------------------------------------------------------------------------------


def counting_down(*seconds: float) -> Any:
    """Says these, one after the other, and the last again and again."""
    left = list(seconds)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_a_sweep_ends_before_the_function_has_to(installation: Installation) -> None:
    for number in range(4):
        installation.add_tenant(f"tenant-{number}")
    r = dataclasses.replace(installation.reconciling(), remaining=counting_down(61, 60, 59))

    swept = reconcile_all(r)

    assert (len(swept.done), swept.left) == (2, 3)
    assert installation.telemetry.events == [("sweep_cut_short", {"count": 3})]


def test_a_sweep_that_ends_within_a_tenant_continues_there_the_next_time(
    installation: Installation,
) -> None:
    records = [installation.register(name=name) for name in ("a.wav", "b.wav", "c.wav")]
    installation.clock.now += minutes(10)
    r = dataclasses.replace(installation.reconciling(), remaining=counting_down(90, 80, 59))

    swept = reconcile_all(r)

    assert [done.counts for done in swept.done] == [{Action.STARTED: 1}]
    assert swept.left == 1
    assert sweep(installation) == {Action.STARTED: 2}
    assert installation.dispatcher.started == [record.upload for record in records]


@pytest.mark.parametrize("tenants", [1, 2, 7, 100])
def test_every_tenant_has_its_turn_however_few_a_sweep_gets_to(tenants: int) -> None:
    names = [f"tenant-{number}" for number in range(tenants)]
    reached = max(1, tenants // 10)
    first: set[str] = set()
    for turn in range(50):
        order = in_turn(names, MORNING + minutes(15 * turn))
        assert sorted(order) == sorted(names)
        first |= set(order[:reached])
    assert first == set(names)


def test_without_tenants_a_sweep_does_nothing() -> None:
    assert in_turn([], MORNING) == []


def test_the_bucket_is_looked_at_last(installation: Installation) -> None:
    installation.register(CallState.FAILED, reason="internal")
    installation.register(CallState.DONE, "b.wav", rewrite=True)
    installation.upload("lost.wav", b"lost")
    installation.clock.now += minutes(10)
    r = dataclasses.replace(installation.reconciling(), remaining=counting_down(90, 90, 59))

    assert reconcile_tenant(r, TENANT).counts == {Action.REWRITTEN: 1, Action.PEOPLE_TOLD: 1}


def test_unreadable_settings_are_an_error_of_that_tenant(installation: Installation) -> None:
    installation.config.items[f"TENANT#{TENANT}", "META#v1"]["time_zone"] = "nowhere"

    with pytest.raises(PipelineError, match="tenant_unreadable"):
        reconcile_tenant(installation.reconciling(), TENANT)


@pytest.mark.parametrize(
    "state",
    [CallState.RECEIVED, CallState.TRANSCRIBING, CallState.TRANSCRIBED, CallState.REFUSED],
)
def test_what_somebody_else_moves_meanwhile_is_left_to_them(
    installation: Installation, state: CallState
) -> None:
    record = installation.register(
        state, reason="tenant_suspended" if state is CallState.REFUSED else None
    )
    moved_to = CallState.ERASED

    class Meddling:
        def __getattr__(self, name: str) -> Any:
            return getattr(installation.registry, name)

        def replace(self, given: CallRecord) -> bool:
            installation.move(record, moved_to)
            return installation.registry.replace(given)

    installation.clock.now += minutes(30)
    r = installation.reconciling(lambda port: Meddling() if port is installation.registry else port)

    assert reconcile_tenant(r, TENANT).counts == {}
    assert installation.now(record).state is moved_to
    assert installation.dispatcher.started + installation.dispatcher.judged == []


def test_what_a_lagging_listing_shows_is_read_again(installation: Installation) -> None:
    stale = installation.register(CallState.TRANSCRIBED)
    installation.clock.now += minutes(20)
    installation.move(stale, CallState.DONE)

    class Lagging:
        def __getattr__(self, name: str) -> Any:
            return getattr(installation.registry, name)

        def find(self, _: str, state: CallState, **_window: Any) -> Any:
            return iter([stale] if state is stale.state else [])

    r = installation.reconciling(lambda port: Lagging() if port is installation.registry else port)

    assert reconcile_tenant(r, TENANT).counts == {}
    assert installation.now(stale).state is CallState.DONE


def _a_bit_of_everything(installation: Installation) -> None:
    installation.register(CallState.RECEIVED, "received.wav")
    installation.register(CallState.REFUSED, "refused.wav", reason="tenant_suspended")
    installation.register(CallState.TRANSCRIBED, "transcribed.wav")
    installation.register(CallState.TRANSCRIBED, "stuck.wav", redrives=5)
    failed = installation.register(CallState.TRANSCRIBING, "failed.wav")
    installation.start_job(failed)
    installation.transcriber.fail(failed.job_name, "internal")
    installation.upload("lost.wav", b"lost")
    installation.upload("lost.wav.meta.json", b'{"queue": "billing"}')


def test_a_crash_after_any_step_is_repaired_by_the_next_sweeps() -> None:
    for when in ("crash_before", "crash_after"):
        for at in range(1, 200):
            installation = Installation()
            _a_bit_of_everything(installation)
            installation.clock.now += minutes(360)
            interrupter = interrupted(when, at)
            try:
                reconcile_tenant(installation.reconciling(interrupter.wrap), TENANT)
            except Crash:
                pass
            else:
                break
            sweep(installation, after=30)
            _expect_everything_driven(installation)
        else:
            pytest.fail("the sweep never came to its end")
        assert at > 30


def _expect_everything_driven(installation: Installation) -> None:
    names = {upload.key.rpartition("/")[2] for upload in installation.dispatcher.started}
    assert names == {"received.wav", "refused.wav", "lost.wav"}
    assert len(set(installation.dispatcher.judged)) == 1
    failed = {
        record.reason
        for record in installation.registry.all_records()
        if record.state is CallState.FAILED
    }
    assert failed == {"internal", "stuck_transcribed"}
    assert {notice.code for notice in installation.notifier.notices} == failed
    lost = call_id_for(TENANT, f"{TENANT}/calls/lost.wav")
    assert installation.registry.metadata(TENANT, lost).merged.queue == "billing"


def test_no_file_name_is_logged_or_told(installation: Installation) -> None:
    installation.register(CallState.TRANSCRIBED, "canary-a.wav", redrives=5)
    installation.register(CallState.RECEIVED, "canary-b.wav")
    installation.upload("canary-c.wav")
    installation.upload("canary-d.wav.meta.json", b'{"agent_name": "canary"}')

    assert sum(sweep(installation, after=360).values()) == 4
    assert "canary" not in everything_said(installation)


def test_a_recording_older_than_what_is_registered_is_refused_and_not_found_again(
    installation: Installation,
) -> None:
    older = installation.upload(data=b"older")
    installation.clock.now += minutes(1)
    installation.register(CallState.DONE, upload=installation.upload(data=b"newer"))
    installation.recordings.uploads[older.key] = (older, b"older", {})

    assert sweep(installation, after=10) == {Action.FOUND: 1}
    (found,) = installation.dispatcher.started
    assert take_in(installation.intake, event_of(found)).reason == "superseded"
    assert sweep(installation, after=10) == {}
