"""Quotes are found as people hear them, and nowhere else."""

from __future__ import annotations

import pytest

from cci_lite.contract.conversation import Conversation, Role, Turn, Word
from cci_lite.contract.document import Redaction
from cci_lite.evaluation.quoted import find_quote, heard_turns
from tests.asked_calls import AGENT, CUSTOMER, call_of

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
    evidence = find_quote(quote, TURNS)
    assert (evidence.quote if evidence else None) == found


def test_words_that_both_say_are_the_agents() -> None:
    evidence = find_quote("yes that is right", TURNS)
    assert evidence is not None
    assert (evidence.said_by, evidence.start_seconds) == ("agent", 30.0)


def test_evidence_has_the_times_of_its_words() -> None:
    words = tuple(Word(offset, offset / 10, offset / 10 + 0.1) for offset in (0, 4, 8, 12))
    turn = Turn(AGENT, None, 0.0, 9.0, "one two six ten", words=words)
    call = Conversation("job", None, Redaction.NONE, 9.0, (turn,))
    evidence = find_quote("two six ten", heard_turns(call.turns))
    assert evidence is not None
    assert (evidence.start_seconds, evidence.end_seconds) == (0.4, pytest.approx(1.3))


def test_what_was_redacted_proves_nothing() -> None:
    turns = heard_turns(call_of((AGENT, "So [PII] [PII] [PII] and [NAME] then")).turns)
    assert find_quote("[PII] [PII] [PII]", turns) is None
    assert find_quote("[PII] and [NAME]", turns) is None
    assert find_quote("[PII] and [NAME] then", turns) is not None
