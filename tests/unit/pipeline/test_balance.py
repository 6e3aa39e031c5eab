"""The daily balance adds up, and says so when it does not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from cci_lite.contract.registry import CallRecord, CallState
from cci_lite.pipeline.balance import DayBalance, Problem, balance_day
from cci_lite.tenancy import call_id_for, recording_key, unified_key
from tests.calls_in_memory import MORNING, TENANT, Installation, everything_said, minutes

DAY = MORNING.date()
MIDNIGHT = dt.datetime.combine(DAY, dt.time(), dt.UTC)
NEXT_MORNING = MIDNIGHT + dt.timedelta(days=1, minutes=15)


@pytest.fixture
def installation() -> Installation:
    return Installation()


def balance(
    installation: Installation, day: dt.date = DAY, at: dt.datetime = NEXT_MORNING
) -> DayBalance:
    installation.clock.now = at
    return balance_day(installation.reconciling(), TENANT, day)


def a_full_day(installation: Installation) -> list[CallRecord]:
    """One upload for each way a call can end."""
    ends = [
        (CallState.DONE, None),
        (CallState.DONE, None),
        (CallState.REVIEW, None),
        (CallState.FAILED, "internal"),
        (CallState.REFUSED, "media_format"),
        (CallState.ERASED, None),
    ]
    return [
        installation.register(state, f"{number}.wav", reason=reason)
        for number, (state, reason) in enumerate(ends)
    ]


def test_a_day_on_which_every_call_came_to_an_end_is_balanced(installation: Installation) -> None:
    a_full_day(installation)

    assert balance(installation) == DayBalance(
        tenant_id=TENANT,
        day=DAY,
        recordings=6,
        documents=2,
        review=1,
        failed=1,
        refused=1,
        erased=1,
        open=0,
        problems=[],
    )
    assert balance(installation).balanced
    assert installation.notifier.notices == []
    assert installation.telemetry.events[-1] == (
        "day_balanced",
        {"tenant_id": TENANT, "day": "2025-11-05", "count": 6},
    )


def test_a_day_without_calls_is_balanced(installation: Installation) -> None:
    assert balance(installation).balanced


@pytest.mark.parametrize("number", [0, 1, 2], ids=["done", "done too", "in review"])
def test_a_document_that_is_gone_is_a_problem(installation: Installation, number: int) -> None:
    records = a_full_day(installation)
    installation.files.objects.pop(records[number].document_key or "")

    found = balance(installation)

    assert not found.balanced
    assert found.problems == [Problem("document_missing", records[number].call_id, 1)]
    assert found.documents + found.review == 2
    assert found.recordings == 6


def test_a_finished_call_that_names_no_document_is_a_problem(installation: Installation) -> None:
    installation.register(CallState.DONE, document_key=None)

    assert [problem.code for problem in balance(installation).problems] == ["document_missing"]


def test_a_document_of_another_call_is_no_substitute(installation: Installation) -> None:
    record = installation.register(CallState.DONE)
    other = unified_key(TENANT, DAY, call_id_for(TENANT, recording_key(TENANT, "b.wav")))
    installation.files.objects[other] = installation.files.objects.pop(record.document_key or "")

    assert not balance(installation).balanced


def test_a_recording_that_nobody_registered_is_a_problem(installation: Installation) -> None:
    a_full_day(installation)
    upload = installation.upload("lost.wav", b"lost")

    found = balance(installation)

    assert found.problems == [Problem("unregistered", call_id_for(TENANT, upload.key), 1)]
    assert (found.recordings, found.balanced) == (7, False)


def test_an_upload_of_a_known_recording_that_nobody_registered_is_a_problem(
    installation: Installation,
) -> None:
    record = installation.register(CallState.DONE)
    installation.upload(data=b"another call")

    assert balance(installation).problems == [Problem("unregistered", record.call_id, 2)]


def test_a_record_that_is_not_found_among_the_days_is_a_problem(
    installation: Installation,
) -> None:
    record = a_full_day(installation)[0]

    class Hiding:
        def __getattr__(self, name: str) -> Any:
            return getattr(installation.registry, name)

        def find(self, *given: Any, **window: Any) -> Any:
            found = installation.registry.find(*given, **window)
            return (each for each in found if each.call_id != record.call_id)

    r = installation.reconciling(lambda port: Hiding() if port is installation.registry else port)
    installation.clock.now = NEXT_MORNING

    assert balance_day(r, TENANT, DAY).problems == [Problem("unregistered", record.call_id, 1)]


def test_folder_markers_and_sidecars_are_no_recordings(installation: Installation) -> None:
    installation.upload("", b"")
    installation.upload("2025/", b"")
    installation.upload("a.wav.meta.json", b"{}")

    assert balance(installation).recordings == 0


def test_a_recording_that_may_yet_be_registered_is_on_its_way_for_two_hours(
    installation: Installation,
) -> None:
    installation.upload()

    found = balance(installation, at=MORNING + minutes(119))
    assert (found.recordings, found.open, found.balanced, found.problems) == (1, 1, False, [])
    assert not found.is_settled
    assert installation.notifier.notices == []

    found = balance(installation, at=MORNING + minutes(120))
    assert (found.recordings, found.open) == (1, 0)
    assert [problem.code for problem in found.problems] == ["unregistered"]
    assert len(installation.notifier.notices) == 1
    # It can still be taken in: the day is balanced again then.
    assert not found.is_settled


def test_a_day_with_documents_that_are_gone_is_settled(installation: Installation) -> None:
    installation.register(CallState.DONE, document_key=None)

    found = balance(installation)

    assert (found.balanced, found.is_settled) == (False, True)


def test_only_the_days_that_documents_are_on_are_listed(installation: Installation) -> None:
    for number, day in enumerate([DAY, DAY, DAY - dt.timedelta(days=40)]):
        record = installation.register(CallState.DONE, f"{number}.wav", document_key=None)
        key = unified_key(TENANT, day, record.call_id)
        installation.files.put(key, b"document")
        installation.move(record, CallState.DONE, document_key=key)
    listed = []

    class Watching:
        def __getattr__(self, name: str) -> Any:
            return getattr(installation.files, name)

        def listing(self, tenant_id: str, prefix: str) -> Any:
            listed.append(prefix)
            return installation.files.listing(tenant_id, prefix)

    r = installation.reconciling(lambda port: Watching() if port is installation.files else port)
    installation.clock.now = NEXT_MORNING

    assert balance_day(r, TENANT, DAY).balanced
    assert sorted(listed) == [
        "unified/demo-tenant/2025/09/26/",
        "unified/demo-tenant/2025/11/05/",
    ]


@pytest.mark.parametrize(
    "state", [CallState.RECEIVED, CallState.TRANSCRIBING, CallState.TRANSCRIBED]
)
def test_open_calls_are_no_problem_before_a_day_has_passed(
    installation: Installation, state: CallState
) -> None:
    record = installation.register(state)

    found = balance(installation, at=MORNING + minutes(24 * 60 - 1))
    assert (found.open, found.balanced, found.problems) == (1, False, [])
    assert installation.notifier.notices == []

    found = balance(installation, at=MORNING + minutes(24 * 60))
    assert found.problems == [Problem("still_open", record.call_id, 1)]
    assert len(installation.notifier.notices) == 1


@pytest.mark.parametrize(
    ("received", "day"),
    [
        (MIDNIGHT, DAY),
        (MIDNIGHT - dt.timedelta(microseconds=1), DAY - dt.timedelta(days=1)),
        (MIDNIGHT + dt.timedelta(days=1, microseconds=-1), DAY),
        (MIDNIGHT + dt.timedelta(days=1), DAY + dt.timedelta(days=1)),
    ],
    ids=["first moment", "before", "last moment", "after"],
)
def test_every_upload_belongs_to_one_day(
    installation: Installation, received: dt.datetime, day: dt.date
) -> None:
    installation.clock.now = received
    installation.register(CallState.FAILED)
    at = NEXT_MORNING + dt.timedelta(days=1)

    for offset in (-1, 0, 1):
        each = DAY + dt.timedelta(days=offset)
        assert balance(installation, each, at).recordings == (each == day)


def test_a_day_with_a_problem_is_not_balanced_whatever_the_sums_say() -> None:
    sums = {"recordings": 1, "documents": 1, "review": 0, "failed": 0, "refused": 0, "erased": 0}
    problems = [Problem("unregistered", "cci_demo-tenant_x", 1)]

    assert DayBalance(TENANT, DAY, **sums, open=0, problems=[]).balanced
    assert not DayBalance(TENANT, DAY, **sums, open=0, problems=problems).balanced
    assert not DayBalance(TENANT, DAY, **{**sums, "failed": 1}, open=0, problems=[]).balanced


# --- Uploads again --------------------------------------------------------------------------------


def again(installation: Installation, state: CallState, **fields: Any) -> CallRecord:
    upload = installation.upload(data=b"again")
    return installation.register(state, upload=upload, revision=2, **fields)


def test_the_later_uploads_document_stands_for_the_earlier_one(
    installation: Installation,
) -> None:
    installation.register(CallState.DONE)
    again(installation, CallState.REVIEW)

    found = balance(installation)

    assert (found.documents, found.review, found.balanced) == (1, 1, True)


def test_the_later_uploads_document_may_lie_on_another_day(installation: Installation) -> None:
    first = installation.register(CallState.DONE)
    installation.files.objects.pop(first.document_key or "")
    key = unified_key(TENANT, DAY - dt.timedelta(days=3), first.call_id)
    installation.files.put(key, b"revision 2")
    again(installation, CallState.DONE, document_key=key)

    assert balance(installation).balanced


def test_both_uploads_lack_the_document_that_is_gone(installation: Installation) -> None:
    first = installation.register(CallState.DONE)
    again(installation, CallState.DONE)
    installation.files.objects.clear()

    assert balance(installation).problems == [
        Problem("document_missing", first.call_id, 1),
        Problem("document_missing", first.call_id, 2),
    ]


def test_a_later_upload_that_failed_has_no_document_to_stand_in(
    installation: Installation,
) -> None:
    first = installation.register(CallState.DONE)
    again(installation, CallState.FAILED)
    installation.files.objects.clear()

    assert balance(installation).problems == [Problem("document_missing", first.call_id, 1)]


def test_an_earlier_uploads_document_does_not_stand_for_the_later_one(
    installation: Installation,
) -> None:
    installation.register(CallState.DONE)
    second = again(installation, CallState.DONE, document_key=None)

    assert balance(installation).problems == [Problem("document_missing", second.call_id, 2)]


def test_a_document_that_moves_while_the_day_is_counted_is_not_missed(
    installation: Installation,
) -> None:
    record = installation.register(CallState.DONE)
    key = unified_key(TENANT, DAY - dt.timedelta(days=1), record.call_id)

    class Moving:
        def __getattr__(self, name: str) -> Any:
            return getattr(installation.files, name)

        def listing(self, *_: Any) -> Any:
            installation.files.objects[key] = installation.files.objects.pop(
                record.document_key or ""
            )
            installation.move(record, CallState.DONE, document_key=key)
            return iter(())

    r = installation.reconciling(lambda port: Moving() if port is installation.files else port)
    installation.clock.now = NEXT_MORNING

    assert balance_day(r, TENANT, DAY).balanced


# --- Two documents of one call --------------------------------------------------------------------


def other_key(record: CallRecord, days: int = 3) -> str:
    return unified_key(TENANT, DAY - dt.timedelta(days=days), record.call_id)


def test_a_day_is_not_balanced_while_a_call_has_a_document_that_is_to_be_deleted(
    installation: Installation,
) -> None:
    record = installation.register(CallState.DONE)
    installation.register(CallState.DONE, "b.wav")
    stale = other_key(record)
    installation.files.put(stale, b"stale")
    marked = installation.move(record, CallState.DONE, rewrite=True, stale_keys=(stale,))

    found = balance(installation)

    assert (found.documents, found.open, found.recordings) == (1, 1, 2)
    assert (found.balanced, found.is_settled, found.problems) == (False, False, [])
    assert installation.notifier.notices == []
    assert installation.now(record) == marked

    installation.files.delete(TENANT, stale)
    assert balance(installation).balanced


@pytest.mark.parametrize("state", [CallState.DONE, CallState.REVIEW])
def test_a_second_document_that_the_registry_does_not_know_of_is_handed_to_the_next_sweep(
    installation: Installation, state: CallState
) -> None:
    record = installation.register(state)
    stray = other_key(record)
    installation.files.put(stray, b"stray")
    # Another call is on that day, which is why it is listed.
    other = installation.register(CallState.DONE, "b.wav", document_key="x")
    key = other_key(other)
    installation.files.put(key, b"document")
    installation.move(other, CallState.DONE, document_key=key)

    found = balance(installation)

    assert (found.balanced, found.open, found.problems) == (False, 1, [])
    now = installation.now(record)
    assert (now.rewrite, now.stale_keys, now.document_key) == (
        True,
        (stray,),
        record.document_key,
    )
    events = [event for event, _ in installation.telemetry.events]
    assert events.count("document_doubled") == 1
    balance(installation)
    assert installation.now(record) == now


def test_the_document_that_an_earlier_upload_left_on_another_day_is_found(
    installation: Installation,
) -> None:
    first = installation.register(CallState.DONE)
    key = other_key(first)
    installation.files.put(key, b"revision 2")
    second = again(installation, CallState.DONE, document_key=key)

    found = balance(installation)

    assert (found.balanced, found.documents, found.open) == (False, 0, 2)
    assert installation.now(second).stale_keys == (first.document_key,)
    assert not installation.now(first).rewrite


def test_what_is_no_document_of_a_call_doubles_none(installation: Installation) -> None:
    record = installation.register(CallState.DONE)
    installation.files.put(f"unified/{TENANT}/2025/11/05/{record.call_id}.txt", b"x")
    installation.files.put(f"unified/{TENANT}/2025/11/05/x/{record.call_id}.json", b"x")
    theirs = call_id_for(TENANT, recording_key(TENANT, "z.wav"))
    installation.files.put(unified_key(TENANT, DAY, theirs), b"x")

    assert balance(installation).balanced


def test_a_document_that_is_deleted_while_the_day_is_counted_doubles_none(
    installation: Installation,
) -> None:
    record = installation.register(CallState.DONE)
    stale = other_key(record)
    installation.files.put(stale, b"stale")
    installation.move(record, CallState.DONE, stale_keys=(stale,))

    class Deleting:
        def __getattr__(self, name: str) -> Any:
            return getattr(installation.files, name)

        def listing(self, *given: Any) -> Any:
            found = list(installation.files.listing(*given))
            if "2025/11/02" in given[1]:
                installation.files.delete(TENANT, stale)
            return found

    r = installation.reconciling(lambda port: Deleting() if port is installation.files else port)
    installation.clock.now = NEXT_MORNING

    assert balance_day(r, TENANT, DAY).balanced
    assert not installation.now(record).rewrite


# --- Telling --------------------------------------------------------------------------------------


def test_people_are_told_once_per_day_and_tenant(installation: Installation) -> None:
    installation.upload("canary.wav")
    installation.register(CallState.DONE, name="canary-2.wav")
    installation.files.objects.clear()

    balance(installation)
    balance(installation)

    (notice,) = installation.notifier.notices
    assert (notice.code, notice.tenant_id) == ("day_unbalanced", TENANT)
    assert notice.text == (
        "The calls of tenant demo-tenant on 2025-11-05 do not add up "
        "(1 document_missing, 1 unregistered): 2 recordings came in, of which 0 have a document, "
        "0 are in review, 0 failed, 0 were refused, 0 were erased and 0 are open; "
        "the function's log names each call under balance_problem."
    )
    problems = [
        fields["code"]
        for event, fields in installation.telemetry.events
        if event == "balance_problem"
    ]
    assert problems == ["unregistered", "document_missing"] * 2
    assert "canary" not in everything_said(installation)


def test_another_day_is_told_by_itself(installation: Installation) -> None:
    installation.upload("a.wav")
    installation.clock.now += dt.timedelta(days=1)
    installation.upload("b.wav")
    at = NEXT_MORNING + dt.timedelta(days=1)

    found = [balance(installation, DAY + dt.timedelta(days), at) for days in (0, 1)]

    assert [each.recordings for each in found] == [1, 1]
    assert len(installation.notifier.notices) == 2
