"""The words that masking looks for: the `.toml` files beside this one, read once and checked."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any, Protocol, TypeVar

import msgspec

from cci_lite.language.heard import in_place


class Spoken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one language says numbers and mail addresses; each text is a list of words."""

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
    """What makes a figure an amount, or figures a list; each text is a list of words."""

    money: str
    unspaced: str
    spaced: str
    currencies: str
    list_joints: str


class MailAddresses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What tells a dictated mail address from other words."""

    providers: str
    top_level: str
    joints: str
    no_locals: str


class SpokenFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`spoken.toml`."""

    languages: tuple[Spoken, ...]
    units: Units
    mail: MailAddresses


class Introduction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The phrases that a name stands behind, before or between, in one language."""

    name: str
    only: tuple[str, ...] = ()
    my_name: tuple[str, ...] = ()
    a_name: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    polite: tuple[str, ...] = ()
    speaking: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    goes_on: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    greeting: tuple[str, ...] = ()
    around: tuple[tuple[str, str], ...] = ()


class NoNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands where names do and is none; each text is a list of words."""

    particles: str
    common_names: str
    titles: str
    joints: str
    not_names: str
    nouns: str
    noun_endings: str
    small_noun_endings: str
    no_small_nouns: str
    not_small_names: str
    things: str
    possessives: str


class IntroductionsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`introductions.toml`."""

    languages: tuple[Introduction, ...]
    words: NoNames


class NationalId(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a number of a state looks, and which module of python-stdnum checks it."""

    name: str
    shape: str
    checked_by: str = ""


class NationalIdsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`national_ids.toml`."""

    ids: tuple[NationalId, ...]


class Places(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an address of a place is told by; each text is a list of words."""

    streets: str
    street_endings: str


class Dates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a date is said, and what tells that it is one of birth."""

    months: str
    ordinals: str
    joints: str
    births: tuple[str, ...]
    births_behind: tuple[str, ...]


class DatesAndPlacesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`dates_and_places.toml`."""

    dates: Dates
    places: Places


class _OfLanguages(Protocol):
    @property
    def only(self) -> tuple[str, ...]: ...


_File = TypeVar("_File")
_Of = TypeVar("_Of", bound=_OfLanguages)


@functools.cache
def spoken() -> SpokenFile:
    """How numbers and mail addresses are spoken."""
    return _read("spoken.toml", SpokenFile)


@functools.cache
def introductions() -> IntroductionsFile:
    """How names are introduced."""
    return _read("introductions.toml", IntroductionsFile)


@functools.cache
def national_ids() -> tuple[NationalId, ...]:
    """The numbers of states that have letters in them."""
    return _read("national_ids.toml", NationalIdsFile).ids


@functools.cache
def dates_and_places() -> DatesAndPlacesFile:
    """How dates of birth and addresses of places are told."""
    return _read("dates_and_places.toml", DatesAndPlacesFile)


def spoken_in(language_code: str | None) -> tuple[Spoken, ...]:
    """The words that count in calls of a language."""
    return tuple(_counting(spoken().languages, language_code))


def introductions_in(language_code: str | None) -> tuple[Introduction, ...]:
    """The phrases that count in calls of a language."""
    return tuple(_counting(introductions().languages, language_code))


def words_of(*lists: str) -> list[str]:
    """The words of these lists, once each, longer ones first; `_` stands for a blank in a word."""
    words = {word.replace("_", " ") for each in lists for word in each.split()}
    return sorted(words, key=lambda word: (-len(word), word))


def plain_words_of(*lists: str) -> list[str]:
    """The same words in plain characters, as they are looked for."""
    return list(map(in_place, words_of(*lists)))


@functools.cache
def word_set(words: str) -> frozenset[str]:
    """The words of one list."""
    return frozenset(words.split())


def any_of(*lists: str) -> str:
    """An expression that finds any of the words of these lists, in plain characters."""
    return "|".join(map(re.escape, plain_words_of(*lists)))


def _counting(languages: Iterable[_Of], language_code: str | None) -> Iterator[_Of]:
    code = language_code or ""
    names = {code, code.partition("-")[0]}
    return (each for each in languages if not each.only or names.intersection(each.only))


def _read(name: str, kind: type[_File]) -> _File:
    text = files("cci_lite.masking").joinpath(name).read_text(encoding="utf-8")
    content: dict[str, Any] = tomllib.loads(text)
    return msgspec.convert(content, kind)
