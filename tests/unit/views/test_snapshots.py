"""Snapshots of every view's SQL for DuckDB; CCI_LITE_UPDATE_SNAPSHOTS=1 renews them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cci_lite.assets import asset_folder
from cci_lite.views import duckdb_views, read_views

FOLDER = Path(__file__).parents[2] / "snapshots" / "duckdb"
SELECTS = {
    name: select
    for name, select in duckdb_views(read_views(asset_folder("sql") / "views")).items()
    if not select.startswith("SELECT * FROM")
}


@pytest.mark.parametrize("name", SELECTS)
def test_the_translated_view_is_the_one_that_was_reviewed(name: str) -> None:
    snapshot = FOLDER / f"{name}.sql"
    if os.environ.get("CCI_LITE_UPDATE_SNAPSHOTS") == "1":
        snapshot.write_text(SELECTS[name] + "\n", encoding="utf-8")
    assert snapshot.read_text(encoding="utf-8") == SELECTS[name] + "\n"


def test_there_is_no_snapshot_of_a_view_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.glob("*.sql")} == SELECTS.keys()
