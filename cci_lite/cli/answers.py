"""Encodes the result of a query as CSV, JSON or Parquet, piece by piece, whatever its size."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cci_lite.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from cci_lite.local.duckdb_engine import QueryAnswer


class Counted:
    """Counts rows as they pass."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self.rows = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self.rows += batch.num_rows
            yield batch


def encoded(schema: pa.Schema, batches: Iterator[pa.RecordBatch], output: str) -> Iterator[bytes]:
    """The result in this format; raises UsageError when the format cannot hold it."""
    _refuse_unfit(schema, output)
    if output == "json":
        return _json(batches)
    return _csv(schema, batches) if output == "csv" else _parquet(schema, batches)


def first_rows(answer: QueryAnswer, most: int) -> tuple[pa.Table, bool]:
    """The first rows of a result, and whether there are more."""
    import pyarrow as pa

    kept: list[pa.RecordBatch] = []
    rows = 0
    for batch in answer.batches:
        kept.append(batch)
        rows += batch.num_rows
        if rows > most:
            break
    return pa.Table.from_batches(kept, answer.schema).slice(0, most), rows > most


def _json(batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    import msgspec

    from cci_lite.reports.text import visible_json

    # One row at a time: a result may be larger than the memory.
    between = b"["
    for batch in batches:
        for row in batch.to_pylist():
            text = msgspec.json.encode(row, enc_hook=str).decode()
            yield between + visible_json(text).encode()
            between = b",\n"
    yield b"[]\n" if between == b"[" else b"]\n"


def _csv(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.csv

    from cci_lite.reports.cells import spreadsheet_rows

    sink = _Sink()
    with pyarrow.csv.CSVWriter(sink, spreadsheet_rows(schema.empty_table()).schema) as writer:
        yield sink.taken()
        for batch in batches:
            writer.write_table(spreadsheet_rows(pa.Table.from_batches([batch])))
            yield sink.taken()
    yield sink.taken()


def _parquet(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    import pyarrow.parquet

    sink = _Sink()
    with pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()


# Arrow's writers need a file; this one lets the pieces go as soon as they are written.
class _Sink(io.RawIOBase):
    """A file that collects what Arrow writes until `taken` hands it on."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = memoryview(data).cast("B")  # type: ignore[arg-type]
        self._waiting += piece
        self._written += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._written

    def taken(self) -> bytes:
        """What was written since the last call."""
        data, self._waiting = bytes(self._waiting), bytearray()
        return data


def _refuse_unfit(schema: pa.Schema, output: str) -> None:
    """Raise UsageError for columns that this format cannot hold."""
    import pyarrow as pa

    for name in schema.names:
        if schema.names.count(name) > 1:
            raise UsageError(f"two columns are called '{name}': rename one with AS")
    for column in schema:
        if output == "csv" and pa.types.is_nested(column.type):
            raise UsageError(f"column '{column.name}' does not fit into CSV: use --output json")
