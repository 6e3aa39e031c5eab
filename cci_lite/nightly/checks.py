"""What must hold before a staged day is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cci_lite.errors import BalanceError, LakeError
from cci_lite.nightly.run_report import Balance
from cci_lite.nightly.staging import StagedDay
from cci_lite.ports import PartFile, SourceOutcome, SourceRecord

# A day is refused that loses at least so many calls, which are more than this share of them; or
# all of its calls. A day with a single call is not: quarantine tells of it as well as a refusal.
SHRINK_GUARD_CALLS = 5
SHRINK_GUARD_SHARE = 0.1


def refuse_failures(day: StagedDay) -> None:
    """Refuse a day of which a piece failed; raises LakeError."""
    for result in day.results:
        if result.failure is not None:
            raise LakeError(result.failure)


def check_balance(
    day: StagedDay, balance: Balance, parts: Mapping[str, Sequence[PartFile]]
) -> None:
    """Refuse a day whose rows do not match the outcomes of its documents; raises BalanceError."""
    total = (
        balance.calls
        + balance.superseded
        + balance.quarantined
        + balance.discarded
        + balance.erased
    )
    if balance.sources != total:
        raise BalanceError(f"outcomes of documents: expected {balance.sources}, found {total}")
    for table_name, expected in (
        ("calls", balance.calls),
        ("quarantined_documents", balance.quarantined),
    ):
        rows = sum(part.rows for part in parts.get(table_name, ()))
        if rows != expected:
            raise BalanceError(f"rows in {table_name}: expected {expected}, found {rows}")
    ids = [
        record.call_id for record in day.records.values() if record.outcome is SourceOutcome.CALL
    ]
    if len(set(ids)) != len(ids):
        more = len(ids) - len(set(ids))
        raise BalanceError(f"rows in calls: expected one per call, found {more} more")


def guard_against_shrinking(day: StagedDay, records: Mapping[str, SourceRecord]) -> None:
    """Refuse a day that would lose many published calls to documents that became unreadable.

    Raises BalanceError.
    """
    calls = [key for key, record in day.known.items() if record.outcome is SourceOutcome.CALL]
    lost = [
        key for key in calls if key in records and records[key].outcome is SourceOutcome.QUARANTINED
    ]
    many = len(lost) >= SHRINK_GUARD_CALLS and len(lost) > SHRINK_GUARD_SHARE * len(calls)
    if many or len(lost) == len(calls) > 1:
        raise BalanceError(
            f"{len(lost)} of {len(calls)} published calls would be lost to documents that now "
            f"break the contract, such as {lost[0]}; correct them, or run with --allow-shrink"
        )
