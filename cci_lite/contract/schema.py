"""JSON Schemas of the unified document and the form, rendered from their definitions.

A schema describes what is written. Readers take more: numbers written as text, unknown fields of a
document. `python -m cci_lite.contract.schema docs` writes all documents that are rendered from the
contract.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from cci_lite.contract.dictionary import render_data_dictionary
from cci_lite.contract.document import GUIDE_SCHEMA_VERSION, SCHEMA_VERSION, UnifiedDocument
from cci_lite.contract.form import FormFile
from cci_lite.contract.limits import MAX_SUMMARY_RAW_BYTES
from cci_lite.files import write_whole
from cci_lite.tenancy import CALL_ID, TENANT_ID

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_OFFSETS = {
    "BeginOffset": "Where it begins in the segment, in characters.",
    "EndOffset": "Where it ends in the segment, in characters.",
}
_INDEX = {"Index": "The segment's place in the request, from 0."}
_SCORE = {"Score": "Comprehend's confidence, 0 to 1."}
_SEARCHED = {
    "phrases": "What may be said: one of them is enough. Case and punctuation do not matter.",
    "pattern": "A regular expression in RE2's syntax, instead of phrases. Case does not matter.",
    "said_by": "Whose words count.",
}

# What a field means, by structure and field: all that the types do not say.
FIELD_MEANINGS: Mapping[str, Mapping[str, str]] = {
    "UnifiedDocument": {
        "schema_version": "The version of this contract; a document without it is of version 1.2.",
        "tenant_id": "The company whose call it is.",
        "call_id": "The call; unique within the tenant, opaque, the name of the document's file.",
        "revision": "How many times this recording had been uploaded; the highest one counts.",
        "writing": "Which writing of this revision it is; of two documents the later one counts.",
        "call_date": "The day the call started, in the tenant's time zone.",
        "call_date_source": "Where the day comes from.",
        "call_started_at": "When the call started, with its zone; written in UTC.",
        "language_code": "The language of the call, such as en-US.",
        "duration_seconds": "The length of the call.",
        "agent": "The employee on the phone.",
        "queue": "The queue the call came through.",
        "direction": "Who called whom.",
        "channel": "The medium of the call, such as voice.",
        "sentiment": "Comprehend's batch answer on sentiment, as it is.",
        "key_phrases": "Comprehend's batch answer on key phrases, as it is.",
        "entities": "Comprehend's batch answer on entities, as it is.",
        "ai_summary": "What the language model says about the call.",
        "qa_evaluation": "The verdicts on the call; absent when it was not judged.",
        "qa_template_version": "The version of the form, where version 1.2 has it.",
        "review": "Whether a person has to look at the call.",
        "summary_raw": "The model's answer, only when it could not be used. Never reaches tables.",
        "usage": "What the call's processing consumed.",
        "source": "Where the document comes from.",
    },
    "Agent": {
        "agent_id": "The agent's id as the tenant gives it.",
        "name": "The agent's name.",
        "team": "The agent's team.",
    },
    "Sentiment": {"ResultList": "One result per segment of the transcript."},
    "SentimentResult": {
        "Sentiment": "The segment's sentiment.",
        "SentimentScore": "How sure Comprehend is of each.",
        **_INDEX,
    },
    "SentimentScores": {
        "Positive": "Confidence that it is positive, 0 to 1.",
        "Negative": "Confidence that it is negative, 0 to 1.",
        "Neutral": "Confidence that it is neutral, 0 to 1.",
        "Mixed": "Confidence that it is mixed, 0 to 1.",
    },
    "KeyPhrases": {"ResultList": "One result per segment of the transcript."},
    "KeyPhraseResult": {"KeyPhrases": "The phrases of the segment.", **_INDEX},
    "KeyPhrase": {"Text": "The phrase as said (redacted).", **_SCORE, **_OFFSETS},
    "Entities": {"ResultList": "One result per segment of the transcript."},
    "EntityResult": {"Entities": "The entities of the segment.", **_INDEX},
    "Entity": {
        "Text": "The entity as said (redacted).",
        "Type": "Comprehend's type, such as ORGANIZATION.",
        **_SCORE,
        **_OFFSETS,
    },
    "AiSummary": {
        "issue": "What the call was about.",
        "resolution": "What was done about it.",
        "outcome": "How the issue ended.",
        "action_items": "The agreed next steps.",
        "tone_score": "The tone of the conversation, 0 to 100.",
        "sentiment_summary": "The course of the sentiment.",
    },
    "QaEvaluation": {
        "template_id": "The name of the form; `default` when a 1.2 document names none.",
        "template_version": "The version of the form.",
        "template_hash": "The content hash of that version; another hash is refused.",
        "criteria": "One result per criterion. In 1.3 all criteria of the form, in its order.",
        "total_score": "Points scored. In 1.3 computed; as input, a claim.",
        "max_score": "Points attainable. In 1.3 computed; as input, a claim.",
        "percentage": "100 x total / max, half up, 2 decimals. In 1.3 computed; as input, a claim.",
        "passed": "The outcome as true (pass), false (fail) or null.",
        "outcome": "The outcome of the call.",
        "failed": "The criteria that failed, and why.",
        "failed_required": "The ids of the required criteria that failed, in the form's order.",
        "reported": "What the evaluator had claimed before the code computed the score.",
    },
    "CriterionResult": {
        "id": "The criterion's id in the form.",
        "question": "The wording of the criterion.",
        "passed": "The verdict as true (pass), false (fail) or null; must not contradict it.",
        "verdict": "The verdict; derived from `passed` when absent.",
        "score": "Points scored; null without a pass or fail.",
        "weight": "Points attainable.",
        "required": "Whether failing the criterion fails the call.",
        "reason": "Why, in the evaluator's words.",
        "evidence": "What was said, and when.",
        "confidence": "The evaluator's confidence, 0 to 1.",
        "evaluator": "Who decided.",
    },
    "Evidence": {
        "quote": "Quoted from the redacted transcript.",
        "start_seconds": "When it begins, from the start of the recording.",
        "end_seconds": "When it ends, from the start of the recording.",
        "said_by": "Who said it.",
    },
    "FailedCriterion": {"id": "The criterion that failed.", "reason": "Why."},
    "ReportedScore": {
        "total_score": "The total that was claimed.",
        "max_score": "The maximum that was claimed.",
        "percentage": "The percentage that was claimed.",
    },
    "Review": {
        "needed": "Whether a person has to look at the call.",
        "reasons": "Why, as short codes such as `unscored_required:greet_01`.",
    },
    "Usage": {
        "audio_seconds": "Seconds of audio that were transcribed.",
        "comprehend_units": "Units of 100 characters sent to Comprehend.",
        "input_tokens": "Tokens sent to the language model.",
        "output_tokens": "Tokens received from the language model.",
        "model_calls": "Calls of the language model.",
    },
    "Source": {
        "transcribe_job": "The transcription job.",
        "pii_redacted": "Who redacted the transcript; true or false in version 1.2.",
        "input_key_hash": "A hash of the recording's key, which may name people.",
        "etag": "The version of what the document was made from.",
        "earlier_etags": "The versions that earlier revisions of the call were made from.",
        "pipeline_version": "The version of the pipeline.",
        "prompt_version": "The version of the prompt.",
        "model_id": "The language model.",
    },
    "FormFile": {
        "pk": "The key of the tenant in the configuration table: `TENANT#<tenant_id>`.",
        "sk": "The key of the form there: `QA_TEMPLATE#v1` or `QA_TEMPLATE#<name>#v<N>`.",
        "name": "What the form is called; `default` when absent.",
        "version": "3, or v3. Without it the form is stored as its next version.",
        "description": "For people; decides nothing.",
        "criteria": "The questions, in the order in which they are shown.",
        "scoring": "How verdicts become an outcome.",
    },
    "Criterion": {
        "id": "2 to 64 lower-case letters, digits and '_', starting with a letter. Stays the same "
        "from version to version while it means the same.",
        "text": "The question that is asked of the call.",
        "weight": "Points attainable: above 0, at most 1000, with at most 4 decimals.",
        "required": "Whether failing the criterion fails the call.",
        "rule": "Decides the criterion exactly; without one a language model or a person decides.",
    },
    "Rule": {
        **_SEARCHED,
        "within": "Where in the call it has to be said; anywhere when absent.",
        "must": "`say` passes when it is said, `not_say` passes when it is not.",
        "applies_when": "The criterion does not apply to a call in which this is not said.",
    },
    "Condition": _SEARCHED,
    "Within": {
        "first_turns": "In the first turns of that speaker.",
        "last_turns": "In the last turns of that speaker.",
        "after_turns": "After that many turns of that speaker.",
        "first_seconds": "In the first seconds of the speech.",
        "last_seconds": "In the last seconds of the speech.",
    },
    "Scoring": {
        "pass_threshold": "The share of the attainable points that passes: 0 to 1, 4 decimals.",
        "required_policy": "Whether a failed required criterion fails the call or is only listed.",
        "notes": "For people; part of the version all the same.",
    },
}


def _number_schema(**bounds: int) -> list[dict[str, Any]]:
    return [{"type": "number", **bounds}, {"type": "string", "format": "decimal"}]


_ONE_SEARCH = {"oneOf": [{"required": ["phrases"]}, {"required": ["pattern"]}]}
# Rules that the code checks beyond the types.
_STRUCTURE_RULES: Mapping[str, Mapping[str, Any]] = {
    "Rule": _ONE_SEARCH,
    "Condition": _ONE_SEARCH,
    "Within": {"minProperties": 1, "maxProperties": 1},
}
_FIELD_RULES: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("UnifiedDocument", "schema_version"): {"enum": [GUIDE_SCHEMA_VERSION, SCHEMA_VERSION]},
    ("UnifiedDocument", "tenant_id"): {"pattern": f"^{TENANT_ID.pattern}$"},
    ("UnifiedDocument", "call_id"): {"pattern": f"^{CALL_ID.pattern}$"},
    ("UnifiedDocument", "summary_raw"): {"maxLength": MAX_SUMMARY_RAW_BYTES},
    ("Criterion", "weight"): {"anyOf": _number_schema(exclusiveMinimum=0, maximum=1000)},
    ("Scoring", "pass_threshold"): {"anyOf": _number_schema(minimum=0, maximum=1), "default": 0.7},
}


def unified_document_schema() -> dict[str, Any]:
    """The JSON Schema of the unified document, version 1.3 (and of 1.2, which it contains)."""
    return _schema(
        UnifiedDocument,
        id=f"urn:cci-lite:unified-document:{SCHEMA_VERSION}",
        title=f"Unified document {SCHEMA_VERSION}",
    )


def form_schema() -> dict[str, Any]:
    """The JSON Schema of a form's file."""
    return _schema(FormFile, id="urn:cci-lite:form", title="Form")


def rendered_documents() -> dict[str, str]:
    """The documents that are rendered from the contract, by file name."""
    return {
        "data-dictionary.md": render_data_dictionary(),
        "unified-document.schema.json": _json_text(unified_document_schema()),
        "form.schema.json": _json_text(form_schema()),
    }


def write_documents(folder: Path) -> None:
    """Write the documents that are rendered from the contract into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in rendered_documents().items():
        write_whole(folder / name, text.encode())


def _schema(structure: type[msgspec.Struct], *, id: str, title: str) -> dict[str, Any]:
    rendered = msgspec.json.schema(structure)
    definitions = {
        name: _described(name, definition) for name, definition in rendered["$defs"].items()
    }
    top = definitions.pop(structure.__name__)
    return {"$schema": _DIALECT, "$id": id, **top, "title": title, "$defs": definitions}


def _described(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    # msgspec takes the docstring of the class, with the indentation that it has in the source.
    described = {**definition, "description": inspect.cleandoc(definition["description"])}
    if "properties" in definition:
        described["properties"] = {
            field: _described_field(name, field, schema)
            for field, schema in definition["properties"].items()
        }
    return {**described, **_STRUCTURE_RULES.get(name, {})}


def _described_field(name: str, field: str, schema: dict[str, Any]) -> dict[str, Any]:
    # msgspec describes a Decimal as text; in a file it is a number, as _FIELD_RULES say.
    if schema.get("format") == "decimal":
        schema = {}
    rules = _FIELD_RULES.get((name, field), {})
    return {**schema, "description": FIELD_MEANINGS[name][field], **rules}


def _json_text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write_documents(Path(sys.argv[1]))
