"""What a run has to do: the days that changed, their documents, in pieces of bounded size."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cci_lite.ports import SourceRecord, StoredObject

MAX_DOCUMENTS_PER_ITEM = 1_000
MAX_BYTES_PER_ITEM = 16 * 1024 * 1024


@dataclass(frozen=True)
class DayPlan:
    """What a run does to one tenant's day: which documents it reads; the rows of others stay.

    `gone` counts published documents that are no longer listed, because they expired: their rows
    stay. The rows of `removed` documents go; `left` are those of them that were in quarantine or
    discarded and were deleted at their source. `unlisted` says why a folder of the day cannot be
    listed: then the day stays as it is. `rebuild`: the day is published with the columns that the
    tables have today, even when there is nothing to read. `lost` are those of `removed` that are
    gone and of which no row is left.
    """

    tenant_id: str
    call_date: dt.date
    new: tuple[StoredObject, ...]
    changed: tuple[StoredObject, ...]
    unchanged: int
    gone: int
    removed: frozenset[str]
    listing_digest: str
    left: frozenset[str] = frozenset()
    unlisted: str = ""
    rebuild: bool = False
    lost: frozenset[str] = frozenset()

    @property
    def dropped(self) -> frozenset[str]:
        """The documents whose old rows do not stay: there are new ones, or none."""
        return frozenset(source.key for source in self.changed) | self.removed

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.new or self.changed or self.removed or self.unlisted or self.rebuild)

    @property
    def to_read(self) -> list[StoredObject]:
        """The documents to read, ordered by key."""
        return sorted((*self.new, *self.changed), key=lambda source: source.key)


def listing_digest(listed: Iterable[StoredObject]) -> str:
    """A digest of a day's listing, which is ordered by key: 32 hexadecimal digits.

    It is equal when the same documents are there in the same versions.
    """
    digest = hashlib.sha256()
    for source in listed:
        digest.update(f"{source.key}\0{source.etag}\0".encode())
    return digest.hexdigest()[:32]


def plan_day(
    tenant_id: str,
    call_date: dt.date,
    listed: Sequence[StoredObject],
    known: Mapping[str, SourceRecord],
    *,
    again: frozenset[str] = frozenset(),
    removed: frozenset[str] = frozenset(),
    left: frozenset[str] = frozenset(),
    rebuild: bool = False,
) -> DayPlan:
    """Compare a day's listing with what its published generation was built from.

    `again` are documents to read although they are unchanged, `removed` those whose rows go, `left`
    those in quarantine, or discarded, that were deleted at their source.
    """
    removed = (removed | left) & known.keys()
    new = [source for source in listed if source.key not in known]
    changed = [
        source
        for source in listed
        if source.key in known and (source.etag != known[source.key].etag or source.key in again)
    ]
    present = {source.key for source in listed}
    return DayPlan(
        tenant_id,
        call_date,
        tuple(new),
        tuple(changed),
        len(listed) - len(new) - len(changed),
        sum(1 for key in known if key not in present and key not in removed),
        removed,
        listing_digest(listed),
        left & known.keys(),
        rebuild=rebuild,
    )


def split(
    sources: Sequence[StoredObject],
    *,
    max_documents: int = MAX_DOCUMENTS_PER_ITEM,
    max_bytes: int = MAX_BYTES_PER_ITEM,
) -> Iterator[tuple[StoredObject, ...]]:
    """Consecutive pieces within both bounds; a document larger than the bound is alone."""
    piece: list[StoredObject] = []
    size = 0
    for source in sources:
        if piece and (len(piece) >= max_documents or size + source.size > max_bytes):
            yield tuple(piece)
            piece, size = [], 0
        piece.append(source)
        size += source.size
    if piece:
        yield tuple(piece)
