"""Columns of Python values on their way to Arrow tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from itertools import repeat
from typing import Any

import pyarrow as pa

from cci_lite.contract.arrow import arrow_schema
from cci_lite.contract.columns import TABLES

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


class FlatRows:
    """The rows of a table that takes no column from another, column by column."""

    def __init__(self, table_name: str) -> None:
        self._table_name = table_name
        self._columns: dict[str, list[Any]] = {name: [] for name in TABLES[table_name].column_names}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, values: Mapping[str, object]) -> None:
        """Add one row, which has a value for every column."""
        for name, column in self._columns.items():
            column.append(values[name])
        self._count += 1

    def table(self) -> pa.Table:
        """The rows as Arrow."""
        schema = arrow_schema(self._table_name)
        arrays = [arrow_array(self._columns[field.name], field.type) for field in schema]
        return pa.Table.from_arrays(arrays, schema=schema)


class NestedRows:
    """The rows of a table nested in calls: their own columns, and the call of each row."""

    def __init__(self, table_name: str, *names: str) -> None:
        self._table_name = table_name
        self._call: list[int] = []
        self._columns: dict[str, list[Any]] = {name: [] for name in names}

    def add(self, call: int, count: int, **columns: Any) -> None:
        """Add `count` rows of a call, given as columns."""
        self._call.extend(repeat(call, count))
        for name, values in columns.items():
            self._columns[name].extend(values)

    def table(self, calls: pa.Table) -> pa.Table:
        """The rows as Arrow, with the columns that they take from their calls."""
        return repeat_of_calls(self._table_name, self._columns, self._call, calls)


def repeat_of_calls(
    table_name: str, own: Mapping[str, Any], call: list[int], calls: pa.Table
) -> pa.Table:
    """A nested table: its own columns, and every other column taken from its calls."""
    schema = arrow_schema(table_name)
    repeated = calls.select([name for name in schema.names if name not in own])
    repeated = repeated.take(pa.array(call, pa.int64()))
    arrays = [
        arrow_array(own[field.name], field.type) if field.name in own else repeated[field.name]
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def arrow_array(values: Any, arrow_type: pa.DataType) -> Any:
    """A list as an Arrow array (times are given in milliseconds); an array as it is."""
    if not isinstance(values, list):
        return values
    if pa.types.is_timestamp(arrow_type):
        return pa.array(values, pa.int64()).cast(arrow_type)
    return pa.array(values, arrow_type)


def milliseconds(moment: dt.datetime | None) -> int | None:
    """Milliseconds since the epoch: Arrow takes whole numbers without looking for a time zone."""
    return None if moment is None else (moment - _EPOCH) // _MILLISECOND
