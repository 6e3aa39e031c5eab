"""Renders the leaderboard for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cci_lite.reports import numbers
from cci_lite.reports.leaderboard import FormTable, Leaderboard, LeaderboardRow
from cci_lite.reports.tables import TableColumn, fits, render_table, wrapped
from cci_lite.reports.text import one_line
from cci_lite.reports.wording import HOW_TO_READ, leaderboard_title, why_empty


@dataclass(frozen=True)
class _Column:
    """A column; on a narrow screen those with the highest `need` move into the note, 0 never."""

    title: str
    cell: Callable[[LeaderboardRow], str]
    need: int = 0
    is_number: bool = True


_COLUMNS = (
    _Column("#", lambda row: row.place or numbers.NOTHING),
    _Column("Agent", lambda row: one_line(row.agent), is_number=False),
    _Column("Team", lambda row: one_line(row.agent_team or ""), need=3, is_number=False),
    _Column("Form", lambda row: one_line(row.form), is_number=False),
    _Column("Failed", lambda row: f"{row.failed_calls:,} of {row.evaluated_calls:,}"),
    _Column("Fail rate", lambda row: numbers.percent(row.call_fail_rate)),
    _Column(
        "95 % interval",
        lambda row: numbers.interval(row.call_fail_rate_low, row.call_fail_rate_high),
        need=1,
    ),
    _Column("QA %", lambda row: numbers.points(row.weighted_percentage), need=2),
    _Column("Criteria failed", lambda row: numbers.percent(row.criteria_fail_rate), need=4),
)


def render_terminal(board: Leaderboard, *, width: int | None = None) -> str:
    """The leaderboard as text of at most `width` columns; without it nothing wraps.

    On a narrow screen text wraps between words, then columns move into the note, then agents are
    printed one below the other: nothing is left out, no number is cut.
    """
    lines = wrapped(one_line(leaderboard_title(board)), width)
    if not board.tables:
        lines += wrapped(why_empty(board), width)
    for table in board.tables:
        lines += ["", *wrapped(one_line(f"Form {table.form}"), width)]
        lines += render_table(_fitting(table, width), width)
    if board.tables:
        lines += ["", *wrapped(HOW_TO_READ, width)]
    return "".join(f"{line}\n" for line in lines)


def _fitting(table: FormTable, width: int | None) -> list[TableColumn]:
    """As many columns as fit beside each other; all of them when none do."""
    noted = sorted(filter(lambda column: column.need, _COLUMNS), key=lambda column: -column.need)
    for count in range(len(noted) + 1):
        columns = _columns(table, noted[:count])
        if fits(columns, width):
            return columns
    return _columns(table, ())


def _columns(table: FormTable, noted: Sequence[_Column]) -> list[TableColumn]:
    shown = [
        TableColumn(
            column.title, [column.cell(row) for row in table.rows], is_number=column.is_number
        )
        for column in _COLUMNS
        if column not in noted
    ]
    return [*shown, TableColumn("Note", [_note(row, noted) for row in table.rows])]


def _note(row: LeaderboardRow, noted: Sequence[_Column]) -> str:
    more = [f"{column.title}: {column.cell(row)}" for column in noted if column.cell(row)]
    return ", ".join([row.note, *more] if row.note else more)
