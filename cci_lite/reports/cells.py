"""Makes the rows of a query safe for a CSV file that is opened in a spreadsheet."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from cci_lite.reports.text import spreadsheet_text

# Most text is harmless; Arrow checks that without calling Python for each value.
_PLAIN = r"^([0-9A-Za-z][ -~\n]*)?$"


def spreadsheet_rows(rows: pa.Table) -> pa.Table:
    """The rows with `spreadsheet_text` applied to column names and text."""
    columns = [
        pa.chunked_array([_spreadsheet_cells(chunk) for chunk in column.chunks], pa.large_string())
        if _is_text(column.type)
        else column
        for column in rows.columns
    ]
    return pa.Table.from_arrays(
        columns, names=[spreadsheet_text(name) for name in rows.column_names]
    )


def _spreadsheet_cells(cells: pa.Array) -> pa.Array:
    text = cells.cast(pa.large_string())
    odd = pc.invert(pc.match_substring_regex(text, _PLAIN))
    shown = [spreadsheet_text(value) for value in text.filter(odd).to_pylist()]
    return pc.replace_with_mask(text, pc.fill_null(odd, False), pa.array(shown, pa.large_string()))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
