"""Chance that is the same everywhere."""

from __future__ import annotations

import pytest

from cci_lite.sample.dice import Dice


def test_a_stream_is_the_same_on_every_version_of_python() -> None:
    dice = Dice(1, "calls", "maple")

    rolled = [dice.below(1000) for _ in range(6)]

    assert rolled == [416, 116, 450, 444, 700, 241]


def test_streams_of_different_names_differ() -> None:
    assert [Dice(1, "a").below(10**9)] != [Dice(1, "b").below(10**9)]


def test_weights_say_how_often_each_choice_comes() -> None:
    dice = Dice("weights")

    picked = [dice.pick_weighted("abc", (1, 0, 3)) for _ in range(4000)]

    assert picked.count("b") == 0
    assert picked.count("c") / len(picked) == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (3, 3), (9, 5)], ids=["0", "3", "more"])
def test_some_are_different_and_in_order(count: int, expected: int) -> None:
    some = Dice("some").pick_some([10, 20, 30, 40, 50], count)

    assert len(some) == expected
    assert some == sorted(set(some))
