"""Sentences that several reports share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

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
        return " ".join(["No week has evaluated calls yet.", *_waiting_sentences(board)])
    return "No call of this week has been evaluated."


def _waiting_sentences(board: Leaderboard) -> Iterator[str]:
    """For each form, the required criteria that keep its calls in review."""
    for form, criteria in itertools.groupby(board.waiting, key=lambda each: each.form):
        named = ", ".join(f"{each.criterion_id} ({numbers.count(each.calls)})" for each in criteria)
        yield (
            f"Calls judged by {form} wait in review for required criteria that nothing has "
            f"decided: {named}. A rule in the form decides them, or a language model, or a person."
        )


def leaderboard_title(board: Leaderboard) -> str:
    """`Failure leaderboard of acme, week of 3 Nov 2025 to 9 Nov 2025`."""
    title = f"Failure leaderboard of {board.tenant_id}"
    if board.week_start is None:
        return title
    return f"{title}, week of {numbers.week(board.week_start)}"
