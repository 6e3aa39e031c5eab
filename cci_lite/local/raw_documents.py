"""Turns a tenant's raw documents into an Arrow dataset that DuckDB scans."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs

from cci_lite.contract.arrow import arrow_type
from cci_lite.contract.json_table import rows_of_json
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES, is_too_large
from cci_lite.contract.unified_table import UNIFIED_COLUMNS
from cci_lite.local.regular import read_regular
from cci_lite.local.tenant_files import Place, SnapshotFile
from cci_lite.tenancy import UNIFIED

_DAY = "day"
# Raw documents are converted in batches, so that a large day does not fill the memory.
_BATCH_ROWS = 1_000
# unified/<tenant>/YYYY/MM/DD/<call_id>.json
_DEPTH = 6
_ARROW = ds.IpcFileFormat()


@dataclass(frozen=True)
class RawDocuments:
    """The rows of raw documents, and the place of each path in them.

    `refused` lists, for each column, the days (`YYYY/MM/DD`) on which Athena could not read it,
    with what it expects there.
    """

    dataset: ds.Dataset
    places: Mapping[str, Place]
    refused: Mapping[str, Mapping[str, str]]


def raw_documents(documents: Iterable[SnapshotFile], folder: Path) -> RawDocuments:
    """The raw documents, turned into one file of rows per day in `folder`."""
    places: dict[str, Place] = {}
    refused: dict[str, dict[str, str]] = {}
    stored = pa.schema(pa.field(column.name, arrow_type(column.type)) for column in UNIFIED_COLUMNS)
    by_date: dict[dt.date, list[Path]] = {}
    for document in documents:
        by_date.setdefault(document.call_date, []).append(document.path)
    fragments = []
    for call_date, paths in by_date.items():
        path = str(folder / f"{UNIFIED}-{call_date.isoformat()}")
        day = call_date.isoformat().replace("-", "/")
        if not _write_rows(path, stored, paths, day, refused):
            path = str(folder / f"unreadable-{call_date.isoformat()}")
        places[path] = Place(UNIFIED, call_date)
        is_of_day = ds.field(_DAY) == pa.scalar(day)
        fragments.append(
            _ARROW.make_fragment(path, fs.LocalFileSystem(), partition_expression=is_of_day)
        )
    schema = stored.append(pa.field(_DAY, pa.string()))
    dataset = ds.FileSystemDataset(fragments, schema, _ARROW, fs.LocalFileSystem())
    return RawDocuments(dataset, places, refused)


def _write_rows(
    path: str,
    schema: pa.Schema,
    documents: Sequence[Path],
    day: str,
    refused: dict[str, dict[str, str]],
) -> bool:
    """Write the rows of a day's documents; False when one of them may not be read."""
    rows: list[Mapping[str, object]] = []
    with pa.ipc.new_file(path, schema) as writer:
        for document in documents:
            try:
                data = _read_document(document)
            except OSError:
                return False
            for row in rows_of_json(data, UNIFIED_COLUMNS):
                rows.append(row.values)
                for column, expected in row.refused.items():
                    refused.setdefault(column, {}).setdefault(day, expected)
            if len(rows) >= _BATCH_ROWS:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                rows.clear()
        writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return True


def _read_document(path: Path) -> bytes:
    """A document's bytes; empty for one that is gone, too large, or no regular file.

    Below the lake's root no link is followed, and named pipes do not block.
    """
    lake, *names, name = path.parents[_DEPTH - 1], *path.parts[-_DEPTH:]
    try:
        return read_regular(lake, names, name, MAX_DOCUMENT_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as problem:
        if is_too_large(problem):
            return b""
        raise
