"""Prints rows for people and for machines. Data goes to stdout, messages to stderr."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from cci_lite.errors import UsageError

_NEVER_WRAPPED = 24
# What a terminal would take for a command, when it stands in a name or a question.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_WIDE = 1_000
SHOWN_LINES = 20


def say(message: str) -> None:
    """A message to the person."""
    click.echo(message, err=True)


def say_some(lines: Sequence[str], rest: str) -> None:
    """The first lines of many, and how many more there are of the rest."""
    for line in lines[:SHOWN_LINES]:
        say(f"  {line}")
    if len(lines) > SHOWN_LINES:
        say(f"  … and {len(lines) - SHOWN_LINES:,} more {rest}")


def write_file(target: Path, data: bytes) -> None:
    """Write a file; raises UsageError when there is no writing there."""
    try:
        target.write_bytes(data)
    except OSError as problem:
        raise UsageError(f"{target} cannot be written: {problem.strerror}") from problem


def print_json(value: object) -> None:
    """A value as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> None:
    """A table on the terminal; whole, however narrow the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left", box=box.SIMPLE_HEAD)
    for position, name in enumerate(columns):
        values = [row[position] for row in rows]
        numbers = bool(rows) and all(
            value is None or isinstance(value, (int, float)) for value in values
        )
        widest = max((len(as_text(value)) for value in values), default=0)
        table.add_column(
            Text(name),
            justify="right" if numbers else "left",
            overflow="fold",
            no_wrap=widest <= _NEVER_WRAPPED,
        )
    for row in rows:
        table.add_row(*(Text(as_text(value)) for value in row))
    # A pipe or a file has no width: nothing there is to be wrapped.
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    console.print(table)


def as_text(value: object) -> str:
    """A value for a terminal: NULL is empty, numbers without noise."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", str(value))


def records(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows as objects."""
    return [dict(zip(columns, row, strict=True)) for row in rows]


@contextlib.contextmanager
def progress(description: str, total: int | None) -> Iterator[_Bar]:
    """A progress bar on a terminal's stderr, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield _Bar(bar, bar.add_task(description, total=total))


class _Bar:
    """Moves a progress bar."""

    def __init__(self, bar: Any, task: Any) -> None:
        self._bar = bar
        self._task = task

    def advance(self, steps: int = 1) -> None:
        """Move on."""
        self._bar.advance(self._task, steps)


def counted(counts: Mapping[str, int]) -> str:
    """Counts in words: `3 new, 1 refused`; leaves out what is zero."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing"
