"""Worker pools of the laptop: this process, or several."""

from __future__ import annotations

import collections
import contextlib
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from cci_lite.errors import LakeError

if TYPE_CHECKING:
    import subprocess
    from multiprocessing.connection import Connection

_WORKER = """
import json, sys
sys.path, module, ends = json.loads(sys.argv[1])
from cci_lite.local.worker import serve
serve(module, ends)
"""
# Several processes share the processors already. Without jemalloc's thread (of Arrow, which does
# not use it unless it is told to) a worker has one thread when it forks.
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "ARROW_IO_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
# What a fork copies is known on Linux only; elsewhere libraries of the system have threads.
_FORKS = sys.platform == "linux"


class Inline:
    """Runs everything in this process, one after the other."""

    width = 1
    start_seconds = 0.0

    def map(
        self, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]
    ) -> Iterator[Any]:
        """The results in the order of the arguments."""
        return (function(*each) for each in arguments)

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to release."""


class Processes:
    """Runs functions in worker processes, which start when the first work arrives.

    Raises LakeError when a worker process ends before its work does; other work can follow.
    Workers end when this pool is left, and when this process ends, however it ends.

    Processes, because threads lose to the interpreter lock (docs/decisions). Few arguments are
    drawn ahead of the results, so memory does not grow with the amount of work.
    """

    def __init__(
        self,
        width: int | None = None,
        *,
        weigh: Callable[..., int] = lambda *_: 1,
        in_place: int = 0,
    ) -> None:
        """As many workers as `width`, by default one per processor.

        `start_seconds` says how long it took them to start.

        The first work is done in this process, up to `in_place` in all as `weigh` says of the
        arguments: starting others takes longer than a little work does.
        """
        self.width = width or os.cpu_count() or 1
        self._weigh = weigh
        self._in_place = in_place
        self._workers: list[_Worker] = []
        self._started: list[subprocess.Popen[bytes]] = []
        self._starting_since: float | None = None
        self.start_seconds = 0.0
        self._numbers = itertools.count()
        self._done: dict[int, tuple[Any, Exception | None]] = {}
        self._unwanted: set[int] = set()

    def map(
        self, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]
    ) -> Iterator[Any]:
        """The results in the order of the arguments."""
        left = iter(arguments)
        for each in left:
            self._in_place -= self._weigh(*each)
            if self._in_place < 0:
                yield from self._map_elsewhere(function, itertools.chain([each], left))
                return
            yield function(*each)

    def _map_elsewhere(
        self, function: Callable[..., Any], arguments: Iterator[tuple[Any, ...]]
    ) -> Iterator[Any]:
        if not self._workers:
            try:
                self._start(function.__module__)
            except OSError:
                self._stop()
                raise
        mine: collections.deque[int] = collections.deque()
        try:
            while True:
                # Twice the width keeps every worker busy while an older result is waited for.
                for each in itertools.islice(arguments, 2 * self.width - len(mine)):
                    if not self._workers:  # ended while another caller of this pool waited
                        raise _EndedError
                    mine.append(next(self._numbers))
                    worker = min(self._workers, key=_Worker.load)
                    worker.send(mine[-1], self._weigh(*each), (function, each))
                if not mine:
                    return
                while mine[0] not in self._done:
                    self._receive()
                result, problem = self._done.pop(mine.popleft())
                if problem is not None:
                    raise problem
                yield result
        except _EndedError:
            self._stop()
            raise LakeError(
                "a worker process ended before its work was done (out of memory?); run again, "
                "with fewer --workers"
            ) from None
        finally:
            self._unwanted |= {each for each in mine if self._done.pop(each, None) is None}

    def _receive(self) -> None:
        """Wait for results, be they for this caller or for another one of the same pool."""
        from multiprocessing.connection import wait

        busy = {worker.results: worker for worker in self._workers if worker.pending}
        if not busy:
            raise _EndedError
        if self._starting_since is not None:
            for worker in self._workers:
                worker.wait_until_ready()
            self.start_seconds += time.perf_counter() - self._starting_since
            self._starting_since = None
        for end in wait(list(busy)):
            number, answer = busy[end].receive()  # type: ignore[index]
            if number in self._unwanted:
                self._unwanted.remove(number)
            else:
                self._done[number] = answer

    def _start(self, module: str) -> None:
        import subprocess
        from multiprocessing import Pipe

        self._starting_since = time.perf_counter()
        theirs = []
        for _ in range(self.width):
            items_in, items = Pipe(duplex=False)
            results, results_out = Pipe(duplex=False)
            self._workers.append(_Worker(items, results))
            theirs.append((items_in, results_out))
        try:
            for group in [theirs] if _FORKS else [[pair] for pair in theirs]:
                ends = [(taken.fileno(), given.fileno()) for taken, given in group]
                self._started.append(
                    subprocess.Popen(
                        [sys.executable, "-c", _WORKER, json.dumps([sys.path, module, ends])],
                        stdin=subprocess.DEVNULL,
                        env={**WORKER_ENVIRONMENT, **os.environ},
                        pass_fds=[end for pair in ends for end in pair],
                    )
                )
        finally:
            for end in itertools.chain.from_iterable(theirs):
                end.close()

    def _stop(self) -> None:
        """End all workers and wait until the last of them has ended: none may write any more."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.items.close()
        for worker in workers:
            worker.wait()
        for process in self._started:
            process.wait()
        self._started = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()


class _EndedError(Exception):
    """A worker process has ended."""


class _Worker:
    """The ends of a worker's pipes; and the number and weight of what it has to do, in order."""

    def __init__(self, items: Connection, results: Connection) -> None:
        self.items = items
        self.results = results
        self.pending: collections.deque[tuple[int, int]] = collections.deque()

    def load(self) -> int:
        return sum(weight for _, weight in self.pending)

    def send(self, number: int, weight: int, work: object) -> None:
        self.pending.append((number, weight))
        try:
            self.items.send(work)
        except OSError:
            raise _EndedError from None

    def wait_until_ready(self) -> None:
        try:
            self.results.recv_bytes()
        except (EOFError, OSError):
            raise _EndedError from None

    def receive(self) -> tuple[int, tuple[Any, Exception | None]]:
        try:
            answer = self.results.recv()
        except (EOFError, OSError):
            raise _EndedError from None
        return self.pending.popleft()[0], answer

    def wait(self) -> None:
        """Wait until it has ended: then its end of the pipe is closed."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                self.results.recv_bytes()
        self.results.close()
