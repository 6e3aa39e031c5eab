"""Laws of second-stage masking."""

from __future__ import annotations

import itertools

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.contract.conversation import Conversation, Turn, Word
from cci_lite.contract.document import (
    AiSummary,
    CriterionResult,
    Entities,
    Entity,
    EntityResult,
    Evidence,
    KeyPhrase,
    KeyPhraseResult,
    KeyPhrases,
    Redaction,
)
from cci_lite.contract.service_answers import Judgement, NlpAnswer
from cci_lite.masking.mask import mask, masked_conversation, masked_judgement, masked_nlp
from tests.model_examples import AGENT

NAMES = ["Zebulon Quist", "Ottoline", "Jörg Weißenbächer"]
_GAPS = st.sampled_from(["", " ", "-", ".", " - "])
_FILLER = st.text(alphabet="abcdefgh ,.;:()[]{}\"'\n-éß語", max_size=20)


@st.composite
def cards(draw: st.DrawFn) -> str:
    digits = draw(st.lists(st.integers(0, 9), min_size=12, max_size=18))
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[::-2]]
    check = -(sum(doubled) + sum(digits[-2::-2])) % 10
    gap = draw(_GAPS)
    text = "".join(map(str, [*digits, check]))
    return gap.join(text[start : start + 4] for start in range(0, len(text), 4))


@st.composite
def ibans(draw: st.DrawFn) -> str:
    account = draw(st.text(alphabet="0123456789", min_size=18, max_size=18))
    check = 98 - int(account + "131400") % 97
    text = f"DE{check:02d}{account}"
    gap = draw(st.sampled_from(["", " ", "-"]))
    text = gap.join(text[start : start + 4] for start in range(0, len(text), 4))
    return draw(st.sampled_from([text, text.lower()]))


@st.composite
def phones(draw: st.DrawFn) -> str:
    groups = draw(
        st.lists(st.text(alphabet="0123456789", min_size=2, max_size=4), min_size=3, max_size=5)
    )
    # The first groups of these are no day, month or year.
    start = draw(st.sampled_from(["+", "(0", "40", "0"]))
    return start + draw(_GAPS).join(groups)


_MAILS = st.builds(
    "{}@{}.{}".format,
    st.text(alphabet="abcxyz019._+-", min_size=1, max_size=12).filter(
        lambda text: text[0].isalnum()
    ),
    st.text(alphabet="abcxyz019-", min_size=1, max_size=8),
    st.sampled_from(["com", "co.uk", "example"]),
)
_HESITATIONS = st.sampled_from([" ", " uh ", ", um, ", " äh ", " and then ", " und dann "])


@st.composite
def spoken(draw: st.DrawFn) -> str:
    digit = st.sampled_from(["zero", "one", "five", "nine", "null", "sieben", "zwei", "12"])
    rest = draw(st.lists(st.tuples(_HESITATIONS, digit), min_size=4, max_size=15))
    return "zwei" + "".join(gap + word for gap, word in [(" ", "one"), *rest])


_DICTATED = st.builds(
    "{}{}{}".format,
    st.sampled_from(["jane.doe", "jane dot doe", "jane2", "j-doe"]),
    st.sampled_from([" at ", " ät ", " klammeraffe ", " (at) "]),
    st.sampled_from(["gmail.com", "gmail dot com", "t minus online dot de", "acme punkt de"]),
)
_PEOPLE = st.sampled_from(NAMES).flatmap(
    lambda name: st.sampled_from([name, name.upper(), name.lower(), name + "'s", name.split()[-1]])
)
_PLANTED = st.one_of(cards(), ibans(), phones(), _MAILS, _DICTATED, spoken(), _PEOPLE)


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text, and what was planted in it, each between spaces."""
    planted = draw(st.lists(_PLANTED, min_size=1, max_size=4))
    pieces = [draw(_FILLER)]
    for each in planted:
        pieces += [each, draw(_FILLER)]
    return " ".join(pieces), planted


def _survives(planted: str, text: str) -> bool:
    return planted.lower() in text.lower()


@given(texts())
def test_nothing_that_was_planted_survives(given_text: tuple[str, list[str]]) -> None:
    text, planted = given_text
    masked = mask(text, NAMES)
    assert not any(_survives(each, masked) for each in planted)


_PIECES = st.sampled_from(
    [
        *("1", "12", "100", "555", "1111", "2011", "2024", "4111", "030", "123456", "12.50"),
        *("1,250.50", "05.03.24", "05.03.2024", "05.03.", "14:30", "24/7", "one", "two", "oh"),
        *("zero", "hundred", "five", "at", "dot", "dash", "com", "gmail", "jane", "a", "uh", "and"),
        *("und", "then", "or", "x", "€", "EUR", "$", "euros", "days", "March", "Uhr", "pm"),
        *("version", "[NAME]", ",", "-", "/", "(", "+", "."),
        *("born", "geboren", "first", "mil", "12/05/1984", "AB", "Z", "12345678", "12345678Z"),
        *(
            "एक",
            "डॉट",
            "एट",
            "صفر",
            "و",
            "공",
            "골뱅이",
            "零",
            "一",
            "の",
            "ゼロ",
            "アット",
            "ドット",
            "円",
        ),
    ]
)
_NEAR = st.lists(st.tuples(_PIECES, st.sampled_from(["", " ", " ", ", ", " - "])), max_size=16).map(
    lambda pairs: "".join(itertools.chain.from_iterable(pairs))
)


@given(st.one_of(texts().map(lambda pair: pair[0]), st.text(max_size=200), _NEAR))
def test_masking_twice_is_masking_once(text: str) -> None:
    masked = mask(text, NAMES)
    assert mask(masked, NAMES) == masked


_KEPT = st.sampled_from(
    [
        "on 2025-11-05",
        "at 14:30",
        "12.5 %",
        "$99.95",
        "greet_01",
        "[PII]",
        "***",
        "room 12",
        "am 05.03.2024, 14.30 Uhr",
        "$1,250.50, 12 months",
        "EUR 1.250,50",
        "2023/2024",
        "version 1.2.3.4.5.6",
        "100, 250 or 500 megabits",
        "yes, it is",
    ]
)


@given(st.lists(_KEPT, max_size=8).map(" and ".join))
def test_text_without_personal_data_stays_as_it_is(text: str) -> None:
    assert mask(text, NAMES) == text


@given(texts())
def test_nothing_planted_survives_in_any_field(given_text: tuple[str, list[str]]) -> None:
    text, planted = given_text
    judgement = Judgement(
        results=[CriterionResult(id="greet_01", reason=text, evidence=[Evidence(quote=text)])],
        summary=AiSummary(
            issue=text, resolution=text, outcome=text, action_items=[text], sentiment_summary=text
        ),
        summary_raw=text,
    )
    answer = NlpAnswer(
        entities=Entities(result_list=[EntityResult(entities=[Entity(text=text, type="OTHER")])]),
        key_phrases=KeyPhrases(result_list=[KeyPhraseResult(key_phrases=[KeyPhrase(text=text)])]),
    )
    call = Conversation("j", None, Redaction.NONE, 1.0, (Turn(AGENT, None, 0.0, 1.0, text),))
    written = [
        msgspec.to_builtins(masked_judgement(judgement, NAMES)),
        msgspec.to_builtins(masked_nlp(answer, NAMES)),
        msgspec.to_builtins(masked_conversation(call, NAMES)),
    ]
    assert not any(_survives(each, leaf) for each in planted for leaf in _leaves(written))


def _leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in _leaves(each)]
    if isinstance(value, (list, tuple)):
        return [leaf for each in value for leaf in _leaves(each)]
    return [value] if isinstance(value, str) else []


@given(texts())
def test_words_of_a_masked_turn_begin_where_words_begin(given_text: tuple[str, list[str]]) -> None:
    text = " ".join(given_text[0].split())
    offsets = [0, *(place + 1 for place, character in enumerate(text) if character == " ")]
    words = (
        tuple(Word(offset, float(n), n + 1.0) for n, offset in enumerate(offsets)) if text else ()
    )
    turn = Turn(AGENT, None, 0.0, 1.0, text, None, words)
    call = Conversation("j", None, Redaction.NONE, 1.0, (turn,))
    (masked,) = masked_conversation(call, NAMES).turns
    assert masked.text == mask(text, NAMES)
    assert list(masked.words) == sorted(masked.words, key=lambda word: word.offset)
    before = {word.start_seconds: text[word.offset :].split(" ")[0] for word in words}
    for word in masked.words:
        assert word.offset <= len(masked.text)
        shown = masked.text[word.offset :].split(" ")[0]
        # Either the word itself, or a placeholder in its place.
        assert shown == before[word.start_seconds] or "[" in shown
