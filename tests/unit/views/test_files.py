"""Reading, ordering and describing view files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cci_lite.assets import asset_folder
from cci_lite.errors import NotFoundError, SqlError
from cci_lite.views import (
    CheckedQuery,
    Schema,
    View,
    check_query,
    describe_columns,
    duckdb_views,
    files,
    order_views,
    read_views,
    table_schema,
    view_schema,
)
from cci_lite.views.files import parse_view

HEADER = "-- {0}: one row per call. Key: tenant_id, call_id.\n-- Reads: calls. A note.\n"


def view(name: str, reads: str, version: int = 1, columns: str = "tenant_id, call_id") -> View:
    sql = HEADER.format(f"{name}_v{version}") + f"SELECT {columns} FROM {reads}"
    return parse_view(name, version, sql)


def test_the_header_says_grain_key_and_source() -> None:
    read = view("a", "calls")
    assert read.title == "a_v1"
    assert read.grain == "one row per call"
    assert read.key == ("tenant_id", "call_id")
    assert read.reads == ("calls",)
    assert read.note == "A note."
    assert read.versioned_name == "a_v1"


def test_a_view_without_a_header_is_read_all_the_same() -> None:
    read = parse_view("a", 1, "SELECT 1 AS a")
    assert (read.title, read.grain, read.key, read.reads) == ("", "", (), ())


def test_files_are_read_by_name_and_version(tmp_path: Path) -> None:
    for name in ("b/v1.sql", "a/v10.sql", "a/v2.sql", "a/notes.txt", "a/draft.sql"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("SELECT 1 AS a", encoding="utf-8")
    assert [read.versioned_name for read in read_views(tmp_path)] == ["a_v2", "a_v10", "b_v1"]


def test_a_folder_without_views_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"expected <name>/v<N>\.sql"):
        read_views(tmp_path)


def test_views_come_after_those_they_read() -> None:
    views = [
        view("c", "b JOIN a USING (call_id)"),
        view("b", "(SELECT * FROM a)"),
        view("a", "calls"),
    ]
    assert [read.name for read in order_views(views)] == ["a", "b", "c"]


def test_a_cte_of_the_same_name_is_not_a_view() -> None:
    inner = parse_view("a", 1, "WITH b AS (SELECT 1 AS n) SELECT n FROM b")
    assert [read.name for read in order_views([inner, view("b", "a")])] == ["a", "b"]


def test_views_that_read_each_other_are_refused() -> None:
    with pytest.raises(SqlError, match="views read each other in a circle: a_v1, b_v1"):
        order_views([view("a", "b"), view("b", "a"), view("c", "calls")])


def test_the_plain_name_is_the_highest_version() -> None:
    versions = [view("a", "calls"), view("a", "calls", 2, "tenant_id, call_id, revision")]
    reader = view("b", "a", columns="tenant_id, call_id, revision")
    schema = view_schema([reader, *versions])
    assert list(schema["a_v1"]) == ["tenant_id", "call_id"]
    assert schema["a"] == schema["a_v2"] == schema["b"]
    selects = duckdb_views([reader, *versions])
    assert selects["a"] == "SELECT * FROM a_v2"
    assert list(selects).index("a") < list(selects).index("b_v1")


def test_only_the_views_that_a_query_needs_are_analysed_and_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analysed: list[str] = []

    def check(sql: str, schema: Schema) -> CheckedQuery:
        analysed.append(sql.rpartition(" ")[2])
        return check_query(sql, schema)

    monkeypatch.setattr(files, "check_query", check)
    views = [view("reader", "source"), view("source", "calls"), view("wrong", "nothing")]
    schema, selects = view_schema(views), duckdb_views(views)
    assert "tenant_id" in schema["qa_criteria"]
    assert analysed == []
    assert list(schema["reader"]) == ["tenant_id", "call_id"]
    assert "source" in selects["reader_v1"]
    assert selects["source_v1"]
    assert analysed == ["source", "calls"]
    with pytest.raises(SqlError, match="view wrong_v1: .*unknown table or view 'nothing'"):
        selects["wrong_v1"]


def test_types_are_known_through_a_chain_of_views() -> None:
    schema = view_schema(read_views(asset_folder("sql") / "views"))
    assert schema["failure_rate"]["failed"] == "bigint"
    assert schema["failure_rate"]["fail_rate"] == "double"
    assert schema["failure_leaderboard"]["week_start"] == "date"
    assert schema["data_freshness"]["data_as_of"] == "timestamp(3)"
    assert schema["review_queue"]["qa_reported_differs"] == "boolean"


def test_a_view_that_is_wrong_is_named() -> None:
    with pytest.raises(SqlError, match="view a_v1: line 3, column 8: unknown column 'cal_id'"):
        describe_columns(view("a", "calls", columns="cal_id"), table_schema())
