"""The laptop: a folder, SQLite and DuckDB wired to the use cases. What `cci_lite.open` gives."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from cci_lite.assets import asset_folder
from cci_lite.contract.template import QaTemplate
from cci_lite.deploy.tenants import broken_tenants, get_tenant, list_forms, list_tenants
from cci_lite.errors import CciLiteError, NotFoundError, UsageError, show_value
from cci_lite.local.catalog import CATALOG_FILE, SqliteCatalog
from cci_lite.local.folder import FolderStore
from cci_lite.tenancy import unified_prefix

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from cci_lite.local.duckdb_engine import TenantEngine
    from cci_lite.nightly.lake import Lake as NightlyLake
    from cci_lite.nightly.planning import RunOptions
    from cci_lite.nightly.reports import Progress, RunReport
    from cci_lite.views import Schema, View

INLINE_DOCUMENTS = 400
SCRATCH_LIFE = dt.timedelta(days=1)


@dataclass(frozen=True)
class Lake:
    """A lake in a folder. Every reading names its tenant and sees that tenant's data only."""

    path: Path
    store: FolderStore
    catalog: SqliteCatalog

    def close(self) -> None:
        """Let go of the catalogue's file; a lake can also be used in a `with` statement."""
        self.catalog.close()

    def __enter__(self) -> Lake:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @overload
    def sql(self, sql: str, *, tenant_id: str, as_: Literal["pandas"] = ...) -> pd.DataFrame: ...

    @overload
    def sql(self, sql: str, *, tenant_id: str, as_: Literal["arrow"]) -> pa.Table: ...

    def sql(
        self, sql: str, *, tenant_id: str, as_: Literal["pandas", "arrow"] = "pandas"
    ) -> pd.DataFrame | pa.Table:
        """The rows of one Athena SELECT over a tenant's tables and views.

        Raises SqlError (with line and column), NotFoundError for an unknown tenant and UsageError.
        """
        if as_ not in ("pandas", "arrow"):
            raise UsageError(f"as_: expected 'pandas' or 'arrow', found {show_value(as_)}")
        # Only these names lead to the raw documents, of which there may be very many to list.
        raw = "unified" in sql.lower() or "raw_" in sql.lower()
        with self.reader(tenant_id, raw=raw) as query:
            table = query(sql)
        return table if as_ == "arrow" else table.to_pandas()

    @contextlib.contextmanager
    def reader(self, tenant_id: str, *, raw: bool = False) -> Iterator[Callable[[str], pa.Table]]:
        """Runs Athena SELECTs over one state of a tenant's data, whatever is published meanwhile.

        `raw` makes the raw documents readable too, as the table `unified`.
        """
        from cci_lite.local.duckdb_engine import TenantSnapshot, open_engine

        get_tenant(self.catalog, tenant_id)
        parts = self.catalog.parts(tenant_id)
        tables = {
            name: tuple(self.store.path(part.key) for part in files)
            for name, files in parts.items()
        }
        listed = self.store.listing(unified_prefix(tenant_id)) if raw else ()
        documents = tuple(self.store.path(found.key) for found in listed)
        snapshot = TenantSnapshot(tenant_id, tables, documents)
        with open_engine(snapshot, _translated_views()) as engine:
            yield functools.partial(_run_query, engine)

    def tenants(self, tenant_id: str | None = None) -> dict[str, list[QaTemplate]]:
        """The tenants (or one, which must exist) with their forms."""
        if tenant_id is not None:
            chosen = [get_tenant(self.catalog, tenant_id).tenant_id]
        else:
            # Forms are what the lake needs of a tenant: settings that cannot be read stop nothing.
            readable = [tenant.tenant_id for tenant in list_tenants(self.catalog)]
            chosen = sorted([*readable, *broken_tenants(self.catalog)])
        if not chosen:
            raise NotFoundError(f"{self.path} has no tenant; add one with: cci-lite tenants add")
        return {each: list_forms(self.catalog, each) for each in chosen}

    def nightly(self) -> NightlyLake:
        """The lake as the nightly use cases see it."""
        from cci_lite.nightly.lake import Lake as NightlyLake

        return NightlyLake(self.store, self.catalog, utc_now)

    def run_etl(
        self,
        tenant_id: str | None = None,
        *,
        options: RunOptions | None = None,
        workers: int | None = None,
        observe: Callable[[Progress], None] | None = None,
    ) -> RunReport:
        """Bring the curated tables of a tenant (or all) up to date.

        `workers` processes flatten documents; by default as many as there are processors, or none
        when there is too little to read for a process to pay.
        """
        from cci_lite import __version__
        from cci_lite.local.processes import Inline, Processes
        from cci_lite.nightly.planning import RunOptions, things_of_no_tenant, unknown_tenants
        from cci_lite.nightly.run import new_run_id, run_etl

        options = options or RunOptions()
        self.store.sweep(before=utc_now() - SCRATCH_LIFE)
        tenants = self.tenants(tenant_id)
        if workers is None and self._waiting(tenants, options) < INLINE_DOCUMENTS:
            workers = 1
        with Inline() if workers == 1 else Processes(workers) as pool:
            report = run_etl(
                self.nightly(),
                tenants,
                new_run_id(utc_now(), secrets.token_hex(3)),
                pool=pool,
                options=options,
                pipeline_version=__version__,
                observe=observe or (lambda _: None),
            )
        with contextlib.suppress(CciLiteError):  # of each tenant the report has it already
            report.unknown_tenants = unknown_tenants(self.store, set(self.tenants()))
            report.of_no_tenant = things_of_no_tenant(self.store)
        return report

    def _waiting(self, tenants: Mapping[str, object], options: RunOptions) -> int:
        """How many documents a run would read, counted no further than it matters."""
        from cci_lite.nightly.planning import plan_tenant

        waiting = 0
        for tenant_id in tenants:
            # A tenant that cannot be planned is for the run to tell of.
            with contextlib.suppress(CciLiteError, OSError):
                for plan in plan_tenant(self.nightly(), tenant_id, options):
                    waiting += len(plan.to_read)
                    if waiting >= INLINE_DOCUMENTS:
                        return waiting
        return waiting


def open_lake(path: Path) -> Lake:
    """The lake in this folder; raises NotFoundError when there is none."""
    if not (path / CATALOG_FILE).is_file():
        raise NotFoundError(
            f"no lake at {path}; make one with: cci-lite tenants add ID --lake {path}"
        )
    return Lake(path, FolderStore(path), SqliteCatalog(path))


def create_lake(path: Path) -> Lake:
    """The lake in this folder, made when there is none; raises UsageError where none can be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"no lake can be made at {path}: {problem.strerror}") from problem
    return Lake(path, FolderStore(path), SqliteCatalog(path))


def utc_now() -> dt.datetime:
    """The time."""
    return dt.datetime.now(dt.UTC)


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


def _run_query(engine: TenantEngine, sql: str) -> pa.Table:
    from cci_lite.views import to_duckdb

    return engine.query(to_duckdb(sql, _schema()))
