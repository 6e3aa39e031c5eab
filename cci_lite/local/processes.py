"""Worker pools of the laptop: this process, or several."""

from __future__ import annotations

import collections
import concurrent.futures
import concurrent.futures.process
import importlib.abc
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cci_lite.errors import LakeError


class Inline:
    """Runs everything in this process, one after the other."""

    width = 1

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

    Processes, because threads lose to the interpreter lock (docs/decisions). Few arguments are
    drawn ahead of the results, so memory does not grow with the amount of work.
    """

    def __init__(self, width: int | None = None) -> None:
        self.width = width or os.cpu_count() or 1
        self._executor = self._start()

    def map(
        self, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]
    ) -> Iterator[Any]:
        """The results in the order of the arguments."""
        waiting: collections.deque[concurrent.futures.Future[Any]] = collections.deque()
        try:
            for each in arguments:
                waiting.append(self._executor.submit(function, *each))
                # Twice the width keeps every worker busy while the oldest result is waited for.
                if len(waiting) > 2 * self.width:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except concurrent.futures.process.BrokenProcessPool:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = self._start()
            raise LakeError(
                "a worker process ended before its work was done (out of memory?); run again, "
                "with fewer --workers"
            ) from None
        finally:
            for future in waiting:
                future.cancel()

    def _start(self) -> concurrent.futures.ProcessPoolExecutor:
        # "spawn": a fork would copy locks and connections of this process in any state.
        return concurrent.futures.ProcessPoolExecutor(
            self.width,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin_worker,
        )

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)


class _NoPandas(importlib.abc.MetaPathFinder):
    """Hides pandas from pyarrow, which would import it: workers save its time and memory."""

    def find_spec(self, fullname: str, *_: object) -> None:
        """Say that there is no pandas; leave all else to the other finders."""
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is kept out of worker processes", name=fullname)


def _begin_worker() -> None:
    sys.meta_path.insert(0, _NoPandas())
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End with the parent: orphans of a killed run would write into what the next run deletes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
