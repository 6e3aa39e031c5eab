"""Queries one tenant's tables and views in DuckDB, without access to anything else."""

from __future__ import annotations

import functools
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from cci_lite.contract.columns import PARTITION_COLUMNS, TABLES, Column, Table
from cci_lite.contract.rendering import DUCKDB_SETTINGS, duckdb_type
from cci_lite.contract.unified_table import (
    UNIFIED_COLUMNS,
    UNIFIED_PARTITION_COLUMNS,
    RawColumn,
)
from cci_lite.errors import CciLiteError, LakeError, SqlError, UsageError
from cci_lite.local.interruption import Steps, steps
from cci_lite.local.tenant_files import PartFiles, Place, TenantSnapshot, check_places
from cci_lite.tenancy import UNIFIED

if TYPE_CHECKING:
    from cci_lite.local.raw_documents import RawDocuments

MEMORY_LIMIT = "1GB"
THREADS = 2
BATCH_ROWS = 10_000
_PATIENCE_SECONDS = 0.1

_SPILL_PER_MEMORY = 10
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMGT]i?)B", re.IGNORECASE)
_UNITS = {"k": 1, "m": 2, "g": 3, "t": 4}
_LEAST_MEMORY = 10_000_000
_OUT_OF_MEMORY = "Out of Memory Error: "
_NOT_THERE = ("IO Error: ", "Permission Error: ")
_WORD = re.compile(r"\w+")
_STORED_UNIFIED = "stored_unified"
# A file lies in …/call_date=YYYY-MM-DD/<generation>/<part>. DuckDB works this out before it opens
# a file, and opens those of the days that a query needs.
_DAY_OF_FILE = "CAST(string_split(filename, '/')[-3][11:] AS DATE)"
# DuckDB does not escape the path, so the message is not always JSON.
_OPENED = re.compile(r'.*"path":"(.*)","op":"OPEN"}', re.DOTALL)


@dataclass(frozen=True)
class QueryAnswer:
    """The result of a query: its columns, and its rows batch by batch (to be read once)."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class TenantEngine:
    """Runs SELECT statements in DuckDB's dialect over one tenant's tables and views."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        snapshot: TenantSnapshot,
        views: Mapping[str, str],
        scratch: Path,
        memory: int,
    ) -> None:
        # Closed by `open_engine`, which made it.
        self._connection = connection
        self._views = views
        self._memory = memory
        self._parts = PartFiles(scratch)
        self._raw = _registered_documents(connection, snapshot, scratch)
        # The relations that were made, each with its SELECT.
        self._made: dict[str, str] = {}
        # How much of the log of opened files was read, and whether the caller has given up.
        self._logged = 0
        self._stopped = False
        self.show(snapshot)

    def show(self, snapshot: TenantSnapshot) -> None:
        """Read these files from now on; raises UsageError when one is not the tenant's."""
        check_places(snapshot)
        self._snapshot = snapshot

    def query(self, sql: str, *, timeout: float | None = None) -> pa.Table:
        """The rows of one SELECT, all at once; raises what `stream` raises.

        Raises SqlError also for an answer that is larger than the engine's memory.
        """
        with self.stream(sql, timeout=timeout) as answer:
            batches, size = [], 0
            for batch in answer.batches:
                batches.append(batch)
                size += batch.nbytes
                if size > self._memory:
                    raise SqlError(
                        f"the answer is larger than the memory for it ({_megabytes(self._memory)}):"
                        " ask for fewer rows or columns, stream it (cci-lite query --to FILE; "
                        "Lake.stream in Python), or give it more: --memory-limit"
                    )
            return pa.Table.from_batches(batches, answer.schema)

    @contextmanager
    def stream(self, sql: str, *, timeout: float | None = None) -> Iterator[QueryAnswer]:
        """The rows of one SELECT as they are found, so that a result of any size can be read.

        An interrupt (Ctrl-C) stops it at once. Raises SqlError (which never names a file), also
        when a limit of time or memory is exceeded, and LakeError when it needs a day of which a
        file is missing or damaged.
        """
        self._stopped = False
        with steps(self._stop, timeout) as running:

            @contextmanager
            def explained() -> Iterator[None]:
                try:
                    yield
                except (duckdb.Error, pa.ArrowException, OSError) as error:
                    # A failure between two batches is raised by Arrow with the engine's message.
                    raise self._in_words(str(error), running) from None

            with explained():
                reader = running.run(functools.partial(self._start, sql))
            schema = _in_milliseconds(pa.Table.from_batches([], reader.schema)).schema

            def batches() -> Iterator[pa.RecordBatch]:
                while True:
                    with explained():
                        found = running.run(functools.partial(_next_batches, reader))
                    running.run(self._prove_opened)
                    if not found:
                        return
                    # In one piece: DuckDB gives a batch for each file, however small.
                    rows = pa.Table.from_batches(found).combine_chunks()
                    yield from _in_milliseconds(rows).to_batches()

            try:
                yield QueryAnswer(schema, batches())
            finally:
                reader.close()

    def _start(self, sql: str) -> pa.RecordBatchReader:
        statements = self._connection.extract_statements(sql)
        # The translation lets SELECTs through only; this is the second wall behind it.
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise SqlError("expected one SELECT statement")
        self._connection.execute("CALL truncate_duckdb_logs()")
        self._logged = 0
        self._make_relations(sql, set())
        return self._connection.sql(statements[0]).to_arrow_reader(BATCH_ROWS)

    def _make_relations(self, sql: str, made: set[str]) -> None:
        """Make the relations that a SELECT names, in so far as they are not there already."""
        for name in _WORD.findall(sql.lower()):
            if name in made:
                continue
            made.add(name)
            select = self._select_of(name)
            if select is None:
                continue
            self._make_relations(select, made)
            if self._made.get(name) == select:
                continue
            try:
                self._connection.execute(f"CREATE OR REPLACE VIEW {_quoted(name)} AS {select}")
            except duckdb.Error as error:
                if self._place_named_in(str(error)):
                    raise
                raise SqlError(f"{name}: {_without_paths(str(error))}") from None
            self._made[name] = select

    def _select_of(self, name: str) -> str | None:
        snapshot = self._snapshot
        if name == UNIFIED:
            return _unified_select(snapshot.tenant_id, self._raw)
        if name in TABLES:
            paths = self._parts.paths(name, snapshot.tables.get(name, ()))
            return _table_select(snapshot.tenant_id, TABLES[name], paths)
        return self._views.get(name)

    def _prove_opened(self) -> None:
        """Compare the files that the query has opened so far with their checksums.

        DuckDB does not, so no row leaves before it is done. Raises LakeError for a damaged file.
        """
        rows = self._connection.cursor().execute(
            f"SELECT message FROM duckdb_logs OFFSET {self._logged}"
        )
        messages = [message for (message,) in rows.fetchall()]
        self._logged += len(messages)
        opened = {match[1] for message in messages if (match := _OPENED.fullmatch(message))}
        for path in self._parts.unproven(opened):
            if self._stopped:
                return
            if place := self._parts.prove(path):
                raise self._damaged(place)

    def _stop(self) -> None:
        self._stopped = True
        self._connection.interrupt()

    def _in_words(self, message: str, running: Steps) -> CciLiteError:
        if _OUT_OF_MEMORY in message:
            return SqlError(
                f"it needs more memory than it may have ({_megabytes(self._memory)}): ask for "
                "fewer days, rows or columns, or give it more: --memory-limit (memory_limit=… in "
                "Python)"
            )
        if place := self._place_named_in(message):
            return self._damaged(place)
        # What is read from a damaged file may be anything, also something that fails elsewhere.
        running.run(self._prove_opened)
        return SqlError(_without_paths(message))

    def _place_named_in(self, message: str) -> Place | None:
        raw = self._raw.places if self._raw else {}
        of_raw = (place for path, place in raw.items() if path in message)
        return self._parts.place_named_in(message) or next(of_raw, None)

    def _damaged(self, place: Place) -> LakeError:
        where = f"tenant {self._snapshot.tenant_id}, table {place.table}, {place.call_date}"
        if place.table == UNIFIED:
            return LakeError(
                f"{where}: a document may not be read, so the result would be wrong; correct its "
                "permissions, or ask for other days with WHERE day"
            )
        if place.is_refused:
            return LakeError(
                f"{where}: a file may not be read, so the result would be wrong; give this program "
                "the right to read it and the folders that it is in, or ask for other days with "
                "WHERE call_date"
            )
        return LakeError(
            f"{where}: a file is gone or damaged, so the result would be wrong; rebuild the day "
            "with cci-lite etl rebuild, or put the file back from a copy of the lake and "
            "check it with cci-lite etl verify, or ask for other days with WHERE call_date"
        )


@contextmanager
def open_engine(
    snapshot: TenantSnapshot,
    views: Mapping[str, str],
    *,
    tables_folder: Path | None = None,
    memory_limit: str = MEMORY_LIMIT,
    threads: int = THREADS,
) -> Iterator[TenantEngine]:
    """An engine over the tenant's files, locked to the folder that they are in.

    `views` are SELECTs in DuckDB's dialect by name, made when a query reads them. `tables_folder`
    is `curated/<tenant>`; needed when the engine may show files before it has seen any. Raises
    UsageError when a file is not the tenant's or the limit is no size.
    """
    memory = parse_size(memory_limit)
    check_places(snapshot)
    with tempfile.TemporaryDirectory(prefix="cci-lite-") as scratch:
        connection = _connected(memory, threads, Path(scratch))
        try:
            engine = TenantEngine(connection, snapshot, views, Path(scratch), memory)
            _lock(connection, Path(scratch), tables_folder or _tables_folder(snapshot))
            yield engine
        finally:
            connection.close()


def _next_batches(reader: pa.RecordBatchReader) -> list[pa.RecordBatch]:
    """What comes next: some rows, or what there is after a while; empty at the end."""
    found: list[pa.RecordBatch] = []
    rows, until = 0, time.monotonic() + _PATIENCE_SECONDS
    while rows < BATCH_ROWS and not (found and time.monotonic() > until):
        batch = next(reader, None)
        if batch is None:
            break
        found.append(batch)
        rows += batch.num_rows
    return found


def _tables_folder(snapshot: TenantSnapshot) -> Path | None:
    # curated/<tenant>/<table>/call_date=<day>/<generation>/<part>
    return next(
        (file.path.parents[3] for files in snapshot.tables.values() for file in files), None
    )


def _lock(connection: duckdb.DuckDBPyConnection, *folders: Path | None) -> None:
    """Let no query read a file outside these folders, or change a setting."""
    for name, value in DUCKDB_SETTINGS.items():
        connection.execute(f"SET {name} = {_literal(value)}")
    # A footer that was parsed once is parsed again only when its file has changed.
    connection.execute("SET parquet_metadata_cache = true")
    # The log says which files a query opened. It stays in memory.
    connection.execute("CALL enable_logging('FileSystem')")
    allowed = ", ".join(_literal(str(folder.absolute())) for folder in folders if folder)
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _registered_documents(
    connection: duckdb.DuckDBPyConnection, snapshot: TenantSnapshot, scratch: Path
) -> RawDocuments | None:
    """The raw documents, converted and registered; None when none are to be read."""
    if not snapshot.unified:
        return None
    # Importing Arrow's datasets takes longer than most queries, and few read raw documents.
    from cci_lite.local.raw_documents import raw_documents

    raw = raw_documents(snapshot.unified, scratch)
    connection.register(_STORED_UNIFIED, raw.dataset)
    return raw


def _connected(memory: int, threads: int, spill: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory database that spills to `spill`, and sees no extension or Python variable."""
    return duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{memory}B",
            "max_temp_directory_size": f"{_SPILL_PER_MEMORY * memory}B",
            "threads": threads,
            "temp_directory": str(spill),
            # Otherwise a table name in a query could resolve to a variable of this process.
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
        },
    )


def parse_size(text: str) -> int:
    """The bytes that `500MB` or `2GB` says; raises UsageError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"memory limit: expected a size like 500MB or 2GB, found '{text}'")
    unit = match[2].lower()
    size = int(float(match[1]) * (1024 if unit.endswith("i") else 1000) ** _UNITS[unit[0]])
    if size < _LEAST_MEMORY:
        raise UsageError(f"memory limit: expected at least 10MB, found '{text}'")
    return size


def _megabytes(size: int) -> str:
    return f"{size // 1_000_000:,} MB"


def _table_select(tenant_id: str, table: Table, paths: Sequence[str]) -> str:
    """One curated table with exactly its declared columns and types."""
    if not paths:
        return _empty_select((*PARTITION_COLUMNS, *table.columns))
    columns = ", ".join(_quoted(column.name) for column in table.columns)
    # Columns are found by name, NULL where a file has none, so no file is opened to learn of them.
    schema = ", ".join(
        f"{_literal(column.name)}: {{name: {_literal(column.name)}, "
        f"type: {_literal(duckdb_type(column))}, default_value: NULL}}"
        for column in table.columns
    )
    return (
        f"SELECT {_literal(tenant_id)} AS tenant_id, {_DAY_OF_FILE} AS call_date, {columns} "
        f"FROM read_parquet([{', '.join(map(_literal, paths))}], schema = MAP {{{schema}}}, "
        "filename = true, hive_partitioning = false)"
    )


def _empty_select(columns: Iterable[Column | RawColumn]) -> str:
    nulls = (f"CAST(NULL AS {duckdb_type(column)}) AS {_quoted(column.name)}" for column in columns)
    return f"SELECT {', '.join(nulls)} WHERE false"


def _unified_select(tenant_id: str, raw: RawDocuments | None) -> str:
    """The raw documents; a column that Athena could not read on a day fails for that day, too."""
    if raw is None:
        return _empty_select((*UNIFIED_COLUMNS, *UNIFIED_PARTITION_COLUMNS))
    columns = []
    for column in UNIFIED_COLUMNS:
        name = value = _quoted(column.name)
        for day, expected in raw.refused.get(column.name, {}).items():
            complaint = (
                f"unified, {day}: column {column.name}: expected {expected}, found something else "
                "in a document; Athena refuses this query too. Which document it is: cci-lite etl "
                "run, then cci-lite quarantine list. Other days can be asked for with WHERE day"
            )
            fails = f"WHEN day = {_literal(day)} THEN error({_literal(complaint)})"
            value = f"CASE {fails} ELSE {value} END"
        columns.append(f"CAST({value} AS {duckdb_type(column)}) AS {name}")
    return (
        f"SELECT {', '.join(columns)}, {_literal(tenant_id)} AS tenant_id, day "
        f"FROM {_STORED_UNIFIED}"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else "'" + value.replace("'", "''") + "'"


def _without_paths(message: str) -> str:
    """The engine's message without paths, which can contain a person's name."""
    if any(kind in message for kind in _NOT_THERE):
        return (
            "the query reads something that is not there or not allowed; "
            "open the lake again to see its present state"
        )
    # DuckDB prefixes the text of error('…'), ours or the user's, with this.
    first_line = message.splitlines()[0].removeprefix("Invalid Input Error: ")
    if "Division by zero" in first_line:
        return "division by zero: Athena refuses it, or answers NaN; guard it: x / NULLIF(y, 0)"
    return re.sub(r"(?<!\S)(['\"]?)(?:[A-Za-z]:)?[/\\](?=[\w.])[^'\"\n]*\1", "(a file)", first_line)


def _in_milliseconds(rows: pa.Table) -> pa.Table:
    """The rows with timestamps cut to milliseconds, as in Athena."""
    for index, column in enumerate(rows.schema):
        if pa.types.is_timestamp(column.type):
            declared = pa.timestamp("ms", tz=column.type.tz)
            cut = rows.column(index).cast(declared, safe=False)
            rows = rows.set_column(index, pa.field(column.name, declared), cut)
    return rows
