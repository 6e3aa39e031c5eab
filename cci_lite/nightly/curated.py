"""What lies below a tenant's curated tables, and what of it belongs to no generation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cci_lite.nightly.lake import NightlyLake
from cci_lite.ports import PublishedDay, StoredObject
from cci_lite.tenancy import MANIFESTS, curated_prefix, generation_prefix, parse_curated_key

BALANCE_SHEETS = "etl_runs"
# The folders of what tells that a generation was complete when it was written.
PROOFS = (MANIFESTS, BALANCE_SHEETS)

Files = Mapping[str, list[StoredObject]]  # of one generation, by folder


@dataclass(frozen=True)
class CuratedFiles:
    """The files below a tenant's curated tables: by day and generation; `others` belong nowhere."""

    days: Mapping[dt.date, Mapping[str, Files]]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Orphans:
    """Files that are of no published, replaced or staged generation.

    `whole`: all that there is of a generation that the catalogue does not know; otherwise files
    beside those of the published one. `folders` are the tables in which they lie.
    """

    call_date: dt.date
    generation: str
    folders: tuple[str, ...]
    files: tuple[StoredObject, ...] = field(repr=False)
    whole: bool

    def are_older(self, than: dt.datetime, day: PublishedDay | None) -> bool:
        """Whether they, and what readers see instead of them, were written before this time."""
        newest = max(file.modified_at for file in self.files)
        return newest < than and (day is None or day.published_at < than)


def curated_files(lake: NightlyLake, tenant_id: str) -> CuratedFiles:
    """List the files below a tenant's curated tables; raises LakeError when that cannot be done."""
    days: dict[dt.date, dict[str, dict[str, list[StoredObject]]]] = {}
    others = []
    for found in lake.store.listing(curated_prefix(tenant_id)):
        key = parse_curated_key(tenant_id, found.key)
        if key is None:
            others.append(found.key)
            continue
        folders = days.setdefault(key.call_date, {}).setdefault(key.generation, {})
        folders.setdefault(key.folder, []).append(found)
    return CuratedFiles(days, tuple(others))


def find_orphans(lake: NightlyLake, tenant_id: str, present: CuratedFiles) -> Iterator[Orphans]:
    """The files among these that no generation has which the catalogue knows.

    Not those of days that are not published and have a generation that was complete: see
    `cci_lite.nightly.repair.unknown_days`. `present` must have been listed before: what a run
    stages is noted before its files are written.
    """
    # In this order: of a day that a run switches meanwhile, no file is taken for an orphan.
    parts = lake.catalog.parts_by_day(tenant_id)
    published = lake.catalog.days(tenant_id)
    noted = lake.catalog.generations(tenant_id)
    for call_date, generations in present.days.items():
        day = published.get(call_date)
        unknown = {name for name in generations if (call_date, name) not in noted}
        if day is None and any(
            folder in generations[name] for name in unknown for folder in PROOFS
        ):
            continue
        known = {part.key for files in parts.get(call_date, {}).values() for part in files}
        for generation, folders in generations.items():
            if generation in unknown:
                files = tuple(file for found in folders.values() for file in found)
                yield Orphans(call_date, generation, tuple(folders), files, whole=True)
            elif day is not None and day.generation == generation:
                extra = {
                    folder: [file for file in files if file.key not in known]
                    for folder, files in folders.items()
                    if folder != MANIFESTS
                }
                beside = tuple(file for files in extra.values() for file in files)
                if beside:
                    where = tuple(folder for folder, files in extra.items() if files)
                    yield Orphans(call_date, generation, where, beside, whole=False)


def delete_orphans(lake: NightlyLake, tenant_id: str, orphans: Orphans) -> None:
    """Delete these files. Call it only under the lease; raises LeaseLostError when that is gone."""
    lake.catalog.check_lease(tenant_id)
    for file in orphans.files:
        lake.store.delete(file.key)
    for folder in orphans.folders if orphans.whole else ():  # what a lake in a folder has left
        lake.store.delete_below(
            generation_prefix(tenant_id, folder, orphans.call_date, orphans.generation)
        )
