"""The curated tables as Arrow schemas."""

from __future__ import annotations

import functools

import pyarrow as pa

from cci_lite.contract.columns import TABLES, ColumnType, Table
from cci_lite.contract.unified_table import Array, DataType, Row

_ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    ColumnType.VARCHAR: pa.string(),
    ColumnType.BIGINT: pa.int64(),
    ColumnType.DOUBLE: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.DATE: pa.date32(),
    # Athena reads milliseconds and no more; the zone is UTC by contract, Parquet does not say it.
    ColumnType.TIMESTAMP: pa.timestamp("ms"),
}


def arrow_type(kind: DataType) -> pa.DataType:
    """A declared type in Arrow."""
    match kind:
        case Row(fields):
            return pa.struct([(name, arrow_type(inner)) for name, inner in fields])
        case Array(element):
            return pa.list_(arrow_type(element))
        case ColumnType():
            return _ARROW_TYPES[kind]


def arrow_schema(table_name: str) -> pa.Schema:
    """The schema of a curated table's files."""
    return _schema_of(TABLES[table_name])


@functools.cache
def _schema_of(table: Table) -> pa.Schema:
    return pa.schema(
        pa.field(column.name, arrow_type(column.type), nullable=column.nullable)
        for column in table.columns
    )
