"""Computes the positions of a chart's marks, in percent of its area; the Jinja template draws."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from cci_lite.reports import numbers

_WEEK = dt.timedelta(days=7)
_MARGIN = 5.0
# More would touch each other on a wide screen.
_MOST_LABELS = 14
_MARKS = 4


@dataclass(frozen=True)
class TrendPoint:
    """One week of one version of a form, as read."""

    week_start: dt.date
    version: int
    percentage: float | None
    scored_calls: int


@dataclass(frozen=True)
class Mark:
    """A point of the line. `shape` tells versions apart, `is_below` where its label goes."""

    x: float
    y: float
    shape: int
    is_below: bool
    label: str
    title: str


@dataclass(frozen=True)
class TrendLine:
    """A piece of the line between two weeks in succession."""

    x1: float
    y1: float
    x2: float
    y2: float
    shape: int


@dataclass(frozen=True)
class Tick:
    """A week on the axis. `rank` 0 is always labelled, higher ones where there is room."""

    x: float
    label: str
    calls: int
    height: float
    rank: int


@dataclass(frozen=True)
class Grid:
    """A labelled line across."""

    y: float
    label: str


@dataclass(frozen=True)
class VersionMark:
    """The first week of a later version."""

    x: float
    label: str
    is_late: bool


@dataclass(frozen=True)
class TrendChart:
    """A line of percentages by week, with the number of calls under each."""

    marks: tuple[Mark, ...]
    lines: tuple[TrendLine, ...]
    ticks: tuple[Tick, ...]
    grid: tuple[Grid, ...]
    changes: tuple[VersionMark, ...]
    bar_width: float
    is_dense: bool


def trend_chart(points: Sequence[TrendPoint]) -> TrendChart | None:
    """The chart of one form's versions, or None when no week has a percentage."""
    scored = [point for point in points if point.percentage is not None]
    if not scored:
        return None
    # Weeks without calls keep their place on the axis, so that a gap looks like one.
    all_weeks = _weeks(points)
    step = (100 - 2 * _MARGIN) / len(all_weeks)
    place = {week: _MARGIN + step * (index + 0.5) for index, week in enumerate(all_weeks)}
    low, high = _range([point.percentage for point in scored if point.percentage is not None])
    shapes = {version: index % _MARKS for index, version in enumerate(_versions(scored))}
    marks = {
        (point.version, point.week_start): _mark(point, place, shapes, scored, low, high)
        for point in scored
    }
    return TrendChart(
        marks=tuple(marks.values()),
        lines=tuple(
            TrendLine(mark.x, mark.y, after.x, after.y, mark.shape)
            for (version, week), mark in marks.items()
            # A line over a week without calls would show values that nobody measured.
            if (after := marks.get((version, week + _WEEK))) is not None
        ),
        ticks=_ticks(points, all_weeks, place),
        grid=tuple(
            Grid(_height(value, low, high), f"{value} %")
            for value in range(low, high + 1, 10 if high - low <= 50 else 20)
        ),
        changes=_changes(scored, place),
        bar_width=min(step * 0.5, 3.0),
        is_dense=len(all_weeks) > _MOST_LABELS,
    )


def _weeks(points: Sequence[TrendPoint]) -> list[dt.date]:
    first = min(point.week_start for point in points)
    last = max(point.week_start for point in points)
    return [first + _WEEK * index for index in range((last - first).days // 7 + 1)]


def _versions(points: Sequence[TrendPoint]) -> list[int]:
    return sorted({point.version for point in points})


def _range(values: Sequence[float]) -> tuple[int, int]:
    """Tens around the values, at least 20 apart, within 0 to 100."""
    low = max(0, math.floor((min(values) - 5) / 10) * 10)
    high = min(100, math.ceil((max(values) + 5) / 10) * 10)
    if high - low > 50:
        return low - low % 20, 100
    return (low, high) if high - low >= 20 else (max(0, high - 20), max(20, high))


def _height(value: float, low: int, high: int) -> float:
    return round(100 * (1 - (value - low) / (high - low)), 3)


def _mark(
    point: TrendPoint,
    place: dict[dt.date, float],
    shapes: dict[int, int],
    scored: Sequence[TrendPoint],
    low: int,
    high: int,
) -> Mark:
    value = point.percentage or 0.0
    rivals = [
        other.percentage or 0.0
        for other in scored
        if other.week_start == point.week_start and other is not point
    ]
    label = numbers.points(point.percentage)
    return Mark(
        x=round(place[point.week_start], 3),
        y=_height(value, low, high),
        shape=shapes[point.version],
        is_below=any(rival > value for rival in rivals),
        label=label.removesuffix(" %"),
        title=(
            f"v{point.version}, week of {numbers.day(point.week_start)}: {label} "
            f"over {numbers.counted(point.scored_calls, 'call')}"
        ),
    )


def _ticks(
    points: Sequence[TrendPoint], all_weeks: Sequence[dt.date], place: dict[dt.date, float]
) -> tuple[Tick, ...]:
    calls = dict.fromkeys(all_weeks, 0)
    for point in points:
        calls[point.week_start] += point.scored_calls
    most = max(*calls.values(), 1)
    stride = math.ceil(len(all_weeks) / _MOST_LABELS)
    # On a phone only every fourth of the labels fits; CSS hides those with a higher rank.
    narrow_stride = stride * 4 if len(all_weeks) > 5 else stride
    return tuple(
        Tick(
            x=round(place[week], 3),
            label=numbers.short_day(week),
            calls=calls[week],
            height=round(100 * calls[week] / most, 3),
            rank=0 if index % narrow_stride == 0 else 1 if index % stride == 0 else 2,
        )
        for index, week in enumerate(all_weeks)
    )


def _changes(scored: Sequence[TrendPoint], place: dict[dt.date, float]) -> tuple[VersionMark, ...]:
    firsts = {
        version: min(point.week_start for point in scored if point.version == version)
        for version in _versions(scored)[1:]
    }
    return tuple(
        VersionMark(
            round(place[week], 3), f"v{version} from {numbers.short_day(week)}", place[week] > 60
        )
        for version, week in firsts.items()
    )
