"""Phrases as people hear them: whole words, whatever the case, the punctuation or the apostrophes.

Text is compared in a form that has its words only, each between single spaces: the phrase "Good
bye" is in "Well, good-bye!" because " good bye " is in " well good bye ".
"""

from __future__ import annotations

import re
import unicodedata

import re2

_APOSTROPHES = str.maketrans(dict.fromkeys("’‘‛ʼ`´", "'"))  # noqa: RUF001
# What stands for a word that was redacted ([PII], [NAME]) or masked (***) keeps its place, so that
# the words around it are not taken for neighbours; no phrase can contain it.
_WITHHELD = r"\[[a-z_]+\]|\*\*\*"
_ASCII_WORDS = re.compile(rf"{_WITHHELD}|[a-z0-9]+(?:'[a-z0-9]+)*")
_WORDS = re2.compile(rf"{_WITHHELD}|[\pL\pN\pM]+(?:'[\pL\pN\pM]+)*")
_WORD_OF_PHRASE = re2.compile(r"[\pL\pN\pM]+(?:'[\pL\pN\pM]+)*")
_CHUNK = re.compile(r"\S+")


def heard(text: str) -> str:
    """`text` in the form in which it is searched."""
    return f" {' '.join(_words(text))} "


def heard_phrase(phrase: str) -> str:
    """A phrase in the form in which it is searched for."""
    return f" {' '.join(_WORD_OF_PHRASE.findall(_fold(phrase)))} "


def span_of_words(text: str, first: int, count: int) -> tuple[int, int]:
    """Where `count` words of `heard(text)`, from the `first` on, are in `text`.

    Words never reach across white space, so counting those of each piece between white space finds
    the place again.
    """
    start, seen = 0, 0
    for chunk in _CHUNK.finditer(text):
        if seen <= first:
            start = chunk.start()
        seen += len(_words(chunk.group()))
        if seen >= first + count:
            return start, chunk.end()
    return start, len(text)


def _words(text: str) -> list[str]:
    folded = _fold(text)
    return (_ASCII_WORDS if folded.isascii() else _WORDS).findall(folded)


def _fold(text: str) -> str:
    plain = text.translate(_APOSTROPHES)
    if plain.isascii():
        return plain.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())
