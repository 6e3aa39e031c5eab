"""pandas: `json_normalize` of a day's documents, one frame per table, `to_parquet`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.contenders.files import days_of, name_of_day, names_of

_WHO = ["agent_id", "agent_name", "agent_team", "queue", "direction", "channel", "language_code"]
_REPEATED = [
    "call_id",
    "call_started_at",
    "template_id",
    "template_version",
    "template_hash",
    "qa_outcome",
    *_WHO,
    "source_key",
]
_RENAMED = {
    "agent.agent_id": "agent_id",
    "agent.name": "agent_name",
    "agent.team": "agent_team",
    "ai_summary.issue": "issue",
    "ai_summary.resolution": "resolution",
    "ai_summary.outcome": "issue_outcome",
    "ai_summary.tone_score": "tone_score",
    "ai_summary.sentiment_summary": "sentiment_summary",
    "qa_evaluation.template_id": "template_id",
    "qa_evaluation.template_version": "template_version",
    "qa_evaluation.template_hash": "template_hash",
    "qa_evaluation.outcome": "qa_outcome",
    "qa_evaluation.passed": "qa_passed",
    "qa_evaluation.total_score": "qa_total_score",
    "qa_evaluation.max_score": "qa_max_score",
    "qa_evaluation.percentage": "qa_percentage",
    "qa_evaluation.reported.total_score": "qa_reported_total_score",
    "qa_evaluation.reported.max_score": "qa_reported_max_score",
    "qa_evaluation.reported.percentage": "qa_reported_percentage",
    "review.needed": "needs_review",
    "source.pii_redacted": "pii_redacted",
    "usage.audio_seconds": "audio_seconds",
    "usage.comprehend_units": "comprehend_units",
    "usage.input_tokens": "input_tokens",
    "usage.output_tokens": "output_tokens",
    "usage.model_calls": "model_calls",
    "source.model_id": "model_id",
    "source.prompt_version": "prompt_version",
    "source.pipeline_version": "pipeline_version",
}
_AS_THEY_ARE = [
    "call_id",
    "revision",
    "schema_version",
    "call_date_source",
    "duration_seconds",
    "queue",
    "direction",
    "channel",
    "language_code",
]


def flatten(lake: Path, rows: Path, workers: int) -> None:  # noqa: ARG001 (pandas knows one processor)
    """One file per table and day."""
    for day in days_of(lake):
        documents = [json.loads((day / name).read_bytes()) for name in names_of(day)]
        for table_name, frame in frames_of(documents).items():
            target = rows / table_name / f"{name_of_day(day)}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            frame.to_parquet(target, compression="zstd", index=False)


def frames_of(documents: list[dict[str, Any]]) -> dict[str, pd.DataFrame]:
    _fill(documents)
    segments = pd.json_normalize(documents, ["sentiment", "ResultList"], ["call_id"])
    criteria = pd.json_normalize(documents, ["qa_evaluation", "criteria"], ["call_id"])
    calls = _calls(documents, segments, criteria)
    lineage = calls[["call_id", "source_key"]]
    items = pd.json_normalize(documents, ["ai_summary", "action_items"], ["call_id"])
    return {
        "calls": calls,
        "qa_criteria": _criteria(criteria, calls),
        "entities": _comprehend(documents, "entities", "Entities", lineage),
        "key_phrases": _comprehend(documents, "key_phrases", "KeyPhrases", lineage),
        "sentiment_segments": pd.DataFrame(
            {
                "call_id": segments["call_id"],
                "segment": segments["Index"] + 1,
                "sentiment": segments["Sentiment"],
                "positive": segments["SentimentScore.Positive"],
                "negative": segments["SentimentScore.Negative"],
                "neutral": segments["SentimentScore.Neutral"],
                "mixed": segments["SentimentScore.Mixed"],
            }
        ).merge(lineage, on="call_id"),
        "action_items": items.rename(columns={0: "text"})
        .assign(position=items.groupby("call_id").cumcount() + 1)
        .merge(lineage, on="call_id"),
    }


def _fill(documents: list[dict[str, Any]]) -> None:
    """`json_normalize` wants the path of its records in every document."""
    for document in documents:
        document["ai_summary"].setdefault("action_items", [])
        for field, items in (("entities", "Entities"), ("key_phrases", "KeyPhrases")):
            for result in document[field]["ResultList"]:
                result.setdefault(items, [])


def _calls(
    documents: list[dict[str, Any]], segments: pd.DataFrame, criteria: pd.DataFrame
) -> pd.DataFrame:
    flat = pd.json_normalize(documents)
    calls = flat.reindex(columns=[*_AS_THEY_ARE, *_RENAMED]).rename(columns=_RENAMED)
    calls["agent_id"] = calls["agent_id"].fillna("unknown")
    calls["needs_review"] = calls["needs_review"].eq(True)
    calls["qa_passed"] = calls["qa_passed"].astype("boolean")
    calls["call_started_at"] = pd.to_datetime(
        flat["call_started_at"], format="ISO8601"
    ).dt.tz_localize(None)
    calls["qa_failed_required"] = _joined(flat, "qa_evaluation.failed_required")
    calls["review_reasons"] = _joined(flat, "review.reasons")
    calls["source_key"] = (
        "unified/"
        + flat["tenant_id"]
        + "/"
        + flat["call_date"].str.replace("-", "/")
        + "/"
        + flat["call_id"]
        + ".json"
    )
    verdicts = pd.crosstab(criteria["call_id"], criteria["verdict"])
    counts = pd.DataFrame(
        {
            "qa_criteria": verdicts.sum(axis=1),
            **{
                f"qa_criteria_{short}": verdicts.get(verdict, 0)
                for short, verdict in (
                    ("passed", "pass"),
                    ("failed", "fail"),
                    ("na", "na"),
                    ("unscored", "unscored"),
                )
            },
        }
    )
    labels = pd.crosstab(segments["call_id"], segments["Sentiment"])
    most = labels.max(axis=1)
    is_level = labels.eq(most, axis=0).sum(axis=1) > 1
    difference = segments["SentimentScore.Positive"] - segments["SentimentScore.Negative"]
    overall = pd.DataFrame(
        {
            "sentiment": labels.idxmax(axis=1).mask(is_level, "MIXED"),
            "sentiment_score": difference.groupby(segments["call_id"]).mean(),
        }
    )
    return calls.merge(counts, on="call_id").merge(overall, on="call_id")


def _joined(flat: pd.DataFrame, column: str) -> pd.Series[Any]:
    if column not in flat:
        return pd.Series(None, index=flat.index, dtype="str")
    joined = flat[column].str.join(",")
    return joined.mask(joined == "")


def _criteria(criteria: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    verdict = criteria["verdict"]
    evaluated = verdict.isin(["pass", "fail"])
    evidence = criteria["evidence"].str[0]
    return pd.DataFrame(
        {
            "call_id": criteria["call_id"],
            "criterion_id": criteria["id"],
            "position": criteria.groupby("call_id").cumcount() + 1,
            "question": criteria["question"],
            "verdict": verdict,
            "passed": verdict.eq("pass").astype("boolean").mask(~evaluated),
            "is_passed": verdict.eq("pass").astype("int64"),
            "is_failed": verdict.eq("fail").astype("int64"),
            "is_evaluated": evaluated.astype("int64"),
            "score": criteria["score"],
            "weight": criteria["weight"],
            "required": criteria["required"].astype("bool"),
            "reason": criteria["reason"],
            "evidence": evidence.str.get("quote"),
            "evidence_at_seconds": evidence.str.get("start_seconds").astype("float64"),
            "confidence": criteria["confidence"],
            "evaluator": criteria["evaluator"],
        }
    ).merge(calls[_REPEATED], on="call_id")


def _comprehend(
    documents: list[dict[str, Any]], field: str, items: str, lineage: pd.DataFrame
) -> pd.DataFrame:
    found = pd.json_normalize(
        documents, [field, "ResultList", items], ["call_id", [field, "ResultList", "Index"]]
    )
    frame = pd.DataFrame(
        {
            "call_id": found["call_id"],
            "segment": found[f"{field}.ResultList.Index"].astype("int64") + 1,
            "text": found["Text"],
            "score": found["Score"],
        }
    )
    frame["position"] = frame.groupby(["call_id", "segment"]).cumcount() + 1
    if field == "entities":
        frame["entity_type"] = found["Type"]
    return frame.merge(lineage, on="call_id")
