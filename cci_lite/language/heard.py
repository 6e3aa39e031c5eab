"""Finds phrases in what was said: by whole words, whatever the case, punctuation or apostrophes.

Text is compared in a form that has its words only, each between single spaces: the phrase "Good
bye" is in "Well, good-bye!" because " good bye " is in " well good bye ". In scripts without blanks
every character is a word, so that a phrase is found wherever it is said. What differs from language
to language stands in `language/languages.toml`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NamedTuple

import re2

from cci_lite.language.comparison import (
    Comparison,
    apostrophes,
    comparison_of,
    heard_letters,
    plain_letters,
    unspaced_class,
)

WORD_BY_WORD = comparison_of(None)
# In scripts without blanks, about as many characters are a word.
_LETTERS_OF_A_WORD = 2

# What stands for a word that was redacted ([PII], [NAME]) or masked (***) keeps its place, so that
# the words around it are not taken for neighbours; no phrase can contain it.
_WITHHELD = r"\[[a-z_]+\]|\*\*\*"
_ASCII_WORDS = re.compile(rf"{_WITHHELD}|[a-z0-9]+(?:'[a-z0-9]+)*")
_CHUNK = re.compile(r"\S+")
# Letters of Arabic, of scripts of India, and of those without blanks, as a class of an expression.
FAR_SCRIPT = "[\u0600-\u1cff\u2e80-\U0010ffff]"
_FAR_SCRIPT = re.compile(FAR_SCRIPT)
_REPEATED = re.compile("(.)([々ゝゞ])")
_END_OF_MARKS = 0x20000
_VOICED = "\u3099"
_DOTLESS = "\u0131"
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_META = re.compile(r"[\\.+*?()|\[\]{}^$-]")


class Found(NamedTuple):
    """The words of a heard text that are a phrase: the first, counted from 0, and how many."""

    first: int
    words: int


def plain_text(text: str) -> str:
    """`text` with each character in its usual form: what patterns are searched in.

    Case, punctuation and blanks stay.
    """
    if text.isascii():
        return text
    composed = unicodedata.normalize("NFKC", text.replace("\u00b4", "'"))
    return composed.translate(_plain_characters())


def plain_pattern(pattern: str) -> str:
    """A regular expression with its literal characters in the form that plain text has."""
    composed = unicodedata.normalize("NFC", pattern)
    return _NOT_ASCII.sub(lambda found: _META.sub(r"\\\g<0>", plain_text(found[0])), composed)


def heard(text: str, comparison: Comparison = WORD_BY_WORD) -> str:
    """`text` in the form in which it is searched."""
    # The spaces at both ends make " word " match whole words only.
    return f" {' '.join(_split_words(plain_text(text), comparison))} "


def heard_plain(plain_text: str, comparison: Comparison) -> str:
    """The same for text that is plain already."""
    return f" {' '.join(_split_words(plain_text, comparison))} "


def heard_phrase(phrase: str, comparison: Comparison = WORD_BY_WORD) -> str:
    """A phrase in the form in which it is searched for."""
    folded = _fold(plain_text(phrase), comparison)
    return f" {' '.join(_expressions().word.findall(folded))} "


def find_words(heard_text: str, phrase: str, comparison: Comparison) -> Found | None:
    """The first place of a phrase in a text, both in the form in which they are searched."""
    if comparison.endings:
        return _find_attached(heard_text, phrase, comparison)
    if comparison.compounds:
        return _find_compound(heard_text, phrase)
    place = heard_text.find(phrase)
    if place < 0:
        return None
    return Found(heard_text.count(" ", 0, place + 1) - 1, phrase.count(" ") - 1)


def count_words(heard_text: str) -> int:
    """About how many words a heard text has, in scripts without blanks too."""
    words = heard_text.split()
    unspaced = sum(map(_is_unspaced, words))
    return len(words) - unspaced + unspaced // _LETTERS_OF_A_WORD


def span_of_words(
    text: str, first: int, length: int, comparison: Comparison = WORD_BY_WORD
) -> tuple[int, int]:
    """Where `length` words of `heard(text)`, from the `first` on, are in `text`.

    Words never reach across white space, so counting those of each piece between white space finds
    the piece again; within it, how many words each beginning of it has.
    """

    def place(chunk: re.Match[str], word: int, words: int) -> int:
        """Where this word of the piece begins; the piece's end when it has fewer."""
        if not 0 < word < words:
            return chunk.end() if word else chunk.start()
        return chunk.start() + _first(len(chunk[0]), lambda end: count(chunk[0][:end]) > word)

    def count(piece: str) -> int:
        return len(_split_words(plain_text(piece), comparison))

    start, seen, after = 0, 0, first + length
    for chunk in _CHUNK.finditer(text):
        words = count(chunk[0])
        if seen <= first:
            start = place(chunk, first - seen, words)
        if seen + words >= after:
            # One character may be two words.
            return start, max(place(chunk, after - seen, words), start + 1)
        seen += words
    return start, len(text)


def place_in(text: str, plain_place: int) -> int:
    """Where in `text` the character is that has this place in `plain_text(text)`."""
    return _first(len(text), lambda end: len(plain_text(text[:end])) > plain_place)


def _first(length: int, is_reached: Callable[[int], bool]) -> int:
    """The index of the first character up to and including which something is reached.

    Bisection: `is_reached` takes a length and must stay true once it is.
    """
    low, high = 0, length
    while low < high:
        middle = (low + high) // 2
        if is_reached(middle + 1):
            high = middle
        else:
            low = middle + 1
    return low


def _find_compound(heard_text: str, phrase: str) -> Found | None:
    """The phrase with any spaces inside it, where it begins and ends with whole words."""
    # Search without any spaces, then accept a place only if it begins and ends with whole words.
    letters, wanted = heard_text.replace(" ", ""), phrase.replace(" ", "")
    place = letters.find(wanted)
    if place < 0:
        return None
    starts, ends = {}, {}
    end = 0
    for number, word in enumerate(heard_text.split()):
        starts[end] = number
        end += len(word)
        ends[end] = number
    while place >= 0:
        first, last = starts.get(place), ends.get(place + len(wanted))
        if first is not None and last is not None:
            return Found(first, last - first + 1)
        place = letters.find(wanted, place + 1)
    return None


def _find_attached(heard_text: str, phrase: str, comparison: Comparison) -> Found | None:
    """The phrase from the beginning of a word, each of its words with any endings attached."""
    match = _attached(phrase, comparison).search(heard_text)
    if match is None:
        return None
    return Found(heard_text.count(" ", 0, match.start() + 1) - 1, match[0].count(" ") - 1)


@lru_cache(maxsize=1024)
def _attached(phrase: str, comparison: Comparison) -> Any:
    endings = f"(?:{'|'.join(map(re2.escape, comparison.endings))})*"
    openings = f"(?:(?:{'|'.join(map(re2.escape, comparison.openings))})[^ ]*)?"
    words = (" ?".join(map(re2.escape, word)) for word in phrase.split())
    return re2.compile(f" {f'{endings} ?'.join(words)}{endings}{openings} ")


def _split_words(plain_text: str, comparison: Comparison) -> list[str]:
    folded = _fold(plain_text, comparison)
    return (_ASCII_WORDS if folded.isascii() else _expressions().words).findall(folded)


def _fold(text: str, comparison: Comparison) -> str:
    # Before casefold(), which maps I to i in every language.
    if comparison.dotless:
        text = text.replace("I", _DOTLESS).replace("İ", "i")
    if text.isascii():
        folded = text.lower().replace("`", "'")
    else:
        # casefold() turns İ into i and a combining dot, which must equal a plain i.
        folded = unicodedata.normalize("NFKC", text.casefold()).replace("i\u0307", "i")
        for one, other in comparison.spellings:
            folded = folded.replace(one, other)
        if _FAR_SCRIPT.search(folded):
            folded = _folded_far(folded)
    return folded.replace("'", " ") if comparison.elision else folded


def _folded_far(text: str) -> str:
    text = _REPEATED.sub(_repeated, text.translate(heard_letters()))
    return _expressions().unspaced.sub(r" \g<0> ", text)


def _repeated(found: re.Match[str]) -> str:
    mark = _VOICED if found[2] == "ゞ" else ""
    return unicodedata.normalize("NFC", found[1] + found[1] + mark)


@cache
def mark_class() -> str:
    """Vowel signs and other combining marks, for use in a regular expression's class.

    Python's `re` knows no Unicode categories, and `\\w` does not match such a mark.
    """
    # Categories are two letters; no other one has a capital M.
    categories = "".join(map(unicodedata.category, map(chr, range(_END_OF_MARKS))))
    runs = (run.span() for run in re.finditer("(?:M[a-z])+", categories))
    return "".join(f"{chr(start // 2)}-{chr(end // 2 - 1)}" for start, end in runs)


def has_far_script(text: str) -> bool:
    """Whether there may be letters of Arabic, of scripts of India, or of those without blanks."""
    return not text.isascii() and _FAR_SCRIPT.search(text) is not None


def in_place(text: str) -> str:
    """`text` in plain characters as far as each stays where it is: digits, widths, kana, alef."""
    return text if text.isascii() else text.translate(_characters_in_place())


class _Expressions(NamedTuple):
    """Patterns for a word, a word or a redaction mark, a character of a script without spaces."""

    word: re.Pattern[str]
    words: re.Pattern[str]
    unspaced: re.Pattern[str]


@cache
def _expressions() -> _Expressions:
    marks = mark_class()
    letters = rf"[^\W_]++(?:[{marks}]++[^\W_]*+)*+"
    word = rf"{letters}(?:'{letters})*"
    return _Expressions(
        re.compile(word),
        re.compile(f"{_WITHHELD}|{word}"),
        re.compile(f"[{unspaced_class()}][{marks}]*"),
    )


def is_mark(character: str) -> bool:
    """Whether a character is a vowel sign or another combining mark, which no word begins with."""
    return unicodedata.category(character).startswith("M")


def _is_unspaced(word: str) -> bool:
    return not word.isascii() and _expressions().unspaced.fullmatch(word) is not None


class _Characters(dict[int, str]):
    """What characters become; digits of all scripts become 0 to 9."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        digit = unicodedata.decimal(character, None)
        self[code] = character if digit is None else str(digit)
        return self[code]


@cache
def _characters_in_place() -> _Characters:
    widths = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    return _Characters({0x3000: " ", **widths, **apostrophes(), **heard_letters()})


@cache
def _plain_characters() -> _Characters:
    return _Characters(plain_letters())
