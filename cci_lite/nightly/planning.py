"""What there is to do: the lake's listings against what is published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cci_lite.contract.columns import tables_digest
from cci_lite.errors import CciLiteError, LakeError
from cci_lite.flatten.plan import DayPlan, ListingDigest, plan_day
from cci_lite.nightly.lake import NightlyLake
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

    `since`: earlier days are not looked at. `allow_shrink`: a day that loses many calls is
    published all the same. `rebuild`: every day is built anew from its documents, even when nothing
    changed. `replay`: these quarantined documents are checked again first (all, when it is empty);
    the run itself then sets `again`, documents to read although they are unchanged, and `removed`,
    documents whose rows go. `discard`: the run takes these documents (all, when it is empty) out of
    quarantine for good, and does nothing else.
    """

    since: dt.date | None = None
    grace: dt.timedelta = DEFAULT_GRACE
    allow_shrink: bool = False
    rebuild: bool = False
    replay: frozenset[str] | None = None
    discard: frozenset[str] | None = None
    again: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


DEFAULT_OPTIONS = RunOptions()


def plan_tenant(
    lake: NightlyLake, tenant_id: str, options: RunOptions = DEFAULT_OPTIONS
) -> Iterator[DayPlan]:
    """What there is to do for a tenant, day by day. Reads listings and the catalogue, no document.

    The first pass over the listing keeps one digest per day; only days whose digest differs from
    the published one, and days that were built with other columns than the tables have today, are
    looked at document by document. Raises LakeError when nothing of the tenant can be listed.
    """
    listing = _digests_by_day(lake.store, tenant_id)
    columns = tables_digest()
    published = lake.catalog.days(tenant_id)
    set_aside = _set_aside(lake, tenant_id)
    unlisted = {_day_of_folder(folder.key): _unlisted(folder) for folder in listing.unlisted}
    days = listing.digests.keys() | set_aside.keys()
    for call_date in sorted(days | published.keys() if options.removed else days):
        if options.since is not None and call_date < options.since:
            continue
        day = published.get(call_date)
        digest = listing.digests.get(call_date)
        rebuild = day is not None and (options.rebuild or day.tables_digest != columns)
        # The digest says nothing of what a rebuild or a replay wants to be read, or to go.
        forced = bool(options.again or options.removed) or rebuild
        if day is not None and digest == day.listing_digest and not forced:
            continue
        try:
            plan = _plan_day(
                lake,
                tenant_id,
                call_date,
                listing,
                set_aside.get(call_date, {}),
                options,
                rebuild=rebuild,
            )
        except LakeError as problem:
            unlisted.setdefault(call_date, str(problem))
            continue
        if not plan.is_empty:
            yield plan
    for call_date, reason in sorted(unlisted.items()):
        # A month or year that cannot be listed may have any of its days: `since` does not hide it.
        if call_date == UNDATED or options.since is None or call_date >= options.since:
            yield DayPlan(tenant_id, call_date, (), (), 0, 0, frozenset(), "", unlisted=reason)


def things_of_no_tenant(store: Store) -> int:
    """How many files and folders beside the tenants' own cannot belong to a tenant."""
    folders = store.folders(f"{UNIFIED}/")
    return store.loose(f"{UNIFIED}/") + sum(not is_tenant_id(name) for name in folders)


@dataclass(frozen=True)
class _Listing:
    """The first pass over a tenant's documents: a digest of each day's.

    `strays` are the objects that are not laid out as documents; those count to the day UNDATED, so
    that they too are accounted for.
    """

    digests: Mapping[dt.date, str]
    strays: Sequence[StoredObject]
    unlisted: Sequence[Unlisted]

    def hides(self, key: str) -> bool:
        """Whether a document may be there although it is not listed."""
        return any(key.startswith(f"{folder.key}/") for folder in self.unlisted)


def _digests_by_day(store: Store, tenant_id: str) -> _Listing:
    digests: dict[dt.date, ListingDigest] = {}
    strays: list[StoredObject] = []
    unlisted: list[Unlisted] = []
    for found in store.survey(unified_prefix(tenant_id)):
        if isinstance(found, Unlisted):
            unlisted.append(found)
        elif (call_date := _day_of_key(found.key)) is None:
            strays.append(found)
        else:
            digests.setdefault(call_date, ListingDigest()).add(found)
    for stray in strays:
        digests.setdefault(UNDATED, ListingDigest()).add(stray)
    values = {call_date: digest.value() for call_date, digest in digests.items()}
    return _Listing(values, strays, unlisted)


def _set_aside(lake: NightlyLake, tenant_id: str) -> dict[dt.date, dict[str, SourceRecord]]:
    """The tenant's documents that are in quarantine or discarded, by day."""
    found: dict[dt.date, dict[str, SourceRecord]] = {}
    for outcome in (SourceOutcome.QUARANTINED, SourceOutcome.DISCARDED):
        for key, record in lake.catalog.records(tenant_id, outcome).items():
            found.setdefault(_day_of_key(key) or UNDATED, {})[key] = record
    return found


def _plan_day(
    lake: NightlyLake,
    tenant_id: str,
    call_date: dt.date,
    listing: _Listing,
    set_aside: Mapping[str, SourceRecord],
    options: RunOptions,
    *,
    rebuild: bool,
) -> DayPlan:
    listed = []
    for found in lake.store.survey(unified_day_prefix(tenant_id, call_date)):
        if isinstance(found, StoredObject):
            if _day_of_key(found.key) is not None:
                listed.append(found)
        elif _day_of_folder(found.key) == call_date:
            raise LakeError(_unlisted(found))
    if call_date == UNDATED:
        listed += listing.strays
    present = {found.key for found in listed}
    # What was deleted at its source leaves quarantine, unless it may be there unseen, or a person
    # has begun to correct its copy.
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
        copy = store.head(quarantine_key(tenant_id, record.key))
    except OSError:
        return True
    return copy is not None and copy.etag != record.etag


def _unlisted(folder: Unlisted) -> str:
    return (
        f"a folder of documents cannot be listed: {folder.reason}; give this program the right to "
        "read it, or remove it"
    )


def _day_of_folder(key: str) -> dt.date:
    """The day whose documents are in a folder, or UNDATED."""
    return _day_of_key(f"{key}/any.json") or UNDATED


def _day_of_key(key: str) -> dt.date | None:
    try:
        return parse_unified_key(key).call_date
    except CciLiteError:
        return None
