"""Where the time of a run went, from the start of the program on, in rows for a table."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cci_lite.nightly.run_profile import PARTS, RunProfile, Spent

PROFILE_COLUMNS = (
    *("part", "wall_seconds", "cpu_seconds", "cpu_share", "documents", "cpu_us_per_document"),
)


class Times(NamedTuple):
    """Seconds since this process began, and its CPU seconds."""

    wall: float
    cpu: float


def times_now() -> Times:
    """What this process has taken up to now."""
    cpu = wall = time.process_time()
    # Only Linux tells when a process began; what starts a program does little but compute.
    with contextlib.suppress(OSError, AttributeError):
        # In ticks since the system's start, field 22; the second one may hold blanks.
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        wall = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return Times(wall, cpu)


def profile_rows(profile: RunProfile, begun: Times) -> Iterator[tuple[Any, ...]]:
    """One row per part of a run that began then and is over now, and one for all: `total`.

    The CPU seconds of the parts, worker processes included, add up to the total. The wall seconds
    do so without those that other processes took while this one waited for them (`other`).
    """
    ended = times_now()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = Spent(ended.wall, ended.cpu + children.ru_utime + children.ru_stime)
    parts = {name: profile.parts.get(name, Spent()) for name in PARTS}
    parts["start"] = Spent(*begun)
    wall = sum(spent.wall_seconds for spent in parts.values()) - profile.elsewhere.wall_seconds
    cpu = sum(spent.cpu_seconds for spent in parts.values())
    parts["other"].add(total.wall_seconds - wall, total.cpu_seconds - cpu)
    total.documents = parts["flatten"].documents
    for name, spent in {**parts, "total": total}.items():
        yield (
            name,
            round(spent.wall_seconds, 3),
            round(spent.cpu_seconds, 3),
            round(spent.cpu_seconds / total.cpu_seconds, 3),
            spent.documents,
            round(spent.cpu_seconds / spent.documents * 1e6, 1) if spent.documents else None,
        )
