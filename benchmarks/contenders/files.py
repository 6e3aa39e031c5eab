"""The lake's files, for the contenders that open them by themselves."""

from __future__ import annotations

import os
from pathlib import Path


def days_of(lake: Path) -> list[Path]:
    """The folders of documents, one per day, in order."""
    return sorted(path for path in lake.glob("unified/*/*/*/*") if path.is_dir())


def name_of_day(day: Path) -> str:
    """The day as one word: what its Parquet files are called."""
    return "-".join(day.parts[-3:])


def names_of(day: Path) -> list[str]:
    """The names of a day's documents, in order."""
    with os.scandir(day) as found:
        return sorted(entry.name for entry in found)


def read_lines(day: Path) -> bytes:
    """A day's documents, one line each."""
    return b"".join((day / name).read_bytes() for name in names_of(day))
