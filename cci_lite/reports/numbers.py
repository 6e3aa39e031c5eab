"""Formats numbers and dates: one place, so that they look the same in every report."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal

NOTHING = "\N{EN DASH}"
_TENTH = Decimal("0.1")
_CENT = Decimal("0.01")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def count(number: int) -> str:
    """`2,100`."""
    return f"{number:,}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 call`, `2,100 calls`."""
    return f"{count(number)} {noun if number == 1 else plural or noun + 's'}"


def percent(share: float | None) -> str:
    """`12.3 %` for a share of 0 to 1; a dash when nothing was evaluated."""
    return NOTHING if share is None else f"{_rounded(_exact(share) * 100, _TENTH)} %"


def points(percentage: float | None) -> str:
    """`55.6 %` for a percentage of 0 to 100 over many calls."""
    return NOTHING if percentage is None else f"{_rounded(_exact(percentage), _TENTH)} %"


def call_points(percentage: float | None) -> str:
    """`55.56 %` or `71 %`: the percentage of one call, as exact as the contract keeps it."""
    if percentage is None:
        return NOTHING
    return f"{plain(float(_rounded(_exact(percentage), _CENT)))} %"


def plain(number: float) -> str:
    """`4.5`, `3`: points of a form, at most two decimals."""
    text = f"{_rounded(_exact(number), _CENT):,f}"
    return text.rstrip("0").rstrip(".")


def interval(low: float | None, high: float | None) -> str:
    """Two shares as percentages around an en dash; empty when nothing was evaluated."""
    if low is None or high is None:
        return ""
    bounds = (_rounded(_exact(bound) * 100, _TENTH) for bound in (low, high))
    return "\N{EN DASH}".join(map(str, bounds))


def percent_with_interval(share: float | None, low: float | None, high: float | None) -> str:
    """A share with its interval in brackets behind it."""
    bounds = interval(low, high)
    return f"{percent(share)} ({bounds})" if bounds else percent(share)


def day(date: dt.date) -> str:
    """`3 Nov 2025`."""
    return f"{short_day(date)} {date.year}"


def short_day(date: dt.date) -> str:
    """`3 Nov`."""
    return f"{date.day} {_MONTHS[date.month - 1]}"


def moment(at: dt.datetime) -> str:
    """`2025-11-23 02:10 UTC`."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def period(first: dt.date, last: dt.date) -> str:
    """`3 Nov 2025 to 9 Nov 2025`; one day alone."""
    return day(first) if first == last else f"{day(first)} to {day(last)}"


def week(week_start: dt.date) -> str:
    """`3 Nov 2025 to 9 Nov 2025`."""
    return period(week_start, week_start + dt.timedelta(days=6))


def _exact(number: float) -> Decimal:
    # The shortest decimal that is this float: 0.1005, not 0.100499999….
    return Decimal(repr(float(number)))


def _rounded(number: Decimal, place: Decimal) -> Decimal:
    return number.quantize(place, rounding=ROUND_HALF_UP)
