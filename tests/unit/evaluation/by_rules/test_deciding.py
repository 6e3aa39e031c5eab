from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cci_lite.contract.conversation import Conversation, Role, Turn, Word
from cci_lite.contract.document import CriterionResult, Evaluator, Evidence, Redaction
from cci_lite.contract.form import Form
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.scoring import Verdict
from cci_lite.evaluation.by_rules import evaluate_rules

PASS, FAIL, NA = Verdict.PASS, Verdict.FAIL, Verdict.NA


def form(*rules: dict[str, Any] | None) -> Form:
    criteria = [
        {"id": f"c_{n}", "text": f"Question {n}?", "weight": "1.5", "required": True}
        | ({} if rule is None else {"rule": rule})
        for n, rule in enumerate(rules)
    ]
    return parse_draft({"criteria": criteria}).as_version(1)


def call(*turns: tuple[str, str], seconds_per_word: float = 1.0) -> Conversation:
    """A conversation in which each word takes a second and nobody pauses."""
    spoken, now = [], 0.0
    for role, text in turns:
        words, offset = [], 0
        for token in text.split(" "):
            words.append(Word(offset, now, now + seconds_per_word))
            offset += len(token) + 1
            now += seconds_per_word
        start, end = words[0].start_seconds, words[-1].end_seconds
        spoken.append(Turn(Role(role), None, start, end, text, None, tuple(words)))
    return Conversation("x", None, Redaction.TRANSCRIBE, now, tuple(spoken))


def decide(rule: dict[str, Any], *turns: tuple[str, str]) -> CriterionResult:
    (result,) = evaluate_rules(form(rule), call(*turns))
    return result


def says(text: str, *phrases: str) -> bool | None:
    return decide({"phrases": list(phrases)}, ("agent", text)).passed


# --- the result ---------------------------------------------------------------------------------


def test_a_passed_criterion_carries_everything_that_a_reader_asks_for() -> None:
    result = decide(
        {"phrases": ["thank you for calling"]},
        ("customer", "Hello?"),
        ("agent", "Hi. Thank you for calling the bank! How are you?"),
    )
    assert result == CriterionResult(
        id="c_0",
        question="Question 0?",
        passed=True,
        verdict=PASS,
        score=1.5,
        weight=1.5,
        required=True,
        reason='the agent said "thank you for calling"',
        evidence=[
            Evidence(
                quote="Thank you for calling the bank!",
                start_seconds=2.0,
                end_seconds=6.0,
                said_by="agent",
            )
        ],
        confidence=1.0,
        evaluator=Evaluator.RULE,
    )


def test_a_criterion_without_a_rule_is_unscored_and_nobody_evaluated_it() -> None:
    (result,) = evaluate_rules(form(None), call(("agent", "hello")))
    assert result == CriterionResult(
        id="c_0", question="Question 0?", verdict=Verdict.UNSCORED, weight=1.5, required=True
    )


def test_there_is_one_result_for_each_criterion_in_the_forms_order() -> None:
    rule = {"phrases": ["hello"]}
    results = evaluate_rules(form(None, rule, None, rule), call(("agent", "hello")))
    assert [result.id for result in results] == ["c_0", "c_1", "c_2", "c_3"]
    assert [result.passed for result in results] == [None, True, None, True]


def test_a_failed_criterion_scores_nothing_and_quotes_nothing() -> None:
    result = decide({"phrases": ["goodbye"]}, ("agent", "hello"))
    assert (result.verdict, result.passed, result.score) == (FAIL, False, 0.0)
    assert result.evidence == []
    assert result.confidence == 1.0


def test_a_criterion_that_does_not_apply_has_no_score() -> None:
    result = decide({"phrases": ["goodbye"]}, ("unknown", "hello"))
    assert (result.verdict, result.passed, result.score) == (NA, None, None)
    assert result.evaluator is Evaluator.RULE


# --- phrases ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("HELLO there", "hello"),
        ("well, good-bye!", "Good bye"),
        ("Is there   anything\nelse?", "anything else"),
        ("I’m here", "I'm here"),  # noqa: RUF001
        ("I'm here", "i’m HERE"),  # noqa: RUF001
        ("he said 'hello' to me", "hello"),
        ("STRASSE 5", "straße"),
        ("Ｈｅｌｌｏ", "hello"),  # noqa: RUF001
        ("cafe\u0301 time", "café"),
        ("çok İyi günler", "i\u0307yi günler"),
        ("नमस्ते जी", "नमस्ते"),
        ("call 24/7 now", "24 7"),
        ("… yes", "yes"),
        ("bye", "bye"),
    ],
    ids=[
        "case",
        "hyphen",
        "white space",
        "curly apostrophe said",
        "curly apostrophe in the form",
        "quotation marks",
        "sharp s",
        "full width",
        "decomposed accent",
        "dotted capital i",
        "vowel signs",
        "numbers",
        "punctuation first",
        "the whole turn",
    ],
)
def test_a_phrase_is_heard_however_it_is_spelled(text: str, phrase: str) -> None:
    assert says(text, phrase) is True


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("this is", "hi"),
        ("I can't help", "can"),
        ("hellos", "hello"),
        ("helló", "hell"),
        ("नमस्ते", "नमस"),
        ("my name is [PII]", "pii"),
        ("my name is [PII]", "[PII]"),
        ("I am [PII] calling", "am calling"),
        ("I am *** calling", "am calling"),
        ("else anything", "anything else"),
        ("anything at all else", "anything else"),
    ],
    ids=[
        "inside a word",
        "part of a contraction",
        "beginning of a word",
        "before an accent",
        "before a vowel sign",
        "redacted",
        "redacted, asked for as it is written",
        "around a redacted word",
        "around a masked word",
        "other order",
        "words between",
    ],
)
def test_a_phrase_is_not_heard_where_it_is_not_said(text: str, phrase: str) -> None:
    assert says(text, phrase) is False


def test_a_phrase_does_not_reach_from_one_turn_into_the_next() -> None:
    result = decide({"phrases": ["anything else"]}, ("agent", "anything"), ("agent", "else"))
    assert result.verdict is FAIL


def test_the_reason_names_the_phrase_that_was_heard_first() -> None:
    result = decide({"phrases": ["goodbye", "hello"]}, ("agent", "hello and goodbye"))
    assert result.reason == 'the agent said "hello"'


# --- patterns -----------------------------------------------------------------------------------


def test_a_pattern_is_searched_in_the_turn_as_it_is_written_whatever_the_case() -> None:
    result = decide({"pattern": r"ref(erence)? number \d+"}, ("agent", "Your REF number 42 is."))
    assert result.verdict is PASS
    assert result.reason == "the agent said what the rule's pattern describes"
    (evidence,) = result.evidence
    assert evidence.quote == "Your REF number 42 is."
    assert (evidence.start_seconds, evidence.end_seconds) == (1.0, 4.0)


def test_a_pattern_that_would_stall_a_backtracking_engine_is_decided() -> None:
    assert decide({"pattern": r"(a+)+$"}, ("agent", "a" * 5000 + "!")).verdict is FAIL


def test_a_pattern_finds_its_place_behind_letters_of_several_bytes() -> None:
    result = decide({"pattern": r"tschüss"}, ("agent", "Schöne Grüße. Na dann tschüss. Äh."))
    assert result.evidence[0].quote == "Na dann tschüss."
    assert result.evidence[0].start_seconds == 4.0


def test_a_match_that_ends_ahead_of_a_word_does_not_last_until_its_end() -> None:
    (evidence,) = decide({"pattern": r"hello\s"}, ("agent", "hello there")).evidence
    assert (evidence.start_seconds, evidence.end_seconds) == (0.0, 1.0)


# --- who ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said_by", "turns", "verdict", "reason"),
    [
        ("agent", [("agent", "hi")], PASS, 'the agent said "hi"'),
        (
            "agent",
            [("agent", "so"), ("customer", "hi")],
            FAIL,
            'the agent did not say "hi"',
        ),
        ("customer", [("agent", "so"), ("customer", "hi")], PASS, 'the customer said "hi"'),
        ("anyone", [("unknown", "hi")], PASS, 'somebody said "hi"'),
        ("anyone", [("unknown", "so")], FAIL, 'nobody said "hi"'),
        ("agent", [("unknown", "hi")], NA, "it is not known who the agent is"),
        ("customer", [("unknown", "hi")], NA, "it is not known who the customer is"),
        (
            "customer",
            [("agent", "hi"), ("unknown", "hi")],
            NA,
            "it is not known who the customer is",
        ),
        ("agent", [("agent", "hi"), ("unknown", "so")], PASS, 'the agent said "hi"'),
        ("agent", [("customer", "hi")], NA, "the agent did not speak"),
        ("customer", [("agent", "hi")], NA, "the customer did not speak"),
        ("agent", [], NA, "the agent did not speak"),
        ("anyone", [], NA, "nobody spoke"),
    ],
)
def test_only_the_speaker_that_the_rule_names_counts(
    said_by: str, turns: list[tuple[str, str]], verdict: Verdict, reason: str
) -> None:
    result = decide({"phrases": ["hi"], "said_by": said_by}, *turns)
    assert (result.verdict, result.reason) == (verdict, reason)


@pytest.mark.parametrize("turns", [[("unknown", "hi")], [("customer", "hi")], []])
def test_nothing_is_forbidden_to_a_speaker_who_is_not_there(turns: list[tuple[str, str]]) -> None:
    assert decide({"phrases": ["hi"], "must": "not_say"}, *turns).verdict is NA


# --- where --------------------------------------------------------------------------------------

_TURNS = [
    ("customer", "key zero"),
    ("agent", "one"),
    ("customer", "two"),
    ("agent", "three four"),
    ("customer", "five"),
    ("agent", "six"),
]


@pytest.mark.parametrize(
    ("within", "heard", "place"),
    [
        ({"first_turns": 1}, ["one"], " in the first turn"),
        ({"first_turns": 2}, ["one", "three", "four"], " in the first 2 turns"),
        ({"last_turns": 1}, ["six"], " in the last turn"),
        ({"last_turns": 9}, ["one", "three", "four", "six"], " in the last 9 turns"),
        ({"after_turns": 1}, ["three", "four", "six"], " after the first turn"),
        ({"after_turns": 3}, [], " after the first 3 turns"),
        ({"first_seconds": 3}, ["one"], " in the first 3 seconds"),
        ({"first_seconds": 4}, ["one", "three"], " in the first 4 seconds"),
        ({"first_seconds": 1.5}, [], " in the first 1.5 seconds"),
        ({"last_seconds": 3}, ["four", "six"], " in the last 3 seconds"),
        ({"last_seconds": 3.5}, ["four", "six"], " in the last 3.5 seconds"),
        ({"last_seconds": 900}, ["one", "three", "four", "six"], " in the last 900 seconds"),
    ],
    ids=str,
)
def test_a_rule_looks_where_it_says(within: dict[str, Any], heard: list[str], place: str) -> None:
    words = ["key", "zero", "one", "two", "three", "four", "five", "six"]
    for search in ("phrases", "pattern"):
        results = {
            word: decide(
                {search: [word] if search == "phrases" else word, "within": within}, *_TURNS
            )
            for word in words
        }
        assert [word for word, result in results.items() if result.passed] == heard
        for word, result in results.items():
            what = f'"{word}"' if search == "phrases" else "what the rule's pattern describes"
            verb = "said" if result.passed else "did not say"
            assert result.reason == f"the agent {verb} {what}{place}"


def test_seconds_count_from_the_first_word_of_the_call_not_from_its_start() -> None:
    late = Turn(Role.AGENT, None, 60.0, 61.0, "hello", None, (Word(0, 60.0, 61.0),))
    conversation = Conversation("x", None, Redaction.NONE, 90.0, (late,))
    rule = {"phrases": ["hello"], "within": {"first_seconds": 1}}
    assert evaluate_rules(form(rule), conversation)[0].verdict is PASS


def test_without_word_times_a_turn_counts_by_its_start() -> None:
    turns = (
        Turn(Role.AGENT, None, 0.0, 20.0, "good morning"),
        Turn(Role.AGENT, None, 20.0, 30.0, "good evening"),
    )
    conversation = Conversation("x", None, Redaction.NONE, 30.0, turns)
    rules = [
        {"phrases": [f"good {time}"], "within": within}
        for time in ("morning", "evening")
        for within in ({"first_seconds": 5}, {"last_seconds": 15})
    ]
    results = evaluate_rules(form(*rules), conversation)
    assert [result.verdict for result in results] == [PASS, FAIL, FAIL, PASS]
    assert results[0].evidence[0].end_seconds == 20.0


def test_a_match_that_begins_too_early_does_not_hide_one_in_time() -> None:
    rule = {"phrases": ["bye"], "within": {"last_seconds": 2}}
    result = decide(rule, ("agent", "bye then and bye now"))
    assert result.verdict is PASS
    assert result.evidence[0].start_seconds == 3.0


def test_hundredths_of_a_second_add_up() -> None:
    turn = Turn(
        Role.AGENT, None, 0.1, 0.4, "so hello", None, (Word(0, 0.1, 0.2), Word(3, 0.3, 0.4))
    )
    conversation = Conversation("x", None, Redaction.NONE, 0.4, (turn,))
    rule = {"phrases": ["hello"], "within": {"first_seconds": 0.2}}
    assert evaluate_rules(form(rule), conversation)[0].verdict is PASS


# --- must not, and when it applies ----------------------------------------------------------------


def test_what_must_not_be_said_fails_with_the_quote() -> None:
    result = decide(
        {"phrases": ["guarantee"], "must": "not_say"}, ("agent", "Sure. I guarantee it. Ok?")
    )
    assert result.verdict is FAIL
    assert result.reason == 'the agent said "guarantee", which must not be said'
    assert [evidence.quote for evidence in result.evidence] == ["I guarantee it."]


def test_what_must_not_be_said_and_was_not_passes() -> None:
    result = decide({"phrases": ["promise", "guarantee"], "must": "not_say"}, ("agent", "maybe"))
    assert result.verdict is PASS
    assert result.reason == "the agent did not say any of the rule's 2 phrases"
    assert result.evidence == []


REFUND = {
    "phrases": ["within 14 days"],
    "applies_when": {"phrases": ["refund"], "said_by": "customer"},
}


def test_a_rule_whose_occasion_does_not_come_is_not_applicable() -> None:
    result = decide(REFUND, ("customer", "hello"), ("agent", "within 14 days"))
    assert result.verdict is NA
    assert result.reason == 'does not apply: the customer did not say "refund"'
    assert result.evidence == []


def test_an_occasion_is_quoted_behind_what_was_said_about_it() -> None:
    result = decide(REFUND, ("customer", "A refund please."), ("agent", "Within 14 days."))
    assert result.verdict is PASS
    assert [(e.quote, e.said_by) for e in result.evidence] == [
        ("Within 14 days.", "agent"),
        ("A refund please.", "customer"),
    ]


def test_a_failed_rule_quotes_its_occasion() -> None:
    result = decide(REFUND, ("customer", "A refund please."), ("agent", "No idea."))
    assert result.verdict is FAIL
    assert [evidence.quote for evidence in result.evidence] == ["A refund please."]


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([("unknown", "refund")], "it is not known who the customer is"),
        ([("agent", "refund")], "the customer did not speak"),
        ([("customer", "refund")], "the agent did not speak"),
    ],
    ids=["occasion by somebody unknown", "no customer", "no agent"],
)
def test_a_conditional_rule_needs_both_speakers(turns: list[tuple[str, str]], reason: str) -> None:
    result = decide(REFUND, *turns)
    assert (result.verdict, result.reason) == (NA, reason)


# --- quotes -------------------------------------------------------------------------------------


def test_a_long_sentence_is_cut_between_words_around_what_was_said() -> None:
    text = " ".join(["before"] * 60 + ["goodbye"] + ["after"] * 60)
    quote = decide({"phrases": ["goodbye"]}, ("agent", text)).evidence[0].quote
    assert 180 < len(quote) <= 200
    assert quote in text
    assert set(quote.split()) == {"before", "goodbye", "after"}


@pytest.mark.parametrize("first", range(7, 14))
def test_a_match_longer_than_a_quote_is_quoted_from_its_start(first: int) -> None:
    text = " ".join(f"word{n}" for n in range(100))
    quote = decide({"pattern": f"word{first} .*"}, ("agent", text)).evidence[0].quote
    assert quote.startswith(f"word{first} word{first + 1}")
    assert 190 < len(quote) <= 200
    assert f"{quote} " in text


def test_a_single_endless_word_is_cut() -> None:
    quote = decide({"pattern": "a+"}, ("agent", "a" * 999)).evidence[0].quote
    assert quote == "a" * 200


def test_reasons_never_repeat_the_transcript() -> None:
    secret = "sesame"
    rule = {"pattern": "se[a-z]+", "within": {"first_turns": 1}, "must": "not_say"}
    assert secret not in (decide(rule, ("agent", f"it is {secret}")).reason or "")


# --- what the transcript does not tell ------------------------------------------------------------

TURNS_NOT_KNOWN = "the transcript does not show where one turn ends and the next begins"
TIME_NOT_KNOWN = "it was said, but the transcript does not show when"


def judge(rule: dict[str, Any], conversation: Conversation) -> tuple[Verdict, str | None]:
    (result,) = evaluate_rules(form(rule), conversation)
    return result.verdict, result.reason


def timed(*turns: tuple[str, str], untimed: str = "") -> Conversation:
    """A conversation as `call` makes it, in which some words have no time."""
    conversation = call(*turns)
    return msgspec.structs.replace(
        conversation,
        untimed_words=len(untimed.split()),
        turns=tuple(
            msgspec.structs.replace(
                turn,
                words=tuple(
                    Word(word.offset, None, None)
                    if turn.text[word.offset :].split(" ")[0] in untimed.split()
                    else word
                    for word in turn.words
                ),
            )
            for turn in conversation.turns
        ),
    )


@pytest.mark.parametrize("within", ["first_turns", "last_turns", "after_turns"])
@pytest.mark.parametrize("must", ["say", "not_say"])
def test_where_turns_are_not_known_a_rule_about_turns_does_not_apply(
    within: str, must: str
) -> None:
    conversation = msgspec.structs.replace(call(("unknown", "well hi")), turns_known=False)
    rule = {"phrases": ["hi"], "said_by": "anyone", "must": must}
    assert judge({**rule, "within": {within: 1}}, conversation) == (NA, TURNS_NOT_KNOWN)
    assert judge(rule, conversation)[0] is (PASS if must == "say" else FAIL)
    seconds = {**rule, "within": {"first_seconds": 30}}
    assert judge(seconds, conversation)[0] is (PASS if must == "say" else FAIL)


@pytest.mark.parametrize(
    ("within", "said", "possible"),
    [
        ({"first_seconds": 2}, ["one"], ["two", "three"]),
        ({"first_seconds": 4}, ["one", "two", "three", "four"], ["five"]),
        ({"last_seconds": 3}, ["six"], ["five"]),
        ({"last_seconds": 4}, ["four", "five", "six"], ["two", "three"]),
        ({"first_turns": 1}, ["one", "two", "three", "four"], ["five"]),
        ({"after_turns": 1}, ["six"], ["five"]),
        ({"last_turns": 1}, ["six"], ["five"]),
        ({"last_turns": 2}, ["one", "two", "three", "four", "five", "six"], []),
        ({"first_turns": 2}, ["one", "two", "three", "four", "five", "six"], []),
        ({"after_turns": 2}, [], []),
    ],
    ids=str,
)
def test_a_word_without_a_time_decides_only_where_it_was_said_for_certain(
    within: dict[str, Any], said: list[str], possible: list[str]
) -> None:
    # Seconds: one 0, two and three unknown, four 3, five unknown, the customer 5, six 6.
    words = ["one", "two", "three", "four", "five", "six"]
    conversation = timed(
        ("agent", "one two three four five"),
        ("customer", "key"),
        ("agent", "six"),
        untimed="two three five",
    )
    for each in words:
        verdict, reason = judge({"phrases": [each], "within": within}, conversation)
        expected = PASS if each in said else NA if each in possible else FAIL
        assert (each, verdict) == (each, expected)
        assert (reason == TIME_NOT_KNOWN) == (verdict is NA)
        forbidden = judge({"phrases": [each], "within": within, "must": "not_say"}, conversation)
        assert forbidden[0] is {PASS: FAIL, FAIL: PASS, NA: NA}[expected]


def test_what_is_said_in_the_last_turn_of_all_is_in_no_later_one() -> None:
    conversation = timed(
        ("agent", "well"), ("customer", "so"), ("agent", "good bye"), untimed="bye"
    )
    rule = {"phrases": ["bye"], "within": {"first_turns": 2}}
    assert judge(rule, conversation)[0] is PASS


def test_without_a_place_in_the_call_no_time_is_needed() -> None:
    conversation = timed(("agent", "i promise"), untimed="i promise")
    (result,) = evaluate_rules(form({"phrases": ["i promise"]}), conversation)
    assert result.verdict is PASS
    assert result.evidence[0].start_seconds is None
    assert result.evidence[0].end_seconds is None


def test_what_was_said_in_time_as_well_is_not_put_in_doubt_by_a_word_without_a_time() -> None:
    conversation = timed(("agent", "hi so hi there"), untimed="there")
    rule = {"phrases": ["hi"], "within": {"first_seconds": 1}}
    assert judge(rule, conversation)[0] is PASS


@pytest.mark.parametrize(
    ("rule", "verdict", "reason"),
    [
        ({}, FAIL, 'the agent did not say "hi"'),
        (
            {"within": {"first_seconds": 30}},
            FAIL,
            'the agent did not say "hi" in the first 30 seconds',
        ),
        ({"within": {"first_turns": 1}}, FAIL, 'the agent did not say "hi" in the first turn'),
        ({"must": "not_say"}, NA, "the agent did not speak"),
        ({"said_by": "customer"}, PASS, 'the customer said "hi"'),
        (
            {"applies_when": {"phrases": ["refund"]}},
            NA,
            "the agent did not speak",
        ),
    ],
    ids=["anywhere", "by seconds", "by turns", "forbidden", "the other one", "a condition"],
)
def test_an_agent_of_whom_no_word_was_heard_did_not_say_what_must_be_said(
    rule: dict[str, Any], verdict: Verdict, reason: str
) -> None:
    conversation = msgspec.structs.replace(
        call(("customer", "hi")), wordless=frozenset({Role.AGENT})
    )
    assert judge({"phrases": ["hi"], **rule}, conversation) == (verdict, reason)


def test_a_call_without_a_word_of_anybody_is_decided_too() -> None:
    conversation = msgspec.structs.replace(call(), wordless=frozenset({Role.AGENT}))
    rule = {"phrases": ["hi"], "within": {"first_seconds": 30}}
    assert judge(rule, conversation)[0] is FAIL
    assert judge({**rule, "said_by": "anyone"}, conversation) == (NA, "nobody spoke")


def test_a_word_a_few_milliseconds_too_late_is_too_late() -> None:
    turn = Turn(
        Role.AGENT, None, 0.0, 1.0, "so hello", None, (Word(0, 0.0, 0.2), Word(3, 0.505, 1.0))
    )
    conversation = Conversation("x", None, Redaction.NONE, 1.0, (turn,))
    rule = {"phrases": ["hello"], "within": {"first_seconds": 0.5}}
    assert evaluate_rules(form(rule), conversation)[0].verdict is FAIL
