"""A catalogue brought back from the files, day by day: what is taken, what is lost, what is said."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Callable

import pyarrow as pa
import pytest

from cci_lite.contract.arrow import arrow_schema
from cci_lite.errors import LakeError
from cci_lite.local.folder import FolderStore
from cci_lite.nightly.repair import RepairedDay, RepairStatus, repair_tenant, unknown_days
from cci_lite.nightly.work import read_part, write_part
from cci_lite.ports import SourceOutcome
from tests.small_lake import DAY, NEXT_DAY, TENANT, SmallLake
from tests.unit.nightly.values import key_of

FIRST = "run-1-0001"
SHEET = f"curated/{TENANT}/etl_runs/call_date=2025-11-05/{FIRST}/part-0000.parquet"
CALLS = SHEET.replace("etl_runs", "calls")


def forget(small_lake: SmallLake, tables: str = "days parts sources generations") -> None:
    """Make the catalogue an empty one."""
    with sqlite3.connect(small_lake.root / "catalog.db") as database:
        for table in tables.split():
            database.execute(f"DELETE FROM {table}")
    database.close()


def repair(small_lake: SmallLake) -> list[RepairedDay]:
    return list(repair_tenant(small_lake.lake, TENANT).days)


def lost(generation: str, why: str, day: dt.date = DAY) -> RepairedDay:
    note = (
        f"{why}: put the files back from a copy of the lake, or move the folders of generation "
        f"{generation} away; then repair again, which takes an earlier generation if there is one"
    )
    return RepairedDay(TENANT, day, RepairStatus.LOST, generation, note=note)


@pytest.fixture
def day(small_lake: SmallLake) -> SmallLake:
    """A published day of a call and a quarantined document."""
    small_lake.put("call-1", revision=3)
    small_lake.put_bytes("broken", b"{")
    small_lake.run()
    return small_lake


def test_a_day_that_is_published_and_whole_is_left_alone(day: SmallLake) -> None:
    assert repair(day) == []
    assert unknown_days(day.lake, TENANT) == []


def test_a_forgotten_day_is_published_as_it_was(day: SmallLake) -> None:
    published, parts = day.catalog.days(TENANT)[DAY], day.catalog.parts(TENANT, DAY)
    sources = day.catalog.sources(TENANT, DAY)
    forget(day)
    assert unknown_days(day.lake, TENANT) == [DAY]
    assert repair(day) == [RepairedDay(TENANT, DAY, RepairStatus.RESTORED, FIRST, calls=1)]
    assert day.catalog.parts(TENANT, DAY) == parts
    assert day.catalog.sources(TENANT, DAY) == sources
    again = day.catalog.days(TENANT)[DAY]
    # No digest: the next run compares the day document by document.
    assert (again.generation, again.etl_run_id, again.published_at, again.listing_digest) == (
        published.generation, published.etl_run_id, published.published_at, "",
    )  # fmt: skip
    assert day.catalog.abandoned(TENANT) == []
    assert day.run().days == []


def test_a_document_that_changed_since_has_the_time_of_the_publication(day: SmallLake) -> None:
    forget(day)
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()
    os.utime(day.store.path(key_of("call-1")), (at, at))
    day.store.delete(key_of("broken"))
    repair(day)
    records = day.catalog.sources(TENANT, DAY)
    assert {record.modified_at for record in records.values()} == {day.now}
    broken = records[key_of("broken")]
    assert (broken.outcome, broken.call_id, broken.revision) == (SourceOutcome.QUARANTINED, None, 0)
    assert records[key_of("call-1")].revision == 3


def test_the_generation_that_was_published_last_is_taken_and_the_others_are_counted(
    day: SmallLake,
) -> None:
    day.put("call-2")
    day.now += dt.timedelta(hours=1)
    day.run()
    forget(day)
    [repaired] = repair(day)
    assert (repaired.generation, repaired.calls) == ("run-2-0001", 2)
    assert (
        repaired.note == "earlier generations that stay in the folder, unknown to the catalogue: 1"
    )


def test_a_catalogue_that_is_older_than_the_files_gets_the_later_generation(day: SmallLake) -> None:
    before = (day.root / "catalog.db").read_bytes()
    day.put("call-2")
    day.now += dt.timedelta(hours=1)
    day.run()
    day.catalog.close()
    (day.root / "catalog.db").write_bytes(before)
    day.__post_init__()
    day.store.delete(CALLS)
    [repaired] = repair(day)
    assert (repaired.status, repaired.generation) == (RepairStatus.RESTORED, "run-2-0001")
    # The note of what it replaces is kept, so that a later run deletes those files.
    assert day.catalog.retired(TENANT, dt.datetime.max.replace(tzinfo=dt.UTC)) == [(DAY, FIRST)]


def test_files_of_a_run_that_was_killed_before_its_balance_sheet_are_no_day(day: SmallLake) -> None:
    day.store.delete(SHEET)
    forget(day)
    assert unknown_days(day.lake, TENANT) == []
    assert repair(day) == []
    assert day.catalog.days(TENANT) == {}


def test_what_a_run_is_staging_is_not_unknown(small_lake: SmallLake) -> None:
    place = f"curated/{TENANT}/etl_runs/call_date=2025-11-06/g/part-0000.parquet"
    small_lake.store.write(place, b"x")
    assert unknown_days(small_lake.lake, TENANT) == [NEXT_DAY]
    small_lake.catalog.stage(TENANT, NEXT_DAY, "g")
    assert unknown_days(small_lake.lake, TENANT) == []


def test_a_sheet_of_another_generation_makes_no_day(day: SmallLake) -> None:
    rows = [
        {**row, "generation": "other"}
        for row in read_part(day.store, SHEET, "etl_runs").to_pylist()
    ]
    write_part(
        day.store, SHEET, "etl_runs", [pa.Table.from_pylist(rows, schema=arrow_schema("etl_runs"))]
    )
    forget(day)
    assert repair(day) == []


def _calls_gone(small_lake: SmallLake) -> None:
    small_lake.store.delete(CALLS)


def _calls_damaged(small_lake: SmallLake) -> None:
    small_lake.store.write(CALLS, b"x" * small_lake.store.path(CALLS).stat().st_size)


def _calls_cut_off(small_lake: SmallLake) -> None:
    small_lake.store.write(CALLS, small_lake.store.read(CALLS)[:-1])


def _sheet_damaged(small_lake: SmallLake) -> None:
    small_lake.store.write(SHEET, b"x")


def _all_gone(small_lake: SmallLake) -> None:
    small_lake.store.delete_below("curated/")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (_calls_gone, "a file is gone or damaged"),
        (_calls_cut_off, "a file is gone or damaged"),
        (_sheet_damaged, "its balance sheet is damaged"),
        (_all_gone, "its files are gone"),
    ],
)
def test_a_published_day_whose_files_are_not_all_there_is_lost_and_stays_published(
    day: SmallLake, damage: Callable[[SmallLake], None], why: str
) -> None:
    published = day.catalog.days(TENANT)
    damage(day)
    assert repair(day) == [lost(FIRST, why)]
    assert day.catalog.days(TENANT) == published


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (_calls_gone, "rows in calls: expected 1, found 0"),
        (_calls_damaged, "a file is damaged"),
        (_sheet_damaged, "its balance sheet is damaged"),
    ],
)
def test_a_forgotten_day_whose_files_are_not_all_there_is_lost_and_not_published(
    day: SmallLake, damage: Callable[[SmallLake], None], why: str
) -> None:
    forget(day)
    damage(day)
    assert repair(day) == [lost(FIRST, why)]
    assert day.catalog.days(TENANT) == {}


@pytest.mark.parametrize("key", [SHEET, CALLS], ids=["sheet", "calls"])
def test_a_file_that_may_not_be_read_is_no_loss(
    day: SmallLake, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    forget(day)
    read = FolderStore.read

    def guarded(store: FolderStore, wanted: str) -> bytes:
        if wanted == key:
            raise PermissionError(13, "Permission denied")
        return read(store, wanted)

    monkeypatch.setattr(FolderStore, "read", guarded)
    with pytest.raises(LakeError, match="it may not be read"):
        repair(day)


def test_what_could_not_be_brought_back_is_said(day: SmallLake) -> None:
    day.put("call-1", day=NEXT_DAY, revision=4)
    day.run(discard=frozenset())
    day.now += dt.timedelta(hours=1)
    day.run()
    forget(day)
    first, second = repair(day)
    assert (first.calls, first.discarded) == (0, 1)
    assert first.note == (
        "the names of superseded documents: 1 (the next run reads them again); "
        "that documents were discarded: 1 (the next run takes those that are still there into "
        "quarantine again); "
        "earlier generations that stay in the folder, unknown to the catalogue: 2"
    )
    assert (second.calls, second.discarded, second.note) == (1, 0, "")


def test_files_of_other_tables_and_names_are_left_alone(day: SmallLake) -> None:
    day.store.write(SHEET.replace("etl_runs", "no_table"), b"x")
    day.store.write(f"curated/{TENANT}/calls/notes.parquet", b"x")
    forget(day)
    assert [each.status for each in repair(day)] == [RepairStatus.RESTORED]
