"""The tables as statements of Athena: the curated ones, and the raw table `unified`.

`python -m cci_lite.contract.ddl etl/tables` writes one file per table. The buckets are
placeholders, `${CURATED_BUCKET}` and `${OUTPUT_BUCKET}`, named as in an environment.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cci_lite.contract.columns import PARTITION_COLUMNS, TABLES, Column, Table
from cci_lite.contract.rendering import glue_type
from cci_lite.contract.schema import FIELD_MEANINGS
from cci_lite.contract.unified_table import (
    UNIFIED_COLUMNS,
    UNIFIED_PARTITION_COLUMNS,
    RawColumn,
)
from cci_lite.files import write_whole
from cci_lite.tenancy import CURATED, UNIFIED

DATABASE = "cci_lite"
CURATED_BUCKET, RESULTS_BUCKET = "${CURATED_BUCKET}", "${OUTPUT_BUCKET}"
JSON_SERDE = "org.openx.data.jsonserde.JsonSerDe"
JSON_SERDE_PROPERTIES: Mapping[str, str] = {"ignore.malformed.json": "true"}
JSON_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
JSON_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
# Athena answers a query for a day before this one with no rows, not with an error. An earlier day
# would cost every query that names no day one more listing for each day.
_FIRST_DAY = "2020/01/01"

_PARTITION_MEANINGS: Mapping[str, str] = {
    "tenant_id": "The company whose call it is; every query has to name it.",
    "day": "The day of the call, as in 2025/11/05.",
}


def unified_location(bucket: str) -> str:
    """Where the raw table's documents are."""
    return f"s3://{bucket}/{UNIFIED}/"


def unified_properties(bucket: str) -> dict[str, str]:
    """The raw table's properties: where the documents of a tenant and day are.

    The tenant is `injected`: a query that does not name one is refused. Days are UTC; tomorrow is
    there because it is tomorrow already for tenants in the east.
    """
    return {
        "projection.enabled": "true",
        "projection.tenant_id.type": "injected",
        "projection.day.type": "date",
        "projection.day.format": "yyyy/MM/dd",
        "projection.day.range": f"{_FIRST_DAY},NOW+1DAY",
        "projection.day.interval": "1",
        "projection.day.interval.unit": "DAYS",
        "storage.location.template": f"{unified_location(bucket)}${{tenant_id}}/${{day}}/",
    }


def rendered_tables() -> dict[str, str]:
    """The statements that create the tables, by file name."""
    curated = {f"{name}.sql": _curated_table(table) for name, table in TABLES.items()}
    return {**curated, f"{UNIFIED}.sql": _unified_table()}


def write_tables(folder: Path) -> None:
    """Write the statements into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in rendered_tables().items():
        write_whole(folder / name, text.encode())


def _curated_table(table: Table) -> str:
    # Every partition has a location of its own, below its tenant's prefix; nothing is read here.
    location = f"s3://{CURATED_BUCKET}/{CURATED}/"
    lines = [
        f"-- {table.name}: {table.grain}. Key: tenant_id, {', '.join(table.key)}.",
        "-- Rendered from cci_lite/contract/columns.py by `make generate`; change it there.",
        *_head(table.name, ((column, column.meaning) for column in table.columns)),
        f"COMMENT {_text(table.grain)}",
        *_partitions((column, column.meaning) for column in PARTITION_COLUMNS),
        "STORED AS PARQUET",
        f"LOCATION {_text(location)};",
    ]
    return "\n".join(lines) + "\n"


def _unified_table() -> str:
    meanings = FIELD_MEANINGS["UnifiedDocument"]
    lines = [
        f"-- {UNIFIED}: one row per unified document, for questions about today. A query names one",
        f"-- tenant_id, and days (`day`, from {_FIRST_DAY} on); it reads the documents themselves.",
        "-- Rendered from cci_lite/contract/unified_table.py by `make generate`; change it there.",
        *_head(UNIFIED, ((column, meanings[column.name]) for column in UNIFIED_COLUMNS)),
        f"COMMENT {_text('one row per unified document')}",
        *_partitions(
            (column, _PARTITION_MEANINGS[column.name]) for column in UNIFIED_PARTITION_COLUMNS
        ),
        f"ROW FORMAT SERDE {_text(JSON_SERDE)}",
        f"WITH SERDEPROPERTIES ({', '.join(_pairs(JSON_SERDE_PROPERTIES))})",
        f"STORED AS INPUTFORMAT {_text(JSON_INPUT)}",
        f"OUTPUTFORMAT {_text(JSON_OUTPUT)}",
        f"LOCATION {_text(unified_location(RESULTS_BUCKET))}",
        "TBLPROPERTIES (",
        ",\n".join(f"  {pair}" for pair in _pairs(unified_properties(RESULTS_BUCKET))),
        ");",
    ]
    return "\n".join(lines) + "\n"


def _head(name: str, columns: Iterable[tuple[Column | RawColumn, str]]) -> Iterator[str]:
    yield f"CREATE EXTERNAL TABLE IF NOT EXISTS `{DATABASE}`.`{name}` ("
    yield ",\n".join(f"  {_column(*each)}" for each in columns)
    yield ")"


def _partitions(columns: Iterable[tuple[Column | RawColumn, str]]) -> Iterator[str]:
    yield "PARTITIONED BY ("
    yield ",\n".join(f"  {_column(*each)}" for each in columns)
    yield ")"


def _column(column: Column | RawColumn, meaning: str) -> str:
    return f"`{column.name}` {glue_type(column)} COMMENT {_text(meaning)}"


def _pairs(properties: Mapping[str, str]) -> Iterator[str]:
    for name, value in properties.items():
        yield f"{_text(name)} = {_text(value)}"


def _text(value: str) -> str:
    """A text as Hive's grammar spells it, which knows no doubled quotes."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


if __name__ == "__main__":
    write_tables(Path(sys.argv[1]))
