"""The nightly run: plan, flatten, check, publish, clean up.

A run changes what readers see in one place only, `Catalog.publish`, which switches a day's tables
to complete and checked files. Whatever happens before leaves readers with the old files, whatever
happens after with the new ones; the next run removes what is left over.
"""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

import pyarrow as pa

from cci_lite.contract.arrow import arrow_schema
from cci_lite.contract.columns import TABLES
from cci_lite.contract.template import QaTemplate
from cci_lite.errors import BalanceError, CciLiteError, LakeError, LeaseHeldError
from cci_lite.flatten.plan import DayPlan, ListingDigest, plan_day, split
from cci_lite.nightly.work import ItemResult, WorkItem, flatten_item, read_part, write_part
from cci_lite.ports import (
    Catalog,
    DayChange,
    PartFile,
    PublishedDay,
    SourceOutcome,
    SourceRecord,
    Store,
    StoredObject,
    WorkerPool,
)
from cci_lite.tenancy import (
    UNIFIED,
    generation_prefix,
    parse_unified_key,
    part_key,
    quarantine_key,
    unified_day_prefix,
    unified_prefix,
)

SMALL_PART_CALLS = 1_000
SHRINK_GUARD_CALLS = 5
SHRINK_GUARD_SHARE = 0.1
DEFAULT_GRACE = dt.timedelta(hours=24)

_PART_NUMBER = re.compile(r"part-(\d+)\.parquet$")


class DayStatus(StrEnum):
    """How a day of a run ended."""

    PUBLISHED = "published"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Balance:
    """The balance sheet of one tenant's day: every document has exactly one outcome."""

    sources: int
    calls: int
    superseded: int
    quarantined: int
    erased: int

    @classmethod
    def of(cls, records: Collection[SourceRecord]) -> Balance:
        """Count the outcomes of a day's documents."""
        counts = collections.Counter(record.outcome for record in records)
        return cls(
            len(records),
            counts[SourceOutcome.CALL],
            counts[SourceOutcome.SUPERSEDED],
            counts[SourceOutcome.QUARANTINED],
            counts[SourceOutcome.ERASED],
        )


@dataclass(frozen=True)
class DayReport:
    """What a run did to one tenant's day."""

    tenant_id: str
    call_date: dt.date
    status: DayStatus
    documents_read: int = 0
    balance: Balance | None = None
    reason: str = ""


@dataclass(frozen=True)
class Progress:
    """One step of a run, for whoever watches.

    The steps are `cleaned`, then for each day `planned`, `staged`, `written`, `checked`,
    `switched`.
    """

    step: str
    tenant_id: str
    call_date: dt.date | None = None
    documents: int = 0


@dataclass
class RunReport:
    """What a run did. `busy` are tenants that another run was working on."""

    etl_run_id: str
    started_at: dt.datetime
    days: list[DayReport] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    unknown_tenants: list[str] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """Whether everything that there was to do was done."""
        return not self.busy and all(day.status == DayStatus.PUBLISHED for day in self.days)


class Clock(Protocol):
    """What time it is."""

    def __call__(self) -> dt.datetime:
        """Now, in UTC."""


@dataclass(frozen=True)
class Lake:
    """What a run works with."""

    store: Store
    catalog: Catalog
    clock: Clock


@dataclass(frozen=True)
class RunOptions:
    """How a run behaves.

    `since` leaves earlier days alone. `again` are documents to read even when they are unchanged,
    `removed` documents whose rows go. `allow_shrink` publishes a day that lost calls.
    """

    since: dt.date | None = None
    grace: dt.timedelta = DEFAULT_GRACE
    allow_shrink: bool = False
    again: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


_DEFAULTS = RunOptions()


def _ignore(_: Progress) -> None:
    """Nobody watches."""


def new_run_id(now: dt.datetime, token: str) -> str:
    """The id of a run: sorts by time; `token` keeps two of the same second apart."""
    return f"{now:%Y%m%dT%H%M%SZ}-{token}"


def plan_tenant(lake: Lake, tenant_id: str, options: RunOptions = _DEFAULTS) -> Iterator[DayPlan]:
    """What there is to do for a tenant, day by day. Reads listings and the catalogue, no document.

    The first pass over the listing keeps one digest per day; only days whose digest differs from
    the published one are looked at document by document.
    """
    digests, strays = _digests_by_day(lake.store, tenant_id)
    published = lake.catalog.days(tenant_id)
    for call_date in sorted(digests.keys() | (published.keys() if options.removed else set())):
        if options.since is not None and call_date < options.since:
            continue
        day = published.get(call_date)
        digest = digests.get(call_date)
        forced = bool(options.again or options.removed)
        if day is not None and digest == day.listing_digest and not forced:
            continue
        plan = plan_day(
            tenant_id,
            call_date,
            _listing_of_day(lake.store, tenant_id, call_date, strays.get(call_date, [])),
            lake.catalog.sources(tenant_id, call_date),
            again=options.again,
            removed=options.removed,
        )
        if not plan.is_empty:
            yield plan


def run_etl(
    lake: Lake,
    tenants: Mapping[str, Sequence[QaTemplate]],
    etl_run_id: str,
    *,
    pool: WorkerPool,
    options: RunOptions = _DEFAULTS,
    pipeline_version: str = "",
    observe: Callable[[Progress], None] = _ignore,
) -> RunReport:
    """Bring the curated tables of these tenants up to date with their documents.

    `tenants` gives each tenant's forms. A day, a tenant or a document that cannot be processed
    never stops the others; the report says what happened. Tenants that another run works on are
    left to it.
    """
    report = RunReport(etl_run_id, lake.clock())
    with contextlib.ExitStack() as leases:
        held = []
        for tenant_id in tenants:
            try:
                leases.enter_context(lake.catalog.lease(tenant_id, f"run {etl_run_id}"))
                held.append(tenant_id)
            except LeaseHeldError:
                report.busy.append(tenant_id)
        for tenant_id in held:
            tenant_run = _TenantRun(
                lake,
                tenant_id,
                tuple(tenants[tenant_id]),
                report,
                pool,
                options,
                pipeline_version,
                observe,
            )
            tenant_run.run()
    return report


def unknown_tenants(store: Store, known: Collection[str]) -> list[str]:
    """Names below which there are documents although no known tenant is called so."""
    return [name for name in store.folders(f"{UNIFIED}/") if name not in known]


def clean_up(lake: Lake, tenant_id: str, grace: dt.timedelta) -> int:
    """Delete what a killed run left behind and what was replaced before the grace period.

    Must run under the tenant's lease. Returns the number of generations deleted.
    """
    leftover = lake.catalog.abandoned(tenant_id)
    leftover += lake.catalog.retired(tenant_id, lake.clock() - grace)
    for call_date, generation in leftover:
        _delete_generation(lake, tenant_id, call_date, generation)
    return len(leftover)


@dataclass(frozen=True)
class _StagedDay:
    """A day whose new files are written; nobody reads them yet."""

    plan: DayPlan
    generation: str
    previous: PublishedDay | None
    known: Mapping[str, SourceRecord]
    results: tuple[ItemResult, ...]

    @property
    def records(self) -> dict[str, SourceRecord]:
        """What becomes of every document of the day: as before, where it was not read again."""
        records = {
            key: record for key, record in self.known.items() if key not in self.plan.removed
        }
        for result in self.results:
            records.update((record.key, record) for record in result.records)
        return records

    @property
    def parts(self) -> dict[str, list[PartFile]]:
        """The files written, by table."""
        parts: dict[str, list[PartFile]] = {}
        for result in self.results:
            for table_name, part in result.parts.items():
                parts.setdefault(table_name, []).append(part)
        return parts


class _TenantRun:
    """One tenant's part of a run."""

    def __init__(
        self,
        lake: Lake,
        tenant_id: str,
        templates: tuple[QaTemplate, ...],
        report: RunReport,
        pool: WorkerPool,
        options: RunOptions,
        pipeline_version: str,
        observe: Callable[[Progress], None],
    ) -> None:
        self._lake = lake
        self._tenant_id = tenant_id
        self._templates = templates
        self._report = report
        self._pool = pool
        self._options = options
        self._pipeline_version = pipeline_version
        self._observe = observe
        self._generations = 0

    def run(self) -> None:
        """Clean up, then bring every day up to date."""
        clean_up(self._lake, self._tenant_id, self._options.grace)
        self._observe(Progress("cleaned", self._tenant_id))
        plans = plan_tenant(self._lake, self._tenant_id, self._options)
        for staged in self._stage_all(plans):
            self._report.days.append(self._finish(staged))

    def _stage_all(self, plans: Iterable[DayPlan]) -> Iterator[_StagedDay]:
        """Stage days one after the other while workers are already busy with the next ones."""
        begun: collections.deque[tuple[_StagedDay, int]] = collections.deque()

        def arguments() -> Iterator[tuple[Store, WorkItem]]:
            for plan in plans:
                day, items = self._begin(plan)
                begun.append((day, len(items)))
                for item in items:
                    yield self._lake.store, item

        results = self._pool.map(flatten_item, arguments())
        for first in results:
            day, count = begun.popleft()
            rest = [next(results) for _ in range(count - 1)]
            yield replace(day, results=(first, *rest))

    def _begin(self, plan: DayPlan) -> tuple[_StagedDay, list[WorkItem]]:
        catalog = self._lake.catalog
        self._observe(
            Progress("planned", self._tenant_id, plan.call_date, len(plan.new) + len(plan.changed))
        )
        self._generations += 1
        generation = f"{self._report.etl_run_id}-{self._generations:04d}"
        day = _StagedDay(
            plan,
            generation,
            catalog.days(self._tenant_id).get(plan.call_date),
            catalog.sources(self._tenant_id, plan.call_date),
            (),
        )
        catalog.stage(self._tenant_id, plan.call_date, generation)
        self._observe(Progress("staged", self._tenant_id, plan.call_date))
        old_parts = catalog.parts(self._tenant_id, plan.call_date)
        return day, self._items(day, old_parts)

    def _items(
        self, day: _StagedDay, old_parts: Mapping[str, Sequence[PartFile]]
    ) -> list[WorkItem]:
        """The day in pieces: large old parts each for themselves, small ones with new documents."""
        plan = day.plan
        large, small = _carried_parts(old_parts)
        pieces: list[tuple[tuple[StoredObject, ...], Mapping[str, tuple[str, ...]]]] = [
            ((), part) for part in large
        ]
        batches = list(split(plan.to_read)) or ([()] if small or not large else [])
        pieces += [(batch, small if index == 0 else {}) for index, batch in enumerate(batches)]
        drop = frozenset(source.key for source in plan.changed) | plan.removed
        return [
            WorkItem(
                self._tenant_id,
                plan.call_date,
                day.generation,
                number,
                sources,
                carry,
                drop,
                self._templates,
                self._report.etl_run_id,
                self._lake.clock(),
            )
            for number, (sources, carry) in enumerate(pieces)
        ]

    def _stage_again(self, plan: DayPlan) -> _StagedDay:
        return next(self._stage_all([plan]))

    def _finish(self, staged: _StagedDay) -> DayReport:
        """Check a staged day and publish it, together with days that lose a call to it."""
        days = [staged]
        try:
            if self._was_overtaken(staged):
                self._discard(staged)
                days = [staged := self._stage_again(staged.plan)]
            self._observe(Progress("written", self._tenant_id, staged.plan.call_date))
            days = self._settle(staged)
            changes = [self._change_of(day) for day in days]
            self._observe(Progress("checked", self._tenant_id, staged.plan.call_date))
            self._lake.catalog.publish(self._tenant_id, changes)
        except (CciLiteError, OSError, pa.ArrowException) as problem:
            for day in days:
                self._discard(day)
            status = DayStatus.REFUSED if isinstance(problem, BalanceError) else DayStatus.FAILED
            return DayReport(self._tenant_id, staged.plan.call_date, status, reason=str(problem))
        published = days[0]
        self._observe(
            Progress(
                "switched", self._tenant_id, staged.plan.call_date, len(published.plan.to_read)
            )
        )
        for day in days:
            self._delete_mended_copies(day)
        return DayReport(
            self._tenant_id,
            published.plan.call_date,
            DayStatus.PUBLISHED,
            len(published.plan.to_read),
            Balance.of(published.records.values()),
        )

    def _was_overtaken(self, staged: _StagedDay) -> bool:
        """Whether this very run changed the day after it was staged, because a call left it."""
        return (
            self._lake.catalog.days(self._tenant_id).get(staged.plan.call_date) != staged.previous
        )

    def _settle(self, staged: _StagedDay) -> list[_StagedDay]:
        """The day and the other days that must change with it, so that each call has one row.

        The same call can be published on another day, when its date was corrected: the later
        revision is the call, the other document is superseded.
        """
        _refuse_failures(staged)
        read = {
            record.call_id: record
            for result in staged.results
            for record in result.records
            if record.outcome is SourceOutcome.CALL and record.call_id is not None
        }
        call_date = staged.plan.call_date
        elsewhere = self._lake.catalog.calls_on_other_days(self._tenant_id, read, call_date)
        if not elsewhere:
            return [staged]
        beaten: set[str] = set()
        others = []
        for other_date, rivals in elsewhere.items():
            losing = []
            for rival in rivals:
                mine = read[str(rival.call_id)]
                if mine.rank > rival.rank:
                    losing.append(rival)
                else:
                    beaten.add(mine.key)
            if losing:
                others.append(self._without(other_date, losing))
        if beaten:
            staged = self._restaged_without(staged, beaten)
        return [staged, *others]

    def _restaged_without(self, staged: _StagedDay, beaten: Collection[str]) -> _StagedDay:
        """The day staged again without the rows of documents that another day's revision beats."""
        self._discard(staged)
        lost = [
            replace(record, outcome=SourceOutcome.SUPERSEDED)
            for result in staged.results
            for record in result.records
            if record.key in beaten
        ]
        plan = staged.plan
        again = self._stage_again(
            replace(
                plan,
                new=tuple(source for source in plan.new if source.key not in beaten),
                changed=tuple(source for source in plan.changed if source.key not in beaten),
                removed=plan.removed | (beaten & staged.known.keys()),
            )
        )
        _refuse_failures(again)
        return replace(again, plan=plan, results=(*again.results, ItemResult(records=tuple(lost))))

    def _without(self, call_date: dt.date, losing: Sequence[SourceRecord]) -> _StagedDay:
        """Another day staged without the rows of its superseded documents."""
        published = self._lake.catalog.days(self._tenant_id)[call_date]
        keys = frozenset(record.key for record in losing)
        plan = DayPlan(self._tenant_id, call_date, (), (), 0, 0, keys, published.listing_digest)
        day = self._stage_again(plan)
        _refuse_failures(day)
        superseded = tuple(replace(record, outcome=SourceOutcome.SUPERSEDED) for record in losing)
        return replace(day, results=(*day.results, ItemResult(records=superseded)))

    def _change_of(self, day: _StagedDay) -> DayChange:
        """The publication of a staged day; raises BalanceError when it must not be published."""
        records = day.records
        balance = Balance.of(records.values())
        parts = day.parts
        _check_balance(day, balance, parts)
        if not self._options.allow_shrink:
            _guard_against_shrinking(day, records)
        now = self._lake.clock()
        parts["etl_runs"] = [self._balance_sheet(day, balance, now)]
        published = PublishedDay(
            day.plan.call_date,
            day.generation,
            day.plan.listing_digest,
            self._report.etl_run_id,
            now,
        )
        return DayChange(
            published,
            day.previous.generation if day.previous else None,
            parts,
            list(records.values()),
        )

    def _balance_sheet(self, day: _StagedDay, balance: Balance, now: dt.datetime) -> PartFile:
        """Write the day's `etl_runs`: the earlier rows and this run's."""
        store = self._lake.store
        call_date = day.plan.call_date
        row = {
            "etl_run_id": self._report.etl_run_id,
            "generation": day.generation,
            "previous_generation": day.previous.generation if day.previous else None,
            "started_at": self._report.started_at.replace(tzinfo=None),
            "published_at": now.replace(tzinfo=None),
            "sources": balance.sources,
            "calls": balance.calls,
            "superseded": balance.superseded,
            "quarantined": balance.quarantined,
            "erased": balance.erased,
            "documents_read": len(day.plan.to_read),
            "pipeline_version": self._pipeline_version,
        }
        old = self._lake.catalog.parts(self._tenant_id, call_date).get("etl_runs", [])
        tables = [read_part(store, part.key, "etl_runs") for part in old]
        tables.append(pa.Table.from_pylist([row], schema=arrow_schema("etl_runs")))
        key = part_key(self._tenant_id, "etl_runs", call_date, day.generation, 0)
        part = write_part(store, key, "etl_runs", tables)
        assert part is not None  # there is at least this run's row
        return part

    def _discard(self, day: _StagedDay) -> None:
        _delete_generation(self._lake, self._tenant_id, day.plan.call_date, day.generation)

    def _delete_mended_copies(self, day: _StagedDay) -> None:
        """A document that holds to the contract again needs no copy in quarantine."""
        records = day.records
        for key, before in day.known.items():
            if before.outcome is not SourceOutcome.QUARANTINED:
                continue
            if key not in records or records[key].outcome is not SourceOutcome.QUARANTINED:
                self._lake.store.delete(quarantine_key(self._tenant_id, key))


def _digests_by_day(
    store: Store, tenant_id: str
) -> tuple[dict[dt.date, str], dict[dt.date, list[StoredObject]]]:
    """A digest of each day's listing, and the objects that are not laid out as documents.

    Those count to the day on which they were written, so that they too are accounted for.
    """
    digests: dict[dt.date, ListingDigest] = {}
    strays: dict[dt.date, list[StoredObject]] = {}
    for source in store.listing(unified_prefix(tenant_id)):
        call_date = _day_of_key(source.key)
        if call_date is None:
            strays.setdefault(source.modified_at.date(), []).append(source)
        else:
            digests.setdefault(call_date, ListingDigest()).add(source)
    for call_date, objects in strays.items():
        for source in objects:
            digests.setdefault(call_date, ListingDigest()).add(source)
    return {call_date: digest.value() for call_date, digest in digests.items()}, strays


def _listing_of_day(
    store: Store, tenant_id: str, call_date: dt.date, strays: Sequence[StoredObject]
) -> list[StoredObject]:
    documents = [
        source
        for source in store.listing(unified_day_prefix(tenant_id, call_date))
        if _day_of_key(source.key) is not None
    ]
    return [*documents, *strays]


def _day_of_key(key: str) -> dt.date | None:
    try:
        return parse_unified_key(key).call_date
    except CciLiteError:
        return None


def _carried_parts(
    old_parts: Mapping[str, Sequence[PartFile]],
) -> tuple[list[dict[str, tuple[str, ...]]], dict[str, tuple[str, ...]]]:
    """The previous generation's files: one entry per large part, and all small parts together.

    Files with the same number hold the rows of the same documents.
    """
    calls = {_number_of(part.key): part.rows for part in old_parts.get("calls", ())}
    large: dict[int, dict[str, tuple[str, ...]]] = {}
    small: dict[str, tuple[str, ...]] = {}
    for table_name, parts in old_parts.items():
        if table_name == "etl_runs":
            continue
        for part in parts:
            number = _number_of(part.key)
            if calls.get(number, 0) >= SMALL_PART_CALLS:
                large.setdefault(number, {})[table_name] = (part.key,)
            else:
                small[table_name] = (*small.get(table_name, ()), part.key)
    return [large[number] for number in sorted(large)], small


def _number_of(key: str) -> int:
    match = _PART_NUMBER.search(key)
    if match is None:
        raise BalanceError(f"{key}: expected a file name like part-0000.parquet")
    return int(match[1])


def _refuse_failures(day: _StagedDay) -> None:
    for result in day.results:
        if result.failure is not None:
            raise LakeError(f"{day.plan.call_date}: {result.failure}")


def _check_balance(
    day: _StagedDay, balance: Balance, parts: Mapping[str, Sequence[PartFile]]
) -> None:
    """Refuse a day whose written rows are not those of its documents."""
    total = balance.calls + balance.superseded + balance.quarantined + balance.erased
    if balance.sources != total:
        raise BalanceError(f"{day.plan.call_date}: {balance.sources} documents, {total} outcomes")
    for table_name, expected in (
        ("calls", balance.calls),
        ("quarantined_documents", balance.quarantined),
    ):
        rows = sum(part.rows for part in parts.get(table_name, ()))
        if rows != expected:
            raise BalanceError(
                f"{day.plan.call_date}: expected {expected} rows in {table_name}, found {rows}"
            )


def _guard_against_shrinking(day: _StagedDay, records: Mapping[str, SourceRecord]) -> None:
    """Refuse a day that would lose many published calls to documents that became unreadable."""
    calls = [key for key, record in day.known.items() if record.outcome is SourceOutcome.CALL]
    lost = [
        key for key in calls if key in records and records[key].outcome is SourceOutcome.QUARANTINED
    ]
    if len(lost) >= SHRINK_GUARD_CALLS and len(lost) > SHRINK_GUARD_SHARE * len(calls):
        raise BalanceError(
            f"{day.plan.call_date}: {len(lost)} of {len(calls)} published calls would be lost to "
            "documents that now break the contract; mend them, or run with --allow-shrink"
        )


def _delete_generation(lake: Lake, tenant_id: str, call_date: dt.date, generation: str) -> None:
    for table_name in TABLES:
        lake.store.delete_below(generation_prefix(tenant_id, table_name, call_date, generation))
    lake.catalog.forget(tenant_id, call_date, generation)
