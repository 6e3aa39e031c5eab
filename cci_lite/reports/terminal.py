"""The leaderboard for a terminal."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from cci_lite.reports import numbers
from cci_lite.reports.leaderboard import FormTable, Leaderboard, LeaderboardRow, Standing
from cci_lite.reports.text import one_line
from cci_lite.reports.wording import HOW_TO_READ, leaderboard_title, why_empty

_PADDING = 1
_DIVIDER = 1  # What the box puts between two columns.
_LONG_WORD = 20  # A longer one (an id, an address) is broken rather than costs a column.


@dataclass(frozen=True)
class _Column:
    """`need` says when it may go on a narrow screen: the highest first, 0 never."""

    title: str
    cell: Callable[[LeaderboardRow], str]
    need: int
    is_number: bool = True


_COLUMNS = (
    _Column("#", lambda row: row.place or numbers.NOTHING, 0),
    _Column("Agent", lambda row: one_line(row.agent), 0, is_number=False),
    _Column("Team", lambda row: one_line(row.agent_team or ""), 4, is_number=False),
    _Column("Form", lambda row: one_line(row.form), 0, is_number=False),
    _Column("Failed", lambda row: f"{row.failed_calls:,} of {row.evaluated_calls:,}", 0),
    _Column("Fail rate", lambda row: numbers.percent(row.call_fail_rate), 0),
    _Column(
        "95 % interval",
        lambda row: numbers.interval(row.call_fail_rate_low, row.call_fail_rate_high),
        2,
    ),
    _Column("QA %", lambda row: numbers.points(row.weighted_percentage), 3),
    _Column("Criteria failed", lambda row: numbers.percent(row.criteria_fail_rate), 5),
    _Column("Note", lambda row: row.note, 1, is_number=False),
)


def render_terminal(board: Leaderboard, *, width: int = 80, colour: bool = False) -> str:
    """The leaderboard as text of at most `width` columns.

    On a narrow screen columns are left out (never the form) and text wraps between its words;
    numbers are never cut.
    """
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        no_color=not colour,
        highlight=False,
        legacy_windows=False,
    )
    console.print(Text(one_line(leaderboard_title(board)), style="bold"))
    if not board.tables:
        console.print(Text(why_empty(board)))
    for table in board.tables:
        console.print()
        console.print(Text(one_line(f"Form {table.form}")))
        console.print(_rich_table(table, width))
    if board.tables:
        console.print()
        console.print(Text(HOW_TO_READ))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _rich_table(table: FormTable, width: int) -> Table:
    columns = _fitting(table, width)
    rendered = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _PADDING, 0, 0)
    )
    for column, column_width in zip(columns, _widths(columns, table, width), strict=True):
        justify: JustifyMethod = "right" if column.is_number else "left"
        rendered.add_column(
            Text(column.title),
            justify=justify,
            overflow="fold",
            no_wrap=column.is_number,
            width=column_width,
        )
    for row in table.rows:
        style = "" if row.standing is Standing.RANKED else "dim"
        rendered.add_row(*(Text(column.cell(row), style=style) for column in columns))
    return rendered


def _fitting(table: FormTable, width: int) -> list[_Column]:
    columns = list(_COLUMNS)
    while sum(_least_width(column, table) for column in columns) > _room(columns, width):
        least_needed = max(columns, key=lambda column: column.need)
        if not least_needed.need:
            break
        columns.remove(least_needed)
    return columns


def _widths(columns: Sequence[_Column], table: FormTable, width: int) -> list[int]:
    """The width of each column: the widest text is narrowed first, and words break last."""
    widths = [_full_width(column, table) for column in columns]
    words = [_longest_word(column, table) for column in columns]
    text = [place for place, column in enumerate(columns) if not column.is_number]
    for _ in range(sum(widths) - _room(columns, width)):
        wrapping = [place for place in text if widths[place] > words[place]]
        widest = max(wrapping or text, key=lambda place: widths[place])
        widths[widest] = max(widths[widest] - 1, 1)
    return widths


def _room(columns: Sequence[_Column], width: int) -> int:
    """What is left for the columns' text."""
    return width - (len(columns) - 1) * (_PADDING + _DIVIDER)


def _least_width(column: _Column, table: FormTable) -> int:
    if column.is_number:
        return _full_width(column, table)
    return min(_longest_word(column, table), _LONG_WORD)


def _full_width(column: _Column, table: FormTable) -> int:
    return max(map(cell_len, _texts(column, table)))


def _longest_word(column: _Column, table: FormTable) -> int:
    return max(cell_len(word) for text in _texts(column, table) for word in text.split())


def _texts(column: _Column, table: FormTable) -> list[str]:
    return [column.title, *(column.cell(row) for row in table.rows)]
