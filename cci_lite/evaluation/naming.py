"""Names as people introduce themselves and address each other, in English and German."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cci_lite.contract.conversation import Conversation


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Parts of names that say nothing by themselves.
PARTICLES = _words(
    """
    a al and bin da dal das de del della den der di do dos dr du el frau herr herrn la le madam
    miss mister mr mrs ms of prof sir st the und van vom von zu zum zur
    """
)
# Names that are words of any call, too: only what is written like a name is one.
COMMON_NAMES = _words(
    """
    able an april art august baker banks best bill bishop black blue bond brook brooks brown buck
    butler case chance chase church clay close cook cross dale dawn day dean drew early fair faith
    fast field fields flowers ford forest fox frank free french german gold good grace grant gray
    green grey gross groß grün gut hall hand happy hart hill holiday home hood hope house hunter
    im in joy june jung just king klein lake lane lang lieb like lily little long love low major
    mark marsh mason may mercy mill moody more neu nice north ok page park parker pat patience
    pearl piper pleasant pool poor porter power price prince read reich rich ring river rob rock
    rose ruby rush sage sand saver school schwarz sharp short small smart snow so spring star
    stark stone storm street strong sue summer sun sunny teller temple terrace three tree trip
    trust turner wade walker wall ward water waters way west white wild will winter wise wolf wood
    woods young
    """
)

# Capitalised words that follow "I'm", "my name is", "Frau" and are no names.
_NOT_NAMES = _words(
    """
    a afraid african all alright also amazon american an and angry appointment asap asian at
    australian austrian back british calling canadian chinese christmas december delighted doctor
    doktor done dr dutch english european february fine french friday from german glad going good
    great greek happy here how i i'm in indian irish italian january japanese july just kollege
    kollegin kunde kundin madam mexican mister monday mr mrs ms my no not november october of ok
    okay on please polish pretty prof professor ready really robot russian saturday scottish
    september sick sir so sorry spanish sunday sure swiss terribly thank thanks that the there
    this thursday to trying tuesday turkish unable unfortunately very wednesday welsh what with
    wondering yes you your
    """
)
_TITLES = _words("doktor dr prof professor")
_JOINTS = _words("al bin da de del della den der di dos du el la le van vom von zu zum zur")
_MOST_WORDS = 6

_CUE = re.compile(
    r"\b(?:(?:my (?:full |first |last |middle |family |sur)?|the )?name(?:\sis|['’]s)"  # noqa: RUF001
    r"|(?:speaking|talking) (?:with|to)|i am|i['’]m|call me|(?:mr|mrs|ms|dr)\.?|miss|mister"  # noqa: RUF001
    r"|(?:mein|vor|nach|zu)\s?(?:voller |ganzer )?name ist|ich hei(?:ß|ss)e|hier spricht"
    r"|herrn?|frau)(?=\s)",
    re.IGNORECASE,
)
# "This is" introduces somebody only before such words.
_WEAK_CUE = re.compile(r"\b(?:this is|it['’]s|hier ist)(?=\s)", re.IGNORECASE)  # noqa: RUF001
_CLOSING = re.compile(
    r",?\s+(?:speaking|calling|from|here|with|at|von|vom|aus|am apparat)\b", re.IGNORECASE
)
_WORD = re.compile(r"\s+([^\W\d_](?:[\w\u0300-\u036f]|['’-](?=\w))*)\.?")  # noqa: RUF001
_POSSESSIVE = re.compile(r"['’]s$")  # noqa: RUF001


def introduced_names(conversation: Conversation) -> frozenset[str]:
    """The names that are said where people introduce themselves or are addressed.

    "My name is", "I'm", "Mr", "mein Name ist", "ich heiße", "Frau" and their like, before words
    that are written as names.
    """
    return frozenset(name for turn in conversation.turns for name in _names(turn.text))


def _names(text: str) -> Iterator[str]:
    for cue in _CUE.finditer(text):
        name, _ = _name_at(text, cue.end())
        if name:
            yield name
    for cue in _WEAK_CUE.finditer(text):
        name, end = _name_at(text, cue.end())
        if name and _CLOSING.match(text, end):
            yield name


def _name_at(text: str, position: int) -> tuple[str, int]:
    """The name whose words begin here, and where it ends; an empty one when there is none."""
    words: list[str] = []
    end = position
    while len(words) < _MOST_WORDS and (found := _WORD.match(text, position)):
        word = found[1]
        folded = word.lower()
        is_name = word[0].isupper() and folded not in _NOT_NAMES
        if is_name and not (folded in _TITLES and not words):
            # "van der" counts between names.
            words += [*text[end : found.start(1)].split(), word] if words else [word]
            end = found.end(1)
        elif folded not in _TITLES and folded not in _JOINTS:
            break
        if found[0].endswith(".") and len(word) > 2 and folded not in _TITLES:
            break
        position = found.end()
    return _POSSESSIVE.sub("", " ".join(words)), end
