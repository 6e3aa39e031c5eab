"""The laptop's catalogue in SQLite (`catalog.db`), with the configuration in files beside the data.

The catalogue says what is published and can be made again from the lake's files (`etl repair`).
Settings and forms cannot, so they are files of their own. A catalogue of version 1 still
held them; they are moved to files when it is opened.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cci_lite.errors import CciLiteError, LakeError, NoRoomError, PublishConflictError
from cci_lite.local.lease import held_lease
from cci_lite.local.settings_files import SettingsFiles
from cci_lite.ports import (
    DayChange,
    PartFile,
    PublishedDay,
    SourceOutcome,
    SourceRecord,
    TableDifference,
)

CATALOG_FILE = "catalog.db"
_WAIT_SECONDS = 30.0

_SCHEMA_VERSION = 3
_OLDER_VERSIONS = (1, 2)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS days (
    tenant_id TEXT NOT NULL, call_date TEXT NOT NULL, generation TEXT NOT NULL,
    listing_digest TEXT NOT NULL, etl_run_id TEXT NOT NULL, published_at TEXT NOT NULL,
    tables_digest TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, call_date)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
    tenant_id TEXT NOT NULL, call_date TEXT NOT NULL, table_name TEXT NOT NULL, key TEXT NOT NULL,
    rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, call_date, table_name, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (
    tenant_id TEXT NOT NULL, call_date TEXT NOT NULL, key TEXT NOT NULL, etag TEXT NOT NULL,
    modified_at TEXT NOT NULL, outcome TEXT NOT NULL, call_id TEXT, revision INTEGER NOT NULL,
    writing INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, call_date, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sources_by_call ON sources (tenant_id, call_id);
CREATE TABLE IF NOT EXISTS generations (
    tenant_id TEXT NOT NULL, call_date TEXT NOT NULL, generation TEXT NOT NULL,
    retired_at TEXT, PRIMARY KEY (tenant_id, call_date, generation)
) WITHOUT ROWID;
"""
_SOURCE = "key, etag, modified_at, outcome, call_id, revision, writing"
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_REFUSED = frozenset(
    {
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_AUTH,
    }
)

T = TypeVar("T")


class SqliteCatalog:
    """Implements the ports Catalog and ConfigStore in a lake's folder."""

    def __init__(self, lake: Path) -> None:
        self._lake = lake
        self._settings = SettingsFiles(lake)
        self._file = file = lake / CATALOG_FILE
        try:
            # A catalogue that was not closed is closed when it is garbage collected, which can
            # happen in any thread: hence check_same_thread=False.
            self._db = sqlite3.connect(
                file, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            weakref.finalize(self, self._db.close)
            self._prepare(file)
        except sqlite3.Error as problem:
            raise catalogue_error(file, problem) from problem

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # ConfigStore

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        """One item, or None."""
        return self._settings.get(pk, sk)

    def put(self, pk: str, sk: str, item: Mapping[str, Any]) -> None:
        """Create or replace an item."""
        self._settings.put(pk, sk, item)

    def put_new(self, pk: str, sk: str, item: Mapping[str, Any]) -> bool:
        """Create an item; False when there is one already."""
        return self._settings.put_new(pk, sk, item)

    def query(self, pk: str, sk_prefix: str) -> list[dict[str, Any]]:
        """The items of a partition key whose sort key starts so, ordered by it."""
        return self._settings.query(pk, sk_prefix)

    def partition_keys(self) -> list[str]:
        """All partition keys, ordered."""
        return self._settings.partition_keys()

    def delete(self, pk: str, sk: str) -> None:
        """Delete an item if it is there."""
        self._settings.delete(pk, sk)

    # Catalog

    @contextlib.contextmanager
    def lease(self, tenant_id: str, holder: str) -> Iterator[None]:
        """Exclude other runs of the tenant; raises LeaseHeldError, or LakeError."""
        with held_lease(self._lake, tenant_id, holder):
            yield

    def check_lease(self, tenant_id: str) -> None:
        """Nothing to check: the system keeps the lease for this process as long as it lives."""

    def days(self, tenant_id: str) -> dict[dt.date, PublishedDay]:
        """The published days of a tenant."""
        days = self._read(
            "SELECT call_date, generation, listing_digest, etl_run_id, published_at, tables_digest "
            "FROM days WHERE tenant_id = ? ORDER BY call_date",
            (tenant_id,),
            _published_day,
        )
        return {day.call_date: day for day in days}

    def sources(self, tenant_id: str, call_date: dt.date) -> dict[str, SourceRecord]:
        """What one day was built from, by key."""
        records = self._read(
            f"SELECT {_SOURCE} FROM sources WHERE tenant_id = ? AND call_date = ? ORDER BY key",
            (tenant_id, call_date.isoformat()),
            _source,
        )
        return {record.key: record for record in records}

    def records(self, tenant_id: str, outcome: SourceOutcome) -> dict[str, SourceRecord]:
        """A tenant's documents of all days that have this outcome, by key."""
        records = self._read(
            f"SELECT {_SOURCE} FROM sources WHERE tenant_id = ? AND outcome = ? ORDER BY key",
            (tenant_id, outcome.value),
            _source,
        )
        return {record.key: record for record in records}

    def parts(self, tenant_id: str, call_date: dt.date | None = None) -> dict[str, list[PartFile]]:
        """The published files by table: of one day, or of all."""
        rows = self._read(
            "SELECT table_name, key, rows, bytes FROM parts "
            "WHERE tenant_id = ? AND (? IS NULL OR call_date = ?) ORDER BY table_name, key",
            (tenant_id, *[call_date and call_date.isoformat()] * 2),
            lambda row: (row[0], PartFile(*row[1:])),
        )
        found: dict[str, list[PartFile]] = {}
        for table_name, part in rows:
            found.setdefault(table_name, []).append(part)
        return found

    def parts_by_day(self, tenant_id: str) -> dict[dt.date, dict[str, list[PartFile]]]:
        """The published files of all days, each day's by table: one state of the tenant's data."""
        rows = self._read(
            "SELECT call_date, table_name, key, rows, bytes FROM parts WHERE tenant_id = ? "
            "ORDER BY call_date, table_name, key",
            (tenant_id,),
            lambda row: (dt.date.fromisoformat(row[0]), row[1], PartFile(*row[2:])),
        )
        found: dict[dt.date, dict[str, list[PartFile]]] = {}
        for day, table_name, part in rows:
            found.setdefault(day, {}).setdefault(table_name, []).append(part)
        return found

    def state(self) -> tuple[int, int]:
        """A value that changes whenever anybody writes to the catalogue, also this program."""
        [(by_others,)] = self._execute("PRAGMA data_version")
        return by_others, self._db.total_changes

    def calls_on_other_days(
        self, tenant_id: str, call_ids: Iterable[str], call_date: dt.date
    ) -> dict[dt.date, list[SourceRecord]]:
        """Where the given calls are published on other days than this one."""
        # The ids are passed as one JSON array: SQLite limits the parameters of a statement.
        rows = self._read(
            f"SELECT {_SOURCE}, call_date FROM sources "
            "WHERE tenant_id = ? AND call_id IN (SELECT value FROM json_each(?)) "
            "AND call_date <> ? AND outcome = ?",
            (
                tenant_id,
                msgspec.json.encode(list(call_ids)).decode(),
                call_date.isoformat(),
                SourceOutcome.CALL.value,
            ),
            lambda row: (dt.date.fromisoformat(row[-1]), _source(row[:-1])),
        )
        found: dict[dt.date, list[SourceRecord]] = {}
        for day, record in rows:
            found.setdefault(day, []).append(record)
        return found

    def stage(self, tenant_id: str, call_date: dt.date, generation: str) -> None:
        """Note that files of a generation are about to be written."""
        self._execute(
            "INSERT OR IGNORE INTO generations VALUES (?, ?, ?, NULL)",
            (tenant_id, call_date.isoformat(), generation),
        )

    def publish(self, tenant_id: str, changes: Sequence[DayChange]) -> None:
        """Switch readers to the new generations of all these days at once."""
        with self._transaction():
            for change in changes:
                self._publish_day(tenant_id, change)

    def register(self, tenant_id: str, *, all_days: bool = False) -> None:
        """Nothing to register: the laptop's engine reads this catalogue."""

    def differences(self, tenant_id: str) -> list[TableDifference]:  # noqa: ARG002
        """None: the laptop's engine reads this catalogue."""
        return []

    def generations(self, tenant_id: str) -> set[tuple[dt.date, str]]:
        """Every generation that is noted: staged, published, or replaced and not forgotten yet."""
        return set(
            self._read(
                "SELECT call_date, generation FROM generations WHERE tenant_id = ? "
                "UNION SELECT call_date, generation FROM days WHERE tenant_id = ?",
                (tenant_id, tenant_id),
                _generation,
            )
        )

    def abandoned(self, tenant_id: str) -> list[tuple[dt.date, str]]:
        """Generations that were staged and never published."""
        return self._read(
            "SELECT call_date, generation FROM generations AS g "
            "WHERE tenant_id = ? AND retired_at IS NULL AND NOT EXISTS ("
            "SELECT 1 FROM days AS d WHERE d.tenant_id = g.tenant_id "
            "AND d.call_date = g.call_date AND d.generation = g.generation)",
            (tenant_id,),
            _generation,
        )

    def retired(self, tenant_id: str, before: dt.datetime) -> list[tuple[dt.date, str]]:
        """Generations that were replaced before this time."""
        return self._read(
            "SELECT call_date, generation FROM generations WHERE tenant_id = ? AND retired_at < ?",
            (tenant_id, _moment(before)),
            _generation,
        )

    def forget(self, tenant_id: str, call_date: dt.date, generation: str) -> None:
        """Drop the note of a generation whose files have been deleted."""
        self._execute(
            "DELETE FROM generations WHERE tenant_id = ? AND call_date = ? AND generation = ?",
            (tenant_id, call_date.isoformat(), generation),
        )

    def _prepare(self, file: Path) -> None:
        """Make the tables of a new catalogue; a lake that is only read is not written to."""
        [version] = self._db.execute("PRAGMA user_version").fetchone()
        if version == _SCHEMA_VERSION:
            return
        # A newer catalogue may have columns that this version would silently drop.
        if version > _SCHEMA_VERSION:
            raise LakeError(
                f"{file}: expected a catalogue of version {_SCHEMA_VERSION}, found {version}; "
                "use the version of cci-lite that made it"
            )
        with self._transaction():
            # Another process may have created or upgraded it in between.
            [(version,)] = self._execute("PRAGMA user_version")
            if version == 1:
                self._renew_first()
            if version in _OLDER_VERSIONS:
                self._execute("ALTER TABLE days ADD COLUMN tables_digest TEXT NOT NULL DEFAULT ''")
            for statement in _SCHEMA.split(";"):
                self._execute(statement)
            self._execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    def _renew_first(self) -> None:
        """Upgrade a catalogue of version 1 to version 2 without loss.

        Its settings and forms become files; files that exist already win.
        """
        for pk, sk, item in self._execute("SELECT pk, sk, item FROM config"):
            self._settings.put_new(pk, sk, msgspec.json.decode(item))
        self._execute("DROP TABLE config")
        self._execute("ALTER TABLE sources ADD COLUMN writing INTEGER NOT NULL DEFAULT 0")

    def _publish_day(self, tenant_id: str, change: DayChange) -> None:
        """Replace all rows of a day, if its published generation is still the expected one."""
        day = change.day
        key = (tenant_id, day.call_date.isoformat())
        published = self._published_generation(key)
        if published != change.previous_generation:
            raise PublishConflictError(
                f"tenant {tenant_id}, {day.call_date}: expected generation "
                f"{change.previous_generation}, found {published}; run again"
            )
        for table in ("days", "parts", "sources"):
            self._execute(f"DELETE FROM {table} WHERE tenant_id = ? AND call_date = ?", key)
        published_at = _moment(day.published_at)
        days_row = (*key, day.generation, day.listing_digest, day.etl_run_id, published_at)
        self._insert("days", [(*days_row, day.tables_digest)])
        self._insert("parts", [(*key, *row) for row in _part_rows(change)])
        self._insert("sources", [(*key, *_source_row(source)) for source in change.sources])
        if published not in (None, day.generation):
            self._execute(
                "UPDATE generations SET retired_at = ? "
                "WHERE tenant_id = ? AND call_date = ? AND generation = ?",
                (published_at, *key, published),
            )

    def _published_generation(self, key: tuple[str, str]) -> str | None:
        rows = self._execute(
            "SELECT generation FROM days WHERE tenant_id = ? AND call_date = ?", key
        )
        return rows[0][0] if rows else None

    def _insert(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Insert whole rows, whose values are in the order of the table's columns."""
        if not rows:
            return
        marks = ", ".join("?" * len(rows[0]))
        try:
            self._db.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        except sqlite3.Error as problem:
            raise catalogue_error(self._file, problem) from problem

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        # IMMEDIATE takes the write lock now. A deferred transaction would take it at the first
        # write, and could fail there although it has read already.
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            with contextlib.suppress(CciLiteError):
                self._execute("ROLLBACK")
            raise

    def _read(
        self, sql: str, values: Sequence[object], parse: Callable[[tuple[Any, ...]], T]
    ) -> list[T]:
        """The parsed rows of a query; a row that cannot be parsed means a damaged catalogue."""
        rows = self._execute(sql, values)
        try:
            return [parse(row) for row in rows]
        except (TypeError, ValueError) as problem:
            raise _damaged(self._file, "a row that no run has written") from problem

    def _execute(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement; whatever SQLite complains about is an error of the lake."""
        try:
            # All rows at once, because a damaged file can fail at any row.
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as problem:
            raise catalogue_error(self._file, problem) from problem


def catalogue_error(file: Path, problem: sqlite3.Error) -> CciLiteError:
    """SQLite's error as one of ours that says what to do."""
    # Without a code it was raised by Python's module, for text that is not UTF-8.
    code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return NoRoomError(f"{file}: {problem}: make room and do it again")
    if code in _BUSY:
        cure = "another program is using it; wait for that to end and run again"
    elif code in _REFUSED:
        cure = "give this program the right to read and write it, and the folder that it is in"
    elif code == sqlite3.SQLITE_IOERR:
        cure = "look after the disk that it is on, then run again"
    elif code in (sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT):
        cure = "run again"
    else:
        return _damaged(file, str(problem))
    return LakeError(f"{file} cannot be used: {problem}; {cure}")


def _damaged(file: Path, what: str) -> LakeError:
    return LakeError(
        f"{file} cannot be used as a lake's catalogue: {what}; move it away and "
        "bring it back with cci-lite etl repair, or from a backup with cci-lite restore"
    )


def catalogue_problem(file: Path) -> str | None:
    """Why a file cannot be used as a catalogue; None when it can."""
    try:
        with contextlib.closing(sqlite3.connect(file)) as database:
            [version] = database.execute("PRAGMA user_version").fetchone()
            [sound] = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as problem:
        return str(problem)
    if version not in (*_OLDER_VERSIONS, _SCHEMA_VERSION):
        return f"its catalogue is of version {version}, expected {_SCHEMA_VERSION}"
    return None if sound == "ok" else str(sound)


def _moment(moment: dt.datetime) -> str:
    """A time as text that sorts as the time does."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")


def _published_day(row: Sequence[Any]) -> PublishedDay:
    day, generation, listing_digest, etl_run_id, published_at, tables_digest = row
    moment = dt.datetime.fromisoformat(published_at)
    return PublishedDay(
        dt.date.fromisoformat(day), generation, listing_digest, etl_run_id, moment, tables_digest
    )


def _generation(row: Sequence[Any]) -> tuple[dt.date, str]:
    return dt.date.fromisoformat(row[0]), row[1]


def _part_rows(change: DayChange) -> Iterator[tuple[str, str, int, int]]:
    for table, parts in change.parts.items():
        yield from ((table, part.key, part.rows, part.bytes) for part in parts)


def _source_row(source: SourceRecord) -> tuple[object, ...]:
    """The columns of _SOURCE, which `_source` reads back."""
    return (
        source.key,
        source.etag,
        _moment(source.modified_at),
        source.outcome.value,
        source.call_id,
        source.revision,
        source.writing,
    )


def _source(row: Sequence[Any]) -> SourceRecord:
    key, etag, modified_at, outcome, call_id, revision, writing = row
    moment = dt.datetime.fromisoformat(modified_at)
    return SourceRecord(key, etag, moment, SourceOutcome(outcome), call_id, revision, writing)
