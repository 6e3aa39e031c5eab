"""The worker pool on Spark: the same work as tasks, on this machine or on the cluster of a job.

PySpark is imported when the pool starts, which is when the first work arrives.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import zipimport
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from cci_lite.errors import LakeError, UsageError
from cci_lite.local.processes import WORKER_ENVIRONMENT
from cci_lite.local.unneeded import keep_out_unneeded
from cci_lite.local.worker import answer

if TYPE_CHECKING:
    from pyspark import SparkConf, SparkContext

_JOBS_IN_FLIGHT = 2
_HEARD_SECONDS = 0.05
_END_SECONDS = 20
# spark-submit, and so Glue, starts Java first, which then says here how Python reaches it.
_STARTED_BY_JAVA = "PYSPARK_GATEWAY_PORT"
_ON_THIS_MACHINE = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
# As often as a cluster tries a task unless it is told otherwise; on one machine Spark tries once.
_ATTEMPTS = 4


class SparkPool:
    """Runs functions as Spark tasks; what Spark loses on the way, it does again.

    In a program that spark-submit or Glue has started it works on their cluster, whose executors
    need this package; in a process that uses Spark already, with its context; elsewhere on this
    machine. Raises LakeError for work that Spark gives up, other work can follow; UsageError when
    Spark cannot be started. What it has started ends when the pool is left.

    Spark does a piece of work again when an executor is lost, and a second time when it is slow.
    So work must write the same to the same places, as that of the nightly run does.
    """

    def __init__(self, width: int | None = None) -> None:
        """On this machine `width` tasks at a time, by default one per processor.

        `start_seconds` says how long it took to start.
        """
        self._width = width or os.cpu_count() or 1
        self._context: SparkContext | None = None
        self._task: Callable[[Iterator[bytes]], Iterator[bytes]] = _in_our_process
        self._closing = contextlib.ExitStack()
        self._calls = itertools.count()
        self.start_seconds = 0.0

    @property
    def width(self) -> int:
        """How many tasks run at a time; a cluster can grow."""
        return self._width if self._context is None else self._context.defaultParallelism

    def map(
        self, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]
    ) -> Iterator[Any]:
        """The results in the order of the arguments.

        As many arguments as the pool is wide are one job. Two jobs are in flight: there is work
        while the last task of the first one is waited for.
        """
        left = iter(arguments)
        for first in left:
            yield from self._map(function, itertools.chain([first], left), self._started())

    def _map(
        self,
        function: Callable[..., Any],
        arguments: Iterator[tuple[Any, ...]],
        context: SparkContext,
    ) -> Iterator[Any]:
        group = f"cci-lite-{id(self)}-{next(self._calls)}"
        jobs: collections.deque[Future[list[bytes]]] = collections.deque()
        with ThreadPoolExecutor(_JOBS_IN_FLIGHT, thread_name_prefix="spark") as threads:

            def draw() -> None:
                while len(jobs) < _JOBS_IN_FLIGHT:
                    drawn = itertools.islice(arguments, self.width)
                    if not (work := [pickle.dumps((function, each)) for each in drawn]):
                        return
                    jobs.append(threads.submit(_run, context, group, self._task, work))

            try:
                draw()
                while jobs:
                    answers = _answers_of(jobs[0])
                    jobs.popleft()
                    draw()
                    for each in answers:
                        result, problem = pickle.loads(each)
                        if problem is not None:
                            raise problem
                        yield result
            except _GivenUpError as problem:
                self._forget_what_ended()
                raise LakeError(str(problem)) from None
            finally:
                _cancel(context, group, jobs)

    def _started(self) -> SparkContext:
        if self._context is None:
            begun = time.perf_counter()
            self._context, is_ours = self._closing.enter_context(_opened_context(self._width))
            self._task = _in_our_process if is_ours else _in_their_process
            self.start_seconds += time.perf_counter() - begun
        return self._context

    def _forget_what_ended(self) -> None:
        """Let the next work start Spark again where Java has ended, which all else depends on."""
        try:
            if self._context is not None:
                self._context.statusTracker().getActiveJobsIds()
        except Exception:
            self.__exit__()

    def __enter__(self) -> SparkPool:
        return self

    def __exit__(self, *_: object) -> None:
        self._context = None
        self._closing.close()


class _GivenUpError(Exception):
    """Spark has given up a job."""


def _in_our_process(work: Iterator[bytes]) -> Iterator[bytes]:
    keep_out_unneeded()
    # PySpark 3.5 has this done before each task, for each of its packages that came from an
    # archive: 0.1 s of CPU for reading a directory that does not change.
    zipimport.zipimporter.invalidate_caches = _do_nothing  # type: ignore[method-assign, assignment]
    return map(answer, work)


def _do_nothing(_: zipimport.zipimporter) -> None:
    """Take the place of a method of a process of ours."""


def _in_their_process(work: Iterator[bytes]) -> Iterator[bytes]:
    """As `_in_our_process`; but other work that comes to this process can want any package."""
    return map(answer, work)


def _run(
    context: SparkContext,
    group: str,
    task: Callable[[Iterator[bytes]], Iterator[bytes]],
    work: list[bytes],
) -> list[bytes]:
    """Run a job with one task for each piece of work; the answers in the same order."""
    context.setJobGroup(group, "cci-lite", interruptOnCancel=True)
    answers: list[bytes] = context.parallelize(work, len(work)).mapPartitions(task).collect()
    return answers


def _answers_of(job: Future[list[bytes]]) -> list[bytes]:
    try:
        return job.result()
    except Exception as problem:
        # What fails in the work itself is an answer: this is Spark's, with pages of Java's stack.
        if "No module named 'cci_lite" in str(problem):
            raise _GivenUpError(
                "Spark's executors cannot import cci_lite; install this package where they run "
                "(on Glue: --additional-python-modules)"
            ) from None
        raise _GivenUpError(
            "Spark gave up a task, which ended before its work was done each time (out of "
            "memory?); Spark's log says more; run again, with fewer --workers or on larger machines"
        ) from None


def _cancel(
    context: SparkContext, group: str, jobs: collections.deque[Future[list[bytes]]]
) -> None:
    """End the jobs that nobody waits for any more."""
    for job in jobs:
        job.cancel()
    while not all(job.done() for job in jobs):
        # Repeated, because what has not reached Spark yet is not cancelled.
        with contextlib.suppress(Exception):
            context.cancelJobGroup(group)
        wait(jobs, timeout=_HEARD_SECONDS)


@contextlib.contextmanager
def _opened_context(width: int) -> Iterator[tuple[SparkContext, bool]]:
    """Spark's context, and whether it is ours; then it is closed in the end."""
    try:
        from pyspark import SparkConf, SparkContext
    except ModuleNotFoundError as problem:
        raise UsageError(
            "Spark needs the package pyspark: pip install 'cci-lite[spark]'"
        ) from problem
    if SparkContext._active_spark_context is not None:
        yield SparkContext._active_spark_context, False
        return
    conf = SparkConf().setAppName("cci-lite")
    for name, value in WORKER_ENVIRONMENT.items():
        conf.set(f"spark.executorEnv.{name}", value)
    on_cluster = _STARTED_BY_JAVA in os.environ
    if not on_cluster:
        _set_for_this_machine(conf, width)
    with contextlib.ExitStack() as closing:
        if not on_cluster and SparkContext._gateway is None:
            closing.callback(_end_java)
        try:
            with _same_handler_of_interrupts():
                context = SparkContext(conf=conf)
        except Exception as problem:
            raise UsageError(
                "Spark did not start; it needs Java 17 (JAVA_HOME, or java on the path)"
            ) from problem
        closing.callback(_stop, context)
        if not on_cluster:
            context.pythonExec = sys.executable
        yield context, True


def _set_for_this_machine(conf: SparkConf, width: int) -> None:
    conf.setMaster(f"local[{width},{_ATTEMPTS}]")
    for name, value in _ON_THIS_MACHINE.items():
        conf.set(name, value)
    # Tasks import what this process can import.
    conf.set("spark.executorEnv.PYTHONPATH", os.pathsep.join(filter(None, sys.path)))


@contextlib.contextmanager
def _same_handler_of_interrupts() -> Iterator[None]:
    """PySpark sets a handler for Ctrl-C of its own, and leaves it there."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


def _stop(context: SparkContext) -> None:
    with contextlib.suppress(Exception):  # Java may have ended; then PySpark stops half-way
        context.stop()
    type(context)._active_spark_context = None


def _end_java() -> None:
    """End the Java process that PySpark has started, which otherwise lives as long as this one."""
    from pyspark import SparkContext

    gateway, SparkContext._gateway, SparkContext._jvm = SparkContext._gateway, None, None
    if gateway is None:  # it did not start
        return
    with contextlib.suppress(Exception):
        gateway.shutdown()
    gateway.proc.stdin.close()
    try:
        gateway.proc.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()
