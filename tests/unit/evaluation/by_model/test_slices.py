"""Long calls in slices that fit, with nothing left out."""

from __future__ import annotations

import pytest

from cci_lite.evaluation.by_model.prompt import PromptTurn, transcript_block
from cci_lite.evaluation.by_model.slices import estimated_tokens, slices_of
from tests.model_examples import AGENT


def _turns(*texts: str) -> list[PromptTurn]:
    return [PromptTurn(number, AGENT, text) for number, text in enumerate(texts, 1)]


@pytest.mark.parametrize(
    "texts",
    [
        ["one two three"] * 100,
        ["word " * 3_000],
        ["a" * 5_000, "b"],
        ["<\n" * 2_000],
        ["日本語です" * 500, "はい"],
        ["short", "long " * 1_000, "short"],
    ],
    ids=["turns", "long turn", "one word", "escapes", "no spaces", "mixed"],
)
def test_every_slice_fits_and_every_word_is_in_one(texts: list[str]) -> None:
    room = 300
    turns = _turns(*texts)
    slices = slices_of(turns, room)
    for each in slices:
        frame = estimated_tokens(transcript_block([], part=1, parts=2))
        assert estimated_tokens(transcript_block(each, part=1, parts=2)) <= room + frame
    for turn in turns:
        pieces = [each.text for part in slices for each in part if each.number == turn.number]
        assert "".join("".join(pieces).split()) == "".join(turn.text.split())
    numbers = [each.number for part in slices for each in part]
    assert numbers == sorted(numbers)


def test_a_call_that_fits_is_one_slice_as_it_is() -> None:
    turns = _turns("Hello.", "Bye.")
    assert slices_of(turns, 1_000) == [tuple(turns)]


def test_slices_are_cut_between_turns() -> None:
    slices = slices_of(_turns(*["seven words are said in this turn"] * 40), 300)
    assert len(slices) > 1
    assert all(turn.text.endswith("turn") for each in slices for turn in each)


def test_a_turn_without_spaces_is_cut_without_adding_any() -> None:
    slices = slices_of(_turns("日本語です" * 500 + " はい"), 300)
    texts = [turn.text for each in slices for turn in each]
    assert len(texts) > 1
    assert "".join(texts).count(" ") == 1
