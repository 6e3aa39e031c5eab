"""Files that commands write: format by file name, complete or not at all."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from tests.depth import mostly_slow
from tests.unit.cli.programs import CHECKOUT, Done, cci, succeed
from tests.unit.test_files import full_disk

ROWS = "SELECT 1 AS a"
QUERY = ["query", ROWS]
BOARD = ["report", "leaderboard"]
PAGE = ["report", "page"]

FIRST_BYTES = {
    "csv": b'"a"', "json": b"[{", "parquet": b"PAR1", "md": b"# Failure", "xlsx": b"PK",
    "html": b"<!doctype html>",
}  # fmt: skip


def scope(lake: Path) -> list[str]:
    return ["--tenant", "demo-tenant", "--lake", str(lake)]


def written(lake: Path, command: list[str], target: Path, *more: str) -> bytes:
    done = succeed(*command, *scope(lake), "--to", target, *more)
    assert done.data == b""
    return target.read_bytes()


@pytest.mark.parametrize(
    ("command", "ending"),
    [
        *((QUERY, ending) for ending in ("csv", "json", "parquet")),
        *((BOARD, ending) for ending in ("md", "xlsx", "html")),
        (PAGE, "html"),
    ],
    ids=lambda part: part if isinstance(part, str) else part[0],
)
def test_the_name_says_the_format(lake: Path, command: list[str], ending: str) -> None:
    for name in (f"out.{ending}", f"A.B.{ending.upper()}"):
        data = written(lake, command, lake / name)
        assert data.lower().startswith(FIRST_BYTES[ending].lower())


def test_the_leaderboard_as_csv_and_json_by_name(lake: Path) -> None:
    assert written(lake, BOARD, lake / "board.csv").startswith(b"tenant_id,week_start,")
    assert isinstance(json.loads(written(lake, BOARD, lake / "board.json")), list)


def test_a_name_and_output_that_agree_are_fine(lake: Path) -> None:
    assert written(lake, QUERY, lake / "out.json", "--output", "json") == b'[{"a":1}]\n'


def test_a_name_without_an_ending_takes_the_format_of_output(lake: Path) -> None:
    assert written(lake, QUERY, lake / "out", "--output", "json") == b'[{"a":1}]\n'


QUERY_ENDINGS = ".csv, .json or .parquet"
BOARD_ENDINGS = ".md, .csv, .xlsx, .html or .json"


@pytest.mark.parametrize(
    ("command", "name", "output", "message"),
    [
        (QUERY, "x.txt", None, f"expected a name that ends in {QUERY_ENDINGS}"),
        (QUERY, "x.xlsx", None, f"expected a name that ends in {QUERY_ENDINGS}"),
        (QUERY, "x.csv.gz", None, f"expected a name that ends in {QUERY_ENDINGS}"),
        (QUERY, "x.txt", "csv", f"expected a name that ends in {QUERY_ENDINGS}"),
        (QUERY, "x", None, f"expected a name that ends in {QUERY_ENDINGS}"),
        (QUERY, ".csv", None, f"expected a name that ends in {QUERY_ENDINGS}"),
        (BOARD, "x.parquet", None, f"expected a name that ends in {BOARD_ENDINGS}"),
        (PAGE, "x.pdf", None, "expected a name that ends in .html"),
        (PAGE, "x", None, "expected a name that ends in .html"),
        (
            QUERY,
            "x.csv",
            "json",
            "expected a name that ends in .json for --output json; without --output it is "
            "written as csv",
        ),
        (
            BOARD,
            "x.html",
            "md",
            "expected a name that ends in .md for --output md; without --output it is "
            "written as html",
        ),
        (QUERY, "x.csv", "table", f"a table is for the terminal; a file is {QUERY_ENDINGS}"),
        (BOARD, "x", "table", f"a table is for the terminal; a file is {BOARD_ENDINGS}"),
    ],
)
def test_a_name_of_no_format_or_of_another_is_refused_before_anything_is_asked(
    tmp_path: Path, command: list[str], name: str, output: str | None, message: str
) -> None:
    target = tmp_path / name
    chosen = ["--output", output] if output else []
    done = cci(*command, *scope(tmp_path / "no-lake"), "--to", target, *chosen)
    assert done.code == 2
    assert done.error == f"--to {target}: {message}"
    assert not target.exists()


# -- formulas and what text hides

HOSTILE = {
    "run": "=1+1",
    "late": " @SUM(1)",
    "quoted": "'=1",
    "steer": "a\x1b[2J\u202eb",
    "plain": "a, \"b\"\nc",
}  # fmt: skip


def hostile_rows(lake: Path, output: str, *more: str | Path) -> Done:
    columns = ", ".join(
        f"'{text.replace(chr(39), chr(39) * 2)}' AS {name}" for name, text in HOSTILE.items()
    )
    sql = f"SELECT {columns}, -7 AS below, -1.5e0 AS exact, '=x' AS \"=name\""
    return succeed("query", sql, *scope(lake), "--output", output, *more)


def test_csv_of_a_query_runs_nothing_and_hides_nothing(lake: Path) -> None:
    head, row = csv.reader(io.StringIO(hostile_rows(lake, "csv").out, newline=""))
    assert head == [*HOSTILE, "below", "exact", "'=name"]
    assert row == [
        "'=1+1", "' @SUM(1)", "''=1", r"a\x1b[2J\u202eb", 'a, "b"\nc', "-7", "-1.5", "'=x",
    ]  # fmt: skip


def test_json_and_parquet_of_a_query_keep_every_character(lake: Path) -> None:
    done = hostile_rows(lake, "json")
    [row] = done.json
    assert {name: row[name] for name in HOSTILE} == HOSTILE
    assert row["=name"] == "=x"
    assert "\u202e" not in done.out
    [row] = pq.read_table(pa.BufferReader(hostile_rows(lake, "parquet").data)).to_pylist()
    assert {name: row[name] for name in HOSTILE} == HOSTILE


def test_a_table_shows_what_its_values_hide(lake: Path) -> None:
    shown = hostile_rows(lake, "table").out
    assert r"a\x1b[2J\u202eb" in shown
    assert r'a, "b"\nc' in shown
    assert "=1+1" in shown
    assert "-1.5" in shown


def test_an_error_shows_what_the_name_in_it_hides(lake: Path) -> None:
    done = cci("forms", "check", lake / "a\u202eb\x1b[2J.yaml")
    assert done.error == f"no such file: {lake}" + r"/a\u202eb\x1b[2J.yaml"


def test_wrong_usage_shows_what_the_word_in_it_hides() -> None:
    done = cci("etl\x1b[2J")
    assert done.error.startswith(r"No such command 'etl\x1b[2J'.")


def test_a_message_shows_what_the_name_in_it_hides(lake: Path, tmp_path: Path) -> None:
    target = tmp_path / "a\u202eb.json"
    assert succeed(*QUERY, *scope(lake), "--to", target).err == (
        f"1 row in {tmp_path}" + r"/a\u202eb.json" + "\n"
    )


def test_no_cell_of_a_workbook_is_a_formula(lake: Path) -> None:
    book = load_workbook(io.BytesIO(written(lake, BOARD, lake / "board.xlsx")))
    kinds = {cell.data_type for sheet in book for row in sheet for cell in row}
    assert "s" in kinds
    assert "f" not in kinds


# -- a full disk

FILES = [
    (QUERY, "out.csv"), (QUERY, "out.json"), (QUERY, "out.parquet"), (BOARD, "board.md"),
    (BOARD, "board.xlsx"), (BOARD, "board.html"), (PAGE, "page.html"),
]  # fmt: skip
STEPS = ["create", "write", "fsync", "replace"]
# Each way to write a file meets one step here, and every step is met.
QUICK = [(*file, STEPS[number % len(STEPS)]) for number, file in enumerate(FILES)]


@pytest.mark.parametrize(
    "file_and_step",
    mostly_slow([(*file, step) for file in FILES for step in STEPS], QUICK),
    ids=lambda case: " ".join(case[1:]),
)
def test_a_full_disk_leaves_the_old_file(
    lake: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file_and_step: tuple[list[str], str, str],
) -> None:
    command, name, step = file_and_step
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / name
    target.write_bytes(b"old")
    full_disk(monkeypatch, step)
    done = cci(*command, *scope(lake), "--to", target)
    monkeypatch.undo()
    assert done.code == 1
    assert done.error == (
        f"{target} cannot be written: {os.strerror(errno.ENOSPC)}; make room and do it again"
    )
    assert target.read_bytes() == b"old"
    assert [path.name for path in folder.iterdir()] == [name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "command",
    [
        [*QUERY, "--output", "csv"],
        pytest.param(QUERY, marks=pytest.mark.slow),
        pytest.param([*BOARD, "--output", "json"], marks=pytest.mark.slow),
        pytest.param(PAGE, marks=pytest.mark.slow),
    ],
    ids=["csv", "table", "leaderboard", "page"],
)
def test_output_that_finds_no_room_is_said_in_one_line(lake: Path, command: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from cci_lite.cli import main; main()", *command, *scope(lake)],
            cwd=CHECKOUT, stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1:] == [
        "error: No space left on device: make room and do it again"
    ]
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
