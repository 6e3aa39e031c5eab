"""Unified documents of calls that were judged on AWS, and corrupt ones."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from cci_lite.contract.definitions import read_described
from cci_lite.contract.form import Criterion, Form
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.scoring import Verdict
from cci_lite.sample.company import Course, OnAws
from cci_lite.sample.dice import Dice
from cci_lite.tenancy import call_id_for, recording_key

Json = dict[str, Any]

_CONFIDENCE = 0.97
# Comprehend's confidences for a piece of each sentiment.
_SCORES = {
    "POSITIVE": {"Positive": 0.91, "Negative": 0.01, "Neutral": 0.07, "Mixed": 0.01},
    "NEGATIVE": {"Positive": 0.02, "Negative": 0.88, "Neutral": 0.08, "Mixed": 0.02},
    "NEUTRAL": {"Positive": 0.05, "Negative": 0.06, "Neutral": 0.88, "Mixed": 0.01},
    "MIXED": {"Positive": 0.3, "Negative": 0.31, "Neutral": 0.09, "Mixed": 0.3},
}
_METADATA = ("language_code", "queue", "direction", "channel")
_SUMMARY = ("issue", "resolution", "outcome", "action_items", "sentiment_summary")


class Damage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to break a document, and the JSON path at which that is found."""

    name: str
    because: str
    find: str
    write: str
    at: str = ""


@dataclass(frozen=True)
class CorruptDocument:
    """A document to lay into the lake, where it is wrong (JSON path) and why."""

    tenant_id: str
    call_date: dt.date
    stem: str
    data: bytes = field(repr=False)
    damage: Damage


@dataclass(frozen=True)
class CallAnalysis:
    """What the services said of a call, what that took, and why a person has to look at it.

    `claims` is the percentage that its document claims where it is another than its form gives.
    """

    on_aws: OnAws
    course: Course
    tone: float
    review: tuple[str, ...]
    claims: float | None
    usage: Mapping[str, float]

    @property
    def sentiment_score(self) -> float:
        """Mean of positive minus negative over the pieces of the call."""
        scores = [_SCORES[label] for label in self.course.sentiment]
        return sum(score["Positive"] - score["Negative"] for score in scores) / len(scores)


def analyse(on_aws: OnAws, hundredths: int | None, dice: Dice) -> CallAnalysis:
    """How a call went whose form gives so many hundredths of a percent."""
    course = dice.pick_by_share(on_aws.courses)
    adds_up_wrong = dice.chance(on_aws.adds_up_wrong) and hundredths is not None
    return CallAnalysis(
        on_aws=on_aws,
        course=course,
        tone=dice.pick(course.tone),
        review=tuple(reason for reason, share in on_aws.review.items() if dice.chance(share)),
        claims=((hundredths or 0) + 9_000) % 10_000 / 100 if adds_up_wrong else None,
        usage={
            "audio_seconds": 90 + dice.below(5_000) / 10,
            "comprehend_units": 30 + dice.below(200),
            "input_tokens": 1_500 + dice.below(4_000),
            "output_tokens": 200 + dice.below(400),
            "model_calls": 1,
        },
    )


def decided_by(criterion: Criterion, verdict: Verdict) -> str | None:
    """Who decided a criterion, here or on AWS; None when nobody did."""
    if criterion.rule is not None:
        return "rule"
    return None if verdict is Verdict.UNSCORED else "model"


def judged_document(form: Form, verdicts: Mapping[str, Verdict], **ids: object) -> Json:
    """A document with its verdicts and the ids of its call, and nothing that can be left out."""
    return {
        "schema_version": "1.3",
        **ids,
        "call_date_source": "metadata",
        "qa_evaluation": {
            "template_id": form.name,
            "template_version": form.version,
            "template_hash": form.content_hash,
            "criteria": [_judged(each, verdicts[each.id]) for each in form.criteria],
        },
        "source": {"pii_redacted": "transcribe"},
    }


def analysed_document(document: Json, metadata: CallMetadata, analysis: CallAnalysis) -> bytes:
    """The judged document with all that the pipeline on AWS knows of a call."""
    course, on_aws, started_at = analysis.course, analysis.on_aws, metadata.started_at
    claim = {} if analysis.claims is None else {"percentage": analysis.claims}
    kinds = course.entities.items()
    more = {
        "call_started_at": started_at and started_at.isoformat(),
        "duration_seconds": analysis.usage["audio_seconds"],
        "agent": {
            "agent_id": metadata.agent_id,
            "name": metadata.agent_name,
            "team": metadata.agent_team,
        },
        **{name: getattr(metadata, name) for name in _METADATA},
        "sentiment": _results(
            {"Sentiment": label, "SentimentScore": _SCORES[label]} for label in course.sentiment
        ),
        "key_phrases": _results([{"KeyPhrases": [_found(text) for text in course.key_phrases]}]),
        "entities": _results(
            {"Entities": [_found(text) | {"Type": kind} for text in texts]} for kind, texts in kinds
        ),
        "ai_summary": {name: getattr(course, name) for name in _SUMMARY}
        | {"tone_score": analysis.tone},
        "qa_evaluation": document["qa_evaluation"] | claim,
        "review": {"needed": bool(analysis.review), "reasons": analysis.review},
        "usage": analysis.usage,
        "source": {
            "pii_redacted": on_aws.redaction.value,
            "prompt_version": on_aws.prompt_version,
            "model_id": on_aws.model_id,
        },
    }
    return _json_line(document | more)


@cache
def read_damages() -> tuple[Damage, ...]:
    """All ways to break a document."""
    return read_described(Path(__file__).with_name("corrupt.yaml"), tuple[Damage, ...])


def corrupt_document(
    tenant_id: str, form: Form, call_date: dt.date, damage: Damage
) -> CorruptDocument:
    """A document of a call that is not otherwise part of the world, damaged."""
    call_id = call_id_for(tenant_id, recording_key(tenant_id, f"damaged-{damage.name}.wav"))
    verdicts = {criterion.id: Verdict.PASS for criterion in form.criteria}
    ids = {"tenant_id": tenant_id, "call_id": call_id, "call_date": call_date.isoformat()}
    sound = judged_document(form, verdicts, **ids)
    text = _json_line(sound | {"duration_seconds": 84.2}).decode()
    broken = re.sub(damage.find, damage.write, text, count=1, flags=re.DOTALL)
    # Latin-1, so that `write` can name every byte.
    data = broken.encode("latin-1")
    return CorruptDocument(tenant_id, call_date, call_id, data, damage)


def _json_line(document: Json) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _judged(criterion: Criterion, verdict: Verdict) -> Json:
    passed = {Verdict.PASS: True, Verdict.FAIL: False}.get(verdict)
    by = decided_by(criterion, verdict)
    return {
        "id": criterion.id,
        "passed": passed,
        "verdict": verdict.value,
        "score": None if passed is None else float(criterion.weight) * passed,
        "confidence": _CONFIDENCE if by == "model" else None,
        "evaluator": by,
    }


def _results(results: Iterable[Json]) -> Json:
    return {"ResultList": [{"Index": index, **each} for index, each in enumerate(results)]}


def _found(text: str) -> Json:
    return {"Text": text, "Score": _CONFIDENCE}
