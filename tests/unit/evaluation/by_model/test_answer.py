"""Reading an answer: everything or nothing."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgspec
import pytest

from cci_lite.contract.limits import MAX_SUMMARY_RAW_BYTES
from cci_lite.evaluation.by_model.answer.reading import (
    ModelAnswer,
    PaidAnswer,
    Unusable,
    read_answer,
)
from tests.model_examples import (
    IDS,
    SUMMARY,
    TRUTH,
    USAGE,
    as_text,
    entry,
    evaluation_of,
    said,
    wrote,
)

WHOLE = evaluation_of()


def _with(*entries: Any) -> dict[str, Any]:
    return {"criteria": list(entries), "summary": SUMMARY}


def _given(answer: ModelAnswer | Unusable) -> dict[str, str]:
    assert isinstance(answer, ModelAnswer), answer
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
        ({"criteria": "[]"}, "no entry for greet_01, empathy_02, close_03"),
        ({"criteria": "all fine"}, "criteria was not a list of objects"),
        (_with(GREET, EMPATHY, None), "criteria was not a list of objects"),
        (_with(GREET, EMPATHY), "no entry for close_03"),
        (
            _with(GREET, EMPATHY, CLOSE, GREET | {"verdict": "fail"}),
            "more than one entry for greet_01",
        ),
        (
            _with(GREET, EMPATHY, CLOSE, GREET | {"confidence": 0.1}),
            "more than one entry for greet_01",
        ),
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
        (lambda text: text + "}", True),
        (lambda text: text[:-1], False),
        (lambda text: text[:-2], False),
        (lambda text: text.replace('"fail"', '"fail'), False),
        (
            lambda text: text.replace('"verdict": "fail"', '"verdict": "fail", "verdict": "pass"'),
            False,
        ),
        (lambda text: text.replace('"confidence": 0.9', '"confidence": NaN'), False),
        (lambda text: text + text, True),
        (lambda text: text + text.replace("0.9", "0.8"), False),
        (lambda text: text.replace('"verdict": "fail", ', ""), False),
        (lambda text: text.replace('"tone_score": 70, ', ""), False),
        (lambda _: "[" * 100_000, False),
        (lambda _: '{"a":' * 100_000, False),
    ],
    ids=[
        *("plain", "fence", "prose", "unquoted key", "trailing comma", "brace too many", "no end"),
        *("cut off", "open string", "two verdicts", "not a number", "twice alike"),
        *("twice, unlike", "no verdict"),
        *("no tone", "deep list", "deep object"),
    ],
)
def test_text_is_read_when_nothing_is_missing_or_doubtful(mangle: Any, is_read: bool) -> None:
    answer = read_answer(wrote(mangle(as_text(WHOLE))), IDS)
    assert isinstance(answer, ModelAnswer) is is_read
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
    assert isinstance(answer, ModelAnswer)
    assert [given.confidence for given in answer.verdicts.values()] == [None, None, None]
    assert len(answer.verdicts["empathy_02"].reason or "") <= 300
    assert [given.quotes for given in answer.verdicts.values()] == [(), (), ("x ?",)]
    summary = answer.summary
    assert summary is not None
    assert (summary.tone_score, summary.issue, summary.action_items) == (None, None, ["a"])
    assert summary.resolution is not None
    assert len(summary.resolution.encode()) <= 1000


@pytest.mark.parametrize("summary", [None, "", [], {}], ids=str)
def test_verdicts_without_a_summary_are_still_verdicts(summary: object) -> None:
    answer = read_answer(said(WHOLE | {"summary": summary}), IDS)
    assert _given(answer) == TRUTH
    assert isinstance(answer, ModelAnswer)
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


# --- words beside the evaluation -----------------------------------------------------------------

TEXT = as_text(WHOLE)
BROKEN = TEXT.replace("}]", "},]")
TAKEN_BACK = [
    "Correction: greet_01 should be fail.",
    "On second thought, no.",
    "Example only.",
    "Korrektur: greet_01 ist nicht bestanden.",
    "Ce n'est qu'un exemple.",
    "訂正します。",
    "Here is the corrected evaluation:",
]


@pytest.mark.parametrize("words", TAKEN_BACK)
@pytest.mark.parametrize("text", [TEXT, BROKEN], ids=["whole", "broken"])
def test_words_that_may_take_an_evaluation_back_make_it_doubtful(text: str, words: str) -> None:
    for around in (f"{text}\n{words}", f"{words}\n{text}", f"```json\n{text}\n```\n{words}"):
        if around.startswith("Here is the corrected"):
            continue
        answer = read_answer(wrote(around), IDS)
        assert isinstance(answer, Unusable)
        assert answer.problems == (
            "it was not a call of the tool",
            "there were words beside the evaluation",
        )


@pytest.mark.parametrize(
    "comment", ["/* example only */", "// on second thought, greet_01 fails\n", "# Korrektur\n"]
)
@pytest.mark.parametrize("place", ['"criteria": [', '"summary"', "}, {"])
def test_a_comment_inside_an_evaluation_is_not_ignored(comment: str, place: str) -> None:
    for text in (TEXT, BROKEN):
        answer = read_answer(wrote(text.replace(place, f"{comment}{place}", 1)), IDS)
        assert isinstance(answer, Unusable)


@pytest.mark.parametrize("words", TAKEN_BACK)
def test_words_after_a_call_of_the_tool_may_take_it_back(words: str) -> None:
    reply = dataclasses.replace(said(WHOLE), text=words, afterword=words)
    answer = read_answer(reply, IDS)
    assert isinstance(answer, Unusable)
    assert answer.problems == ("there were words after the call of the tool",)


@pytest.mark.parametrize(
    "words",
    [
        *TAKEN_BACK[:-1],
        "Ignore the tool call below.",
        "The following is a dry run:",
        "Not final.",
        "<thinking>I only show what it would look like.</thinking>",
        "<!--",
        "?",
    ],
)
def test_words_before_a_call_of_the_tool_may_take_it_back(words: str) -> None:
    reply = dataclasses.replace(said(WHOLE), text=words, foreword=words)
    answer = read_answer(reply, IDS)
    assert isinstance(answer, Unusable)
    assert answer.problems == ("there were words before the call of the tool",)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "I'll evaluate the call.",
        "I will now review the transcript and record the evaluation.",
        "<thinking>Let me assess this call against the criteria.</thinking>\n\n",
        "Ich bewerte nun das Gespräch anhand der Kriterien.",
    ],
)
def test_announcing_the_call_of_the_tool_does_not_matter(words: str) -> None:
    assert _given(read_answer(dataclasses.replace(said(WHOLE), foreword=words), IDS)) == TRUTH


@pytest.mark.parametrize("words", ["", "\n", "Thank you.", "I hope this helps!"])
def test_politeness_after_a_call_of_the_tool_does_not_matter(words: str) -> None:
    assert _given(read_answer(dataclasses.replace(said(WHOLE), afterword=words), IDS)) == TRUTH


# --- odd wrappings --------------------------------------------------------------------------------


def _listed(value: dict[str, Any], *names: str) -> dict[str, Any]:
    """The value with its parts of these names given as JSON text."""
    return {name: as_text(each) if name in names else each for name, each in value.items()}


def _with_evidence_as_text(value: dict[str, Any]) -> dict[str, Any]:
    return value | {"criteria": [_listed(each, "evidence") for each in value["criteria"]]}


WRAPPINGS: dict[str, Any] = {
    "criteria as text": lambda value: _listed(value, "criteria"),
    "summary as text": lambda value: _listed(value, "summary"),
    "action items as text": lambda value: (
        value | {"summary": _listed(value["summary"], "action_items")}
    ),
    "all as text": lambda value: _listed(_with_evidence_as_text(value), "criteria", "summary"),
    "entries as text": lambda value: value | {"criteria": [*map(as_text, value["criteria"])]},
    "evidence as text": _with_evidence_as_text,
    "input as text": as_text,
    "text of the text": lambda value: as_text(as_text(value)),
    "qa_evaluation": lambda value: {"qa_evaluation": value},
    "a usual wrapper": lambda value: {"parameter": value},
    "two wrappers": lambda value: {"input": {"evaluation": value}},
    "wrapper as text": lambda value: {"record_evaluation": as_text(value)},
    "summary beside": lambda value: {
        "qa_evaluation": {"criteria": value["criteria"]},
        "summary": value["summary"],
    },
    "call as text": lambda value: {"name": "record_evaluation", "arguments": value},
    "call of a function": lambda value: {
        "type": "function",
        "function": {"name": "record_evaluation", "arguments": as_text(value)},
    },
    "summary twice": lambda value: {"qa_evaluation": value, "summary": value["summary"]},
    "figures beside": lambda value: (
        value | {"total_score": 4, "max_score": 6.0, "percentage": 66.7, "pass_count": None}
    ),
    "list of one": lambda value: [value],
    "brace too many": lambda value: as_text(value) + "}",
    "brackets too many": lambda value: as_text(value) + "}]}",
    "list with a brace too many": lambda value: (
        value | {"criteria": as_text(value["criteria"]) + "}"}
    ),
    "twice": lambda value: as_text(value) + "\n" + as_text(value),
    "twice, spaced": lambda value: as_text(value) + "\n" + json.dumps(value, indent=2),
    "entry twice": lambda value: value | {"criteria": value["criteria"] + value["criteria"][:1]},
    "entry as text twice": lambda value: (
        value | {"criteria": [*value["criteria"], as_text(value["criteria"][0])]}
    ),
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_an_evaluation_in_an_odd_wrapping_is_read(wrap: Any) -> None:
    wrapped = wrap(WHOLE)
    plain = read_answer(said(WHOLE), IDS)
    assert read_answer(said(wrapped), IDS) == plain
    text = wrapped if isinstance(wrapped, str) else as_text(wrapped)
    for around in (text, f"```json\n{text}\n```", f"Here is the evaluation:\n{text}"):
        assert read_answer(wrote(around), IDS) == plain


OTHER = json.loads(as_text(WHOLE).replace('"fail"', '"pass"'))


@pytest.mark.parametrize(
    "value",
    [
        {"first": WHOLE, "second": WHOLE},
        {"qa_evaluation": WHOLE, "note": "example only"},
        WHOLE | {"note": "On second thought, greet_01 fails."},
        WHOLE | {"corrected_criteria": OTHER["criteria"]},
        WHOLE | {"qa_evaluation": OTHER},
        [WHOLE, OTHER],
        as_text(WHOLE) + as_text(OTHER),
        as_text(WHOLE) + " On second thought: " + as_text(WHOLE),
        as_text(WHOLE)[:-1],
        as_text(WHOLE).replace("}]", "},]"),
        as_text(WHOLE) + " example only",
        {"criteria": as_text(WHOLE["criteria"]) + " example only", "summary": SUMMARY},
        {"criteria": as_text(WHOLE["criteria"])[:-1], "summary": SUMMARY},
        {"a": {"b": {"c": {"d": {"e": WHOLE}}}}},
        {"criteria": [*WHOLE["criteria"], *OTHER["criteria"]], "summary": SUMMARY},
        as_text(WHOLE).replace('"verdict": "fail"', '"verdict": "fail", "verdict": "pass"'),
    ],
    ids=[
        *(
            "two wrapped",
            "a note",
            "a note inside",
            "a correction",
            "two inside",
            "two in a list",
            "two texts",
            "taken back",
            "cut off",
        ),
        *("broken", "words behind", "words behind the list", "cut list", "wrapped too often"),
        *("entries that differ", "a key twice"),
    ],
)
def test_a_wrapping_that_could_be_read_in_two_ways_is_not_used(value: Any) -> None:
    assert isinstance(read_answer(said(value), IDS), Unusable)


# --- names that were not asked for ----------------------------------------------------------------


def _beside(name: str, value: Any) -> dict[str, Any]:
    return WHOLE | {name: value}


def _in_an_entry(name: str, value: Any) -> dict[str, Any]:
    first, *others = WHOLE["criteria"]
    return _with(first | {name: value}, *others)


def _in_the_summary(name: str, value: Any) -> dict[str, Any]:
    return WHOLE | {"summary": SUMMARY | {name: value}}


def _is_read(value: Any) -> bool:
    """Whether it is read; it makes no difference whether the tool was called or text written."""
    answers = [
        read_answer(reply, IDS)
        for reply in (
            said(value),
            wrote(as_text(value)),
            wrote(as_text(value).replace("}]", "},]")),
        )
    ]
    found = {isinstance(answer, ModelAnswer) for answer in answers}
    assert len(found) == 1, answers
    return found.pop()


STATED = [
    ("example_only", True),
    ("is_draft", True),
    ("final", False),
    ("retracted", True),
    ("valid", False),
    ("do_not_use", 1),
    ("ungültig", True),
    ("無効", 1),
    ("note", "on second thought, fail"),
    ("note", ""),
    ("retracted", None),
    ("superseded_by", []),
    ("errors", {}),
    ("", "example only"),
    ("Verdict", "fail"),
    ("verdict ", "fail"),
    ("corrected_verdict", "fail"),
    ("final_verdict", "fail"),
    ("Criteria", []),
    ("CRITERIA", None),
    ("criteria_v2", []),
    ("Summary", {}),
    ("name", "example"),
    ("type", "draft"),
    ("total_score", "example only"),
    ("percentage", True),
    ("percentage", [0]),
]


@pytest.mark.parametrize("place", [_beside, _in_an_entry, _in_the_summary])
@pytest.mark.parametrize(("name", "value"), STATED)
def test_an_unknown_field_is_not_ignored(place: Any, name: str, value: Any) -> None:
    assert not _is_read(place(name, value))


@pytest.mark.parametrize(("name", "value"), STATED)
def test_an_unknown_field_beside_a_wrapper_is_not_ignored(name: str, value: Any) -> None:
    assert not _is_read({"qa_evaluation": WHOLE, name: value})


@pytest.mark.parametrize(
    "wrapper",
    [
        "not_valid",
        "draft",
        "example_of_a_bad_evaluation",
        "sample_output",
        "old",
        "Input",
        "entwurf",
        "qa_evaluation_before_review",
        "",
    ],
)
def test_only_a_known_wrapper_is_opened(wrapper: str) -> None:
    for value in ({wrapper: WHOLE}, {"input": {wrapper: WHOLE}}, {wrapper: {"input": WHOLE}}):
        assert not _is_read(value)
    assert not _is_read({wrapper: WHOLE, "summary": SUMMARY})


def test_a_summary_inside_a_wrapper_does_not_hide_another_beside_it() -> None:
    other = SUMMARY | {"issue": "This evaluation is only an example."}
    assert not _is_read({"qa_evaluation": WHOLE, "summary": other})
    assert not _is_read({"qa_evaluation": WHOLE, "summary": {"note": "example only"}})


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        (_in_an_entry, "confidence", {"final_verdict": "fail"}),
        (_in_an_entry, "confidence", ["retracted"]),
        (_in_an_entry, "confidence", "none, this is a draft"),
        (_in_an_entry, "evidence", [{"quote": "thank you for calling Acme"}]),
        (_in_the_summary, "issue", {"note": "this evaluation is only an example"}),
        (_in_the_summary, "tone_score", "example only"),
        (_in_the_summary, "action_items", [{"note": "this evaluation is only an example"}]),
        (_in_the_summary, "action_items", {"note": "this evaluation is only an example"}),
        (_in_the_summary, "action_items", "this evaluation is only an example"),
        (_in_the_summary, "action_items", '[{"note": "this evaluation is only an example"}]'),
    ],
)
def test_a_value_of_another_kind_than_asked_for_is_not_ignored(
    place: Any, name: str, value: Any
) -> None:
    assert not _is_read(place(name, value))


@pytest.mark.parametrize("figure", ["0.9", "85 %", "7/10", "", None, [], {}])
def test_a_figure_of_the_wrong_type_says_nothing(figure: Any) -> None:
    assert _is_read(_in_an_entry("confidence", figure))
    assert _is_read(_in_the_summary("tone_score", figure))


@pytest.mark.parametrize(
    "summary", ["this evaluation is only an example", ["no"], [SUMMARY] * 2, 7]
)
def test_a_summary_of_another_kind_is_not_ignored(summary: Any) -> None:
    assert isinstance(read_answer(said(WHOLE | {"summary": summary}), IDS), Unusable)
    assert isinstance(read_answer(wrote(as_text(WHOLE | {"summary": summary})), IDS), Unusable)


def test_an_addition_is_reported_with_its_criterion() -> None:
    answer = read_answer(said(_in_an_entry("corrected_verdict", "fail")), IDS)
    assert isinstance(answer, Unusable)
    assert answer.problems == ("more than was asked for in the entry for greet_01",)
    answer = read_answer(said(_in_the_summary("note", "example only")), IDS)
    assert isinstance(answer, Unusable)
    assert answer.problems == ("more than was asked for in the summary",)
    answer = read_answer(said(_beside("is_draft", True)), IDS)
    assert isinstance(answer, Unusable)
    assert answer.problems == ("it held more than criteria and summary",)


# --- repaired texts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("24\\/7", "24/7"),
        ("\\ud83d\\ude00", "\N{GRINNING FACE}"),
        ("caf\\u00e9", "café"),
        ("\\u201cyes\\u201d", "\N{LEFT DOUBLE QUOTATION MARK}yes\N{RIGHT DOUBLE QUOTATION MARK}"),
        ('\\"fine\\"', '"fine"'),
        ("C:\\\\temp", "C:\\temp"),
        ("a\\nb\\tc", "a b c"),
        ("\\ud83d alone", "? alone"),
    ],
)
@pytest.mark.parametrize("mangle", ["},]", "} ]"], ids=["repaired", "exact"])
def test_legal_escapes_are_kept_as_they_are_meant(written: str, meant: str, mangle: str) -> None:
    text = TEXT.replace("resolved", written).replace("}]", mangle)
    answer = read_answer(wrote(text), IDS)
    assert isinstance(answer, ModelAnswer)
    assert answer.summary is not None
    assert answer.summary.outcome == meant


def test_a_quote_in_a_repaired_text_says_what_was_quoted() -> None:
    text = BROKEN.replace("thank you for", "thank\\u0020you \\u0066or")
    answer = read_answer(wrote(text), IDS)
    assert isinstance(answer, ModelAnswer)
    assert answer.verdicts["greet_01"].quotes == ("thank you for calling Acme",)


@pytest.mark.parametrize(
    ("mangle", "is_read"),
    [
        (lambda text: text.replace('"', "'"), True),
        (lambda text: text.replace('"criteria"', "criteria"), True),
        (lambda text: text.replace("0.9,", "0.90,").replace("}]", "},]"), True),
        (lambda text: text.replace("again.", "\nagain."), True),
        (lambda text: text.replace("0.9,", "1e-1,").replace("}]", "},]"), False),
        (lambda text: text.replace("70", "7" * 5_000).replace("}]", "},]"), True),
        (lambda text: text.replace("again.", "\U000f0000").replace("}]", "},]"), False),
        (lambda text: text.replace("again.", "again " * 20_000).replace("}]", "},]"), False),
    ],
    ids=[
        *("single quotes", "bare key", "0.90", "line feed", "exponent", "huge number"),
        *("private use", "huge"),
    ],
)
def test_a_repair_changes_no_word(mangle: Any, is_read: bool) -> None:
    answer = read_answer(wrote(mangle(TEXT)), IDS)
    assert isinstance(answer, ModelAnswer) is is_read


# --- numbers and sizes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number",
    [10**400, -(10**400), float("inf"), float("-inf"), float("nan"), 1e308, -1, 2, True, "0.9", []],
    ids=lambda value: str(value)[:5],
)
def test_a_number_out_of_bounds_is_left_out_and_the_verdict_is_read(number: Any) -> None:
    value = _with(entry("greet_01", "fail", confidence=number), *WHOLE["criteria"][1:])
    value["summary"] = SUMMARY | {"tone_score": number if number != 2 else 10**400}
    answer = read_answer(said(value), IDS)
    assert isinstance(answer, ModelAnswer)
    assert answer.verdicts["greet_01"].confidence is None
    assert answer.summary is not None
    assert answer.summary.tone_score is None


@pytest.mark.parametrize("number", ["1e400", "1" + "0" * 400, "9" * 5_000, "-9e99999"])
def test_a_number_out_of_bounds_in_a_text_is_left_out(number: str) -> None:
    answer = read_answer(wrote(TEXT.replace("0.9", number)), IDS)
    assert isinstance(answer, ModelAnswer)
    assert {given.confidence for given in answer.verdicts.values()} == {None}


def test_a_zero_has_no_sign() -> None:
    answer = read_answer(said(_with(entry("a_1", "fail", confidence=-0.0))), ["a_1"])
    assert isinstance(answer, ModelAnswer)
    assert str(answer.verdicts["a_1"].confidence) == "0.0"


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [30, 900, 100_000])
@pytest.mark.parametrize("place", ["itself", "criteria", "entry", "evidence", "unknown"])
def test_a_value_that_is_nested_too_deep_is_not_used(place: str, depth: int) -> None:
    deep: Any = _nested(depth)
    value: Any = {
        "itself": deep,
        "criteria": {"criteria": deep, "summary": SUMMARY},
        "entry": _with(deep),
        "evidence": _with(entry("greet_01", "pass", evidence=deep)),
        "unknown": WHOLE | {"more": deep},
    }[place]
    answer = read_answer(said(value), IDS)
    assert isinstance(answer, Unusable)
    assert answer.problems == ("it was nested too deep",)


def test_a_flood_of_entries_is_reported_in_few_words() -> None:
    value = _with(*(entry("greet_01", "pass", confidence=number) for number in range(20_000)))
    answer = read_answer(said(value), IDS)
    assert isinstance(answer, Unusable)
    assert answer.problems == (
        "no entry for empathy_02, close_03",
        "more than one entry for greet_01",
    )


def test_whatever_is_read_can_be_kept_and_read_back() -> None:
    floods = entry("greet_01", "fail", *["\ud800 x" * 500] * 500, reason="\ud83d " * 900)
    for value in (WHOLE, _with(floods), {"criteria": 10**5_000}, "\ud800", {"\ud800": [10**400]}):
        answer = read_answer(said(value), IDS)
        kept = PaidAnswer(answer, USAGE)
        assert msgspec.json.decode(msgspec.json.encode(kept), type=PaidAnswer) == kept
