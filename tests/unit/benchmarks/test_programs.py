"""The other programs, at their smallest: each prints one JSON document with its figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
if str(CHECKOUT) not in sys.path:
    sys.path.append(str(CHECKOUT))

from benchmarks.builds import BEFORE, OURS  # noqa: E402
from benchmarks.flatten import GOALS, goals  # noqa: E402
from benchmarks.measure import Usage  # noqa: E402
from benchmarks.nightly import profile_in  # noqa: E402
from benchmarks.program import figures, ratios  # noqa: E402
from benchmarks.query import answer, further_seconds  # noqa: E402


def _usage(wall: float, cpu: float, memory: float) -> Usage:
    return Usage(wall, cpu, memory, memory, memory, 1)


def test_a_ratio_is_the_median_of_ours_divided_by_that_of_the_build_before() -> None:
    ours = [_usage(1, 3, 50), _usage(9, 9, 50), _usage(2, 4, 50)]
    before = [_usage(4, 8, 100)]
    assert ratios(ours, before) == {"wall": 0.5, "cpu": 0.5, "memory": 0.5}
    found = figures({OURS: ours, BEFORE: before})
    assert found["relative_to_before"] == {"wall": 0.5, "cpu": 0.5, "memory": 0.5}
    assert found["ours"]["cpu_seconds"] == 4
    assert len(found["ours"]["runs"]) == 3
    assert "relative_to_before" not in figures({OURS: ours})


def test_a_goal_is_judged_by_ours_divided_by_the_other_and_only_when_it_took_part() -> None:
    assert {name for name, _, _ in GOALS} == {
        "bare", "before", "duckdb-safe", "duckdb-text", "pandas"
    }  # fmt: skip
    twice = {"wall": 2.0, "cpu": 2.0, "memory": 1.0}
    judged = goals([{"name": "duckdb-safe", "relative_to_ours": twice}])
    assert judged == [
        {"goal": "wall: at most 0.5 times that of duckdb-safe", "found": 0.5, "holds": True}
    ]


def test_what_a_query_took_is_kept_apart_from_what_it_answered() -> None:
    said = "cpu_seconds 9.0\ncpu_seconds 0.5\ncpu_seconds 0.25\n[{'a': 1}]\n"
    assert further_seconds(said) == [0.5, 0.25]
    assert answer(said) == ["[{'a': 1}]"]


def test_the_parts_of_a_run_are_found_between_its_messages() -> None:
    said = 'one document is in quarantine\n{"days": [{}], "profile": [{"part": "start"}]}\nmore\n'
    assert profile_in(said) == [{"part": "start"}]


@pytest.mark.slow
def test_nights_of_three_kinds_are_measured_at_each_size() -> None:
    options = ["--documents", "2", "--quiet-days", "0", "--repeat", "1", "--workers", "1"]
    (night,) = _result("nightly.py", *options)["nights"]
    assert night["documents"] == 2
    assert all(night[job]["ours"]["cpu_seconds"] > 0 for job in ("first", "one_new", "nothing_new"))


@pytest.mark.slow
def test_calls_of_the_sample_world_are_judged() -> None:
    result = _result("analyze.py", "--transcripts", "2", "--repeat", "1")
    assert (result["transcripts"], result["same_documents"]) == (2, True)
    assert result["analyze"]["ours"]["cpu_seconds"] > 0


def test_a_query_s_command_is_measured_without_a_lake() -> None:
    found = _result("query.py", "--jobs", "help", "--repeat", "1")
    assert found["jobs"]["help"]["ours"]["cpu_seconds"] > 0


def _result(program: str, *options: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, f"benchmarks/{program}", *options],
        cwd=CHECKOUT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    result: dict[str, Any] = json.loads(done.stdout)
    return result
