"""The nightly run: plan, flatten, check, publish, clean up.

A run changes what readers see in one place only, `Catalog.publish`, which switches a day's tables
to complete and checked files. Whatever happens before leaves readers with the old files, whatever
happens after with the new ones; the next run removes what is left over.
"""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

import pyarrow as pa

from cci_lite.contract.arrow import arrow_schema
from cci_lite.contract.form import Form
from cci_lite.errors import (
    BalanceError,
    CciLiteError,
    LakeError,
    LeaseHeldError,
    LeaseLostError,
    UsageError,
)
from cci_lite.flatten.plan import DayPlan
from cci_lite.nightly.checks import check_balance, guard_against_shrinking, refuse_failures
from cci_lite.nightly.generations import delete_generation, leftover_generations
from cci_lite.nightly.lake import NightlyLake
from cci_lite.nightly.planning import DEFAULT_OPTIONS, UNDATED, RunOptions, plan_tenant
from cci_lite.nightly.problems import describe_problem
from cci_lite.nightly.quarantine import delete_stale_copies, replay_quarantined, to_discard
from cci_lite.nightly.repair import UNKNOWN_DAY, unknown_days
from cci_lite.nightly.run_report import Balance, DayReport, DayStatus, Progress, RunReport
from cci_lite.nightly.salvage import LOST_ROWS, earlier_sheets, salvage
from cci_lite.nightly.settling import settle
from cci_lite.nightly.staging import (
    OUTCOMES_WITH_ROWS,
    Piece,
    StagedDay,
    pieces_of,
    staying_parts,
)
from cci_lite.nightly.work import ItemResult, WorkItem, flatten_item, read_part, write_part
from cci_lite.ports import (
    DayChange,
    PartFile,
    PublishedDay,
    SourceOutcome,
    SourceRecord,
    Store,
    WorkerPool,
    write_manifest,
)
from cci_lite.tenancy import part_key, quarantine_key

# Engines with a catalogue of their own take many partitions in one request; meanwhile they show
# what was published before.
_DAYS_PER_REGISTRATION = 50


def _ignore(_: Progress) -> None:
    """Observe nothing."""


def new_run_id(now: dt.datetime, token: str) -> str:
    """The id of a run, which sorts by time; `token` makes two of the same second differ."""
    return f"{now:%Y%m%dT%H%M%SZ}-{token}"


def run_etl(
    lake: NightlyLake,
    tenants: Mapping[str, Sequence[Form]],
    etl_run_id: str,
    *,
    pool: WorkerPool,
    options: RunOptions = DEFAULT_OPTIONS,
    pipeline_version: str = "",
    observe: Callable[[Progress], None] = _ignore,
) -> RunReport:
    """Bring the curated tables of these tenants up to date with their documents.

    `tenants` gives each tenant's forms. A day, a tenant or a document that cannot be processed
    never stops the others; the report says what happened. Tenants that another run works on are
    left to it. Raises UsageError for keys of `options` that name nothing.
    """
    report = RunReport(etl_run_id, lake.clock())
    for tenant_id, forms in tenants.items():
        tenant_run = _TenantRun(
            lake, tenant_id, tuple(forms), report, pool, options, pipeline_version, observe
        )
        try:
            with lake.catalog.lease(tenant_id, f"run {etl_run_id}"):
                tenant_run.run()
        except LeaseHeldError:
            report.busy.append(tenant_id)
        except UsageError:
            raise
        except Exception as problem:  # one tenant that cannot be worked on must not stop the others
            report.failed[tenant_id] = describe_problem(problem)
    return report


class _TenantRun:
    """One tenant's part of a run."""

    def __init__(
        self,
        lake: NightlyLake,
        tenant_id: str,
        forms: tuple[Form, ...],
        report: RunReport,
        pool: WorkerPool,
        options: RunOptions,
        pipeline_version: str,
        observe: Callable[[Progress], None],
    ) -> None:
        self._lake = lake
        self._tenant_id = tenant_id
        self._forms = forms
        self._report = report
        self._pool = pool
        self._options = options
        self._pipeline_version = pipeline_version
        self._observe = observe
        self._generations = 0
        self._unregistered = 0

    def run(self) -> None:
        """Clean up, then do what the options ask for: by default, bring every day up to date."""
        profile = self._report.profile
        with profile.part("publish"):
            self._register()
        with profile.part("clean"):
            self._clean_up()
        self._observe(Progress("cleaned", self._tenant_id))
        if self._options.discard is not None:
            self._discard_documents(self._options.discard)
        else:
            self._bring_up_to_date()
        with profile.part("publish"):
            self._register()
        with profile.part("clean"):
            self._count_quarantined()

    def _bring_up_to_date(self) -> None:
        """Check quarantined documents again if asked to, then build each day that changed."""
        profile = self._report.profile
        if self._options.replay is not None:
            self._replay(self._options.replay)
        with profile.part("plan"):
            unknown = unknown_days(self._lake, self._tenant_id)
        unknown = [call_date for call_date in unknown if self._options.covers(call_date)]
        if self._options.mend is not None and self._options.allow_loss:
            unknown = []
        for call_date in unknown:
            self._report.days.append(
                DayReport(self._tenant_id, call_date, DayStatus.REFUSED, reason=UNKNOWN_DAY)
            )
        plans = self._listed(self._plans())
        for staged in self._stage_all(plan for plan in plans if plan.call_date not in unknown):
            self._report.days.append(self._finish(staged))

    def _plans(self) -> Iterator[DayPlan]:
        profile = self._report.profile
        plans = plan_tenant(self._lake, self._tenant_id, self._options, profile)
        return profile.each("plan", plans)

    def _clean_up(self) -> None:
        """Delete what nobody reads any more; what cannot be deleted is reported and tried again."""
        leftover = leftover_generations(self._lake, self._tenant_id, self._options.grace)
        for call_date, generation in leftover:
            self._attempt(
                call_date,
                "an old generation cannot be deleted",
                functools.partial(
                    delete_generation, self._lake, self._tenant_id, call_date, generation
                ),
            )
        self._attempt(
            UNDATED,
            "copies in quarantine cannot be deleted",
            functools.partial(delete_stale_copies, self._lake, self._tenant_id),
        )

    def _register(self) -> None:
        """Let engines follow what is published; what could not be registered is tried again."""
        self._unregistered = 0
        self._attempt(
            UNDATED,
            "the query engine's tables cannot follow what is published",
            functools.partial(self._lake.catalog.register, self._tenant_id),
        )

    def _attempt(self, call_date: dt.date, failure: str, action: Callable[[], None]) -> None:
        """Do something that the rest of the run does not depend on; a failure is reported.

        Raises LeaseLostError: another run does all that is left to do.
        """
        try:
            action()
        except LeaseLostError:
            raise
        except (CciLiteError, OSError) as problem:
            reason = f"{failure}: {describe_problem(problem)}"
            self._report.days.append(
                DayReport(self._tenant_id, call_date, DayStatus.FAILED, reason=reason)
            )

    def _listed(self, plans: Iterable[DayPlan]) -> Iterator[DayPlan]:
        """The plans of days that could be listed; the others are reported."""
        for plan in plans:
            if plan.unlisted:
                self._report.days.append(
                    DayReport(
                        self._tenant_id, plan.call_date, DayStatus.FAILED, reason=plan.unlisted
                    )
                )
            else:
                yield plan

    def _count_quarantined(self) -> None:
        records = self._lake.catalog.records(self._tenant_id, SourceOutcome.QUARANTINED)
        if records:
            self._report.quarantined[self._tenant_id] = len(records)

    def _discard_documents(self, keys: frozenset[str]) -> None:
        """Take documents out of quarantine, until they are written anew."""
        for call_date, records in to_discard(self._lake, self._tenant_id, keys).items():
            day = self._stage_without(call_date, records)
            self._report.days.append(self._publish([day]))

    def _replay(self, keys: frozenset[str]) -> None:
        replay = replay_quarantined(self._lake, self._tenant_id, self._forms, keys)
        self._report.replayed += replay.documents
        self._options = replace(self._options, again=replay.again, removed=replay.removed)

    def _stage_all(self, plans: Iterable[DayPlan]) -> Iterator[StagedDay]:
        """Stage days one after the other while workers are already busy with the next ones.

        The pool draws the pieces of the next days before it gives the results of this one. What was
        planned then can be out of date when its turn comes: see `_was_overtaken`.
        """
        # The days whose pieces are drawn and not done, with how many they have. Results come in the
        # order of the pieces, and each day has at least one.
        begun: collections.deque[tuple[StagedDay, int]] = collections.deque()

        def arguments() -> Iterator[tuple[Store, WorkItem]]:
            for plan in plans:
                with self._report.profile.part("plan", len(plan.to_read)):
                    day, items = self._begin(plan)
                begun.append((day, len(items)))
                for item in items:
                    yield self._lake.store, item

        results = self._pool.map(flatten_item, arguments())
        for first in results:
            day, count = begun.popleft()
            rest = [next(results) for _ in range(count - 1)]
            for result in (first, *rest):
                self._report.profile.take_in(result.profile)
            yield replace(day, results=(*day.results, first, *rest))

    def _begin(self, plan: DayPlan) -> tuple[StagedDay, list[WorkItem]]:
        catalog = self._lake.catalog
        known = catalog.sources(self._tenant_id, plan.call_date)
        pieces, plan, failure = self._pieces(plan, known)
        self._observe(Progress("planned", self._tenant_id, plan.call_date, len(plan.to_read)))
        self._generations += 1
        generation = f"{self._report.etl_run_id}-{self._generations:04d}"
        day = StagedDay(
            plan,
            generation,
            catalog.days(self._tenant_id).get(plan.call_date),
            known,
            (ItemResult(failure=failure),) if failure else (),
        )
        catalog.stage(self._tenant_id, plan.call_date, generation)
        self._observe(Progress("staged", self._tenant_id, plan.call_date))
        return day, self._items(day, pieces)

    def _pieces(
        self, plan: DayPlan, known: Mapping[str, SourceRecord]
    ) -> tuple[list[Piece], DayPlan, str]:
        """A day in pieces, its plan without documents that are lost, and why it cannot be built."""
        drop = plan.dropped
        if self._options.mend is None or plan.call_date not in self._options.mend:
            old_parts = self._lake.catalog.parts(self._tenant_id, plan.call_date)
            return pieces_of(plan, staying_parts(old_parts, known, drop)), plan, ""
        wanted = {
            key: record
            for key, record in known.items()
            if key not in drop and record.outcome in OUTCOMES_WITH_ROWS
        }
        try:
            found = salvage(self._lake, self._tenant_id, plan.call_date, wanted)
        except (CciLiteError, OSError) as problem:  # one day must not stop the others
            return [Piece((), {})], plan, describe_problem(problem)
        if found.lost and not self._options.allow_loss:
            return [Piece((), {})], plan, LOST_ROWS.format(len(found.lost))
        plan = replace(plan, removed=plan.removed | found.lost, lost=plan.lost | found.lost)
        return [*found.pieces, *pieces_of(plan, {}, found.pieces)], plan, ""

    def _items(self, day: StagedDay, pieces: Sequence[Piece]) -> list[WorkItem]:
        plan = day.plan
        drop = plan.dropped
        copied = frozenset(
            source.key
            for source in plan.changed
            if day.known[source.key].outcome is SourceOutcome.QUARANTINED
            and day.known[source.key].etag == source.etag
        )
        return [
            WorkItem(
                self._tenant_id,
                plan.call_date,
                day.generation,
                number,
                piece.sources,
                piece.carry,
                # Sent with every piece: of a day of which all was uploaded again, only if needed.
                (drop | piece.drop) if piece.carry else frozenset(),
                self._forms,
                self._report.etl_run_id,
                self._lake.clock(),
                copied,
                piece.is_one_old_part and not (drop or plan.rebuild),
                self._options.profiled,
            )
            for number, piece in enumerate(pieces)
        ]

    def _stage(self, plan: DayPlan) -> StagedDay:
        return next(self._stage_all([plan]))

    def _finish(self, staged: StagedDay) -> DayReport:
        """Check a staged day and publish it, together with the days that lose a call to it."""
        days = [staged]
        try:
            if self._was_overtaken(staged):
                self._discard(staged)
                days = [staged := self._stage(staged.plan)]
            self._observe(Progress("written", self._tenant_id, staged.plan.call_date))
            days = self._settle(staged)
        except (CciLiteError, OSError, pa.ArrowException) as problem:
            return self._unpublished(days, problem)
        return self._publish(days)

    def _publish(self, days: Sequence[StagedDay]) -> DayReport:
        """Publish days that change together, in one step; the report is that of the first."""
        published = days[0]
        profile = self._report.profile
        documents = len(published.plan.to_read)
        try:
            with profile.part("check", documents):
                # The day that takes calls comes last: should its manifest be the only one, a
                # catalogue made from manifests would have them twice.
                changes = [self._change_of(day) for day in reversed(days)][::-1]
            self._observe(Progress("checked", self._tenant_id, published.plan.call_date))
            with profile.part("publish", documents):
                self._lake.catalog.publish(self._tenant_id, changes)
        except LeaseLostError:
            raise
        except (CciLiteError, OSError, pa.ArrowException) as problem:
            return self._unpublished(days, problem)
        call_date = published.plan.call_date
        self._observe(Progress("switched", self._tenant_id, call_date, len(published.plan.to_read)))
        with profile.part("publish"):
            for day in days:
                self._attempt(
                    day.plan.call_date,
                    "what left quarantine cannot be deleted there",
                    functools.partial(self._delete_what_left, day),
                )
            self._unregistered += len(days)
            if self._unregistered >= _DAYS_PER_REGISTRATION:
                self._register()
        return DayReport(
            self._tenant_id,
            call_date,
            DayStatus.PUBLISHED,
            len(published.plan.to_read),
            Balance.of(published.records.values()),
            left=len(published.plan.left),
            lost=len(published.plan.lost),
        )

    def _unpublished(self, days: Sequence[StagedDay], problem: Exception) -> DayReport:
        for day in days:
            self._discard(day)
        status = DayStatus.REFUSED if isinstance(problem, BalanceError) else DayStatus.FAILED
        call_date = days[0].plan.call_date
        return DayReport(self._tenant_id, call_date, status, reason=describe_problem(problem))

    def _was_overtaken(self, staged: StagedDay) -> bool:
        """Whether this run has published the day since it was planned: an earlier day took a call.

        Its new files were then built from a generation that is replaced.
        """
        return (
            self._lake.catalog.days(self._tenant_id).get(staged.plan.call_date) != staged.previous
        )

    def _settle(self, staged: StagedDay) -> list[StagedDay]:
        """The day and the other days that change with it, so that each call has one row."""
        # First of all: of a piece that failed nobody knows the calls, so none could be settled.
        refuse_failures(staged)
        call_date = staged.plan.call_date
        with self._report.profile.part("check"):
            read = staged.calls_read
            elsewhere = self._lake.catalog.calls_on_other_days(self._tenant_id, read, call_date)
            settlement = settle(read, elsewhere)
        others = [self._stage_without(*each) for each in settlement.giving_way.items()]
        if settlement.beaten:
            staged = self._restage_without(staged, settlement.beaten)
        return [staged, *others]

    def _restage_without(self, staged: StagedDay, beaten: Sequence[SourceRecord]) -> StagedDay:
        """The day staged again without the rows of documents that another day's document beats."""
        self._discard(staged)
        keys = {record.key for record in beaten}
        plan = staged.plan
        again = self._stage(
            replace(
                plan,
                new=tuple(source for source in plan.new if source.key not in keys),
                changed=tuple(source for source in plan.changed if source.key not in keys),
                # An earlier version of such a document may have rows that would be carried over.
                removed=plan.removed | (keys & staged.known.keys()),
            )
        )
        # These documents were read all the same: the plan stays, and they have an outcome.
        return replace(again, plan=plan, results=(*again.results, ItemResult(records=(*beaten,))))

    def _stage_without(self, call_date: dt.date, records: Sequence[SourceRecord]) -> StagedDay:
        """A published day staged anew: these documents have no rows and these outcomes there."""
        published = self._lake.catalog.days(self._tenant_id)[call_date]
        keys = frozenset(record.key for record in records)
        plan = DayPlan(self._tenant_id, call_date, (), (), 0, 0, keys, published.listing_digest)
        day = self._stage(plan)
        return replace(day, results=(*day.results, ItemResult(records=tuple(records))))

    def _change_of(self, day: StagedDay) -> DayChange:
        """The publication of a staged day; raises what forbids it: BalanceError or LakeError."""
        refuse_failures(day)
        records = day.records
        balance = Balance.of(records.values())
        parts = day.parts
        check_balance(day, balance, parts)
        if not self._options.allow_shrink:
            guard_against_shrinking(day, records)
        now = self._lake.clock()
        parts["etl_runs"] = [self._balance_sheet(day, balance, now)]
        published = PublishedDay(
            day.plan.call_date,
            day.generation,
            day.listing_digest,
            self._report.etl_run_id,
            now,
            day.tables_digest,
        )
        change = DayChange(
            published,
            day.previous.generation if day.previous else None,
            parts,
            list(records.values()),
        )
        write_manifest(self._lake.store, self._tenant_id, change)
        return change

    def _balance_sheet(self, day: StagedDay, balance: Balance, now: dt.datetime) -> PartFile:
        """Write the day's `etl_runs`: the earlier rows and this run's."""
        row = {
            "etl_run_id": self._report.etl_run_id,
            "generation": day.generation,
            "previous_generation": day.previous.generation if day.previous else None,
            "started_at": self._report.started_at.replace(tzinfo=None),
            "published_at": now.replace(tzinfo=None),
            **asdict(balance),
            "documents_read": len(day.plan.to_read),
            "pipeline_version": self._pipeline_version,
            "tables_digest": day.tables_digest,
        }
        tables = self._earlier_sheets(day.plan.call_date)
        tables.append(pa.Table.from_pylist([row], schema=arrow_schema("etl_runs")))
        key = part_key(self._tenant_id, "etl_runs", day.plan.call_date, day.generation, 0)
        part = write_part(self._lake.store, key, "etl_runs", tables)
        assert part is not None  # there is at least this run's row
        return part

    def _earlier_sheets(self, call_date: dt.date) -> list[pa.Table]:
        """The balance sheets of earlier runs; no document gives lost ones back."""
        if self._options.mend is not None and call_date in self._options.mend:
            return earlier_sheets(self._lake, self._tenant_id, call_date)
        old = self._lake.catalog.parts(self._tenant_id, call_date).get("etl_runs", [])
        try:
            return [read_part(self._lake.store, part.key, "etl_runs") for part in old]
        except LakeError as problem:
            if not self._options.rebuild or isinstance(problem.__cause__, PermissionError):
                raise
            return []

    def _discard(self, day: StagedDay) -> None:
        """Delete the files of a day that is not to be published."""
        # What cannot be deleted stays noted in the catalogue, and the next run tries again.
        with contextlib.suppress(CciLiteError, OSError):
            delete_generation(self._lake, self._tenant_id, day.plan.call_date, day.generation)

    def _delete_what_left(self, day: StagedDay) -> None:
        """Delete the copies of documents that left quarantine, and documents that moved away."""
        records = day.records
        for key in self._options.removed & day.known.keys():
            self._lake.store.delete(key)
        for key, before in day.known.items():
            if before.outcome is not SourceOutcome.QUARANTINED:
                continue
            if key not in records or records[key].outcome is not SourceOutcome.QUARANTINED:
                self._lake.store.delete(quarantine_key(self._tenant_id, key))
