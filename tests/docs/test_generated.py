"""Rendered documents are fresh; written ones hold what they say."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from cci_lite.contract.ddl import rendered_tables
from cci_lite.contract.form import FormDraft
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.reading import decode_document
from cci_lite.contract.schema import (
    form_schema,
    rendered_documents,
    unified_document_schema,
    write_documents,
)
from cci_lite.contract.scored_evaluation import score_document, score_evaluation
from cci_lite.errors import ContractError, FormError

DOCS = Path(__file__).resolve().parents[2] / "docs"
TABLES = DOCS.parent / "etl" / "tables"
FORMS_PAGE = (DOCS / "forms.md").read_text(encoding="utf-8")
DOCUMENT_PAGE = (DOCS / "unified-document.md").read_text(encoding="utf-8")
QUESTION = {"id": "greet_01", "text": "Was there a greeting?", "weight": 1}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


# --- rendered -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", rendered_documents())
def test_the_rendered_document_in_the_checkout_is_fresh(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == rendered_documents()[name], (
        "render it again with: python -m cci_lite.contract.schema docs"
    )


@pytest.mark.parametrize("name", rendered_tables())
def test_the_rendered_statement_in_the_checkout_is_fresh(name: str) -> None:
    assert (TABLES / name).read_text(encoding="utf-8") == rendered_tables()[name], (
        "render it again with: python -m cci_lite.contract.ddl etl/tables"
    )


def test_there_is_a_statement_for_each_table_and_no_other() -> None:
    assert {path.name for path in TABLES.iterdir()} == rendered_tables().keys()


def test_documents_are_written_into_the_folder_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["schema", str(tmp_path / "made" / "here")])
    monkeypatch.delitem(sys.modules, "cci_lite.contract.schema")
    runpy.run_module("cci_lite.contract.schema", run_name="__main__")
    written = {
        path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "made/here").iterdir()
    }
    assert written == rendered_documents()


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    write_documents(tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_documents(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


# --- forms.md -----------------------------------------------------------------------------------


def form_of(snippet: str) -> dict[str, Any]:
    """The snippet as a whole form: a page shows criteria and scorings by themselves."""
    value = YAML(typ="safe", pure=True).load(snippet)
    if isinstance(value, list):
        return {"criteria": value}
    return value if "criteria" in value else {"criteria": [QUESTION], **value}


SNIPPETS = blocks(FORMS_PAGE, "yaml")


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_every_form_on_the_page_is_one(number: int) -> None:
    value = form_of(SNIPPETS[number])
    assert parse_draft(value)
    assert jsonschema.Draft202012Validator(form_schema()).is_valid(value)


def test_the_page_shows_every_field_that_a_form_can_have() -> None:
    shown = "".join(SNIPPETS)
    definitions = form_schema()["$defs"]
    fields = {
        field
        for name in ("Criterion", "Rule", "Condition", "Scoring")
        for field in definitions[name]["properties"]
    }
    assert [field for field in sorted(fields) if f"{field}:" not in shown] == []
    assert [
        field for field in definitions["Within"]["properties"] if f"`{field}: " not in FORMS_PAGE
    ] == []


def test_the_mistake_on_the_page_gives_the_message_on_the_page() -> None:
    value = form_of(SNIPPETS[0])
    value["criteria"][1]["weight"] = 0
    with pytest.raises(FormError) as caught:
        parse_draft(value)
    assert f"```\nservice.yaml, line 14: {caught.value}\n```" in FORMS_PAGE


def test_what_the_page_says_about_absent_fields_is_so() -> None:
    scoring = parse_draft({"criteria": [QUESTION]}).scoring
    assert f"| {scoring.pass_threshold} |" in FORMS_PAGE
    assert f"| `{scoring.required_policy}` |" in FORMS_PAGE


# --- unified-document.md ------------------------------------------------------------------------


def example() -> bytes:
    [block] = blocks(DOCUMENT_PAGE, "json")
    return block.encode()


def example_form() -> FormDraft:
    return parse_draft(form_of(SNIPPETS[0]))


def test_the_example_on_the_page_is_a_document() -> None:
    assert decode_document(example(), one_line=False).unknown_fields == 0
    schema = unified_document_schema()
    assert jsonschema.Draft202012Validator(schema).is_valid(json.loads(example()))


def test_the_example_on_the_page_has_the_score_that_its_form_gives() -> None:
    document = decode_document(example(), one_line=False).document
    form = example_form().as_version(1)
    scored = score_document(document, {(form.name, 1): form})
    assert scored is not None
    assert scored.reported_differs is False
    found = json.loads(example())["qa_evaluation"]
    assert [each["question"] for each in found["criteria"]] == [
        criterion.question for criterion in form.criteria
    ]
    assert [each["weight"] for each in found["criteria"]] == [
        float(criterion.weight) for criterion in form.criteria
    ]
    assert (found["outcome"], found["failed_required"]) == (
        scored.score.outcome.value,
        list(scored.score.failed_required),
    )


def test_the_claim_that_the_page_calls_right_would_have_been() -> None:
    path = DOCS.parent / "examples" / "documents" / "guide-example.json"
    evaluation = decode_document(path.read_bytes(), one_line=False).document.qa_evaluation
    form = DOCS.parent / "examples" / "forms" / "default.yaml"
    form = parse_draft(form_of(form.read_text(encoding="utf-8"))).as_version(1)
    assert evaluation is not None
    assert score_evaluation(evaluation, form).reported_differs is True
    evaluation.percentage, evaluation.max_score = 56, None
    assert score_evaluation(evaluation, form).reported_differs is False


_GOOD: dict[str, Any] = {"tenant_id": "demo-tenant", "call_id": "c1", "call_date": "2025-11-05"}


def _with_result(**fields: Any) -> bytes:
    criteria = [{"id": "greet_01"}, {"id": "solved_03", **fields}]
    return json.dumps(_GOOD | {"qa_evaluation": {"criteria": criteria}}).encode()


def _line(**fields: Any) -> bytes:
    return json.dumps(_GOOD | fields).encode()


@pytest.mark.parametrize(
    "data",
    [
        _with_result(score="n/a"),
        _with_result(verdict="ok"),
        _line(ai_summary={"tone_score": 101}),
        _with_result(passed=True, verdict="fail"),
        _line()[:-1] + b', "call_id": "c2"}',
        _with_result(id="greet_01"),
        _line(call_date="05.11.2025"),
        _line(call_started_at=1762335000),
        _line()[:-1] + b',"x":NaN}',
    ],
    ids=["score", "verdict", "bounds", "passed", "twice", "criterion", "day", "time", "NaN"],
)
def test_an_error_on_the_page_is_the_one_that_is_raised(data: bytes) -> None:
    with pytest.raises(ContractError) as caught:
        decode_document(data)
    assert f"`{caught.value}`" in DOCUMENT_PAGE
