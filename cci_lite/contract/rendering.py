"""A declared type in the spelling of each engine."""

from __future__ import annotations

from cci_lite.contract.columns import Column, ColumnType
from cci_lite.contract.unified_table import Array, DataType, RawColumn, Row

_GLUE = {
    ColumnType.VARCHAR: "string",
    ColumnType.BIGINT: "bigint",
    ColumnType.DOUBLE: "double",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamp",
}
_DUCKDB = {
    ColumnType.VARCHAR: "VARCHAR",
    ColumnType.BIGINT: "BIGINT",
    ColumnType.DOUBLE: "DOUBLE",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    # Microseconds: DuckDB's functions and literals are of this type; values are whole milliseconds.
    ColumnType.TIMESTAMP: "TIMESTAMP",
}


def athena_type(column: Column | RawColumn) -> str:
    """The column's type in Athena's SQL: `array(row(id varchar))`."""
    return _athena(column.type)


def glue_type(column: Column | RawColumn) -> str:
    """The column's type in the Glue catalogue: `array<struct<id:string>>`."""
    return _glue(column.type)


def duckdb_type(column: Column | RawColumn) -> str:
    """The column's type in DuckDB: `STRUCT("id" VARCHAR)[]`."""
    return _duckdb(column.type)


def _athena(kind: DataType) -> str:
    match kind:
        case Row(fields):
            return f"row({', '.join(f'{name} {_athena(inner)}' for name, inner in fields)})"
        case Array(element):
            return f"array({_athena(element)})"
        case ColumnType():
            return kind.value


def _glue(kind: DataType) -> str:
    match kind:
        case Row(fields):
            return f"struct<{','.join(f'{name}:{_glue(inner)}' for name, inner in fields)}>"
        case Array(element):
            return f"array<{_glue(element)}>"
        case ColumnType():
            return _GLUE[kind]


def _duckdb(kind: DataType) -> str:
    match kind:
        case Row(fields):
            named = (f'"{name}" {_duckdb(inner)}' for name, inner in fields)
            return f"STRUCT({', '.join(named)})"
        case Array(element):
            return f"{_duckdb(element)}[]"
        case ColumnType():
            return _DUCKDB[kind]


# What translated SQL relies on: Athena's order of NULLs, its clock, errors for division by zero.
# Athena refuses `1/0` only and answers `0e0/0e0` with NaN, which equals nothing there and is the
# greatest number in DuckDB: the query is refused rather than answered differently.
DUCKDB_SETTINGS: dict[str, str | bool] = {
    "TimeZone": "UTC",
    "default_null_order": "nulls_last",
    "ieee_floating_point_ops": False,
    "integer_division": False,
    "error_on_division_by_zero": True,
}
