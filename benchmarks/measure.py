"""What a command and all processes that it starts consume. Linux, because it reads /proc."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_PROC = Path("/proc")
_SHORTEST_PAUSE_SECONDS = 0.05
_PAUSE_PER_SAMPLE = 20


@dataclass(frozen=True)
class Usage:
    """One run. CPU is user and system of all processes; memory is of all processes at one moment.

    `peak_pss_mib` counts a page that several processes share once, `peak_rss_mib` once for each of
    them; `largest_rss_mib` is the peak of the largest single process.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_pss_mib: float
    peak_rss_mib: float
    largest_rss_mib: float
    processes: int


class CommandError(Exception):
    """A measured command failed; carries the end of what it said."""


def measure(
    command: Sequence[str], *, cwd: Path, log: Path, environment: Mapping[str, str] | None = None
) -> Usage:
    """Run a command to its end; raises CommandError when it fails."""
    _adopt_orphans()
    with log.open("wb") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        sampler = _Sampler(process.pid)
        sampler.start()
        try:
            # The usage of a process holds that of every descendant that was waited for.
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            # It leads a session of its own, which an interrupt from the keyboard does not reach.
            os.killpg(process.pid, signal.SIGKILL)
            raise
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        usages = [usage, *_usages_of_orphans(process.pid)]
        sampler.stop()
    if process.returncode != 0:
        said = log.read_text(errors="replace")[-2_000:]
        raise CommandError(f"exit code {process.returncode}: {said}")
    return Usage(
        wall,
        sum(usage.ru_utime + usage.ru_stime for usage in usages),
        sampler.peak_pss / 2**10,
        sampler.peak_rss / 2**10,
        max(usage.ru_maxrss for usage in usages) / 2**10,
        len(sampler.seen),
    )


def _adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends without waiting for them."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _usages_of_orphans(group: int) -> Iterator[resource.struct_rusage]:
    """Wait for what is left of a process group."""
    while True:
        try:
            _, _, usage = os.wait4(-group, 0)
        except ChildProcessError:
            return
        yield usage


class _Sampler(threading.Thread):
    """Looks at the memory of a process group, and rests long enough not to disturb it."""

    def __init__(self, group: int) -> None:
        super().__init__(daemon=True)
        self._group = group
        self._done = threading.Event()
        self.peak_pss = 0
        self.peak_rss = 0
        self.seen: set[int] = set()

    def run(self) -> None:
        pause = 0.0
        while not self._done.wait(pause):
            begin = time.thread_time()
            pss, rss = self._memory()
            self.peak_pss, self.peak_rss = max(self.peak_pss, pss), max(self.peak_rss, rss)
            spent = time.thread_time() - begin
            pause = max(_SHORTEST_PAUSE_SECONDS, _PAUSE_PER_SAMPLE * spent)

    def stop(self) -> None:
        self._done.set()
        self.join()

    def _memory(self) -> tuple[int, int]:
        """PSS and RSS of the whole group now, in KiB."""
        pss = rss = 0
        for process in _processes_of(self._group):
            self.seen.add(process)
            sizes = _sizes(process)
            pss += sizes.get("Pss", 0)
            rss += sizes.get("Rss", 0)
        return pss, rss


def _processes_of(group: int) -> list[int]:
    """The processes of a session: our command leads one of its own, its descendants stay in it."""
    found = []
    for process in _PROC.glob("[0-9]*"):
        try:
            # The name in parentheses may hold blanks; after it come state, parent, group, session.
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == group:
            found.append(int(process.name))
    return found


def _sizes(process: int) -> dict[str, int]:
    try:
        lines = (_PROC / str(process) / "smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return {}
    fields = (line.partition(":") for line in lines)
    return {name: int(value.split()[0]) for name, _, value in fields}
