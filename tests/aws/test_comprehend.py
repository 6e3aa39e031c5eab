"""Sentiment, key phrases, entities and names: every text is answered or counted, none mixed up."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError, ParamValidationError

from cci_lite.aws.comprehend import ComprehendNlp
from cci_lite.contract.service_answers import NlpAnswer
from cci_lite.errors import RetryLaterError, ServiceError
from cci_lite.ports import PeopleAnswer
from cci_lite.testing.comprehend import ComprehendDouble

ENTITIES, PHRASES, SENTIMENT = (
    "BatchDetectEntities",
    "BatchDetectKeyPhrases",
    "BatchDetectSentiment",
)


def indexes(answer: NlpAnswer) -> list[list[int | None]]:
    return [
        [found.index for found in answer.sentiment.result_list],
        [found.index for found in answer.key_phrases.result_list],
        [found.index for found in answer.entities.result_list],
    ]


def test_what_is_in_the_texts_is_told_by_their_index() -> None:
    nlp = ComprehendNlp(ComprehendDouble(names=["Jane Doe"]))
    answer = nlp.analyze(
        "acme", "en-US", ["Thanks, Jane Doe.", "My account is broken since yesterday."]
    )
    assert [one.sentiment for one in answer.sentiment.result_list] == ["POSITIVE", "NEGATIVE"]
    assert answer.unanswered == 0
    assert indexes(answer) == [[0, 1]] * 3
    first, second = answer.entities.result_list
    assert [(one.text, one.type, one.begin_offset) for one in first.entities] == [
        ("Jane Doe", "PERSON", 8)
    ]
    assert [(one.text, one.type) for one in second.entities] == [("yesterday", "DATE")]


def test_offsets_count_characters_of_their_text() -> None:
    text = "Grüße 😀 an Jane Doe"
    nlp = ComprehendNlp(ComprehendDouble(names=["Jane Doe"]))
    [result] = nlp.analyze("acme", "de-DE", [text]).entities.result_list
    [entity] = result.entities
    assert text[entity.begin_offset : entity.end_offset] == "Jane Doe"


def test_a_request_takes_twenty_five_texts_and_the_index_goes_on() -> None:
    double = ComprehendDouble()
    answer = ComprehendNlp(double).analyze("acme", "en-US", ["word"] * 51)
    assert indexes(answer) == [list(range(51))] * 3
    assert [count for name, count in double.requests if name == ENTITIES] == [25, 25, 1]


def test_texts_that_fail_are_asked_again_by_their_index() -> None:
    double = ComprehendDouble(names=["Jane"])
    double.fail_next(ENTITIES, [0, 3])
    double.fail_next(ENTITIES, [4])
    double.fail_next(ENTITIES, [1])
    texts = [f"text {number} Jane" if number == 3 else f"text {number}" for number in range(30)]
    answer = ComprehendNlp(double).analyze("acme", "en-US", texts)
    assert indexes(answer) == [list(range(30))] * 3
    assert answer.unanswered == 0
    people = [
        result.index
        for result in answer.entities.result_list
        if any(entity.type == "PERSON" for entity in result.entities)
    ]
    assert people == [3]
    assert [count for name, count in double.requests if name == ENTITIES] == [25, 5, 3, 1]
    assert answer.units == sum(double.units.values())


def test_texts_that_keep_failing_are_counted_and_left_out() -> None:
    double = ComprehendDouble()
    for _ in range(9):
        double.fail_next(SENTIMENT, [0])
    answer = ComprehendNlp(double).analyze("acme", "en-US", ["one", "two", "three"])
    assert indexes(answer) == [[1, 2], [0, 1, 2], [0, 1, 2]]
    assert answer.unanswered == 1
    assert [count for name, count in double.requests if name == SENTIMENT] == [3, 1, 1]
    assert answer.units == sum(double.units.values()) == 8 * 3


@pytest.mark.parametrize(
    ("text", "units"),
    [("x", 3), ("x" * 300, 3), ("x" * 301, 4), ("ü" * 2500, 25)],
    ids=["at least three", "300", "301", "characters, not bytes"],
)
def test_units_are_counted_as_the_service_charges(text: str, units: int) -> None:
    double = ComprehendDouble()
    answer = ComprehendNlp(double).analyze("acme", "en-US", [text])
    assert answer.units == sum(double.units.values()) == 3 * units


@pytest.mark.parametrize("language_code", ["nl-NL", "xx-XX", ""], ids=["Dutch", "none", "empty"])
def test_a_language_that_the_service_does_not_know_is_not_asked(language_code: str) -> None:
    double = ComprehendDouble(names=["Jane"])
    nlp = ComprehendNlp(double)
    assert nlp.analyze("acme", language_code, ["Jane"]) == NlpAnswer()
    assert nlp.people("acme", language_code, ["Jane"]) == PeopleAnswer(frozenset(), 0)
    assert double.requests == []


@pytest.mark.parametrize(
    ("language_code", "asked"),
    [("en-GB", "en"), ("de-CH", "de"), ("zh-TW", "zh-TW"), ("pt-BR", "pt")],
)
def test_the_services_own_code_of_a_language_is_used(language_code: str, asked: str) -> None:
    double = Recording()
    ComprehendNlp(double).people("acme", language_code, ["word"])
    assert double.languages == [asked]


class Recording(ComprehendDouble):
    """A double that remembers the languages it was asked in."""

    def __init__(self) -> None:
        super().__init__()
        self.languages: list[str] = []

    def batch_detect_entities(self, **request: Any) -> dict[str, Any]:
        self.languages.append(request["LanguageCode"])
        return super().batch_detect_entities(**request)


def test_nothing_is_asked_about_nothing() -> None:
    double = ComprehendDouble()
    assert ComprehendNlp(double).analyze("acme", "en-US", []) == NlpAnswer()
    assert double.requests == []


def test_an_empty_text_does_not_spoil_its_batch() -> None:
    answer = ComprehendNlp(ComprehendDouble()).analyze("acme", "en-US", ["", "word", " \n"])
    assert indexes(answer) == [[1]] * 3


def test_people_are_the_persons_only() -> None:
    double = ComprehendDouble(names=["Jane Doe", "Max"])
    answer = ComprehendNlp(double).people(
        "acme", "en-US", ["Jane Doe met Max", "Max paid 12 today", "nobody"]
    )
    assert answer == PeopleAnswer(frozenset({"Jane Doe", "Max"}), units=9)
    assert double.units == {ENTITIES: 9}


def test_a_text_without_an_answer_may_hide_a_name_so_it_is_for_later() -> None:
    double = ComprehendDouble(names=["Jane"])
    for _ in range(3):
        double.fail_next(ENTITIES, [0])
    with pytest.raises(RetryLaterError, match="^comprehend_unanswered$"):
        ComprehendNlp(double).people("acme", "en-US", ["Jane"])


def test_a_throttle_asks_for_a_retry() -> None:
    double = ComprehendDouble()
    double.throttle = 1
    with pytest.raises(RetryLaterError, match="^comprehend_throttled: batch_detect_sentiment$"):
        ComprehendNlp(double).analyze("acme", "en-US", ["word"])


def test_a_text_that_is_too_large_is_refused_without_repeating_it() -> None:
    nlp = ComprehendNlp(ComprehendDouble())
    refused = "^comprehend_TextSizeLimitExceededException: batch_detect_entities$"
    with pytest.raises(ServiceError, match=refused):
        nlp.people("acme", "en-US", ["ü" * 2501])


def test_scores_a_hair_above_one_are_one() -> None:
    class Imprecise:
        def batch_detect_sentiment(self, **_: Any) -> Any:
            score = {"Positive": 1.0000001, "Negative": -1e-9, "Neutral": 0.0, "Mixed": 0.0}
            found = {"Index": 0, "Sentiment": "POSITIVE", "SentimentScore": score}
            return {"ResultList": [found], "ErrorList": []}

        def batch_detect_key_phrases(self, **_: Any) -> Any:
            return {"ResultList": [{"Index": 0, "KeyPhrases": []}], "ErrorList": []}

        def batch_detect_entities(self, **_: Any) -> Any:
            return {"ResultList": [{"Index": 0, "Entities": []}], "ErrorList": []}

    answer = ComprehendNlp(Imprecise()).analyze("acme", "en-US", ["word"])
    assert msgspec.json.decode(msgspec.json.encode(answer), type=NlpAnswer) == answer


def test_an_answer_that_leaves_a_text_out_is_put_together_by_its_indexes() -> None:
    def batch(*found: dict[str, Any]) -> dict[str, Any]:
        return {
            "ResultList": [{"Index": at, **one} for at, one in enumerate(found)],
            "ErrorList": [],
        }

    score = {"Positive": 0.1, "Negative": 0.2, "Neutral": 0.3, "Mixed": 0.4}
    person = {"Text": "Runa", "Type": "PERSON", "Score": 0.9, "BeginOffset": 0, "EndOffset": 4}
    phrase = {"Text": "the bill", "Score": 0.9, "BeginOffset": 5, "EndOffset": 13}
    moods = ("NEUTRAL", "POSITIVE", "MIXED")
    answers = {
        "batch_detect_sentiment": batch(
            *({"Sentiment": m, "SentimentScore": score} for m in moods)
        ),
        "batch_detect_key_phrases": batch(*[{"KeyPhrases": [phrase]}] * 3),
        "batch_detect_entities": batch({"Entities": [person]}, {"Entities": []}),
    }

    class Answering:
        def __getattr__(self, operation: str) -> Any:
            # Asked again for what it left out, it answers nothing.
            return lambda **asked: answers[operation] if len(asked["TextList"]) == 3 else batch()

    answer = ComprehendNlp(Answering()).analyze("acme", "en-US", ["x"] * 3)
    assert indexes(answer) == [[0, 1, 2], [0, 1, 2], [0, 1]]
    assert answer.unanswered == 1
    assert [each.sentiment for each in answer.sentiment.result_list] == list(moods)
    assert answer.entities.result_list[0].entities[0].text == "Runa"


def test_recorded_answers_are_understood(shared: Any) -> None:
    examples = msgspec.json.decode(
        (shared / "data" / "comprehend" / "cli_examples.json").read_bytes()
    )
    answers = {one["operation"]: one["response"] for one in examples}

    class Recorded:
        def __getattr__(self, operation: str) -> Any:
            # Each example is one request; what it left out stays unanswered.
            nothing: dict[str, list[Any]] = {"ResultList": [], "ErrorList": []}
            return lambda **asked: answers[operation] if len(asked["TextList"]) == 3 else nothing

    answer = ComprehendNlp(Recorded()).analyze("acme", "en-US", ["x"] * 3)
    assert indexes(answer) == [[0, 1, 2], [0, 1, 2], [0, 1]]
    assert answer.unanswered == 1
    assert answer.sentiment.result_list[2].sentiment == "MIXED"
    people = {
        entity.text
        for result in answer.entities.result_list
        for entity in result.entities
        if entity.type == "PERSON"
    }
    assert people == {"Jane", "Alice"}


@pytest.mark.parametrize(
    ("texts", "language", "code"),
    [
        pytest.param(["x"] * 26, "en", "BatchSizeLimitExceededException", id="too many"),
        pytest.param(["ü" * 2501], "en", "TextSizeLimitExceededException", id="too large"),
        pytest.param(["x"], "en-US", "ValidationException", id="a locale"),
    ],
)
def test_the_double_keeps_the_services_limits(texts: list[str], language: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        ComprehendDouble().batch_detect_sentiment(TextList=texts, LanguageCode=language)
    assert caught.value.response["Error"]["Code"] == code


def test_the_double_takes_what_the_service_takes() -> None:
    double = ComprehendDouble()
    answer = double.batch_detect_sentiment(TextList=["ü" * 2500] * 25, LanguageCode="en")
    assert len(answer["ResultList"]) == 25


@pytest.mark.parametrize(
    "request_", [{"Language": "en"}, {"TextList": ["x", ""]}, {"TextList": []}], ids=str
)
def test_the_double_refuses_what_the_client_refuses(request_: dict[str, Any]) -> None:
    with pytest.raises(ParamValidationError):
        ComprehendDouble().batch_detect_sentiment(
            **({"TextList": ["x"], "LanguageCode": "en"} | request_)
        )
