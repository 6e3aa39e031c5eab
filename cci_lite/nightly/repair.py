"""Brings the catalogue, engines' partitions and manifests in line with the lake's files.

What is published is read off the newest complete generation of each day: the one whose manifest
says so, or, for days that were made before there were manifests, whose balance sheet does. Data is
left as it is (see `etl rebuild`), but for files that belong to no generation.
"""

from __future__ import annotations

import collections
import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cci_lite.errors import BalanceError, DamagedManifestError, LakeError
from cci_lite.nightly.curated import (
    PROOFS,
    CuratedFiles,
    Files,
    curated_files,
    delete_orphans,
    find_orphans,
)
from cci_lite.nightly.lake import NightlyLake
from cci_lite.nightly.planning import DEFAULT_GRACE
from cci_lite.nightly.run_report import Balance
from cci_lite.nightly.sheets import change_by_sheet, part_files, read_sheet, what_no_sheet_says
from cci_lite.ports import (
    DayChange,
    PartFile,
    PublishedDay,
    read_manifest,
    write_manifest,
)
from cci_lite.tenancy import curated_table_prefix, parse_curated_key, partition_prefix

UNKNOWN_DAY = (
    "curated files of this day are missing from the catalogue: add them with cci-lite etl repair; "
    "where that cannot be, build the day from its documents with cci-lite etl rebuild --allow-loss"
)


class RepairStatus(StrEnum):
    """What became of a day.

    `restored`: the catalogue says again what was published. `manifest`: its manifest was written
    anew. `damaged`: it is published, and some of its files are not as they were. `lost`: nobody
    knows what it held, so it is not published.
    """

    RESTORED = "restored"
    MANIFEST = "manifest"
    DAMAGED = "damaged"
    LOST = "lost"


@dataclass(frozen=True)
class RepairedDay:
    """A day of which something was wrong; `note` says what could not be brought back, and why.

    `discarded` counts documents of which nobody knows any more that a person discarded them.
    """

    tenant_id: str
    call_date: dt.date
    status: RepairStatus
    generation: str | None = None
    calls: int = 0
    note: str = ""
    discarded: int = 0


@dataclass(frozen=True)
class RepairedTenant:
    """What the repair of one tenant did.

    `partitions` counts what an engine showed otherwise than it is published, `removed` files of no
    generation, `kept` those of them that are too young, or of a day that is not published.
    """

    days: tuple[RepairedDay, ...] = ()
    partitions: int = 0
    removed: int = 0
    kept: int = 0


@dataclass
class RepairReport:
    """What a repair did, by tenant.

    `without_settings` are tenants whose settings are gone or cannot be read, `busy` those that a
    run is working on, `failed` those that could not be looked at, with the reason.
    """

    tenants: dict[str, RepairedTenant] = field(default_factory=dict)
    without_settings: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether anything was wrong."""
        return any(
            tenant.days or tenant.partitions or tenant.removed for tenant in self.tenants.values()
        )

    @property
    def days(self) -> list[RepairedDay]:
        """The days of all tenants of which something was wrong."""
        return [day for tenant in self.tenants.values() for day in tenant.days]

    @property
    def succeeded(self) -> bool:
        """Whether everything could be brought back."""
        wrong = {RepairStatus.DAMAGED, RepairStatus.LOST}
        lost = any(day.status in wrong or day.discarded for day in self.days)
        return not (lost or self.without_settings or self.busy or self.failed)

    @property
    def discarded(self) -> dict[str, int]:
        """How many discarded documents of each tenant the next run quarantines again."""
        counts = collections.Counter[str]()
        for day in self.days:
            counts[day.tenant_id] += day.discarded
        return {tenant_id: count for tenant_id, count in counts.items() if count}


def unknown_days(lake: NightlyLake, tenant_id: str) -> list[dt.date]:
    """Days of which there are complete curated files that the catalogue does not know.

    A lake that lost its catalogue, or got an older one back, has such days. Folders of days that
    the catalogue knows are not opened.
    """
    known_folders = {
        partition_prefix(tenant_id, table, day)
        for day in lake.catalog.days(tenant_id)
        for table in PROOFS
    }
    # The files first: what a run stages or publishes meanwhile is then not taken for unknown.
    present = {
        (key.call_date, key.generation)
        for table in PROOFS
        for name in lake.store.folders(curated_table_prefix(tenant_id, table))
        if (folder := f"{curated_table_prefix(tenant_id, table)}{name}/") not in known_folders
        for found in lake.store.listing(folder)
        if (key := parse_curated_key(tenant_id, found.key)) is not None
    }
    known = lake.catalog.days(tenant_id)
    staged = set(lake.catalog.abandoned(tenant_id)) if present else set()
    return sorted({day for day, generation in present - staged if day not in known})


def repair_tenant(
    lake: NightlyLake, tenant_id: str, grace: dt.timedelta = DEFAULT_GRACE
) -> RepairedTenant:
    """Mend the catalogue, manifests and engines' partitions of a tenant, and remove orphaned files.

    Files of no generation are removed when they, and what readers see instead of them, are older
    than the grace period; never those of a day that is not published. What is in order is left
    alone. Must run under the tenant's lease. Raises LakeError when a file or folder may not be
    read: that is no loss.
    """
    present = curated_files(lake, tenant_id)
    published = lake.catalog.days(tenant_id)
    noted = lake.catalog.generations(tenant_id)
    days = []
    for call_date in sorted(present.days.keys() | published.keys()):
        repair = _Day(lake, tenant_id, call_date, present.days.get(call_date, {}), noted)
        days.append(repair.of(published.get(call_date)))
    differences = lake.catalog.differences(tenant_id)
    lake.catalog.register(tenant_id, all_days=bool(differences))
    removed, kept = _remove_orphans(lake, tenant_id, present, grace)
    repaired = tuple(day for day in days if day is not None)
    return RepairedTenant(repaired, len(differences), removed, kept)


def _remove_orphans(
    lake: NightlyLake, tenant_id: str, present: CuratedFiles, grace: dt.timedelta
) -> tuple[int, int]:
    """How many files of no generation were removed, and how many are too young for that."""
    published = lake.catalog.days(tenant_id)
    removed = kept = 0
    for orphans in list(find_orphans(lake, tenant_id, present)):
        day = published.get(orphans.call_date)
        # Of a day that is not published they may be all that is left.
        if day is not None and orphans.are_older(lake.clock() - grace, day):
            delete_orphans(lake, tenant_id, orphans)
            removed += len(orphans.files)
        else:
            kept += len(orphans.files)
    return removed, kept


@dataclass(frozen=True)
class _Candidate:
    """A generation that was complete when it was written; `notes` say what is not known of it."""

    change: DayChange
    notes: tuple[str, ...] = ()
    discarded: int = 0

    @property
    def generation(self) -> str:
        return self.change.day.generation

    @property
    def order(self) -> tuple[dt.datetime, str]:
        return self.change.day.published_at, self.generation


class _UnknownError(Exception):
    """It cannot be said which generation of a day is the newest complete one, or what it holds."""


@dataclass(frozen=True)
class _Day:
    """One day of a tenant, with the files of its generations."""

    lake: NightlyLake
    tenant_id: str
    call_date: dt.date
    generations: Mapping[str, Files]
    noted: Collection[tuple[dt.date, str]]

    def of(self, day: PublishedDay | None) -> RepairedDay | None:
        """Mend what is noted of the day; None when nothing was wrong."""
        try:
            if day is None:
                return self._restore()
            return self._catch_up(day) or self._agree(day)
        except _UnknownError as problem:
            [generation, why] = problem.args
            return self._lost(generation, why)

    def _restore(self) -> RepairedDay | None:
        """Publish the newest complete generation; None when there is none.

        Files of a run that was killed before they were complete are no generation.
        """
        found = [self._candidate(generation) for generation in self.generations]
        candidates = [each for each in found if each is not None]
        if not candidates:
            return None
        return self._publish(max(candidates, key=lambda each: each.order), None)

    def _catch_up(self, day: PublishedDay) -> RepairedDay | None:
        """Publish a later generation that an older catalogue, put back, does not know."""
        manifests = {name: self._manifest_or_none(name) for name in self.generations}
        noted = self._noted(day)
        whole = noted is not None and self._is_whole(noted.parts)
        later = []
        for generation, change in manifests.items():
            if (self.call_date, generation) in self.noted:
                continue
            if change is not None and (not whole or _follows(manifests, change, day.generation)):
                later.append(_Candidate(change))
            elif change is None and not whole and (found := self._by_sheet(generation)):
                later.append(found)
        later = [each for each in later if each.change.day.published_at > day.published_at]
        if not later:
            return None
        return self._publish(max(later, key=lambda each: each.order), day.generation)

    def _agree(self, day: PublishedDay) -> RepairedDay | None:
        """Let the catalogue and the manifest of the published generation say the same."""
        noted = self._noted(day)
        why = "it was missing"
        try:
            written = self._manifest(day.generation)
        except DamagedManifestError:
            written, why = None, "it was damaged"
        if written is None and noted is None:
            # The catalogue knows what the manifest says, and no more.
            found = self._by_sheet(day.generation) if day.generation in self.generations else None
            if found is None:
                raise _UnknownError(day.generation, "its manifest and its balance sheet are gone")
            return self._publish(found, day.generation)
        noted = noted or written
        assert noted is not None
        if written is None:
            write_manifest(self.lake.store, self.tenant_id, noted)
            note = f"the manifest was written anew: {why}"
            return self._repaired(noted, RepairStatus.MANIFEST, [note])
        if difference := manifest_difference(noted, written):
            note = f"the catalogue had other {difference}"
            return self._publish(_Candidate(written), day.generation, note)
        if self._is_whole(noted.parts):
            return None
        return self._repaired(noted, RepairStatus.DAMAGED, [])

    def _noted(self, day: PublishedDay) -> DayChange | None:
        """What the catalogue notes of a day; None where it notes it in the manifest alone."""
        try:
            return noted_change(self.lake, self.tenant_id, day)
        except DamagedManifestError:
            return None

    def _publish(self, candidate: _Candidate, previous: str | None, note: str = "") -> RepairedDay:
        change = replace(candidate.change, previous_generation=previous)
        if candidate.notes:  # it has no manifest that can be read
            write_manifest(self.lake.store, self.tenant_id, change)
        # Staged first, as a run does it: then the generation is noted, and later deleted, like any.
        self.lake.catalog.stage(self.tenant_id, self.call_date, candidate.generation)
        self.lake.catalog.publish(self.tenant_id, [change])
        notes = [*([note] if note else []), *candidate.notes]
        return self._repaired(change, RepairStatus.RESTORED, notes, candidate.discarded)

    def _repaired(
        self, change: DayChange, status: RepairStatus, notes: list[str], discarded: int = 0
    ) -> RepairedDay:
        if not self._is_whole(change.parts):
            status = RepairStatus.DAMAGED
            notes.append(
                "files of the tables are gone or of another size; run: "
                + rebuild_command(self.tenant_id, self.call_date)
            )
        calls = Balance.of(change.sources).calls
        return RepairedDay(
            self.tenant_id,
            self.call_date,
            status,
            change.day.generation,
            calls,
            "; ".join(notes),
            discarded,
        )

    def _lost(self, generation: str, why: str) -> RepairedDay:
        note = (
            f"{why}: put the files back from a copy of the lake and repair again, or build the day "
            "from the documents that are there: "
            f"{rebuild_command(self.tenant_id, self.call_date)} --allow-loss"
        )
        return RepairedDay(self.tenant_id, self.call_date, RepairStatus.LOST, generation, note=note)

    def _candidate(self, generation: str) -> _Candidate | None:
        """A generation as its manifest or its balance sheet says it was published, or None."""
        change = self._manifest_or_none(generation)
        return self._by_sheet(generation) if change is None else _Candidate(change)

    def _manifest(self, generation: str) -> DayChange | None:
        return read_manifest(self.lake.store, self.tenant_id, self.call_date, generation)

    def _manifest_or_none(self, generation: str) -> DayChange | None:
        try:
            return self._manifest(generation)
        except DamagedManifestError:
            return None

    def _by_sheet(self, generation: str) -> _Candidate | None:
        """A generation without a manifest that can be read; None when it was never complete."""
        parts = part_files(self.tenant_id, self.generations[generation])
        try:
            sheet = read_sheet(self.lake, generation, parts)
            if sheet is None:
                return None
            change = change_by_sheet(self.lake, self.call_date, generation, parts, sheet)
        except BalanceError as problem:
            raise _UnknownError(generation, str(problem)) from problem
        except LakeError as problem:
            if isinstance(problem.__cause__, PermissionError):
                raise
            # It may be the newest generation.
            why = "it has no manifest, and a file of it is damaged"
            raise _UnknownError(generation, why) from problem
        notes = ("it has no manifest and was read off its files", *what_no_sheet_says(sheet))
        return _Candidate(change, notes, sheet["discarded"])

    def _is_whole(self, parts: Mapping[str, Collection[PartFile]]) -> bool:
        sizes = {
            file.key: file.size
            for folders in self.generations.values()
            for files in folders.values()
            for file in files
        }
        return all(sizes.get(part.key) == part.bytes for files in parts.values() for part in files)


def noted_change(lake: NightlyLake, tenant_id: str, day: PublishedDay) -> DayChange:
    """What the catalogue notes of a published day, as its manifest should say it."""
    parts = lake.catalog.parts(tenant_id, day.call_date)
    sources = list(lake.catalog.sources(tenant_id, day.call_date).values())
    return DayChange(day, None, parts, sources)


def manifest_difference(noted: DayChange, written: DayChange) -> str:
    """What of a day the catalogue notes otherwise than its manifest says; empty for nothing."""
    if noted.day != written.day:
        return "facts of the day"
    if _sorted_parts(noted) != _sorted_parts(written):
        return "files"
    if {each.key: each for each in noted.sources} != {each.key: each for each in written.sources}:
        counts = (Balance.of(change.sources) for change in (noted, written))
        noted_balance, balance = counts
        return f"documents ({noted_balance.sources} instead of {balance.sources})"
    return ""


def rebuild_command(tenant_id: str, call_date: dt.date) -> str:
    """What a person runs to build a day anew."""
    return f"cci-lite etl rebuild --tenant {tenant_id} --day {call_date}"


def _sorted_parts(change: DayChange) -> dict[str, list[PartFile]]:
    by_key = {
        name: sorted(files, key=lambda part: part.key) for name, files in change.parts.items()
    }
    return {name: files for name, files in by_key.items() if files}


def _follows(manifests: Mapping[str, DayChange | None], change: DayChange, generation: str) -> bool:
    """Whether a generation was built, in some steps, from another one."""
    seen: set[str] = set()
    previous = change.previous_generation
    while previous is not None and previous not in seen and previous != generation:
        seen.add(previous)
        before = manifests.get(previous)
        previous = before.previous_generation if before is not None else None
    return previous == generation
