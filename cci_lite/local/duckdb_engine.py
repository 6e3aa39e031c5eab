"""Queries one tenant's tables and views in DuckDB, without access to anything else."""

from __future__ import annotations

import functools
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from cci_lite.contract.columns import PARTITION_COLUMNS, TABLES, Table
from cci_lite.contract.rendering import DUCKDB_SETTINGS, duckdb_type
from cci_lite.contract.unified_table import UNIFIED_COLUMNS
from cci_lite.errors import CciLiteError, LakeError, SqlError, UsageError
from cci_lite.local.interruption import steps
from cci_lite.local.tenant_files import Place, Scans, TenantSnapshot, scan
from cci_lite.tenancy import UNIFIED

MEMORY_LIMIT = "1GB"
THREADS = 2
BATCH_ROWS = 10_000

_SPILL_PER_MEMORY = 10
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMGT]i?)B", re.IGNORECASE)
_UNITS = {"k": 1, "m": 2, "g": 3, "t": 4}
_LEAST_MEMORY = 10_000_000
_OUT_OF_MEMORY = "Out of Memory Error: "
_NOT_THERE = ("IO Error: ", "Permission Error: ")
_WORD = re.compile(r"\w+")
_STORED = "stored_{}"
_STREAM = re.compile(rf"stream registered as '{_STORED.format('([a-z_]+)')}'")


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
        tenant_id: str,
        scans: Scans,
        views: Mapping[str, str],
        memory: int,
    ) -> None:
        # Closed by `open_engine`, which made it.
        self._connection = connection
        self._tenant_id = tenant_id
        self._scans = scans
        self._tables = _table_selects(tenant_id, scans)
        self._views = views
        self._made: set[str] = set()
        self._memory = memory

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
        with steps(self._connection.interrupt, timeout) as running:

            @contextmanager
            def explained() -> Iterator[None]:
                try:
                    yield
                except (duckdb.Error, pa.ArrowException, OSError) as error:
                    # A failure between two batches is raised by Arrow with the engine's message.
                    raise self._in_words(str(error)) from None

            with explained():
                reader = running.run(functools.partial(self._start, sql))
            schema = _in_milliseconds(reader.schema.empty_table()).schema

            def batches() -> Iterator[pa.RecordBatch]:
                while True:
                    with explained():
                        batch = running.run(functools.partial(next, reader, None))
                    if batch is None:
                        return
                    yield from _in_milliseconds(pa.Table.from_batches([batch])).to_batches()

            try:
                yield QueryAnswer(schema, batches())
            finally:
                reader.close()

    def _start(self, sql: str) -> pa.RecordBatchReader:
        statements = self._connection.extract_statements(sql)
        # The translation lets SELECTs through only; this is the second wall behind it.
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise SqlError("expected one SELECT statement")
        self._make_relations(sql)
        return self._connection.sql(statements[0]).to_arrow_reader(BATCH_ROWS)

    def _make_relations(self, sql: str) -> None:
        """Make the relations that a SELECT names: to make all takes longer than most queries."""
        for name in _WORD.findall(sql.lower()):
            if name in self._made:
                continue
            select = self._tables.get(name) or self._views.get(name)
            if select is None:
                continue
            self._made.add(name)
            self._make_relations(select)
            try:
                self._connection.execute(f"CREATE VIEW {_quoted(name)} AS {select}")
            except duckdb.Error as error:
                raise SqlError(f"{name}: {_without_paths(str(error))}") from None

    def _in_words(self, message: str) -> CciLiteError:
        if _OUT_OF_MEMORY in message:
            return SqlError(
                f"it needs more memory than it may have ({_megabytes(self._memory)}): ask for "
                "fewer days, rows or columns, or give it more: --memory-limit (memory_limit=… in "
                "Python)"
            )
        place = self._scans.place_named_in(message)
        if place is None and (stream := _STREAM.search(message)):
            place = self._scans.damaged_place(stream[1])
        return SqlError(_without_paths(message)) if place is None else self._damaged(place)

    def _damaged(self, place: Place) -> LakeError:
        where = f"tenant {self._tenant_id}, table {place.table}, {place.call_date}"
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
            "with cci-lite etl run --rebuild, or put the file back from a copy of the lake and "
            "check it with cci-lite etl verify, or ask for other days with WHERE call_date"
        )


@contextmanager
def open_engine(
    snapshot: TenantSnapshot,
    views: Mapping[str, str],
    *,
    memory_limit: str = MEMORY_LIMIT,
    threads: int = THREADS,
) -> Iterator[TenantEngine]:
    """An engine over the tenant's files, locked to them.

    `views` are SELECTs in DuckDB's dialect by name, made when a query reads them. Raises UsageError
    when a file is not the tenant's or the limit is no size.
    """
    memory = parse_size(memory_limit)
    with tempfile.TemporaryDirectory(prefix="cci-lite-") as spill:
        scans = scan(snapshot, Path(spill))
        connection = _connected(memory, threads, Path(spill))
        try:
            for name, value in DUCKDB_SETTINGS.items():
                connection.execute(f"SET {name} = {_literal(value)}")
            for name, dataset in scans.datasets.items():
                connection.register(_STORED.format(name), dataset)
            # From here on no query can read another file or change a setting.
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield TenantEngine(connection, snapshot.tenant_id, scans, views, memory)
        finally:
            connection.close()


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


def _table_selects(tenant_id: str, scans: Scans) -> dict[str, str]:
    selects = {name: _table_select(tenant_id, table) for name, table in TABLES.items()}
    return {**selects, UNIFIED: _unified_select(tenant_id, scans.refused)}


def _table_select(tenant_id: str, table: Table) -> str:
    """One curated table with exactly its declared columns and types."""
    columns = ", ".join(
        f"CAST({_quoted(column.name)} AS {duckdb_type(column)}) AS {_quoted(column.name)}"
        for column in (*PARTITION_COLUMNS[1:], *table.columns)
    )
    stored = _quoted(_STORED.format(table.name))
    return f"SELECT {_literal(tenant_id)} AS tenant_id, {columns} FROM {stored}"


def _unified_select(tenant_id: str, refused: Mapping[str, Mapping[str, str]]) -> str:
    """The raw documents; a column that Athena could not read on a day fails for that day, too."""
    columns = []
    for column in UNIFIED_COLUMNS:
        name = value = _quoted(column.name)
        for day, expected in refused.get(column.name, {}).items():
            complaint = (
                f"unified, {day}: column {column.name}: expected {expected}, found something else "
                "in a document; Athena refuses this query too. Which document it is: cci-lite etl "
                "run, then cci-lite quarantine list. Other days can be asked for with WHERE day"
            )
            fails = f"WHEN day = {_literal(day)} THEN error({_literal(complaint)})"
            value = f"CASE {fails} ELSE {value} END"
        columns.append(f"CAST({value} AS {duckdb_type(column)}) AS {name}")
    stored = _quoted(_STORED.format(UNIFIED))
    return f"SELECT {', '.join(columns)}, {_literal(tenant_id)} AS tenant_id, day FROM {stored}"


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
