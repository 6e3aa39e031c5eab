"""Small values of the nightly run to test with."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from typing import Any

import pytest

from cci_lite.flatten.plan import DayPlan
from cci_lite.nightly.staging import StagedDay
from cci_lite.nightly.work import ItemResult
from cci_lite.ports import PartFile, SourceOutcome, SourceRecord, StoredObject
from tests.small_lake import DAY, TENANT

NOW = dt.datetime(2025, 11, 7, 2, tzinfo=dt.UTC)


def key_of(name: str, day: dt.date = DAY) -> str:
    """The key of a document by its name."""
    return f"unified/{TENANT}/{day:%Y/%m/%d}/{name}.json"


def source(name: str, etag: str = "1", size: int = 100) -> StoredObject:
    """A document in a listing."""
    return StoredObject(key_of(name), etag, size, NOW)


def record(
    name: str, outcome: SourceOutcome = SourceOutcome.CALL, *, etag: str = "1", **fields: Any
) -> SourceRecord:
    """What became of a document."""
    call_id = name if outcome is SourceOutcome.CALL else None
    return SourceRecord(key_of(name), etag, NOW, outcome, **{"call_id": call_id, **fields})


def by_key(*records: SourceRecord) -> dict[str, SourceRecord]:
    """Records as the catalogue gives them."""
    return {each.key: each for each in records}


def part(table: str, number: int, rows: int) -> PartFile:
    """A file of a table."""
    return PartFile(f"curated/{TENANT}/{table}/g/part-{number:04d}.parquet", rows, 10 * rows)


def plan(*, removed: frozenset[str] = frozenset(), digest: str = "digest") -> DayPlan:
    """A plan that reads nothing."""
    return DayPlan(TENANT, DAY, (), (), 0, 0, removed, digest)


def staged(
    *results: ItemResult,
    known: Mapping[str, SourceRecord] | None = None,
    removed: frozenset[str] = frozenset(),
    digest: str = "digest",
) -> StagedDay:
    """A day whose files are written."""
    return StagedDay(plan(removed=removed, digest=digest), "g", None, known or {}, results)


def refuse_folder(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As the system does where a right is missing; root, which tests may run as, has it."""
    really_open = os.open

    def guarded(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path) == name:
            raise PermissionError(13, "Permission denied", path)
        return really_open(path, *arguments, **options)

    monkeypatch.setattr("cci_lite.local.regular.os.open", guarded)
