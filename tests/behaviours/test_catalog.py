"""The behaviour that every catalogue must have, tested on each implementation."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import pytest

from cci_lite.errors import LakeError, LeaseHeldError, PublishConflictError
from cci_lite.local.catalog import SqliteCatalog
from cci_lite.ports import (
    Catalog,
    ConfigStore,
    DayChange,
    PartFile,
    PublishedDay,
    SourceOutcome,
    SourceRecord,
)

TENANT = "demo-tenant"
DAY = dt.date(2025, 11, 5)
NEXT_DAY = dt.date(2025, 11, 6)
NOW = dt.datetime(2025, 11, 7, 2, 0, 0, 123456, tzinfo=dt.UTC)
FORK = multiprocessing.get_context("fork")


class Both(Catalog, ConfigStore, Protocol):
    """One thing that keeps both."""


CATALOGS: dict[str, Callable[[Path], Both]] = {"sqlite": SqliteCatalog}


@pytest.fixture(params=list(CATALOGS.values()), ids=list(CATALOGS))
def open_catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Both]:
    """Opens the same catalogue again, as another process would."""
    return lambda: request.param(tmp_path)


@pytest.fixture
def catalog(open_catalog: Callable[[], Both]) -> Both:
    return open_catalog()


def record(
    name: str,
    *,
    outcome: SourceOutcome = SourceOutcome.CALL,
    revision: int = 1,
    writing: int = 0,
    modified_at: dt.datetime = NOW,
) -> SourceRecord:
    call_id = None if outcome is SourceOutcome.QUARANTINED else name
    key = f"unified/{name}.json"
    return SourceRecord(key, "e1", modified_at, outcome, call_id, revision, writing)


def change(
    generation: str,
    *sources: SourceRecord,
    previous: str | None = None,
    day: dt.date = DAY,
    published_at: dt.datetime = NOW,
    parts: dict[str, list[PartFile]] | None = None,
) -> DayChange:
    published = PublishedDay(
        day, generation, f"digest-{generation}", "run-1", published_at, f"columns-{generation}"
    )
    return DayChange(published, previous, parts or {}, sources)


def publish(catalog: Catalog, generation: str, *sources: SourceRecord, **options: Any) -> None:
    catalog.stage(TENANT, options.get("day", DAY), generation)
    catalog.publish(TENANT, [change(generation, *sources, **options)])


def test_a_new_catalogue_knows_nothing(catalog: Both) -> None:
    assert catalog.days(TENANT) == {}
    assert catalog.sources(TENANT, DAY) == {}
    assert catalog.parts(TENANT) == catalog.parts(TENANT, DAY) == {}
    assert catalog.abandoned(TENANT) == catalog.retired(TENANT, NOW) == []
    assert catalog.partition_keys() == []


def test_what_is_published_is_seen_whole_by_everybody(
    catalog: Both, open_catalog: Callable[[], Both]
) -> None:
    zone = dt.timezone(dt.timedelta(hours=5, minutes=30))
    sources = (
        record("call-1", revision=3, writing=7, modified_at=NOW.astimezone(zone)),
        record("bad", outcome=SourceOutcome.QUARANTINED),
    )
    parts = {
        "calls": [PartFile("k/part-0000", 1, 10), PartFile("k/part-0001", 2, 20)],
        "etl_runs": [PartFile("k/runs", 1, 5)],
    }
    publish(catalog, "g1", *sources, parts=parts)
    publish(catalog, "g2", day=NEXT_DAY, parts={"calls": [PartFile("n/part-0000", 3, 30)]})
    other = open_catalog()
    assert other.days(TENANT) == {
        DAY: PublishedDay(DAY, "g1", "digest-g1", "run-1", NOW, "columns-g1"),
        NEXT_DAY: PublishedDay(NEXT_DAY, "g2", "digest-g2", "run-1", NOW, "columns-g2"),
    }
    assert other.sources(TENANT, DAY) == {source.key: source for source in sources}
    assert other.parts(TENANT, DAY) == parts
    assert [part.key for part in other.parts(TENANT)["calls"]] == [
        "k/part-0000", "k/part-0001", "n/part-0000",
    ]  # fmt: skip
    assert other.days("other-tenant") == {}
    assert other.parts("other-tenant") == {}
    assert other.sources("other-tenant", DAY) == {}


def test_a_publication_replaces_all_of_its_day_and_nothing_else(catalog: Both) -> None:
    parts = {"calls": [PartFile("k", 1, 1)], "entities": [PartFile("e", 1, 1)]}
    publish(catalog, "g1", record("call-1"), record("call-2"), parts=parts)
    publish(catalog, "h1", record("call-9"), day=NEXT_DAY)
    publish(catalog, "g2", record("call-2"), previous="g1", parts={"calls": [PartFile("n", 1, 1)]})
    assert list(catalog.sources(TENANT, DAY)) == ["unified/call-2.json"]
    assert catalog.parts(TENANT, DAY) == {"calls": [PartFile("n", 1, 1)]}
    assert list(catalog.sources(TENANT, NEXT_DAY)) == ["unified/call-9.json"]


@pytest.mark.parametrize("previous", [None, "g0"], ids=["thought it new", "knew an older one"])
def test_a_day_that_changed_since_it_was_planned_is_not_published(
    catalog: Both, previous: str | None
) -> None:
    publish(catalog, "g1", record("call-1"))
    with pytest.raises(PublishConflictError) as caught:
        catalog.publish(TENANT, [change("g2", record("call-2"), previous=previous)])
    assert str(caught.value) == (
        f"tenant demo-tenant, 2025-11-05: expected generation {previous}, found g1; run again"
    )
    assert catalog.days(TENANT)[DAY].generation == "g1"


def test_of_several_days_all_are_published_or_none(catalog: Both) -> None:
    publish(catalog, "g1", record("call-1"))
    with pytest.raises(PublishConflictError):
        catalog.publish(
            TENANT,
            [change("h1", record("call-9"), day=NEXT_DAY), change("g2", previous="stale")],
        )
    assert catalog.days(TENANT).keys() == {DAY}
    assert catalog.sources(TENANT, NEXT_DAY) == {}
    catalog.publish(
        TENANT, [change("h1", record("call-9"), day=NEXT_DAY), change("g2", previous="g1")]
    )
    assert {day.generation for day in catalog.days(TENANT).values()} == {"h1", "g2"}


def test_what_was_staged_and_never_published_is_abandoned(catalog: Both) -> None:
    catalog.stage(TENANT, DAY, "g1")
    catalog.stage(TENANT, DAY, "g1")
    catalog.stage(TENANT, DAY, "g2")
    catalog.publish(TENANT, [change("g2")])
    assert catalog.abandoned(TENANT) == [(DAY, "g1")]
    assert catalog.abandoned("other-tenant") == []
    catalog.forget(TENANT, DAY, "g1")
    assert catalog.abandoned(TENANT) == []
    assert catalog.days(TENANT)[DAY].generation == "g2"


def test_what_was_replaced_is_retired_after_its_time_and_never_abandoned(catalog: Both) -> None:
    publish(catalog, "g1")
    publish(catalog, "g2", previous="g1", published_at=NOW + dt.timedelta(hours=1))
    publish(catalog, "g3", previous="g2", published_at=NOW + dt.timedelta(hours=2))
    hour, tick = dt.timedelta(hours=1), dt.timedelta(microseconds=1)
    assert catalog.retired(TENANT, NOW + hour) == []
    assert catalog.retired(TENANT, NOW + hour + tick) == [(DAY, "g1")]
    assert sorted(catalog.retired(TENANT, NOW + 3 * hour)) == [(DAY, "g1"), (DAY, "g2")]
    zone = dt.timezone(dt.timedelta(hours=-8))
    assert catalog.retired(TENANT, (NOW + hour + tick).astimezone(zone)) == [(DAY, "g1")]
    assert catalog.abandoned(TENANT) == []


def test_calls_are_found_on_the_other_days_where_they_are_calls(catalog: Both) -> None:
    publish(
        catalog, "g1", record("call-1"), record("call-2"),
        record("call-3", outcome=SourceOutcome.SUPERSEDED),
    )  # fmt: skip
    publish(catalog, "h1", record("call-1"), record("call-4"), day=NEXT_DAY)
    found = catalog.calls_on_other_days(TENANT, ["call-1", "call-3", "call-4"], NEXT_DAY)
    assert found == {DAY: [record("call-1")]}
    assert catalog.calls_on_other_days(TENANT, [], NEXT_DAY) == {}
    assert catalog.calls_on_other_days("other-tenant", ["call-1"], NEXT_DAY) == {}
    many = [f"call-{number}" for number in range(50_000)]
    assert catalog.calls_on_other_days(TENANT, many, NEXT_DAY).keys() == {DAY}


def test_ids_are_values_and_never_sql(catalog: Both) -> None:
    hostile = "x'; DROP TABLE days; --"
    publish(catalog, hostile, record(hostile))
    assert catalog.days(TENANT)[DAY].generation == hostile
    assert catalog.calls_on_other_days(TENANT, [hostile], NEXT_DAY).keys() == {DAY}


def _put_new(open_catalog: Callable[[], Both], me: int, results: Connection) -> None:
    catalog = open_catalog()
    won = [catalog.put_new("TENANT#a", f"{n:03}", {"by": me}) for n in range(100)]
    results.send((me, [number for number, mine in enumerate(won) if mine]))


def test_of_four_processes_one_creates_each_item(open_catalog: Callable[[], Both]) -> None:
    open_catalog()
    receiver, sender = FORK.Pipe(duplex=False)
    processes = [
        FORK.Process(target=_put_new, args=(open_catalog, number, sender)) for number in range(4)
    ]
    for process in processes:
        process.start()
    won = dict(receiver.recv() for _ in processes)
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert sorted(number for numbers in won.values() for number in numbers) == list(range(100))
    items = open_catalog().query("TENANT#a", "")
    assert [item["by"] for item in items] == [
        next(me for me, numbers in won.items() if number in numbers) for number in range(100)
    ]


def _hold(open_catalog: Callable[[], Both], ready: Connection) -> None:
    with open_catalog().lease(TENANT, "run first"):
        ready.send("held")
        signal.pause()


@pytest.fixture
def holder(open_catalog: Callable[[], Both]) -> Iterator[int]:
    """A process that holds the lease until it is killed."""
    open_catalog()
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_hold, args=(open_catalog, sender))
    process.start()
    assert receiver.recv() == "held"
    assert process.pid is not None
    yield process.pid
    process.kill()
    process.join()


def test_a_lease_excludes_other_processes_and_ends_with_its_own(
    open_catalog: Callable[[], Both], holder: int
) -> None:
    catalog = open_catalog()
    with pytest.raises(LeaseHeldError) as caught, catalog.lease(TENANT, "run second"):
        pass
    assert str(caught.value) == (
        "tenant demo-tenant: run first is in progress; wait for it to end and run again"
    )
    with catalog.lease("other-tenant", "run second"):
        pass
    # Reading and configuring go on while somebody works.
    assert catalog.days(TENANT) == {}
    assert catalog.put_new("TENANT#a", "x", {})
    os.kill(holder, signal.SIGKILL)
    os.waitid(os.P_PID, holder, os.WEXITED | os.WNOWAIT)
    with catalog.lease(TENANT, "run second"):
        pass


def test_a_lease_ends_with_its_block_even_by_an_error(catalog: Both) -> None:
    with pytest.raises(ZeroDivisionError), catalog.lease(TENANT, "run first"):
        _ = 1 / 0
    with catalog.lease(TENANT, "run second"):
        pass


def _a_link_to(file: Path) -> Callable[[Path], None]:
    return lambda place: place.symlink_to(file)


@pytest.mark.parametrize(
    ("put", "why"),
    [
        (Path.mkdir, "a folder stands in the place of a file"),
        (os.mkfifo, "a named pipe stands in the place of a file"),
        (_a_link_to(Path("../catalog.db")), "a symbolic link stands in the place of a file"),
        (_a_link_to(Path("nowhere")), "a symbolic link stands in the place of a file"),
        (
            lambda place: place.hardlink_to(place.parent.parent / "catalog.db"),
            "it is a link to a file that has another name too",
        ),
    ],
    ids=["folder", "named pipe", "link", "dangling link", "hard link"],
)
def test_a_lease_that_cannot_be_had_for_another_reason_says_so(
    tmp_path: Path, put: Callable[[Path], None], why: str
) -> None:
    with closing(SqliteCatalog(tmp_path)) as catalog:
        (tmp_path / "leases").mkdir()
        put(tmp_path / "leases" / f"{TENANT}.lock")
        before = (tmp_path / "catalog.db").read_bytes()
        with pytest.raises(LakeError) as caught, catalog.lease(TENANT, "run first"):
            pass
        assert str(caught.value) == (
            f"tenant {TENANT}: the lease cannot be taken: leases/{TENANT}.lock: {why}; "
            "fix it, or remove it while no run is in progress"
        )
        with catalog.lease("other-tenant", "run first"):
            pass
        assert (tmp_path / "catalog.db").read_bytes() == before
        assert not (tmp_path / "leases" / "nowhere").exists()


def test_leases_are_never_taken_in_another_folder_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "leases").symlink_to(tmp_path / "elsewhere")
    with (
        closing(SqliteCatalog(tmp_path / "lake")) as catalog,
        pytest.raises(LakeError, match="the lease cannot be taken: .*: a symbolic link"),
        catalog.lease(TENANT, "run first"),
    ):
        pass
    assert list((tmp_path / "elsewhere").iterdir()) == []
