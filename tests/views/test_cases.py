"""Every case of every view, on DuckDB."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cci_lite.assets import asset_folder
from cci_lite.local.duckdb_engine import open_engine
from cci_lite.views import View, duckdb_views, read_views
from tests.views.case_folders import Case, Row, in_key_order, read_cases, write_lake

VIEWS = {view.name: view for view in read_views(asset_folder("sql") / "views")}
SELECTS = duckdb_views(VIEWS.values())
CASES = read_cases()


def rows_of(view: View, case: Case, folder: Path) -> list[Row]:
    """What a view yields for all tenants of a case, each asked on its own."""
    rows: list[Row] = []
    for snapshot in write_lake(case, folder).values():
        with open_engine(snapshot, SELECTS) as engine:
            rows += engine.query(f"SELECT * FROM {view.name}").to_pylist()
    return in_key_order(rows, view.key)


def _about(value: object) -> object:
    return pytest.approx(value, rel=1e-12) if isinstance(value, float) else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.view}-{case.name}")
def test_a_view_yields_what_its_case_expects(case: Case, tmp_path: Path) -> None:
    view = VIEWS[case.view]
    rows = rows_of(view, case, tmp_path)
    assert_a_key(view, rows)
    expected = in_key_order(case.expected, view.key)
    assert [{name: row[name] for name in view.key} for row in rows] == [
        {name: row[name] for name in view.key} for row in expected
    ]
    for row, wanted in zip(rows, expected, strict=True):
        found = {name: row[name] for name in wanted}
        assert found == {name: _about(value) for name, value in wanted.items()}


def assert_a_key(view: View, rows: list[Row]) -> None:
    """The key of a view is unique and never NULL."""
    keys = [tuple(row[name] for name in view.key) for row in rows]
    assert [key for key, times in Counter(keys).items() if times > 1] == [], view.name
    assert [key for key in keys if None in key] == [], view.name


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.view}-{case.name}")
def test_the_key_of_every_view_is_unique_and_never_null_whatever_the_tables_hold(
    case: Case, tmp_path: Path
) -> None:
    for snapshot in write_lake(case, tmp_path).values():
        with open_engine(snapshot, SELECTS) as engine:
            for view in VIEWS.values():
                sql = f"SELECT {', '.join(view.key)} FROM {view.name}"
                assert_a_key(view, engine.query(sql).to_pylist())


def test_every_view_has_a_case() -> None:
    assert {case.view for case in CASES} == VIEWS.keys()
