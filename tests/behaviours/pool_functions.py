"""Work for worker processes: they import this module by its name."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def process_id(_: int) -> int:
    """Who works."""
    return os.getpid()


def fail_at(bad: int, number: int) -> int:
    """The number, unless it is the bad one."""
    if number == bad:
        raise ValueError(f"number {number} is bad")
    return number


def die_at(bad: int, number: int) -> int:
    """The number, unless it is the bad one: then the process is gone at once."""
    if number == bad:
        os._exit(3)
    return number


def arrow_without_pandas(_: int) -> tuple[bool, int]:
    """Whether pandas was loaded by real work with Arrow, and a sum to show for it."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pa.table({"number": [1, 2, 3], "text": ["a", None, "c"]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    rows = pq.read_table(pa.BufferReader(sink.getvalue())).to_pylist()
    return "pandas" in sys.modules, pc.sum(pa.array([row["number"] for row in rows])).as_py()


def note(folder: Path, number: int) -> int:
    """Leave a file behind, so that others can count what was begun."""
    (folder / str(number)).touch()
    return number


def loaded(names: tuple[str, ...]) -> list[str]:
    """Which of these packages this process has loaded."""
    return [name for name in names if name in sys.modules]


def parent_id(_: int) -> int:
    """Who started the one who works."""
    time.sleep(0.02)  # so that every worker has its share
    return os.getppid()


def note_late(folder: Path, number: int) -> int:
    """The number; others than the first leave a file behind, after some time."""
    if number:
        time.sleep(0.3)
        note(folder, number)
    return number


def unsendable(_: int) -> object:
    """Something that is of this process only."""
    return lambda: None


def fail_unsendably(_: int) -> None:
    """Raise an error that is of this process only."""
    raise ValueError(lambda: None)
