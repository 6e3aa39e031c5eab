"""The leaderboard for other programs: CSV, Excel and JSON, one row per agent and form version."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from openpyxl import Workbook
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from cci_lite.reports.leaderboard import Leaderboard, LeaderboardRow
from cci_lite.reports.text import is_formula, spreadsheet_text, visible_json, visible_lines
from cci_lite.reports.wording import HOW_TO_READ, leaderboard_title, why_empty

Value = str | int | float | bool | dt.date | None

# A fixed time, so that the same leaderboard gives the same bytes. ZIP times begin in 1980.
_NO_TIME = dt.datetime(1980, 1, 1)


class _Kind(Enum):
    TEXT = auto()
    DATE = auto()
    NUMBER = auto()
    FLAG = auto()
    SHARE = auto()
    PERCENTAGE = auto()


@dataclass(frozen=True)
class _Column:
    name: str
    title: str
    kind: _Kind
    value: Callable[[LeaderboardRow], Value]
    width: int = 12


_COLUMNS = (
    _Column("tenant_id", "Tenant", _Kind.TEXT, lambda row: row.tenant_id, 18),
    _Column("week_start", "Week from", _Kind.DATE, lambda row: row.week_start),
    _Column("template_id", "Form", _Kind.TEXT, lambda row: row.template_id, 18),
    _Column("template_version", "Form version", _Kind.NUMBER, lambda row: row.template_version),
    _Column("rank", "Rank", _Kind.NUMBER, lambda row: row.rank, 8),
    _Column("is_tied", "Tied", _Kind.FLAG, lambda row: row.is_tied, 8),
    _Column("agent_id", "Agent id", _Kind.TEXT, lambda row: row.agent_id, 16),
    _Column("agent_name", "Agent", _Kind.TEXT, lambda row: row.agent_name, 24),
    _Column("agent_team", "Team", _Kind.TEXT, lambda row: row.agent_team, 18),
    _Column("calls", "Calls", _Kind.NUMBER, lambda row: row.calls, 10),
    _Column("evaluated_calls", "Evaluated calls", _Kind.NUMBER, lambda row: row.evaluated_calls),
    _Column("failed_calls", "Failed calls", _Kind.NUMBER, lambda row: row.failed_calls),
    _Column("call_fail_rate", "Call fail rate", _Kind.SHARE, lambda row: row.call_fail_rate),
    _Column("call_fail_rate_low", "95 % from", _Kind.SHARE, lambda row: row.call_fail_rate_low),
    _Column("call_fail_rate_high", "95 % to", _Kind.SHARE, lambda row: row.call_fail_rate_high),
    _Column(
        "weighted_percentage",
        "Weighted QA %",
        _Kind.PERCENTAGE,
        lambda row: row.weighted_percentage,
    ),
    _Column("evaluated", "Criteria evaluated", _Kind.NUMBER, lambda row: row.evaluated),
    _Column("failed", "Criteria failed", _Kind.NUMBER, lambda row: row.failed),
    _Column(
        "criteria_fail_rate", "Criteria fail rate", _Kind.SHARE, lambda row: row.criteria_fail_rate
    ),
    _Column("standing", "Standing", _Kind.TEXT, lambda row: row.standing.value, 16),
    _Column("note", "Note", _Kind.TEXT, lambda row: row.note, 32),
)


def leaderboard_rows(board: Leaderboard) -> list[dict[str, Value]]:
    """The rows as plain values by column name; shares are 0 to 1, percentages 0 to 100."""
    return [{column.name: column.value(row) for column in _COLUMNS} for row in board.rows]


def render_json(board: Leaderboard) -> str:
    """The rows as a JSON list of objects, numbers unrounded."""
    text = json.dumps(leaderboard_rows(board), ensure_ascii=False, indent=2, default=str)
    return visible_json(text) + "\n"


def render_csv(board: Leaderboard) -> str:
    """The rows as CSV (RFC 4180), numbers unrounded.

    Text that a spreadsheet would run as a formula has a leading apostrophe; numbers never have.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.name for column in _COLUMNS])
    for row in board.rows:
        writer.writerow([_csv_cell(column.value(row)) for column in _COLUMNS])
    return out.getvalue()


def render_xlsx(board: Leaderboard) -> bytes:
    """An Excel workbook: numbers as numbers, and a sheet that says where they come from."""
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    _fill_leaderboard(workbook.create_sheet("Leaderboard"), board)
    _fill_about(workbook.create_sheet("About"), board)
    workbook.properties.creator = "cci-lite"
    workbook.properties.created = workbook.properties.modified = _NO_TIME
    return _saved(workbook)


def _csv_cell(value: Value) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    return spreadsheet_text(value) if isinstance(value, str) else value


_FORMATS = {
    _Kind.DATE: "yyyy-mm-dd",
    _Kind.NUMBER: "#,##0",
    _Kind.SHARE: "0.0%",
    _Kind.PERCENTAGE: "0.0%",
}


def _fill_leaderboard(sheet: Worksheet, board: Leaderboard) -> None:
    for place, column in enumerate(_COLUMNS, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = column.width
        head = sheet.cell(1, place)
        _write_text(head, column.title)
        head.font = Font(bold=True)
        head.alignment = Alignment(wrap_text=True, vertical="top")
    for line, row in enumerate(board.rows, start=2):
        for place, column in enumerate(_COLUMNS, start=1):
            _write_cell(sheet.cell(line, place), column.kind, column.value(row))
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions


def _fill_about(sheet: Worksheet, board: Leaderboard) -> None:
    sheet.column_dimensions["A"].width = 100
    sentences = [leaderboard_title(board), HOW_TO_READ if board.tables else why_empty(board)]
    lines = [*sentences, "", "Where the numbers come from:", *board.statement.sql.splitlines()]
    for line, text in enumerate(lines, start=1):
        _write_text(sheet.cell(line, 1), text)


def _write_cell(cell: Cell | MergedCell, kind: _Kind, value: Value) -> None:
    if isinstance(value, str):
        _write_text(cell, value)
        return
    is_percentage = kind is _Kind.PERCENTAGE and isinstance(value, (int, float))
    cell.value = value / 100 if is_percentage else value  # type: ignore[operator]
    if kind in _FORMATS:
        cell.number_format = _FORMATS[kind]


def _write_text(cell: Cell | MergedCell, text: str) -> None:
    # XML cannot hold most control characters, so they are shown as escapes.
    cell.value = visible_lines(text)
    # quotePrefix keeps text that looks like a formula as text, even after the cell was edited.
    cell.data_type = "s"
    cell.quotePrefix = is_formula(text)


def _saved(workbook: Workbook) -> bytes:
    written = io.BytesIO()
    # `Workbook.save` would write the current time.
    ExcelWriter(workbook, zipfile.ZipFile(written, "w")).save()
    timeless = io.BytesIO()
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(timeless, "w") as target:
        for name in source.namelist():
            member = zipfile.ZipInfo(name, date_time=_NO_TIME.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(member, source.read(name))
    return timeless.getvalue()
