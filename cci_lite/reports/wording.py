"""Sentences that several reports share."""

from __future__ import annotations

from cci_lite.reports import numbers
from cci_lite.reports.leaderboard import Leaderboard

HOW_TO_READ = (
    "Rank 1 has the highest share of failed calls; = marks a shared rank. The interval "
    "(Wilson, 95 %) says how far chance alone could move a rate. "
    "Versions of a form are never ranked together."
)


def why_empty(board: Leaderboard) -> str:
    """Why a leaderboard has no rows."""
    if board.week_start is None:
        return "No week has evaluated calls yet."
    return "No call of this week has been evaluated."


def leaderboard_title(board: Leaderboard) -> str:
    """`Failure leaderboard of acme, week of 3 Nov 2025 to 9 Nov 2025`."""
    title = f"Failure leaderboard of {board.tenant_id}"
    if board.week_start is None:
        return title
    return f"{title}, week of {numbers.week(board.week_start)}"
