"""Wraps any port so that it crashes or refuses at a given call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cci_lite.errors import RetryLaterError


class Crash(BaseException):
    """The process dies here. A BaseException, so that no code under test can catch it."""


@dataclass
class Interrupter:
    """Injects faults into ports: wrap them, and give the numbers of the calls that go wrong.

    Calls are counted over all wrapped ports. `crash_before` and `crash_after` raise Crash around
    the real call, `throttle` raises RetryLaterError instead of it.
    """

    crash_before: frozenset[int] = frozenset()
    crash_after: frozenset[int] = frozenset()
    throttle: frozenset[int] = frozenset()
    calls: int = 0
    log: list[str] = field(default_factory=list)

    def wrap(self, port: Any) -> Any:
        """The port with every method counted."""
        return _Interrupted(port, self)


class _Interrupted:
    def __init__(self, port: Any, interrupter: Interrupter) -> None:
        self._port = port
        self._interrupter = interrupter

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not callable(method):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            plan = self._interrupter
            plan.calls += 1
            number = plan.calls
            plan.log.append(f"{type(self._port).__name__}.{name}")
            if number in plan.crash_before:
                raise Crash
            if number in plan.throttle:
                raise RetryLaterError("throttled")
            answer = method(*args, **kwargs)
            # An iterator is read to its end here: a crash must not depend on when it is consumed.
            answer = list(answer) if isinstance(answer, Iterator) else answer
            if number in plan.crash_after:
                raise Crash
            return answer

        return call
