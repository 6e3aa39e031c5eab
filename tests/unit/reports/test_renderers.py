from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest
from openpyxl import load_workbook
from rich.cells import cell_len

from cci_lite.reports.exports import leaderboard_rows, render_csv, render_json, render_xlsx
from cci_lite.reports.html import render_html
from cci_lite.reports.leaderboard import Leaderboard, leaderboard
from cci_lite.reports.markdown import render_markdown
from cci_lite.reports.numbers import interval, percent, points
from cci_lite.reports.terminal import render_terminal
from tests.unit.reports.lakes import MONDAY, TENANT, UNSCORED, Call, calls_of, lake_of
from tests.unit.reports.pages import read_html

_SNAPSHOTS = Path(__file__).parents[2] / "snapshots" / "reports"

HOSTILE_NAMES = {
    "h1": '=HYPERLINK("http://example.org","x")',
    "h2": "@SUM(1+1)",
    "h3": "+1",
    "h4": "-1",
    "h5": "\t=1",
    "h6": "</script><img src=x onerror=alert(1)>",
    "h7": "a|b\nc *d* `e` [f](http://example.org)",
    "h8": "\x1b[2Jclear \u202eevil",
    "h9": "[bold red]markup[/]",
    "h10": "\uff1d1",
}


def read_board(folder: Path, calls: list[Call]) -> Leaderboard:
    with lake_of(folder, calls) as query:
        return leaderboard(query, TENANT)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Leaderboard:
    """Two versions, a tie, too few calls, nothing evaluated, no agent."""
    calls = [
        *calls_of("a1", 6, 6, name="Ann Able", team="Red"),
        *calls_of("a2", 8, 8, name="Bob Baker", team="Blue"),
        *calls_of("a3", 11, 1, name="Cleo Cole", team="Red"),
        *calls_of("a4", 2, 1, name="Dan Drew"),
        Call(MONDAY, "a5", (UNSCORED, UNSCORED, UNSCORED), name="Eve Eden"),
        *calls_of(None, 3, 4),
        *calls_of("a1", 10, 2, version=2, name="Ann Able", team="Red"),
    ]
    return read_board(tmp_path_factory.mktemp("board"), calls)


@pytest.fixture(scope="module")
def hostile_board(tmp_path_factory: pytest.TempPathFactory) -> Leaderboard:
    calls = [
        call
        for agent_id, name in HOSTILE_NAMES.items()
        for call in calls_of(agent_id, 9, 3, name=name, team=name)
    ]
    return read_board(tmp_path_factory.mktemp("hostile"), calls)


@pytest.fixture(scope="module")
def empty_board(tmp_path_factory: pytest.TempPathFactory) -> Leaderboard:
    return read_board(tmp_path_factory.mktemp("empty"), [])


def assert_snapshot(name: str, found: str) -> None:
    file = _SNAPSHOTS / name
    if os.environ.get("CCI_LITE_UPDATE_SNAPSHOTS"):
        file.write_text(found, encoding="utf-8", newline="")
    expected = file.read_bytes().decode("utf-8")
    assert found == expected, f"if this is meant: CCI_LITE_UPDATE_SNAPSHOTS=1 writes {file.name}"


def test_the_markdown_reads_as_before(board: Leaderboard) -> None:
    assert_snapshot("leaderboard.md", render_markdown(board))


def test_the_csv_reads_as_before(board: Leaderboard) -> None:
    assert_snapshot("leaderboard.csv", render_csv(board))


def test_the_terminal_reads_as_before(board: Leaderboard) -> None:
    assert_snapshot("leaderboard.txt", render_terminal(board, width=110))


# -- csv


def test_csv_gives_every_row_and_unrounded_numbers(board: Leaderboard) -> None:
    text = render_csv(board)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["agent_id"] for row in rows] == [row.agent_id for row in board.rows]
    for read, row in zip(rows, board.rows, strict=True):
        assert read["call_fail_rate"] == (
            "" if row.call_fail_rate is None else repr(row.call_fail_rate)
        )
        assert (read["template_id"], read["template_version"]) == (
            "support",
            str(row.template_version),
        )
    assert text.count("\r\n") == len(board.rows) + 1


@pytest.mark.parametrize("agent_id", ["h1", "h2", "h3", "h4", "h5", "h10"])
def test_a_name_that_a_spreadsheet_would_run_gets_an_apostrophe_in_csv(
    hostile_board: Leaderboard, agent_id: str
) -> None:
    rows = csv.DictReader(io.StringIO(render_csv(hostile_board), newline=""))
    (row,) = (row for row in rows if row["agent_id"] == agent_id)
    assert row["agent_name"] == row["agent_team"] == f"'{HOSTILE_NAMES[agent_id]}"


def test_numbers_in_csv_have_no_apostrophe(board: Leaderboard) -> None:
    assert "'" not in render_csv(board)


# -- json


def test_json_is_a_list_of_rows_with_numbers_as_numbers(board: Leaderboard) -> None:
    rows = json.loads(render_json(board))
    assert [row["agent_id"] for row in rows] == [row.agent_id for row in board.rows]
    assert rows[0]["week_start"] == "2025-11-03"
    assert rows[0]["call_fail_rate"] == board.rows[0].call_fail_rate
    assert [row["rank"] for row in rows] == [row.rank for row in board.rows]
    assert {type(row["is_tied"]) for row in rows} == {bool}


# -- xlsx


def test_the_workbook_has_numbers_as_numbers_with_their_formats(board: Leaderboard) -> None:
    sheet = load_workbook(io.BytesIO(render_xlsx(board)))["Leaderboard"]
    head = [cell.value for cell in sheet[1]]
    assert sheet.freeze_panes == "A2"
    assert sheet.max_row == len(board.rows) + 1
    for line, row in enumerate(board.rows, start=2):
        cells = dict(zip(head, sheet[line], strict=True))
        assert cells["Call fail rate"].value == (
            None if row.call_fail_rate is None else pytest.approx(row.call_fail_rate)
        )
        assert cells["Failed calls"].value == row.failed_calls
        assert cells["Rank"].value == row.rank
        assert cells["Week from"].value == dt.datetime(2025, 11, 3)
        if row.weighted_percentage is not None:
            assert cells["Weighted QA %"].value == pytest.approx(row.weighted_percentage / 100)
            assert cells["Weighted QA %"].number_format == "0.0%"


def test_the_workbook_says_where_its_numbers_come_from(board: Leaderboard) -> None:
    about = load_workbook(io.BytesIO(render_xlsx(board)))["About"]
    lines = [str(row[0].value or "") for row in about.iter_rows()]
    assert "\n".join(lines).endswith(board.statement.sql)


def test_no_cell_of_the_workbook_is_a_formula(hostile_board: Leaderboard) -> None:
    sheet = load_workbook(io.BytesIO(render_xlsx(hostile_board)))["Leaderboard"]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} == {"s", "n", "b", "d"}
    names = {cell.value: cell.quotePrefix for cell in cells if isinstance(cell.value, str)}
    assert names[HOSTILE_NAMES["h1"]]
    assert not names["support"]


def test_the_same_leaderboard_gives_the_same_bytes_in_every_format(board: Leaderboard) -> None:
    for render in (render_xlsx, render_csv, render_json, render_markdown, render_html):
        assert render(board) == render(board)
    assert b"2025-11-23" not in render_xlsx(board)


# -- terminal


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_left_out(
    board: Leaderboard, hostile_board: Leaderboard, width: int
) -> None:
    for each in (board, hostile_board):
        text = render_terminal(each, width=width)
        assert max(map(cell_len, text.splitlines())) <= max(width, len("HYPERLINK") + 40)
    text = render_terminal(board, width=width)
    assert max(map(cell_len, text.splitlines())) <= width
    lines = text.splitlines()
    for row in board.rows:
        shown = (
            f"{row.failed_calls} of {row.evaluated_calls}",
            percent(row.call_fail_rate),
            interval(row.call_fail_rate_low, row.call_fail_rate_high),
            points(row.weighted_percentage),
            percent(row.criteria_fail_rate),
            row.agent_team or "",
        )
        for number in shown:
            assert any(number in line for line in lines), number
    assert "1=" in text


@pytest.fixture(scope="module")
def wordy_board(tmp_path_factory: pytest.TempPathFactory) -> Leaderboard:
    """Long names and teams, ties, notes, and names of characters that are two columns wide."""
    calls = [
        *calls_of("a1", 9, 15, name="Bartholomew Featherstonehaugh", team="Customer Retention"),
        *calls_of("a2", 9, 15, name="Maximilian von Habsburg", team="Customer Retention"),
        *calls_of("a3", 1, 1, name="山田太郎 花子", team="東京"),
        *calls_of(None, 2, 0),
        *calls_of("a4", 30, 3, version=12, name="Li", team=None),
    ]
    return read_board(tmp_path_factory.mktemp("wordy"), calls)


@pytest.mark.parametrize("width", range(60, 121))
def test_on_any_screen_every_word_of_agent_form_and_note_is_whole(
    board: Leaderboard, wordy_board: Leaderboard, width: int
) -> None:
    for each in (board, wordy_board):
        lines = render_terminal(each, width=width).splitlines()
        assert max(map(cell_len, lines)) <= width
        before, _, _ = "\n".join(lines[1:]).partition("Rank 1 has")
        shown = Counter(
            word.rstrip(",")
            for line in before.splitlines()
            if not line.startswith("Form ")
            for word in line.split()
        )
        words = Counter(
            word.rstrip(",") for row in each.rows for text in (row.agent, row.form, row.note)
            for word in text.split()
        )  # fmt: skip
        assert words - shown == Counter()


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_word_that_no_screen_holds_stays_whole(tmp_path: Path, width: int) -> None:
    address = "bartholomew.featherstonehaugh@call-centre.example"
    text = render_terminal(read_board(tmp_path, calls_of(address, 11, 1)), width=width)
    assert address in text
    assert "1 of 12" in text


def test_without_a_width_every_agent_has_one_line(wordy_board: Leaderboard) -> None:
    lines = render_terminal(wordy_board).splitlines()
    for row in wordy_board.rows:
        [line] = (line for line in lines if row.agent in line)
        assert row.form in line
        assert row.note in line


def test_nothing_that_steers_a_terminal_comes_through(hostile_board: Leaderboard) -> None:
    text = render_terminal(hostile_board, width=160)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert r"\x1b[2Jclear \u202eevil" in text
    assert "[bold red]markup[/]" in text


# -- markdown


def test_markdown_keeps_hostile_names_in_their_cells(hostile_board: Leaderboard) -> None:
    lines = [
        line for line in render_markdown(hostile_board).splitlines() if line.startswith("| 1=")
    ]
    assert len(lines) == len(HOSTILE_NAMES)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 10 for line in lines)
    assert not any(re.search(r"(?<!\\)[<`\[*]", line) for line in lines)


# -- html


def test_the_html_leaderboard_escapes_names_and_asks_nothing_of_a_network(
    hostile_board: Leaderboard,
) -> None:
    page = read_html(render_html(hostile_board))
    assert not list(page.all("script", "img", "iframe", "object"))
    assert HOSTILE_NAMES["h6"] in page.text
    assert page.one("pre").text == " ".join(hostile_board.statement.sql.split())


def test_every_row_of_the_html_leaderboard_names_the_form_and_its_version(
    board: Leaderboard,
) -> None:
    page = read_html(render_html(board))
    rows = [row for body in page.all("tbody") for row in body.all("tr")]
    assert len(rows) == len(board.rows)
    for element, row in zip(rows, board.rows, strict=True):
        assert element.one("td", class_="formname").text == row.form
        assert row.agent in element.one("th").text
        assert row.note in element.text or row.is_tied


def test_a_shared_rank_is_marked_in_every_format_that_people_read(board: Leaderboard) -> None:
    for text in (
        render_terminal(board, width=160),
        render_markdown(board),
        read_html(render_html(board)).text,
    ):
        assert text.count("1=") == 2
        assert "not enough calls (3 of 10)" in text
        assert "calls without an agent" in text


def test_an_empty_leaderboard_says_so_in_every_format(empty_board: Leaderboard) -> None:
    said = "No week has evaluated calls yet."
    about = load_workbook(io.BytesIO(render_xlsx(empty_board)))["About"]
    assert said in render_terminal(empty_board)
    assert said in render_markdown(empty_board)
    assert said in render_html(empty_board)
    assert about["A2"].value == said
    assert leaderboard_rows(empty_board) == json.loads(render_json(empty_board)) == []
    assert render_csv(empty_board).startswith("tenant_id,week_start,template_id,")
