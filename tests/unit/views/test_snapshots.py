"""What is rendered from the views: snapshots of their SQL for DuckDB, and the README's table.

`make generate` renews both (CCI_LITE_UPDATE_SNAPSHOTS=1).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cci_lite.assets import asset_folder
from cci_lite.views import current_views, duckdb_views, read_views

FOLDER = Path(__file__).parents[2] / "snapshots" / "duckdb"
README = asset_folder("sql") / "README.md"
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


def _table_of_views() -> str:
    current = current_views(read_views(asset_folder("sql") / "views")).values()
    rows = [
        f"| `{view.name}` | {view.grain.removeprefix('one row per ')} | "
        f"{', '.join(f'`{name}`' for name in view.reads)} |"
        for view in current
    ]
    return "\n".join(["| view | one row per | reads |", "|---|---|---|", *rows, ""])


def test_the_readme_lists_every_view_as_its_header_describes_it() -> None:
    text = README.read_text(encoding="utf-8")
    before, begin, rest = text.partition("<!-- views -->\n\n")
    _, end, after = rest.partition("\n<!-- end of views -->")
    expected = "".join([before, begin, _table_of_views(), end, after])
    if os.environ.get("CCI_LITE_UPDATE_SNAPSHOTS") == "1":
        README.write_text(expected, encoding="utf-8")
    assert README.read_text(encoding="utf-8") == expected
