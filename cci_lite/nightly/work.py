"""One work item: read documents, carry rows over, write the Parquet files of one part.

This runs in worker processes; everything here is picklable.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cci_lite.contract.arrow import arrow_schema
from cci_lite.contract.columns import TABLES
from cci_lite.contract.form import Form
from cci_lite.contract.part_checksum import CHECKSUM_KEY, NO_CHECKSUM, is_intact, set_checksum
from cci_lite.errors import BalanceError, LakeError
from cci_lite.flatten.plan import split
from cci_lite.flatten.rows import Flattener
from cci_lite.nightly.problems import describe_problem
from cci_lite.nightly.run_profile import RunProfile
from cci_lite.ports import PartFile, SourceOutcome, SourceRecord, Store, StoredObject
from cci_lite.tenancy import part_key, quarantine_key

_DOCUMENTS_PER_BATCH = 500
_ROWS_PER_GROUP = 128 * 1024
# What a document costs besides its bytes, and what a file to carry over costs, in bytes.
_DOCUMENT_WEIGHT = 4 * 1024
_CARRIED_WEIGHT = 256 * 1024


@dataclass(frozen=True)
class WorkItem:
    """What one worker does at a time.

    `carry` are the files of the previous generation whose rows this part takes over, by table,
    except the rows of the documents in `drop`. Of those in `copied` there is a copy in quarantine
    already, which a person may have corrected. `as_is`: the files of `carry` stay as they are: no
    row goes, comes or gets another column. `profiled`: the time that reading takes is measured too.
    """

    tenant_id: str
    call_date: dt.date
    generation: str
    part: int
    sources: tuple[StoredObject, ...]
    carry: Mapping[str, tuple[str, ...]]
    drop: frozenset[str]
    forms: tuple[Form, ...]
    etl_run_id: str
    now: dt.datetime
    copied: frozenset[str] = frozenset()
    as_is: bool = False
    profiled: bool = False

    @property
    def weight(self) -> int:
        """How much work it is, as the bytes of one document that would be as much."""
        carried = sum(map(len, self.carry.values()))
        return carried * _CARRIED_WEIGHT + sum(
            source.size + _DOCUMENT_WEIGHT for source in self.sources
        )


@dataclass(frozen=True)
class ItemResult:
    """What became of an item. `failure` says why it failed; nothing of it may then be published."""

    parts: Mapping[str, PartFile] = field(default_factory=dict)
    records: tuple[SourceRecord, ...] = ()
    failure: str | None = None
    profile: RunProfile = field(default_factory=RunProfile, compare=False)


def flatten_item(store: Store, item: WorkItem) -> ItemResult:
    """Write the item's part files and say what became of its documents. Never raises."""
    try:
        return _flatten(store, item)
    except Exception as problem:  # one day that cannot be built must not stop the others
        return ItemResult(failure=describe_problem(problem))


def write_part(
    store: Store, key: str, table_name: str, batches: Iterable[pa.Table]
) -> PartFile | None:
    """Write rows as one Parquet file; None (and no file) when there are none."""
    schema = arrow_schema(table_name)
    table = pa.concat_tables([schema.empty_table(), *batches])
    if not table.num_rows:
        return None
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        store_schema=False,
        # A page that was damaged where it lies must not be read as other numbers.
        write_page_checksum=True,
    ) as writer:
        writer.write_table(table, row_group_size=_ROWS_PER_GROUP)
        writer.add_key_value_metadata({CHECKSUM_KEY: NO_CHECKSUM})
    data = memoryview(sink.getvalue()).cast("B")
    set_checksum(data)
    store.write(key, data)
    return PartFile(key, table.num_rows, len(data))


def read_part(store: Store, key: str, table_name: str) -> pa.Table:
    """The rows of one Parquet file, with the columns that the table has today.

    A column that was added since the file was written is NULL there. Raises LakeError when the file
    is not there, may not be read or is damaged.
    """
    schema = arrow_schema(table_name)
    try:
        data = store.read(key)
        if is_intact(io.BytesIO(data)) is False:
            raise pa.ArrowInvalid("the file has another checksum than it says")
        # Files of earlier versions have checksums of their pages only.
        table = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True).read()
        columns = [
            table[name].cast(schema.field(name).type)
            if name in table.column_names
            else pa.nulls(table.num_rows, schema.field(name).type)
            for name in schema.names
        ]
        return pa.Table.from_arrays(columns, schema=schema)
    except PermissionError as problem:
        raise LakeError(
            f"{key}: it may not be read; give this program the right to read it and the folders "
            "that it is in"
        ) from problem
    except (OSError, pa.ArrowException, ValueError) as problem:
        found = problem.strerror if isinstance(problem, OSError) else None
        raise LakeError(
            f"{key}: expected a whole Parquet file of {table_name}, found "
            f"{found or 'one that is damaged or of another table'}; put it back from a copy of the "
            "lake, or build the day anew: cci-lite etl rebuild"
        ) from problem


def _flatten(store: Store, item: WorkItem) -> ItemResult:
    profile = RunProfile()
    if item.as_is:
        with profile.part("write"):
            return ItemResult(_copy_parts(store, item), profile=profile)
    sources = item.sources
    with profile.part("flatten", len(sources)), store.reading(sources) as plain:
        read = profile.measured("read", plain) if item.profiled else plain
        rows, records = _read_documents(store, item, read)
    with profile.part("write", len(item.sources)):
        parts = _write_parts(store, item, rows)
    return ItemResult(parts, tuple(records), profile=profile)


def _read_documents(
    store: Store, item: WorkItem, read: Callable[[str], bytes]
) -> tuple[dict[str, list[pa.Table]], list[SourceRecord]]:
    """The rows of the item's documents by table, and what became of each document."""
    forms = {(form.name, form.version): form for form in item.forms}
    flattener = Flattener(item.tenant_id, item.call_date, forms, item.etl_run_id, item.now)
    tables: dict[str, list[pa.Table]] = {name: [] for name in TABLES}
    records: list[SourceRecord] = []
    for sources in split(item.sources, max_documents=_DOCUMENTS_PER_BATCH):
        flattened = flattener.flatten(
            (source, functools.partial(read, source.key)) for source in sources
        )
        for table_name, table in flattened.tables.items():
            tables[table_name].append(table)
        records += flattened.records
    for record in records:
        if record.outcome is SourceOutcome.QUARANTINED and record.key not in item.copied:
            # Gone since, no file, not to be read, or no place for it: the document itself counts.
            with contextlib.suppress(OSError, LakeError):
                store.copy(record.key, quarantine_key(item.tenant_id, record.key))
    return tables, records


def _write_parts(
    store: Store, item: WorkItem, rows: Mapping[str, list[pa.Table]]
) -> dict[str, PartFile]:
    """The item's files by table, with new rows and carried ones; raises BalanceError."""
    parts = {}
    criteria = 0
    for table_name, new in rows.items():
        carried = _carried(store, item, table_name)
        tables = [*carried, *new]
        if carried:
            # New rows alone are in order already, as their documents are.
            key_columns = [(name, "ascending") for name in TABLES[table_name].key]
            tables = [pa.concat_tables(tables).sort_by(key_columns)]
        _check_keys(table_name, tables)
        if table_name == "calls":
            criteria = sum(pc.sum(table["qa_criteria"]).as_py() or 0 for table in tables)
        key = part_key(item.tenant_id, table_name, item.call_date, item.generation, item.part)
        if (part := write_part(store, key, table_name, tables)) is not None:
            parts[table_name] = part
        new.clear()  # written: the memory is for the next table
    _check_criteria(parts, criteria)
    return parts


def _copy_parts(store: Store, item: WorkItem) -> dict[str, PartFile]:
    """Files that stay as they are, which are read and checked as if they were written anew."""
    parts = {}
    criteria = 0
    for table_name, [old] in item.carry.items():
        table = read_part(store, old, table_name)
        _check_keys(table_name, [table])
        if table_name == "calls":
            criteria = pc.sum(table["qa_criteria"]).as_py() or 0
        key = part_key(item.tenant_id, table_name, item.call_date, item.generation, item.part)
        store.copy(old, key)
        copy = store.head(key)
        assert copy is not None
        parts[table_name] = PartFile(key, table.num_rows, copy.size)
    _check_criteria(parts, criteria)
    return parts


def _check_criteria(parts: Mapping[str, PartFile], expected: int) -> None:
    """Refuse files of which the calls have other numbers of criteria than there are."""
    found = parts["qa_criteria"].rows if "qa_criteria" in parts else 0
    if found != expected:
        raise BalanceError(f"rows in qa_criteria: expected {expected}, found {found}")


def _check_keys(table_name: str, tables: list[pa.Table]) -> None:
    """Refuse rows of which two have the same key: other parts hold the rows of other calls."""
    key = TABLES[table_name].key
    rows = sum(table.num_rows for table in tables)
    if rows:
        keys = pa.concat_tables([table.select(list(key)) for table in tables])
        distinct = _distinct_rows([keys[name].combine_chunks() for name in key])
        if distinct != rows:
            raise BalanceError(
                f"rows in {table_name}: expected one per key, found {rows - distinct} more"
            )


def _distinct_rows(columns: Sequence[pa.Array]) -> int:
    """How many different rows these columns (texts, and whole numbers above 0) have."""
    # Each row as one whole number; far below its limit, because a part has few calls.
    rows = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        if pa.types.is_string(column.type):
            column = column.dictionary_encode().indices
        numbers = column.to_numpy()
        rows = rows * (int(numbers.max()) + 1) + numbers
    # New rows are in the order of their keys, where nothing has to be sorted.
    return len(rows) if (rows[1:] > rows[:-1]).all() else len(np.unique(rows))


def _carried(store: Store, item: WorkItem, table_name: str) -> list[pa.Table]:
    """The rows of the previous generation that stay, file by file."""
    drop = pa.array(sorted(item.drop), pa.string())
    carried = []
    for key in item.carry.get(table_name, ()):
        table = read_part(store, key, table_name)
        carried.append(table.filter(pc.invert(pc.is_in(table["source_key"], drop))))
    return carried
