"""Turns a tenant's published files into Arrow datasets that DuckDB scans.

The catalogue gives the files, their partition values and types; nothing is derived from paths. A
file is opened only when a query needs its day, so a missing or damaged file fails no other query.
"""

from __future__ import annotations

import datetime as dt
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

from cci_lite.contract.arrow import arrow_type
from cci_lite.contract.columns import PARTITION_COLUMNS, TABLES, Column, ColumnType
from cci_lite.contract.json_table import rows_of_json
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES
from cci_lite.contract.unified_table import UNIFIED_COLUMNS
from cci_lite.errors import UsageError
from cci_lite.local.regular import is_too_large, read_regular
from cci_lite.tenancy import CURATED, UNIFIED, check_tenant_id

_CALL_DATE, _DAY = "call_date", "day"
# Raw documents are converted in batches, so that a large day does not fill the memory.
_BATCH_ROWS = 1_000
# unified/<tenant>/YYYY/MM/DD/<call_id>.json
_DEPTH = 6
_PARQUET = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)
_ARROW = ds.IpcFileFormat()


@dataclass(frozen=True)
class SnapshotFile:
    """One file of a table's day: a Parquet part or a raw document; `size` as published."""

    path: Path
    call_date: dt.date
    size: int | None = None


@dataclass(frozen=True)
class TenantSnapshot:
    """The live files of one tenant: Parquet by table, and the raw unified documents."""

    tenant_id: str
    tables: Mapping[str, Sequence[SnapshotFile]]
    unified: Sequence[SnapshotFile] = field(default=())


@dataclass(frozen=True)
class Place:
    """Where a file belongs: table and day. `is_refused`: this program may not read it."""

    table: str
    call_date: dt.date
    is_refused: bool = False


@dataclass(frozen=True)
class Scans:
    """The datasets by table, and the place of each path in them.

    `refused` lists, for raw columns, the days (`YYYY/MM/DD`) on which Athena could not read them,
    with what it expects there.
    """

    datasets: Mapping[str, ds.Dataset]
    places: Mapping[str, Place]
    refused: Mapping[str, Mapping[str, str]]

    def place_named_in(self, message: str) -> Place | None:
        """The place of the file that a message names."""
        return next((place for path, place in self.places.items() if path in message), None)

    def damaged_place(self, table: str) -> Place | None:
        """The first place of a table whose file cannot be read to its end."""
        for path, place in self.places.items():
            if place.table == table and table != UNIFIED:
                try:
                    pq.ParquetFile(path, page_checksum_verification=True).read()
                except (OSError, pa.ArrowException, ValueError):
                    return place
        return None


def scan(snapshot: TenantSnapshot, folder: Path) -> Scans:
    """The snapshot as datasets; `folder` receives the converted raw documents.

    Raises UsageError when a file is not the tenant's.
    """
    _check_places(snapshot)
    places: dict[str, Place] = {}
    datasets = {
        name: _curated_dataset(name, snapshot.tables.get(name, ()), folder, places)
        for name in TABLES
    }
    refused: dict[str, dict[str, str]] = {}
    datasets[UNIFIED] = _raw_dataset(snapshot.unified, folder, places, refused)
    return Scans(datasets, places, refused)


def _check_places(snapshot: TenantSnapshot) -> None:
    tenant_id = check_tenant_id(snapshot.tenant_id)
    if unknown := sorted(set(snapshot.tables) - set(TABLES)):
        raise UsageError(f"unknown table '{unknown[0]}', expected one of {', '.join(TABLES)}")
    for table, files in snapshot.tables.items():
        for file in files:
            if file.path.parts[-6:-3] != (CURATED, tenant_id, table):
                raise UsageError(
                    f"expected files below {CURATED}/{tenant_id}/{table}/ only, found one elsewhere"
                )
    for file in snapshot.unified:
        if file.path.parts[-6:-4] != (UNIFIED, tenant_id):
            raise UsageError(
                f"expected files below {UNIFIED}/{tenant_id}/ only, found one elsewhere"
            )


def _curated_dataset(
    name: str, files: Sequence[SnapshotFile], folder: Path, places: dict[str, Place]
) -> ds.Dataset:
    schema = pa.schema(
        pa.field(column.name, _scanned_type(column))
        for column in (*PARTITION_COLUMNS[1:], *TABLES[name].columns)
    )
    fragments = []
    for file in files:
        path = str(file.path.absolute())
        is_refused = False
        try:
            is_sound = _is_as_published(file)
        except PermissionError:
            is_sound, is_refused = False, True
        if not is_sound:
            # No file has this path, so that a query that needs the day fails, and no other.
            path = str(folder / f"damaged-{len(places)}")
        places[path] = Place(name, file.call_date, is_refused)
        fragments.append(_fragment(_PARQUET, path, _CALL_DATE, file.call_date))
    return ds.FileSystemDataset(fragments, schema, _PARQUET, fs.LocalFileSystem())


def _scanned_type(column: Column) -> pa.DataType:
    """The declared type; older files may hold microseconds, which are read and then cut."""
    return pa.timestamp("us") if column.type is ColumnType.TIMESTAMP else arrow_type(column.type)


def _is_as_published(file: SnapshotFile) -> bool:
    """Whether a part is a regular file (no link) of the size that the catalogue says.

    Raises PermissionError when it may not be read.
    """
    try:
        state = file.path.lstat()
    except PermissionError:
        raise
    except OSError:
        return False
    if stat.S_ISREG(state.st_mode) and not os.access(file.path, os.R_OK):
        raise PermissionError
    return stat.S_ISREG(state.st_mode) and file.size in (None, state.st_size)


def _fragment(kind: ds.FileFormat, path: str, column: str, value: object) -> ds.Fragment:
    return kind.make_fragment(
        path, fs.LocalFileSystem(), partition_expression=ds.field(column) == pa.scalar(value)
    )


def _raw_dataset(
    documents: Iterable[SnapshotFile],
    folder: Path,
    places: dict[str, Place],
    refused: dict[str, dict[str, str]],
) -> ds.Dataset:
    """The raw documents, turned into one file of rows per day."""
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
        fragments.append(_fragment(_ARROW, path, _DAY, day))
    schema = stored.append(pa.field(_DAY, pa.string()))
    return ds.FileSystemDataset(fragments, schema, _ARROW, fs.LocalFileSystem())


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
