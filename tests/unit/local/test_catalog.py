"""The catalogue's file: opened without writing, refused when another program made it."""

from __future__ import annotations

import sqlite3
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
