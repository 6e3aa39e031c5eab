"""Text of others on its way to a terminal, a Markdown file or a spreadsheet."""

from __future__ import annotations

import re
import unicodedata

_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~&])")
# What spreadsheets take for the start of a formula, also in its full-width spelling.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def one_line(text: str) -> str:
    """The text on one line, with control characters (which can move a cursor) made visible."""
    spaced = " ".join(_DIRECTION.sub("", text).split())
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_control(char) else char for char in spaced)


def markdown(text: str) -> str:
    """The text as it is, in Markdown and in a cell of a Markdown table."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def spreadsheet_text(text: str) -> str:
    """The text with a leading apostrophe where a spreadsheet would run it as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run the text."""
    return text.startswith(_FORMULA)


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cs"}
