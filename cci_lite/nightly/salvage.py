"""Rows of documents that are gone: which file of which generation still has them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from cci_lite.errors import DamagedManifestError, LakeError
from cci_lite.nightly.curated import BALANCE_SHEETS
from cci_lite.nightly.lake import NightlyLake
from cci_lite.nightly.staging import Piece, parts_by_number
from cci_lite.nightly.work import read_part
from cci_lite.ports import DayChange, PartFile, SourceRecord, read_manifest
from cci_lite.tenancy import MANIFESTS, partition_prefix

_Parts = Mapping[str, Sequence[PartFile]]
LOST_ROWS = (
    "documents that have expired, and whose rows no file has any more that can be read: {}; put "
    "the day's curated files back from a copy of the lake, or publish the day without them: "
    "cci-lite etl rebuild --allow-loss"
)
_QUARANTINED = "quarantined_documents"
_WITH_DOCUMENTS = ("calls", _QUARANTINED)


@dataclass(frozen=True)
class Salvage:
    """Pieces that take over what is left of a day; of the documents `lost` no row is left."""

    pieces: Sequence[Piece]
    lost: frozenset[str]


def salvage(
    lake: NightlyLake, tenant_id: str, call_date: dt.date, wanted: Mapping[str, SourceRecord]
) -> Salvage:
    """Where the rows of these documents are: in what is published, or in earlier generations.

    A file counts when it is as it was written, and so are the files of the other tables that hold
    rows of the same calls. Of an earlier generation those rows count that were made from the
    version of the document that is known.
    """
    left = {(record.key, record.etag) for record in wanted.values()}
    pieces = []
    for parts in _generations(lake, tenant_id, call_date):
        for files in _of_same_documents(parts) if left else ():
            documents = _documents(lake, files)
            taken = documents & left
            if taken:
                keys = {table: tuple(part.key for part in found) for table, found in files.items()}
                others = frozenset(key for key, _ in documents - taken)
                pieces.append(Piece((), keys, others))
                left -= taken
    return Salvage(pieces, frozenset(key for key, _ in left))


def earlier_sheets(lake: NightlyLake, tenant_id: str, call_date: dt.date) -> list[pa.Table]:
    """The balance sheets of a day, of the latest generation of which they can be read."""
    for parts in _generations(lake, tenant_id, call_date):
        try:
            return [
                read_part(lake.store, part.key, BALANCE_SHEETS)
                for part in parts.get(BALANCE_SHEETS, ())
            ]
        except LakeError as problem:
            _refuse_unreadable(problem)
    return []


def _generations(lake: NightlyLake, tenant_id: str, call_date: dt.date) -> Iterator[_Parts]:
    """The files of what is published, then of the generations that it replaced, latest first."""
    day = lake.catalog.days(tenant_id).get(call_date)
    if day is not None:
        yield lake.catalog.parts(tenant_id, call_date)
    earlier = []
    for generation in lake.store.folders(partition_prefix(tenant_id, MANIFESTS, call_date)):
        change = _manifest(lake, tenant_id, call_date, generation)
        if change is not None and (day is None or generation != day.generation):
            earlier.append(change)
    earlier.sort(key=lambda change: (change.day.published_at, change.day.generation), reverse=True)
    yield from (change.parts for change in earlier)


def _manifest(
    lake: NightlyLake, tenant_id: str, call_date: dt.date, generation: str
) -> DayChange | None:
    try:
        return read_manifest(lake.store, tenant_id, call_date, generation)
    except DamagedManifestError:
        return None


def _of_same_documents(parts: _Parts) -> Iterator[_Parts]:
    """The files that hold the rows of the same documents: of calls, or of those in quarantine."""
    for files in parts_by_number(parts).values():
        of_calls = {name: found for name, found in files.items() if name != _QUARANTINED}
        if of_calls:
            yield of_calls
        if _QUARANTINED in files:
            yield {_QUARANTINED: files[_QUARANTINED]}


def _documents(lake: NightlyLake, files: _Parts) -> set[tuple[str, str]]:
    """The documents (key, etag) whose rows these files hold; none when one file is not whole."""
    found: set[tuple[str, str]] = set()
    try:
        for table_name, parts in files.items():
            for part in parts:
                table = read_part(lake.store, part.key, table_name)
                if table.num_rows != part.rows:
                    return set()
                if table_name in _WITH_DOCUMENTS:
                    columns = (table[name].to_pylist() for name in ("source_key", "source_etag"))
                    found.update(zip(*columns, strict=True))
    except LakeError as problem:
        _refuse_unreadable(problem)
        return set()
    return found


def _refuse_unreadable(problem: LakeError) -> None:
    """Raise the error of a file that may not be read: it is not lost."""
    if isinstance(problem.__cause__, PermissionError):
        raise problem
