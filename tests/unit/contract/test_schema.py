"""The JSON Schemas agree with the code."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from ruamel.yaml import YAML

from cci_lite.contract.document import UnifiedDocument, encode_document
from cci_lite.contract.form import FormFile
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.reading import decode_document
from cci_lite.contract.schema import FIELD_MEANINGS, form_schema, unified_document_schema
from cci_lite.contract.scored_evaluation import score_document, with_evaluation
from cci_lite.errors import ContractError, FormError

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
GUIDE_EXAMPLE = EXAMPLES / "documents" / "guide-example.json"
DEFAULT_FORM = EXAMPLES / "forms" / "default.yaml"
FORMS = sorted((EXAMPLES / "forms").glob("*.yaml"))
CRITERION = {"id": "greet_01", "text": "Was there a greeting?", "weight": 1}
FIELDS = {"tenant_id": "demo-tenant", "call_id": "c1", "call_date": "2025-11-05"}


def load_yaml(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def accepts(schema: dict[str, Any], value: object) -> bool:
    validator = jsonschema.Draft202012Validator(schema)
    return bool(validator.is_valid(value))


@pytest.mark.parametrize(
    "schema", [unified_document_schema(), form_schema()], ids=["document", "template"]
)
def test_a_schema_is_one_and_everything_in_it_has_a_title_or_a_description(
    schema: dict[str, Any],
) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].startswith("urn:cci-lite:")
    for name, definition in [("", schema), *schema["$defs"].items()]:
        assert definition["title"], name
        assert definition["description"], name
        for field, described in definition.get("properties", {}).items():
            assert described["description"], f"{name}.{field}"


def test_every_field_has_a_meaning_and_no_meaning_is_left_over() -> None:
    rendered = {
        name: set(definition["properties"])
        for structure in (UnifiedDocument, FormFile)
        for name, definition in msgspec.json.schema(structure)["$defs"].items()
        if "properties" in definition
    }
    assert {name: set(meanings) for name, meanings in FIELD_MEANINGS.items()} == rendered


def test_a_schema_is_rendered_alike_every_time() -> None:
    assert json.dumps(unified_document_schema()) == json.dumps(unified_document_schema())
    assert json.dumps(form_schema()) == json.dumps(form_schema())


def test_the_guides_example_fits_and_what_it_becomes_fits() -> None:
    schema = unified_document_schema()
    assert accepts(schema, json.loads(GUIDE_EXAMPLE.read_text(encoding="utf-8")))
    document = decode_document(GUIDE_EXAMPLE.read_bytes(), one_line=False).document
    form = parse_draft(load_yaml(DEFAULT_FORM)).as_version(1)
    scored = score_document(document, {("default", 1): form})
    assert scored is not None
    assert accepts(schema, json.loads(encode_document(with_evaluation(document, scored))))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_the_example_forms_fit(path: Path) -> None:
    assert accepts(form_schema(), load_yaml(path))


@pytest.mark.parametrize(
    "fields",
    [
        {"schema_version": "1.4"},
        {"tenant_id": "Demo"},
        {"call_id": "../x"},
        {"call_date": None},
        {"revision": 0},
        {"direction": "in"},
        {"duration_seconds": -1},
        {"agent": "Kim"},
        {"ai_summary": {"tone_score": 101}},
        {"qa_evaluation": {}},
        {"qa_evaluation": {"criteria": [{}]}},
        {"qa_evaluation": {"criteria": [{"id": ""}]}},
        {"qa_evaluation": {"criteria": [{"id": "a", "verdict": "ok"}]}},
        {"qa_evaluation": {"criteria": [{"id": "a", "score": "n/a"}]}},
        {"source": {"pii_redacted": "maybe"}},
        {"summary_raw": "x" * 16_385},
    ],
    ids=str,
)
def test_what_the_reader_refuses_does_not_fit(fields: dict[str, Any]) -> None:
    value = {**FIELDS, **fields}
    with pytest.raises(ContractError):
        decode_document(json.dumps(value).encode())
    assert not accepts(unified_document_schema(), value)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "Greet"},
        {"text": "Hi?"},
        {"weight": 0},
        {"weight": 1001},
        {"weight": None},
        {"required": "maybe"},
        {"wieght": 1},
        {"rule": {}},
        {"rule": {"phrases": ["a"], "pattern": "a"}},
        {"rule": {"phrases": "a"}},
        {"rule": {"phrases": ["a"], "must": "sing"}},
        {"rule": {"phrases": ["a"], "within": {}}},
        {"rule": {"phrases": ["a"], "within": {"first_turns": 1, "last_turns": 1}}},
        {"rule": {"phrases": ["a"], "applies_when": {}}},
    ],
    ids=str,
)
def test_a_form_that_is_refused_does_not_fit(fields: dict[str, Any]) -> None:
    value = {"criteria": [CRITERION | fields]}
    with pytest.raises(FormError):
        parse_draft(value)
    assert not accepts(form_schema(), value)


@pytest.mark.parametrize(
    "value",
    [
        {"criteria": [CRITERION]},
        {"criteria": [CRITERION | {"weight": "0.5"}], "scoring": {"pass_threshold": "0.8"}},
        {"criteria": [CRITERION], "version": "v3", "scoring": {"pass_threshold": 1}},
        {"criteria": [CRITERION | {"rule": {"pattern": "a", "within": {"last_seconds": 0.5}}}]},
    ],
    ids=str,
)
def test_a_form_that_is_accepted_fits(value: dict[str, Any]) -> None:
    assert parse_draft(value)
    assert accepts(form_schema(), value)


def test_what_is_written_fits_with_every_field_there() -> None:
    document = UnifiedDocument(
        schema_version="1.3",
        tenant_id="demo-tenant",
        call_id="c1",
        call_date=dt.date(2025, 11, 5),
        call_started_at=dt.datetime(2025, 11, 5, 9, tzinfo=dt.UTC),
        duration_seconds=1,
        direction="outbound",
    )
    assert accepts(unified_document_schema(), json.loads(encode_document(document)))
