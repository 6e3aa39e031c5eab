"""Quotes are found in the turns as they are heard, and nowhere else."""

from __future__ import annotations

import pytest

from cci_lite.contract.conversation import Conversation, Role, Turn, Word
from cci_lite.contract.document import Redaction
from cci_lite.evaluation.by_model.quotes import find_quote, heard_turns
from tests.model_examples import AGENT, CUSTOMER, call_of

CALL = call_of(
    (CUSTOMER, "Yes, that is right, my name is [NAME]."),
    (AGENT, "Thank you, [NAME]. Don\u2019t worry: we'll send Müller's parcel."),
    (CUSTOMER, "Okay."),
    (AGENT, "Yes, that is right!"),
    (UNKNOWN := Role.UNKNOWN, "I see [PII] there"),
)
TURNS = heard_turns(CALL.turns)


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("thank you [NAME]", "Thank you, [NAME]."),
        (
            "Thank you, [NAME]. Don't worry",
            "Thank you, [NAME]. Don\u2019t worry: we'll send Müller's parcel.",
        ),
        ('"DON\u2019T  worry -- we\u2019ll"', "Don\u2019t worry: we'll send Müller's parcel."),
        ("send Mu\u0308ller's parcel", "Don\u2019t worry: we'll send Müller's parcel."),
        ("okay", "Okay."),
        ("see [PII] there", "I see [PII] there"),
        ("send parcel", None),
        ("we'll send", None),
        ("thank you Anna", None),
        ("my name is [NAME]. Thank you", None),
        ("hank you, [NAME]. Don't", None),
        ("", None),
        ("...", None),
    ],
)
def test_a_quote_is_found_in_one_turn_by_its_words(quote: str, found: str | None) -> None:
    assert [each.quote for each in find_quote(quote, TURNS)] == ([found] if found else [])


def test_words_that_both_say_are_the_agents() -> None:
    (evidence,) = find_quote("yes that is right", TURNS)
    assert (evidence.said_by, evidence.start_seconds) == ("agent", 30.0)


def test_evidence_has_the_times_of_its_words() -> None:
    words = tuple(Word(offset, offset / 10, offset / 10 + 0.1) for offset in (0, 4, 8, 12))
    turn = Turn(AGENT, None, 0.0, 9.0, "one two six ten", words=words)
    call = Conversation("job", None, Redaction.NONE, 9.0, (turn,))
    (evidence,) = find_quote("two six ten", heard_turns(call.turns))
    assert (evidence.start_seconds, evidence.end_seconds) == (0.4, pytest.approx(1.3))


def test_what_was_redacted_proves_nothing() -> None:
    turns = heard_turns(call_of((AGENT, "So [PII] [PII] [PII] and [NAME] then")).turns)
    assert not find_quote("[PII] [PII] [PII]", turns)
    assert not find_quote("[PII] and [NAME]", turns)
    assert find_quote("[PII] and [NAME] then", turns)


MASKS = heard_turns(
    call_of((AGENT, "So *** *** and [NAME] [PII] then"), (AGENT, "***"), (AGENT, "[PII]")).turns
)


@pytest.mark.parametrize(
    "quote",
    [
        "*** ***",
        "*** *** ***",
        "***",
        "[pii]",
        "[Pii]",
        "[NAME] [PII]",
        "[name] [pii]",
        "and [name] [pii]",
        "So *** ***",
        "****** ***",
        "<PII> <NAME> <PII>",
        "*** … [PII]",
        "[NAME]: [PII] ***",
    ],
)
def test_a_quote_of_masks_proves_nothing_however_they_are_written(quote: str) -> None:
    assert find_quote(quote, MASKS) == ()


def test_words_beside_masks_are_still_words() -> None:
    assert find_quote("[name] [pii] then", MASKS) == ()
    (evidence,) = find_quote("*** and [name] [pii] then", MASKS)
    assert evidence.quote == "So *** *** and [NAME] [PII] then"


# --- words left out -------------------------------------------------------------------------------

LONG = call_of(
    (AGENT, "Good morning, thank you for calling Acme. My name is Jane. How can I help you today?"),
    (CUSTOMER, "My parcel has not come, and I want it now."),
    (AGENT, "I am sorry about that. I will send it again today."),
    (CUSTOMER, "Thank you for calling me back, I will send it again then."),
)
LONG_TURNS = heard_turns(LONG.turns)


@pytest.mark.parametrize(
    "quote",
    [
        "Good morning … how can I help you",
        "Good morning, thank you ... How can I help",
        "thank you [...] Acme",
        "Good morning... Acme... Jane",
        "morning . . . How can I help you today?",
        "... Good morning, thank you …",
        "Agent: Good morning … how can I help",
    ],
)
def test_words_may_be_left_out_of_a_quote_of_one_turn(quote: str) -> None:
    (evidence,) = find_quote(quote, LONG_TURNS)
    assert (evidence.said_by, evidence.start_seconds) == ("agent", 0.0)
    assert evidence.quote in LONG.turns[0].text


def test_what_is_left_out_stands_in_the_evidence() -> None:
    (evidence,) = find_quote("calling Acme … name is Jane", LONG_TURNS)
    assert evidence.quote == "Good morning, thank you for calling Acme. My name is Jane."


def test_quotes_may_be_joined_from_turns_of_one_speaker() -> None:
    greeting, apology = find_quote("thank you for calling … I am sorry about that", LONG_TURNS)
    assert [greeting.said_by, apology.said_by] == ["agent", "agent"]
    assert [greeting.start_seconds, apology.start_seconds] == [0.0, 20.0]


@pytest.mark.parametrize(
    "quote",
    [
        "how can I help you … Good morning, thank you",
        "Good morning, thank you … I want it now",
        "My parcel has not come … I am sorry about that",
        "Good morning … I am sorry about that",
        "good … you … today",
        "thank you … thank you … thank you",
        "thank you … for calling us",
        "calling … [NAME]",
        "… … …",
    ],
    ids=[
        *("other order", "both speakers", "customer first", "short part of another turn"),
        *("single words", "said once only", "part not said", "mask", "nothing"),
    ],
)
def test_parts_that_are_not_all_said_in_order_by_one_speaker_are_no_quote(quote: str) -> None:
    assert find_quote(quote, LONG_TURNS) == ()


def test_speakers_of_one_role_are_not_one_speaker() -> None:
    turns = (
        Turn(UNKNOWN, "spk_0", 0.0, 1.0, "Good morning to you"),
        Turn(UNKNOWN, "spk_1", 2.0, 3.0, "I am so sorry"),
    )
    assert find_quote("good morning to you … I am so sorry", heard_turns(turns)) == ()


# --- whose words they are -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "label",
    [
        "Agent: ",
        "agent: ",
        "AGENT - ",
        "**Agent:** ",
        "[agent] ",
        "(Agent) ",
        "Turn 3 (agent): ",
        "[3] agent: ",
        "Jane: ",
        "Jane Doe: ",
        "Frau Müller: ",
        "[NAME]: ",
        "ch_0: ",
        "担当者：",  # noqa: RUF001
        'Agent: "',
    ],
)
def test_a_speakers_name_before_a_quote_does_not_matter(label: str) -> None:
    turn = Turn(AGENT, "ch_0", 0.0, 5.0, "I am sorry about that.")
    (evidence,) = find_quote(f"{label}I am sorry about that", heard_turns([turn]))
    assert evidence.quote == "I am sorry about that."


@pytest.mark.parametrize(
    "quote",
    [
        "The agent never said: I am sorry about that",
        "never said: I am sorry about that",
        "instead of: I am sorry about that",
        "Agent: sorry about",
        "Agent: I am truly sorry",
        "Agent: ",
        "Never - I am sorry about that",
    ],
)
def test_words_that_are_no_name_stay_part_of_the_quote(quote: str) -> None:
    assert find_quote(quote, LONG_TURNS) == ()


def test_the_transcript_says_whose_words_they_are_not_the_label() -> None:
    (evidence,) = find_quote("Agent: My parcel has not come", LONG_TURNS)
    assert evidence.said_by == "customer"
