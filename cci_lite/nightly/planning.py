"""What there is to do: the lake's listings against what is published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from cci_lite.errors import CciLiteError
from cci_lite.flatten.plan import DayPlan, ListingDigest, plan_day
from cci_lite.nightly.lake import Lake
from cci_lite.ports import Store, StoredObject
from cci_lite.tenancy import UNIFIED, parse_unified_key, unified_day_prefix, unified_prefix

DEFAULT_GRACE = dt.timedelta(hours=24)
UNDATED = dt.date(1970, 1, 1)  # the day of files whose key names none


@dataclass(frozen=True)
class RunOptions:
    """How a run behaves.

    `since` leaves earlier days alone. `allow_shrink` publishes a day that lost calls. `replay`
    looks at quarantined documents again first: at these keys, or at all when it is empty; from it
    come `again` (documents to read even when they are unchanged) and `removed` (those whose rows
    go).
    """

    since: dt.date | None = None
    grace: dt.timedelta = DEFAULT_GRACE
    allow_shrink: bool = False
    replay: frozenset[str] | None = None
    again: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


DEFAULT_OPTIONS = RunOptions()


def plan_tenant(
    lake: Lake, tenant_id: str, options: RunOptions = DEFAULT_OPTIONS
) -> Iterator[DayPlan]:
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


def unknown_tenants(store: Store, known: Collection[str]) -> list[str]:
    """Names below which there are documents although no known tenant is called so."""
    return [name for name in store.folders(f"{UNIFIED}/") if name not in known]


def _digests_by_day(
    store: Store, tenant_id: str
) -> tuple[dict[dt.date, str], dict[dt.date, list[StoredObject]]]:
    """A digest of each day's listing, and the objects that are not laid out as documents.

    Those count to the day UNDATED, so that they too are accounted for.
    """
    digests: dict[dt.date, ListingDigest] = {}
    strays: dict[dt.date, list[StoredObject]] = {}
    for source in store.listing(unified_prefix(tenant_id)):
        call_date = _day_of_key(source.key)
        if call_date is None:
            strays.setdefault(UNDATED, []).append(source)
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
