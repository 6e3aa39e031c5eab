"""Prints for people and machines: data to stdout, messages to stderr, untrusted text escaped."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import msgspec

from cci_lite.errors import NoRoomError, UsageError
from cci_lite.files import is_no_room, replacing
from cci_lite.reports.text import visible, visible_json, visible_lines

if TYPE_CHECKING:
    from cci_lite.reports.tables import TableColumn

_TEXT = (str, list, dict)
_NUMBERS = (int, float, Decimal)


def say(message: str) -> None:
    """Print one line to stderr, with hidden characters and line ends escaped."""
    _echo(visible(message, keep="\t"), err=True)


def print_text(text: str) -> None:
    """Print text to stdout, with hidden characters escaped."""
    _echo(visible_lines(text))


def say_some(first: Sequence[str], rest: str, count: int) -> None:
    """Print the first of `count` lines, and how many more there are; `rest` is their noun."""
    for line in first:
        say(f"  {line}")
    if count > len(first):
        say(f"  … and {count - len(first):,} more {rest}")


def write_file(target: Path, data: bytes) -> None:
    """Write a file atomically; raises UsageError when it cannot be written."""
    with writing(target) as file:
        file.write(data)


@contextlib.contextmanager
def writing(target: Path) -> Iterator[BinaryIO]:
    """A file to write to, which appears only when complete; raises UsageError or NoRoomError."""
    try:
        with replacing(target) as file:
            yield file
    except OSError as problem:
        message = f"{target} cannot be written: {problem.strerror}"
        if is_no_room(problem):
            raise NoRoomError(f"{message}; make room and do it again") from problem
        raise UsageError(message) from problem


def print_json(value: object) -> None:
    """A value as indented JSON."""
    text = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode()
    click.echo(visible_json(text))


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> None:
    """A table on the terminal; one row below the other when the terminal is too narrow."""
    from cci_lite.reports.tables import render_table, wrapped

    width = terminal_width()
    lines = wrapped(visible(title), width) if title else []
    table = [table_column(name, [row[at] for row in rows]) for at, name in enumerate(columns)]
    print_text("\n".join(lines + render_table(table, width)))


def terminal_width() -> int | None:
    """How wide a line may be; None for a pipe or a file, unless COLUMNS is set."""
    # A table in a file is wanted whole: whoever reads it again would have to undo the wrapping.
    if not sys.stdout.isatty() and not os.environ.get("COLUMNS", "").isdigit():
        return None
    return shutil.get_terminal_size().columns


def as_text(value: object) -> str:
    """A value as text for a terminal, with all its digits; NULL is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # repr gives the shortest text that reads back as the same number.
        return repr(value).removesuffix(".0")
    if isinstance(value, (list, dict)):
        return visible(json.dumps(value, default=as_text, ensure_ascii=False))
    return visible(value.hex() if isinstance(value, bytes) else str(value))


def table_column(name: str, values: Sequence[Any]) -> TableColumn:
    """A table's column with its values as text; only text and lists wrap."""
    from cci_lite.reports.tables import TableColumn

    given = [value for value in values if value is not None]
    return TableColumn(
        visible(name),
        [as_text(value) for value in values],
        is_whole=not any(isinstance(value, _TEXT) for value in given),
        is_number=bool(given) and all(isinstance(value, _NUMBERS) for value in given),
    )


def _echo(text: str, *, err: bool = False) -> None:
    """Print a line; characters that the terminal cannot encode are escaped."""
    encoding = getattr(sys.stderr if err else sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)


def records(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows as objects."""
    return [dict(zip(columns, row, strict=True)) for row in rows]


@contextlib.contextmanager
def progress(description: str, total: int | None) -> Iterator[_Bar]:
    """A progress bar on a terminal's stderr, nothing elsewhere."""
    # On stderr, so that the output of a command can go into a pipe while the bar is shown.
    if not sys.stderr.isatty():
        yield _Bar(lambda _: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(functools.partial(bar.advance, bar.add_task(description, total=total)))


class _Bar:
    """Moves a progress bar, if there is one."""

    def __init__(self, move: Callable[[int], object]) -> None:
        self._move = move

    def advance(self, steps: int = 1) -> None:
        """Move on."""
        self._move(steps)


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Counts in words: `3 new, 1 refused`; leaves out what is zero."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing"
