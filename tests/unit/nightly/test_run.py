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
from tests.small_lake import DAY, NEXT_DAY, TENANT, SmallLake, document
from tests.unit.nightly.values import key_of

NOT_ALLOWED = PermissionError(13, "Permission denied")


def test_ids_of_runs_sort_by_time_and_those_of_one_second_differ() -> None:
    moment = dt.datetime(2025, 11, 7, 2, 3, 4, tzinfo=dt.UTC)
    assert new_run_id(moment, "abc") == "20251107T020304Z-abc"
    assert new_run_id(moment, "abc") < new_run_id(moment + dt.timedelta(seconds=1), "aaa")


def test_a_run_tells_its_steps_in_order_with_what_it_reads(small_lake: SmallLake) -> None:
    small_lake.put("a")
    small_lake.put("b")
    small_lake.put("c", day=NEXT_DAY)
    seen: list[Progress] = []
    run_etl(small_lake.lake, {TENANT: small_lake.forms}, "run", pool=Inline(), observe=seen.append)
    assert [(each.step, each.call_date, each.documents) for each in seen] == [
        ("cleaned", None, 0),
        ("planned", DAY, 2), ("staged", DAY, 0), ("written", DAY, 0), ("checked", DAY, 0),
        ("switched", DAY, 2),
        ("planned", NEXT_DAY, 1), ("staged", NEXT_DAY, 0), ("written", NEXT_DAY, 0),
        ("checked", NEXT_DAY, 0), ("switched", NEXT_DAY, 1),
    ]  # fmt: skip
    assert {each.tenant_id for each in seen} == {TENANT}


def test_each_day_of_a_run_has_a_generation_of_its_own(small_lake: SmallLake) -> None:
    small_lake.put("a")
    small_lake.put("b", day=NEXT_DAY)
    small_lake.run()
    generations = [day.generation for day in small_lake.catalog.days(TENANT).values()]
    assert generations == ["run-1-0001", "run-1-0002"]


def test_a_balance_sheet_says_who_wrote_it_and_when(small_lake: SmallLake) -> None:
    small_lake.put("a")
    run_etl(
        small_lake.lake, {TENANT: small_lake.forms}, "run", pool=Inline(), pipeline_version="1.2.3"
    )
    [sheet] = small_lake.rows("etl_runs")
    assert (sheet["etl_run_id"], sheet["pipeline_version"]) == ("run", "1.2.3")
    assert sheet["started_at"] == sheet["published_at"] == small_lake.now.replace(tzinfo=None)


def test_an_old_generation_that_cannot_be_deleted_is_told_and_stops_nothing(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.catalog.stage(TENANT, DAY, "killed")
    small_lake.put("a", day=NEXT_DAY)

    def refuse(*_: object) -> None:
        raise NOT_ALLOWED

    with monkeypatch.context() as patched:
        patched.setattr(FolderStore, "delete_below", refuse)
        first, second = small_lake.run().days
    assert (first.call_date, first.status) == (DAY, DayStatus.FAILED)
    assert first.reason.startswith("an old generation cannot be deleted: PermissionError at ")
    assert (second.call_date, second.status) == (NEXT_DAY, DayStatus.PUBLISHED)
    assert small_lake.catalog.abandoned(TENANT) == [(DAY, "killed")]
    assert small_lake.run().days == []
    assert small_lake.catalog.abandoned(TENANT) == []


def test_copies_that_cannot_be_deleted_are_told_and_stop_nothing(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.store.write(f"quarantine/{TENANT}/2025/11/05/left.json", b"{")
    small_lake.put("a")

    def refuse(*_: object) -> None:
        raise NOT_ALLOWED

    monkeypatch.setattr(FolderStore, "delete", refuse)
    first, second = small_lake.run().days
    assert (first.call_date, first.status) == (UNDATED, DayStatus.FAILED)
    assert first.reason.startswith("copies in quarantine cannot be deleted: PermissionError at ")
    assert second.status is DayStatus.PUBLISHED


def test_a_copy_that_left_quarantine_and_cannot_be_deleted_is_told_and_the_day_is_published(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.put_bytes("a", b"{")
    small_lake.run()
    small_lake.put("a")

    def refuse(*_: object) -> None:
        raise NOT_ALLOWED

    monkeypatch.setattr(FolderStore, "delete", refuse)
    first, second = small_lake.run().days
    assert first.reason.startswith("what left quarantine cannot be deleted there: ")
    assert second.status is DayStatus.PUBLISHED
    assert small_lake.call_ids() == ["a"]


def test_a_day_of_unknown_files_is_refused_and_the_others_are_published(
    small_lake: SmallLake,
) -> None:
    sheet = f"curated/{TENANT}/etl_runs/call_date=2025-11-05/g/part-0000.parquet"
    small_lake.store.write(sheet, b"x")
    small_lake.put("a")
    small_lake.put("b", day=NEXT_DAY)
    refused, published = small_lake.run().days
    assert refused == DayReport(
        TENANT, DAY, DayStatus.REFUSED,
        reason="curated files of this day are missing from the catalogue: add them with cci-lite "
        "etl repair; where that cannot be, build the day from its documents with cci-lite etl "
        "rebuild --allow-loss",
    )  # fmt: skip
    assert (published.call_date, published.status) == (NEXT_DAY, DayStatus.PUBLISHED)


def damage(small_lake: SmallLake, day: dt.date) -> None:
    [part] = small_lake.catalog.parts(TENANT, day)["calls"]
    small_lake.store.write(part.key, b"x")


def test_a_day_that_takes_a_call_from_a_damaged_day_fails_and_leaves_no_file_behind(
    small_lake: SmallLake,
) -> None:
    small_lake.put("a", day=NEXT_DAY)
    small_lake.put("b", day=NEXT_DAY)
    small_lake.run()
    damage(small_lake, NEXT_DAY)
    before = small_lake.files("curated")
    small_lake.put("a", revision=2)
    [day] = small_lake.run().days
    assert (day.call_date, day.status) == (DAY, DayStatus.FAILED)
    assert "expected a whole Parquet file of calls" in day.reason
    assert small_lake.files("curated") == before
    assert small_lake.catalog.abandoned(TENANT) == []
    assert small_lake.catalog.days(TENANT).keys() == {NEXT_DAY}


def test_a_piece_that_fails_once_fails_its_day_even_when_the_day_is_built_again(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its calls were not compared with those of other days: they would be published twice."""
    small_lake.put("a", day=NEXT_DAY, revision=3)
    small_lake.put("b", day=NEXT_DAY, revision=1)
    small_lake.run()
    small_lake.put("a", revision=1)
    small_lake.put("b", revision=2)
    failures = iter([ItemResult(failure="no memory")])

    def fail_once(store: FolderStore, item: WorkItem) -> ItemResult:
        if item.sources and item.sources[0].key == key_of("b"):
            return next(failures, None) or flatten_item(store, item)
        return flatten_item(store, item)

    monkeypatch.setattr("cci_lite.nightly.run.flatten_item", fail_once)
    monkeypatch.setattr("cci_lite.nightly.staging.split", lambda found: ((each,) for each in found))
    [day] = small_lake.run().days
    assert (day.call_date, day.status, day.reason) == (DAY, DayStatus.FAILED, "no memory")
    assert small_lake.run().succeeded
    calls = {row["call_id"]: row["revision"] for row in small_lake.rows("calls")}
    assert (calls, len(small_lake.rows("calls"))) == ({"a": 3, "b": 2}, 2)
    assert verify_tenant(small_lake.lake, TENANT).findings == ()


def test_a_damaged_day_from_which_a_document_is_discarded_fails_alone(
    small_lake: SmallLake,
) -> None:
    small_lake.put("a")
    small_lake.put_bytes("bad", b"{")
    small_lake.put_bytes("bad", b"{", day=NEXT_DAY)
    small_lake.run()
    damage(small_lake, DAY)
    before = small_lake.files("curated").keys()
    first, second = small_lake.run(discard=frozenset()).days
    assert (first.call_date, first.status) == (DAY, DayStatus.FAILED)
    assert (second.call_date, second.status) == (NEXT_DAY, DayStatus.PUBLISHED)
    assert small_lake.catalog.records(TENANT, SourceOutcome.QUARANTINED).keys() == {key_of("bad")}
    new = small_lake.files("curated").keys() - before
    assert {key for key in new if "2025-11-05" in key} == set()


def test_a_replayed_document_of_another_day_is_deleted_at_its_old_place_after_the_publication(
    small_lake: SmallLake,
) -> None:
    old, new = key_of("a"), key_of("a", NEXT_DAY)
    small_lake.put_bytes("a", json.dumps(document("a", day=NEXT_DAY)).encode())
    small_lake.run()
    report = small_lake.run(replay=frozenset({old}))
    assert [(day.call_date, day.status) for day in report.days] == [
        (DAY, DayStatus.PUBLISHED), (NEXT_DAY, DayStatus.PUBLISHED),
    ]  # fmt: skip
    assert small_lake.files("unified").keys() == {new}
    assert small_lake.files("quarantine") == {}
    assert small_lake.call_ids() == ["a"]
    assert small_lake.run().days == []


def test_keys_that_are_not_in_quarantine_end_the_whole_run(small_lake: SmallLake) -> None:
    small_lake.put("a")
    for options in ({"discard": frozenset({key_of("x")})}, {"replay": frozenset({key_of("x")})}):
        with pytest.raises(NotFoundError):
            small_lake.run(**options)
    with small_lake.catalog.lease(TENANT, "another run"):
        pass


def test_a_document_that_changes_and_is_beaten_on_another_day_loses_its_rows(
    small_lake: SmallLake,
) -> None:
    """The call of this day is published; then a later revision on another day, and both change."""
    small_lake.put("a", queue="first")
    small_lake.put("b")
    small_lake.run()
    small_lake.put("a", day=NEXT_DAY, revision=3)
    small_lake.run()
    small_lake.put("a", revision=2, queue="late")
    [day] = small_lake.run().days
    assert (day.status, day.documents_read) == (DayStatus.PUBLISHED, 1)
    assert day.balance is not None
    assert (day.balance.calls, day.balance.superseded) == (1, 1)
    assert [(row["call_id"], row["revision"]) for row in small_lake.rows("calls")] == [
        ("b", 1),
        ("a", 3),
    ]
    assert small_lake.run().days == []
    assert verify_tenant(small_lake.lake, TENANT).findings == ()


def test_a_broken_document_that_is_corrected_and_beaten_on_another_day_leaves_quarantine(
    small_lake: SmallLake,
) -> None:
    small_lake.put_bytes("a", b"{")
    small_lake.put("a", day=NEXT_DAY, revision=3)
    small_lake.run()
    small_lake.put("a", revision=2)
    [day] = small_lake.run().days
    assert day.status is DayStatus.PUBLISHED
    assert small_lake.rows("quarantined_documents") == []
    assert [row["revision"] for row in small_lake.rows("calls")] == [3]
    assert verify_tenant(small_lake.lake, TENANT).findings == ()
