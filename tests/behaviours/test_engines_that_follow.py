"""A catalogue that engines follow, and whose lease another run can take over."""

from __future__ import annotations

import datetime as dt

import pytest

from cci_lite.errors import LakeError, LeaseLostError
from cci_lite.local.catalog import SqliteCatalog
from cci_lite.nightly import run
from cci_lite.nightly.run_report import DayStatus
from tests.small_lake import NEXT_DAY, TENANT, SmallLake


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many days were published each time that engines were told to follow."""
    seen: list[int] = []

    def register(catalog: SqliteCatalog, tenant_id: str, **_: object) -> None:
        seen.append(len(catalog.days(tenant_id)))

    monkeypatch.setattr(SqliteCatalog, "register", register)
    return seen


def test_engines_follow_before_anything_is_deleted_and_after_all_is_published(
    small_lake: SmallLake, registered: list[int]
) -> None:
    small_lake.put("call-1")
    small_lake.put("call-2", day=NEXT_DAY)
    small_lake.run()
    assert registered == [0, 2]


def test_engines_follow_a_long_backfill_on_its_way(
    small_lake: SmallLake, registered: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_DAYS_PER_REGISTRATION", 2)
    for number in range(5):
        small_lake.put(f"call-{number}", day=NEXT_DAY + dt.timedelta(days=number))
    small_lake.run()
    assert registered == [0, 2, 4, 5]


def test_engines_that_cannot_follow_are_reported_and_undo_nothing(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: SqliteCatalog, __: str, **___: object) -> None:
        raise LakeError("Glue does not answer; run again later")

    small_lake.put("call-1")
    monkeypatch.setattr(SqliteCatalog, "register", fail)
    report = small_lake.run()
    assert not report.succeeded
    assert small_lake.call_ids() == ["call-1"]
    assert [day.reason for day in report.days if day.status is DayStatus.FAILED] == [
        "the query engine's tables cannot follow what is published: "
        "Glue does not answer; run again later"
    ] * 2


def test_a_run_that_was_taken_over_publishes_nothing_more_and_stops_its_tenant_only(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = SqliteCatalog.publish

    def taken_over(catalog: SqliteCatalog, tenant_id: str, changes: object) -> None:
        if tenant_id == TENANT:
            raise LeaseLostError(f"tenant {TENANT}: another run has taken over")
        publish(catalog, tenant_id, changes)  # type: ignore[arg-type]

    small_lake.put("call-1")
    small_lake.put("call-2", day=NEXT_DAY)
    small_lake.put("call-3", tenant_id="other-tenant")
    monkeypatch.setattr(SqliteCatalog, "publish", taken_over)
    report = small_lake.run(TENANT, "other-tenant")
    assert report.failed == {TENANT: f"tenant {TENANT}: another run has taken over"}
    # Not the second day either: the other run does all that is left to do.
    assert [day.tenant_id for day in report.days] == ["other-tenant"]
    assert small_lake.call_ids() == []
    assert small_lake.call_ids(tenant_id="other-tenant") == ["call-3"]


def test_a_run_that_was_taken_over_deletes_no_files(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.put("call-1")
    small_lake.run()
    small_lake.put("call-2")
    small_lake.run()
    small_lake.now += dt.timedelta(days=2)
    before = small_lake.files("curated")

    def lost(_: SqliteCatalog, tenant_id: str) -> None:
        raise LeaseLostError(f"tenant {tenant_id}: another run has taken over")

    monkeypatch.setattr(SqliteCatalog, "check_lease", lost)
    assert small_lake.run().failed == {TENANT: f"tenant {TENANT}: another run has taken over"}
    assert small_lake.files("curated") == before
