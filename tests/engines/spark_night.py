"""A night on a cluster; a program that calls `main` has a Java process of its own."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from cci_lite.flatten import plan
from cci_lite.local.folder import FolderStore
from cci_lite.local.spark import SparkPool
from tests.behaviours.pool_functions import double
from tests.small_lake import SmallLake

SMALL_PIECES = {"max_documents": 3, "max_bytes": 1 << 24}


@dataclass(frozen=True)
class FirstTimeStore(FolderStore):
    """A store to which something happens when one file is written for the first time."""

    def write(self, key: str, data: bytes | memoryview) -> None:
        first = "/qa_criteria/" in key and "part-0004" in key and self._is_first()
        super().write(key, data)
        if first:
            self.happen()
            super().write(key, data)  # late, and again

    def happen(self) -> None:
        """What happens."""
        raise NotImplementedError

    def _is_first(self) -> bool:
        """Note an attempt; whether it is the first one."""
        for number in (1, 2):
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.root / f"attempt-{number}", os.O_CREAT | os.O_EXCL))
                return number == 1
        return False


class WorkerDies(FirstTimeStore):
    """The Python process is gone."""

    def happen(self) -> None:
        os._exit(3)


class ExecutorDies(FirstTimeStore):
    """The executor is gone: the Java process that started the one that started this one."""

    def happen(self) -> None:
        status = Path(f"/proc/{os.getppid()}/stat").read_text()
        os.kill(int(status.rpartition(")")[2].split()[1]), 9)
        time.sleep(60)


class Slow(FirstTimeStore):
    """Somebody else does the work meanwhile."""

    def happen(self) -> None:
        time.sleep(6)


STORES = {"killed": ExecutorDies, "slow": Slow}


def main(master: str, root: str, what: str) -> None:
    """Run the night with a context that was there before; it must be there afterwards."""
    from pyspark import SparkConf, SparkContext

    plan.split.__kwdefaults__ = SMALL_PIECES
    conf = SparkConf().setMaster(master).setAppName("night")
    for name, value in {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.executor.memory": "512m",
        "spark.executorEnv.PYTHONPATH": os.pathsep.join([str(Path.cwd()), *filter(None, sys.path)]),
        "spark.scheduler.minRegisteredResourcesRatio": "1",
        "spark.speculation": str(what == "slow").lower(),
        "spark.speculation.interval": "100ms",
        "spark.speculation.quantile": "0.5",
        "spark.ui.enabled": "false",
    }.items():
        conf.set(name, value)
    context = SparkContext(conf=conf)
    context.pythonExec = sys.executable
    lake = SmallLake(Path(root))
    lake.store = STORES[what](lake.root)
    with SparkPool() as pool:
        assert list(pool.map(double, ((number,) for number in range(8)))) == list(range(0, 16, 2))
        assert pool.width == 2
        lake.pool = pool
        begun = time.monotonic()
        report = lake.run()
        print([day.status.value for day in report.days], report.failed, flush=True)
        print("took", time.monotonic() - begun, file=sys.stderr)
    if what == "slow":
        time.sleep(8)  # the slow one, too, has written by then
    assert context.parallelize([1, 2], 2).sum() == 3
    context.stop()
