"""Texts for services: small enough, cut where a reader would cut, nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.contract.conversation import Conversation, Role, Turn
from cci_lite.contract.document import Redaction
from cci_lite.transcripts.chunks import MAX_TEXT_BYTES, texts_of


def conversation(*spoken: str) -> Conversation:
    turns = tuple(
        Turn(Role.AGENT, "ch_0", float(index), index + 1.0, text)
        for index, text in enumerate(spoken)
    )
    return Conversation("job", "en-US", Redaction.TRANSCRIBE, float(len(spoken)), turns)


def test_turns_are_joined_line_by_line() -> None:
    assert texts_of(conversation("Good morning.", "Hello there.")) == [
        "Good morning.\nHello there."
    ]


def test_a_conversation_without_words_has_no_texts() -> None:
    assert texts_of(conversation()) == []
    assert texts_of(conversation("", "  ", "...", "[PII]", "[PII], [NAME].")) == []


@pytest.mark.parametrize(
    ("spoken", "text"),
    [
        pytest.param("My name is [PII] and", "My name is and", id="within"),
        pytest.param("[NAME] speaking", "speaking", id="at the start"),
        pytest.param("Account [BANK_ACCOUNT_NUMBER].", "Account .", id="with underscores"),
        pytest.param("Code [PII][PII] here", "Code here", id="side by side"),
        pytest.param("a [b] c [1] D", "a [b] c [1] D", id="other brackets stay"),
    ],
)
def test_placeholders_of_redaction_are_left_out(spoken: str, text: str) -> None:
    assert texts_of(conversation(spoken)) == [text]


def test_a_text_takes_turns_up_to_the_last_byte() -> None:
    first, second = "a" * 2499, "ü" * 1250
    assert texts_of(conversation(first, second)) == [f"{first}\n{second}"]
    assert texts_of(conversation(first + "a", second)) == [first + "a", second]


def test_a_text_of_exactly_the_limit_is_not_cut() -> None:
    assert texts_of(conversation("ü" * 2500)) == ["ü" * 2500]


def test_a_character_is_never_cut_in_two() -> None:
    texts = texts_of(conversation("a" + "ü" * 4999))
    assert "".join(texts) == "a" + "ü" * 4999
    assert [len(text.encode()) for text in texts] == [4999, 5000]


def test_a_long_turn_is_cut_after_a_sentence() -> None:
    sentence = "word " * 190 + "end."
    texts = texts_of(conversation(" ".join([sentence] * 12)))
    assert all(text.endswith("end.") for text in texts)
    assert " ".join(texts) == " ".join([sentence] * 12)


def test_a_sentence_that_ends_at_the_limit_is_whole() -> None:
    sentences = "Yes. " + "a " * 2496 + "bc."
    assert texts_of(conversation(f"{sentences} Next.")) == [sentences, "Next."]


def test_a_long_sentence_is_cut_between_words() -> None:
    assert texts_of(conversation("abcdefghi " * 700)) == [
        " ".join(["abcdefghi"] * 500),
        " ".join(["abcdefghi"] * 200),
    ]


def test_a_word_that_ends_at_the_limit_is_whole() -> None:
    assert texts_of(conversation("ab " * 1668)) == [" ".join(["ab"] * 1667), "ab"]


def test_sentences_without_blanks_are_cut_after_their_mark() -> None:
    sentence = "日" * 599 + "。"
    texts = texts_of(conversation(sentence * 5))
    assert texts == [sentence * 2, sentence * 2, sentence]


def test_points_in_numbers_end_no_sentence() -> None:
    text = "pay 3.50 " * 600
    cut = texts_of(conversation(text))
    assert " ".join(cut) == text.strip()
    assert not any(piece.startswith("50") for piece in cut)


words = st.text(st.sampled_from("abcü€日😀.!?"), min_size=1, max_size=40).map(lambda w: "x" + w)
turns = st.lists(st.lists(words, max_size=30).map(" ".join), max_size=30)


@given(turns, st.integers(1, 60))
def test_every_word_is_in_the_texts_once_and_in_order(spoken: list[str], times: int) -> None:
    texts = texts_of(conversation(*(" ".join([turn] * times) for turn in spoken)))
    expected = [word for turn in spoken for word in turn.split() * times]
    assert [word for text in texts for word in text.split()] == expected
    assert all(0 < len(text.encode()) <= MAX_TEXT_BYTES for text in texts)
    assert all(text == text.strip() for text in texts)


@given(st.text(min_size=1, max_size=200).map(lambda text: text * 80))
def test_every_character_survives_whatever_it_is(spoken: str) -> None:
    texts = texts_of(conversation(spoken))
    kept = "".join("".join(text.split()) for text in texts)
    if "[" not in spoken and any(map(str.isalnum, spoken)):
        assert kept == "".join(spoken.split())
    assert all(0 < len(text.encode()) <= MAX_TEXT_BYTES for text in texts)
