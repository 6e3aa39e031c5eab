"""What there is to do: the lake's listings against what is published."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from cci_lite.contract.columns import tables_digest
from cci_lite.errors import CciLiteError, LakeError
from cci_lite.flatten.plan import DayPlan, listing_digest, plan_day
from cci_lite.nightly.lake import NightlyLake
from cci_lite.nightly.run_profile import RunProfile
from cci_lite.nightly.work import read_part
from cci_lite.ports import SourceOutcome, SourceRecord, Store, StoredObject, Unlisted
from cci_lite.tenancy import (
    UNIFIED,
    is_tenant_id,
    parse_unified_key,
    quarantine_key,
    unified_day_prefix,
    unified_prefix,
)

DEFAULT_GRACE = dt.timedelta(hours=24)
UNDATED = dt.date(1970, 1, 1)  # stands for the day of files whose key has none


@dataclass(frozen=True)
class RunOptions:
    """How a run behaves.

    `since` and `until`: earlier and later days are not looked at, nor is what is not laid out as a
    document. `allow_shrink`: a day that loses many calls is published all the same. `rebuild`:
    every day is built anew from its documents, even when nothing changed. `mend`: these days are
    put back, and no others looked at: from their documents, and for those that are gone from any
    generation that still has their rows; `allow_loss` publishes such days without rows that
    nothing has any more. `replay`: these quarantined
    documents are checked again first (all, when it is empty); the run itself then sets `again`,
    documents to read although they are unchanged, and `removed`, documents whose rows go.
    `discard`: the run takes these documents (all, when it is empty) out of quarantine for good,
    and does nothing else. `profiled`: also the time that reading documents takes is measured.
    """

    since: dt.date | None = None
    until: dt.date | None = None
    grace: dt.timedelta = DEFAULT_GRACE
    allow_shrink: bool = False
    rebuild: bool = False
    mend: frozenset[dt.date] | None = None
    allow_loss: bool = False
    replay: frozenset[str] | None = None
    discard: frozenset[str] | None = None
    profiled: bool = False
    again: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    @property
    def covers_all_days(self) -> bool:
        """Whether no day is left out."""
        return self.since is None and self.until is None and self.mend is None

    def covers(self, call_date: dt.date) -> bool:
        """Whether a day is one of those that are looked at."""
        return not (
            (self.since is not None and call_date < self.since)
            or (self.until is not None and call_date > self.until)
            or (self.mend is not None and call_date not in self.mend)
        )


DEFAULT_OPTIONS = RunOptions()


def plan_tenant(
    lake: NightlyLake,
    tenant_id: str,
    options: RunOptions = DEFAULT_OPTIONS,
    profile: RunProfile | None = None,
) -> Iterator[DayPlan]:
    """What there is to do for a tenant, day by day. Reads listings and the catalogue, no document.

    The tenant is listed once, from `since` to `until`, and each day is planned as it passes by: in
    memory is the listing of one day. Only days whose digest differs from the published one, and
    days that were built with other columns than the tables have today, are compared document by
    document. Raises LakeError when nothing of the tenant can be listed.
    """
    columns = tables_digest()
    published = lake.catalog.days(tenant_id)
    set_aside = _set_aside(lake, tenant_id)
    listing = _Listing(lake.store, tenant_id, options)
    others = set_aside.keys() | (published.keys() if options.removed else options.mend or set())
    profile = profile or RunProfile()
    for call_date, listed in profile.each("list", listing.days(others)):
        profile.spent("list").documents += len(listed)
        if not options.covers(call_date):
            continue
        day = published.get(call_date)
        asked = options.rebuild or options.mend is not None
        rebuild = day is not None and (asked or day.tables_digest != columns)
        # The digest says nothing of what a rebuild or a replay wants to be read, or to go.
        forced = bool(options.again or options.removed) or rebuild
        # Of a day without documents the digest does not say whether one left quarantine.
        if (
            day is not None
            and listed
            and not forced
            and day.listing_digest == listing_digest(listed)
        ):
            continue
        aside = set_aside.get(call_date, {})
        plan = _plan_day(
            lake, tenant_id, call_date, listing, listed, aside, options, rebuild=rebuild
        )
        if not plan.is_empty:
            yield plan
    for call_date, reason in sorted(listing.unlisted.items()):
        yield DayPlan(tenant_id, call_date, (), (), 0, 0, frozenset(), "", unlisted=reason)


def things_of_no_tenant(store: Store) -> int:
    """How many files and folders beside the tenants' own cannot belong to a tenant."""
    folders = store.folders(f"{UNIFIED}/")
    return store.loose(f"{UNIFIED}/") + sum(not is_tenant_id(name) for name in folders)


class _Listing:
    """A tenant's documents as they are listed, day by day; and what cannot be listed, by day.

    What is not laid out as a document counts to the day UNDATED, so that it too is accounted for.
    So do folders that may hold documents of several days: `since` does not hide them.
    """

    def __init__(self, store: Store, tenant_id: str, options: RunOptions) -> None:
        self._store = store
        self._tenant_id = tenant_id
        self._options = options
        self._strays: list[StoredObject] = []
        self._folders: list[str] = []
        self.unlisted: dict[dt.date, str] = {}

    def days(self, others: Set[dt.date]) -> Iterator[tuple[dt.date, list[StoredObject]]]:
        """Each day with what is listed of it, in order, the day UNDATED last.

        `others` are days that come too when nothing is listed of them, unless that is not known.
        """
        waiting = sorted(others - {UNDATED}, reverse=True)
        for call_date, listed in self._listed_days():
            yield from self._others(waiting, call_date)
            if waiting and waiting[-1] == call_date:
                waiting.pop()
            yield call_date, listed
        yield from self._others(waiting, None)
        if (self._strays or UNDATED in others) and (
            self._options.covers_all_days or UNDATED in (self._options.mend or ())
        ):
            yield UNDATED, self._strays

    def hides(self, key: str) -> bool:
        """Whether a document may be there although it is not listed."""
        return any(key.startswith(f"{folder}/") for folder in self._folders)

    def _others(
        self, waiting: list[dt.date], before: dt.date | None
    ) -> Iterator[tuple[dt.date, list[StoredObject]]]:
        while waiting and (before is None or waiting[-1] < before):
            call_date = waiting.pop()
            if not self._options.covers(call_date):
                continue
            # The documents of a day can be there unseen: behind a link, or in a folder that may not
            # be read.
            prefix = unified_day_prefix(self._tenant_id, call_date)
            try:
                found = list(self._store.survey(prefix))
            except LakeError as problem:
                self.unlisted.setdefault(call_date, str(problem))
                continue
            listed = [each for each in found if isinstance(each, StoredObject)]
            if call_date not in self.unlisted:
                yield call_date, [each for each in listed if _day_of_key(each.key) == call_date]

    def _listed_days(self) -> Iterator[tuple[dt.date, list[StoredObject]]]:
        of_day = None
        listed: list[StoredObject] = []
        for found in self._chosen():
            if isinstance(found, Unlisted):
                self._folders.append(found.key)
                self.unlisted[_day_of_folder(found.key)] = _unlisted(found)
                continue
            call_date = _day_of_key(found.key)
            if call_date == UNDATED:
                self._strays.append(found)
                continue
            if call_date != of_day:
                if of_day is not None:
                    yield of_day, listed
                of_day, listed = call_date, []
            listed.append(found)
        if of_day is not None:
            yield of_day, listed

    def _chosen(self) -> Iterator[StoredObject | Unlisted]:
        """What is listed from `since` to `until`."""
        since, until = self._options.since, self._options.until
        start = unified_day_prefix(self._tenant_id, since) if since else ""
        found = self._store.survey(unified_prefix(self._tenant_id), start=start)
        if until is None or until == dt.date.max:
            return found
        # Keys come in order, and a listing that nobody asks for more lists no more.
        end = unified_day_prefix(self._tenant_id, until + dt.timedelta(days=1))
        return itertools.takewhile(lambda each: each.key < end, found)


def _set_aside(lake: NightlyLake, tenant_id: str) -> dict[dt.date, dict[str, SourceRecord]]:
    """The tenant's documents that are in quarantine or discarded, by day."""
    found: dict[dt.date, dict[str, SourceRecord]] = {}
    for outcome in (SourceOutcome.QUARANTINED, SourceOutcome.DISCARDED):
        for key, record in lake.catalog.records(tenant_id, outcome).items():
            found.setdefault(_day_of_key(key), {})[key] = record
    return found


def _plan_day(
    lake: NightlyLake,
    tenant_id: str,
    call_date: dt.date,
    listing: _Listing,
    listed: Sequence[StoredObject],
    set_aside: Mapping[str, SourceRecord],
    options: RunOptions,
    *,
    rebuild: bool,
) -> DayPlan:
    # What was deleted at its source leaves quarantine, unless it may be there unseen, or a person
    # has begun to correct its copy.
    present = {found.key for found in listed} if set_aside else ()
    left = frozenset(
        key
        for key, record in set_aside.items()
        if key not in present
        and not listing.hides(key)
        and not _may_be_corrected(lake.store, tenant_id, record)
    )
    known = lake.catalog.sources(tenant_id, call_date)
    again = options.again
    if rebuild:
        again |= _documents_of_rows(lake, tenant_id, call_date, known)
    return plan_day(
        tenant_id,
        call_date,
        listed,
        known,
        again=again,
        removed=options.removed,
        left=left,
        rebuild=rebuild,
    )


def _documents_of_rows(
    lake: NightlyLake, tenant_id: str, call_date: dt.date, known: Mapping[str, SourceRecord]
) -> frozenset[str]:
    """The documents to read when a day is built anew: those that have rows.

    What is in quarantine keeps its row, which says since when, unless its file cannot be read any
    more. Superseded and discarded documents have none, and stay what they are.
    """
    outcomes = {SourceOutcome.CALL}
    try:
        for part in lake.catalog.parts(tenant_id, call_date).get("quarantined_documents", ()):
            read_part(lake.store, part.key, "quarantined_documents")
    except LakeError:
        outcomes.add(SourceOutcome.QUARANTINED)
    return frozenset(key for key, record in known.items() if record.outcome in outcomes)


def _may_be_corrected(store: Store, tenant_id: str, record: SourceRecord) -> bool:
    """Whether a person has, or may have, corrected the copy in quarantine: it must not be lost."""
    try:
        copy = quarantine_key(tenant_id, record.key)
        return store.head(copy) is not None and not store.is_copy_of(copy, record.etag)
    except OSError:
        return True


def _unlisted(folder: Unlisted) -> str:
    return (
        f"a folder of documents cannot be listed: {folder.reason}; give this program the right to "
        "read it, or remove it"
    )


def _day_of_folder(key: str) -> dt.date:
    """The day whose documents are in a folder, or UNDATED."""
    return _day_of_key(f"{key}/any.json")


def _day_of_key(key: str) -> dt.date:
    """The day of a document; UNDATED for what is not laid out as a document."""
    try:
        return parse_unified_key(key).call_date
    except CciLiteError:
        return UNDATED
