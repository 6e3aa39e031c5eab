"""What must hold before a day is published."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import msgspec
import pytest

from cci_lite.errors import BalanceError, LakeError
from cci_lite.nightly.checks import check_balance, guard_against_shrinking, refuse_failures
from cci_lite.nightly.run_report import Balance
from cci_lite.nightly.work import ItemResult
from cci_lite.ports import PartFile, SourceOutcome, SourceRecord
from tests.unit.nightly.values import by_key, key_of, part, record, staged

QUARANTINED = SourceOutcome.QUARANTINED
CALL_AND_BROKEN = by_key(record("call-1"), record("broken", QUARANTINED))


def parts(calls: Sequence[int] = (), quarantined: Sequence[int] = ()) -> dict[str, list[PartFile]]:
    """Files with these numbers of rows."""
    return {
        table: [part(table, number, rows) for number, rows in enumerate(counts)]
        for table, counts in (("calls", calls), ("quarantined_documents", quarantined))
    }


def check(records: dict[str, SourceRecord], files: dict[str, list[PartFile]]) -> None:
    check_balance(staged(known=records), Balance.of(records.values()), files)


def test_a_day_with_a_piece_that_failed_is_refused_with_its_reason() -> None:
    refuse_failures(staged(ItemResult(), ItemResult()))
    with pytest.raises(LakeError, match="^the disk is full$"):
        refuse_failures(staged(ItemResult(), ItemResult(failure="the disk is full")))


def test_a_day_is_in_balance_when_each_outcome_has_its_rows() -> None:
    check(CALL_AND_BROKEN, parts([1], [1]))
    two = by_key(record("call-1"), record("call-2"), record("old", SourceOutcome.SUPERSEDED))
    check(two, parts([1, 1]))
    check({}, {})


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (parts([2], [1]), "rows in calls: expected 1, found 2"),
        (parts([], [1]), "rows in calls: expected 1, found 0"),
        (parts([1], []), "rows in quarantined_documents: expected 1, found 0"),
        (parts([1], [1, 1]), "rows in quarantined_documents: expected 1, found 2"),
    ],
)
def test_rows_that_are_not_those_of_the_documents_are_refused(
    files: dict[str, list[PartFile]], reason: str
) -> None:
    with pytest.raises(BalanceError) as caught:
        check(CALL_AND_BROKEN, files)
    assert str(caught.value) == reason


def test_a_call_with_two_documents_is_refused() -> None:
    twice = by_key(record("call-1"), record("copy", call_id="call-1"))
    with pytest.raises(BalanceError, match="^rows in calls: expected one per call, found 1 more$"):
        check(twice, parts([2]))


def test_the_same_call_may_be_superseded_and_published() -> None:
    check(by_key(record("a", call_id="c"), record("b", SourceOutcome.SUPERSEDED, call_id="c")),
          parts([1]))  # fmt: skip


@pytest.mark.parametrize("sources", [0, 3])
def test_documents_and_outcomes_must_be_as_many(sources: int) -> None:
    balance = dataclasses.replace(Balance.of(CALL_AND_BROKEN.values()), sources=sources)
    with pytest.raises(BalanceError) as caught:
        check_balance(staged(known=CALL_AND_BROKEN), balance, parts([1], [1]))
    assert str(caught.value) == f"outcomes of documents: expected {sources}, found 2"


@pytest.mark.parametrize(
    ("calls", "lost", "refused"),
    [
        (1, 1, False),  # of a single call, quarantine tells as much as a refusal would
        (2, 1, False),
        (2, 2, True),  # all
        (5, 4, False),
        (10, 5, True),  # many, and a large share
        (10, 4, False),  # a large share of a few
        (50, 5, False),  # many, and exactly a tenth
        (49, 5, True),
        (50, 6, True),
        (100, 10, False),  # many, and a small share
        (0, 0, False),
    ],
)
def test_a_day_that_loses_many_calls_is_refused(calls: int, lost: int, refused: bool) -> None:
    known = by_key(*(record(f"call-{number:03}") for number in range(calls)))
    now = known | by_key(*(record(f"call-{number:03}", QUARANTINED) for number in range(lost)))
    day = staged(known=known)
    if not refused:
        guard_against_shrinking(day, now)
        return
    with pytest.raises(BalanceError) as caught:
        guard_against_shrinking(day, now)
    assert str(caught.value) == (
        f"{lost} of {calls} published calls would be lost to documents that now break the "
        f"contract, such as {key_of('call-000')}; correct them, or run with --allow-shrink"
    )


def test_calls_that_were_superseded_or_removed_are_not_lost() -> None:
    known = by_key(*(record(f"call-{number}") for number in range(10)))
    day = staged(known=known)
    superseded = {
        key: msgspec.structs.replace(each, outcome=SourceOutcome.SUPERSEDED)
        for key, each in known.items()
    }
    guard_against_shrinking(day, superseded)
    guard_against_shrinking(day, {})


def test_documents_that_were_broken_before_are_not_lost_again() -> None:
    broken = by_key(*(record(f"call-{number}", QUARANTINED) for number in range(10)))
    guard_against_shrinking(staged(known=broken), broken)
