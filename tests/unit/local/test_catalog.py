"""The catalogue's file: opened without writing, refused when another program made it."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from pathlib import Path

import pytest

from cci_lite.errors import LakeError
from cci_lite.local.catalog import CATALOG_FILE, SqliteCatalog


def test_opening_a_catalogue_that_is_there_writes_nothing(tmp_path: Path) -> None:
    SqliteCatalog(tmp_path).close()
    file = tmp_path / CATALOG_FILE
    before = file.stat().st_mtime_ns, file.read_bytes()
    SqliteCatalog(tmp_path).close()
    assert (file.stat().st_mtime_ns, file.read_bytes()) == before


def test_a_catalogue_of_another_version_is_refused(tmp_path: Path) -> None:
    SqliteCatalog(tmp_path).close()
    other = sqlite3.connect(tmp_path / CATALOG_FILE)
    other.execute("PRAGMA user_version = 7")
    other.close()
    with pytest.raises(LakeError, match="expected a catalogue of version 2, found 7"):
        SqliteCatalog(tmp_path)


def test_a_catalogue_of_the_first_version_is_renewed_and_keeps_what_it_knows(
    tmp_path: Path,
) -> None:
    old = sqlite3.connect(tmp_path / CATALOG_FILE)
    old.executescript(
        """
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
