"""What a run and a repair say of themselves."""

from __future__ import annotations

from typing import Any

import pytest

from cci_lite.nightly.repair import RepairedDay, RepairedTenant, RepairReport, RepairStatus
from cci_lite.nightly.run_report import Balance, DayReport, DayStatus, RunReport
from cci_lite.ports import SourceOutcome
from tests.small_lake import DAY, NEXT_DAY, TENANT
from tests.unit.nightly.values import NOW, record


def test_a_balance_sheet_counts_each_outcome_in_its_own_column() -> None:
    counts = {
        SourceOutcome.CALL: 1,
        SourceOutcome.SUPERSEDED: 2,
        SourceOutcome.QUARANTINED: 3,
        SourceOutcome.DISCARDED: 4,
        SourceOutcome.ERASED: 5,
    }
    records = [
        record(f"{outcome}-{number}", outcome)
        for outcome, count in counts.items()
        for number in range(count)
    ]
    assert Balance.of(records) == Balance(
        sources=15, calls=1, superseded=2, quarantined=3, discarded=4, erased=5
    )


def day(status: DayStatus) -> DayReport:
    return DayReport(TENANT, DAY, status)


@pytest.mark.parametrize(
    ("fields", "succeeded"),
    [
        ({}, True),
        ({"days": [day(DayStatus.PUBLISHED)], "quarantined": {TENANT: 3}}, True),
        ({"days": [day(DayStatus.PUBLISHED), day(DayStatus.REFUSED)]}, False),
        ({"days": [day(DayStatus.FAILED)]}, False),
        ({"busy": [TENANT]}, False),
        ({"failed": {TENANT: "why"}}, False),
    ],
)
def test_a_run_succeeded_when_everything_was_done(fields: dict[str, Any], succeeded: bool) -> None:
    assert RunReport("run-1", NOW, **fields).succeeded is succeeded


def repaired(status: RepairStatus, discarded: int = 0, day: Any = DAY) -> RepairedDay:
    return RepairedDay(TENANT, day, status, discarded=discarded)


def days(*repaired: RepairedDay) -> dict[str, Any]:
    return {"tenants": {TENANT: RepairedTenant(repaired)}}


@pytest.mark.parametrize(
    ("fields", "succeeded"),
    [
        ({}, True),
        (days(repaired(RepairStatus.RESTORED), repaired(RepairStatus.MANIFEST)), True),
        (days(repaired(RepairStatus.RESTORED), repaired(RepairStatus.LOST)), False),
        (days(repaired(RepairStatus.DAMAGED)), False),
        (days(repaired(RepairStatus.RESTORED, discarded=1)), False),
        ({"tenants": {TENANT: RepairedTenant(partitions=1, removed=2, kept=3)}}, True),
        ({"without_settings": [TENANT]}, False),
        ({"busy": [TENANT]}, False),
        ({"failed": {TENANT: "why"}}, False),
    ],
)
def test_a_repair_succeeded_when_nothing_is_missing(
    fields: dict[str, Any], succeeded: bool
) -> None:
    assert RepairReport(**fields).succeeded is succeeded


def test_a_repair_counts_forgotten_discards_by_tenant_and_names_no_other_tenant() -> None:
    other = RepairedTenant((RepairedDay("other-tenant", DAY, RepairStatus.RESTORED),))
    both = (repaired(RepairStatus.RESTORED, 2), repaired(RepairStatus.RESTORED, 1, NEXT_DAY))
    report = RepairReport({TENANT: RepairedTenant(both), "other-tenant": other})
    assert report.discarded == {TENANT: 3}
