"""Lays out text tables for a terminal of any width: text wraps between words, numbers never."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

_GAPS = (2, 1)  # Blanks between two columns: a narrow terminal has room for one.
_RULE = "─"
_READABLE = 16  # Text that has less room beside its name stands below it.
_BLANKS = re.compile(" +")


@dataclass(frozen=True)
class TableColumn:
    """One column: its cells as they are shown. Cells that are `whole` never wrap."""

    title: str
    cells: Sequence[str]
    is_whole: bool = False
    is_number: bool = False  # right-justified, and whole


def render_table(columns: Sequence[TableColumn], width: int | None = None) -> list[str]:
    """The lines of a table of at most `width` screen columns, or as wide as its content.

    When there is no room, rows are printed one below the other with each value on its own line;
    then a line is too long only when a single word or number is.
    """
    if not columns:
        return []
    for gap in _GAPS:
        room = math.inf if width is None else width - gap * (len(columns) - 1)
        if sum(map(_least_width, columns)) <= room:
            return list(_grid(columns, _widths(columns, room), gap))
    return list(_records(columns, width or 0))


def fits(columns: Sequence[TableColumn], width: int | None) -> bool:
    """Whether the columns fit beside each other."""
    least = sum(map(_least_width, columns)) + _GAPS[-1] * (len(columns) - 1)
    return width is None or least <= width


def wrapped(text: str, width: int | None) -> list[str]:
    """The text on lines of at most `width`; a longer word has a line of its own."""
    return [text] if width is None else list(_filled(_breakable_pieces(text), width))


def _grid(columns: Sequence[TableColumn], widths: Sequence[int], gap: int) -> Iterator[str]:
    titles = [
        list(_filled(_title_pieces(each.title), width))
        for each, width in zip(columns, widths, strict=True)
    ]
    yield from _row_lines(columns, titles, widths, gap)
    yield _RULE * (sum(widths) + gap * (len(widths) - 1))
    for cells in zip(*(column.cells for column in columns), strict=True):
        lines = [
            wrapped(cell, width) if _wraps(column) else [cell]
            for column, cell, width in zip(columns, cells, widths, strict=True)
        ]
        yield from _row_lines(columns, lines, widths, gap)


def _row_lines(
    columns: Sequence[TableColumn], cells: Sequence[Sequence[str]], widths: Sequence[int], gap: int
) -> Iterator[str]:
    for line in range(max(map(len, cells))):
        texts = [cell[line] if line < len(cell) else "" for cell in cells]
        yield (
            (" " * gap)
            .join(
                _justified(text, width, right=column.is_number)
                for column, text, width in zip(columns, texts, widths, strict=True)
            )
            .rstrip(" ")
        )


def _justified(text: str, width: int, *, right: bool) -> str:
    blanks = " " * (width - cell_len(text))
    return blanks + text if right else text + blanks


def _records(columns: Sequence[TableColumn], width: int) -> Iterator[str]:
    if not columns[0].cells:
        yield from (column.title for column in columns)
    names = max(cell_len(column.title) for column in columns) + 2
    for number, cells in enumerate(zip(*(column.cells for column in columns), strict=True), 1):
        yield f"{_RULE * 2} {number} {_RULE * 2}"
        for column, cell in zip(columns, cells, strict=True):
            readable = min(cell_len(cell), _READABLE)
            beside = names + max(readable, _least_width_of(column, cell)) <= width
            room = width - names if beside else width - 2
            lines = list(_filled(_breakable_pieces(cell), room)) if _wraps(column) else [cell]
            if beside:
                yield f"{column.title}{' ' * (names - cell_len(column.title))}{lines[0]}".rstrip(
                    " "
                )
                yield from (" " * names + line for line in lines[1:])
            else:
                yield column.title
                yield from (f"  {line}" for line in lines)


def _widths(columns: Sequence[TableColumn], room: float) -> list[int]:
    """The width of each column: the widest is narrowed first, never below its longest word."""
    least = [_least_width(column) for column in columns]
    full = [_full_width(column) for column in columns]

    def capped(cap: int) -> list[int]:
        return [max(low, min(high, cap)) for low, high in zip(least, full, strict=True)]

    low, high = 0, max(full)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(capped(middle)) <= room else (low, middle - 1)
    fair = capped(low)
    # Distribute the remaining screen columns, at most one to each table column that needs more.
    wanting = [at for at, width in enumerate(fair) if width == low < full[at]]
    for at in wanting[: int(min(room - sum(fair), len(wanting)))]:
        fair[at] += 1
    return fair


def _full_width(column: TableColumn) -> int:
    return max(map(cell_len, (column.title, *column.cells)))


def _least_width(column: TableColumn) -> int:
    title = _longest(_title_pieces(column.title))
    return max((title, *(_least_width_of(column, cell) for cell in column.cells)))


def _least_width_of(column: TableColumn, cell: str) -> int:
    return _longest(_breakable_pieces(cell)) if _wraps(column) else cell_len(cell)


def _wraps(column: TableColumn) -> bool:
    return not (column.is_whole or column.is_number)


def _longest(pieces: Iterable[tuple[str, str]]) -> int:
    return max((cell_len(piece) for _, piece in pieces), default=0)


def _filled(pieces: Iterable[tuple[str, str]], width: int) -> Iterator[str]:
    line: str | None = None
    for blanks, piece in pieces:
        if line is None:
            line = piece
        elif cell_len(line) + len(blanks) + cell_len(piece) <= width:
            line += blanks + piece
        else:
            yield line
            line = piece
    yield line or ""


def _breakable_pieces(text: str) -> Iterator[tuple[str, str]]:
    """The pieces between which a line may break, each with the spaces before it."""
    start, blanks = 0, ""
    for found in _BLANKS.finditer(text):
        before, after = text[: found.start()][-1:], text[found.end() :][:1]
        if before.isdigit() and (after.isdigit() or after == "%"):
            continue  # within a number, a time of day or a percentage
        yield from _by_letter(blanks, text[start : found.start()])
        start, blanks = found.end(), found[0]
    yield from _by_letter(blanks, text[start:])


def _by_letter(blanks: str, word: str) -> Iterator[tuple[str, str]]:
    """The pieces of a word: it may break before a wide letter, as Chinese has no spaces."""
    start = 0
    if not word.isascii():
        for at in range(1, len(word)):
            if _is_wide_letter(word[at]) and unicodedata.category(word[at - 1]) not in ("Ps", "Pi"):
                yield blanks, word[start:at]
                start, blanks = at, ""
    yield blanks, word[start:]


def _is_wide_letter(char: str) -> bool:
    return unicodedata.category(char) == "Lo" and unicodedata.east_asian_width(char) == "W"


def _title_pieces(title: str) -> Iterator[tuple[str, str]]:
    """A column's name may break at blanks and behind `_`."""
    for blanks, word in _breakable_pieces(title):
        first, *rest = re.findall(r"[^_]*_+|[^_]+$", word) or [""]
        yield blanks, first
        yield from (("", part) for part in rest)
