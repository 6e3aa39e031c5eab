"""Reads off its files what a generation without a manifest was published with.

Days that were made before there were manifests have a balance sheet only, which counts documents
and does not name them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cci_lite.contract.columns import TABLES
from cci_lite.errors import BalanceError
from cci_lite.nightly.curated import BALANCE_SHEETS, Files
from cci_lite.nightly.lake import NightlyLake
from cci_lite.nightly.work import read_part
from cci_lite.ports import DayChange, PartFile, PublishedDay, SourceOutcome, SourceRecord
from cci_lite.tenancy import parse_curated_key

Sheet = Mapping[str, Any]


def part_files(tenant_id: str, files: Files) -> dict[str, list[PartFile]]:
    """The files of a generation that are named as parts of its tables, with unknown rows."""
    found: dict[str, list[PartFile]] = {}
    for table_name in TABLES.keys() & files.keys():
        for file in files[table_name]:
            key = parse_curated_key(tenant_id, file.key)
            if key is not None and key.is_part:
                found.setdefault(table_name, []).append(PartFile(file.key, 0, file.size))
    return found


def read_sheet(
    lake: NightlyLake, generation: str, parts: Mapping[str, Sequence[PartFile]]
) -> Sheet | None:
    """The balance sheet of a generation; None when it was never finished. Raises LakeError."""
    for part in parts.get(BALANCE_SHEETS, ()):
        for row in read_part(lake.store, part.key, BALANCE_SHEETS).to_pylist():
            if row["generation"] == generation:
                sheet: Sheet = row
                return sheet
    return None


def change_by_sheet(
    lake: NightlyLake,
    call_date: dt.date,
    generation: str,
    files: Mapping[str, Sequence[PartFile]],
    sheet: Sheet,
) -> DayChange:
    """The publication of a generation, read off its files; raises BalanceError and LakeError."""
    parts: dict[str, list[PartFile]] = {}
    rows: dict[str, list[pa.Table]] = {}
    for table_name, found in files.items():
        for file in found:
            table = read_part(lake.store, file.key, table_name)
            parts.setdefault(table_name, []).append(PartFile(file.key, table.num_rows, file.bytes))
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
    return DayChange(restored, None, parts, sources)


def what_no_sheet_says(sheet: Sheet) -> list[str]:
    """What is not known any more of a day that was read off its files."""
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
    return notes


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
