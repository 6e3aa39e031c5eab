"""A catalogue brought back from the files, day by day: what is taken, what is lost, what is said."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest

from cci_lite.contract.arrow import arrow_schema
from cci_lite.errors import DamagedManifestError, LakeError, LeaseLostError
from cci_lite.local.catalog import SqliteCatalog
from cci_lite.local.folder import FolderStore
from cci_lite.nightly.generations import delete_generation
from cci_lite.nightly.repair import RepairedDay, RepairStatus, repair_tenant, unknown_days
from cci_lite.nightly.verify import verify_tenant
from cci_lite.nightly.work import read_part, write_part
from cci_lite.ports import (
    DayChange,
    PartFile,
    SourceOutcome,
    SourceRecord,
    TableDifference,
    read_manifest,
    write_manifest,
)
from cci_lite.tenancy import manifest_key
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


def lose_manifests(small_lake: SmallLake) -> None:
    """Make the lake one of before there were manifests."""
    small_lake.store.delete_below(f"curated/{TENANT}/manifests/")


def repair(small_lake: SmallLake) -> list[RepairedDay]:
    return list(repair_tenant(small_lake.lake, TENANT).days)


def lost(generation: str, why: str, day: dt.date = DAY) -> RepairedDay:
    note = (
        f"{why}: put the files back from a copy of the lake and repair again, or build the day from "
        f"the documents that are there: cci-lite etl rebuild --tenant {TENANT} --day {day} "
        "--allow-loss"
    )
    return RepairedDay(TENANT, day, RepairStatus.LOST, generation, note=note)


GONE = (
    "files of the tables are gone or of another size; run: cci-lite etl rebuild --tenant "
    f"{TENANT} --day 2025-11-05"
)
READ_OFF = "it has no manifest and was read off its files"


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
    assert day.catalog.days(TENANT)[DAY] == published
    assert day.catalog.abandoned(TENANT) == []
    assert day.run().days == []


def test_a_day_without_a_manifest_is_read_off_its_files_and_gets_one(day: SmallLake) -> None:
    published, parts = day.catalog.days(TENANT)[DAY], day.catalog.parts(TENANT, DAY)
    sources = day.catalog.sources(TENANT, DAY)
    lose_manifests(day)
    forget(day)
    assert unknown_days(day.lake, TENANT) == [DAY]
    assert repair(day) == [
        RepairedDay(TENANT, DAY, RepairStatus.RESTORED, FIRST, calls=1, note=READ_OFF)
    ]
    assert day.catalog.parts(TENANT, DAY) == parts
    assert day.catalog.sources(TENANT, DAY) == sources
    # No digest: the next run compares the day document by document.
    assert day.catalog.days(TENANT)[DAY] == replace(published, listing_digest="")
    forget(day)
    assert [each.note for each in repair(day)] == [""]
    assert day.run().days == []


def test_a_document_that_changed_since_has_the_time_of_the_publication(day: SmallLake) -> None:
    lose_manifests(day)
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


@pytest.mark.parametrize("lose", [lose_manifests, lambda _: None], ids=["sheets", "manifests"])
def test_the_generation_that_was_published_last_is_taken(
    day: SmallLake, lose: Callable[[SmallLake], None]
) -> None:
    day.put("call-2")
    day.now += dt.timedelta(hours=1)
    day.run()
    lose(day)
    forget(day)
    [repaired] = repair(day)
    assert (repaired.generation, repaired.calls) == ("run-2-0001", 2)


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
    lose_manifests(day)
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
    lose_manifests(day)
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


@pytest.mark.parametrize("damage", [_calls_gone, _calls_cut_off, _sheet_damaged])
@pytest.mark.parametrize("prepare", [lambda _: None, forget], ids=["published", "forgotten"])
def test_a_day_whose_files_are_not_all_there_is_published_all_the_same_and_to_be_rebuilt(
    day: SmallLake, damage: Callable[[SmallLake], None], prepare: Callable[[SmallLake], None]
) -> None:
    """Readers get an error for such a day, and never fewer rows than it has."""
    published = day.catalog.days(TENANT)
    damage(day)
    prepare(day)
    assert repair(day) == [
        RepairedDay(TENANT, DAY, RepairStatus.DAMAGED, FIRST, calls=1, note=GONE)
    ]
    assert day.catalog.days(TENANT) == published


def test_a_published_day_of_which_all_files_are_gone_gets_its_manifest_back(day: SmallLake) -> None:
    _all_gone(day)
    [repaired] = repair(day)
    assert repaired.status is RepairStatus.DAMAGED
    assert repaired.note == f"the manifest was written anew: it was missing; {GONE}"


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (_calls_gone, "rows in calls: expected 1, found 0"),
        (_calls_damaged, "it has no manifest, and a file of it is damaged"),
        (_sheet_damaged, "it has no manifest, and a file of it is damaged"),
    ],
)
def test_a_day_that_nothing_tells_of_is_lost_and_not_published(
    day: SmallLake, damage: Callable[[SmallLake], None], why: str
) -> None:
    lose_manifests(day)
    forget(day)
    damage(day)
    assert repair(day) == [lost(FIRST, why)]
    assert day.catalog.days(TENANT) == {}
    assert unknown_days(day.lake, TENANT) == [DAY]


@pytest.mark.parametrize("name", ["sheet", "calls", "manifest"])
def test_a_file_that_may_not_be_read_is_no_loss(
    day: SmallLake, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    keys = {"sheet": SHEET, "calls": CALLS, "manifest": manifest_key(TENANT, DAY, FIRST)}
    if name != "manifest":
        lose_manifests(day)
    forget(day)
    read = FolderStore.read

    def guarded(store: FolderStore, wanted: str) -> bytes:
        if wanted == keys[name]:
            raise PermissionError(13, "Permission denied")
        return read(store, wanted)

    monkeypatch.setattr(FolderStore, "read", guarded)
    with pytest.raises(LakeError, match="it may not be read"):
        repair(day)


def test_a_manifest_of_a_newer_version_is_not_written_over(day: SmallLake) -> None:
    key = manifest_key(TENANT, DAY, FIRST)
    newer = gzip.compress(b'{"version": 99, "more": true}')
    day.store.write(key, newer)
    with pytest.raises(LakeError, match="expected a manifest of version 1, found 99; use the"):
        repair(day)
    assert day.store.read(key) == newer


def test_what_could_not_be_brought_back_is_said(day: SmallLake) -> None:
    day.put("call-1", day=NEXT_DAY, revision=4)
    day.run(discard=frozenset())
    day.now += dt.timedelta(hours=1)
    day.run()
    lose_manifests(day)
    forget(day)
    first, second = repair(day)
    assert (first.calls, first.discarded) == (0, 1)
    assert first.note == (
        f"{READ_OFF}; "
        "the names of superseded documents: 1 (the next run reads them again); "
        "that documents were discarded: 1 (the next run takes those that are still there into "
        "quarantine again)"
    )
    assert (second.calls, second.discarded, second.note) == (1, 0, READ_OFF)


def test_a_generation_of_a_run_that_lost_its_lease_replaces_nothing(day: SmallLake) -> None:
    """It was built from the same generation as the one that was published meanwhile."""
    change = read_manifest(day.store, TENANT, DAY, FIRST)
    assert change is not None
    day.put("call-2")
    day.run()
    later = replace(change.day, generation="zombie", published_at=day.now + dt.timedelta(hours=9))
    write_manifest(day.store, TENANT, replace(change, day=later, previous_generation=FIRST))
    assert repair(day) == []
    assert day.catalog.days(TENANT)[DAY].generation == "run-2-0001"


def test_orphans_are_removed_when_they_and_what_is_read_instead_are_old(day: SmallLake) -> None:
    place = f"curated/{TENANT}/calls/call_date=2025-11-05/zombie/part-0000.parquet"
    day.store.write(place, b"x")
    written = day.now.timestamp()
    os.utime(day.store.path(place), (written, written))
    for hours, removed in ((23, 0), (25, 1), (25, 0)):
        lake = replace(day.lake, clock=lambda hours=hours: day.now + dt.timedelta(hours=hours))
        done = repair_tenant(lake, TENANT)
        assert (done.days, done.removed, done.kept) == ((), removed, int(hours == 23))
    assert day.store.head(place) is None


def test_what_may_be_all_that_is_left_of_a_day_is_named_and_never_removed(day: SmallLake) -> None:
    """Neither catalogue nor manifest nor balance sheet tells that it was ever complete."""
    lose_manifests(day)
    day.store.delete_below(f"curated/{TENANT}/etl_runs/")
    day.store.delete_below(f"unified/{TENANT}/")
    forget(day)
    left = sorted(day.files("curated"))
    assert left
    lake = replace(day.lake, clock=lambda: day.now + dt.timedelta(days=3_650))
    done = repair_tenant(lake, TENANT)
    assert (done.removed, done.kept) == (0, len(left))
    assert sorted(day.files("curated")) == left
    [finding] = verify_tenant(lake, TENANT).findings
    assert finding.run == ""
    assert "the day is not published, and they may be all that is left of it" in finding.found


def test_what_a_day_replaced_only_now_is_kept_however_old_it_is(day: SmallLake) -> None:
    """Queries may still read it, and a rebuild may need it."""
    place = f"curated/{TENANT}/calls/call_date=2025-11-05/before/part-0000.parquet"
    day.store.write(place, b"x")
    os.utime(day.store.path(place), (0, 0))
    lake = replace(day.lake, clock=lambda: day.now + dt.timedelta(hours=23))
    assert repair_tenant(lake, TENANT).kept == 1


def test_nothing_is_removed_when_the_lease_is_lost(
    day: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"curated/{TENANT}/calls/call_date=2025-11-05/zombie/part-0000.parquet"
    day.store.write(place, b"x")

    def lost_lease(*_: object) -> None:
        raise LeaseLostError("taken over")

    monkeypatch.setattr(SqliteCatalog, "check_lease", lost_lease)
    with pytest.raises(LeaseLostError):
        repair_tenant(day.lake, TENANT, dt.timedelta(days=-36_500))
    assert day.store.head(place) is not None


def test_what_a_killed_run_had_staged_and_not_published_is_left_to_the_next_run(
    day: SmallLake,
) -> None:
    change = read_manifest(day.store, TENANT, DAY, FIRST)
    assert change is not None
    day.catalog.stage(TENANT, DAY, "killed")
    later = replace(change.day, generation="killed", published_at=day.now + dt.timedelta(hours=9))
    write_manifest(day.store, TENANT, replace(change, day=later, previous_generation=FIRST))
    assert repair(day) == []
    assert day.catalog.days(TENANT)[DAY].generation == FIRST


def test_half_of_a_generation_that_was_being_deleted_is_not_taken_for_one(
    day: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted = []
    delete_below = FolderStore.delete_below

    def once(store: FolderStore, prefix: str) -> None:
        if len(deleted) == 2:
            raise OSError(5, "Input/output error")
        deleted.append(prefix)
        delete_below(store, prefix)

    monkeypatch.setattr(FolderStore, "delete_below", once)
    with pytest.raises(OSError, match="Input/output error"):
        delete_generation(day.lake, TENANT, DAY, FIRST)
    monkeypatch.undo()
    forget(day)
    assert unknown_days(day.lake, TENANT) == []
    assert repair(day) == []


def test_what_a_run_has_staged_and_what_was_replaced_is_no_orphan(day: SmallLake) -> None:
    day.put("call-2")
    day.run()
    day.catalog.stage(TENANT, DAY, "live")
    place = f"curated/{TENANT}/calls/call_date=2025-11-05/live/part-0000.parquet"
    day.store.write(place, b"x")
    files = day.files("curated")
    done = repair_tenant(day.lake, TENANT, dt.timedelta(days=-36_500))
    assert (done.removed, done.kept) == (0, 0)
    assert day.files("curated") == files


def test_differences_of_engines_are_mended_by_registering_all_days(
    day: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    differences = [TableDifference("cci_lite.calls", DAY, "another location")]
    monkeypatch.setattr(SqliteCatalog, "differences", lambda *_: differences)
    monkeypatch.setattr(
        SqliteCatalog, "register", lambda *_, all_days: asked.append(all_days) or None
    )
    assert repair_tenant(day.lake, TENANT).partitions == 1
    differences.clear()
    repair_tenant(day.lake, TENANT)
    assert asked == [True, False]


def test_files_of_other_tables_and_names_are_left_alone(day: SmallLake) -> None:
    day.store.write(SHEET.replace("etl_runs", "no_table"), b"x")
    day.store.write(f"curated/{TENANT}/calls/notes.parquet", b"x")
    lose_manifests(day)
    forget(day)
    assert [each.status for each in repair(day)] == [RepairStatus.RESTORED]


class CatalogOfManifests(SqliteCatalog):
    """A catalogue that notes nothing of documents: what a day was built from, manifests say."""

    store: FolderStore

    def parts(self, tenant_id: str, call_date: dt.date | None = None) -> dict[str, list[PartFile]]:
        assert call_date is not None
        return {name: list(files) for name, files in self._change(call_date).parts.items()}

    def sources(self, tenant_id: str, call_date: dt.date) -> dict[str, SourceRecord]:
        return {record.key: record for record in self._change(call_date).sources}

    def _change(self, call_date: dt.date) -> DayChange:
        generation = self.days(TENANT)[call_date].generation
        change = read_manifest(self.store, TENANT, call_date, generation)
        if change is None:
            raise DamagedManifestError("it is gone")
        return change


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_a_manifest_that_no_catalogue_repeats_is_read_off_the_files(
    day: SmallLake, damage: str
) -> None:
    catalog = CatalogOfManifests(day.root)
    catalog.store = day.store
    lake = replace(day.lake, catalog=catalog)
    sources, parts = catalog.sources(TENANT, DAY), catalog.parts(TENANT, DAY)
    key = manifest_key(TENANT, DAY, FIRST)
    day.store.delete(key)
    if damage == "damaged":
        day.store.write(key, b"x")
    assert list(repair_tenant(lake, TENANT).days) == [
        RepairedDay(TENANT, DAY, RepairStatus.RESTORED, FIRST, calls=1, note=READ_OFF)
    ]
    assert (catalog.sources(TENANT, DAY), catalog.parts(TENANT, DAY)) == (sources, parts)
    assert repair_tenant(lake, TENANT).days == ()
    assert catalog.retired(TENANT, dt.datetime.max.replace(tzinfo=dt.UTC)) == []
    day.store.delete(key)
    day.store.delete(SHEET)
    assert list(repair_tenant(lake, TENANT).days) == [
        lost(FIRST, "its manifest and its balance sheet are gone")
    ]
