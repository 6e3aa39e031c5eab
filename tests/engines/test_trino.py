"""Every case of every view on Trino: the same rows and types as on DuckDB."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from cci_lite.local.duckdb_engine import open_engine
from cci_lite.views import duckdb_views, view_schema
from tests.engines.trino_lake import CURRENT, VIEWS, TrinoLake
from tests.engines.trino_server import Answer, Trino
from tests.views.case_folders import (
    Case,
    Row,
    in_key_order,
    read_cases,
    write_lake,
)

pytestmark = pytest.mark.trino

SCHEMA = view_schema(VIEWS)
SELECTS = duckdb_views(VIEWS)
CASES = read_cases()


@pytest.fixture(scope="module")
def case_answers(trino: Trino, trino_lake: TrinoLake) -> dict[str, Answer]:
    """What Trino says to each case."""
    return {
        f"{case.view}/{case.name}": trino.query(f"SELECT * FROM {case.view}", trino_lake.load(case))
        for case in CASES
    }


def plain(value: object) -> object:
    """A value as both engines give it."""
    return value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.view}-{case.name}")
def test_trino_and_duckdb_yield_the_same_rows_and_types(
    case: Case, case_answers: dict[str, Answer], tmp_path: Path
) -> None:
    answer = case_answers[f"{case.view}/{case.name}"]
    types = {
        name: kind.partition("(")[0] if kind.startswith("varchar") else kind
        for name, kind in answer.columns
    }
    assert types == SCHEMA[case.view]
    assert list(types) == list(SCHEMA[case.view])
    rows: list[Row] = []
    for snapshot in write_lake(case, tmp_path).values():
        with open_engine(snapshot, SELECTS) as engine:
            rows += engine.query(f"SELECT * FROM {case.view}").to_pylist()
    key = CURRENT[case.view].key
    names = [name for name, _ in answer.columns]
    trino_rows = [dict(zip(names, map(plain, row), strict=True)) for row in answer.rows]
    assert in_key_order(trino_rows, key) == in_key_order(rows, key)
