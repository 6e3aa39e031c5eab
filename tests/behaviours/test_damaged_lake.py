"""Each kind of damage to a lake is named with the command that mends it, and that mends it."""

from __future__ import annotations

import datetime as dt
import functools
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.flatten.plan import split
from cci_lite.laptop import open_to_repair
from cci_lite.local.catalog import CATALOG_FILE
from cci_lite.nightly.rebuild import RebuildReport
from cci_lite.nightly.repair import RepairReport, RepairStatus
from cci_lite.nightly.run_report import DayStatus
from cci_lite.nightly.verify import Finding, verify_tenant
from cci_lite.ports import DayChange, SourceOutcome, Store, write_manifest
from cci_lite.tenancy import manifest_key
from tests.depth import mostly_slow, one_in
from tests.small_lake import DAY, EVERY_POOL, NEXT_DAY, TENANT, SmallLake

NO_GRACE = dt.timedelta(0)
REPAIR = f"cci-lite etl repair --tenant {TENANT}"
REBUILD = f"cci-lite etl rebuild --tenant {TENANT} --day 2025-11-05"
TABLES_WITH_DATA = (
    "calls", "qa_criteria", "entities", "key_phrases", "sentiment_segments", "action_items",
)  # fmt: skip
Plant = Callable[[SmallLake], None]


def filled(small_lake: SmallLake) -> SmallLake:
    """Two days: calls, what is superseded, in quarantine and discarded, and an old generation."""
    small_lake.register()
    small_lake.put("call-1")
    small_lake.put("call-2")
    small_lake.put_bytes("notes", b"no call")
    small_lake.put("call-3", day=NEXT_DAY)
    assert small_lake.run().succeeded
    small_lake.run(discard=frozenset({f"unified/{TENANT}/2025/11/05/notes.json"}))
    small_lake.now += dt.timedelta(hours=1)
    small_lake.put("call-3", day=DAY, revision=2)
    small_lake.put_bytes("broken", b"{")
    assert small_lake.run().succeeded
    return small_lake


@pytest.fixture(scope="module")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    made = filled(SmallLake(tmp_path_factory.mktemp("filled") / "lake"))
    made.catalog.close()
    return made


@pytest.fixture
def full(_filled: SmallLake, tmp_path: Path) -> SmallLake:
    """A copy of that lake, with its times."""
    shutil.copytree(_filled.root, tmp_path / "lake")
    return SmallLake(tmp_path / "lake", now=_filled.now, runs=_filled.runs)


def findings(small_lake: SmallLake) -> tuple[Finding, ...]:
    with open_to_repair(small_lake.root) as lake:
        return verify_tenant(lake.nightly(), TENANT).findings


def repair(small_lake: SmallLake) -> RepairReport:
    with open_to_repair(small_lake.root) as lake:
        return lake.repair(TENANT, grace=NO_GRACE)


def rebuild(small_lake: SmallLake, **options: Any) -> RebuildReport:
    with open_to_repair(small_lake.root) as lake:
        return lake.rebuild(TENANT, workers=1, **options)


def state(small_lake: SmallLake) -> dict[str, Any]:
    """What readers see, and what became of each document."""
    small_lake.catalog.close()
    small_lake.__post_init__()
    rows = {
        name: sorted(map(_without_run, small_lake.rows(name)), key=repr)
        for name in (*TABLES_WITH_DATA, "quarantined_documents")
    }
    outcomes = {
        key: (record.outcome, record.etag, record.call_id, record.revision, record.writing)
        for day in small_lake.catalog.days(TENANT)
        for key, record in small_lake.catalog.sources(TENANT, day).items()
    }
    return {**rows, "outcomes": outcomes}


def _without_run(row: dict[str, Any]) -> dict[str, Any]:
    """A row without which run wrote it, and when a document was found to be broken."""
    return {key: row[key] for key in row if key not in ("etl_run_id", "quarantined_at")}


def part(small_lake: SmallLake, table: str = "calls") -> Path:
    [found] = small_lake.catalog.parts(TENANT, DAY)[table]
    return small_lake.store.path(found.key)


def manifest(small_lake: SmallLake) -> Path:
    generation = small_lake.catalog.days(TENANT)[DAY].generation
    return small_lake.store.path(manifest_key(TENANT, DAY, generation))


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x20
    path.write_bytes(data)


def database(small_lake: SmallLake, sql: str) -> None:
    with sqlite3.connect(small_lake.root / CATALOG_FILE) as connection:
        connection.execute(sql)
    connection.close()


def lose_catalogue(small_lake: SmallLake) -> None:
    small_lake.catalog.close()
    (small_lake.root / CATALOG_FILE).unlink()


def forget_day(small_lake: SmallLake) -> None:
    for table in ("days", "parts", "sources", "generations"):
        database(small_lake, f"DELETE FROM {table} WHERE call_date = '2025-11-05'")


def replace_by_another_file(small_lake: SmallLake) -> None:
    [other] = small_lake.catalog.parts(TENANT, NEXT_DAY)["etl_runs"]
    shutil.copy(small_lake.store.path(other.key), part(small_lake, "etl_runs"))


def other_folder(small_lake: SmallLake, table: str, generation: str) -> Path:
    folder = small_lake.root / f"curated/{TENANT}/{table}/call_date=2025-11-05/{generation}"
    folder.mkdir(parents=True)
    shutil.copy(part(small_lake), folder / "part-0000.parquet")
    os.utime(folder / "part-0000.parquet", (0, 0))
    return folder


def unknown_table(small_lake: SmallLake) -> None:
    other_folder(small_lake, "old_table", small_lake.catalog.days(TENANT)[DAY].generation)


KNOWN = "every file is of a generation that the catalogue knows"
# name: what is planted, the claims that do not hold then, and the command that mends it.
DAMAGE: dict[str, tuple[Plant, set[str], str]] = {
    "a file is gone": (
        lambda lake: part(lake, "entities").unlink(), {"entities: its files can be read"}, REBUILD,
    ),
    "a byte of a page": (
        lambda lake: flip(part(lake, "key_phrases"), 60),
        {"key_phrases: its files can be read"}, REBUILD,
    ),
    "a byte of a footer": (
        lambda lake: flip(part(lake), -40), {"calls: its files can be read"}, REBUILD,
    ),
    "a byte of the checksum's key": (
        lambda lake: flip(part(lake), part(lake).read_bytes().rindex(b"cci_lite.crc32")),
        {"calls: its files can be read"}, REBUILD,
    ),
    "a file is cut off": (
        lambda lake: os.truncate(part(lake), 100), {"calls: its files can be read"}, REBUILD,
    ),
    "the file of another day": (
        replace_by_another_file,
        {
            "etl_runs: its files have the rows of the catalogue (3)",
            "etl_runs: its files have the size of the catalogue",
            "the published generation has a balance sheet",
        },
        REBUILD,
    ),
    "the manifest is gone": (
        lambda lake: manifest(lake).unlink(), {"the day has its manifest"}, REPAIR,
    ),
    "the manifest is damaged": (
        lambda lake: os.truncate(manifest(lake), 100), {"the day has its manifest"}, REPAIR,
    ),
    "the manifest of another day": (
        lambda lake: shutil.copy(
            next((lake.root / f"curated/{TENANT}/manifests/call_date=2025-11-06").rglob("*.gz")),
            manifest(lake),
        ),
        {"the day has its manifest"}, REPAIR,
    ),
    "the catalogue forgot a document": (
        lambda lake: database(lake, "DELETE FROM sources WHERE outcome = 'discarded'"),
        {
            "the catalogue says what the manifest says", "etl_runs: sources is 4",
            "etl_runs: discarded is 0",
        },
        REPAIR,
    ),
    "the catalogue has another number of rows": (
        lambda lake: database(lake, "UPDATE parts SET rows = 9 WHERE table_name = 'calls' AND call_date = '2025-11-05'"),
        {
            "the catalogue says what the manifest says",
            "calls: its files have the rows of the catalogue (9)",
        },
        REPAIR,
    ),
    "the catalogue forgot a day": (
        forget_day, {"the catalogue knows every day that has curated files"}, REPAIR,
    ),
    "a generation that nobody knows": (
        lambda lake: other_folder(lake, "calls", "someone"), {KNOWN}, REPAIR,
    ),
    "a file beside those of a generation": (
        lambda lake: shutil.copy(part(lake), part(lake).with_name("part-0007.parquet")),
        {KNOWN}, f"{REPAIR} --grace-hours 0",
    ),
    "a file of no table": (
        unknown_table, {KNOWN}, REPAIR,
    ),
}  # fmt: skip


# One of each kind; the slow suite has all others.
QUICK = (
    "a file is gone", "a byte of the checksum's key", "the file of another day",
    "the manifest is damaged", "the catalogue forgot a document",
    "a file beside those of a generation", "a file of no table",
)  # fmt: skip


@pytest.mark.parametrize("name", mostly_slow(DAMAGE, QUICK))
def test_damage_is_named_with_the_command_that_mends_it(full: SmallLake, name: str) -> None:
    before = state(full)
    assert findings(full) == ()
    plant, claims, command = DAMAGE[name]
    plant(full)
    found = findings(full)
    said = {finding.claim for finding in found}
    assert all(any(one.startswith(claim) for one in said) for claim in claims), said
    assert len(said) == len(claims)
    assert command in {finding.run for finding in found}
    report = repair(full) if command.startswith(REPAIR) else rebuild(full, since=DAY, until=DAY)
    assert report.succeeded
    assert findings(full) == ()
    assert state(full) == before
    files, published = full.files("unified", "curated", "quarantine"), full.catalog.days(TENANT)
    assert repair(full).succeeded
    assert rebuild(full).run is None
    assert repair(full).days == []
    state(full)
    assert full.catalog.days(TENANT) == published
    assert full.files("unified", "curated", "quarantine") == files


def test_a_lost_catalogue_comes_back_from_the_manifests_without_any_loss(full: SmallLake) -> None:
    before, days = state(full), full.catalog.days(TENANT)
    assert SourceOutcome.DISCARDED in {found[0] for found in before["outcomes"].values()}
    assert SourceOutcome.SUPERSEDED in {found[0] for found in before["outcomes"].values()}
    lose_catalogue(full)
    report = repair(full)
    assert report.succeeded
    assert [(day.status, day.note) for day in report.days] == [(RepairStatus.RESTORED, "")] * 2
    assert state(full) == before
    assert full.catalog.days(TENANT) == days
    assert full.run().days == []
    assert findings(full) == ()


# --- Documents that have expired -------------------------------------------------------------------


def expire(small_lake: SmallLake, *names: str) -> None:
    for name in names:
        small_lake.store.delete(f"unified/{TENANT}/2025/11/05/{name}.json")


def test_rows_of_expired_documents_come_from_the_generation_before(full: SmallLake) -> None:
    before = state(full)
    expire(full, "call-1", "call-2")
    part(full).unlink()
    report = rebuild(full)
    assert report.succeeded
    assert report.run is not None
    assert [(day.call_date, day.status, day.lost) for day in report.run.days] == [
        (DAY, DayStatus.PUBLISHED, 0)
    ]
    assert state(full) == before
    assert findings(full) == ()


def test_rows_of_a_day_without_documents_come_from_the_generation_before(
    small_lake: SmallLake,
) -> None:
    small_lake.register()
    small_lake.put("call-1")
    small_lake.run()
    small_lake.put("call-2")
    small_lake.run()
    small_lake.put("call-3", day=NEXT_DAY)
    small_lake.run()
    expire(small_lake, "call-1", "call-2")
    part(small_lake, "entities").unlink()
    # Only the second generation had the rows of call-2.
    report = rebuild(small_lake)
    assert report.run is not None
    [day] = report.run.days
    assert (day.call_date, day.status) == (DAY, DayStatus.FAILED)
    assert day.reason == (
        "documents that have expired, and whose rows no file has any more that can be read: 1; put "
        "the day's curated files back from a copy of the lake, or publish the day without them: "
        "cci-lite etl rebuild --allow-loss"
    )
    assert small_lake.call_ids() == ["call-1", "call-2", "call-3"]
    report = rebuild(small_lake, allow_loss=True)
    assert report.succeeded
    assert report.run is not None
    assert [(day.call_date, day.lost) for day in report.run.days] == [(DAY, 1)]
    state(small_lake)
    assert small_lake.call_ids() == ["call-1", "call-3"]
    assert findings(small_lake) == ()


def test_rows_of_an_earlier_version_of_a_document_do_not_stand_in_for_it(full: SmallLake) -> None:
    full.put("call-1", verdicts=(True, True, True))
    assert full.run().succeeded
    expire(full, "call-1", "call-2")
    part(full).unlink()
    report = rebuild(full)
    assert report.run is not None
    [day] = report.run.days
    assert "that can be read: 1;" in day.reason
    assert rebuild(full, allow_loss=True).succeeded
    state(full)
    assert full.call_ids() == ["call-2", "call-3"]


def test_each_row_is_taken_once_from_the_files_that_are_whole(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["call-1", "call-2", "call-3"]
    for name in names:
        small_lake.put(name)
    small_lake.register()
    small_lake.run()
    monkeypatch.setattr("cci_lite.nightly.staging.split", functools.partial(split, max_documents=1))
    small_lake.run(rebuild=True)
    before = state(small_lake)
    parts = small_lake.catalog.parts(TENANT, DAY)
    assert {len(files) for table, files in parts.items() if table != "etl_runs"} == {3}
    expire(small_lake, *names)
    # The file of the generation before has this row and those that are whole in the later one.
    small_lake.store.delete(parts["entities"][1].key)
    assert rebuild(small_lake).succeeded
    assert state(small_lake) == before
    assert findings(small_lake) == ()


def test_only_the_days_that_are_to_be_mended_are_looked_at(full: SmallLake) -> None:
    full.put("call-4", day=NEXT_DAY)
    full.put("call-5", day=dt.date(2025, 11, 4))
    assert [day.call_date for day in full.run(mend=frozenset({DAY})).days] == [DAY]


def test_balance_sheets_come_from_the_last_generation_that_has_them(full: SmallLake) -> None:
    earlier = [row["etl_run_id"] for row in full.rows("etl_runs") if row["sources"] > 1]
    assert earlier == ["run-1", "run-2", "run-3"]
    part(full, "etl_runs").unlink()
    assert rebuild(full).succeeded
    state(full)
    sheets = [row["etl_run_id"] for row in full.rows("etl_runs") if row["sources"] > 1]
    assert sheets[:-1] == ["run-1", "run-2"]


def test_a_rebuild_removes_no_files_of_no_generation(full: SmallLake) -> None:
    orphan = other_folder(full, "calls", "someone")
    part(full).unlink()
    assert rebuild(full).succeeded
    assert orphan.exists()


@EVERY_POOL
def test_days_are_mended_one_after_the_other_by_several_processes_too(
    small_lake: SmallLake,
) -> None:
    for number in range(4):
        small_lake.put(f"call-{number}")
        small_lake.put(f"other-{number}", day=NEXT_DAY)
    small_lake.run()
    before = state(small_lake)
    expire(small_lake, "call-0")
    part(small_lake).unlink()
    lost, mended = small_lake.run(mend=frozenset({DAY, NEXT_DAY})).days
    assert (lost.status, mended.status) == (DayStatus.FAILED, DayStatus.PUBLISHED)
    assert "that can be read: 1;" in lost.reason
    report = small_lake.run(mend=frozenset({DAY, NEXT_DAY}), allow_loss=True)
    assert [day.lost for day in report.days] == [1, 0]
    after = state(small_lake)
    assert len(after["calls"]) == 7
    assert all(row in before["calls"] for row in after["calls"])


def test_a_call_that_moves_is_not_on_two_days_when_only_one_manifest_was_written(
    full: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the manifests of two days that change together, with the catalogue lost."""
    full.put("call-1", day=NEXT_DAY, revision=2)
    written = []

    def once(store: Store, tenant_id: str, change: DayChange) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(change.day.call_date)
        write_manifest(store, tenant_id, change)

    monkeypatch.setattr("cci_lite.nightly.run.write_manifest", once)
    with pytest.raises(KeyboardInterrupt):
        full.run()
    monkeypatch.undo()
    assert written == [DAY]  # the day that gives way
    lose_catalogue(full)
    assert repair(full).succeeded
    full.__post_init__()
    assert full.call_ids().count("call-1") <= 1
    assert full.run().succeeded
    assert full.call_ids() == ["call-1", "call-2", "call-3"]
    assert findings(full) == ()


def test_a_rebuild_keeps_the_generation_before_however_old_it_is(full: SmallLake) -> None:
    """The clock of these commands is a year later than that of the runs."""
    kept = {key for key in full.files("curated") if "/run-1-0001/" in key}
    assert kept
    part(full).unlink()
    assert rebuild(full).succeeded
    assert kept <= full.files("curated").keys()


def test_a_day_of_which_nothing_tells_what_it_held_is_built_only_when_loss_is_allowed(
    full: SmallLake,
) -> None:
    before = state(full)
    for file in (full.root / f"curated/{TENANT}/manifests").rglob("*.gz"):
        file.unlink()
    part(full).unlink()
    lose_catalogue(full)
    report = rebuild(full)
    assert not report.succeeded
    assert report.run is not None
    [refused] = [day for day in report.run.days if day.call_date == DAY]
    assert refused.status is DayStatus.REFUSED
    assert refused.reason.startswith("curated files of this day are missing from the catalogue")
    assert rebuild(full, allow_loss=True).succeeded
    assert state(full)["calls"] == before["calls"]
    assert repair(full).succeeded
    assert findings(full) == ()


# --- Killed ----------------------------------------------------------------------------------------

KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from cci_lite.laptop import open_to_repair
    from cci_lite.local.catalog import SqliteCatalog
    from cci_lite.local.folder import FolderStore
    from tests.behaviours.test_damaged_lake import NO_GRACE, TENANT

    command, left = sys.argv[2], int(sys.argv[3])

    def counted(name, owner):
        real = getattr(owner, name)

        def call(*arguments, **options):
            global left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        setattr(owner, name, call)

    if __name__ == "__main__":
        lake = open_to_repair(Path(sys.argv[1]))
        for name in ("write", "delete", "delete_below", "copy"):
            counted(name, FolderStore)
        for name in ("stage", "publish", "forget"):
            counted(name, SqliteCatalog)
        if command == "repair":
            lake.repair(TENANT, grace=NO_GRACE)
        else:
            lake.rebuild(TENANT, workers=1)
    """
)


# After how many of the steps that change something the command is killed.
KILLS = [(command, steps) for command in ("repair", "rebuild") for steps in (0, 1, 2, 3, 5, 9, 14)]


@pytest.mark.parametrize("kill", mostly_slow(KILLS, [("rebuild", 9)]), ids=str)
def test_a_repair_or_rebuild_that_is_killed_anywhere_is_finished_by_the_next(
    full: SmallLake, tmp_path: Path, kill: tuple[str, int]
) -> None:
    command, steps = kill
    before = state(full)
    if command == "repair":
        other_folder(full, "calls", "someone")
        forget_day(full)
        shutil.rmtree(full.root / f"curated/{TENANT}/manifests/call_date=2025-11-06")
    else:
        expire(full, "call-1")
        part(full).unlink()
        part(full, "quarantined_documents").unlink()
    full.catalog.close()
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    checkout = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, str(script), str(full.root), command, str(steps)],
        cwd=checkout,
        env={"PYTHONPATH": str(checkout), "PATH": ""},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert (repair(full) if command == "repair" else rebuild(full)).succeeded
    assert repair(full).succeeded
    full.__post_init__()
    assert full.run().succeeded
    assert findings(full) == ()
    assert state(full) == before


# --- Any damage ------------------------------------------------------------------------------------


def _curated(lake: Path) -> list[Path]:
    return sorted(path for path in (lake / "curated").rglob("*") if path.is_file())


@one_in(10)
@given(data=st.data())
def test_any_damage_to_files_is_mended_while_the_documents_are_there(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    small_lake = filled(SmallLake(tmp_path_factory.mktemp("lake")))
    before = state(small_lake)
    small_lake.catalog.close()
    files = _curated(small_lake.root)
    for file in data.draw(st.lists(st.sampled_from(files), unique=True)):
        # The size of a file differs from run to run, as times do.
        place = file.stat().st_size * data.draw(st.integers(0, 999)) // 1000
        match data.draw(st.sampled_from(["gone", "flipped", "cut", "empty"])):
            case "gone":
                file.unlink()
            case "flipped":
                flip(file, place)
            case "cut":
                os.truncate(file, place)
            case _:
                file.write_bytes(b"")
    if data.draw(st.booleans()):
        (small_lake.root / CATALOG_FILE).unlink()
    report = rebuild(small_lake)
    if not report.succeeded:
        # Neither the catalogue nor a manifest says what a day held.
        assert any(day.status is RepairStatus.LOST or day.discarded for day in report.repair.days)
        rebuild(small_lake, allow_loss=True)
    repair(small_lake)
    small_lake.run()
    repair(small_lake)
    assert findings(small_lake) == ()
    after = state(small_lake)
    for name in TABLES_WITH_DATA:
        assert after[name] == before[name]
