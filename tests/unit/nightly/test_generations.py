"""Generations that nobody reads any more: which they are, and in which order they go."""

from __future__ import annotations

import datetime as dt

import pytest

from cci_lite.local.folder import FolderStore
from cci_lite.nightly.generations import delete_generation, leftover_generations
from tests.small_lake import DAY, NEXT_DAY, TENANT, SmallLake

HOUR = dt.timedelta(hours=1)


def test_what_a_killed_run_staged_and_what_was_replaced_before_the_grace_period_is_left_over(
    small_lake: SmallLake,
) -> None:
    small_lake.put("call-1")
    small_lake.run()
    small_lake.put("call-2")
    small_lake.run()
    small_lake.catalog.stage(TENANT, NEXT_DAY, "killed")
    killed, old = (NEXT_DAY, "killed"), (DAY, "run-1-0001")
    assert leftover_generations(small_lake.lake, TENANT, HOUR) == [killed]
    small_lake.now += HOUR
    assert leftover_generations(small_lake.lake, TENANT, HOUR) == [killed]
    small_lake.now += dt.timedelta(microseconds=1)
    assert leftover_generations(small_lake.lake, TENANT, HOUR) == [killed, old]


def test_a_deleted_generation_leaves_no_file_of_any_table_and_no_note(
    small_lake: SmallLake,
) -> None:
    small_lake.put("call-1")
    small_lake.put_bytes("broken", b"{")
    small_lake.put("call-2", day=NEXT_DAY)
    small_lake.run()
    other_day = {key for key in small_lake.files("curated") if "2025-11-06" in key}
    small_lake.catalog.stage(TENANT, DAY, "noted")
    delete_generation(small_lake.lake, TENANT, DAY, "run-1-0001")
    delete_generation(small_lake.lake, TENANT, DAY, "noted")
    assert small_lake.files("curated").keys() == other_day
    assert small_lake.catalog.abandoned(TENANT) == []


def test_a_generation_is_remembered_until_its_last_file_is_gone(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.catalog.stage(TENANT, DAY, "g")
    place = f"curated/{TENANT}/etl_runs/call_date=2025-11-05/g/part-0000.parquet"
    small_lake.store.write(place, b"x")
    delete_below = FolderStore.delete_below

    def refuse(store: FolderStore, prefix: str) -> None:
        if "/etl_runs/" in prefix:
            raise PermissionError(13, "Permission denied")
        delete_below(store, prefix)

    with monkeypatch.context() as patched:
        patched.setattr(FolderStore, "delete_below", refuse)
        with pytest.raises(PermissionError):
            delete_generation(small_lake.lake, TENANT, DAY, "g")
    assert small_lake.catalog.abandoned(TENANT) == [(DAY, "g")]
    delete_generation(small_lake.lake, TENANT, DAY, "g")
    assert small_lake.files("curated") == {}
    assert small_lake.catalog.abandoned(TENANT) == []
