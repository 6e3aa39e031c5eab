"""The guide's walk-through: from an empty folder to the numbers of its example call."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.depth import mostly_slow
from tests.unit.cli.programs import CHECKOUT, GUIDE_DOCUMENT, GUIDE_FORM, Done, cci, succeed

SCORE = (
    "SELECT qa_total_score, qa_max_score, qa_percentage, qa_outcome, qa_failed_required, "
    "qa_reported_percentage, qa_reported_differs FROM calls"
)
SCORED = {
    "qa_total_score": 2.5,
    "qa_max_score": 4.5,
    "qa_percentage": 55.56,
    "qa_outcome": "fail",
    "qa_failed_required": "empathy_02,compliance_05",
    "qa_reported_percentage": 71.0,
    "qa_reported_differs": True,
}
FIVE_ROWS = (
    "SELECT criterion_id, position, weight, required, passed, evidence, "
    "DATE '2025-11-05' AS day, TIMESTAMP '2025-11-05 09:30:00.125' AS moment, "
    "'Grüße, \"quoted\"\nand a second line' AS words, '' AS empty "
    "FROM qa_criteria ORDER BY position"
)


def test_the_guides_walk_gives_the_true_score_and_says_what_the_document_claimed(
    tmp_path: Path,
) -> None:
    lake = tmp_path / "new" / "lake"
    scope = ("--tenant", "demo-tenant", "--lake", lake)
    added = succeed("tenants", "add", "demo-tenant", "--lake", lake, "--agent-channel", "ch_0")
    assert added.err == f"tenant demo-tenant added in {lake}\n"
    checked = succeed("forms", "check", GUIDE_FORM)
    assert "form default, 5 criteria (0 decided by rules), 4.5 points, pass from 70%" in checked.err
    stored, waits = succeed("forms", "put", GUIDE_FORM, *scope).err.splitlines()
    assert stored == "form default v1 of demo-tenant stored"
    assert waits.startswith("4 required criteria have no rule (greet_01, ")

    ingested = succeed("calls", "ingest", GUIDE_DOCUMENT, *scope)
    assert ingested.err.splitlines() == [
        "1 document: 1 new",
        "with words that are masked now: 1",
        f"  {GUIDE_DOCUMENT}",
        f"  {GUIDE_DOCUMENT}: the document claimed 71, the form gives 55.56",
        f"next: cci-lite etl run --tenant demo-tenant --lake {lake}",
    ]

    ran = succeed("etl", "run", "--tenant", "demo-tenant", "--lake", lake, "--output", "json")
    [day] = ran.json["days"]
    assert ran.json["succeeded"] is True
    assert (day["call_date"], day["sources"], day["calls"], day["read"]) == ("2025-11-05", 1, 1, 1)

    assert succeed("query", SCORE, *scope, "--output", "json").json == [SCORED]
    verified = succeed("etl", "verify", "--lake", lake)
    assert verified.err == "demo-tenant: 1 day, 1 call: all claims hold\n"


def test_repeating_every_step_changes_nothing(lake: Path) -> None:
    scope = ("--tenant", "demo-tenant", "--lake", lake)
    before = files(lake)
    added = succeed("tenants", "add", "demo-tenant", "--lake", lake, "--agent-channel", "ch_0")
    assert "is there already" in added.err
    assert (
        "default v1 of demo-tenant was there already"
        in succeed("forms", "put", GUIDE_FORM, *scope).err
    )
    ingested = succeed("calls", "ingest", GUIDE_DOCUMENT, *scope)
    assert ingested.err.startswith("1 document: 1 unchanged\n")
    assert "next:" not in ingested.err
    assert succeed("etl", "plan", "--lake", lake).err == "nothing to do\n"
    assert succeed("etl", "run", "--lake", lake).err == "nothing to do\n"
    assert files(lake) == before


def test_a_query_in_json_gives_the_rows(lake: Path) -> None:
    rows = query(lake, FIVE_ROWS, "json").json
    assert [(row["position"], row["criterion_id"], row["passed"]) for row in rows] == [
        (1, "greet_01", True),
        (2, "empathy_02", False),
        (3, "resolve_03", True),
        (4, "confirm_04", True),
        (5, "compliance_05", False),
    ]
    assert {
        (row["evidence"], row["day"], row["moment"], row["words"], row["empty"]) for row in rows
    } == {
        (
            None,
            "2025-11-05",
            "2025-11-05T09:30:00.125000",
            'Grüße, "quoted"\nand a second line',
            "",
        )
    }


def test_a_query_in_csv_tells_null_from_empty_text_and_parses_to_the_rows(lake: Path) -> None:
    printed = query(lake, FIVE_ROWS, "csv").out
    parsed = list(csv.reader(io.StringIO(printed)))
    rows = query(lake, FIVE_ROWS, "json").json
    assert parsed[0] == list(rows[0])
    assert [row[0] for row in parsed[1:]] == [row["criterion_id"] for row in rows]
    assert [float(row[2]) for row in parsed[1:]] == [row["weight"] for row in rows]
    assert [row[4] for row in parsed[1:]] == [str(row["passed"]).lower() for row in rows]
    assert {row[6] for row in parsed[1:]} == {"2025-11-05"}
    assert {row[7] for row in parsed[1:]} == {"2025-11-05 09:30:00.125"}
    assert {row[8] for row in parsed[1:]} == {rows[0]["words"]}
    # A reader that knows the difference finds NULL without quotes and empty text with them.
    assert printed.splitlines()[-1].endswith(',""')
    assert ",,2025-11-05," in printed


def test_a_query_in_parquet_gives_the_rows_with_their_types(lake: Path, tmp_path: Path) -> None:
    printed = pq.read_table(pa.BufferReader(query(lake, FIVE_ROWS, "parquet").data))
    assert [row["criterion_id"] for row in printed.to_pylist()] == [
        row["criterion_id"] for row in query(lake, FIVE_ROWS, "json").json
    ]
    assert printed.schema.field("moment").type == pa.timestamp("ms")
    assert printed.schema.field("day").type == pa.date32()
    target = tmp_path / "rows.parquet"
    said = query(lake, FIVE_ROWS, "parquet", "--to", target)
    assert said.data == b""
    assert said.err == f"5 rows in {target}\n"
    assert pq.read_table(target).equals(printed)


def test_a_query_as_a_table_shows_every_row_whole(lake: Path) -> None:
    shown = query(lake, "SELECT criterion_id, question FROM qa_criteria", "table")
    for name in ("greet_01", "empathy_02", "resolve_03", "confirm_04", "compliance_05"):
        assert name in shown.out
    assert "Did the agent acknowledge or empathize with the customer" in shown.out
    assert shown.err == "5 rows\n"


@pytest.mark.parametrize("output", ["table", "csv", "json", "parquet"])
def test_a_query_without_rows_succeeds(lake: Path, output: str) -> None:
    done = query(lake, "SELECT call_id FROM calls WHERE 1 = 0", output)
    if output == "json":
        assert done.json == []
    if output == "csv":
        assert done.out == '"call_id"\n'


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("ARRAY[1, NULL, 2]", [1, None, 2]),
        ("1e0 / 3", 1 / 3),
        ("9007199254740993", 9007199254740993),
        ("true", True),
    ],
    ids=["array", "double", "beyond double", "boolean"],
)
def test_json_keeps_the_kind_of_every_value(lake: Path, sql: str, value: object) -> None:
    [row] = query(lake, f"SELECT {sql} AS found", "json").json
    assert row["found"] == value


@pytest.mark.parametrize("output", ["csv", "json", "parquet"])
def test_columns_of_one_name_are_refused_rather_than_lost(lake: Path, output: str) -> None:
    done = cci("query", "SELECT 1 AS a, 2 AS a", *scope_of(lake), "--output", output)
    assert done.error == "two columns are called 'a': rename one with AS"
    assert done.code == 2


def test_csv_refuses_what_it_cannot_hold(lake: Path) -> None:
    done = cci("query", "SELECT ARRAY[1] AS a", *scope_of(lake), "--output", "csv")
    assert done.error == "column 'a' does not fit into CSV: use --output json"


def test_the_tenant_of_a_query_sees_no_other(lake: Path) -> None:
    succeed("tenants", "add", "other-tenant", "--lake", lake)
    rows = succeed(
        "query", "SELECT count(*) AS calls FROM calls", "--tenant", "other-tenant",
        "--lake", lake, "--output", "json",
    ).json  # fmt: skip
    assert rows == [{"calls": 0}]


@pytest.mark.parametrize(
    "arguments",
    [
        ["tenants", "list"],
        ["forms", "list", "--tenant", "demo-tenant"],
        ["etl", "plan"],
        ["etl", "run"],
        ["etl", "verify"],
        ["quarantine", "list"],
        ["report", "leaderboard", "--tenant", "demo-tenant"],
        ["query", "SELECT * FROM failure_rate", "--tenant", "demo-tenant"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_output_json_is_json(lake: Path, arguments: list[str]) -> None:
    assert succeed(*arguments, "--lake", lake, "--output", "json").json is not None


@pytest.mark.parametrize("command", ["list", "lint"])
def test_output_json_of_the_views_is_json(command: str) -> None:
    assert isinstance(succeed("views", command, "--output", "json").json, list)


def test_a_lake_can_be_named_by_the_environment(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCI_LITE_LAKE", str(lake))
    [tenant] = succeed("tenants", "list", "--output", "json").json
    assert tenant["tenant_id"] == "demo-tenant"


@pytest.mark.parametrize("output", mostly_slow(["csv", "json", "table"], ["csv"]))
def test_a_reader_that_leaves_early_is_no_error(lake: Path, output: str) -> None:
    # More than a pipe takes in before somebody reads it.
    many = f"SELECT a, '{'x' * 100}' AS x FROM UNNEST(sequence(1, 1000)) AS t(a)"
    writer = subprocess.Popen(
        [
            sys.executable, "-c", "from cci_lite.cli import main; main()",
            "query", many, *map(str, scope_of(lake)), "--output", output,
        ],
        cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert writer.stdout is not None
    assert writer.stderr is not None
    with writer:
        assert writer.stdout.read(1)
        writer.stdout.close()
        said = writer.stderr.read().decode()
    assert "Error" not in said
    assert "Traceback" not in said
    assert writer.returncode == 0


def test_sql_can_come_from_stdin(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT count(*) AS calls FROM calls"))
    assert query(lake, "-", "json").json == [{"calls": 1}]


def scope_of(lake: Path) -> tuple[str | Path, ...]:
    return ("--tenant", "demo-tenant", "--lake", lake)


def query(lake: Path, sql: str, output: str, *more: str | Path) -> Done:
    return succeed("query", sql, *scope_of(lake), "--output", output, *more)


def files(lake: Path) -> dict[str, tuple[int, int]]:
    """Every file of the lake's data with its size and modification time."""
    return {
        str(path.relative_to(lake)): (path.stat().st_size, path.stat().st_mtime_ns)
        for root in ("unified", "curated", "quarantine")
        for path in (lake / root).rglob("*")
        if path.is_file()
    }
