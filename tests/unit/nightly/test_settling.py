"""A call on two days: the document that ranks higher is the call, the others give way."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from cci_lite.nightly.settling import settle
from cci_lite.ports import SourceOutcome, SourceRecord
from tests.small_lake import DAY, NEXT_DAY
from tests.unit.nightly.values import NOW, key_of

THIRD_DAY = NEXT_DAY + dt.timedelta(days=1)


def call(
    name: str, day: dt.date, revision: int = 1, writing: int = 0, minutes: int = 0
) -> SourceRecord:
    moment = NOW + dt.timedelta(minutes=minutes)
    return SourceRecord(key_of(name, day), "1", moment, SourceOutcome.CALL, name, revision, writing)


def superseded(record: SourceRecord) -> SourceRecord:
    return msgspec.structs.replace(record, outcome=SourceOutcome.SUPERSEDED)


def test_without_another_day_nobody_gives_way() -> None:
    settled = settle({"a": call("a", DAY)}, {})
    assert (settled.beaten, settled.giving_way) == ((), {})


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        (call("a", DAY, revision=2), call("a", NEXT_DAY, revision=1, writing=9, minutes=9)),
        (call("a", DAY, writing=2), call("a", NEXT_DAY, writing=1, minutes=9)),
        (call("a", DAY, minutes=1), call("a", NEXT_DAY)),
        (call("a", NEXT_DAY), call("a", DAY)),
    ],
    ids=["revision", "writing", "time", "key"],
)
def test_revision_counts_first_then_writing_then_time_then_the_key(
    mine: SourceRecord, other: SourceRecord
) -> None:
    won = settle({"a": mine}, {NEXT_DAY: [other]})
    assert (won.beaten, won.giving_way) == ((), {NEXT_DAY: [superseded(other)]})
    lost = settle({"a": other}, {DAY: [mine]})
    assert (lost.beaten, lost.giving_way) == ((superseded(other),), {})


def test_each_call_is_settled_for_itself() -> None:
    read = {name: call(name, DAY, revision=2) for name in "abcd"}
    elsewhere = {
        NEXT_DAY: [call("a", NEXT_DAY, 1), call("b", NEXT_DAY, 3)],
        THIRD_DAY: [call("c", THIRD_DAY, 1)],
    }
    settled = settle(read, elsewhere)
    assert settled.beaten == (superseded(read["b"]),)
    assert settled.giving_way == {
        NEXT_DAY: [superseded(elsewhere[NEXT_DAY][0])],
        THIRD_DAY: [superseded(elsewhere[THIRD_DAY][0])],
    }


def test_a_document_that_two_days_beat_is_beaten_once() -> None:
    read = {"a": call("a", DAY, 1)}
    elsewhere = {NEXT_DAY: [call("a", NEXT_DAY, 2)], THIRD_DAY: [call("a", THIRD_DAY, 3)]}
    assert settle(read, elsewhere).beaten == (superseded(read["a"]),)
