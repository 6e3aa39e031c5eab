"""Finding mail addresses, written ("jane@acme.com") or dictated ("jane at acme dot com")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from cci_lite.language.heard import FAR_SCRIPT, has_far_script, mark_class
from cci_lite.masking.clues import BLANK, any_phrase
from cci_lite.masking.spans import EMAIL, Span, Stage
from cci_lite.masking.word_lists import any_of, plain_words_of, spoken, word_set

_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
# Where words have vowel signs or no blanks, a name is at most so long.
_LONGEST_FAR_NAME = 30


class _FarAddress(NamedTuple):
    """How an address is dictated where words have vowel signs or no blanks: in three parts."""

    local: re.Pattern[str]
    at: re.Pattern[str]
    domain: re.Pattern[str]


def mail_stage() -> Stage:
    """Finds mail addresses, written or dictated."""
    languages = spoken().languages
    at = any_phrase(["at", *plain_words_of(*(each.at for each in languages))])
    dot = any_phrase(["dot", "punkt", *plain_words_of(*(each.dot for each in languages))])
    return Stage(
        _emails,
        rf"@|[(\[](?:at|ät)[)\]]|{BLANK}{at}{BLANK}.*(?:\.\S|{BLANK}{dot}{BLANK})|{FAR_SCRIPT}",
    )


def _emails(text: str) -> Iterator[Span]:
    done = 0
    found = sorted([*_near_emails(text), *(_far_emails(text) if has_far_script(text) else ())])
    for span in found:
        if span.start >= done:
            yield span
            done = span.end


def _near_emails(text: str) -> Iterator[Span]:
    no_locals = word_set(spoken().mail.no_locals)
    for found in _near_address().finditer(text):
        local = found["local"]
        is_word = local is not None and local.isalpha()
        # "I have an account at amazon.com", "look at cnn dot com": the address of a site.
        if not (is_word and (found["written"] or local.lower() in no_locals)):
            yield Span(found.start(), found.end(), EMAIL)


@cache
def _near_address() -> re.Pattern[str]:
    known = spoken()
    at = any_of(*(each.at for each in known.languages))
    dot = f"(?:{any_of(*(each.dot for each in known.languages))})"
    dash = f"(?:{any_of(*(each.dash for each in known.languages))})"
    providers, top_level = any_of(known.mail.providers), any_of(known.mail.top_level)
    at_sign = (
        r"(?:\s?@\s?|\s?[(\[](?:at|ät)[)\]]\s?"
        rf"|\s(?:at(?:\s(?:sign|the\srate(?:\sof)?))?|{at})\s)"
    )
    label = rf"\w{{1,60}}(?:(?:-|\s{dash}\s)\w{{1,60}}){{0,3}}"
    joint = rf"(?:[.+-]|\s(?:{dot}|{dash}|{any_of(known.mail.joints)})\s)"
    return re.compile(
        rf"(?<!{_LOCAL}){_LOCAL}++@[\w-]++(?:\.[\w-]++)*+"
        # As it is dictated: "jane dot doe at example dot com", "jane.doe at gmail.com".
        rf"|(?<![\w.+{mark_class()}-])(?P<local>(?:\w\s){{0,30}}\w{{1,40}}(?:{joint}\w{{1,40}}){{0,5}})"
        rf"{at_sign}(?:(?P<provider>(?:{providers}|t(?:-|\s(?:minus|dash|strich)\s)online)"
        rf"(?:\.|\s{dot}\s)\w{{2,20}})"
        # "At this point I" is no address.
        rf"|(?P<dictated>{label}"
        rf"(?:(?:\s(?:dot|punkt)\s\w{{1,20}}){{1,4}}|(?:\s{dot}\s(?:{top_level})){{1,2}}))"
        rf"|(?P<written>{label}(?:\.\w{{1,60}}){{0,3}}\.(?:{top_level})))(?!\w)",
        re.IGNORECASE,
    )


def _far_emails(text: str) -> Iterator[Span]:
    """Dictated addresses; without blanks, words around one go, too."""
    known = _far_address()
    done = 0
    for at in known.at.finditer(text):
        domain = known.domain.match(text, at.end())
        first = max(done, at.start() - 2 * _LONGEST_FAR_NAME)
        local = known.local.search(text[first : at.start()]) if domain else None
        if domain and local:
            yield Span(first + local.start(), domain.end(), EMAIL)
            done = domain.end()


@cache
def _far_address() -> _FarAddress:
    languages = spoken().languages
    at = any_of(*(each.at for each in languages))
    dot = f"(?:{any_of(*(each.dot for each in languages))})"
    between = f"(?:{any_of(*(f'{each.dot} {each.dash}' for each in languages))}|[._-])"
    letter = rf"(?!{between})[\w{mark_class()}]"
    name = f"(?:{letter}){{1,{_LONGEST_FAR_NAME}}}"
    return _FarAddress(
        re.compile(rf"(?:{name}\s?{between}\s?){{0,3}}{name}\s?\Z", re.IGNORECASE),
        re.compile(rf"(?:{at}|@)\s?", re.IGNORECASE),
        re.compile(rf"(?:{name}\s?(?:{dot}|\.)\s?){{1,4}}{name}(?:-{name})?", re.IGNORECASE),
    )
