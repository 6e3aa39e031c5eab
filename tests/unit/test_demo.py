"""The demo: finds the planted differences, and leaves an existing lake alone."""

from __future__ import annotations

import dataclasses
import datetime as dt
import gzip
import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from cci_lite.assets import asset_folder
from cci_lite.contract.columns import TABLES
from cci_lite.demo import (
    LAST_DAY,
    PlantedCheck,
    Query,
    compare,
    compare_numbers,
    set_up,
)
from cci_lite.errors import UsageError
from cci_lite.laptop import Lake, open_lake
from cci_lite.local.catalog import CATALOG_FILE
from cci_lite.nightly.run_report import Balance
from cci_lite.sample import World, build_world, read_questions
from cci_lite.views.files import current_views, read_views, view_schema
from tests.own_calls.layouts import LAYOUTS
from tests.unit.cli.programs import Done, cci, succeed

DAYS, CALLS = 28, 300
RELEASED = read_views(asset_folder("sql") / "views")


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(7, days=DAYS, calls=CALLS, last_day=LAST_DAY)


@pytest.fixture(scope="module")
def first_run(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """The lake that the command makes of the small sample world, and what it says."""
    path = tmp_path_factory.mktemp("demo") / "lake"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("cci_lite.demo.sample_world", lambda: world)
        return path, succeed("demo", "--lake", path, "--no-open")


@pytest.fixture(scope="module")
def lake(first_run: tuple[Path, Done]) -> Lake:
    """The small sample world after both of its nights."""
    return open_lake(first_run[0])


@pytest.fixture(scope="module")
def query(lake: Lake, world: World) -> Iterator[Query]:
    """Asks the first company's tables and views."""
    with lake.reader("maple-outfitters", raw=world.period.last_day) as query:
        yield query


def compared(lake: Lake, world: World, tenant_id: str) -> list[PlantedCheck]:
    with lake.reader(tenant_id, raw=world.period.last_day) as query:
        return list(compare(world, tenant_id, query))


TENANTS = ("maple-outfitters", "lindental-energie", "sahyadri-broadband")


@pytest.mark.parametrize("tenant_id", TENANTS)
def test_every_planted_number_of_every_tenant_is_found(
    lake: Lake, world: World, tenant_id: str
) -> None:
    found = compared(lake, world, tenant_id)
    assert [each for each in found if each.wrong] == []
    assert [each.what for each in found if not each.planted] == []


@pytest.mark.parametrize("tenant_id", TENANTS)
def test_every_table_and_every_view_has_rows_for_every_tenant(
    lake: Lake, world: World, tenant_id: str
) -> None:
    with lake.reader(tenant_id, raw=world.period.last_day) as query:
        rows = {
            name: query(f"SELECT count(*) AS n FROM {name}").to_pylist()[0]["n"]
            for name in (*TABLES, *view_schema(RELEASED))
        }
    assert [name for name, count in rows.items() if count == 0] == []


def asked_relations() -> set[str]:
    sqls = [question.sql for question in read_questions().values()]
    return {name for sql in sqls for name in re.findall(r"FROM (\w+)", sql)}


def test_every_table_and_every_view_is_asked_for_a_planted_number() -> None:
    # The criteria are asked for through explode_criteria, which holds each of them once.
    assert (TABLES.keys() | current_views(RELEASED).keys()) - asked_relations() == {"qa_criteria"}


def listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def other_than(value: object) -> object:
    """Another value of the same kind; one more of what is counted."""
    if isinstance(value, dt.date):
        return value + dt.timedelta(days=1)
    assert isinstance(value, int | float)
    return value + 1


@pytest.mark.parametrize("question", read_questions())
def test_a_planted_number_that_is_changed_is_noticed(
    query: Query, world: World, question: str
) -> None:
    numbers = world.truth["maple-outfitters"][question]
    key = max(numbers, key=lambda key: (sum(map(bool, numbers[key])), repr(key)))
    for place in range(len(numbers[key])):
        changed = [*numbers[key]]
        changed[place] = other_than(changed[place])
        found = compare_numbers(question, {**numbers, key: tuple(changed)}, query)
        assert found.wrong == 1
        difference = f"planted {listed(changed)}, found {listed(numbers[key])}"
        assert found.words == (f"{listed(key)}: {difference}" if key else difference)


def test_a_number_that_was_never_planted_is_noticed(query: Query, world: World) -> None:
    numbers = dict(world.truth["maple-outfitters"]["outcomes by agent"])
    found = numbers.pop(("mho-1001",))
    comparison = compare_numbers("outcomes by agent", numbers, query)
    assert comparison.wrong == 1
    assert comparison.words == f"mho-1001: planted nothing, found {listed(found)}"


def test_a_row_that_is_lost_from_the_lake_is_seen(lake: Lake, world: World, tmp_path: Path) -> None:
    tenant_id = "maple-outfitters"
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
    truth = {**world.truth["maple-outfitters"], "calls": {(): (CALLS,)}}
    wrong = dataclasses.replace(world, truth={**world.truth, "maple-outfitters": truth})
    monkeypatch.setattr("cci_lite.demo.sample_world", lambda: wrong)
    done = cci("demo", "--lake", demo_lake, "--no-open")
    assert done.code == 1
    assert "numbers were planted; 1 differ." in done.err
    [calls] = world.truth["maple-outfitters"]["calls"].values()
    difference = f"calls: 1 differ, the first: planted {CALLS}, found {calls[0]}"
    assert f"maple-outfitters, {difference}" in done.err.splitlines()


def data_files(lake: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(lake)): (path.stat().st_size, path.stat().st_mtime_ns)
        for root in ("unified", "curated", "quarantine")
        for path in (lake / root).rglob("*")
        if path.is_file()
    }


@pytest.fixture
def own_transcripts(tmp_path: Path) -> Path:
    """Transcripts in every layout of the service with junk among them."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, transcript in LAYOUTS.items():
        (folder / f"{name}.json.gz").write_bytes(gzip.compress(transcript))
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
    assert "13 transcripts: 9 new, 4 refused\n" in done.err
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
    assert "1 transcript: 1 refused" in done.err
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


def test_the_sample_world_and_ones_own_transcripts_share_a_lake(
    demo_lake: Path, own_transcripts: Path, world: World
) -> None:
    assert own(demo_lake, own_transcripts).code == 0
    set_up(open_lake(demo_lake), world)


def test_the_lake_of_the_sample_balances(lake: Lake, world: World) -> None:
    for tenant_id in world.truth:
        for day in lake.catalog.days(tenant_id):
            assert isinstance(day, dt.date)
            balance = Balance.of(lake.catalog.sources(tenant_id, day).values())
            assert balance.sources == balance.calls + balance.superseded + balance.quarantined


def test_a_first_run_of_the_command_finds_all_that_it_planted(
    first_run: tuple[Path, Done], world: World
) -> None:
    _, done = first_run
    assert "numbers were planted; all were found." in done.err
    assert done.err.count("etl: nothing to do, no document read") == 1
    documents = [call for delivery in world.deliveries for call in delivery.calls if call.analysis]
    assert (
        f"{len(documents)} are documents that were made elsewhere and come as with calls ingest: "
        "offline nobody can know a language model's verdicts, sentiment, tone, key phrases, "
        "entities or costs." in " ".join(done.err.split())
    )
