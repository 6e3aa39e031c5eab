"""Wires a folder, SQLite and DuckDB to the use cases: the lake that `cci_lite.open` returns."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from cci_lite.assets import asset_folder
from cci_lite.contract.form import Form
from cci_lite.deploy.tenants import (
    get_form,
    get_tenant,
    list_forms,
)
from cci_lite.errors import (
    ContractError,
    LakeError,
    NotFoundError,
    UsageError,
    show_value,
)
from cci_lite.local.catalog import CATALOG_FILE, SqliteCatalog
from cci_lite.local.folder import FolderStore
from cci_lite.operations import Operations, utc_now
from cci_lite.tenancy import CONFIG, CURATED, QUARANTINE, UNIFIED, parse_unified_key, unified_prefix
from cci_lite.version import __version__

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from cci_lite.contract.form import FormDraft
    from cci_lite.contract.tenant import Tenant
    from cci_lite.local.duckdb_engine import QueryAnswer, TenantEngine
    from cci_lite.local.tenant_files import TenantSnapshot
    from cci_lite.local.transcripts import MetadataReport, TranscriptFiles
    from cci_lite.pipeline.delivery import DeliveryReport
    from cci_lite.pipeline.documents import InputReport
    from cci_lite.pipeline.form_trial import FormTrial
    from cci_lite.ports import InputFile, UnreadableFile
    from cci_lite.views import Schema, View

SCRATCH_LIFE = dt.timedelta(days=1)


@dataclass
class _KeptEngine:
    """An engine, what closes it, and the state of the catalogue that it shows."""

    engine: TenantEngine
    closing: contextlib.ExitStack
    state: tuple[int, int]


def _close_engines(kept: dict[tuple[str, str | None], _KeptEngine]) -> None:
    while kept:
        kept.popitem()[1].closing.close()


@dataclass(frozen=True)
class Lake(Operations):
    """A lake in a folder. Every read names its tenant and sees that tenant's data only."""

    path: Path
    store: FolderStore
    catalog: SqliteCatalog
    # By tenant and memory limit: opening an engine takes longer than most queries.
    _kept: dict[tuple[str, str | None], _KeptEngine] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        # Engines of a lake that nobody closed are closed with it, as its catalogue is.
        weakref.finalize(self, _close_engines, self._kept)

    def close(self) -> None:
        """Close engines and the catalogue's file; a lake can also be used in a `with` statement."""
        _close_engines(self._kept)
        self.catalog.close()

    def __enter__(self) -> Lake:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @overload
    def sql(
        self,
        sql: str,
        *,
        tenant_id: str,
        as_: Literal["pandas"] = ...,
        timeout: float | None = ...,
        memory_limit: str | None = ...,
    ) -> pd.DataFrame: ...

    @overload
    def sql(
        self,
        sql: str,
        *,
        tenant_id: str,
        as_: Literal["arrow"],
        timeout: float | None = ...,
        memory_limit: str | None = ...,
    ) -> pa.Table: ...

    def sql(
        self,
        sql: str,
        *,
        tenant_id: str,
        as_: Literal["pandas", "arrow"] = "pandas",
        timeout: float | None = None,
        memory_limit: str | None = None,
    ) -> pd.DataFrame | pa.Table:
        """The rows of one Athena SELECT over a tenant's tables and views.

        `timeout` is in seconds (no limit by default); `memory_limit` (`2GB`; 1 GB by default)
        includes the result. Raises SqlError (with line and column), also when a limit is exceeded;
        LakeError when a day that the query needs is damaged; NotFoundError for an unknown tenant;
        UsageError.
        """
        if as_ not in ("pandas", "arrow"):
            raise UsageError(f"as_: expected 'pandas' or 'arrow', found {show_value(as_)}")
        _check_timeout(timeout)
        with self._engine(tenant_id, _asks_raw(sql), memory_limit) as engine:
            table = engine.query(_for_engine(sql), timeout=timeout)
        return table if as_ == "arrow" else table.to_pandas()

    @contextlib.contextmanager
    def stream(
        self,
        sql: str,
        *,
        tenant_id: str,
        timeout: float | None = None,
        memory_limit: str | None = None,
    ) -> Iterator[QueryAnswer]:
        """The same, batch by batch as rows are found: for results larger than the memory."""
        _check_timeout(timeout)
        with (
            self._engine(tenant_id, _asks_raw(sql), memory_limit) as engine,
            engine.stream(_for_engine(sql), timeout=timeout) as answer,
        ):
            yield answer

    @contextlib.contextmanager
    def reader(
        self, tenant_id: str, *, raw: bool | dt.date = False
    ) -> Iterator[Callable[[str], pa.Table]]:
        """Runs Athena SELECTs over one snapshot of a tenant's data, whatever is published later.

        `raw` makes the raw documents readable too, as the table `unified`: all, or one day's.
        """
        with self._engine(tenant_id, raw, None) as engine:
            yield lambda sql: engine.query(_for_engine(sql))

    @contextlib.contextmanager
    def _engine(
        self, tenant_id: str, raw: bool | dt.date, memory_limit: str | None
    ) -> Iterator[TenantEngine]:
        """An engine over what is published now; later publications do not change what it reads.

        It is kept for the next query, but for one of raw documents: nobody says when they change.
        """
        get_tenant(self.catalog, tenant_id)
        if raw:
            with self._opened(self._snapshot(tenant_id, raw), memory_limit) as opened:
                yield opened
            return
        # Taken away while it is in use: a query that runs meanwhile opens another one.
        kept = self._kept.pop((tenant_id, memory_limit), None)
        # Asked for before the files are: what is published in between is found the next time.
        state = self.catalog.state()
        if kept is None:
            closing = contextlib.ExitStack()
            engine = closing.enter_context(
                self._opened(self._snapshot(tenant_id, raw), memory_limit)
            )
            kept = _KeptEngine(engine, closing, state)
        try:
            if kept.state != state:
                kept.engine.show(self._snapshot(tenant_id, raw))
                kept.state = state
            yield kept.engine
        except BaseException:
            kept.closing.close()
            raise
        if other := self._kept.pop((tenant_id, memory_limit), None):
            other.closing.close()
        self._kept[tenant_id, memory_limit] = kept

    def _opened(
        self, snapshot: TenantSnapshot, memory_limit: str | None
    ) -> contextlib.AbstractContextManager[TenantEngine]:
        from cci_lite.local.duckdb_engine import MEMORY_LIMIT, open_engine

        return open_engine(
            snapshot,
            _translated_views(),
            tables_folder=self.store.path(f"{CURATED}/{snapshot.tenant_id}"),
            memory_limit=MEMORY_LIMIT if memory_limit is None else memory_limit,
        )

    def _snapshot(self, tenant_id: str, raw: bool | dt.date) -> TenantSnapshot:
        """The files that are published now; read from the catalogue at once, so of one state."""
        from cci_lite.local.tenant_files import SnapshotFile, TenantSnapshot

        tables: dict[str, list[SnapshotFile]] = {}
        for call_date, parts in self.catalog.parts_by_day(tenant_id).items():
            for name, files in parts.items():
                tables.setdefault(name, []).extend(
                    SnapshotFile(self.store.path(part.key), call_date, part.bytes) for part in files
                )
        documents = [
            SnapshotFile(self.store.path(key), call_date)
            for key, call_date in (self._documents(tenant_id) if raw else ())
            if raw in (True, call_date)
        ]
        return TenantSnapshot(tenant_id, tables, documents)

    def _documents(self, tenant_id: str) -> Iterator[tuple[str, dt.date]]:
        """The raw documents with their days; files in other places are strays and not read."""
        for found in self.store.listing(unified_prefix(tenant_id)):
            with contextlib.suppress(ContractError):
                document = parse_unified_key(found.key)
                # Athena ignores files whose names begin with an underscore.
                if not document.call_id.startswith("_"):
                    yield found.key, document.call_date

    def analyze(
        self,
        tenant_id: str,
        form_name: str,
        paths: Iterable[Path],
        *,
        form_version: int | None = None,
        metadata: Path | None = None,
        overwrite: bool = False,
        observe: Callable[[], None] = lambda: None,
    ) -> tuple[DeliveryReport, MetadataReport]:
        """Judge the transcripts in files and folders by a stored form, by default its latest one.

        `metadata` is a file of rows about the calls. `observe` is called after each transcript.
        Raises NotFoundError and UsageError for what the caller gave, and TenantError.
        """
        from cci_lite.pipeline.documents import analyze_transcripts

        tenant = get_tenant(self.catalog, tenant_id)
        form = get_form(self.catalog, tenant_id, form_name, form_version)
        given = self._transcripts(tenant, paths, metadata)
        reports = analyze_transcripts(
            self.store, tenant, form, given, pipeline_version=__version__, overwrite=overwrite
        )
        return _added_up(reports, observe), given.metadata

    def ingest(
        self,
        tenant_id: str,
        documents: Iterable[InputFile | UnreadableFile],
        *,
        observe: Callable[[], None] = lambda: None,
    ) -> DeliveryReport:
        """Take in documents made elsewhere. Raises NotFoundError, UsageError and TenantError."""
        from cci_lite.pipeline.documents import ingest_documents

        tenant = get_tenant(self.catalog, tenant_id)
        reports = ingest_documents(self.store, tenant, self._forms(tenant_id), documents)
        return _added_up(reports, observe)

    def try_form(self, tenant_id: str, draft: FormDraft, paths: Sequence[Path] = ()) -> FormTrial:
        """What a form that is not stored would change on a tenant's calls.

        `paths` hold the calls' transcripts. Raises NotFoundError, UsageError and TenantError.
        """
        from cci_lite.pipeline.form_trial import try_form

        tenant = get_tenant(self.catalog, tenant_id)
        given = self._transcripts(tenant, paths) if paths else ()
        return try_form(self.store, tenant, self._forms(tenant_id), draft, given)

    def _transcripts(
        self, tenant: Tenant, paths: Iterable[Path], metadata: Path | None = None
    ) -> TranscriptFiles:
        from cci_lite.local.transcripts import TranscriptFiles

        return TranscriptFiles(
            tenant.tenant_id, tenant.zone, paths, now=utc_now(), metadata=metadata
        )

    def _forms(self, tenant_id: str) -> dict[tuple[str, int], Form]:
        return {(form.name, form.version): form for form in list_forms(self.catalog, tenant_id)}

    def _sweep(self) -> None:
        """Remove scratch files of a day ago: they belong to no writer at work."""
        self.store.sweep(before=utc_now() - SCRATCH_LIFE)


def _added_up(reports: Iterable[InputReport], observe: Callable[[], None]) -> DeliveryReport:
    from cci_lite.pipeline.delivery import DeliveryReport

    delivery = DeliveryReport()
    for report in reports:
        delivery.add(report)
        observe()
    return delivery


def open_lake(path: Path) -> Lake:
    """The lake in this folder; raises NotFoundError when there is none.

    Raises LakeError when there is data and no catalogue: an empty one would hide the data.
    """
    if not _has_catalogue(path):
        _refuse_lost_catalogue(path)
        raise NotFoundError(
            f"no lake at {path}; make one with: cci-lite tenants add ID --lake {path}"
        )
    return _lake_at(path)


def create_lake(path: Path) -> Lake:
    """The lake in this folder, made when there is none; raises UsageError where none can be.

    Raises LakeError when there is data and no catalogue.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"no lake can be made at {path}: {problem.strerror}") from problem
    if not _has_catalogue(path):
        _refuse_lost_catalogue(path)
    return _lake_at(path)


def open_to_repair(path: Path) -> Lake:
    """The lake in this folder, with an empty catalogue when it has lost its own.

    Raises NotFoundError when there is nothing of a lake.
    """
    if not (_has_catalogue(path) or _holds_data(path)):
        raise NotFoundError(f"no lake at {path}: there is nothing to repair")
    return _lake_at(path)


def _lake_at(path: Path) -> Lake:
    catalog = SqliteCatalog(path)
    return Lake(str(path), FolderStore(path), catalog, catalog, path)


def _has_catalogue(path: Path) -> bool:
    """Whether there is a catalogue; a file without content is none, whatever SQLite makes of it."""
    file = path / CATALOG_FILE
    return file.is_file() and file.stat().st_size > 0


def _holds_data(path: Path) -> bool:
    return any(_is_something(path / name) for name in (CONFIG, UNIFIED, CURATED, QUARANTINE))


def _is_something(folder: Path) -> bool:
    try:
        return folder.is_dir() and any(folder.iterdir())
    except PermissionError:
        return True  # it may hold data


def _refuse_lost_catalogue(path: Path) -> None:
    if _holds_data(path):
        raise LakeError(
            f"the lake at {path} has data and no catalogue ({CATALOG_FILE}): bring it back with: "
            f"cci-lite etl repair --lake {path} (or, from a backup, cci-lite restore)"
        )


@functools.cache
def shipped_views() -> tuple[View, ...]:
    """The views of this installation."""
    from cci_lite.views import read_views

    return read_views(asset_folder("sql") / "views")


@functools.cache
def _translated_views() -> Mapping[str, str]:
    from cci_lite.views import duckdb_views

    return duckdb_views(shipped_views())


@functools.cache
def _schema() -> Schema:
    from cci_lite.views import view_schema

    return view_schema(shipped_views())


def _for_engine(sql: str) -> str:
    from cci_lite.views import to_duckdb

    return to_duckdb(sql, _schema())


def _asks_raw(sql: str) -> bool:
    """Whether a query may read raw documents, which are expensive to list."""
    return "unified" in sql.lower() or "raw_" in sql.lower()


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and not timeout > 0:
        raise UsageError("timeout: expected a number of seconds above 0")
