"""What people do with a lake, wherever it lies: its tenants, the nightly run, its repair."""

from __future__ import annotations

import contextlib
import datetime as dt
import resource
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cci_lite.contract.form import Form
from cci_lite.deploy.tenants import broken_tenants, get_tenant, list_forms, list_tenants
from cci_lite.errors import CciLiteError, LeaseHeldError, NotFoundError
from cci_lite.ports import Catalog, ConfigStore, Store
from cci_lite.version import __version__

if TYPE_CHECKING:
    from cci_lite.local.processes import Inline, Processes
    from cci_lite.local.spark import SparkPool
    from cci_lite.nightly.lake import NightlyLake
    from cci_lite.nightly.planning import RunOptions
    from cci_lite.nightly.rebuild import RebuildReport
    from cci_lite.nightly.repair import RepairReport
    from cci_lite.nightly.run_report import Progress, RunReport

# Up to this much, starting worker processes takes longer than the work: about 500 documents.
LIGHT_WORK_BYTES = 12 * 1024 * 1024

# What flattens documents: processes of this machine, or tasks of Spark.
Engine = Literal["processes", "spark"]


@dataclass(frozen=True)
class Operations:
    """A lake as those see it who run it.

    `place` is where it lies, as people write it; `settings` holds its tenants and forms.
    """

    place: str
    store: Store
    catalog: Catalog
    settings: ConfigStore

    def tenants(self, tenant_id: str | None = None) -> dict[str, list[Form]]:
        """The tenants (or one, which must exist) with their forms."""
        if tenant_id is not None:
            chosen = [get_tenant(self.settings, tenant_id).tenant_id]
        else:
            # Published data can be verified and listed without a tenant's settings.
            readable = [tenant.tenant_id for tenant in list_tenants(self.settings)]
            chosen = sorted([*readable, *broken_tenants(self.settings)])
        if not chosen:
            raise NotFoundError(f"{self.place} has no tenant; add one with: cci-lite tenants add")
        return {each: list_forms(self.settings, each) for each in chosen}

    def usable_tenants(
        self, tenant_id: str | None = None
    ) -> tuple[dict[str, list[Form]], dict[str, str]]:
        """The tenants whose settings can be read, with their forms; and why the others cannot.

        Settings say when a day begins and who the agent is: nothing is published without them.
        """
        from cci_lite.nightly.lake import each_tenant

        tenants = self.tenants(tenant_id)
        usable, broken = each_tenant(tenants, lambda each: get_tenant(self.settings, each))
        return {each: tenants[each] for each in usable}, broken

    def nightly(self) -> NightlyLake:
        """The lake as the nightly use cases see it."""
        from cci_lite.nightly.lake import NightlyLake

        return NightlyLake(self.store, self.catalog, utc_now)

    def run_etl(
        self,
        tenant_id: str | None = None,
        *,
        options: RunOptions | None = None,
        engine: Engine = "processes",
        workers: int | None = None,
        observe: Callable[[Progress], None] | None = None,
    ) -> RunReport:
        """Bring the curated tables of a tenant (or all) up to date; tenants fail independently.

        Up to `workers` processes flatten documents, by default as many as there are processors;
        they start when there is so much to read that it pays. The engine `spark` starts with the
        first document to read; on a cluster it is as wide as that is. Raises UsageError when it
        cannot be started.
        """
        from cci_lite.nightly.planning import RunOptions, things_of_no_tenant
        from cci_lite.nightly.run import new_run_id, run_etl

        options = options or RunOptions()
        self._sweep()
        tenants, broken = self.usable_tenants(tenant_id)
        cpu = _cpu_of_other_processes()
        with _pool(engine, workers) as pool:
            report = run_etl(
                self.nightly(),
                tenants,
                new_run_id(utc_now(), secrets.token_hex(3)),
                pool=pool,
                options=options,
                pipeline_version=__version__,
                observe=observe or (lambda _: None),
            )
        cpu = _cpu_of_other_processes() - cpu - report.profile.elsewhere.cpu_seconds
        report.profile.spent("workers").add(pool.start_seconds, cpu)
        report.failed |= broken
        with contextlib.suppress(CciLiteError):  # the report of each tenant says it already
            report.of_no_tenant = things_of_no_tenant(self.store)
        return report

    def _sweep(self) -> None:
        """Remove what killed writers left in the store itself: in a bucket, nothing."""

    def rebuild(
        self,
        tenant_id: str,
        *,
        since: dt.date | None = None,
        until: dt.date | None = None,
        allow_loss: bool = False,
        workers: int | None = None,
        observe: Callable[[Progress], None] | None = None,
    ) -> RebuildReport:
        """Put back the data of the days whose files are not as they were published.

        From documents, and for those that have expired from any generation that still has their
        rows. Without `allow_loss` a day that would lose a row stays as it is. The catalogue is
        repaired first: it says what is to be put back.
        """
        from cci_lite.nightly.rebuild import KEEP_ALL, RebuildReport, plan_rebuild

        get_tenant(self.settings, tenant_id)
        repair = self.repair(tenant_id, grace=KEEP_ALL)
        if repair.busy or repair.failed:
            return RebuildReport(repair, None)
        options = plan_rebuild(
            self.nightly(), tenant_id, since=since, until=until, allow_loss=allow_loss
        )
        run = None
        if options is not None:
            run = self.run_etl(tenant_id, options=options, workers=workers, observe=observe)
        return RebuildReport(repair, run)

    def repair(
        self, tenant_id: str | None = None, *, grace: dt.timedelta | None = None
    ) -> RepairReport:
        """Bring catalogue, engines and manifests in line with the files; of a tenant, or of all.

        Files of no generation are removed once they are older than `grace`: a day by default.
        """
        from cci_lite.nightly.planning import DEFAULT_GRACE
        from cci_lite.nightly.problems import describe_problem
        from cci_lite.nightly.repair import RepairReport, repair_tenant

        report = RepairReport()
        usable = {tenant.tenant_id for tenant in list_tenants(self.settings)}
        present = sorted(usable | broken_tenants(self.settings).keys())
        for each in [tenant_id] if tenant_id else present:
            if each not in usable:
                report.without_settings.append(each)
            try:
                with self.catalog.lease(each, "repair"):
                    report.tenants[each] = repair_tenant(
                        self.nightly(), each, DEFAULT_GRACE if grace is None else grace
                    )
            except LeaseHeldError:
                report.busy.append(each)
            except Exception as problem:  # one tenant must not stop the others
                report.failed[each] = describe_problem(problem)
        return report


def _pool(engine: Engine, workers: int | None) -> Inline | Processes | SparkPool:
    from cci_lite.local.processes import Inline, Processes

    if engine == "spark":
        from cci_lite.local.spark import SparkPool

        return SparkPool(workers)
    if workers == 1:
        return Inline()
    return Processes(workers, weigh=lambda _, item: item.weight, in_place=LIGHT_WORK_BYTES)


def _cpu_of_other_processes() -> float:
    """The CPU seconds of processes that this one started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def utc_now() -> dt.datetime:
    """The current time in UTC."""
    return dt.datetime.now(dt.UTC)
