"""Where the time of a run goes: wall and CPU seconds by part of the work."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

_Value = TypeVar("_Value")
_Given = ParamSpec("_Given")

# In the order of the work. `start` is the program's, until it begins; `workers` are processes that
# start; `other` is what is left: settings, handing work out and taking results in, waiting.
PARTS = (
    *("start", "clean", "list", "plan", "workers", "read", "flatten", "write", "check", "publish"),
    "other",
)


@dataclass
class Spent:
    """What one part took. Wall seconds are those of the processes that did it, added up."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    documents: int = 0

    def add(self, wall_seconds: float, cpu_seconds: float, documents: int = 0) -> None:
        """Add to it."""
        self.wall_seconds += wall_seconds
        self.cpu_seconds += cpu_seconds
        self.documents += documents


@dataclass
class RunProfile:
    """What each part took; a part that runs within another one counts by itself only.

    `elsewhere` is what of it other processes did.
    """

    parts: dict[str, Spent] = field(default_factory=dict)
    elsewhere: Spent = field(default_factory=Spent)
    process: int = field(default_factory=os.getpid)
    _within: list[Spent] = field(default_factory=list)

    def spent(self, part: str) -> Spent:
        """What a part took, to read or to add to."""
        return self.parts.setdefault(part, Spent())

    @contextlib.contextmanager
    def part(self, name: str, documents: int = 0) -> Iterator[None]:
        """Measure what is done in the `with` statement."""
        within = Spent()
        self._within.append(within)
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            self._within.pop()
            self.spent(name).add(wall - within.wall_seconds, cpu - within.cpu_seconds, documents)
            if self._within:
                self._within[-1].add(wall, cpu)

    def each(self, name: str, values: Iterable[_Value]) -> Iterator[_Value]:
        """The same values; finding each one is measured."""
        left = iter(values)
        while True:
            with self.part(name):
                try:
                    value = next(left)
                except StopIteration:
                    return
            yield value

    def measured(self, name: str, function: Callable[_Given, _Value]) -> Callable[_Given, _Value]:
        """The same function; each call is measured, and is one document."""

        def measuring(*args: _Given.args, **kwargs: _Given.kwargs) -> _Value:
            with self.part(name, 1):
                return function(*args, **kwargs)

        return measuring

    def take_in(self, other: RunProfile) -> None:
        """Add what a piece of the work took, wherever it was done."""
        for name, spent in other.parts.items():
            self.spent(name).add(spent.wall_seconds, spent.cpu_seconds, spent.documents)
            if other.process != self.process:
                self.elsewhere.add(spent.wall_seconds, spent.cpu_seconds)
