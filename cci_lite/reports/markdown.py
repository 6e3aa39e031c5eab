"""Renders the leaderboard as Markdown."""

from __future__ import annotations

from cci_lite.reports import numbers
from cci_lite.reports.leaderboard import Leaderboard, LeaderboardRow
from cci_lite.reports.text import markdown
from cci_lite.reports.wording import HOW_TO_READ, leaderboard_title, why_empty

_HEAD = (
    "| # | Agent | Team | Form | Failed calls | Call fail rate (95 % interval) | QA % "
    "| Criteria fail rate | Note |\n"
    "|--:|---|---|---|--:|--:|--:|--:|---|\n"
)


def render_markdown(board: Leaderboard) -> str:
    """The leaderboard as Markdown: one table per form version, and the SQL it comes from."""
    parts = [f"# {markdown(leaderboard_title(board))}\n"]
    if not board.tables:
        parts.append(f"{why_empty(board)}\n")
    for table in board.tables:
        rows = "".join(_agent_row(row) for row in table.rows)
        parts.append(f"## Form {markdown(table.form)}\n\n{_HEAD}{rows}")
    if board.tables:
        parts.append(f"{HOW_TO_READ}\n")
    parts.append(f"Where the numbers come from:\n\n```sql\n{board.statement.sql}\n```\n")
    return "\n".join(parts)


def _agent_row(row: LeaderboardRow) -> str:
    rate = numbers.percent_with_interval(
        row.call_fail_rate, row.call_fail_rate_low, row.call_fail_rate_high
    )
    cells = (
        row.place or numbers.NOTHING,
        markdown(row.agent),
        markdown(row.agent_team or ""),
        markdown(row.form),
        f"{row.failed_calls:,} of {row.evaluated_calls:,}",
        rate,
        numbers.points(row.weighted_percentage),
        numbers.percent(row.criteria_fail_rate),
        row.note,
    )
    return f"| {' | '.join(cells)} |\n"
