"""A run that is killed, and two runs at once: readers see whole days, the next run repairs."""

from __future__ import annotations

import datetime as dt
import itertools
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cci_lite.errors import LeaseHeldError
from cci_lite.nightly.verify import verify_tenant
from tests.depth import mostly_slow
from tests.small_lake import DAY, NEXT_DAY, TENANT, SmallLake

FOREVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
STEPS_OF_A_DAY = ("planned", "staged", "written", "checked", "switched")
# Step, its occurrence, and in how many processes the run works.
KILLS = [
    ("cleaned", 1, 1),
    *itertools.product(STEPS_OF_A_DAY, (1, 2), (1,)),
    ("staged", 2, 2),
    ("switched", 1, 2),
]
# Each step is among these, in the first day or in the second; the slow suite has both.
QUICK = [
    ("cleaned", 1, 1), ("planned", 1, 1), ("staged", 2, 1), ("written", 1, 1), ("checked", 2, 1),
    ("switched", 1, 1), ("switched", 1, 2),
]  # fmt: skip

# Runs the night in a process of its own that kills itself at the given occurrence of a step.
KILLED_RUN = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from cci_lite.local.processes import Inline, Processes
    from cci_lite.nightly.run import run_etl
    from tests.small_lake import TENANT, SmallLake

    step, occurrence, workers = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    small_lake = SmallLake(Path(sys.argv[1]))
    seen = 0

    def observe(progress):
        global seen
        seen += progress.step == step
        if progress.step == step and seen == occurrence:
            os.kill(os.getpid(), signal.SIGKILL)

    if __name__ == "__main__":
        with Inline() if workers == 1 else Processes(workers) as pool:
            run_etl(small_lake.lake, {TENANT: small_lake.forms}, "killed", pool=pool, observe=observe)
    """
)


def killed_run(small_lake: SmallLake, step: str, occurrence: int, *, workers: int = 1) -> int:
    script = small_lake.root.parent / "killed_run.py"
    script.write_text(KILLED_RUN, encoding="utf-8")
    checkout = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, str(script), str(small_lake.root), step, str(occurrence), str(workers)],
        cwd=checkout,
        env={"PYTHONPATH": str(checkout), "PATH": ""},
        check=False,
    )
    return done.returncode


def seen_by_readers(small_lake: SmallLake) -> dict[str, list[str]]:
    """The calls of each table's rows, so that a torn day would show."""
    return {
        name: sorted({row["call_id"] for row in small_lake.rows(name)})
        for name in ("calls", "qa_criteria", "entities", "key_phrases", "action_items")
    }


def days_switched(step: str, occurrence: int, workers: int) -> int:
    """How many of two days are switched at this moment; the last step of a day is its switch."""
    if workers > 1 and step in ("planned", "staged"):
        return 0  # both days are planned and staged before the first is switched
    return occurrence if step == "switched" else occurrence - 1


@pytest.mark.parametrize("kill", mostly_slow(KILLS, QUICK), ids=str)
def test_a_run_killed_at_any_step_leaves_whole_days_and_the_next_run_repairs(
    small_lake: SmallLake, kill: tuple[str, int, int]
) -> None:
    step, occurrence, workers = kill
    small_lake.put("call-1")
    small_lake.put("call-2", day=NEXT_DAY)
    small_lake.run()
    old = ["call-1", "call-2"]
    small_lake.put("call-1b")
    small_lake.put("call-2b", day=NEXT_DAY)
    small_lake.put_bytes("broken", b"{", day=NEXT_DAY)
    new = ["call-1", "call-1b", "call-2", "call-2b"]

    assert killed_run(small_lake, step, occurrence, workers=workers) == -signal.SIGKILL

    reader = seen_by_readers(small_lake)
    assert all(calls == reader["calls"] for calls in reader.values())
    switched = days_switched(step, occurrence, workers)
    assert reader["calls"] == [old, sorted([*old, "call-1b"]), new][switched]

    assert small_lake.run().succeeded
    assert small_lake.call_ids() == new
    assert verify_tenant(small_lake.lake, TENANT).findings == ()
    noted = {generation for _, generation in small_lake.catalog.retired(TENANT, FOREVER)}
    noted |= {day.generation for day in small_lake.catalog.days(TENANT).values()}
    assert {key.split("/")[4] for key in small_lake.files("curated")} == noted


def test_a_killed_run_leaves_no_worker_behind_that_writes(small_lake: SmallLake) -> None:
    for number in range(20):
        small_lake.put(f"call-{number}")
    assert killed_run(small_lake, "written", 1, workers=2) == -signal.SIGKILL
    assert small_lake.call_ids() == []
    assert small_lake.run().succeeded
    assert len(small_lake.call_ids()) == 20
    assert {key.split("/")[4] for key in small_lake.files("curated")} == {"run-1-0001"}


def test_the_second_of_two_runs_reports_that_another_is_at_work(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    small_lake.put("call-2", tenant_id="other-tenant")
    other = SmallLake(small_lake.root)
    with small_lake.catalog.lease(TENANT, "run first"):
        report = other.run(TENANT, "other-tenant")
        with (
            pytest.raises(
                LeaseHeldError,
                match="^tenant demo-tenant: run first is in progress; wait for it to end and run",
            ),
            other.catalog.lease(TENANT, "run second"),
        ):
            pass
    assert report.busy == [TENANT]
    assert not report.succeeded
    assert small_lake.call_ids() == []
    assert small_lake.call_ids(tenant_id="other-tenant") == ["call-2"]
    assert small_lake.run().succeeded
    assert small_lake.catalog.days(TENANT).keys() == {DAY}
