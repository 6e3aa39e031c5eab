"""Our model of the OpenX JSON serde agrees with Trino; the raw view is alike on both engines."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from trino.exceptions import TrinoQueryError

from cci_lite.contract.rendering import glue_type
from cci_lite.contract.unified_table import RawColumn
from cci_lite.tenancy import unified_key
from tests.engines.trino_lake import TrinoLake
from tests.engines.trino_server import Trino
from tests.unit.contract.test_json_table import (
    FACTS,
    FILE_COLUMNS,
    VALUE_COLUMNS,
    line_of,
)

pytestmark = pytest.mark.trino


@pytest.fixture(scope="module")
def values(trino_lake: TrinoLake) -> str:
    """A database whose table `t` has a day for each value; its name."""
    files = {str(n): line_of(fact["value"]) for n, fact in enumerate(FACTS["values"])}
    return trino_lake.load_json("json_values", _columns(VALUE_COLUMNS), files)


@pytest.fixture(scope="module")
def files(trino_lake: TrinoLake) -> str:
    contents = {str(n): fact["bytes"].encode("latin-1") for n, fact in enumerate(FACTS["files"])}
    return trino_lake.load_json("json_files", _columns(FILE_COLUMNS), contents)


def _columns(columns: tuple[RawColumn, ...]) -> list[dict[str, str]]:
    return [{"Name": column.name, "Type": glue_type(column)} for column in columns]


@pytest.mark.parametrize("column", VALUE_COLUMNS, ids=lambda column: column.name)
def test_trino_reads_values_as_recorded(trino: Trino, values: str, column: RawColumn) -> None:
    expected = {str(n): fact["read"].get(column.name) for n, fact in enumerate(FACTS["values"])}
    refused = {day for day, value in expected.items() if value == "error"}
    read = [day for day in expected if day not in refused]
    quoted = ", ".join(f"'{day}'" for day in read)
    sql = f"SELECT day, {column.name} FROM t WHERE day IN ({quoted})"
    found = {day: _plain(value, column.name) for day, value in trino.query(sql, values).rows}
    assert {day: repr(value) for day, value in found.items()} == {
        day: repr(expected[day]) for day in read
    }
    for day in refused:
        with pytest.raises(TrinoQueryError):
            trino.query(f"SELECT {column.name} FROM t WHERE day = '{day}'", values)


@pytest.mark.parametrize("number", range(len(FACTS["files"])))
def test_trino_finds_the_recorded_rows(trino: Trino, files: str, number: int) -> None:
    fact = FACTS["files"][number]
    sql = f"SELECT s, i, r, l FROM t WHERE day = '{number}'"
    if fact["rows"] == "error":
        with pytest.raises(TrinoQueryError):
            trino.query(sql, files)
        return
    found = [
        {
            name: value
            for name, value in zip("sirl", (s, i, _inner(r), texts), strict=True)
            if value is not None
        }
        for s, i, r, texts in trino.query(sql, files).rows
    ]
    assert found == fact["rows"]


def _plain(value: Any, column: str) -> Any:
    if value is None:
        return None
    if column == "r":
        return {"a": value[0], "n": value[1]}
    if column == "lr":
        return [None if each is None else {"a": each[0]} for each in value]
    return value


def _inner(value: Any) -> Any:
    if value is None:
        return None
    inner = None if value[2] is None else {"z": value[2][0]}
    return {"a": value[0], "n": value[1], "inner": inner}


def test_the_declared_table_finds_the_documents_of_a_tenant_and_day_by_projection(
    trino: Trino, trino_lake: TrinoLake
) -> None:
    documents = {
        unified_key(tenant, day, call): f'{{"call_id":"{call}","tenant_id":"forged"}}\n'.encode()
        for tenant, day, call in (
            ("demo-tenant", dt.date(2025, 11, 5), "a"),
            ("demo-tenant", dt.date(2025, 11, 6), "b"),
            ("other-tenant", dt.date(2025, 11, 5), "c"),
        )
    }
    database = trino_lake.load_projected("projected_documents", documents)
    asked = "SELECT call_id, tenant_id, day FROM unified WHERE tenant_id = 'demo-tenant'"
    assert trino.query(f"{asked} AND day = '2025/11/05'", database).rows == [
        ("a", "demo-tenant", "2025/11/05")
    ]
    assert sorted(trino.query(f"{asked} AND day >= '2025/11/01'", database).rows) == [
        ("a", "demo-tenant", "2025/11/05"),
        ("b", "demo-tenant", "2025/11/06"),
    ]
    with pytest.raises(TrinoQueryError, match="tenant_id"):
        trino.query("SELECT call_id FROM unified WHERE day = '2025/11/05'", database)
