"""Every construct that the linter lets through, on DuckDB and on Trino: same values and types."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from trino.exceptions import TrinoUserError

from cci_lite.local.duckdb_engine import TenantEngine, TenantSnapshot, open_engine
from cci_lite.views import check_query, to_duckdb
from cci_lite.views.types import SqlType
from tests.engines.expression_tables import (
    Group,
    over_calls,
    read_groups,
    read_queries,
    read_refused,
)
from tests.engines.trino_server import Answer, Trino

pytestmark = pytest.mark.trino

GROUPS = read_groups()
_ARROW = {
    "boolean": "bool",
    "integer": "int32",
    "bigint": "int64",
    "double": "double",
    "varchar": "string",
    "date": "date32[day]",
    "timestamp(3)": "timestamp[ms]",
}


@pytest.fixture(scope="module")
def duckdb() -> Iterator[TenantEngine]:
    with open_engine(TenantSnapshot("acme", {}), {}) as engine:
        yield engine


@pytest.fixture(scope="module")
def answers(trino: Trino) -> dict[str, Answer | str]:
    """What Trino says to each expression; its complaint where it refuses one."""
    found: dict[str, Answer | str] = {}
    for group in GROUPS:
        found |= _asked(trino, group)
    return found


def _asked(trino: Trino, group: Group) -> dict[str, Answer | str]:
    try:
        whole = trino.query(group.question(group.expressions), "default")
    except TrinoUserError:
        return {text: _asked_alone(trino, group, text) for text in group.expressions}
    return {
        text: Answer([whole.columns[n]], [(row[n],) for row in whole.rows])
        for n, text in enumerate(group.expressions, start=1)
    }


def _asked_alone(trino: Trino, group: Group, text: str) -> Answer | str:
    try:
        answer = trino.query(group.question((text,)), "default")
    except TrinoUserError as error:
        return str(error.message)
    return Answer(answer.columns[1:], [row[1:] for row in answer.rows])


@pytest.mark.parametrize(
    ("group", "text"),
    [(group, text) for group in GROUPS for text in group.expressions],
    ids=lambda value: value.name if isinstance(value, Group) else value,
)
def test_an_expression_means_the_same_on_both_engines(
    group: Group, text: str, answers: dict[str, Answer | str], duckdb: TenantEngine
) -> None:
    answer = answers[text]
    assert isinstance(answer, Answer), answer
    question = group.question((text,))
    declared = check_query(question, {}).columns[1][1]
    assert _without_lengths(answer.columns[0][1]) == str(declared)
    rows = duckdb.query(to_duckdb(question, {}))
    assert _arrow_name(declared) == str(rows.schema.field(1).type)
    assert [_plain(row[0]) for row in answer.rows] == [
        _about(_plain(value), group.about) for value in rows.column(1).to_pylist()
    ]


def _without_lengths(kind: str) -> str:
    return re.sub(r"varchar\(\d+\)", "varchar", kind)


def _arrow_name(kind: SqlType) -> str:
    if kind.kind == "array":
        return str(pa.list_(pa.field("l", pa.null()))).replace("null", _arrow_name(kind.of[0]))
    if kind.scale is not None:
        return f"decimal128({kind.scale[0]}, {kind.scale[1]})"
    return _ARROW[kind.kind]


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return value


def _about(value: Any, tolerance: float) -> Any:
    return pytest.approx(value, rel=tolerance) if tolerance and isinstance(value, float) else value


@pytest.mark.parametrize("sql", read_queries())
def test_a_query_means_the_same_on_both_engines(
    sql: str, trino: Trino, duckdb: TenantEngine
) -> None:
    answer = trino.query(sql, "default")
    declared = check_query(sql, {}).columns
    rows = duckdb.query(to_duckdb(sql, {}))
    assert rows.column_names == [name for name, _ in answer.columns]
    assert [_without_lengths(kind) for _, kind in answer.columns] == [
        str(kind) for _, kind in declared
    ]
    assert [str(field.type) for field in rows.schema] == [_arrow_name(kind) for _, kind in declared]
    assert answer.rows == [tuple(row.values()) for row in rows.to_pylist()]


@pytest.mark.parametrize("text", [text for text, _ in read_refused()])
def test_what_is_refused_as_not_athenas_is_refused_by_trino(text: str, trino: Trino) -> None:
    with pytest.raises(TrinoUserError):
        trino.query(over_calls(text), "default")
    assert trino.query(over_calls("SELECT call_id FROM calls"), "default").rows == [("c1",)]
