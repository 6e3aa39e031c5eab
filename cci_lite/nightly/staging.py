"""A day between plan and publication: its pieces, its new files, and which old ones it uses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from cci_lite.contract.columns import tables_digest
from cci_lite.errors import BalanceError
from cci_lite.flatten.plan import MAX_DOCUMENTS_PER_ITEM, DayPlan, split
from cci_lite.nightly.work import ItemResult
from cci_lite.ports import PartFile, PublishedDay, SourceOutcome, SourceRecord, StoredObject

OUTCOMES_WITH_ROWS = frozenset({SourceOutcome.CALL, SourceOutcome.QUARANTINED})
SMALL_PART_CALLS = MAX_DOCUMENTS_PER_ITEM // 4

_PART_NUMBER = re.compile(r"part-(\d+)\.parquet$")


@dataclass(frozen=True)
class StagedDay:
    """A day whose new files are written; nobody reads them yet."""

    plan: DayPlan
    generation: str
    previous: PublishedDay | None
    known: Mapping[str, SourceRecord]
    results: tuple[ItemResult, ...]

    @property
    def records(self) -> dict[str, SourceRecord]:
        """The outcome of every document of the day: the old one where it was not read again."""
        records = {
            key: record for key, record in self.known.items() if key not in self.plan.removed
        }
        for result in self.results:
            records.update((record.key, record) for record in result.records)
        return records

    @property
    def calls_read(self) -> dict[str, SourceRecord]:
        """The calls that this day brings in, by call id."""
        return {
            record.call_id: record
            for result in self.results
            for record in result.records
            if record.outcome is SourceOutcome.CALL and record.call_id is not None
        }

    @property
    def listing_digest(self) -> str:
        """The digest of the listing; empty when a document could not be read: it is tried again."""
        unread = any(not record.etag for record in self.records.values())
        return "" if unread else self.plan.listing_digest

    @property
    def tables_digest(self) -> str:
        """The digest of the day's columns: that of before where no document was to be read."""
        if self.previous is None or self.plan.rebuild:
            return tables_digest()
        return self.previous.tables_digest

    @property
    def parts(self) -> dict[str, list[PartFile]]:
        """The files written, by table."""
        parts: dict[str, list[PartFile]] = {}
        for result in self.results:
            for table_name, part in result.parts.items():
                parts.setdefault(table_name, []).append(part)
        return parts


def staying_parts(
    old_parts: Mapping[str, Sequence[PartFile]],
    known: Mapping[str, SourceRecord],
    drop: Set[str],
) -> dict[str, Sequence[PartFile]]:
    """The previous generation's files that hold rows of documents other than those in `drop`.

    Only they have to be read: a file that is gone is no obstacle where no row of it stays.
    """
    staying = {record.outcome for key, record in known.items() if key not in drop}
    return {
        table_name: parts
        for table_name, parts in old_parts.items()
        if (
            SourceOutcome.QUARANTINED
            if table_name == "quarantined_documents"
            else SourceOutcome.CALL
        )
        in staying
    }


@dataclass(frozen=True)
class Piece:
    """What of a day one worker does: documents to read, and files whose rows it takes over.

    It becomes one file of each table, with a number of its own. The rows of documents in `drop`,
    beside those of which the whole day drops the rows, are left behind.
    """

    sources: tuple[StoredObject, ...]
    carry: Mapping[str, tuple[str, ...]]
    drop: frozenset[str] = frozenset()

    @property
    def is_one_old_part(self) -> bool:
        """Whether it takes over one old part and reads nothing."""
        one_each = all(len(keys) == 1 for keys in self.carry.values())
        return bool(self.carry) and one_each and not self.sources


def pieces_of(
    plan: DayPlan, old_parts: Mapping[str, Sequence[PartFile]], others: Sequence[Piece] = ()
) -> list[Piece]:
    """A day in pieces that can be done at the same time; at least one, with the `others`.

    A large old part is rewritten by itself, so that much work is done in parallel. Small ones are
    put together, with the first of the new documents: otherwise each night with a few late
    documents would leave a few more small files, which queries are slow to open.
    """
    large, small = carried_parts(old_parts)
    batches = list(split(plan.to_read))
    if not batches and (small or not (large or others)):
        # Small old parts without new documents; or nothing at all is left of the day, which gets a
        # generation without rows.
        batches = [()]
    return [
        *(Piece((), part) for part in large),
        *(Piece(batch, {} if number else small) for number, batch in enumerate(batches)),
    ]


def parts_by_number(
    parts: Mapping[str, Sequence[PartFile]],
) -> dict[int, dict[str, list[PartFile]]]:
    """The files of a day by number and table, without balance sheets.

    Files with the same number hold the rows of the same documents.
    """
    found: dict[int, dict[str, list[PartFile]]] = {}
    for table_name, files in parts.items():
        if table_name != "etl_runs":
            for file in files:
                found.setdefault(_number_of(file.key), {}).setdefault(table_name, []).append(file)
    return dict(sorted(found.items()))


def carried_parts(
    old_parts: Mapping[str, Sequence[PartFile]],
) -> tuple[list[dict[str, tuple[str, ...]]], dict[str, tuple[str, ...]]]:
    """The previous generation's files: one entry per large part, and all small parts together."""
    large: list[dict[str, tuple[str, ...]]] = []
    small: dict[str, tuple[str, ...]] = {}
    for tables in parts_by_number(old_parts).values():
        keys = {name: tuple(part.key for part in files) for name, files in tables.items()}
        if sum(part.rows for part in tables.get("calls", ())) >= SMALL_PART_CALLS:
            large.append(keys)
        else:
            small |= {name: (*small.get(name, ()), *found) for name, found in keys.items()}
    return large, small


def _number_of(key: str) -> int:
    match = _PART_NUMBER.search(key)
    if match is None:
        raise BalanceError(f"{key}: expected a file name like part-0000.parquet")
    return int(match[1])
