"""The catalogue's file: opened without writing, refused when another program made it."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import sqlite3
import threading
from pathlib import Path

import pytest

from cci_lite.errors import LakeError, NoRoomError
from cci_lite.local.catalog import CATALOG_FILE, SqliteCatalog, catalogue_error


def test_opening_a_catalogue_that_is_there_writes_nothing(tmp_path: Path) -> None:
    SqliteCatalog(tmp_path).close()
    file = tmp_path / CATALOG_FILE
    before = file.stat().st_mtime_ns, file.read_bytes()
    SqliteCatalog(tmp_path).close()
    assert (file.stat().st_mtime_ns, file.read_bytes()) == before


@pytest.mark.parametrize("version", [4, 7])
def test_a_catalogue_of_a_later_version_is_refused_and_stays_as_it_is(
    tmp_path: Path, version: int
) -> None:
    SqliteCatalog(tmp_path).close()
    file = tmp_path / CATALOG_FILE
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute(f"PRAGMA user_version = {version}")
    before = file.read_bytes()
    with pytest.raises(LakeError) as caught:
        SqliteCatalog(tmp_path)
    assert str(caught.value) == (
        f"{file}: expected a catalogue of version 3, found {version}; use the version of cci-lite "
        "that made it"
    )
    assert file.read_bytes() == before


DAYS = """
CREATE TABLE days (
    tenant_id TEXT NOT NULL, call_date TEXT NOT NULL, generation TEXT NOT NULL,
    listing_digest TEXT NOT NULL, etl_run_id TEXT NOT NULL, published_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, call_date)
) WITHOUT ROWID;
INSERT INTO days VALUES
    ('acme', '2025-11-05', 'g1', 'digest', 'run-1', '2025-11-06T01:00:00+00:00');
"""


def test_a_catalogue_of_the_second_version_is_renewed_and_knows_no_columns_of_its_days(
    tmp_path: Path,
) -> None:
    old = sqlite3.connect(tmp_path / CATALOG_FILE)
    old.executescript(f"{DAYS} PRAGMA user_version = 2;")
    old.close()
    for _ in range(2):
        catalog = SqliteCatalog(tmp_path)
        [day] = catalog.days("acme").values()
        assert (day.generation, day.listing_digest, day.tables_digest) == ("g1", "digest", "")
        catalog.close()


def test_a_catalogue_of_the_first_version_is_renewed_and_keeps_what_it_knows(
    tmp_path: Path,
) -> None:
    old = sqlite3.connect(tmp_path / CATALOG_FILE)
    old.executescript(
        DAYS
        + """
        CREATE TABLE config (
            pk TEXT NOT NULL, sk TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (pk, sk)
        ) WITHOUT ROWID;
        CREATE TABLE sources (
            tenant_id TEXT NOT NULL, call_date TEXT NOT NULL, key TEXT NOT NULL,
            etag TEXT NOT NULL, modified_at TEXT NOT NULL, outcome TEXT NOT NULL, call_id TEXT,
            revision INTEGER NOT NULL, PRIMARY KEY (tenant_id, call_date, key)
        ) WITHOUT ROWID;
        INSERT INTO config VALUES ('TENANT#acme', 'META#v1', '{"name": "Acme"}');
        INSERT INTO sources VALUES
            ('acme', '2025-11-05', 'k', 'e', '2025-11-06T01:00:00+00:00', 'call', 'c', 3);
        PRAGMA user_version = 1;
        """
    )
    old.close()
    for _ in range(2):
        catalog = SqliteCatalog(tmp_path)
        [(_, source)] = catalog.sources("acme", dt.date(2025, 11, 5)).items()
        assert (source.revision, source.writing) == (3, 0)
        assert list(catalog.days("acme")) == [dt.date(2025, 11, 5)]
        assert catalog.partition_keys() == ["TENANT#acme"]
        catalog.close()


def test_a_catalogue_that_was_forgotten_is_closed_by_whichever_thread_collects_it(
    tmp_path: Path,
) -> None:
    forgotten = [SqliteCatalog(tmp_path)]
    with pytest.MonkeyPatch.context() as patched:
        raised: list[object] = []
        patched.setattr("sys.unraisablehook", raised.append)
        patched.setattr("threading.excepthook", raised.append)
        thread = threading.Thread(target=forgotten.clear)
        thread.start()
        thread.join()
    assert raised == []


def _complaint(code: int, text: str) -> sqlite3.Error:
    problem = sqlite3.OperationalError(text)
    problem.sqlite_errorcode = code
    return problem


@pytest.mark.parametrize(
    ("code", "kind", "cure"),
    [
        (sqlite3.SQLITE_CORRUPT, LakeError, "move it away and bring it back with"),
        (sqlite3.SQLITE_CORRUPT_INDEX, LakeError, "move it away and bring it back with"),
        (sqlite3.SQLITE_NOTADB, LakeError, "move it away and bring it back with"),
        (sqlite3.SQLITE_ERROR, LakeError, "move it away and bring it back with"),
        (sqlite3.SQLITE_FULL, NoRoomError, "make room and do it again"),
        (sqlite3.SQLITE_BUSY, LakeError, "wait for that to end and run again"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, LakeError, "wait for that to end and run again"),
        (sqlite3.SQLITE_LOCKED, LakeError, "wait for that to end and run again"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, LakeError, "give this program the right"),
        (sqlite3.SQLITE_CANTOPEN, LakeError, "give this program the right"),
        (sqlite3.SQLITE_IOERR_READ, LakeError, "look after the disk that it is on"),
        (sqlite3.SQLITE_NOMEM, LakeError, "run again"),
    ],
)
def test_each_complaint_of_sqlite_has_its_own_cure(
    code: int, kind: type[Exception], cure: str
) -> None:
    error = catalogue_error(Path("lake/catalog.db"), _complaint(code, "why"))
    assert type(error) is kind
    assert str(error).startswith("lake/catalog.db")
    assert "why" in str(error)
    assert cure in str(error)
    assert ("move it away" in str(error)) == ("move it away" in cure)


def _filled(lake: Path) -> Path:
    """A catalogue of some pages, filled in one transaction: 2,000 would take seconds."""
    catalog = SqliteCatalog(lake)
    with catalog._transaction():
        for number in range(2_000):
            catalog.stage("acme", dt.date(2025, 11, 5), f"generation-{number:06}")
    catalog.close()
    return lake / CATALOG_FILE


DAMAGED = (
    r"catalog\.db cannot be used as a lake's catalogue: .+; move it away and bring it back with "
    "cci-lite etl repair, or from a backup with cci-lite restore"
)


@pytest.mark.parametrize("seed", range(5))
def test_a_catalogue_that_is_damaged_inside_is_named_as_one_that_is_damaged(
    tmp_path: Path, seed: int
) -> None:
    file = _filled(tmp_path)
    data = bytearray(file.read_bytes())
    data[5_000:] = random.Random(seed).randbytes(len(data) - 5_000)
    file.write_bytes(data)
    with contextlib.closing(SqliteCatalog(tmp_path)) as catalog:
        with pytest.raises(LakeError, match=DAMAGED):
            catalog.abandoned("acme")
        with pytest.raises(LakeError, match=DAMAGED):
            catalog.stage("acme", dt.date(2025, 11, 6), "new")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE generations SET call_date = '2025-13-77'",
        "UPDATE generations SET call_date = 7",
        "UPDATE generations SET generation = CAST(x'ff' AS TEXT)",
        "DROP TABLE generations",
    ],
)
def test_a_catalogue_with_rows_that_say_nothing_is_damaged(tmp_path: Path, change: str) -> None:
    catalog = SqliteCatalog(tmp_path)
    catalog.stage("acme", dt.date(2025, 11, 5), "one")
    with contextlib.closing(catalog):
        catalog._db.execute(change)
        with pytest.raises(LakeError, match=DAMAGED):
            catalog.abandoned("acme")


def test_a_catalogue_without_room_asks_for_room(tmp_path: Path) -> None:
    with contextlib.closing(SqliteCatalog(tmp_path)) as catalog:
        [pages] = catalog._db.execute("PRAGMA page_count").fetchone()
        catalog._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(NoRoomError, match="full: make room and do it again"):
            catalog.stage("acme", dt.date(2025, 11, 5), "g" * 100_000)


def test_a_catalogue_that_another_program_holds_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cci_lite.local.catalog._WAIT_SECONDS", 0)
    with (
        contextlib.closing(SqliteCatalog(tmp_path)) as catalog,
        contextlib.closing(sqlite3.connect(tmp_path / CATALOG_FILE)) as other,
    ):
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LakeError, match="locked; another program is using it; wait for that"):
            catalog.days("acme")
