"""A word with an impossible time is kept, and its time is ignored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cci_lite.contract.conversation import Conversation, Word
from cci_lite.contract.tenant import Audio
from cci_lite.transcripts import read_transcript
from cci_lite.transcripts.times import MAX_SECONDS

AUDIO = Audio(agent_channel="ch_0", agent_speaker="spk_0")


def word(content: str, start: Any, end: Any, **labels: str) -> dict[str, Any]:
    alternatives = [{"confidence": "0.9", "content": content}]
    times = {"start_time": start, "end_time": end}
    return {"type": "pronunciation", "alternatives": alternatives, **times, **labels}


def spaced(*contents: str, **labels: str) -> list[dict[str, Any]]:
    """Words that take half of each second."""
    return [word(each, str(n), str(n + 0.5), **labels) for n, each in enumerate(contents)]


def read(results: dict[str, Any]) -> Conversation:
    value = {"jobName": "call", "status": "COMPLETED", "results": results}
    return read_transcript(json.dumps(value).encode(), AUDIO)


def channels(**items: list[dict[str, Any]]) -> dict[str, Any]:
    labelled = [{"channel_label": label, "items": said} for label, said in items.items()]
    together = [item for said in items.values() for item in said]
    return {"items": together, "channel_labels": {"channels": labelled}}


def analytics(segments: list[dict[str, Any]], total: Any = None) -> Conversation:
    value = {
        "JobName": "call",
        "JobStatus": "COMPLETED",
        "Transcript": segments,
        "ConversationCharacteristics": {"TotalConversationDurationMillis": total},
    }
    return read_transcript(json.dumps(value).encode(), AUDIO)


@pytest.mark.parametrize(
    "times",
    [
        {"start_time": "-1"},
        {"start_time": "nan"},
        {"start_time": "soon"},
        {"start_time": True},
        {"start_time": None},
        {"start_time": []},
        {"end_time": "0.5"},
        {"end_time": "inf"},
        {"start_time": "1e7", "end_time": "1e7"},
        {"start_time": str(MAX_SECONDS), "end_time": str(MAX_SECONDS + 1)},
    ],
    ids=str,
)
def test_a_word_with_an_impossible_time_keeps_its_place_and_loses_the_time(
    times: dict[str, Any],
) -> None:
    items = spaced("this", "call", "is", "recorded")
    items[1].update(times)
    call = read({"items": items})
    (turn,) = call.turns
    assert turn.text == "this call is recorded"
    assert turn.words == (
        Word(0, 0.0, 0.5),
        Word(5, None, None),
        Word(10, 2.0, 2.5),
        Word(13, 3.0, 3.5),
    )
    assert (call.untimed_words, call.duration_seconds) == (1, 3.5)
    assert call.review_reasons == ["word_times"]


@pytest.mark.parametrize("field", ["start_time", "end_time"])
def test_a_missing_time_costs_the_word_its_time_only(field: str) -> None:
    items = spaced("hello", "there")
    del items[0][field]
    call = read({"items": items})
    assert [turn.text for turn in call.turns] == ["hello there"]
    assert call.untimed_words == 1


def test_numbers_beyond_all_bounds_are_impossible_times() -> None:
    items = spaced("hello", "there")
    data = json.dumps({"jobName": "c", "status": "COMPLETED", "results": {"items": items}})
    call = read_transcript(data.replace('"1.5"', "1" + "0" * 400 + ".5").encode(), AUDIO)
    assert call.untimed_words == 1


def test_times_may_be_text_or_numbers() -> None:
    assert read({"items": [word("hi", 1, 1.5)]}) == read({"items": [word("hi", "1", "1.5")]})


def test_a_word_far_from_its_neighbours_loses_its_time_and_not_its_place() -> None:
    items = spaced("i", "promise", "to", "pay")
    items[1].update({"start_time": "900", "end_time": "901"})
    call = read({"items": items})
    assert [turn.text for turn in call.turns] == ["i promise to pay"]
    assert (call.untimed_words, call.duration_seconds) == (1, 3.5)


@pytest.mark.parametrize(("words", "untimed"), [("ab", 0), ("abc", 1), ("abcd", 1)])
def test_up_to_a_third_of_the_words_are_disbelieved_and_otherwise_none(
    words: str, untimed: int
) -> None:
    items = spaced(*words)
    items[0].update({"start_time": "900", "end_time": "901"})
    assert read({"items": items}).untimed_words == untimed


@pytest.mark.parametrize(("start", "untimed"), [("63.0", 0), ("63.1", 1)])
def test_a_word_is_far_from_its_neighbours_beyond_a_minute(start: str, untimed: int) -> None:
    items = spaced(*"abcdef")
    items[4].update({"start_time": start, "end_time": "64"})
    assert read({"items": items}).untimed_words == untimed


def test_a_last_word_at_the_beginning_of_the_call_loses_its_time() -> None:
    items = [word(each, str(500 + n), str(501 + n)) for n, each in enumerate("abcd")]
    items[3].update({"start_time": "0", "end_time": "1"})
    call = read({"items": items})
    assert [turn.text for turn in call.turns] == ["a b c d"]
    assert call.turns[0].start_seconds == 500.0
    assert call.untimed_words == 1


def test_a_list_out_of_order_is_put_in_the_order_of_its_times() -> None:
    call = read({"items": spaced("i", "promise", "to", "pay")[::-1]})
    assert [turn.text for turn in call.turns] == ["i promise to pay"]
    assert call.untimed_words == 0


def test_a_list_that_is_out_of_order_by_far_keeps_its_times_too() -> None:
    items = [word(each, str(100 * n), str(100 * n + 1)) for n, each in enumerate("abcdef")]
    call = read({"items": items[::-1]})
    assert [turn.text for turn in call.turns] == ["a b c d e f"]
    assert call.untimed_words == 0


def test_words_that_are_long_after_one_another_are_not_out_of_order() -> None:
    late = [word(each, str(at), str(at + 1)) for each, at in (("a", 0), ("b", 900), ("c", 901))]
    assert read({"items": late}).untimed_words == 0


def test_a_word_without_a_time_interrupts_nobody() -> None:
    call = read(
        channels(
            ch_0=[word("one", "0", "1"), word("moment", "5", "6")],
            ch_1=[word("sure", None, None), word("thanks", "8", "9")],
        )
    )
    assert [turn.text for turn in call.turns] == ["one moment", "sure thanks"]
    assert call.turns[1].start_seconds == 8.0
    assert call.turns_known


def test_a_word_without_a_time_does_not_shorten_an_interruption() -> None:
    call = read(
        channels(
            ch_0=[word("one", "0", "1"), word("moment", "2.5", "3")],
            ch_1=[word("so", None, None), word("sure", "2", "4")],
        )
    )
    assert [turn.text for turn in call.turns] == ["one moment", "so sure"]


def test_without_any_time_on_a_channel_its_turns_are_not_known() -> None:
    call = read(channels(ch_0=spaced("hello"), ch_1=[word("bye", None, None)]))
    assert not call.turns_known
    assert call.roles_known


def test_without_any_time_at_all_every_word_is_kept() -> None:
    call = read({"items": [word(each, None, None) for each in ("a", "b", "c")]})
    assert [turn.text for turn in call.turns] == ["a b c"]
    assert (call.untimed_words, call.duration_seconds) == (3, 0.0)


def test_speakers_without_times_take_turns_in_the_order_of_the_list() -> None:
    said = [("spk_0", "hello"), ("spk_1", "hi"), ("spk_0", "bye")]
    call = read({"items": [word(text, None, None, speaker_label=label) for label, text in said]})
    assert [turn.text for turn in call.turns] == ["hello", "hi", "bye"]


def test_old_speaker_layouts_do_not_find_a_speaker_by_an_invalid_time() -> None:
    segment = {"speaker_label": "spk_1", "items": [{"start_time": None, "end_time": None}]}
    items = [word("hi", None, None), word("there", "1", "2")]
    call = read({"items": items, "speaker_labels": {"segments": [segment]}})
    assert [turn.label for turn in call.turns] == [None]


def _item(content: str, start: Any, end: Any) -> dict[str, Any]:
    times = {"BeginOffsetMillis": start, "EndOffsetMillis": end}
    return {"Type": "pronunciation", "Content": content, **times}


def test_call_analytics_believes_no_word_long_after_the_end_of_the_call() -> None:
    items = [_item("hello", 0, 500), _item("there", 90_000, 90_500)]
    call = analytics([{"ParticipantRole": "AGENT", "Items": items}], total=1000)
    assert [turn.text for turn in call.turns] == ["hello there"]
    assert (call.untimed_words, call.duration_seconds) == (1, 1.0)


def test_call_analytics_believes_no_word_later_than_the_longest_call_whatever_its_length() -> None:
    items = [_item("hi", 0, 500), _item("late", 14_400_500, 14_401_000)]
    call = analytics([{"ParticipantRole": "AGENT", "Items": items}], 20_000_000)
    assert call.untimed_words == 1


@pytest.mark.parametrize("total", [None, 0, -5, "nan", "soon", 10**12])
def test_an_impossible_length_is_replaced_by_the_end_of_the_last_word(total: Any) -> None:
    call = analytics([{"ParticipantRole": "AGENT", "Items": [_item("hi", 0, 500)]}], total=total)
    assert call.untimed_words == 0
    assert call.duration_seconds == 0.5


def test_a_segment_of_call_analytics_without_times_stays_behind_the_one_before() -> None:
    segments = [
        {"ParticipantRole": "AGENT", "Items": [_item("hello", 1000, 1500)]},
        {"ParticipantRole": "CUSTOMER", "Items": [_item("hi", -1, -1)]},
        {"ParticipantRole": "AGENT", "Items": [_item("bye", 3000, 3500)]},
    ]
    call = analytics(segments)
    assert [turn.text for turn in call.turns] == ["hello", "hi", "bye"]
    assert call.untimed_words == 1


def test_a_call_does_not_begin_ahead_of_its_first_word_with_a_time() -> None:
    segments = [
        {"ParticipantRole": "CUSTOMER", "Items": [_item("hi", -1, -1)]},
        {"ParticipantRole": "AGENT", "Items": [_item("hello", 40_000, 41_000)]},
    ]
    call = analytics(segments)
    assert [turn.text for turn in call.turns] == ["hi", "hello"]
    assert call.turns[0].start_seconds == 40.0


@pytest.mark.parametrize("start", ["1.5", 1.5, "1e0", "1", 1, "\\u0031", "nan", "inf", "-0"])
def test_one_impossible_time_does_not_change_how_others_are_read(start: Any) -> None:
    # A file with only numbers is decoded in one go, any other time by time.
    first, others = word("a", start, "2"), [word("b", "3", "4"), word("c", "5", "6")]
    whole = read(channels(ch_0=[first, *others], ch_1=[word("d", "7", "8")]))
    broken = read(channels(ch_0=[first, *others], ch_1=[word("d", "soon", "8")]))
    assert whole.turns[0].words == broken.turns[0].words
