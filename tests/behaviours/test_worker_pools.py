"""The behaviour that every worker pool must have: in this process and in several."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cci_lite.errors import LakeError
from cci_lite.local.processes import Inline, Processes
from cci_lite.ports import WorkerPool
from tests.behaviours.arrow_functions import threads
from tests.behaviours.pool_functions import (
    arrow_without_pandas,
    die_at,
    double,
    fail_at,
    fail_unsendably,
    loaded,
    note,
    note_late,
    parent_id,
    process_id,
    unsendable,
)
from tests.small_lake import SPARK


@pytest.fixture(params=["inline", "new_processes", SPARK])
def pool(request: pytest.FixtureRequest) -> WorkerPool:
    found: WorkerPool = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def new_processes() -> Iterator[WorkerPool]:
    with Processes(2) as pool:
        yield pool


def test_results_come_in_the_order_of_the_arguments(pool: WorkerPool) -> None:
    assert list(pool.map(double, ((number,) for number in range(50)))) == [
        2 * number for number in range(50)
    ]


def test_no_work_gives_no_results(pool: WorkerPool) -> None:
    assert list(pool.map(double, [])) == []


def test_a_pool_can_be_used_again(pool: WorkerPool) -> None:
    assert list(pool.map(double, [(1,)])) == [2]
    assert list(pool.map(double, [(2,)])) == [4]


def test_few_arguments_are_drawn_ahead_of_the_results(pool: WorkerPool) -> None:
    drawn = 0

    def arguments() -> Iterator[tuple[int]]:
        nonlocal drawn
        for number in range(100):
            drawn += 1
            yield (number,)

    most_ahead = 0
    for taken, _ in enumerate(pool.map(double, arguments()), start=1):
        most_ahead = max(most_ahead, drawn - taken)
    assert drawn == 100
    assert most_ahead <= 3 * pool.width  # on Spark: a job that is done, and two in flight


def test_an_error_of_the_work_reaches_the_caller_in_its_place(pool: WorkerPool) -> None:
    results = pool.map(fail_at, ((3, number) for number in range(10)))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="^number 3 is bad$"):
        next(results)
    assert list(pool.map(double, [(1,)])) == [2]


def test_an_error_of_the_arguments_reaches_the_caller(pool: WorkerPool) -> None:
    def arguments() -> Iterator[tuple[int]]:
        yield (1,)
        raise OSError("the listing broke off")

    with pytest.raises(OSError, match="^the listing broke off$"):
        list(pool.map(double, arguments()))


def test_a_caller_that_leaves_early_leaves_no_work_behind(pool: WorkerPool, tmp_path: Path) -> None:
    results = pool.map(note, ((tmp_path, number) for number in range(1_000)))
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert list(pool.map(double, [(1,)])) == [2]
    assert len(list(tmp_path.iterdir())) <= 4 * pool.width + 2


def test_processes_work_elsewhere_and_inline_works_here() -> None:
    assert set(Inline().map(process_id, [(1,)])) == {os.getpid()}
    with Processes(2) as pool:
        workers = set(pool.map(process_id, ((number,) for number in range(20))))
    assert os.getpid() not in workers
    assert 1 <= len(workers) <= 2


def test_workers_do_without_pandas() -> None:
    with Processes(1) as pool:
        assert list(pool.map(arrow_without_pandas, [(1,)])) == [(False, 6)]


def test_a_worker_that_dies_is_an_error_and_no_wait_without_end() -> None:
    with Processes(2) as pool:
        with pytest.raises(LakeError) as caught:
            list(pool.map(die_at, ((5, number) for number in range(50))))
        # The next tenant's work is done.
        assert list(pool.map(double, [(1,)])) == [2]
    assert str(caught.value) == (
        "a worker process ended before its work was done (out of memory?); run again, with fewer "
        "--workers"
    )


def test_the_first_work_is_done_here_until_it_weighs_more_than_starting_others() -> None:
    with Processes(2, weigh=lambda number: number, in_place=6) as pool:
        done_by = list(pool.map(process_id, ((number,) for number in (3, 3, 1, 0))))
        assert [each == os.getpid() for each in done_by] == [True, True, False, False]
        assert os.getpid() not in pool.map(process_id, [(0,)])


def test_workers_are_copies_of_one_that_has_imported_what_they_need() -> None:
    """On Linux; elsewhere each is started by itself."""
    with Processes(3) as pool:
        parents = set(pool.map(parent_id, ((number,) for number in range(9))))
        [found] = pool.map(loaded, [(("click", "cci_lite.cli", "tests.conftest"),)])
    assert os.getpid() in parents
    assert len(parents) == (2 if sys.platform == "linux" else 1)
    assert found == []


@pytest.mark.skipif(sys.platform != "linux", reason="only there do processes copy themselves")
def test_a_process_has_a_single_thread_when_it_copies_itself() -> None:
    """A lock that another thread holds would stay locked in the copy."""
    with Processes(1) as pool:
        [threads_then_and_the_one_that_takes_in_work] = pool.map(threads, [(1,)])
    assert threads_then_and_the_one_that_takes_in_work == 2


def test_one_pool_works_for_several_callers_at_a_time(pool: WorkerPool) -> None:
    outer = pool.map(double, ((number,) for number in range(20)))
    found = []
    for result in outer:
        found.append(result)
        found += pool.map(double, [(100 + result,)])
    assert found[:4] == [0, 200, 2, 204]
    assert len(found) == 40


def test_work_has_ended_when_the_pool_is_left(tmp_path: Path) -> None:
    with Processes(2) as pool:
        assert next(pool.map(note_late, [(tmp_path, number) for number in range(4)])) == 0
    time.sleep(0.4)
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_cannot_be_sent_is_an_error_of_the_work() -> None:
    with Processes(1) as pool:
        with pytest.raises(Exception, match="pickle"):
            list(pool.map(unsendable, [(1,)]))
        assert list(pool.map(double, [(1,)])) == [2]


def test_an_error_that_cannot_be_sent_is_told_by_its_kind() -> None:
    with Processes(1) as pool:
        with pytest.raises(LakeError, match=r"^a worker process met ValueError; run again$"):
            list(pool.map(fail_unsendably, [(1,)]))
        assert list(pool.map(double, [(1,)])) == [2]


def test_callers_of_a_pool_whose_workers_died_are_all_told() -> None:
    with Processes(2) as pool:
        first = pool.map(double, ((number,) for number in range(50)))
        assert next(first) == 0
        with pytest.raises(LakeError):
            list(pool.map(die_at, ((5, number) for number in range(50))))
        with pytest.raises(LakeError):
            list(first)
