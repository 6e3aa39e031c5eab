"""What a run does beside publishing days: its steps, its cleaning up, its reasons."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from cci_lite.errors import NotFoundError
from cci_lite.local.folder import FolderStore
from cci_lite.local.processes import Inline
from cci_lite.nightly.planning import UNDATED
from cci_lite.nightly.run import new_run_id, run_etl
from cci_lite.nightly.run_report import DayReport, DayStatus, Progress
from cci_lite.nightly.verify import verify_tenant
from cci_lite.nightly.work import ItemResult, WorkItem, flatten_item
from cci_lite.ports import SourceOutcome
from tests.unit.nightly.values import key_of
from tests.worlds import DAY, NEXT_DAY, TENANT, World, document

NOT_ALLOWED = PermissionError(13, "Permission denied")


def test_ids_of_runs_sort_by_time_and_those_of_one_second_differ() -> None:
    moment = dt.datetime(2025, 11, 7, 2, 3, 4, tzinfo=dt.UTC)
    assert new_run_id(moment, "abc") == "20251107T020304Z-abc"
    assert new_run_id(moment, "abc") < new_run_id(moment + dt.timedelta(seconds=1), "aaa")


def test_a_run_tells_its_steps_in_order_with_what_it_reads(world: World) -> None:
    world.put("a")
    world.put("b")
    world.put("c", day=NEXT_DAY)
    seen: list[Progress] = []
    run_etl(world.lake, {TENANT: world.forms}, "run", pool=Inline(), observe=seen.append)
    assert [(each.step, each.call_date, each.documents) for each in seen] == [
        ("cleaned", None, 0),
        ("planned", DAY, 2), ("staged", DAY, 0), ("written", DAY, 0), ("checked", DAY, 0),
        ("switched", DAY, 2),
        ("planned", NEXT_DAY, 1), ("staged", NEXT_DAY, 0), ("written", NEXT_DAY, 0),
        ("checked", NEXT_DAY, 0), ("switched", NEXT_DAY, 1),
    ]  # fmt: skip
    assert {each.tenant_id for each in seen} == {TENANT}


def test_each_day_of_a_run_has_a_generation_of_its_own(world: World) -> None:
    world.put("a")
    world.put("b", day=NEXT_DAY)
    world.run()
    generations = [day.generation for day in world.catalog.days(TENANT).values()]
    assert generations == ["run-1-0001", "run-1-0002"]


def test_a_balance_sheet_says_who_wrote_it_and_when(world: World) -> None:
    world.put("a")
    run_etl(world.lake, {TENANT: world.forms}, "run", pool=Inline(), pipeline_version="1.2.3")
    [sheet] = world.rows("etl_runs")
    assert (sheet["etl_run_id"], sheet["pipeline_version"]) == ("run", "1.2.3")
    assert sheet["started_at"] == sheet["published_at"] == world.now.replace(tzinfo=None)


def test_an_old_generation_that_cannot_be_deleted_is_told_and_stops_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.catalog.stage(TENANT, DAY, "killed")
    world.put("a", day=NEXT_DAY)

    def refuse(*_: object) -> None:
        raise NOT_ALLOWED

    with monkeypatch.context() as patched:
        patched.setattr(FolderStore, "delete_below", refuse)
        first, second = world.run().days
    assert (first.call_date, first.status) == (DAY, DayStatus.FAILED)
    assert first.reason.startswith("an old generation cannot be deleted: PermissionError at ")
    assert (second.call_date, second.status) == (NEXT_DAY, DayStatus.PUBLISHED)
    assert world.catalog.abandoned(TENANT) == [(DAY, "killed")]
    assert world.run().days == []
    assert world.catalog.abandoned(TENANT) == []


def test_copies_that_cannot_be_deleted_are_told_and_stop_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.store.write(f"quarantine/{TENANT}/2025/11/05/left.json", b"{")
    world.put("a")

    def refuse(*_: object) -> None:
        raise NOT_ALLOWED

    monkeypatch.setattr(FolderStore, "delete", refuse)
    first, second = world.run().days
    assert (first.call_date, first.status) == (UNDATED, DayStatus.FAILED)
    assert first.reason.startswith("copies in quarantine cannot be deleted: PermissionError at ")
    assert second.status is DayStatus.PUBLISHED


def test_a_copy_that_left_quarantine_and_cannot_be_deleted_is_told_and_the_day_is_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_bytes("a", b"{")
    world.run()
    world.put("a")

    def refuse(*_: object) -> None:
        raise NOT_ALLOWED

    monkeypatch.setattr(FolderStore, "delete", refuse)
    first, second = world.run().days
    assert first.reason.startswith("what left quarantine cannot be deleted there: ")
    assert second.status is DayStatus.PUBLISHED
    assert world.call_ids() == ["a"]


def test_a_day_of_unknown_files_is_refused_and_the_others_are_published(world: World) -> None:
    sheet = f"curated/{TENANT}/etl_runs/call_date=2025-11-05/g/part-0000.parquet"
    world.store.write(sheet, b"x")
    world.put("a")
    world.put("b", day=NEXT_DAY)
    refused, published = world.run().days
    assert refused == DayReport(
        TENANT, DAY, DayStatus.REFUSED,
        reason="curated files of this day are missing from the catalogue: add them with cci-lite "
        "etl repair, or move them away, and the next run builds the day from its documents",
    )  # fmt: skip
    assert (published.call_date, published.status) == (NEXT_DAY, DayStatus.PUBLISHED)


def damage(world: World, day: dt.date) -> None:
    [part] = world.catalog.parts(TENANT, day)["calls"]
    world.store.write(part.key, b"x")


def test_a_day_that_takes_a_call_from_a_damaged_day_fails_and_leaves_no_file_behind(
    world: World,
) -> None:
    world.put("a", day=NEXT_DAY)
    world.put("b", day=NEXT_DAY)
    world.run()
    damage(world, NEXT_DAY)
    before = world.files("curated")
    world.put("a", revision=2)
    [day] = world.run().days
    assert (day.call_date, day.status) == (DAY, DayStatus.FAILED)
    assert "expected a whole Parquet file of calls" in day.reason
    assert world.files("curated") == before
    assert world.catalog.abandoned(TENANT) == []
    assert world.catalog.days(TENANT).keys() == {NEXT_DAY}


def test_a_piece_that_fails_once_fails_its_day_even_when_the_day_is_built_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its calls were not compared with those of other days: they would be published twice."""
    world.put("a", day=NEXT_DAY, revision=3)
    world.put("b", day=NEXT_DAY, revision=1)
    world.run()
    world.put("a", revision=1)
    world.put("b", revision=2)
    failures = iter([ItemResult(failure="no memory")])

    def fail_once(store: FolderStore, item: WorkItem) -> ItemResult:
        if item.sources and item.sources[0].key == key_of("b"):
            return next(failures, None) or flatten_item(store, item)
        return flatten_item(store, item)

    monkeypatch.setattr("cci_lite.nightly.run.flatten_item", fail_once)
    monkeypatch.setattr("cci_lite.nightly.staging.split", lambda found: ((each,) for each in found))
    [day] = world.run().days
    assert (day.call_date, day.status, day.reason) == (DAY, DayStatus.FAILED, "no memory")
    assert world.run().succeeded
    calls = {row["call_id"]: row["revision"] for row in world.rows("calls")}
    assert (calls, len(world.rows("calls"))) == ({"a": 3, "b": 2}, 2)
    assert verify_tenant(world.lake, TENANT).findings == ()


def test_a_damaged_day_from_which_a_document_is_discarded_fails_alone(world: World) -> None:
    world.put("a")
    world.put_bytes("bad", b"{")
    world.put_bytes("bad", b"{", day=NEXT_DAY)
    world.run()
    damage(world, DAY)
    before = world.files("curated").keys()
    first, second = world.run(discard=frozenset()).days
    assert (first.call_date, first.status) == (DAY, DayStatus.FAILED)
    assert (second.call_date, second.status) == (NEXT_DAY, DayStatus.PUBLISHED)
    assert world.catalog.records(TENANT, SourceOutcome.QUARANTINED).keys() == {key_of("bad")}
    new = world.files("curated").keys() - before
    assert {key for key in new if "2025-11-05" in key} == set()


def test_a_replayed_document_of_another_day_is_deleted_at_its_old_place_after_the_publication(
    world: World,
) -> None:
    old, new = key_of("a"), key_of("a", NEXT_DAY)
    world.put_bytes("a", json.dumps(document("a", day=NEXT_DAY)).encode())
    world.run()
    report = world.run(replay=frozenset({old}))
    assert [(day.call_date, day.status) for day in report.days] == [
        (DAY, DayStatus.PUBLISHED), (NEXT_DAY, DayStatus.PUBLISHED),
    ]  # fmt: skip
    assert world.files("unified").keys() == {new}
    assert world.files("quarantine") == {}
    assert world.call_ids() == ["a"]
    assert world.run().days == []


def test_keys_that_are_not_in_quarantine_end_the_whole_run(world: World) -> None:
    world.put("a")
    for options in ({"discard": frozenset({key_of("x")})}, {"replay": frozenset({key_of("x")})}):
        with pytest.raises(NotFoundError):
            world.run(**options)
    with world.catalog.lease(TENANT, "another run"):
        pass


def test_a_document_that_changes_and_is_beaten_on_another_day_loses_its_rows(world: World) -> None:
    """The call of this day is published; then a later revision on another day, and both change."""
    world.put("a", queue="first")
    world.put("b")
    world.run()
    world.put("a", day=NEXT_DAY, revision=3)
    world.run()
    world.put("a", revision=2, queue="late")
    [day] = world.run().days
    assert (day.status, day.documents_read) == (DayStatus.PUBLISHED, 1)
    assert day.balance is not None
    assert (day.balance.calls, day.balance.superseded) == (1, 1)
    assert [(row["call_id"], row["revision"]) for row in world.rows("calls")] == [
        ("b", 1),
        ("a", 3),
    ]
    assert world.run().days == []
    assert verify_tenant(world.lake, TENANT).findings == ()


def test_a_broken_document_that_is_corrected_and_beaten_on_another_day_leaves_quarantine(
    world: World,
) -> None:
    world.put_bytes("a", b"{")
    world.put("a", day=NEXT_DAY, revision=3)
    world.run()
    world.put("a", revision=2)
    [day] = world.run().days
    assert day.status is DayStatus.PUBLISHED
    assert world.rows("quarantined_documents") == []
    assert [row["revision"] for row in world.rows("calls")] == [3]
    assert verify_tenant(world.lake, TENANT).findings == ()
