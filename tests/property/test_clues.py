"""Laws of the clues of masking: the same is found with and without them."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cci_lite.contract.conversation import Conversation, Role, Turn
from cci_lite.contract.document import Redaction
from cci_lite.masking.clues import BLANK, BORDER, Clues, any_phrase
from cci_lite.masking.introductions import introduced_names
from cci_lite.masking.mask import mask
from cci_lite.masking.word_lists import (
    dates_and_places,
    introductions,
    national_ids,
    plain_words_of,
    spoken,
)
from tests.masking.measured import PARTS, read_sentence
from tests.property.test_masking import cards, ibans, phones
from tests.property.test_masking import spoken as spoken_numbers

_CODES = st.sampled_from(
    ["en-US", "de-DE", "es-US", "hi-IN", "en-IN", "it-IT", "ar-AE", "ja-JP", None]
)
_PHRASES = [
    phrase
    for language in introductions().languages
    for field in (
        "my_name",
        "a_name",
        "title",
        "polite",
        "speaking",
        "perhaps",
        "behind",
        "greeting",
    )
    for phrase in getattr(language, field)
] + [
    phrase for language in introductions().languages for pair in language.around for phrase in pair
]
_BIRTHS = dates_and_places().dates.births
_MAIL = [
    word for each in spoken().languages for word in plain_words_of(each.at, each.dot, each.dash)
] + ["at", "@", "at sign", "(at)", "[ät]", ".com", "gmail.com", "gmail", "com", "punkt"]
_NAMES = ["Jane Doe", "jane", "Müller", "राहुल", "山田", "Weiß-Groß"]


def _respelled(phrase: str) -> st.SearchStrategy[str]:
    """The phrase in any case, with characters that count as those of the phrase."""
    swaps = st.sampled_from(
        ["", "\u0130i", "\u0131i", "\u017fs", "\u212ak", "\u2019'", "\u00a0 ", "\u3000 ", "\u2028 "]
    )
    cased = st.sampled_from([str.lower, str.upper, str.title, str.swapcase])
    return st.tuples(swaps, cased).map(
        lambda pair: (
            pair[1](phrase).replace(pair[0][1:], pair[0][:1]) if pair[0] else pair[1](phrase)
        )
    )


_SHAPES = [
    st.from_regex(re.compile(each.shape, re.ASCII), fullmatch=True) for each in national_ids()
]
_WHOLE = [
    *("jane.doe (at) acme.com", "jane[ät]acme punkt de", "jane at the rate of acme dot com"),
    *("राहुल एट एक्मे डॉट कॉम", "田中アットアクメドットコム", "김민수골뱅이네이버닷컴"),
    "zweihundertdrei vierhundertzwei sechshundertelf achthundertzehn neunhundertzwei",
    *("DE\u00a089 3704 0044 0532 0130 00", "GB-82 WEST 1234 5698 7654 32"),
]
_PIECES = st.one_of(
    st.sampled_from(_PHRASES).flatmap(_respelled),
    st.sampled_from([*_BIRTHS, *_MAIL]).flatmap(_respelled),
    st.sampled_from(
        [*_NAMES, "1", "12", "1984", "١٢٣٤٥٦", "\uff11\uff12", "May", "speaking", "e", "a.b"]
    ),
    st.text(max_size=4),
    cards(),
    ibans(),
    phones(),
    spoken_numbers(),
    *_SHAPES,
)
_GAPS = st.sampled_from(["", " ", " ", " ", ", ", ". ", "-", "\t", "\u00a0", "\x1c", "\x85"])
_TEXTS = st.lists(st.tuples(_PIECES, _GAPS), max_size=8).map(
    lambda pairs: "".join(piece + gap for piece, gap in pairs)
)


def _found(text: str, code: str | None) -> tuple[str, frozenset[str]]:
    """What masking makes of a text, and the names that are introduced in it."""
    turn = Turn(Role.CUSTOMER, "ch_0", 0.0, 1.0, text)
    call = Conversation("job", code, Redaction.NONE, 1.0, (turn,))
    return mask(text, language_code=code), introduced_names(call)


def _found_without_clues(text: str, code: str | None) -> tuple[str, frozenset[str]]:
    with patch.object(Clues, "found_in", lambda *_: range(sys.maxsize)):
        return _found(text, code)


@given(_TEXTS, _CODES)
@example("I'd like \ud800 at 12", None)
def test_the_same_is_found_with_and_without_clues(text: str, code: str | None) -> None:
    assert _found(text, code) == _found_without_clues(text, code)


@pytest.mark.parametrize("text", _WHOLE)
def test_each_way_to_say_it_has_a_clue(text: str) -> None:
    assert _found(text, None)[0] != text
    assert _found(text, None) == _found_without_clues(text, None)


@pytest.mark.parametrize("part", PARTS)
def test_the_same_is_found_in_all_labelled_sentences(part: str) -> None:
    file = Path(__file__).parents[1] / "masking" / f"{part}.toml"
    for content in tomllib.loads(file.read_text(encoding="utf-8")).values():
        for marked in [*content["personal"], *content["nothing"]]:
            text = read_sentence(marked).text
            assert _found(text, content["code"]) == _found_without_clues(text, content["code"])


def test_a_clue_knows_every_character_that_counts_as_one_of_a_phrase() -> None:
    letters = sorted(set("".join([*_PHRASES, *_BIRTHS, *_MAIL])))
    cased = [c for c in map(chr, range(sys.maxunicode)) if c != c.lower() or c != c.upper()]
    others = "".join([*cased, *letters])
    for letter in letters:
        clue = Clues([any_phrase([letter])])
        for same in re.findall(re.escape(letter), others, re.IGNORECASE):
            assert clue.found_in(same), (letter, same)


def test_a_clue_knows_every_blank_and_every_border() -> None:
    blanks, borders = Clues([f"a{BLANK}b"]), Clues([f"{BORDER}b"])
    for code in range(0x3001):
        character = chr(code)
        if character.isspace():
            assert blanks.found_in(f"a{character}b")
        if not re.match(r"\w", character):
            assert borders.found_in(f"a{character}b")
    assert borders.found_in("b")
    assert not borders.found_in("ab")


def test_a_text_without_a_clue_has_none() -> None:
    assert not Clues(["x", r"\d"]).found_in("a b")
    assert list(Clues(["x", r"\d"]).found_in("a 1")) == [1]
