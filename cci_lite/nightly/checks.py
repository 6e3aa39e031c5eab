"""What must hold before a staged day is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cci_lite.errors import BalanceError, LakeError
from cci_lite.nightly.reports import Balance
from cci_lite.nightly.staging import StagedDay
from cci_lite.ports import PartFile, SourceOutcome, SourceRecord

SHRINK_GUARD_CALLS = 5
SHRINK_GUARD_SHARE = 0.1


def refuse_failures(day: StagedDay) -> None:
    """Refuse a day of which a piece failed; raises LakeError."""
    for result in day.results:
        if result.failure is not None:
            raise LakeError(f"{day.plan.call_date}: {result.failure}")


def check_balance(
    day: StagedDay, balance: Balance, parts: Mapping[str, Sequence[PartFile]]
) -> None:
    """Refuse a day whose written rows are not those of its documents."""
    total = balance.calls + balance.superseded + balance.quarantined + balance.erased
    if balance.sources != total:
        raise BalanceError(f"{day.plan.call_date}: {balance.sources} documents, {total} outcomes")
    for table_name, expected in (
        ("calls", balance.calls),
        ("quarantined_documents", balance.quarantined),
    ):
        rows = sum(part.rows for part in parts.get(table_name, ()))
        if rows != expected:
            raise BalanceError(
                f"{day.plan.call_date}: expected {expected} rows in {table_name}, found {rows}"
            )


def guard_against_shrinking(day: StagedDay, records: Mapping[str, SourceRecord]) -> None:
    """Refuse a day that would lose many published calls to documents that became unreadable."""
    calls = [key for key, record in day.known.items() if record.outcome is SourceOutcome.CALL]
    lost = [
        key for key in calls if key in records and records[key].outcome is SourceOutcome.QUARANTINED
    ]
    if len(lost) >= SHRINK_GUARD_CALLS and len(lost) > SHRINK_GUARD_SHARE * len(calls):
        raise BalanceError(
            f"{day.plan.call_date}: {len(lost)} of {len(calls)} published calls would be lost to "
            "documents that now break the contract; mend them, or run with --allow-shrink"
        )
