"""Runs the steps of a query so that Ctrl-C or a deadline stops them at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from cci_lite.errors import SqlError

_Result = TypeVar("_Result")
_HEARD_SECONDS = 0.05


class Steps:
    """Runs steps on a thread of their own, so that the caller's thread still receives signals."""

    def __init__(
        self, pool: ThreadPoolExecutor, interrupt: Callable[[], None], timeout: float | None
    ) -> None:
        self._pool = pool
        self._interrupt = interrupt
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def run(self, step: Callable[[], _Result]) -> _Result:
        """What the step returns or raises; SqlError when it is not done in time."""
        future = self._pool.submit(step)
        left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        try:
            wait([future], timeout=left)
            if not future.done():
                raise SqlError(
                    f"stopped: not done after {self._timeout:g} seconds; ask for fewer days or "
                    "rows, or give it longer: --timeout (timeout=… in Python)"
                )
        except BaseException:
            self._stop(future)
            raise
        return future.result()

    def _stop(self, future: Future[_Result]) -> None:
        # DuckDB forgets an interrupt that arrives between two of its tasks: repeat it until it
        # takes effect.
        while not future.done():
            self._interrupt()
            wait([future], timeout=_HEARD_SECONDS)


@contextmanager
def steps(interrupt: Callable[[], None], timeout: float | None) -> Iterator[Steps]:
    """Steps that together may take `timeout` seconds; `interrupt` stops the one at work."""
    with ThreadPoolExecutor(1, thread_name_prefix="query") as pool:
        yield Steps(pool, interrupt, timeout)
