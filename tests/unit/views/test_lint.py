"""The findings of the linter on view files."""

from __future__ import annotations

import functools

import pytest

from cci_lite.assets import asset_folder
from cci_lite.views import Schema, lint_view, read_views, table_schema, view_schema
from cci_lite.views.files import parse_view

VIEWS = read_views(asset_folder("sql") / "views")
HEADER = "-- a_v1: one row per call. Key: tenant_id, call_id. Reads: calls. Note.\n"


def complaints(sql: str) -> list[str]:
    return [str(finding) for finding in lint_view(parse_view("a", 1, sql), table_schema())]


@functools.cache
def shipped_schema() -> Schema:
    return view_schema(VIEWS)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.versioned_name)
def test_a_shipped_view_has_nothing_wrong(view) -> None:  # type: ignore[no-untyped-def]
    assert lint_view(view, shipped_schema()) == ()


def test_a_view_that_is_right_has_no_findings() -> None:
    assert complaints(HEADER + "SELECT tenant_id, call_id FROM calls") == []


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT tenant_id, call_id FROM calls",
            ["line 1, column 1: the header is not written as "
             "-- <name>_v<N>: <grain>. Key: <columns>. Reads: <relations>. <note>"],
        ),
        (
            HEADER.replace("a_v1", "a_v2") + "SELECT tenant_id, call_id FROM calls",
            ["line 1, column 1: the header says a_v2, the file is a_v1"],
        ),
        (
            HEADER + "SELECT tenant_id, call_id FROM qa_criteria",
            ["line 1, column 1: the header says it reads calls, the query reads qa_criteria"],
        ),
        (
            HEADER + "SELECT tenant_id, revision FROM calls",
            ["line 1, column 1: the key names 'call_id', which is not a column of the view"],
        ),
        (
            HEADER.replace("tenant_id, ", "") + "SELECT call_id FROM calls",
            ["line 1, column 1: tenant_id is not among the columns; every view carries it"],
        ),
        (
            HEADER.replace("tenant_id, ", "") + "SELECT tenant_id, call_id FROM calls",
            ["line 1, column 1: the key leaves out tenant_id"],
        ),
        (
            HEADER + "SELECT tenant_id, call_id, call_id FROM calls",
            ["line 1, column 1: two columns are called 'call_id'"],
        ),
        (
            HEADER + "SELECT tenant_id, call_id, NULL AS x FROM calls",
            ["line 1, column 1: column 'x' is NULL without a type; cast it"],
        ),
        (
            HEADER + "SELECT tenant_id, call_id, now() AS x FROM calls",
            ["line 1, column 1: column 'x' has a time zone; views give UTC: "
             "CAST(… AT TIME ZONE 'UTC' AS timestamp(3))"],
        ),
        (
            HEADER + "SELECT tenant_id, call_id,\n  revision + 1\nFROM calls",
            ["line 3, column 3: a column without a name; name it with AS"],
        ),
        (
            HEADER + "SELECT tenant_id, call_id FROM calls;",
            ["line 1, column 1: the query ends in ';'; a view file is a bare SELECT"],
        ),
        (
            HEADER + "CREATE VIEW a AS SELECT 1 AS x",
            ["line 2, column 1: expected a SELECT, found CREATE"],
        ),
        (
            HEADER + "MSCK REPAIR TABLE calls",
            ["line 2, column 1: expected a SELECT, found MSCK REPAIR"],
        ),
        (
            HEADER + "SELECT tenant_id, cal_id AS call_id,\n  avg(qa_passed) AS x FROM calls",
            ["line 2, column 19: unknown column 'cal_id', did you mean 'call_id'?",
             "line 3, column 3: avg of boolean is refused by Athena; "
             "average is_passed or a CASE of 1e0 and 0e0"],
        ),
    ],
    ids=[
        "no header", "other version", "other reads", "key not in output", "no tenant",
        "key without tenant", "twice the same name", "untyped null", "time zone", "no name",
        "semicolon", "ddl", "command", "several",
    ],
)  # fmt: skip
def test_a_view_that_is_wrong_is_told_what_and_where(sql: str, expected: list[str]) -> None:
    assert complaints(sql) == expected


def test_a_star_is_refused_where_it_stands() -> None:
    found = complaints(HEADER + "SELECT * FROM calls")
    assert found == ["line 2, column 8: * hides which columns are read; list the columns"]


GUIDE_EXPLODE = """
WITH base AS (
  SELECT tenant_id, call_id, json_extract(qa_evaluation, '$.criteria') AS criteria FROM unified
)
SELECT tenant_id, call_id, json_extract_scalar(citem, '$.id') AS criterion_id
FROM base
CROSS JOIN UNNEST(cast(json_parse(criteria) as array(json))) AS t(citem)
"""


def test_the_guides_explode_query_is_refused_at_each_of_its_faults() -> None:
    found = complaints(GUIDE_EXPLODE)
    assert any(text.startswith("line 3, column 30: json_extract is not known") for text in found)
    assert any("json_parse is not known" in text for text in found)


def test_the_guides_failure_rate_is_refused_for_its_decimals() -> None:
    sql = "SELECT 1 - avg(CASE WHEN passed THEN 1.0 ELSE 0.0 END) AS fail_rate FROM qa_criteria"
    assert [text for text in complaints(sql) if "is a decimal" in text] == [
        "line 1, column 38: 1.0 is a decimal and rounds what is computed with it; write 1.0e0",
        "line 1, column 47: 0.0 is a decimal and rounds what is computed with it; write 0.0e0",
    ]
