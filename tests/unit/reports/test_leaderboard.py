from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from statistics import NormalDist

import pyarrow as pa
import pytest

from cci_lite.errors import NotFoundError, TenantIdError, UsageError
from cci_lite.reports.leaderboard import Leaderboard, Standing, leaderboard, weeks
from cci_lite.reports.wording import why_empty
from tests.unit.reports.lakes import (
    FAIL,
    MONDAY,
    NA,
    PASS,
    TENANT,
    UNSCORED,
    Call,
    calls_of,
    lake_of,
)

WEEK = dt.timedelta(days=7)


def board_of(folder: Path, calls: list[Call], week: dt.date | None = None) -> Leaderboard:
    with lake_of(folder, calls) as query:
        return leaderboard(query, TENANT, week=week)


def wilson(failed: int, evaluated: int) -> tuple[float, float]:
    """The interval by its definition: the rates p with |failed/n - p| <= z sqrt(p(1-p)/n)."""
    z = NormalDist().inv_cdf(0.975)
    n, rate = evaluated, failed / evaluated
    a, b, c = 1 + z * z / n, -(2 * rate + z * z / n), rate * rate
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return ((-b - root) / (2 * a), (-b + root) / (2 * a))


def test_the_agent_whose_calls_fail_most_comes_first(tmp_path: Path) -> None:
    board = board_of(tmp_path, calls_of("good", 11, 1) + calls_of("bad", 6, 6))
    assert [(row.rank, row.agent_id) for row in board.rows] == [(1, "bad"), (2, "good")]


def test_numbers_equal_those_counted_from_the_verdicts(tmp_path: Path) -> None:
    calls = [
        *calls_of("a", 7, 5, name="Ann", team="Red"),
        Call(MONDAY, "a", (PASS, NA, FAIL), name="Ann", team="Red"),
        Call(MONDAY, "a", (UNSCORED, PASS, PASS), name="Ann"),
    ]
    (row,) = board_of(tmp_path, calls).rows
    # 7 of 3.5/3.5; 5 of 2.5/3.5; one of 1/1.5, below the threshold of 0.7; one of 2.5/2.5
    scored, attainable = 7 * 3.5 + 5 * 2.5 + 1 + 2.5, 12 * 3.5 + 1.5 + 2.5
    assert (row.calls, row.evaluated_calls, row.failed_calls) == (14, 13, 6)
    assert row.call_fail_rate == 6 / 13
    assert (row.call_fail_rate_low, row.call_fail_rate_high) == pytest.approx(wilson(6, 13))
    assert row.weighted_percentage == pytest.approx(100 * scored / attainable)
    assert (row.failed, row.evaluated) == (6, 40)
    assert row.criteria_fail_rate == 6 / 40
    assert (row.agent, row.agent_team, row.form) == ("Ann", "Red", "support v1")


def test_equal_rates_share_a_rank_and_are_marked_and_the_next_rank_is_left_out(
    tmp_path: Path,
) -> None:
    calls = [*calls_of("b", 5, 5), *calls_of("a", 10, 10), *calls_of("c", 9, 1)]
    rows = board_of(tmp_path, calls).rows
    assert [(row.place, row.agent_id) for row in rows] == [("1=", "a"), ("1=", "b"), ("3", "c")]
    assert [row.note for row in rows] == ["shares this rank", "shares this rank", ""]


def test_nine_calls_are_not_enough_for_a_rank_and_ten_are(tmp_path: Path) -> None:
    rows = board_of(tmp_path, calls_of("nine", 0, 9) + calls_of("ten", 10, 0)).rows
    assert [(row.agent_id, row.rank, row.note) for row in rows] == [
        ("ten", 1, ""),
        ("nine", None, "not enough calls (9 of 10)"),
    ]


def test_calls_without_an_outcome_do_not_count_towards_enough_calls(tmp_path: Path) -> None:
    calls = calls_of("a", 9, 0) + [Call(MONDAY, "a", (UNSCORED, PASS, PASS))] * 5
    (row,) = board_of(tmp_path, calls).rows
    assert (row.rank, row.calls, row.note) == (None, 14, "not enough calls (9 of 10)")


def test_agents_without_a_rank_stand_below_by_name_and_calls_without_an_agent_last(
    tmp_path: Path,
) -> None:
    calls = [
        *calls_of(None, 0, 30),
        *calls_of("z", 10, 0),
        *calls_of("1", 0, 2, name="berta"),
        *calls_of("2", 0, 1, name="Anna"),
        *calls_of("3", 1, 0, name="Claus"),
    ]
    rows = board_of(tmp_path, calls).rows
    names = [row.agent for row in rows]
    assert names == ["z", "Anna", "berta", "Claus", "calls without an agent"]
    assert rows[-1].standing is Standing.NO_AGENT
    assert rows[-1].rank is None


def test_versions_of_a_form_are_ranked_apart_the_latest_first(tmp_path: Path) -> None:
    calls = calls_of("a", 0, 10) + calls_of("a", 10, 0, version=2) + calls_of("b", 9, 1, version=2)
    board = board_of(tmp_path, calls)
    assert [(table.form, [row.agent_id for row in table.rows]) for table in board.tables] == [
        ("support v2", ["b", "a"]),
        ("support v1", ["a"]),
    ]
    assert all(row.form == table.form for table in board.tables for row in table.rows)


def test_the_default_is_the_latest_week_with_evaluated_calls(tmp_path: Path) -> None:
    calls = [
        *calls_of("a", 1, 0, MONDAY - WEEK),
        *calls_of("a", 1, 0, MONDAY + dt.timedelta(days=6)),
        Call(MONDAY + WEEK, "a", None),
    ]
    assert board_of(tmp_path, calls).week_start == MONDAY


def test_a_form_without_evaluated_calls_in_the_week_has_no_table(tmp_path: Path) -> None:
    calls = [*calls_of("a", 1, 0), Call(MONDAY, "b", None)]
    assert [table.form for table in board_of(tmp_path, calls).tables] == ["support v1"]


def test_any_day_names_its_week(tmp_path: Path) -> None:
    calls = calls_of("a", 1, 0) + calls_of("b", 1, 0, MONDAY - WEEK)
    board = board_of(tmp_path, calls, week=MONDAY - dt.timedelta(days=1))
    assert board.week_start == MONDAY - WEEK
    assert [row.agent_id for row in board.rows] == ["b"]


def test_a_week_without_calls_is_refused_with_the_nearest_that_has_some(tmp_path: Path) -> None:
    calls = calls_of("a", 1, 0) + calls_of("a", 1, 0, MONDAY - 4 * WEEK)
    with pytest.raises(NotFoundError) as raised:
        board_of(tmp_path, calls, week=MONDAY - WEEK)
    assert str(raised.value) == (
        "tenant 'demo-tenant' has no calls in the week of 2025-10-27, "
        "expected a week from 2025-10-06 to 2025-11-03, the nearest with calls is 2025-11-03"
    )


def test_a_week_of_an_empty_lake_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="has no calls yet: run `cci-lite etl run` first"):
        board_of(tmp_path, [], week=MONDAY)


@pytest.mark.parametrize(
    "calls", [[], [Call(MONDAY, "a", None)]], ids=["no calls", "no evaluated calls"]
)
def test_a_lake_without_evaluated_calls_has_an_empty_leaderboard(
    tmp_path: Path, calls: list[Call]
) -> None:
    board = board_of(tmp_path, calls)
    assert (board.week_start, board.tables, board.rows) == (None, (), ())


def test_an_empty_leaderboard_says_what_its_calls_wait_for(tmp_path: Path) -> None:
    calls = [Call(MONDAY, "a", (UNSCORED, PASS, UNSCORED)), Call(MONDAY, "b", None)]
    board = board_of(tmp_path, calls)
    [waiting] = board.waiting
    assert (waiting.form, waiting.criterion_id, waiting.calls) == ("support v1", "greet", 1)
    assert why_empty(board) == (
        "No week has evaluated calls yet. Calls judged by support v1 wait in review for required "
        "criteria that nothing has decided: greet (1). A rule in the form decides them, or a "
        "language model, or a person."
    )


def test_weeks_are_listed_with_their_calls_oldest_first(tmp_path: Path) -> None:
    calls = [*calls_of("a", 2, 1), Call(MONDAY, "a", None), *calls_of("b", 1, 0, MONDAY - WEEK)]
    with lake_of(tmp_path, calls) as query:
        found = [
            (week.week_start, week.calls, week.evaluated_calls) for week in weeks(query, TENANT)
        ]
    assert found == [(MONDAY - WEEK, 1, 1), (MONDAY, 4, 3)]


def test_the_statement_of_a_leaderboard_gives_its_rows_again(tmp_path: Path) -> None:
    with lake_of(tmp_path, calls_of("a", 10, 3) + calls_of("b", 2, 1)) as query:
        board = leaderboard(query, TENANT)
        again = query(board.statement.sql).to_pylist()
    assert [row["agent_id"] for row in again] == [row.agent_id for row in board.rows]
    assert [row["call_fail_rate"] for row in again] == [row.call_fail_rate for row in board.rows]


def test_rows_of_another_tenant_are_never_shown_under_this_tenants_title() -> None:
    def of_another_tenant(_: str) -> pa.Table:
        return pa.table(
            {"tenant_id": ["acme"], "week_start": [MONDAY], "calls": [1], "evaluated_calls": [1]}
        )

    with pytest.raises(
        UsageError, match="expected rows of tenant 'demo-tenant', found rows of tenant 'acme'"
    ):
        leaderboard(of_another_tenant, TENANT)


def test_what_is_not_a_tenant_id_is_refused() -> None:
    def not_run(_: str) -> pa.Table:
        raise AssertionError

    with pytest.raises(TenantIdError):
        leaderboard(not_run, "Not A Tenant")
