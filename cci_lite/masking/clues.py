"""Tells in one pass over a text what is worth looking for in it.

A clue is an expression of RE2 that is in every text in which something can be found: for a mail
address "@", or "at" and a dot; for a telephone number six digits. It may be in other texts, too.
Most of what is said has no clue, and RE2 looks for all of them at once, in linear time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import re2

# Whatever `\s` finds in a text of any script, and more; RE2's own `\s` knows six characters.
BLANK = r"[\x00-\x20\x7f-\x{a0}\pZ]"
# What may stand before a word: no letter or digit of ours. RE2's own `\b` knows no other letters.
BORDER = r"(?:^|[^0-9A-Za-z_])"
_EVERYWHERE = ""


class Clues:
    """Expressions that are looked for together, whatever the case."""

    def __init__(self, clues: Iterable[str]) -> None:
        self._set = re2.Set.SearchSet()
        self._count = 0
        for clue in clues:
            self._set.Add(f"(?is){clue}")
            self._count += 1
        # Is in every text: where RE2 does not find it, RE2 gave up, and each clue may be there.
        self._set.Add(_EVERYWHERE)
        self._set.Compile()

    def found_in(self, text: str) -> Collection[int]:
        """The numbers of the clues that the text has."""
        found: list[int] = self._set.Match(
            text if text.isascii() else text.encode(errors="replace")
        )
        if self._count not in found:
            return range(self._count)
        found.remove(self._count)
        return found


def any_phrase(phrases: Iterable[str]) -> str:
    """A clue that finds each of these phrases, with any blanks and apostrophes in it."""
    return f"(?:{'|'.join(''.join(map(_character, phrase)) for phrase in phrases)})"


def _character(character: str) -> str:
    if character.isspace():
        return BLANK
    if character == "'":
        return "['’]"  # noqa: RUF001
    if character == "i":
        # For Python's `re` these are one letter, for RE2 they are not.
        return "[i\u0131\u0130]"
    return character if character.isalpha() else str(re2.escape(character))
