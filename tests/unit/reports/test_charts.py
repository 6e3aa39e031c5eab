from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from cci_lite.reports.charts import TrendPoint, trend_chart
from tests.unit.reports.lakes import MONDAY

WEEK = dt.timedelta(days=7)


def test_weeks_in_succession_are_joined_and_a_missing_week_leaves_a_gap() -> None:
    chart = trend_chart([TrendPoint(MONDAY + WEEK * week, 1, 80.0, 5) for week in (0, 1, 3)])
    assert chart is not None
    assert len(chart.marks) == 3
    assert [(line.x1, line.x2) for line in chart.lines] == [(chart.marks[0].x, chart.marks[1].x)]
    assert [tick.calls for tick in chart.ticks] == [5, 5, 0, 5]


def test_versions_are_never_joined_and_the_later_one_is_marked_where_it_begins() -> None:
    chart = trend_chart([TrendPoint(MONDAY, 1, 70.0, 5), TrendPoint(MONDAY + WEEK, 2, 80.0, 6)])
    assert chart is not None
    assert chart.lines == ()
    assert [change.label for change in chart.changes] == ["v2 from 10 Nov"]
    assert chart.changes[0].x == chart.marks[1].x
    assert {mark.shape for mark in chart.marks} == {0, 1}


def test_a_week_without_a_percentage_has_no_mark() -> None:
    chart = trend_chart([TrendPoint(MONDAY, 1, None, 0), TrendPoint(MONDAY + WEEK, 1, 50.0, 1)])
    assert chart is not None
    assert len(chart.marks) == 1
    assert len(chart.ticks) == 2


def test_no_percentage_at_all_is_no_chart() -> None:
    assert trend_chart([TrendPoint(MONDAY, 1, None, 0)]) is None
    assert trend_chart([]) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 120), st.integers(1, 5), st.floats(0, 100), st.integers(0, 9999)),
        min_size=1,
        max_size=40,
        unique_by=lambda point: point[:2],
    )
)
def test_everything_stands_within_the_chart_and_higher_is_better(
    drawn: list[tuple[int, int, float, int]],
) -> None:
    points = [
        TrendPoint(MONDAY + WEEK * week, version, value, n) for week, version, value, n in drawn
    ]
    chart = trend_chart(points)
    assert chart is not None
    places = [mark.x for mark in chart.marks] + [tick.x for tick in chart.ticks]
    heights = [mark.y for mark in chart.marks] + [line.y for line in chart.grid]
    assert all(0 <= place <= 100 for place in [*places, *heights])
    assert all(0 <= tick.height <= 100 for tick in chart.ticks)
    by_value = sorted(zip(drawn, chart.marks, strict=True), key=lambda pair: pair[0][2])
    assert [mark.y for _, mark in by_value] == sorted(
        (mark.y for mark in chart.marks), reverse=True
    )
    assert sum(tick.calls for tick in chart.ticks) == sum(n for *_, n in drawn)
