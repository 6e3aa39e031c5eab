"""The exact message for every kind of mistake in a value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from cci_lite.contract.document import UnifiedDocument
from cci_lite.contract.form import FormFile
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.parsing import convert, in_words
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import ContractError, FormError

DOCUMENT: dict[str, Any] = {"tenant_id": "demo-tenant", "call_id": "c1", "call_date": "2025-11-05"}
CRITERION: dict[str, Any] = {"id": "greet_01", "text": "Was there a greeting?", "weight": 1}


def document_error(**fields: Any) -> str:
    with pytest.raises(ContractError) as caught:
        convert({**DOCUMENT, **fields}, UnifiedDocument)
    return str(caught.value)


def result_error(**fields: Any) -> str:
    evaluation = {"criteria": [{"id": "a"}, {"id": "b", **fields}]}
    return document_error(qa_evaluation=evaluation)


def form_error(fields: dict[Any, Any]) -> str:
    with pytest.raises(FormError) as caught:
        convert({"criteria": [{**CRITERION, **fields}]}, FormFile, FormError)
    return str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("score", "n/a", "score: expected a number, found 'n/a'"),
        ("score", True, "score: expected a number, found true"),
        ("score", [], "score: expected a number, found a list of 0"),
        (
            "score",
            1e13,
            "score: expected a number from -1000000000000 to 1000000000000, found 1e+13",
        ),
        ("confidence", 1.01, "confidence: expected a number from 0 to 1, found 1.01"),
        ("confidence", -1, "confidence: expected a number from 0 to 1, found -1"),
        ("passed", "yes", "passed: expected true or false, found 'yes'"),
        ("passed", 2, "passed: expected true or false, found 2"),
        ("verdict", "ok", "verdict: expected pass, fail, na or unscored, found 'ok'"),
        ("verdict", "PASS", "verdict: expected pass, fail, na or unscored, found 'PASS'"),
        ("verdict", True, "verdict: expected text, found true"),
        (
            "evaluator",
            "bot",
            "evaluator: expected model, rule or human, found text of 3 characters",
        ),
        ("id", "", "id: expected text of at least 1 character, found empty text"),
        (
            "id",
            "x" * 201,
            "id: expected text of at most 200 characters, found text of 201 characters",
        ),
        ("id", 5, "id: expected text, found 5"),
        ("evidence", {}, "evidence: expected a list, found an object with 0 fields"),
        ("evidence", [{}], "evidence[0]: expected the field quote, found an object with 0 fields"),
        (
            "evidence",
            [{"quote": "a", "start_seconds": "soon"}],
            "evidence[0].start_seconds: expected a number, found text of 4 characters",
        ),
    ],
)
def test_a_result_that_is_wrong_is_named_with_its_place(field: str, value: Any, text: str) -> None:
    assert result_error(**{field: value}) == f"qa_evaluation.criteria[1].{text}"


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("call_date", "05.11.2025", "expected a date like 2025-11-05, found text of 10 characters"),
        ("call_date", "2025-02-30", "expected a date like 2025-11-05, found text of 10 characters"),
        ("call_date", "gestern", "expected a date like 2025-11-05, found text of 7 characters"),
        ("call_date", 20251105, "expected a date like 2025-11-05, found a number of 8 characters"),
        ("call_date", None, "expected a date like 2025-11-05, found null"),
        (
            "call_started_at",
            "yesterday",
            "expected a time like 2025-11-05T09:30:00Z, found text of 9 characters",
        ),
        (
            "call_started_at",
            "2025-11-05T09:30:00",
            "expected a time with its zone, like 2025-11-05T09:30:00Z, found text of 19 characters",
        ),
        (
            "call_started_at",
            10**15,
            "expected a time like 2025-11-05T09:30:00Z, found a number of 16 characters",
        ),
        ("revision", 0, "expected a whole number from 1 to 1000000, found 0"),
        ("revision", 1.5, "expected a whole number, found 1.5"),
        ("direction", "in", "expected inbound or outbound, found text of 2 characters"),
        (
            "call_date_source",
            "mail",
            "expected metadata, upload or document, found text of 4 characters",
        ),
        ("qa_template_version", 1.5, "expected a whole number or text, found 1.5"),
        ("agent", "Kim", "expected an object, found text of 3 characters"),
        ("tenant_id", None, "expected text, found null"),
    ],
)
def test_a_field_that_is_wrong_is_named_with_its_place(field: str, value: Any, text: str) -> None:
    assert document_error(**{field: value}) == f"{field}: {text}"


def test_values_of_another_version_are_listed_with_this_versions_values() -> None:
    assert document_error(source={"pii_redacted": "maybe"}) == (
        "source.pii_redacted: expected transcribe, masked, none, true or false, found 'maybe'"
    )


def test_fields_named_by_a_service_are_named_as_it_names_them() -> None:
    results = {"ResultList": [{"Sentiment": "NEUTRAL"}, {"Sentiment": "FINE"}]}
    assert document_error(sentiment=results) == (
        "sentiment.ResultList[1].Sentiment: "
        "expected MIXED, NEGATIVE, NEUTRAL or POSITIVE, found 'FINE'"
    )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"id": "A B"},
            "criteria[0].id: expected 2 to 64 lower-case letters, digits and '_', "
            "starting with a letter, found text of 3 characters",
        ),
        (
            {"id": "1st"},
            "criteria[0].id: expected 2 to 64 lower-case letters, digits and '_', "
            "starting with a letter, found '1st'",
        ),
        (
            {"text": "Hi?"},
            "criteria[0].text: expected text of at least 5 characters, found text of 3 characters",
        ),
        (
            {"text": "x" * 501},
            "criteria[0].text: expected text of at most 500 characters, "
            "found text of 501 characters",
        ),
        ({"weight": "much"}, "criteria[0].weight: expected a number, found 'much'"),
        ({"weight": None}, "criteria[0].weight: expected a number, found null"),
        ({"required": "maybe"}, "criteria[0].required: expected true or false, found 'maybe'"),
        (
            {"wieght": 2},
            "criteria[0]: expected only the fields id, text, weight, required and rule, "
            "found 'wieght'",
        ),
        (
            {"Kim said that this is unfair": 2},
            "criteria[0]: expected only the fields id, text, weight, required and rule, "
            "found text of 28 characters",
        ),
        (
            {"rule": {"phrases": ["a"], "said_by": "bot"}},
            "criteria[0].rule.said_by: expected agent, customer or anyone, found 'bot'",
        ),
        (
            {"rule": {"phrases": ["a"], "must": "sing"}},
            "criteria[0].rule.must: expected not_say or say, found 'sing'",
        ),
        (
            {"rule": {"phrases": ["a"] * 101}},
            "criteria[0].rule.phrases: expected at most 100 items, found a list of 101",
        ),
        (
            {"rule": {"phrases": "hello"}},
            "criteria[0].rule.phrases: expected a list, found 'hello'",
        ),
        (
            {"rule": {"phrases": [""]}},
            "criteria[0].rule.phrases[0]: expected text of at least 1 character, found empty text",
        ),
        (
            {"rule": {"phrases": ["a"], "within": {"first_turns": 0}}},
            "criteria[0].rule.within.first_turns: expected a whole number from 1 to 10000, found 0",
        ),
        (
            {"rule": {"phrases": ["a"], "within": {"last_seconds": 0}}},
            "criteria[0].rule.within.last_seconds: "
            "expected a number above 0, at most 86400, found 0",
        ),
        (
            {"rule": {"phrases": ["a"], "within": {"last_seconds": float("nan")}}},
            "criteria[0].rule.within.last_seconds: "
            "expected a number above 0, at most 86400, found nan",
        ),
        ({5: "x"}, "expected names of fields that are text, found another name"),
    ],
    ids=str,
)
def test_a_form_that_is_wrong_is_named_with_its_place(fields: dict[Any, Any], text: str) -> None:
    assert form_error(fields) == text


def test_missing_fields_are_named() -> None:
    with pytest.raises(ContractError) as caught:
        convert({"tenant_id": "ab", "call_id": "x"}, UnifiedDocument)
    assert str(caught.value) == "expected the field call_date, found an object with 2 fields"


@pytest.mark.parametrize(
    ("items", "words"),
    [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")],
    ids=["one", "two", "three"],
)
def test_alternatives_are_listed_as_people_list_them(items: list[str], words: str) -> None:
    assert in_words(items) == words


@pytest.mark.parametrize("structure", [UnifiedDocument, FormFile, Tenant, CallMetadata])
def test_every_number_of_the_contract_is_bounded_and_every_pattern_is_said_in_words(
    structure: type[msgspec.Struct],
) -> None:
    for path, kind in _fields(inspect.type_info(structure), structure.__name__):
        if isinstance(kind, inspect.FloatType):
            assert kind.le is not None, path
            assert kind.ge is not None or kind.gt is not None, path
        if isinstance(kind, inspect.StrType):
            assert kind.pattern is None, f"{path}: a pattern without words"


def _fields(kind: inspect.Type, path: str) -> Iterator[tuple[str, inspect.Type]]:
    if isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield from _fields(field.type, f"{path}.{field.encode_name}")
    elif isinstance(kind, inspect.UnionType):
        for member in kind.types:
            yield from _fields(member, path)
    elif isinstance(kind, inspect.ListType | inspect.VarTupleType):
        yield from _fields(kind.item_type, f"{path}[]")
    elif isinstance(kind, inspect.Metadata):
        assert kind.extra_json_schema is not None
        assert kind.extra_json_schema["description"]
    else:
        yield path, kind
