"""The rows of `calls`.

Each column that `contract/columns.py` declares gets its values here, by its name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cci_lite.contract.columns import UNKNOWN_AGENT
from cci_lite.contract.document import GUIDE_SCHEMA_VERSION, CallDateSource
from cci_lite.flatten.columns import field_at, flags_of, items_of, times_of
from cci_lite.flatten.scores import Scores

# Columns that are fields of the document as they stand there.
_SAID = {
    **{name: name for name in ("call_id", "duration_seconds", "queue", "direction", "channel")},
    "language_code": "language_code",
    "agent_name": "agent.name",
    "agent_team": "agent.team",
    "issue": "ai_summary.issue",
    "resolution": "ai_summary.resolution",
    "issue_outcome": "ai_summary.outcome",
    "tone_score": "ai_summary.tone_score",
    "sentiment_summary": "ai_summary.sentiment_summary",
    "pii_redacted": "source.pii_redacted",
    "audio_seconds": "usage.audio_seconds",
    "comprehend_units": "usage.comprehend_units",
    "input_tokens": "usage.input_tokens",
    "output_tokens": "usage.output_tokens",
    "model_calls": "usage.model_calls",
    "model_id": "source.model_id",
    "prompt_version": "source.prompt_version",
    "pipeline_version": "source.pipeline_version",
}
_SAID_OR_DEFAULT: dict[str, tuple[str, Any]] = {
    "revision": ("revision", 1),
    "schema_version": ("schema_version", GUIDE_SCHEMA_VERSION),
    "call_date_source": ("call_date_source", CallDateSource.DOCUMENT.value),
    "agent_id": ("agent.agent_id", UNKNOWN_AGENT),
}
_LABELS = pa.array(["POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED"])


def call_columns(documents: pa.StructArray, scores: Scores) -> dict[str, Any]:
    """The columns of `calls` that come from the documents, which hold to the contract."""
    return {
        **{name: field_at(documents, path) for name, path in _SAID.items()},
        **{
            name: field_at(documents, path).fill_null(default)
            for name, (path, default) in _SAID_OR_DEFAULT.items()
        },
        "call_started_at": times_of(field_at(documents, "call_started_at")),
        **_sentiment(field_at(documents, "sentiment.ResultList")),
        **scores.columns(),
        **_review(field_at(documents, "review"), scores),
    }


def _sentiment(segments: pa.ListArray) -> dict[str, pa.Array]:
    """The most frequent label (`MIXED` when two are level), and mean positive minus negative."""
    call, _, segment = items_of(segments)
    label = pc.index_in(field_at(segment, "Sentiment"), value_set=_LABELS)
    labelled = flags_of(pc.is_valid(label))
    code = call[labelled] * len(_LABELS) + label.drop_null().to_numpy()
    counts = np.bincount(code, minlength=len(segments) * len(_LABELS))
    counts = counts.reshape(len(segments), len(_LABELS))
    most = counts.max(axis=1)
    is_level = (counts == most[:, None]).sum(axis=1) > 1
    chosen = np.where(is_level, len(_LABELS) - 1, counts.argmax(axis=1))
    scores = field_at(segment, "SentimentScore")
    balance = pc.subtract(field_at(scores, "Positive"), field_at(scores, "Negative"))
    scored = call[flags_of(pc.is_valid(balance))]
    sums = np.bincount(scored, weights=balance.drop_null().to_numpy(), minlength=len(segments))
    number = np.bincount(scored, minlength=len(segments))
    return {
        "sentiment": _LABELS.take(pa.array(chosen, mask=most == 0)),
        "sentiment_score": pa.array(sums / np.maximum(number, 1), mask=number == 0),
    }


def _review(review: pa.StructArray, scores: Scores) -> dict[str, Any]:
    own = field_at(review, "reasons").to_pylist()
    needed = flags_of(field_at(review, "needed").fill_null(False))
    reasons = []
    for said, found in zip(own, scores.review_reasons(), strict=True):
        said = said or []
        reasons.append(",".join([*said, *(one for one in found if one not in said)]) or None)
    return {"needs_review": pa.array(needed | scores.sends_to_review), "review_reasons": reasons}
