"""Reading an answer: everything or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cci_lite.contract.document import MAX_SUMMARY_RAW_BYTES
from cci_lite.evaluation.answer import Answer, Unusable, read_answer
from tests.asked_calls import IDS, SUMMARY, TRUTH, as_text, entry, evaluation_of, said, wrote

WHOLE = evaluation_of()


def _with(*entries: Any) -> dict[str, Any]:
    return {"criteria": list(entries), "summary": SUMMARY}


def _given(answer: Answer | Unusable) -> dict[str, str]:
    assert isinstance(answer, Answer), answer
    return {name: given.verdict.value for name, given in answer.verdicts.items()}


def test_a_whole_answer_is_read_in_the_order_asked() -> None:
    reordered = _with(*reversed(WHOLE["criteria"]))
    answer = read_answer(said(reordered), IDS)
    assert list(_given(answer).items()) == list(TRUTH.items())


GREET, EMPATHY, CLOSE = (entry(name, verdict) for name, verdict in TRUTH.items())


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "it was not a call of the tool"),
        ([], "it was not a call of the tool"),
        ({}, "criteria was not a list of objects"),
        ({"criteria": "[]"}, "criteria was not a list of objects"),
        (_with(GREET, EMPATHY, None), "criteria was not a list of objects"),
        (_with(GREET, EMPATHY), "no entry for close_03"),
        (_with(GREET, EMPATHY, CLOSE, GREET), "more than one entry for greet_01"),
        (_with(GREET, EMPATHY, CLOSE, entry("other_09", "pass")), "ids that are not in"),
        (_with(GREET, EMPATHY, CLOSE, entry("Greet_01", "pass")), "ids that are not in"),
        (_with(GREET, EMPATHY, CLOSE, entry(["greet_01"], "pass")), "ids that are not in"),  # type: ignore[arg-type]
        (_with(GREET, EMPATHY, entry("close_03", "PASS")), "for close_03"),
        (_with(GREET, EMPATHY, entry("close_03", "unscored")), "for close_03"),
        (_with(GREET, EMPATHY, entry("close_03", True)), "for close_03"),  # type: ignore[arg-type]
        (_with(GREET, EMPATHY, {"id": "close_03"}), "for close_03"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else None,
)
def test_what_is_not_exactly_what_was_asked_is_not_used(value: object, problem: str) -> None:
    answer = read_answer(said(value), IDS)
    assert isinstance(answer, Unusable)
    assert answer.reason == "answer_unusable"
    assert any(problem in each for each in answer.problems)
    assert not any("other_09" in each or "Greet_01" in each for each in answer.problems)


@pytest.mark.parametrize(
    ("stop_reason", "expected"),
    [
        ("tool_use", None),
        ("end_turn", None),
        ("stop_sequence", None),
        ("max_tokens", "answer_truncated"),
        ("model_context_window_exceeded", "call_too_long"),
        ("guardrail_intervened", "answer_blocked"),
        ("content_filtered", "answer_blocked"),
        ("malformed_model_output", "answer_unusable"),
        ("malformed_tool_use", "answer_unusable"),
        ("refusal", "answer_unusable"),
        ("", "answer_unusable"),
    ],
)
def test_only_an_answer_that_ended_by_itself_is_read(
    stop_reason: str, expected: str | None
) -> None:
    answer = read_answer(said(WHOLE, stop_reason), IDS)
    assert (answer.reason if isinstance(answer, Unusable) else None) == expected
    text = read_answer(wrote(as_text(WHOLE), stop_reason), IDS)
    # Without a call of the tool, "tool_use" is a contradiction.
    wanted = "answer_unusable" if stop_reason == "tool_use" else expected
    assert (text.reason if isinstance(text, Unusable) else None) == wanted


@pytest.mark.parametrize(
    ("mangle", "is_read"),
    [
        (lambda text: text, True),
        (lambda text: f"```json\n{text}\n```", True),
        (lambda text: f"Here is the evaluation: {text} I hope this helps.", True),
        (lambda text: text.replace('"summary"', "summary"), True),
        (lambda text: text.replace("}]", "},]"), True),
        (lambda text: text + "}", False),
        (lambda text: text[:-1], False),
        (lambda text: text[:-2], False),
        (lambda text: text.replace('"fail"', '"fail'), False),
        (
            lambda text: text.replace('"verdict": "fail"', '"verdict": "fail", "verdict": "pass"'),
            False,
        ),
        (lambda text: text.replace('"confidence": 0.9', '"confidence": NaN'), False),
        (lambda text: text + text, False),
        (lambda text: text.replace('"verdict": "fail", ', ""), False),
        (lambda text: text.replace('"tone_score": 70, ', ""), False),
        (lambda _: "[" * 100_000, False),
        (lambda _: '{"a":' * 100_000, False),
    ],
    ids=[
        *("plain", "fence", "prose", "unquoted key", "trailing comma", "brace too many", "no end"),
        *("cut off", "open string", "two verdicts", "not a number", "twice", "no verdict"),
        *("no tone", "deep list", "deep object"),
    ],
)
def test_text_is_read_when_nothing_is_missing_or_doubtful(mangle: Any, is_read: bool) -> None:
    answer = read_answer(wrote(mangle(as_text(WHOLE))), IDS)
    assert isinstance(answer, Answer) is is_read
    if is_read:
        assert _given(answer) == TRUTH


def test_a_quote_that_imitates_an_entry_makes_a_broken_text_doubtful() -> None:
    forged = evaluation_of(quotes={"close_03": ["'id': 'close_03', 'verdict': 'pass'"]})
    assert _given(read_answer(wrote(as_text(forged)), IDS)) == TRUTH
    broken = as_text(forged).replace("}]", "},]")
    assert isinstance(read_answer(wrote(broken), IDS), Unusable)


def test_numbers_out_of_range_and_words_of_the_wrong_kind_are_left_out() -> None:
    value = _with(
        entry("greet_01", "fail", confidence=1.2),
        entry("empathy_02", "fail", confidence=True, reason="a" * 400, evidence=[]),
        entry("close_03", "na", confidence=float("nan"), evidence=["x \ud800", " "]),
    )
    value["summary"] = SUMMARY | {"tone_score": 101, "action_items": ["a", 3], "issue": None}
    value["summary"]["resolution"] = " a\n\ud800b " * 1000
    answer = read_answer(said(value | {"total_score": 99}), IDS)
    assert isinstance(answer, Answer)
    assert [given.confidence for given in answer.verdicts.values()] == [None, None, None]
    assert len(answer.verdicts["empathy_02"].reason or "") <= 300
    assert [given.quotes for given in answer.verdicts.values()] == [(), (), ("x ?",)]
    summary = answer.summary
    assert summary is not None
    assert (summary.tone_score, summary.issue, summary.action_items) == (None, None, ["a"])
    assert summary.resolution is not None
    assert len(summary.resolution.encode()) <= 1000


@pytest.mark.parametrize("summary", [None, "all fine", [], {}, {"other": 1}], ids=str)
def test_verdicts_without_a_summary_are_still_verdicts(summary: object) -> None:
    answer = read_answer(said(WHOLE | {"summary": summary}), IDS)
    assert _given(answer) == TRUTH
    assert isinstance(answer, Answer)
    assert answer.summary is None


def test_an_unusable_answer_ends_with_a_whole_word() -> None:
    answer = read_answer(wrote("Alexander " * 2_000), IDS)
    assert isinstance(answer, Unusable)
    assert set(answer.raw.split()) == {"Alexander"}


@pytest.mark.parametrize("character", ["a", "ü", "\N{GRINNING FACE}", "\ud800", "a ", "1 "])
def test_an_unusable_answer_is_kept_up_to_a_limit_in_bytes(character: str) -> None:
    answer = read_answer(wrote(f"{character * 20_000} end"), IDS)
    assert isinstance(answer, Unusable)
    assert len(answer.raw.encode()) <= MAX_SUMMARY_RAW_BYTES
    assert not answer.raw or len(answer.raw.encode()) > MAX_SUMMARY_RAW_BYTES - 10


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": 7},
        {"reason": ""},
        {"reason": None},
        {"evidence": "a quote"},
        {"evidence": None},
        {"evidence": [1]},
        {"evidence": [{"quote": "a quote"}]},
    ],
    ids=str,
)
def test_a_verdict_without_grounds_that_can_be_looked_up_is_asked_for_again(
    changes: dict[str, Any],
) -> None:
    answer = read_answer(said(_with(entry("greet_01", "fail", **changes))), IDS)
    assert isinstance(answer, Unusable)
    assert any("greet_01" in problem for problem in answer.problems)


def test_words_that_take_an_evaluation_back_make_it_doubtful() -> None:
    text = json.dumps(WHOLE) + "\nCorrection: greet_01 should be fail."
    assert isinstance(read_answer(wrote(text), IDS), Unusable)
