"""Makes untrusted text safe to show: on a terminal, in Markdown, HTML, CSV or a spreadsheet.

Hidden characters are shown as escapes. JSON and Parquet keep text as it is, for programs.
"""

from __future__ import annotations

import re

# Control characters, and invisible ones that change the direction of text, have no width or end a
# line. The two joiners (200C, 200D) are kept, because Hindi, Persian and emoji need them.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_BLANKS = re.compile(r"[ \t\r\n]+")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~&])")
# What spreadsheets read as the start of a formula (CSV injection), also in full-width characters,
# and also behind characters that some of them strip: spaces, quotes, zero-width characters.
_FORMULA = re.compile(
    r"""[\s"'\u200b-\u200f\u2060\ufeff]*[=+@\uff1d\uff0b\uff0d\uff20-]|[\t\r\n]""",
)


def visible(text: str, *, keep: str = "") -> str:
    r"""The text with hidden characters as escapes (`\x1b`, `\u202e`, `\n`), except for `keep`."""
    return _HIDDEN.sub(lambda found: found[0] if found[0] in keep else _escape(found[0]), text)


def visible_lines(text: str) -> str:
    """Like `visible`, but line ends and tabs stay."""
    return visible(text, keep="\n\t")


def visible_json(text: str) -> str:
    """JSON with the same meaning in which hidden characters are escaped."""

    def escaped(found: re.Match[str]) -> str:
        if found[0] in "\n\r\t":  # between values; inside strings JSON has escaped them already
            return found[0]
        units = found[0].encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))

    return _HIDDEN.sub(escaped, text)


def one_line(text: str) -> str:
    """The text on one line: white space collapsed, hidden characters shown."""
    return visible(_BLANKS.sub(" ", text).strip(" "))


def markdown(text: str) -> str:
    """The text escaped for Markdown, also for a cell of a Markdown table."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def spreadsheet_text(text: str) -> str:
    """The text for a cell of a CSV file.

    An apostrophe is put before what a spreadsheet would run as a formula; removing it gives the
    text back.
    """
    shown = visible_lines(text)
    return f"'{shown}" if is_formula(text) else shown


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run the text as a formula."""
    return _FORMULA.match(text) is not None


def _escape(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
