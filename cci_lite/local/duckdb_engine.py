"""One tenant's lake in DuckDB: its tables and views, and nothing else to read or to change."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from cci_lite.contract.columns import PARTITION_COLUMNS, TABLES, Table
from cci_lite.contract.document import MAX_DOCUMENT_BYTES
from cci_lite.contract.rendering import DUCKDB_SETTINGS, duckdb_type
from cci_lite.contract.unified_table import UNIFIED_COLUMNS
from cci_lite.errors import SqlError, UsageError
from cci_lite.tenancy import CURATED, UNIFIED, check_tenant_id

MEMORY_LIMIT = "1GB"
THREADS = 2

_DAY_IN_PATH = r"([0-9]{4}[/\\][0-9]{2}[/\\][0-9]{2})[/\\][^/\\]+$"


@dataclass(frozen=True)
class TenantSnapshot:
    """The live files of one tenant: Parquet by table, and the raw unified documents."""

    tenant_id: str
    tables: Mapping[str, tuple[Path, ...]]
    unified: tuple[Path, ...] = field(default=())


class TenantEngine:
    """Runs SELECT statements in DuckDB's dialect over one tenant's tables and views."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def query(self, sql: str) -> pa.Table:
        """The rows of one SELECT; raises SqlError, which never names a file."""
        try:
            statements = self._connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise SqlError("expected one SELECT statement")
            rows = self._connection.sql(statements[0]).to_arrow_table()
        except duckdb.Error as error:
            raise SqlError(_without_paths(error)) from None
        return _in_milliseconds(rows)


@contextmanager
def open_engine(
    snapshot: TenantSnapshot,
    views: Mapping[str, str],
    *,
    memory_limit: str = MEMORY_LIMIT,
    threads: int = THREADS,
) -> Iterator[TenantEngine]:
    """An engine over the tenant's files, locked to them.

    `views` are SELECTs in DuckDB's dialect by name, each after those that it reads. Raises
    UsageError when a file is not the tenant's, and SqlError when a view cannot be made.
    """
    files = _checked_files(snapshot)
    with tempfile.TemporaryDirectory(prefix="cci-lite-") as spill:
        connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": spill,
                "python_enable_replacements": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
                "allow_persistent_secrets": False,
            },
        )
        try:
            for name, value in DUCKDB_SETTINGS.items():
                connection.execute(f"SET {name} = {_literal(value)}")
            connection.execute("SET allowed_paths = ?", [files])
            _create_relations(connection, snapshot, views)
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield TenantEngine(connection)
        finally:
            connection.close()


def _checked_files(snapshot: TenantSnapshot) -> list[str]:
    """Every file of the snapshot, as the engine names it; raises UsageError for a foreign one."""
    tenant_id = check_tenant_id(snapshot.tenant_id)
    if unknown := sorted(set(snapshot.tables) - set(TABLES)):
        raise UsageError(f"unknown table '{unknown[0]}', expected one of {', '.join(TABLES)}")
    for table, paths in snapshot.tables.items():
        for path in paths:
            if path.parts[-6:-3] != (CURATED, tenant_id, table):
                raise UsageError(
                    f"expected files below {CURATED}/{tenant_id}/{table}/ only, found one elsewhere"
                )
    for path in snapshot.unified:
        if path.parts[-6:-4] != (UNIFIED, tenant_id):
            raise UsageError(
                f"expected files below {UNIFIED}/{tenant_id}/ only, found one elsewhere"
            )
    everything = [
        *snapshot.unified,
        *(path for paths in snapshot.tables.values() for path in paths),
    ]
    # DuckDB asks for the pattern and for the file that it finds.
    return [name for path in everything for name in {str(path.absolute()), _pattern(path)}]


def _create_relations(
    connection: duckdb.DuckDBPyConnection, snapshot: TenantSnapshot, views: Mapping[str, str]
) -> None:
    selects = {
        name: _table_select(connection, snapshot.tenant_id, table, snapshot.tables.get(name, ()))
        for name, table in TABLES.items()
    }
    selects[UNIFIED] = _unified_select(snapshot.tenant_id, snapshot.unified)
    for name, select in [*selects.items(), *views.items()]:
        try:
            connection.execute(f"CREATE VIEW {_quoted(name)} AS {select}")
        except duckdb.Error as error:
            raise SqlError(f"{name}: {_without_paths(error)}") from None


def _table_select(
    connection: duckdb.DuckDBPyConnection, tenant_id: str, table: Table, paths: Sequence[Path]
) -> str:
    """One curated table with exactly its declared columns, whatever columns its files have."""
    source = (
        f"read_parquet({_file_list(paths)}, union_by_name = true, hive_partitioning = true, "
        "hive_types = {'call_date': DATE})"
    )
    # A column that is newer than a generation is missing in that generation's files.
    stored = _columns_of(connection, source) if paths else frozenset()
    columns = []
    for column in (*PARTITION_COLUMNS[1:], *table.columns):
        name = _quoted(column.name)
        value = name if column.name in stored else "NULL"
        columns.append(f"CAST({value} AS {duckdb_type(column)}) AS {name}")
    selected = f"SELECT {_literal(tenant_id)} AS tenant_id, {', '.join(columns)}"
    return f"{selected} FROM {source}" if paths else f"{selected} WHERE false"


def _unified_select(tenant_id: str, paths: Sequence[Path]) -> str:
    """The raw documents; what is not of its declared type is NULL, what is too large left out."""
    tenant = f"{_literal(tenant_id)} AS tenant_id"
    paths = [path for path in paths if _is_readable(path)]
    if not paths:
        nulls = (
            f"CAST(NULL AS {duckdb_type(column)}) AS {_quoted(column.name)}"
            for column in UNIFIED_COLUMNS
        )
        return f"SELECT {', '.join(nulls)}, {tenant}, '' AS day WHERE false"
    types = ", ".join(
        f"{_quoted(column.name)}: {_literal(duckdb_type(column))}" for column in UNIFIED_COLUMNS
    )
    names = ", ".join(_quoted(column.name) for column in UNIFIED_COLUMNS)
    return (
        f"SELECT {names}, {tenant}, "
        rf"replace(regexp_extract(filename, '{_DAY_IN_PATH}', 1), '\', '/') AS day "
        f"FROM read_json({_file_list(paths)}, format = 'newline_delimited', columns = {{{types}}}, "
        f"filename = true, ignore_errors = true, maximum_object_size = {MAX_DOCUMENT_BYTES})"
    )


def _is_readable(path: Path) -> bool:
    """Whether a document is still there, and no larger than the contract allows."""
    try:
        # One larger document would fail every query over the others.
        return path.stat().st_size <= MAX_DOCUMENT_BYTES
    except FileNotFoundError:
        return False


def _columns_of(connection: duckdb.DuckDBPyConnection, source: str) -> frozenset[str]:
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    except duckdb.Error as error:
        raise SqlError(_without_paths(error)) from None
    return frozenset(str(row[0]) for row in described)


def _file_list(paths: Sequence[Path]) -> str:
    return f"[{', '.join(_literal(_pattern(path)) for path in paths)}]"


def _pattern(path: Path) -> str:
    """A file's name as DuckDB reads names: '[' and friends stand for themselves in a set."""
    return re.sub(r"[*?\[]", r"[\g<0>]", str(path.absolute()))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else "'" + value.replace("'", "''") + "'"


def _without_paths(error: duckdb.Error) -> str:
    """What the engine says, without the files it names: a path can carry a name."""
    if isinstance(error, (duckdb.IOException, duckdb.PermissionException)):
        return (
            "the query reads something that is not there or not allowed; "
            "open the lake again to see its present state"
        )
    first_line = str(error).splitlines()[0]
    if "Division by zero" in first_line:
        return "division by zero: Athena refuses it, or answers NaN; guard it: x / NULLIF(y, 0)"
    return re.sub(r"(?<!\S)(['\"]?)(?:[A-Za-z]:)?[/\\](?=[\w.])[^'\"\n]*\1", "(a file)", first_line)


def _in_milliseconds(rows: pa.Table) -> pa.Table:
    """The rows with timestamps as declared: Athena keeps milliseconds."""
    for index, column in enumerate(rows.schema):
        if pa.types.is_timestamp(column.type):
            declared = pa.timestamp("ms", tz=column.type.tz)
            cut = rows.column(index).cast(declared, safe=False)
            rows = rows.set_column(index, pa.field(column.name, declared), cut)
    return rows
