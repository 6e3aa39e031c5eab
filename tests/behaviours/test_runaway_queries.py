"""Queries end on interruption, timeout and at the memory limit; tested with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cci_lite.errors import SqlError, UsageError
from cci_lite.laptop import Lake, open_lake
from tests.depth import mostly_slow
from tests.small_lake import TENANT, SmallLake
from tests.unit.cli.programs import cci, succeed

ENDLESS = {
    "a cross join": "SELECT count(*) AS n FROM {a} CROSS JOIN {b} CROSS JOIN {c}",
    "a sort": "SELECT t.a + u.a AS x FROM {a} CROSS JOIN {b} CROSS JOIN {c} ORDER BY 1",
    "an answer without end": "SELECT t.a AS x, u.a AS y FROM {a} CROSS JOIN {b} CROSS JOIN {c}",
    "a window": "SELECT sum(t.a) OVER (ORDER BY u.a) AS s FROM {a} CROSS JOIN {b} CROSS JOIN {c}",
}
PARTS = {
    name: f"UNNEST(sequence(1, 100000)) AS {alias}(a)"
    for name, alias in zip("abc", "tuv", strict=True)
}


def endless(name: str) -> str:
    return ENDLESS[name].format(**PARTS)


@pytest.fixture
def lake(small_lake: SmallLake) -> Lake:
    small_lake.register()
    small_lake.put("call-1")
    assert small_lake.run().succeeded
    return open_lake(small_lake.root)


# A shell has its jobs in the background ignore Ctrl-C, and they hand that on to their children.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from cci_lite.cli import main
main()
"""


class Asked:
    """`cci-lite query` in a process of its own, whose temporary files go to a folder of its own."""

    def __init__(self, lake: Lake, folder: Path, sql: str, *options: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [
                sys.executable, "-c", PROGRAM, "query", sql,
                "--tenant", TENANT, "--lake", str(lake.path), *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"TMPDIR": str(folder)},
        )  # fmt: skip

    def wait_until_it_works(self) -> None:
        """The engine is open: its folder is there; then a little for the query to begin."""
        while not any(self.folder.iterdir()):
            assert self.process.poll() is None
            time.sleep(0.05)
        time.sleep(0.5)

    def ended(self) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said.decode()


Ask = Callable[..., Asked]


@pytest.fixture
def ask(lake: Lake, tmp_path: Path) -> Iterator[Ask]:
    """Starts queries; what is still running at the end is ended."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    started: list[Asked] = []

    def start(sql: str, *options: str) -> Asked:
        started.append(Asked(lake, folder, sql, *options))
        return started[-1]

    yield start
    for each in started:
        with each.process:
            each.process.kill()


@pytest.mark.parametrize("name", mostly_slow(ENDLESS, {"a sort", "an answer without end"}))
def test_one_interrupt_stops_a_query_and_leaves_nothing_behind(
    ask: Ask, tmp_path: Path, name: str
) -> None:
    target = tmp_path / "out" / "answer.csv"
    target.parent.mkdir()
    target.write_text("as before")
    asked = ask(endless(name), "--to", str(target))
    asked.wait_until_it_works()
    asked.process.send_signal(signal.SIGINT)
    code, said = asked.ended()
    assert (code, said.split()) == (130, ["stopped"])
    assert list(asked.folder.iterdir()) == []
    assert [file.name for file in target.parent.iterdir()] == ["answer.csv"]
    assert target.read_text() == "as before"


def test_an_interrupt_stops_an_answer_that_somebody_reads(ask: Ask) -> None:
    asked = ask(endless("an answer without end"), "--output", "json")
    assert asked.process.stdout is not None
    assert len(asked.process.stdout.read(1_000_000)) == 1_000_000
    asked.process.send_signal(signal.SIGINT)
    code, said = asked.ended()
    assert (code, said.split()) == (130, ["stopped"])
    assert list(asked.folder.iterdir()) == []


def test_a_query_that_takes_too_long_is_stopped_and_says_so(ask: Ask) -> None:
    asked = ask(endless("a cross join"), "--timeout", "0.5")
    code, said = asked.ended()
    assert code == 1
    assert said == (
        "error: stopped: not done after 0.5 seconds; ask for fewer days or rows, or give it longer: "
        "--timeout (timeout=… in Python)\n"
    )
    assert list(asked.folder.iterdir()) == []


def test_the_clock_also_stops_an_answer_that_has_begun(lake: Lake, tmp_path: Path) -> None:
    target = tmp_path / "answer.parquet"
    options = ("--tenant", TENANT, "--lake", lake.path, "--to", target, "--timeout", "0.3")
    done = cci("query", endless("an answer without end"), *options)
    assert (done.code, "not done after 0.3 seconds" in done.error) == (1, True)
    assert not target.exists()


@pytest.mark.parametrize("as_", ["pandas", "arrow"])
def test_python_has_the_same_limits(lake: Lake, as_: str) -> None:
    with pytest.raises(SqlError, match="not done after 0.3 seconds"):
        lake.sql(endless("a cross join"), tenant_id=TENANT, as_=as_, timeout=0.3)  # type: ignore[call-overload]
    with pytest.raises(SqlError, match=r"needs more memory than it may have \(50 MB\)"):
        lake.sql(
            "SELECT array_agg(t.a * 1000 + u.a ORDER BY t.a, u.a) AS x FROM UNNEST(sequence(1, 10000)) AS t(a) "
            "CROSS JOIN UNNEST(sequence(1, 10000)) AS u(a)",
            tenant_id=TENANT,
            memory_limit="50MB",
        )
    assert len(lake.sql("SELECT call_id FROM calls", tenant_id=TENANT, timeout=60)) == 1


def test_an_answer_that_is_larger_than_the_memory_is_refused_in_python(lake: Lake) -> None:
    sql = endless("an answer without end")
    with pytest.raises(SqlError, match=r"the answer is larger than the memory for it \(20 MB\)"):
        lake.sql(sql, tenant_id=TENANT, memory_limit="20MB")


@pytest.mark.parametrize("output", ["csv", "json", "parquet"])
def test_an_answer_larger_than_the_memory_is_written_piece_by_piece(
    lake: Lake, tmp_path: Path, output: str
) -> None:
    target = tmp_path / f"answer.{output}"
    sql = (
        f"SELECT t.a * 1000 + u.a AS x, '{'x' * 200}' || CAST(u.a AS varchar) AS text "
        "FROM UNNEST(sequence(1, 200)) AS t(a) CROSS JOIN UNNEST(sequence(1, 1000)) AS u(a)"
    )
    options = ("--tenant", TENANT, "--lake", lake.path, "--memory-limit", "20MB")
    done = succeed("query", sql, *options, "--to", target)
    assert done.err == f"200,000 rows in {target}\n"
    if output == "parquet":
        assert pq.ParquetFile(target).metadata.num_rows == 200_000
    else:
        lines = target.read_bytes().count(b"\n")
        assert lines == 200_001 if output == "csv" else 200_000


def test_a_table_shows_the_first_rows_of_an_endless_answer(lake: Lake) -> None:
    done = succeed(
        "query", endless("an answer without end"), "--tenant", TENANT, "--lake", lake.path
    )
    assert done.err == "the first 1,000 rows; --output csv prints all of them\n"


@pytest.mark.parametrize("limit", ["", "much", "1", "-1GB", "5MB", "1 PB", "nan"])
def test_a_limit_that_is_none_is_said(lake: Lake, limit: str) -> None:
    with pytest.raises(UsageError, match="^memory limit: expected "):
        lake.sql("SELECT 1 AS a", tenant_id=TENANT, memory_limit=limit)


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan")])
def test_a_timeout_that_is_none_is_said(lake: Lake, timeout: float) -> None:
    with pytest.raises(UsageError, match="^timeout: expected a number of seconds above 0$"):
        lake.sql("SELECT 1 AS a", tenant_id=TENANT, timeout=timeout)


def test_a_lake_can_be_asked_again_after_a_query_was_stopped(lake: Lake) -> None:
    with lake.reader(TENANT) as query:
        with pytest.raises(SqlError, match="division by zero"):
            query("SELECT 1 / (revision - revision) AS x FROM calls")
        assert query("SELECT count(*) AS n FROM calls").to_pylist() == [{"n": 1}]
