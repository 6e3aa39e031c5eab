"""Spark flattens what one machine flattens: the same rows, whatever is lost on the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cci_lite.contract.columns import TABLES
from cci_lite.errors import LakeError
from cci_lite.flatten import plan
from cci_lite.local.processes import Inline
from cci_lite.local.spark import SparkPool
from cci_lite.nightly.run_report import DayStatus, RunReport
from cci_lite.ports import WorkerPool
from tests.behaviours.pool_functions import die_at, double, process_id
from tests.conftest import spark_is_here
from tests.engines.spark_cluster import running_cluster
from tests.engines.spark_night import SMALL_PIECES, WorkerDies
from tests.small_lake import DAY, SmallLake

pytestmark = [
    pytest.mark.spark,
    # PySpark leaves the closing of its sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

CHECKOUT = Path(__file__).resolve().parents[2]
DOCUMENTS = 30
PIECES = 10


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days are split after three documents, as giant ones are after a thousand."""
    monkeypatch.setattr(plan.split, "__kwdefaults__", SMALL_PIECES)


def filled(root: Path, pool: WorkerPool) -> SmallLake:
    """A lake with a giant day (for its pieces), and documents of every outcome on it."""
    lake = SmallLake(root, pool=pool)
    for number in range(DOCUMENTS - 2):
        verdicts = ((True, False, None), (True, True, True), (False, None, True))[number % 3]
        key = lake.put(f"call-{number:03}", verdicts=verdicts)
        os.utime(lake.root / key, (1_762_300_000, 1_762_300_000))
    for name, data in (("call-x", b'{"tenant_id": 1}'), ("call-y", b"no JSON")):
        os.utime(lake.root / lake.put_bytes(name, data), (1_762_300_000, 1_762_300_000))
    return lake


def all_rows(lake: SmallLake) -> dict[str, list[dict[str, Any]]]:
    """Every table's rows, ordered."""
    return {name: sorted(lake.rows(name), key=repr) for name in TABLES}


def by_one_machine(folder: Path) -> dict[str, list[dict[str, Any]]]:
    lake = filled(folder / "one-machine", Inline())
    assert published(lake.run())
    return all_rows(lake)


def no_other_files(lake: SmallLake) -> bool:
    """Whether what was done twice was written to the same places, as the catalogue knows them."""
    listed = {
        (part.key, part.bytes)
        for parts in lake.catalog.parts("demo-tenant").values()
        for part in parts
    }
    found = lake.files("curated").items()
    return {(key, size) for key, (size, _) in found if key.endswith(".parquet")} == listed


def published(report: RunReport) -> bool:
    return [day.status for day in report.days] == [DayStatus.PUBLISHED] and not report.failed


class Noting:
    """A pool that keeps what the work was."""

    def __init__(self, pool: WorkerPool) -> None:
        self.pool = pool
        self.width = pool.width
        self.items: list[Any] = []

    def map(self, function: Any, arguments: Any) -> Iterator[Any]:
        def noted() -> Iterator[Any]:
            for each in arguments:
                self.items.append(each[-1])
                yield each

        return self.pool.map(function, noted())


@pytest.mark.usefixtures("small_pieces")
def test_one_day_of_many_documents_is_many_tasks_and_gives_the_rows_of_one_machine(
    spark: WorkerPool, tmp_path: Path
) -> None:
    pool = Noting(spark)
    lake = filled(tmp_path / "spark", pool)
    assert published(lake.run())
    assert [len(item.sources) for item in pool.items] == [3] * PIECES
    assert {item.call_date for item in pool.items} == {DAY}
    rows = all_rows(lake)
    assert len(rows["calls"]) == DOCUMENTS - 2
    assert len(rows["quarantined_documents"]) == 2
    assert rows == by_one_machine(tmp_path)


@pytest.mark.usefixtures("small_pieces")
def test_what_a_lost_worker_did_is_done_again_without_a_double_row(
    spark: WorkerPool, tmp_path: Path
) -> None:
    lake = filled(tmp_path / "spark", spark)
    lake.store = WorkerDies(lake.root)
    assert published(lake.run())
    assert (lake.root / "attempt-2").exists()
    assert all_rows(lake) == by_one_machine(tmp_path)
    assert no_other_files(lake)


# Not as `__main__`, which executors cannot import.
_NIGHT = "import sys; from tests.engines.spark_night import main; main(*sys.argv[1:])"


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("what", ["killed", "slow"])
def test_on_a_cluster_a_lost_executor_and_a_second_attempt_give_no_double_row(
    what: str, tmp_path: Path
) -> None:
    spark_is_here()
    lake = filled(tmp_path / "lake", Inline())
    with running_cluster(tmp_path / "cluster") as master:
        done = subprocess.run(
            [sys.executable, "-c", _NIGHT, master, str(lake.root), what],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['published'] {}\n"
    assert (lake.root / "attempt-2").exists()
    assert all_rows(lake) == by_one_machine(tmp_path)
    assert no_other_files(lake)


def test_work_that_always_dies_is_an_error_and_other_work_can_follow(spark: WorkerPool) -> None:
    with pytest.raises(LakeError) as caught:
        list(spark.map(die_at, ((5, number) for number in range(10))))
    assert str(caught.value) == (
        "Spark gave up a task, which ended before its work was done each time (out of memory?); "
        "Spark's log says more; run again, with fewer --workers or on larger machines"
    )
    assert list(spark.map(double, [(1,)])) == [2]


def test_without_work_spark_is_not_started() -> None:
    with SparkPool(2) as pool:
        assert list(pool.map(double, [])) == []
        assert pool.start_seconds == 0


def test_workers_are_other_processes_of_the_same_interpreter(spark: WorkerPool) -> None:
    assert os.getpid() not in spark.map(process_id, [(1,)])
    assert spark.width == 2


_SUBMITTED = """
import os, sys
from cci_lite.local.spark import SparkPool
from tests.behaviours.pool_functions import double
assert "PYSPARK_GATEWAY_PORT" in os.environ
with SparkPool(7) as pool:
    print(sum(pool.map(double, ((number,) for number in range(10)))), pool.width)
"""


def test_a_program_that_was_submitted_works_where_it_was_submitted_to(tmp_path: Path) -> None:
    """As on Glue: Java was there first, and knows the master."""
    spark_is_here()
    import pyspark

    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    script = tmp_path / "submitted.py"
    script.write_text(_SUBMITTED)
    done = subprocess.run(
        [submit, "--master", "local[3]", "--conf", "spark.ui.enabled=false", script],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYSPARK_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "90 3\n", done.stderr


_JAVA_ENDS = """
import os, sys, threading
from pathlib import Path
from cci_lite.local.spark import SparkPool
from tests.behaviours.pool_functions import double, note_late
with SparkPool(2) as pool:
    list(pool.map(double, [(1,)]))
    from pyspark import SparkContext
    java = SparkContext._gateway.proc.pid
    threading.Timer(1, os.kill, (java, 9)).start()
    try:
        list(pool.map(note_late, ((Path(sys.argv[1]), number) for number in range(100))))
    except Exception as problem:
        print(type(problem).__name__)
    print(list(pool.map(double, [(2,)])))
with SparkPool(2) as pool:
    print(list(pool.map(double, [(3,)])))
"""


def test_when_java_has_ended_the_next_work_starts_it_again(tmp_path: Path) -> None:
    spark_is_here()
    done = subprocess.run(
        [sys.executable, "-c", _JAVA_ENDS, str(tmp_path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "LakeError\n[4]\n[6]\n", done.stderr


_WITHOUT_PACKAGE = """
import sys
sys.path.insert(0, sys.argv[2])
from pyspark import SparkConf, SparkContext
from cci_lite.local.spark import SparkPool
from tests.behaviours.pool_functions import double
conf = SparkConf().setMaster("local[1]").set("spark.ui.enabled", "false")
context = SparkContext(conf=conf.set("spark.executorEnv.PYTHONPATH", sys.argv[1]))
context.pythonExec = sys.executable
try:
    with SparkPool() as pool:
        list(pool.map(double, [(1,)]))
except Exception as problem:
    print(type(problem).__name__, problem)
print(context.parallelize([1, 2]).sum())
"""


def test_executors_without_this_package_are_named_and_a_context_of_others_stays(
    tmp_path: Path,
) -> None:
    spark_is_here()
    package = tmp_path / "others" / "cci_lite"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()  # found first, and not this package
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_PACKAGE, str(package.parent), str(CHECKOUT)],
        cwd=tmp_path,  # where executors import from, too
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == (
        "LakeError Spark's executors cannot import cci_lite; install this package where they run "
        "(on Glue: --additional-python-modules)\n3\n"
    ), done.stderr


def test_without_java_it_says_what_spark_needs(tmp_path: Path) -> None:
    spark_is_here()
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname", "env", "readlink"):
        (tools / name).symlink_to(Path(shutil.which(name) or name))
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_JAVA],
        env={"PATH": str(tools), "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == (
        "UsageError Spark did not start; it needs Java 17 (JAVA_HOME, or java on the path)\n"
    ), done.stderr


_WITHOUT_JAVA = """
from cci_lite.local.spark import SparkPool
from tests.behaviours.pool_functions import double
try:
    with SparkPool(1) as pool:
        list(pool.map(double, [(1,)]))
except Exception as problem:
    print(type(problem).__name__, problem)
"""

_PROGRAM = """
import signal, sys, time
from pathlib import Path
from cci_lite.local.spark import SparkPool
from tests.behaviours.pool_functions import double, note_late
before = signal.getsignal(signal.SIGINT)
try:
    with SparkPool(2) as pool:
        list(pool.map(double, [(1,)]))
        assert signal.getsignal(signal.SIGINT) is before
        print("started", flush=True)
        for _ in pool.map(note_late, ((Path(sys.argv[1]), number) for number in range(1_000))):
            pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_ends_spark_with_all_of_its_processes(tmp_path: Path) -> None:
    """In a program of its own: this one's Java is in use."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as program:
        assert program.stdout is not None
        try:
            assert program.stdout.readline() == "started\n"
            time.sleep(1)
            os.killpg(program.pid, 2)
            said, _ = program.communicate(timeout=60)
        finally:
            program.kill()
    assert said == "interrupted\n"
    begun = len(list(tmp_path.iterdir()))
    assert 0 < begun < 100
    time.sleep(1)
    assert len(list(tmp_path.iterdir())) == begun
    assert not _processes_of(program.pid)


def _processes_of(session: int) -> list[str]:
    """What runs in the session of a program that has ended."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(folder.name)
    return found
