"""The demo: finds the planted differences, and leaves an existing lake alone."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
import sqlite3
from pathlib import Path

import pytest

from cci_lite.demo import LAST_DAY, Comparison, compare, deliver, set_up
from cci_lite.errors import UsageError
from cci_lite.laptop import Lake, create_lake, open_lake
from cci_lite.local.catalog import CATALOG_FILE
from cci_lite.nightly.run_report import Balance
from cci_lite.sample import VerdictCounts, World, build_world
from tests.unit.cli.programs import Done, cci, succeed

DAYS, CALLS = 28, 300


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(7, days=DAYS, calls=CALLS, last_day=LAST_DAY)


@pytest.fixture(scope="module")
def lake(world: World, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The small sample world after both of its nights."""
    lake = create_lake(tmp_path_factory.mktemp("demo") / "lake")
    set_up(lake, world)
    for delivery in world.deliveries:
        deliver(lake, world, delivery)
        assert lake.run_etl(workers=1).succeeded
    return lake


def compared(lake: Lake, world: World, tenant_id: str) -> list[Comparison]:
    with lake.reader(tenant_id) as query:
        return list(compare(world.truth, tenant_id, query))


def test_every_planted_number_of_every_tenant_is_found(lake: Lake, world: World) -> None:
    for tenant in world.tenants:
        found = compared(lake, world, tenant.tenant_id)
        assert len(found) == 7
        assert all(each.numbers > 0 for each in found)
        assert [each for each in found if each.wrong] == []


def with_truth(world: World, **changed: object) -> World:
    truth = dataclasses.replace(world.truth, **changed)  # type: ignore[arg-type]
    return dataclasses.replace(world, truth=truth)


def test_one_wrong_count_of_calls_is_seen(lake: Lake, world: World) -> None:
    tenant_id = world.tenants[0].tenant_id
    calls = world.truth.calls[tenant_id]
    wrong = with_truth(world, calls={**world.truth.calls, tenant_id: calls + 1})
    [difference] = [each for each in compared(lake, wrong, tenant_id) if each.wrong]
    assert difference == Comparison("calls", str(calls + 1), str(calls), 1, 1)


def test_one_wrong_verdict_among_all_is_seen_where_it_is(lake: Lake, world: World) -> None:
    key, counts = next(iter(world.truth.criteria.items()))
    assert isinstance(counts, VerdictCounts)
    other = dataclasses.replace(counts, passed=counts.passed - 1, failed=counts.failed + 1)
    wrong = with_truth(world, criteria={**world.truth.criteria, key: other})
    [difference] = [each for each in compared(lake, wrong, key.tenant_id) if each.wrong]
    assert (difference.what, difference.wrong) == ("verdicts by criterion", 1)
    assert repr(key.criterion_id) in difference.found
    assert str(dataclasses.astuple(other)) in difference.found


def test_a_number_that_was_never_planted_is_seen(lake: Lake, world: World) -> None:
    key = next(iter(world.truth.agents))
    fewer = {each: counts for each, counts in world.truth.agents.items() if each != key}
    found = compared(lake, with_truth(world, agents=fewer), key.tenant_id)
    assert [each.what for each in found if each.wrong] == ["outcomes by agent"]


def test_a_row_that_is_lost_from_the_lake_is_seen(lake: Lake, world: World, tmp_path: Path) -> None:
    tenant_id = world.tenants[0].tenant_id
    copy = open_lake(Path(shutil.copytree(lake.path, tmp_path / "lake")))
    day = min(copy.catalog.days(tenant_id))
    for part in copy.catalog.parts(tenant_id, day)["qa_criteria"]:
        rows = lake.store.read(_smallest(lake, tenant_id, part.key))
        copy.store.write(part.key, rows)
        # The engine refuses a file that is not as long as the published one.
        with sqlite3.connect(copy.path / CATALOG_FILE) as catalogue:
            catalogue.execute("UPDATE parts SET bytes = ? WHERE key = ?", (len(rows), part.key))
        catalogue.close()
    wrong = {each.what for each in compared(copy, world, tenant_id) if each.wrong}
    assert "verdicts by criterion" in wrong
    assert "calls" not in wrong


def _smallest(lake: Lake, tenant_id: str, other_than: str) -> str:
    parts = [
        part for part in lake.catalog.parts(tenant_id)["qa_criteria"] if part.key != other_than
    ]
    return min(parts, key=lambda part: part.rows).key


def test_the_lake_of_somebody_else_is_refused_and_left_as_it_is(
    tmp_path: Path, world: World
) -> None:
    lake = tmp_path / "lake"
    succeed("tenants", "add", "real-company", "--lake", lake)
    with pytest.raises(UsageError) as caught:
        set_up(open_lake(lake), world)
    assert str(caught.value) == f"{lake} is the lake of real-company; choose another --lake"
    assert [row["tenant_id"] for row in tenants(lake)] == ["real-company"]


def tenants(lake: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = succeed(
        "tenants", "list", "--lake", lake, "--output", "json"
    ).json
    return found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """The command makes the small world."""
    monkeypatch.setattr("cci_lite.demo.sample_world", lambda: world)


@pytest.fixture
def demo_lake(lake: Lake, tmp_path: Path) -> Path:
    """A copy of the small world's lake, as a first run of the command leaves it."""
    return Path(shutil.copytree(lake.path, tmp_path / "lake"))


@pytest.mark.usefixtures("small")
def test_a_second_run_of_the_command_changes_nothing_and_writes_the_pages(demo_lake: Path) -> None:
    before = data_files(demo_lake)
    done = succeed("demo", "--lake", demo_lake, "--no-open")
    assert "numbers were planted; all were found." in done.err
    assert done.err.count("etl: nothing to do, no document read") == 3
    assert data_files(demo_lake) == before
    pages = [line.partition("report page: ")[2] for line in done.err.splitlines()]
    pages = [page for page in pages if page]
    assert len(pages) == 3
    for page in pages:
        assert Path(page).read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.usefixtures("small")
def test_a_difference_makes_the_command_fail(
    demo_lake: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id = world.tenants[0].tenant_id
    calls = {**world.truth.calls, tenant_id: world.truth.calls[tenant_id] + 1}
    monkeypatch.setattr("cci_lite.demo.sample_world", lambda: with_truth(world, calls=calls))
    done = cci("demo", "--lake", demo_lake, "--no-open")
    assert done.code == 1
    assert "numbers were planted; 1 differ." in done.err


def data_files(lake: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(lake)): (path.stat().st_size, path.stat().st_mtime_ns)
        for root in ("unified", "curated", "quarantine")
        for path in (lake / root).rglob("*")
        if path.is_file()
    }


@pytest.fixture
def own_transcripts(shared: Path, tmp_path: Path) -> Path:
    """Real output of the service with junk among it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for file in (shared / "data" / "transcribe").glob("batch-*.json.gz"):
        # Writable: the copies are the person's own.
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "broken.json").write_bytes(b'{"jobName": ')
    (folder / "other.json").write_bytes(b'{"a": 1}')
    (folder / "not.json.gz").write_bytes(b"no gzip")
    (folder / "empty.json").write_bytes(b"")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8")
    return folder


def own(lake: Path, transcripts: Path, *more: str | Path) -> Done:
    return cci("demo", "--lake", lake, "--transcripts", transcripts, "--no-open", *more)


def test_own_transcripts_with_junk_among_them_end_with_a_page(
    tmp_path: Path, own_transcripts: Path
) -> None:
    lake = tmp_path / "lake"
    done = own(lake, own_transcripts, "--agent-channel", "ch_0")
    assert done.code == 0, done.err
    assert " refused\n" in done.err
    for name in ("broken.json", "other.json", "not.json.gz", "empty.json"):
        assert f"{own_transcripts / name}: " in done.err
    page = done.err.splitlines()[-1].removeprefix("report page: ")
    assert Path(page).read_text(encoding="utf-8").startswith("<!doctype html>")
    days = open_lake(lake).catalog.days("my-company")
    assert days
    assert own(lake, own_transcripts, "--agent-channel", "ch_0").code == 0
    assert open_lake(lake).catalog.days("my-company") == days


def test_own_transcripts_that_are_all_junk_still_end_with_a_page(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x.json").write_bytes(b"{}")
    done = own(tmp_path / "lake", tmp_path / "mine")
    assert done.code == 0, done.err
    assert "1 transcripts: 1 refused" in done.err
    assert "report page: " in done.err


def test_a_wrong_folder_or_form_is_refused_before_there_is_a_lake(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    nowhere = own(tmp_path / "lake", tmp_path / "nowhere")
    assert (nowhere.code, nowhere.error) == (
        2,
        f"no such file or folder: {tmp_path / 'nowhere'}",
    )
    (tmp_path / "mine" / "x.json").write_bytes(b"{}")
    wrong_form = own(tmp_path / "lake", tmp_path / "mine", "--form", tmp_path / "no.yaml")
    assert (wrong_form.code, wrong_form.error) == (2, f"no such file: {tmp_path / 'no.yaml'}")
    assert not (tmp_path / "lake").exists()


@pytest.mark.usefixtures("small")
def test_the_sample_world_and_ones_own_transcripts_share_a_lake(
    demo_lake: Path, own_transcripts: Path
) -> None:
    assert own(demo_lake, own_transcripts).code == 0
    succeed("demo", "--lake", demo_lake, "--no-open")


def test_the_lake_of_the_sample_balances(lake: Lake, world: World) -> None:
    for tenant in world.tenants:
        for day in lake.catalog.days(tenant.tenant_id):
            assert isinstance(day, dt.date)
            balance = Balance.of(lake.catalog.sources(tenant.tenant_id, day).values())
            assert balance.sources == balance.calls + balance.superseded + balance.quarantined


@pytest.mark.usefixtures("small")
def test_a_first_run_of_the_command_finds_all_that_it_planted(tmp_path: Path) -> None:
    done = succeed("demo", "--lake", tmp_path / "lake", "--no-open")
    assert "numbers were planted; all were found." in done.err
    assert done.err.count("etl: nothing to do, no document read") == 1
