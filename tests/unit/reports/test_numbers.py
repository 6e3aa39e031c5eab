from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.reports import numbers


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0.0 %"),
        (1.0, "100.0 %"),
        (0.1005, "10.1 %"),
        (0.12349, "12.3 %"),
        (1 / 3, "33.3 %"),
        (2 / 3, "66.7 %"),
        (None, "\N{EN DASH}"),
    ],
)
def test_a_share_reads_as_a_percentage_with_one_decimal_rounded_half_up(
    share: float | None, text: str
) -> None:
    assert numbers.percent(share) == text


@given(st.integers(0, 1000))
def test_no_share_of_a_thousand_is_rounded_to_another_tenth(thousandths: int) -> None:
    assert numbers.percent(thousandths / 1000) == f"{thousandths // 10}.{thousandths % 10} %"


@pytest.mark.parametrize(
    ("percentage", "text"),
    [(71.0, "71 %"), (55.56, "55.56 %"), (55.5, "55.5 %"), (100.0, "100 %"), (0.0, "0 %")],
)
def test_the_percentage_of_one_call_is_as_exact_as_the_contract_keeps_it(
    percentage: float, text: str
) -> None:
    assert numbers.call_points(percentage) == text


def test_an_interval_stands_in_brackets_behind_its_rate() -> None:
    text = numbers.percent_with_interval(0.123, 0.0811, 0.18)
    assert text == "12.3 % (8.1\N{EN DASH}18.0)"


def test_nothing_evaluated_has_no_interval() -> None:
    assert numbers.percent_with_interval(None, None, None) == "\N{EN DASH}"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (4.5, "4.5"),
        (3.0, "3"),
        (6206.0, "6,206"),
        (0.0, "0"),
        (1000.0, "1,000"),
        (1e16, f"{10**16:,}"),
    ],
)
def test_points_of_a_form_have_no_trailing_zeros(number: float, text: str) -> None:
    assert numbers.plain(number) == text


def test_a_period_of_one_day_is_that_day() -> None:
    assert numbers.period(dt.date(2025, 11, 3), dt.date(2025, 11, 3)) == "3 Nov 2025"


def test_counts_have_thousands_separators_and_agree_with_their_noun() -> None:
    assert numbers.counted(1, "call") == "1 call"
    assert numbers.counted(2100, "call") == "2,100 calls"
    assert numbers.counted(0, "criterion", "criteria") == "0 criteria"
