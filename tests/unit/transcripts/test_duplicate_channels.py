"""Two channels with the same speech: the agent cannot be told from the customer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cci_lite.contract.conversation import Conversation, Role, UnknownAgent
from cci_lite.contract.tenant import Audio
from cci_lite.transcripts import read_transcript
from cci_lite.transcripts.duplicate_channels import FEWEST_WORDS, MOST_DELAY, SECONDS_APART

SENTENCE = [
    *("good", "morning", "this", "is", "the", "shop", "how", "can", "i"),
    *("help", "you", "today", "i", "promise", "to", "pay", "it"),
]
Spoken = tuple[str, float, float]


def spoken(*words: str, start: float = 0.0, step: float = 0.5) -> list[Spoken]:
    return [(word, start + n * step, start + n * step + 0.3) for n, word in enumerate(words)]


def _item(spoken: Spoken) -> dict[str, Any]:
    content, start, end = spoken
    times = {"start_time": str(start), "end_time": str(end)}
    return {"type": "pronunciation", "alternatives": [{"content": content}], **times}


def read(one: list[Spoken], other: list[Spoken]) -> Conversation:
    items = {"ch_0": list(map(_item, one)), "ch_1": list(map(_item, other))}
    labelled = [{"channel_label": label, "items": each} for label, each in items.items()]
    results = {
        "items": [*items["ch_0"], *items["ch_1"]],
        "channel_labels": {"channels": labelled},
    }
    value = {"jobName": "x", "status": "COMPLETED", "results": results}
    return read_transcript(json.dumps(value).encode(), Audio(agent_channel="ch_0"))


def shifted(words: list[Spoken], seconds: float) -> list[Spoken]:
    return [(word, start + seconds, end + seconds) for word, start, end in words]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (spoken(*SENTENCE), spoken(*SENTENCE)),
        (spoken("hello", "there"), spoken("hello", "there")),
        (spoken("Hello,", "there"), spoken("hello", "there.")),
        (spoken(*SENTENCE), shifted(spoken(*SENTENCE), 0.05)),
        (spoken(*SENTENCE), shifted(spoken(*SENTENCE), 1.4)),
        (spoken(*SENTENCE), [w for n, w in enumerate(spoken(*SENTENCE)) if n % 3]),
        (spoken(*SENTENCE), [("shed", *w[1:]) if n in (4, 9) else w
                             for n, w in enumerate(spoken(*SENTENCE))]),
        ([w for n, w in enumerate(spoken(*SENTENCE)) if n % 3], spoken(*SENTENCE)),
    ],
    ids=["to the hundredth", "short", "other marks", "nearly at once", "one is late",
         "the quieter one lacks words", "some are heard otherwise", "the first one is quieter"],
)  # fmt: skip
def test_the_same_speech_on_both_channels_has_no_known_speaker(
    one: list[Spoken], other: list[Spoken]
) -> None:
    call = read(one, other)
    assert {turn.role for turn in call.turns} == {Role.UNKNOWN}
    assert call.channels_alike
    assert call.review_reasons == ["channels_alike"]
    assert call.unknown_agent is UnknownAgent.CHANNELS_ALIKE
    assert sum(len(turn.words) for turn in call.turns) == len(one) + len(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (spoken(*SENTENCE), []),
        (spoken("bye", "bye"), shifted(spoken("bye", "bye"), 0.1)),
        (spoken(*SENTENCE), spoken(*SENTENCE, start=20)),
        (spoken(*SENTENCE), spoken(*SENTENCE[:8], *SENTENCE[::-1], start=0)),
        (spoken(*SENTENCE), spoken(*(f"w{n}" for n in range(18)))),
        (spoken(*SENTENCE), spoken("yes", "right", "ok", start=1.1, step=2)),
    ],
    ids=["a silent channel", "both say bye", "the agent is repeated word for word", "an echo",
         "other words", "listening"],
)  # fmt: skip
def test_two_people_are_two_whatever_they_have_in_common(
    one: list[Spoken], other: list[Spoken]
) -> None:
    call = read(one, other)
    assert not call.channels_alike
    assert call.roles_known


@pytest.mark.parametrize(("words", "alike"), [(FEWEST_WORDS, True), (FEWEST_WORDS - 1, False)])
def test_few_words_can_be_said_by_both_at_nearly_the_same_time(words: int, alike: bool) -> None:
    said = spoken(*(f"w{n}" for n in range(words)))
    assert read(said, shifted(said, 0.05)).channels_alike is alike


@pytest.mark.parametrize(
    ("seconds", "alike"), [(SECONDS_APART - 0.05, True), (SECONDS_APART + 0.05, False)]
)
def test_words_that_are_heard_at_another_time_do_not_count_as_the_same(
    seconds: float, alike: bool
) -> None:
    said = spoken(*(f"w{n}" for n in range(15)), step=2)
    assert read(said, [*said[:9], *shifted(said[9:], seconds)]).channels_alike is alike


@pytest.mark.parametrize(("delay", "alike"), [(MOST_DELAY - 0.1, True), (MOST_DELAY + 0.1, False)])
def test_a_channel_that_is_too_late_repeats_what_was_said(delay: float, alike: bool) -> None:
    said = spoken(*(f"w{n}" for n in range(15)), step=10)
    assert read(said, shifted(said, delay)).channels_alike is alike


def test_a_word_of_one_channel_is_found_once_on_the_other() -> None:
    """Four times "yes" in a row are not heard where the other one says it once at that time."""
    common = spoken("we", "will", "call", "back", step=2)
    often = [*common, *spoken(*["yes"] * 4, start=8, step=0.05)]
    now_and_then = [*common, *spoken(*["yes"] * 4, "no", start=8, step=10)]
    assert not read(often, now_and_then).channels_alike


def test_call_analytics_of_the_same_speech_on_both_channels_tells_no_roles_either() -> None:
    items = [
        {
            "Type": "pronunciation",
            "Content": word,
            "BeginOffsetMillis": n * 500,
            "EndOffsetMillis": n * 500 + 300,
        }
        for n, word in enumerate(SENTENCE)
    ]
    segments = [{"ParticipantRole": role, "Items": items} for role in ("AGENT", "CUSTOMER")]
    value = {"JobName": "x", "JobStatus": "COMPLETED", "Transcript": segments}
    call = read_transcript(json.dumps(value).encode(), Audio())
    assert {turn.role for turn in call.turns} == {Role.UNKNOWN}
    assert call.review_reasons == ["channels_alike"]


def test_speakers_of_one_channel_are_never_compared_as_channels() -> None:
    items = [
        _item(word) | {"speaker_label": label}
        for pair in zip(spoken(*SENTENCE), spoken(*SENTENCE), strict=True)
        for label, word in zip(("spk_0", "spk_1"), pair, strict=True)
    ]
    value = {"jobName": "x", "status": "COMPLETED", "results": {"items": items}}
    assert not read_transcript(json.dumps(value).encode(), Audio()).channels_alike
