"""The ports of the lake: object store, configuration store, catalogue, worker pool."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import msgspec


class StoredObject(msgspec.Struct, frozen=True, gc=False):
    """One object of a store as a listing shows it. `etag` changes whenever the content does.

    `stray` is empty for an object; otherwise it says what stands there instead (a link, a named
    pipe). Only `survey` shows strays; they are never read.
    """

    key: str
    etag: str
    size: int
    modified_at: dt.datetime
    stray: str = ""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A folder of a store that cannot be listed, and why."""

    key: str
    reason: str


class Store(Protocol):
    """A folder or a bucket. Keys are relative and use `/`. Must be picklable."""

    def listing(self, prefix: str) -> Iterator[StoredObject]:
        """The objects below `prefix`, ordered by key.

        Raises LakeError when a folder there cannot be listed: it may hold any of them.
        """

    def survey(self, prefix: str, *, start: str = "") -> Iterator[StoredObject | Unlisted]:
        """Everything below `prefix`, ordered by key, with strays and folders that cannot be listed.

        Keys before `start` are left out, and folders that hold only such keys are not opened.
        Raises LakeError when `prefix` itself cannot be listed.
        """

    def head(self, key: str) -> StoredObject | None:
        """The object as a listing shows it; None when it is not there."""

    def folders(self, prefix: str) -> list[str]:
        """The names directly below `prefix` that have something below them, ordered."""

    def loose(self, prefix: str) -> int:
        """How many objects and strays lie directly below `prefix`, in no folder."""

    def read(self, key: str) -> bytes:
        """The whole object; raises FileNotFoundError, or EOVERFLOW when it is too large."""

    def reading(
        self, objects: Sequence[StoredObject]
    ) -> AbstractContextManager[Callable[[str], bytes]]:
        """`read`, for these objects one after the other.

        They may be read ahead in this order, as many as fit into a few megabytes.
        """

    def write(self, key: str, data: bytes | memoryview) -> None:
        """Create or replace the object in one step: readers see the old or the new content.

        Raises LakeError when a stray stands where a folder is needed.
        """

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the store; raises FileNotFoundError and LakeError."""

    def is_copy_of(self, key: str, etag: str) -> bool:
        """Whether `key` is a copy, made by `copy`, of an object that had this etag.

        False when it is not there, and when anybody has written to it since.
        """

    def delete(self, key: str) -> None:
        """Delete the object if it is there."""

    def delete_below(self, prefix: str) -> None:
        """Delete everything below `prefix`."""


class ConfigStore(Protocol):
    """Items by partition key and sort key: the guide's configuration table, or the laptop's.

    Items come back with their keys, `pk` and `sk`.
    """

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        """One item, or None."""

    def put(self, pk: str, sk: str, item: Mapping[str, Any]) -> None:
        """Create or replace an item."""

    def put_new(self, pk: str, sk: str, item: Mapping[str, Any]) -> bool:
        """Create an item; False when there is one already, which is then left alone."""

    def query(self, pk: str, sk_prefix: str) -> list[dict[str, Any]]:
        """The items of a partition key whose sort key starts so, ordered by it."""

    def partition_keys(self) -> list[str]:
        """All partition keys, ordered."""

    def delete(self, pk: str, sk: str) -> None:
        """Delete an item if it is there."""


class SourceOutcome(StrEnum):
    """What became of a document; every document has exactly one outcome."""

    CALL = "call"
    SUPERSEDED = "superseded"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"
    ERASED = "erased"


class SourceRecord(msgspec.Struct, frozen=True, gc=False):
    """What the catalogue knows of one document: the version that was taken in and its outcome.

    `etag` is empty when no version could be read; then the next run tries again.
    """

    key: str
    etag: str
    modified_at: dt.datetime
    outcome: SourceOutcome
    call_id: str | None = None
    revision: int = 0
    writing: int = 0

    @property
    def rank(self) -> tuple[int, int, dt.datetime, str]:
        """Of two documents of one call, the one that ranks higher is used.

        What the documents say of their order counts first: a store's times are of whole seconds,
        and are those of the copy when a lake was copied.
        """
        return (self.revision, self.writing, self.modified_at, self.key)


@dataclass(frozen=True, slots=True)
class PartFile:
    """One Parquet file of a partition."""

    key: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class PublishedDay:
    """What readers see of a tenant's day.

    `listing_digest` is of the listing that it was built from, `tables_digest` of the columns that
    it was built with; empty when nobody knows.
    """

    call_date: dt.date
    generation: str
    listing_digest: str
    etl_run_id: str
    published_at: dt.datetime
    tables_digest: str = ""


@dataclass(frozen=True)
class DayChange:
    """One tenant's day before and after a publication: everything that it switches."""

    day: PublishedDay
    previous_generation: str | None
    parts: Mapping[str, Sequence[PartFile]]
    sources: Sequence[SourceRecord]


@dataclass(frozen=True)
class TableDifference:
    """Where the tables of a query engine's own catalogue differ from what is published.

    `table` is named as in SQL (`cci_lite.calls`); `call_date` is None for a table as a whole.
    """

    table: str
    call_date: dt.date | None
    found: str


class Catalog(Protocol):
    """What is published, what it was built from, and which run holds the lease."""

    def lease(self, tenant_id: str, holder: str) -> AbstractContextManager[None]:
        """Exclude other runs of the tenant, until the process ends at the latest.

        Raises LeaseHeldError when another run holds it. Where a lease can expire under a process
        that is taken for dead, another run may take it over: see `check_lease`.
        """

    def check_lease(self, tenant_id: str) -> None:
        """Raise LeaseLostError when another run has taken over the lease that was taken here."""

    def days(self, tenant_id: str) -> dict[dt.date, PublishedDay]:
        """The published days of a tenant."""

    def sources(self, tenant_id: str, call_date: dt.date) -> dict[str, SourceRecord]:
        """What one day was built from, by key."""

    def records(self, tenant_id: str, outcome: SourceOutcome) -> dict[str, SourceRecord]:
        """A tenant's documents of all days that have this outcome, by key."""

    def parts(self, tenant_id: str, call_date: dt.date | None = None) -> dict[str, list[PartFile]]:
        """The published files by table: of one day, or of all."""

    def parts_by_day(self, tenant_id: str) -> dict[dt.date, dict[str, list[PartFile]]]:
        """The published files of all days, each day's by table: one state of the tenant's data."""

    def calls_on_other_days(
        self, tenant_id: str, call_ids: Iterable[str], call_date: dt.date
    ) -> dict[dt.date, list[SourceRecord]]:
        """Where the given calls are published on other days than this one."""

    def stage(self, tenant_id: str, call_date: dt.date, generation: str) -> None:
        """Note that files of a generation are about to be written."""

    def publish(self, tenant_id: str, changes: Sequence[DayChange]) -> None:
        """Switch readers to the new generations of all these days at once.

        A generation that is published already is not retired by being published again. Raises
        PublishConflictError when a day's published generation is not `previous_generation`,
        LeaseLostError when another run has taken over the tenant's lease.
        """

    def register(self, tenant_id: str, *, all_days: bool = False) -> None:
        """Let query engines that have a catalogue of their own follow what is published.

        Does nothing where they read this one. What could not be registered (LakeError) is, by the
        next call. With `all_days` also what others have changed there since: see `differences`.
        Call it only under the lease.
        """

    def differences(self, tenant_id: str) -> list[TableDifference]:
        """Where such an engine's catalogue differs from what is published and was registered."""

    def generations(self, tenant_id: str) -> set[tuple[dt.date, str]]:
        """Every generation that is noted: staged, published, or replaced and not forgotten yet."""

    def abandoned(self, tenant_id: str) -> list[tuple[dt.date, str]]:
        """Generations that were staged and never published. Call it only under the lease."""

    def retired(self, tenant_id: str, before: dt.datetime) -> list[tuple[dt.date, str]]:
        """Generations that were replaced before this time, and that no engine reads any more."""

    def forget(self, tenant_id: str, call_date: dt.date, generation: str) -> None:
        """Drop the note of a generation whose files have been deleted."""


class WorkerPool(Protocol):
    """Runs functions of picklable values, several at a time."""

    @property
    def width(self) -> int:
        """How many run at a time."""

    def map(
        self, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]
    ) -> Iterator[Any]:
        """The results in the order of the arguments, of which only a few are drawn ahead."""
