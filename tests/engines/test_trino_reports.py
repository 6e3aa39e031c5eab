"""The statements of the reports return the same on Trino and DuckDB, over files of a real run."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from cci_lite.demo import deliver, set_up
from cci_lite.laptop import Lake, create_lake
from cci_lite.reports import statements
from cci_lite.reports.statements import Statement, leaderboard_of
from cci_lite.sample import World, build_world
from tests.engines.trino_lake import TrinoLake
from tests.engines.trino_server import Trino

pytestmark = pytest.mark.trino

LAST_DAY = dt.date(2026, 10, 31)
ASKED = {
    name: value for name, value in vars(statements).items() if isinstance(value, Statement)
} | {"LEADERBOARD": leaderboard_of(dt.date(2026, 10, 19))}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, World]:
    """A small sample world after its night."""
    world = build_world(5, days=28, calls=300, last_day=LAST_DAY)
    lake = create_lake(tmp_path_factory.mktemp("lake"))
    set_up(lake, world)
    deliver(lake, world, world.deliveries[0])
    assert lake.run_etl().succeeded
    return lake, world


@pytest.fixture(scope="module")
def on_both(
    trino: Trino, trino_lake: TrinoLake, sample: tuple[Lake, World]
) -> dict[str, tuple[list[Any], list[Any]]]:
    """The rows of each statement on Trino and on DuckDB."""
    lake, world = sample
    tenant_id = world.companies[0].tenant.tenant_id
    database = trino_lake.load_tenant(lake.path, tenant_id)
    with lake.reader(tenant_id) as query:
        return {
            name: (
                [tuple(row) for row in trino.query(statement.sql, database).rows],
                [tuple(row.values()) for row in query(statement.sql).to_pylist()],
            )
            for name, statement in ASKED.items()
        }


@pytest.mark.parametrize("name", ASKED)
def test_a_report_statement_gives_the_same_rows_on_trino_and_on_duckdb(
    name: str, on_both: dict[str, tuple[list[Any], list[Any]]]
) -> None:
    on_trino, on_duckdb = on_both[name]
    assert sorted(map(repr, on_trino)) == sorted(map(repr, on_duckdb))


def test_the_compared_statements_have_rows(
    on_both: dict[str, tuple[list[Any], list[Any]]],
) -> None:
    empty = {name for name, (on_trino, _) in on_both.items() if not on_trino}
    assert empty == set()
