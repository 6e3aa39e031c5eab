"""Rebuilds a lost or outdated catalogue from the lake's files. Never deletes or overwrites data.

What is published is read off the newest complete generation of each day: the one with a balance
sheet of its own. Each day's facts are gathered in one place (`_day_on_disk`), which is where a
manifest beside the data would be read instead.
"""

from __future__ import annotations

import collections
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cci_lite.contract.columns import TABLES
from cci_lite.errors import BalanceError, LakeError
from cci_lite.nightly.lake import NightlyLake
from cci_lite.nightly.work import read_part
from cci_lite.ports import (
    DayChange,
    PartFile,
    PublishedDay,
    SourceOutcome,
    SourceRecord,
    StoredObject,
)
from cci_lite.tenancy import (
    curated_prefix,
    curated_table_prefix,
    parse_part_key,
    partition_prefix,
)

_SHEETS = "etl_runs"
UNKNOWN_DAY = (
    "curated files of this day are missing from the catalogue: add them with cci-lite etl repair, "
    "or move them away, and the next run builds the day from its documents"
)

_Generations = dict[str, dict[str, list[StoredObject]]]


class RepairStatus(StrEnum):
    """What became of a day."""

    RESTORED = "restored"
    LOST = "lost"


@dataclass(frozen=True)
class RepairedDay:
    """A day of which the catalogue was wrong; `note` says what could not be brought back.

    `discarded` counts documents of which nobody knows any more that a person discarded them.
    """

    tenant_id: str
    call_date: dt.date
    status: RepairStatus
    generation: str | None = None
    calls: int = 0
    note: str = ""
    discarded: int = 0


@dataclass
class RepairReport:
    """What a repair did.

    `without_settings` are tenants whose settings are gone or cannot be read, `busy` those that a
    run is working on, `failed` those that could not be looked at, with the reason.
    """

    days: list[RepairedDay] = field(default_factory=list)
    without_settings: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Whether everything could be brought back."""
        lost = any(day.status is RepairStatus.LOST or day.discarded for day in self.days)
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
    sheets = curated_table_prefix(tenant_id, _SHEETS)
    known_folders = {
        partition_prefix(tenant_id, _SHEETS, day) for day in lake.catalog.days(tenant_id)
    }
    # The files first: what a run stages or publishes meanwhile is then not taken for unknown.
    present = {
        (key.call_date, key.generation)
        for name in lake.store.folders(sheets)
        if (folder := f"{sheets}{name}/") not in known_folders
        for found in lake.store.listing(folder)
        if (key := parse_part_key(tenant_id, found.key)) is not None
    }
    known = lake.catalog.days(tenant_id)
    staged = set(lake.catalog.abandoned(tenant_id))
    return sorted({day for day, generation in present - staged if day not in known})


def repair_tenant(lake: NightlyLake, tenant_id: str) -> list[RepairedDay]:
    """Publish again what lies in the lake, for each day of which the catalogue is wrong.

    A day that is published and whose files are there is left alone. Must run under the tenant's
    lease. Raises LakeError when a file or folder may not be read: that is no loss.
    """
    days: dict[dt.date, _Generations] = {}
    for found in lake.store.listing(curated_prefix(tenant_id)):
        if (key := parse_part_key(tenant_id, found.key)) is not None and key.table in TABLES:
            tables = days.setdefault(key.call_date, {}).setdefault(key.generation, {})
            tables.setdefault(key.table, []).append(found)
    published = lake.catalog.days(tenant_id)
    repaired = []
    for call_date in sorted(days.keys() | published.keys()):
        day = published.get(call_date)
        if day is None or not _is_whole(lake, tenant_id, call_date):
            generations = days.get(call_date, {})
            repaired.append(_repair_day(lake, tenant_id, call_date, generations, day))
    return [each for each in repaired if each is not None]


def _is_whole(lake: NightlyLake, tenant_id: str, call_date: dt.date) -> bool:
    for parts in lake.catalog.parts(tenant_id, call_date).values():
        for part in parts:
            found = lake.store.head(part.key)
            if found is None or found.size != part.bytes:
                return False
    return True


def _repair_day(
    lake: NightlyLake,
    tenant_id: str,
    call_date: dt.date,
    generations: _Generations,
    day: PublishedDay | None,
) -> RepairedDay | None:
    """Publish the newest complete generation of a day; None when there is nothing to publish."""
    sheets: dict[str, Mapping[str, Any]] = {}
    for generation, tables in generations.items():
        try:
            sheet = _sheet(lake, generation, tables.get(_SHEETS, ()))
        except LakeError as problem:
            # It may be the newest generation: without its sheet nobody knows which one is.
            _refuse_unreadable(problem)
            return _lost(tenant_id, call_date, generation, "its balance sheet is damaged")
        if sheet is not None:
            sheets[generation] = sheet
    if not sheets:
        # Files of a run that was killed before it had written them all: nobody ever read them.
        return _lost(tenant_id, call_date, day.generation, "its files are gone") if day else None
    generation = max(sheets, key=lambda each: (sheets[each]["published_at"], each))
    if day is not None and day.generation == generation:
        # It is published already, and its files are not as they were: there is no later one.
        return _lost(tenant_id, call_date, generation, "a file is gone or damaged")
    sheet = sheets[generation]
    try:
        change = _day_on_disk(lake, call_date, generation, generations[generation], sheet, day)
    except BalanceError as problem:
        return _lost(tenant_id, call_date, generation, str(problem))
    except LakeError as problem:
        _refuse_unreadable(problem)
        return _lost(tenant_id, call_date, generation, "a file is damaged")
    # Staged first, as a run does it: then the generation is noted, and later deleted, like any.
    lake.catalog.stage(tenant_id, call_date, generation)
    lake.catalog.publish(tenant_id, [change])
    return RepairedDay(
        tenant_id,
        call_date,
        RepairStatus.RESTORED,
        generation,
        sheet["calls"],
        _what_is_missing(sheet, len(sheets) - 1),
        sheet["discarded"],
    )


def _refuse_unreadable(problem: LakeError) -> None:
    """Raise the error of a file that may not be read: it is not lost."""
    if isinstance(problem.__cause__, PermissionError):
        raise problem


def _lost(tenant_id: str, call_date: dt.date, generation: str, why: str) -> RepairedDay:
    note = (
        f"{why}: put the files back from a copy of the lake, or move the folders of generation "
        f"{generation} away; then repair again, which takes an earlier generation if there is one"
    )
    return RepairedDay(tenant_id, call_date, RepairStatus.LOST, generation, note=note)


def _what_is_missing(sheet: Mapping[str, Any], older: int) -> str:
    notes = []
    if sheet["superseded"]:
        notes.append(
            f"the names of superseded documents: {sheet['superseded']} (the next run reads them "
            "again)"
        )
    if sheet["discarded"]:
        notes.append(
            f"that documents were discarded: {sheet['discarded']} (the next run takes those that "
            "are still there into quarantine again)"
        )
    if older:
        notes.append(
            f"earlier generations that stay in the folder, unknown to the catalogue: {older}"
        )
    return "; ".join(notes)


def _sheet(
    lake: NightlyLake, generation: str, files: Sequence[StoredObject]
) -> Mapping[str, Any] | None:
    """The balance sheet of a generation; None when it was never finished."""
    for file in files:
        for row in read_part(lake.store, file.key, _SHEETS).to_pylist():
            if row["generation"] == generation:
                sheet: Mapping[str, Any] = row
                return sheet
    return None


def _day_on_disk(
    lake: NightlyLake,
    call_date: dt.date,
    generation: str,
    files: Mapping[str, Sequence[StoredObject]],
    sheet: Mapping[str, Any],
    day: PublishedDay | None,
) -> DayChange:
    """The publication of a generation, read off its files; raises BalanceError and LakeError."""
    parts: dict[str, list[PartFile]] = {}
    rows: dict[str, list[pa.Table]] = {}
    for table_name, found in files.items():
        for file in found:
            table = read_part(lake.store, file.key, table_name)
            parts.setdefault(table_name, []).append(PartFile(file.key, table.num_rows, file.size))
            rows.setdefault(table_name, []).append(table)
    counts = {name: sum(part.rows for part in found) for name, found in parts.items()}
    criteria = sum(pc.sum(table["qa_criteria"]).as_py() or 0 for table in rows.get("calls", ()))
    for table_name, expected in (
        ("calls", sheet["calls"]),
        ("quarantined_documents", sheet["quarantined"]),
        ("qa_criteria", criteria),
    ):
        if counts.get(table_name, 0) != expected:
            raise BalanceError(
                f"rows in {table_name}: expected {expected}, found {counts.get(table_name, 0)}"
            )
    published_at = sheet["published_at"].replace(tzinfo=dt.UTC)
    sources = [
        *_sources(lake, rows.get("calls", ()), SourceOutcome.CALL, published_at),
        *_sources(
            lake, rows.get("quarantined_documents", ()), SourceOutcome.QUARANTINED, published_at
        ),
    ]
    # No digest of a listing: the next run compares the day document by document.
    restored = PublishedDay(
        call_date,
        generation,
        "",
        sheet["etl_run_id"],
        published_at,
        sheet["tables_digest"] or "",
    )
    return DayChange(restored, day.generation if day else None, parts, sources)


def _sources(
    lake: NightlyLake, tables: Sequence[pa.Table], outcome: SourceOutcome, published_at: dt.datetime
) -> list[SourceRecord]:
    """What became of the documents that these rows are of.

    When a document was written, only the document itself can tell: one that is gone or another one
    since has the time of the publication.
    """
    records = []
    for table in tables:
        wanted = [
            name
            for name in ("source_key", "source_etag", "call_id", "revision")
            if name in table.column_names
        ]
        for row in table.select(wanted).to_pylist():
            found = lake.store.head(row["source_key"])
            same = found is not None and found.etag == row["source_etag"]
            records.append(
                SourceRecord(
                    row["source_key"],
                    row["source_etag"],
                    found.modified_at if found is not None and same else published_at,
                    outcome,
                    row.get("call_id") if outcome is SourceOutcome.CALL else None,
                    row.get("revision") or 0 if outcome is SourceOutcome.CALL else 0,
                )
            )
    return records
