"""Regular expressions: refuses what Athena and DuckDB's RE2 read differently, or rewrites it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_IGNORE_CASE = "(?i)"
# RE2 and Athena's engine (Joni) agree on these. \w, \d, \s and \b differ beyond ASCII; RE2 has no
# look-around.
_PLAIN = re.compile(r"(?:\(\?i\))?(?:[^\\(]|\\[^A-Za-z0-9]|\((?!\?)|\(\?:)*", re.DOTALL)
_PIECE = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]|\\.|\(\?:|.", re.DOTALL)
_QUANTIFIERS = ("?", "*", "+", "{")
# Letters that Athena also matches with a ligature when it ignores case, unless the last one of them
# is quantified.
_LIGATURES = {
    "ffi": ("ﬃ", "ﬀi", "fﬁ"),
    "ffl": ("ﬄ", "ﬀl", "fﬂ"),
    "ff": ("ﬀ",),
    "fi": ("ﬁ",),
    "fl": ("ﬂ",),
    "ss": ("ß",),
    "st": ("ﬆ", "ﬅ"),
}


def refusal(pattern: str) -> str:
    """Why a pattern could match differently on the two engines; empty when it cannot."""
    if not _PLAIN.fullmatch(pattern):
        return (
            "patterns with \\d, \\w, \\s, \\b or (?…) differ between engines; "
            "write classes: [0-9], and (?i) at the start"
        )
    for piece in _pattern_parts(pattern):
        if len(piece) > 1 and piece[0] == "[" and ("[" in piece[1:] or "&&" in piece):
            return "a class inside a class, [:name:] and && differ between engines; list the signs"
    if pattern.startswith(_IGNORE_CASE):
        for letter in pattern:
            if len(unicodedata.normalize("NFC", letter).casefold()) > 1:
                return (
                    f"(?i) with {letter} differs between engines, as it stands for two letters; "
                    "write lower(x) and both spellings"
                )
    return ""


def groups(pattern: str) -> int:
    """How many groups a pattern captures."""
    return sum(piece == "(" for piece in _pattern_parts(pattern))


def has_end(pattern: str) -> bool:
    """Whether a pattern has a `$`, which in Athena also matches before a final line end."""
    return "$" in _pattern_parts(pattern)


def for_re2(pattern: str) -> str:
    """The pattern for RE2, except for `$`."""
    if not pattern.startswith(_IGNORE_CASE):
        return pattern
    pieces = list(_pattern_parts(pattern[len(_IGNORE_CASE) :]))
    written = [_IGNORE_CASE]
    while pieces:
        signs = _ligature(pieces)
        if signs:
            spelled = "".join(pieces[: len(signs)])
            written.append(f"(?:{spelled}|(?-i:{'|'.join(_LIGATURES[signs])}))")
            del pieces[: len(signs)]
        else:
            written.append(pieces.pop(0))
    return "".join(written)


def for_re2_search(pattern: str) -> str:
    """`for_re2` for a search that asks only whether there is a match."""
    return "".join(r"\n?$" if piece == "$" else piece for piece in _pattern_parts(for_re2(pattern)))


def _ligature(pieces: list[str]) -> str:
    for length in (3, 2):
        signs = "".join(pieces[:length]).lower()
        following = pieces[length] if length < len(pieces) else ""
        if signs in _LIGATURES and following not in _QUANTIFIERS:
            return signs
    return ""


def _pattern_parts(pattern: str) -> Iterator[str]:
    """The pattern's classes, escapes, opening groups and single characters."""
    return (found[0] for found in _PIECE.finditer(pattern))
