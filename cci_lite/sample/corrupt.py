"""Unified documents that break the contract, each in one way."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cci_lite.contract.form import Form
from cci_lite.tenancy import call_id_for, recording_key

Json = dict[str, Any]


@dataclass(frozen=True)
class CorruptDocument:
    """A document to lay into the lake, where it is wrong (JSON path) and why."""

    tenant_id: str
    call_date: dt.date
    stem: str
    data: bytes = field(repr=False)
    json_path: str
    reason: str


@dataclass(frozen=True)
class Damage:
    """One way to break a document."""

    name: str
    json_path: str
    reason: str
    damage: Callable[[Json], bytes]


def corrupt_document(
    tenant_id: str, template: Form, call_date: dt.date, damage: Damage
) -> CorruptDocument:
    """A document of a call that is not otherwise part of the world, damaged."""
    call_id = call_id_for(tenant_id, recording_key(tenant_id, f"damaged-{damage.name}.wav"))
    data = damage.damage(_sound_document(tenant_id, template, call_date, call_id))
    return CorruptDocument(tenant_id, call_date, call_id, data, damage.json_path, damage.reason)


def _sound_document(tenant_id: str, template: Form, call_date: dt.date, call_id: str) -> Json:
    return {
        "schema_version": "1.3",
        "tenant_id": tenant_id,
        "call_id": call_id,
        "revision": 1,
        "call_date": call_date.isoformat(),
        "call_date_source": "metadata",
        "duration_seconds": 84.2,
        "qa_evaluation": {
            "template_id": template.name,
            "template_version": template.version,
            "template_hash": template.content_hash,
            "criteria": [
                {
                    "id": criterion.id,
                    "question": criterion.question,
                    "passed": True,
                    "verdict": "pass",
                    "score": float(criterion.weight),
                    "weight": float(criterion.weight),
                }
                for criterion in template.criteria
            ],
        },
        "source": {"pii_redacted": "transcribe"},
    }


def _line(document: Json) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _with(document: Json, **fields: Any) -> bytes:
    return _line(document | fields)


def _without(document: Json, field: str) -> bytes:
    return _line({key: value for key, value in document.items() if key != field})


def _with_result(document: Json, **fields: Any) -> bytes:
    """The document with other fields in the result of its second criterion."""
    evaluation = document["qa_evaluation"]
    criteria = list(evaluation["criteria"])
    criteria[1] = criteria[1] | fields
    return _with(document, qa_evaluation=evaluation | {"criteria": criteria})


DAMAGES = (
    Damage("cut-off", "", "cut off in the middle", lambda d: _line(d)[: len(_line(d)) // 2]),
    Damage(
        "score-as-words",
        "qa_evaluation.criteria[1].score",
        "a score that is not a number",
        lambda d: _with_result(d, score="n/a"),
    ),
    Damage(
        "not-a-number",
        "",
        "NaN, which JSON does not have",
        lambda d: _with(d, duration_seconds=float("nan")),
    ),
    Damage(
        "field-twice",
        "call_date",
        "the same field twice",
        lambda d: _line(d).replace(b'"call_date":', b'"call_date":"2001-01-01","call_date":', 1),
    ),
    Damage(
        "other-tenant",
        "tenant_id",
        "the id of another tenant",
        lambda d: _with(d, tenant_id="somebody-else"),
    ),
    Damage(
        "not-utf-8",
        "",
        "a byte that is not UTF-8",
        lambda d: _with(d, queue="Zurich").replace(b"Zurich", b"Z\xfcrich"),
    ),
    Damage("empty", "", "an empty file", lambda _: b""),
    Damage(
        "unknown-verdict",
        "qa_evaluation.criteria[1].verdict",
        "a verdict that does not exist",
        lambda d: _with_result(d, verdict="maybe"),
    ),
    Damage(
        "contradiction",
        "qa_evaluation.criteria[1].passed",
        "failed by one field, passed by another",
        lambda d: _with_result(d, passed=False),
    ),
    Damage(
        "impossible-day",
        "call_date",
        "a day that does not exist",
        lambda d: _with(d, call_date="2025-02-30"),
    ),
    Damage(
        "pretty-printed",
        "",
        "JSON over several lines",
        lambda d: json.dumps(d, indent=2).encode() + b"\n",
    ),
    Damage(
        "a-list", "", "a list instead of an object", lambda d: b"[" + _line(d).rstrip() + b"]\n"
    ),
    Damage(
        "criteria-as-text",
        "qa_evaluation.criteria",
        "text where a list belongs",
        lambda d: _with(d, qa_evaluation=d["qa_evaluation"] | {"criteria": "all passed"}),
    ),
    Damage("byte-order-mark", "", "a byte order mark", lambda d: b"\xef\xbb\xbf" + _line(d)),
    Damage(
        "negative-duration",
        "duration_seconds",
        "a call that ends before it starts",
        lambda d: _with(d, duration_seconds=-84.2),
    ),
    Damage("no-call-id", "", "no call id", lambda d: _without(d, "call_id")),
)
