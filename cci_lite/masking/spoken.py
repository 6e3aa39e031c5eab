"""How numbers and mail addresses are spoken: `spoken.toml`, read once and checked."""

from __future__ import annotations

import functools
import tomllib
from importlib.resources import files
from typing import Any

import msgspec


class Spoken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words of one language; each text is a list of words between blanks."""

    name: str
    only: tuple[str, ...] = ()
    spelled_freely: bool = False
    digits: str = ""
    words: str = ""
    first: str = ""
    joint: str = ""
    last: str = ""
    numerals: str = ""
    attached: str = ""
    only_dictated: str = ""
    hundreds: str = ""
    fillers: str = ""
    also: str = ""
    apart: str = ""
    ten: str = ""
    between: str = ""
    at: str = ""
    dot: str = ""
    dash: str = ""


class Units(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What makes a figure an amount.

    `money` and `unspaced` stand behind it without a blank or border, and the first behind figures
    of any length.
    """

    money: str
    unspaced: str
    spaced: str
    currencies: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    languages: tuple[Spoken, ...]
    units: Units


@functools.cache
def _file() -> _File:
    text = files("cci_lite.masking").joinpath("spoken.toml").read_text(encoding="utf-8")
    content: dict[str, Any] = tomllib.loads(text)
    return msgspec.convert(content, _File)


def all_spoken() -> tuple[Spoken, ...]:
    """The words of all languages."""
    return _file().languages


def spoken_in(language_code: str | None) -> tuple[Spoken, ...]:
    """The words that count in calls of a language."""
    code = language_code or ""
    names = {code, code.partition("-")[0]}
    return tuple(each for each in all_spoken() if not each.only or names.intersection(each.only))


def units() -> Units:
    """What makes a figure an amount."""
    return _file().units


def words_of(*lists: str) -> list[str]:
    """The words of these lists, once each, longer ones first; `_` stands for a blank in a word."""
    words = {word.replace("_", " ") for each in lists for word in each.split()}
    return sorted(words, key=lambda word: (-len(word), word))
