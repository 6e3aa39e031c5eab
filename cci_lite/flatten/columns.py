"""Arrow columns: how they are taken apart, and how they become the tables that are declared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Set
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cci_lite.contract.arrow import arrow_schema
from cci_lite.contract.columns import TABLES

Flags: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.int64]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


def field_at(values: pa.StructArray, path: str) -> pa.Array:
    """A field of objects, by its path (`agent.name`); null where an object on the way is null."""
    for name in path.split("."):
        # The method is much faster, and says nothing of objects that are null.
        values = pc.struct_field(values, name) if values.null_count else values.field(name)
    return values


def items_of(lists: pa.ListArray) -> tuple[Places, Places, pa.Array]:
    """Of each item of each list: the list's place, the item's own place from 1, the item."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    begins = np.cumsum(lengths) - lengths
    parent = np.repeat(np.arange(len(lists)), lengths)
    position = np.arange(len(parent)) - np.repeat(begins, lengths) + 1
    return parent, position, lists.flatten()


def first_items(lists: pa.ListArray) -> pa.Array:
    """The first item of each list; null where there is none."""
    _, position, items = items_of(lists)
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    has_items = pc.greater(lengths, 0).to_numpy(zero_copy_only=False)
    places = np.zeros(len(lists), np.int64)
    places[has_items] = np.flatnonzero(position == 1)
    return items.take(pa.array(places, mask=~has_items))


def flags_of(booleans: pa.BooleanArray) -> Flags:
    """Booleans without nulls, as numpy has them."""
    flags: Flags = booleans.to_numpy(zero_copy_only=False)
    return flags


def table_of(
    table_name: str,
    columns: Mapping[str, Any],
    calls: pa.Table | None = None,
    call: Places | None = None,
) -> pa.Table:
    """The rows of a table from its columns, which are lists or arrays.

    A nested table has the place of each row's call in `calls`; what `columns` do not give is taken
    from there. Raises ValueError when a declared column has no value, or a value no column.
    """
    schema = arrow_schema(table_name)
    if calls is not None:
        repeated = [
            name for name in schema.names if name not in columns and name in calls.schema.names
        ]
        of_calls = calls.select(repeated).take(pa.array(call))
        columns = {**columns, **{name: of_calls[name] for name in repeated}}
    _check_columns(table_name, columns.keys())
    return pa.Table.from_arrays(
        [_array(columns[field.name], field.type) for field in schema], schema=schema
    )


def _array(values: Any, arrow_type: pa.DataType) -> Any:
    """A list as an Arrow array (times are given in milliseconds), or an array of this type."""
    if not isinstance(values, list):
        return values
    if pa.types.is_timestamp(arrow_type):
        return pa.array(values, pa.int64()).cast(arrow_type)
    return pa.array(values, arrow_type)


def _check_columns(table_name: str, given: Set[str]) -> None:
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


def times_of(texts: pa.StringArray) -> pa.Array:
    """Times of UTC, as documents have them, in whole milliseconds; what is finer is cut."""
    moments = texts.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
    return pc.floor_temporal(moments, unit="millisecond").cast(pa.timestamp("ms"))


def milliseconds(moment: dt.datetime) -> int:
    """Milliseconds since the epoch: Arrow takes whole numbers without looking for a time zone."""
    return (moment - _EPOCH) // _MILLISECOND
