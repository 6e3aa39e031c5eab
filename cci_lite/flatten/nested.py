"""The rows of the tables that are nested in calls.

What a row repeats of its call (agent, queue, source) or of its form (question, weight) is not given
here: `table_of` takes it from the call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from cci_lite.flatten.columns import Places, field_at, first_items, items_of, table_of
from cci_lite.flatten.scores import FAIL, PASS, POINT, VERDICTS, Evaluations


def nested_tables(
    documents: pa.StructArray, evaluations: Evaluations, calls: pa.Table
) -> dict[str, pa.Table]:
    """All nested tables of the documents, whose rows in `calls` are in the same order."""
    parts = {
        "qa_criteria": (evaluations.call, criterion_columns(evaluations)),
        "entities": _phrases(documents, "entities.ResultList", "Entities", entity_type="Type"),
        "key_phrases": _phrases(documents, "key_phrases.ResultList", "KeyPhrases"),
        "sentiment_segments": _segments(documents),
        "action_items": _action_items(documents),
    }
    return {name: table_of(name, columns, calls, call) for name, (call, columns) in parts.items()}


def criterion_columns(evaluations: Evaluations) -> dict[str, Any]:
    """The columns of `qa_criteria`, one row per criterion of each call's form."""
    forms, criterion, verdict = evaluations.forms, evaluations.criterion, evaluations.verdict
    is_passed, is_failed = verdict == PASS, verdict == FAIL
    is_evaluated = is_passed | is_failed
    weight = forms.weight[criterion] / POINT
    place = pa.array(criterion)
    result = evaluations.result
    evidence = first_items(field_at(result, "evidence"))
    return {
        "criterion_id": forms.criterion_id.take(place),
        "position": pa.array(evaluations.position),
        "question": forms.question.take(place),
        "verdict": VERDICTS.take(pa.array(verdict)),
        "passed": pa.array(is_passed, mask=~is_evaluated),
        "is_passed": pa.array(is_passed.astype(np.int64)),
        "is_failed": pa.array(is_failed.astype(np.int64)),
        "is_evaluated": pa.array(is_evaluated.astype(np.int64)),
        "score": pa.array(np.where(is_passed, weight, 0.0), mask=~is_evaluated),
        "weight": pa.array(weight),
        "required": pa.array(forms.required[criterion]),
        "reason": field_at(result, "reason"),
        "evidence": field_at(evidence, "quote"),
        "evidence_at_seconds": field_at(evidence, "start_seconds"),
        "confidence": field_at(result, "confidence"),
        "evaluator": field_at(result, "evaluator"),
    }


def _phrases(
    documents: pa.StructArray, path: str, items: str, **more: str
) -> tuple[Places, dict[str, Any]]:
    """What Comprehend found in the segments of each call."""
    call, number, segment = items_of(field_at(documents, path))
    within, position, found = items_of(field_at(segment, items))
    return call[within], {
        "segment": pa.array(number[within]),
        "position": pa.array(position),
        "text": field_at(found, "Text"),
        "score": field_at(found, "Score"),
        **{column: field_at(found, name) for column, name in more.items()},
    }


def _segments(documents: pa.StructArray) -> tuple[Places, dict[str, Any]]:
    call, number, segment = items_of(field_at(documents, "sentiment.ResultList"))
    scores = field_at(segment, "SentimentScore")
    return call, {
        "segment": pa.array(number),
        "sentiment": field_at(segment, "Sentiment"),
        **{
            name: field_at(scores, name.title())
            for name in ("positive", "negative", "neutral", "mixed")
        },
    }


def _action_items(documents: pa.StructArray) -> tuple[Places, dict[str, Any]]:
    call, position, item = items_of(field_at(documents, "ai_summary.action_items"))
    return call, {"position": pa.array(position), "text": item}
