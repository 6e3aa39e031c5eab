"""Columns of Python values on their way to Arrow tables."""

from __future__ import annotations

import collections
import datetime as dt
from collections.abc import Mapping, Set
from itertools import repeat
from operator import itemgetter
from typing import Any

import pyarrow as pa

from cci_lite.contract.arrow import arrow_schema
from cci_lite.contract.columns import TABLES

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


class FlatRows:
    """The rows of a table that takes no column from another."""

    def __init__(self, table_name: str) -> None:
        self._table_name = table_name
        self._rows: list[Mapping[str, Any]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, values: Mapping[str, Any]) -> None:
        """Add one row: the values of all declared columns, by name."""
        self._rows.append(values)

    def table(self) -> pa.Table:
        """The rows as Arrow."""
        schema = arrow_schema(self._table_name)
        if not self._rows:
            return schema.empty_table()
        _check_columns(self._table_name, self._rows[0].keys())
        arrays = [
            arrow_array(list(map(itemgetter(field.name), self._rows)), field.type)
            for field in schema
        ]
        return pa.Table.from_arrays(arrays, schema=schema)


class NestedRows:
    """The rows of a table nested in calls: their own columns, and the call of each row."""

    def __init__(self, table_name: str) -> None:
        self._table_name = table_name
        self._call: list[int] = []
        self._columns: collections.defaultdict[str, list[Any]] = collections.defaultdict(list)

    def add(self, call: int, count: int, **columns: Any) -> None:
        """Add `count` rows of a call, given as columns: all that the call itself does not give."""
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
    if not call:
        return schema.empty_table()
    repeated = [name for name in schema.names if name not in own and name in calls.column_names]
    _check_columns(table_name, {*own, *repeated})
    of_calls = calls.select(repeated).take(pa.array(call, pa.int64()))
    arrays = [
        arrow_array(own[field.name], field.type) if field.name in own else of_calls[field.name]
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _check_columns(table_name: str, given: Set[str]) -> None:
    """Refuse rows whose columns are not those that the table declares; raises ValueError."""
    declared = TABLES[table_name].column_names
    missing = [f"no value for {name}" for name in declared if name not in given]
    unknown = [
        f"a value for {name}, which is not declared" for name in sorted(given - set(declared))
    ]
    if missing or unknown:
        raise ValueError(
            f"{table_name}: expected the columns of contract/columns.py, found "
            f"{', '.join([*missing, *unknown])}; see the modules of flatten/"
        )


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
