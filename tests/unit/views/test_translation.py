"""Translation to DuckDB where the two engines would return different results."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from cci_lite.errors import SqlError
from cci_lite.local.duckdb_engine import TenantEngine, open_engine
from cci_lite.local.tenant_files import SnapshotFile, TenantSnapshot
from cci_lite.tenancy import unified_key
from cci_lite.views import constructs, table_schema, to_duckdb
from cci_lite.views.analysis import analyse
from tests.engines.expression_tables import read_groups, read_queries

TOKYO_DAY = dt.date(2025, 11, 6)


@pytest.fixture(scope="module")
def engine() -> Iterator[TenantEngine]:
    with open_engine(TenantSnapshot("acme", {}), {}) as opened:
        yield opened


def asked(engine: TenantEngine, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in engine.query(to_duckdb(sql, {})).to_pylist()]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 / 2e0", 3.5),
        ("TRY(1 / 0)", None),
        ("date_diff('hour', TIMESTAMP '2025-11-01 00:30:00', TIMESTAMP '2025-11-01 02:15:00')", 1),
        ("date_diff('day', TIMESTAMP '2025-11-01 23:00:00', TIMESTAMP '2025-11-02 01:00:00')", 0),
        ("date_diff('month', DATE '2025-01-31', DATE '2025-02-28')", 1),
        ("slice(ARRAY[1, 2, 3, 4], 2, 2)", [2, 3]),
        ("regexp_replace('a1b2', '([0-9])', '<$1>')", "a<1>b<2>"),
        ("regexp_extract('abc', '[0-9]+')", None),
        ("date_trunc('week', DATE '2025-11-05')", dt.date(2025, 11, 3)),
        ("DATE '2025-11-05' - INTERVAL '7' DAY", dt.date(2025, 10, 29)),
        ("date_add('month', 1, DATE '2025-01-31')", dt.date(2025, 2, 28)),
        ("CAST(25e-1 AS bigint)", 3),
        ("TRY_CAST('71.5' AS bigint)", None),
        ("TRY_CAST('yes' AS boolean)", None),
        ("greatest(1, NULL)", None),
        ("split_part('a/b', '/', 5)", None),
        ("upper('Straße')", "STRAßE"),
        ("length(trim(' \t\n x'))", 1),
        ("contains(ARRAY[1, NULL], 2)", None),
        ("CAST(TIMESTAMP '2025-11-05 23:30:00' AT TIME ZONE 'Asia/Tokyo' AS date)", TOKYO_DAY),
        ("day_of_week(DATE '2025-11-09')", 7),
        ("week(DATE '2024-12-30')", 1),
        ("year_of_week(DATE '2024-12-30')", 2025),
        ("(SELECT max_by(a, b) FROM (VALUES (1, 1), (NULL, 2)) AS t(a, b))", None),
        ("(SELECT count_if(a > 1) FROM (VALUES NULL, NULL) AS t(a))", 0),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_correction_gives_what_athena_gives(
    engine: TenantEngine, expression: str, value: object
) -> None:
    assert asked(engine, f"SELECT {expression} AS x") == [(value,)]


@pytest.mark.parametrize("quotient", ["1 / 0", "1e0 / 0e0", "0e0 / 0e0", "1 / 0e0"])
def test_a_division_by_zero_is_refused(engine: TenantEngine, quotient: str) -> None:
    with pytest.raises(SqlError, match="division by zero"):
        asked(engine, f"SELECT {quotient} AS x")


def test_text_that_is_no_number_is_an_error_that_does_not_repeat_it(engine: TenantEngine) -> None:
    with pytest.raises(SqlError) as caught:
        asked(engine, "SELECT CAST(s AS bigint) AS x FROM (VALUES 'Anna Secret') AS t(s)")
    assert "Cannot cast text to bigint" in str(caught.value)
    assert "Anna" not in str(caught.value)


def test_null_is_last_in_both_directions(engine: TenantEngine) -> None:
    values = "FROM (VALUES 2, NULL, 1) AS t(x)"
    assert asked(engine, f"SELECT x {values} ORDER BY x") == [(1,), (2,), (None,)]
    assert asked(engine, f"SELECT x {values} ORDER BY x DESC") == [(2,), (1,), (None,)]


def test_a_column_without_a_name_has_athenas(engine: TenantEngine) -> None:
    assert engine.query(to_duckdb("SELECT 1, 2 AS b, 3", {})).column_names == [
        "_col0",
        "b",
        "_col2",
    ]


def test_arrays_are_unnested_side_by_side_with_their_place(engine: TenantEngine) -> None:
    sql = (
        "SELECT x, y, n FROM UNNEST(ARRAY[1], ARRAY['a', 'b']) WITH ORDINALITY AS t(x, y, n) "
        "ORDER BY n"
    )
    assert asked(engine, sql) == [(1, "a", 1), (None, "b", 2)]


def test_every_expression_and_query_of_the_tables_runs_on_duckdb(engine: TenantEngine) -> None:
    for group in read_groups():
        engine.query(to_duckdb(group.question(group.expressions), {}))
    for sql in read_queries():
        engine.query(to_duckdb(sql, {}))


def test_every_construct_has_an_example_that_is_compared_with_trino() -> None:
    questions = [group.question(group.expressions) for group in read_groups()] + read_queries()
    used = {type(node) for sql in questions for node in analyse(sql, {}).tree.walk()}
    # Fields of rows need a table that has some: the cases of raw_explode_criteria hold them.
    assert [rule.name for node, rule in constructs.RULES.items() if node not in used] == ["field"]


def test_the_variable_of_a_lambda_is_no_relation_and_no_column(tmp_path: Path) -> None:
    document = tmp_path / unified_key("acme", dt.date(2025, 11, 5), "c1")
    document.parent.mkdir(parents=True)
    document.write_text('{"call_id": "c1", "qa_evaluation": {"criteria": [{"id": "greet_01"}]}}')
    sql = (
        "SELECT array_join(transform(c.qa_evaluation.criteria, c -> c.id), ',') AS ids, "
        "array_join(transform(c.qa_evaluation.criteria, id -> id.id), ',') AS same "
        "FROM (SELECT qa_evaluation, call_id AS id FROM unified) AS c"
    )
    with open_engine(
        TenantSnapshot("acme", {}, (SnapshotFile(document, dt.date(2025, 11, 5)),)), {}
    ) as engine:
        rows = engine.query(to_duckdb(sql, table_schema())).to_pylist()
    assert rows == [{"ids": "greet_01", "same": "greet_01"}]


@pytest.mark.parametrize(
    "sql", ["(" * 3000 + "SELECT 1" + ")" * 3000, "SELECT " + "1 + " * 5000 + "1"]
)
def test_a_query_that_is_nested_too_deeply_is_refused(sql: str) -> None:
    with pytest.raises(SqlError, match="nested too deeply"):
        to_duckdb(sql, {})


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("sqrt(x)", "sqrt of a negative number is NaN"),
        ("ln(x)", "ln of a negative number is NaN"),
        ("log10(x)", "log10 of a negative number is NaN"),
        ("power(x, 5e-1)", "this power is NaN"),
        ("TRY_CAST(s AS double)", "a cast of the text NaN is NaN"),
        ("TRY_CAST('NaN' AS double)", "a cast of the text NaN is NaN"),
        ("CAST(s AS double)", "Cannot cast text to double"),
    ],
)
def test_a_query_in_which_nan_would_arise_is_refused(
    engine: TenantEngine, expression: str, message: str
) -> None:
    sql = f"SELECT count(*) AS n FROM (VALUES (-4e0, 'NaN'), (4e0, '1')) AS t(x, s) WHERE {expression} >= 0e0"
    with pytest.raises(SqlError, match=message):
        asked(engine, sql)


def test_a_sequence_of_days_that_ends_before_it_starts_is_refused(engine: TenantEngine) -> None:
    sql = (
        "SELECT sequence(d, DATE '2025-01-01', INTERVAL '1' DAY) AS days "
        "FROM (VALUES DATE '2025-01-03') AS t(d)"
    )
    with pytest.raises(SqlError, match="a sequence of days has to end after it starts"):
        asked(engine, sql)
