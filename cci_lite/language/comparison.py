"""How text is compared, per language: `languages.toml`, read once and checked."""

from __future__ import annotations

import functools
import re
import tomllib
from importlib.resources import files
from typing import Any

import msgspec


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How phrases, patterns and quotes are compared with what was said in a language.

    `compounds`: spaces inside a phrase do not matter (German: Kunden Nummer, Kundennummer).
    `endings`: what may be attached to each word of a phrase (Korean particles), where spaces do
    not matter either; `openings`: how a longer ending of the last word may begin. `elision`: an
    apostrophe ends a word (French: l'assistance). `dotless`: I is the capital of a dotless i
    (Turkish). `spellings`: pairs of spellings of which the first is read as the second.
    """

    compounds: bool = False
    elision: bool = False
    dotless: bool = False
    endings: tuple[str, ...] = ()
    openings: tuple[str, ...] = ()
    spellings: tuple[tuple[str, str], ...] = ()


class _Scripts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    unspaced: tuple[str, ...]
    wide: tuple[str, ...]
    silent: tuple[str, ...]
    apostrophes: str
    same: tuple[tuple[str, str], ...]
    ligatures: dict[str, str]


class _Language(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    codes: tuple[str, ...]
    compounds: bool = False
    elision: bool = False
    dotless: bool = False
    endings: str = ""
    openings: str = ""
    spellings: dict[str, str] = {}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scripts: _Scripts
    languages: tuple[_Language, ...]


@functools.cache
def _file() -> _File:
    text = files("cci_lite.language").joinpath("languages.toml").read_text(encoding="utf-8")
    content: dict[str, Any] = tomllib.loads(text)
    return msgspec.convert(content, _File)


# Languages that languages.toml does not name separate words by spaces, and need nothing more.
_WORD_BY_WORD = Comparison()


def comparison_of(language_code: str | None) -> Comparison:
    """How text of a language (`de-DE`, `ja-JP`) is compared; word by word where none is known."""
    return _comparisons().get((language_code or "").partition("-")[0].lower(), _WORD_BY_WORD)


@functools.cache
def _comparisons() -> dict[str, Comparison]:
    return {
        code: Comparison(
            compounds=each.compounds,
            elision=each.elision,
            dotless=each.dotless,
            endings=tuple(each.endings.split()),
            openings=tuple(each.openings.split()),
            spellings=tuple(each.spellings.items()),
        )
        for each in _file().languages
        for code in each.codes
    }


@functools.cache
def plain_letters() -> dict[int, str]:
    """The plain character for each variant of one; nothing for characters without a sound."""
    scripts = _file().scripts
    spans = map(_limits, scripts.silent)
    silent = {code: "" for first, last in spans for code in range(first, last + 1)}
    ligatures = {ord(one): other for one, other in scripts.ligatures.items()}
    return silent | ligatures | apostrophes()


@functools.cache
def apostrophes() -> dict[int, str]:
    """The apostrophe for each character that people type instead of one."""
    return dict.fromkeys(map(ord, _file().scripts.apostrophes), "'")


@functools.cache
def heard_letters() -> dict[int, str]:
    """For each letter that sounds like another, the one that stands for both."""
    pairs = _file().scripts.same
    return {ord(one): other for pair in pairs for one, other in zip(*pair, strict=True)}


@functools.cache
def unspaced_class() -> str:
    """The characters of scripts without spaces, for use in a regular expression's class."""
    return _class(_file().scripts.unspaced)


@functools.cache
def _wide() -> re.Pattern[str]:
    return re.compile(f"[{_class(_file().scripts.wide)}]")


@functools.cache
def _unspaced() -> re.Pattern[str]:
    return re.compile(f"[{unspaced_class()}]")


def joint(one: str, other: str) -> str:
    """What is written between two words: a space, or nothing in scripts that have none."""
    if not one or not other or (one.isascii() and other.isascii()):
        return " "
    last, first = one[-1], other[0]
    is_wide = _wide().match(last) or _wide().match(first)
    is_unspaced = _unspaced().match(last) and _unspaced().match(first)
    return "" if is_wide or is_unspaced else " "


def _limits(span: str) -> tuple[int, int]:
    first, _, last = span.partition("-")
    return int(first, 16), int(last, 16)


def _class(spans: tuple[str, ...]) -> str:
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in map(_limits, spans))
