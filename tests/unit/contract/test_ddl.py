"""The statements that create the tables say what the contract says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from cci_lite.contract.columns import PARTITION_COLUMNS, TABLES, Table
from cci_lite.contract.ddl import rendered_tables, write_tables
from cci_lite.contract.rendering import glue_type
from cci_lite.contract.unified_table import UNIFIED_COLUMNS, UNIFIED_PARTITION_COLUMNS
from cci_lite.testing.shapes import check_request

STATEMENTS = rendered_tables()
_COLUMN = re.compile(r"^  `(\w+)` (\S+) COMMENT '(.*?)',?$", re.MULTILINE)


def columns_of(statement: str) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """Name, type and comment of the columns, and of the partition columns, as Hive reads them."""
    head, _, tail = statement.partition("PARTITIONED BY (")
    parts = []
    for text in (head, tail):
        found = _COLUMN.findall(text)
        parts.append([(name, kind, comment.replace("\\'", "'")) for name, kind, comment in found])
    return parts[0], parts[1]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_curated_table_has_the_columns_of_the_contract(table: Table) -> None:
    columns, partitions = columns_of(STATEMENTS[f"{table.name}.sql"])
    assert columns == [(each.name, glue_type(each), each.meaning) for each in table.columns]
    assert partitions == [(each.name, glue_type(each), each.meaning) for each in PARTITION_COLUMNS]


def test_the_raw_table_has_the_declared_columns() -> None:
    columns, partitions = columns_of(STATEMENTS["unified.sql"])
    assert [(name, kind) for name, kind, _ in columns] == [
        (each.name, glue_type(each)) for each in UNIFIED_COLUMNS
    ]
    assert [(name, kind) for name, kind, _ in partitions] == [
        (each.name, glue_type(each)) for each in UNIFIED_PARTITION_COLUMNS
    ]
    assert not {name for name, _, _ in columns} & {name for name, _, _ in partitions}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_is_one_that_a_parser_of_athenas_statements_takes(name: str) -> None:
    statement = sqlglot.parse_one(STATEMENTS[name], read="athena")
    assert isinstance(statement, exp.Create)
    assert statement.find(exp.ExternalProperty) is not None
    columns, partitions = columns_of(STATEMENTS[name])
    schema = statement.find(exp.Schema)
    assert schema is not None
    # What a comment says comes out as it went in, apostrophes too.
    assert [
        (each.name, each.args["constraints"][0].args["kind"].this.this)
        for each in schema.expressions
    ] == [(each, comment) for each, _, comment in columns]
    partitioned = statement.find(exp.PartitionedByProperty)
    assert partitioned is not None
    assert [each.name for each in partitioned.this.expressions] == [name for name, *_ in partitions]


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_catalogue_takes_names_types_and_comments(name: str) -> None:
    def shown(columns: list[tuple[str, str, str]]) -> list[dict[str, str]]:
        # With a blank after a comma Trino takes it for part of the next field's name.
        assert not [kind for _, kind, _ in columns if " " in kind]
        return [{"Name": name, "Type": kind, "Comment": text} for name, kind, text in columns]

    columns, partitions = map(shown, columns_of(STATEMENTS[name]))
    table = {
        "Name": name.removesuffix(".sql"),
        "PartitionKeys": partitions,
        "StorageDescriptor": {"Columns": columns},
    }
    request = {"DatabaseName": "cci_lite", "TableInput": table}
    check_request("glue", "CreateTable", request, code="InvalidInputException")


def test_the_raw_table_is_found_by_projection_over_the_layout_of_documents() -> None:
    statement = STATEMENTS["unified.sql"]
    properties = dict(re.findall(r"^  '([\w.]+)' = '(.*?)',?$", statement, re.MULTILINE))
    assert properties == {
        "projection.enabled": "true",
        "projection.tenant_id.type": "injected",
        "projection.day.type": "date",
        "projection.day.format": "yyyy/MM/dd",
        "projection.day.range": "2020/01/01,NOW+1DAY",
        "projection.day.interval": "1",
        "projection.day.interval.unit": "DAYS",
        "storage.location.template": "s3://${OUTPUT_BUCKET}/unified/${tenant_id}/${day}/",
    }
    assert "LOCATION 's3://${OUTPUT_BUCKET}/unified/'" in statement
    assert "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'" in statement


def test_curated_tables_name_the_bucket_of_curated_data_only() -> None:
    for name, statement in STATEMENTS.items():
        buckets = set(re.findall(r"s3://([^/]+)/", statement))
        assert buckets == ({"${OUTPUT_BUCKET}"} if name == "unified.sql" else {"${CURATED_BUCKET}"})


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        write_tables(tmp_path / "tables")
        found = {path.name: path.read_text() for path in (tmp_path / "tables").iterdir()}
        assert found == STATEMENTS
