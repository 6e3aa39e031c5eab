"""Output on terminals of any width, in a pipe, and with COLUMNS set."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from cci_lite.cli.output import as_text
from tests.depth import mostly_slow
from tests.unit.cli.programs import CHECKOUT, cci, succeed
from tests.unit.cli.test_targets import scope

WIDTHS = ["20", "40", "80", "120", "500"]
COUNTS = (
    "SELECT call_id, call_date, call_started_at, 414 AS calls, -0.125e0 AS below, 1e100 AS huge, "
    "12345678901.5e0 AS exact, '東京都の電話' AS place, CAST(NULL AS bigint) AS nothing, "
    "ARRAY[1, NULL, 414] AS many, qa_percentage, agent_id FROM calls"
)


@pytest.fixture(
    params=mostly_slow([*WIDTHS, None], ["20", "120", None]), ids=lambda width: f"{width} columns"
)
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    if request.param is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", request.param)
    chosen: str | None = request.param
    return chosen


def assert_whole(shown: str, values: list[Any]) -> None:
    lines = shown.splitlines()
    for value in values:
        for word in as_text(value).split():
            # Chinese may wrap between any two of its letters.
            parts = [word] if word.isascii() else list(word)
            assert all(any(part in line for line in lines) for part in parts), word


@pytest.mark.usefixtures("width")
@pytest.mark.parametrize("sql", [COUNTS, "SELECT * FROM calls", "SELECT * FROM qa_criteria"])
def test_a_query_shows_every_value_and_every_column(lake: Path, sql: str) -> None:
    rows = succeed("query", sql, *scope(lake), "--output", "json").json
    shown = succeed("query", sql, *scope(lake)).out
    assert_whole(
        shown, [value for row in rows for value in row.values() if not isinstance(value, float)]
    )
    assert all(name in shown.replace("\n", "") or "_" in name for name in rows[0])


@pytest.mark.usefixtures("width")
@pytest.mark.parametrize(
    "command",
    [
        ["tenants", "list"],
        ["forms", "list", "--tenant", "demo-tenant"],
        ["quarantine", "list"],
        ["etl", "plan"],
        ["etl", "verify"],
        ["views", "list"],
    ],
    ids=" ".join,
)
def test_a_list_shows_every_value(lake: Path, command: list[str]) -> None:
    broken = lake / "unified" / "demo-tenant" / "2025" / "11" / "05" / "broken.json"
    broken.write_bytes(b"{}")
    if command[0] != "etl":
        cci("etl", "run", "--lake", lake)
    place = [] if command[0] == "views" else ["--lake", lake]
    rows = cci(*command, *place, "--output", "json").json
    shown = cci(*command, *place).out
    assert rows or command[:2] == ["etl", "verify"]
    assert_whole(shown, [value for row in rows for value in row.values()])


@pytest.mark.usefixtures("width")
def test_a_run_shows_the_whole_balance_sheet(lake: Path) -> None:
    for day in (5, 6):
        folder = lake / "unified" / "demo-tenant" / "2025" / "11" / f"{day:02}"
        folder.mkdir(exist_ok=True)
        (folder / "broken.json").write_bytes(b"{}")
    shown = cci("etl", "run", "--lake", lake, "--allow-shrink").out
    assert_whole(shown, ["demo-tenant", "2025-11-05", "2025-11-06", "published"])


@pytest.mark.usefixtures("width")
def test_the_leaderboard_shows_every_number(lake: Path) -> None:
    [row] = succeed("report", "leaderboard", *scope(lake), "--output", "json").json
    shown = succeed("report", "leaderboard", *scope(lake)).out
    assert f"{row['failed_calls']} of {row['evaluated_calls']}" in shown
    assert f"{row['call_fail_rate_low'] * 100:.1f}–{row['call_fail_rate_high'] * 100:.1f}" in shown  # noqa: RUF001
    assert f"{row['weighted_percentage']:.1f} %" in shown
    assert f"{row['criteria_fail_rate'] * 100:.1f} %" in shown


def test_a_pipe_has_no_width(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    sql = f"SELECT '{'word ' * 400}' AS words, 414 AS calls"
    head, _, row = succeed("query", sql, *scope(lake)).out.splitlines()
    assert head.split() == ["words", "calls"]
    assert row.split() == [*["word"] * 400, "414"]


@pytest.mark.parametrize("columns", ["", "0", "-5", "wide"])
def test_columns_that_say_no_width_stand_for_none(
    lake: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert "414" in succeed("query", "SELECT 414 AS calls", *scope(lake)).out


@pytest.mark.parametrize("size", mostly_slow([(20, 11), (200, 3)], [(20, 11)]), ids=str)
def test_a_real_terminal_is_as_wide_as_it_says(lake: Path, size: tuple[int, int]) -> None:
    columns, lines = size
    sql = "SELECT DATE '2025-10-30' AS call_date, 414 AS calls, 2100 AS failed_calls"
    sql = f"{sql}, 'support' AS form, 'a1' AS agent_id, 12 AS x, 13 AS y, 14 AS z"
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(
        [sys.executable, "-c", "from cci_lite.cli import main; main()", "query", sql, *scope(lake)],
        cwd=CHECKOUT, env=environment, stdout=terminal, stderr=subprocess.DEVNULL,
    ) as program:  # fmt: skip
        program.wait()
    shown = os.read(screen, 100_000).decode().splitlines()
    os.close(terminal)
    os.close(screen)
    assert len(shown) == lines
    assert_whole("\n".join(shown), ["2025-10-30", 414, 2100, "support", "a1", 12, 13, 14])


def test_a_terminal_that_cannot_show_a_character_shows_its_escape(lake: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "-c", "from cci_lite.cli import main; main()",
            "query", "SELECT '東 é' AS name, 414 AS calls", *scope(lake),
        ],
        cwd=CHECKOUT, env=os.environ | {"PYTHONIOENCODING": "latin-1"}, capture_output=True,
        check=True,
    )  # fmt: skip
    assert r"\u6771 é" in done.stdout.decode("latin-1")
