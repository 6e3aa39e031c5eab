"""A lake that lost its catalogue is not mistaken for a new one, and can be repaired."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from cci_lite.errors import LakeError, NotFoundError
from cci_lite.laptop import Lake, create_lake, open_lake, open_to_repair
from cci_lite.local.catalog import CATALOG_FILE, SqliteCatalog
from cci_lite.nightly.repair import RepairStatus
from cci_lite.nightly.run_report import DayStatus
from cci_lite.nightly.verify import verify_tenant
from cci_lite.ports import SourceOutcome
from tests.small_lake import DAY, NEXT_DAY, TENANT, SmallLake

LOST = "has data and no catalogue (catalog.db): bring it back with: cci-lite etl repair"
CALLS = "SELECT call_id, call_date, qa_percentage FROM calls ORDER BY call_id"


@pytest.fixture
def full(small_lake: SmallLake) -> SmallLake:
    """Two days of a tenant with a form, a quarantined document, and another tenant's call."""
    for tenant_id in (TENANT, "other-tenant"):
        small_lake.register(tenant_id)
    small_lake.put("call-1")
    small_lake.put("call-2", verdicts=(True, True, True))
    small_lake.put_bytes("broken", b"{")
    small_lake.put("call-3", day=NEXT_DAY)
    small_lake.put("other-1", tenant_id="other-tenant")
    assert small_lake.run(TENANT, "other-tenant").succeeded
    return small_lake


def rows(path: Path, tenant_id: str = TENANT) -> list[dict[str, object]]:
    with open_lake(path) as lake:
        found: list[dict[str, object]] = lake.sql(
            CALLS, tenant_id=tenant_id, as_="arrow"
        ).to_pylist()
        return found


def lose(small_lake: SmallLake, how: str = "deleted") -> Path:
    """The lake's folder after its catalogue was lost in one of several ways."""
    small_lake.catalog.close()
    file = small_lake.root / CATALOG_FILE
    file.unlink()
    if how == "cut to nothing":
        file.touch()
    if how == "replaced by an empty one":
        SqliteCatalog(small_lake.root).close()
    return small_lake.root


def forms(path: Path) -> list[str]:
    with open_lake(path) as lake:
        return [form.content_hash for form in lake.tenants()[TENANT]]


@pytest.mark.parametrize("how", ["deleted", "cut to nothing"])
def test_a_lost_catalogue_is_named_and_never_replaced_by_an_empty_one(
    full: SmallLake, how: str
) -> None:
    path = lose(full, how)
    for opened in (open_lake, create_lake):
        with pytest.raises(LakeError) as caught:
            opened(path)
        assert not isinstance(caught.value, NotFoundError)
        assert LOST in str(caught.value)
    assert not (path / CATALOG_FILE).exists() or not (path / CATALOG_FILE).stat().st_size


@pytest.mark.parametrize("name", ["config", "unified", "curated", "quarantine"])
def test_a_folder_with_any_part_of_a_lake_has_data(tmp_path: Path, name: str) -> None:
    (tmp_path / name / TENANT).mkdir(parents=True)
    with pytest.raises(LakeError, match="has data and no catalogue"):
        create_lake(tmp_path)


def test_an_empty_folder_is_not_a_lake_and_can_become_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing to repair"):
        open_to_repair(tmp_path)
    create_lake(tmp_path).close()
    open_lake(tmp_path).close()


@pytest.mark.parametrize("how", ["deleted", "cut to nothing", "replaced by an empty one"])
def test_repair_brings_everything_back_and_changes_no_data(full: SmallLake, how: str) -> None:
    before, form = rows(full.root), forms(full.root)
    other = rows(full.root, "other-tenant")
    path = lose(full, how)
    data = full.files("unified", "curated", "quarantine", "config")
    with open_to_repair(path) as lake:
        report = lake.repair()
        assert report.succeeded
        assert [(day.tenant_id, day.call_date, day.status, day.calls) for day in report.days] == [
            (TENANT, DAY, RepairStatus.RESTORED, 2),
            (TENANT, NEXT_DAY, RepairStatus.RESTORED, 1),
            ("other-tenant", DAY, RepairStatus.RESTORED, 1),
        ]
        proof = verify_tenant(lake.nightly(), TENANT)
        assert (proof.days, proof.calls, proof.findings, proof.waiting) == (2, 3, (), 0)
        assert len(lake.catalog.records(TENANT, SourceOutcome.QUARANTINED)) == 1
    assert rows(path) == before
    assert rows(path, "other-tenant") == other
    assert forms(path) == form
    assert full.files("unified", "curated", "quarantine", "config") == data


def of_before_manifests(small_lake: SmallLake) -> None:
    shutil.rmtree(small_lake.root / f"curated/{TENANT}/manifests")


def test_after_a_repair_the_next_night_reads_only_what_is_new(full: SmallLake) -> None:
    path = lose(full)
    with open_to_repair(path) as lake:
        lake.repair()
        assert lake.repair().days == []
        again = lake.run_etl(TENANT)
        assert again.succeeded
        assert again.days == []
        full.put("call-4")
        [day] = lake.run_etl(TENANT).days
        assert (day.documents_read, day.balance and day.balance.calls) == (1, 3)
        assert verify_tenant(lake.nightly(), TENANT).findings == ()


def test_calls_whose_documents_have_expired_are_not_lost_with_the_catalogue(
    full: SmallLake,
) -> None:
    """The reason why a run must not build days anew over files that nobody knows."""
    before = rows(full.root)
    path = lose(full, "replaced by an empty one")
    (path / f"unified/{TENANT}/2025/11/05/call-1.json").unlink()
    with open_lake(path) as lake:
        report = lake.run_etl(TENANT)
        assert not report.succeeded
        assert {(day.call_date, day.status) for day in report.days} == {
            (DAY, DayStatus.REFUSED),
            (NEXT_DAY, DayStatus.REFUSED),
        }
        assert "cci-lite etl repair" in report.days[0].reason
        findings = verify_tenant(lake.nightly(), TENANT).findings
        assert {(found.call_date, found.claim) for found in findings} == {
            (day, "the catalogue knows every day that has curated files") for day in (DAY, NEXT_DAY)
        }
        assert lake.repair(TENANT).succeeded
        assert lake.run_etl(TENANT).succeeded
    assert rows(path) == before


def test_a_day_that_the_catalogue_does_not_know_is_refused_alone(full: SmallLake) -> None:
    with sqlite3.connect(full.root / CATALOG_FILE) as database:
        for table in ("days", "parts", "sources", "generations"):
            database.execute(f"DELETE FROM {table} WHERE call_date = '2025-11-05'")
    database.close()
    full.put("call-5", day=NEXT_DAY)
    report = full.run(TENANT)
    assert {day.call_date: day.status for day in report.days} == {
        DAY: DayStatus.REFUSED,
        NEXT_DAY: DayStatus.PUBLISHED,
    }


def _parts(small_lake: SmallLake, table: str, day: str = "2025-11-05") -> list[Path]:
    return sorted(
        (small_lake.root / f"curated/{TENANT}/{table}/call_date={day}").rglob("*.parquet")
    )


@pytest.mark.parametrize(
    ("table", "note"),
    [
        ("calls", "rows in calls: expected 2, found 0"),
        ("qa_criteria", "rows in qa_criteria: expected 6, found 0"),
        ("quarantined_documents", "rows in quarantined_documents: expected 1, found 0"),
    ],
)
def test_a_day_with_a_missing_file_is_reported_as_lost_and_its_files_stay(
    full: SmallLake, table: str, note: str
) -> None:
    of_before_manifests(full)
    path = lose(full)
    for part in _parts(full, table):
        part.unlink()
    data = full.files("unified", "curated")
    with open_to_repair(path) as lake:
        report = lake.repair(TENANT)
        assert not report.succeeded
        lost, restored = report.days
        assert (lost.call_date, lost.status, lost.calls) == (DAY, RepairStatus.LOST, 0)
        assert lost.note.startswith(f"{note}: put the files back")
        assert restored.status is RepairStatus.RESTORED
    data |= full.files(f"curated/{TENANT}/manifests")  # of the day that was read off its files
    assert full.files("unified", "curated") == data


@pytest.mark.parametrize("table", ["calls", "entities", "etl_runs"])
def test_a_damaged_file_is_never_published_again(full: SmallLake, table: str) -> None:
    of_before_manifests(full)
    path = lose(full)
    [part] = _parts(full, table)
    part.write_bytes(part.read_bytes()[:-20])
    with open_to_repair(path) as lake:
        report = lake.repair(TENANT)
        assert [day.status for day in report.days] == [RepairStatus.LOST, RepairStatus.RESTORED]
        assert "damaged" in report.days[0].note
        assert list(lake.catalog.days(TENANT)) == [NEXT_DAY]


def test_of_several_generations_the_newest_complete_one_comes_back(full: SmallLake) -> None:
    full.put("call-4")
    full.now = full.now.replace(day=8)
    assert full.run(TENANT).succeeded
    newest = full.catalog.days(TENANT)[DAY].generation
    # A run that was killed before it had written all of its files.
    half = full.root / f"curated/{TENANT}/calls/call_date=2025-11-05/zzz/part-0000.parquet"
    half.parent.mkdir()
    shutil.copy(_parts(full, "calls")[0], half)
    path = lose(full)
    with open_to_repair(path) as lake:
        report = lake.repair(TENANT)
        assert report.days[0].generation == newest
        assert report.days[0].calls == 3
        assert lake.catalog.days(TENANT)[DAY].generation == newest
    assert half.exists()


def test_a_repair_says_that_the_names_of_superseded_documents_are_missing(full: SmallLake) -> None:
    full.put("call-3", day=DAY, revision=2)
    assert full.run(TENANT).succeeded
    of_before_manifests(full)
    path = lose(full)
    with open_to_repair(path) as lake:
        notes = {day.call_date: day.note for day in lake.repair(TENANT).days}
        assert notes[NEXT_DAY].startswith(
            "it has no manifest and was read off its files; the names of superseded documents: 1 "
            "(the next run"
        )
        assert lake.run_etl(TENANT).succeeded
        assert verify_tenant(lake.nightly(), TENANT).findings == ()


def test_an_older_catalogue_that_was_put_back_goes_on_from_where_it_was(full: SmallLake) -> None:
    kept = (full.root / CATALOG_FILE).read_bytes()
    full.put("call-4")
    full.now = full.now.replace(day=9)
    assert full.run(TENANT).succeeded
    full.now = full.now.replace(day=11)
    assert full.run(TENANT).succeeded  # the old files are gone now
    full.catalog.close()
    (full.root / CATALOG_FILE).write_bytes(kept)
    with open_lake(full.root) as lake:
        with pytest.raises(LakeError, match="table calls, 2025-11-05: a file is gone"):
            lake.sql(CALLS, tenant_id=TENANT)
        [day] = lake.repair(TENANT).days
        assert (day.call_date, day.status, day.calls) == (DAY, RepairStatus.RESTORED, 3)
        assert lake.repair(TENANT).days == []
    assert [row["call_id"] for row in rows(full.root)] == ["call-1", "call-2", "call-3", "call-4"]


def test_tenants_without_settings_are_named(full: SmallLake) -> None:
    path = lose(full)
    shutil.rmtree(path / "config" / "other-tenant")
    with open_to_repair(path) as lake:
        report = lake.repair()
        assert report.without_settings == ["other-tenant"]
        assert not report.succeeded
        assert len(report.days) == 3


def test_a_repair_leaves_a_tenant_alone_while_a_run_works_on_it(full: SmallLake) -> None:
    with open_to_repair(full.root) as lake, lake.catalog.lease(TENANT, "run 1"):
        report = lake.repair()
    assert report.busy == [TENANT]


def test_the_configuration_of_an_older_lake_becomes_files(tmp_path: Path) -> None:
    create_lake(tmp_path).close()
    item = {"tenant_id": TENANT, "name": "Demo"}
    with sqlite3.connect(tmp_path / CATALOG_FILE) as database:
        database.execute("CREATE TABLE config (pk TEXT, sk TEXT, item TEXT)")
        database.execute(
            "INSERT INTO config VALUES (?, 'META#v1', ?)", (f"TENANT#{TENANT}", json.dumps(item))
        )
        database.execute("ALTER TABLE sources DROP COLUMN writing")
        database.execute("ALTER TABLE days DROP COLUMN tables_digest")
        database.execute("PRAGMA user_version = 1")
    database.close()
    for _ in range(2):
        with open_lake(tmp_path) as lake:
            assert list(lake.tenants()) == [TENANT]
            assert lake.catalog.get(f"TENANT#{TENANT}", "META#v1") == {
                **item, "pk": f"TENANT#{TENANT}", "sk": "META#v1",
            }  # fmt: skip


def test_settings_that_are_files_already_win_over_those_of_an_older_catalogue(
    tmp_path: Path,
) -> None:
    with create_lake(tmp_path) as lake:
        lake.catalog.put(f"TENANT#{TENANT}", "META#v1", {"tenant_id": TENANT, "name": "New"})
    with sqlite3.connect(tmp_path / CATALOG_FILE) as database:
        database.execute("CREATE TABLE config (pk TEXT, sk TEXT, item TEXT)")
        old = json.dumps({"tenant_id": TENANT, "name": "Old"})
        database.execute("INSERT INTO config VALUES (?, 'META#v1', ?)", (f"TENANT#{TENANT}", old))
        database.execute("ALTER TABLE sources DROP COLUMN writing")
        database.execute("ALTER TABLE days DROP COLUMN tables_digest")
        database.execute("PRAGMA user_version = 1")
    database.close()
    with open_lake(tmp_path) as lake:
        item = lake.catalog.get(f"TENANT#{TENANT}", "META#v1")
        assert item is not None
        assert item["name"] == "New"


def config_files(lake: Lake) -> list[Path]:
    return sorted((lake.path / "config" / TENANT).glob("*.json"))


def test_a_damaged_file_of_settings_affects_no_other_tenant(full: SmallLake) -> None:
    with open_lake(full.root) as lake:
        for file in config_files(lake):
            file.write_bytes(b'{"pk": "TENANT#')
        assert [form.name for form in lake.tenants()["other-tenant"]] == ["default"]
        assert lake.tenants()[TENANT] == []
        report = lake.run_etl()
        assert not report.succeeded
        assert list(report.failed) == [TENANT]
    assert len(rows(full.root, "other-tenant")) == 1


def test_queues_that_differ_only_in_case_have_files_of_their_own(full: SmallLake) -> None:
    pk = f"TENANT#{TENANT}"
    with open_lake(full.root) as lake:
        queues = ["Sales", "sales", "SALES", "a/b", "..", "ü" * 200, "ü" * 199 + "v", "*", "%41"]
        for queue in queues:
            assert lake.catalog.put_new(pk, f"QA_ACTIVE#{queue}", {"queue": queue})
        names = [file.name.lower() for file in config_files(lake)]
        assert len(set(names)) == len(names) == len(queues) + 2
        assert all(len(name.encode()) < 250 for name in names)
        found = lake.catalog.query(pk, "QA_ACTIVE#")
        assert {item["queue"] for item in found} == set(queues)
