"""The row of `calls` that a document gives.

Each column that `contract/columns.py` declares gets its value in one of the dictionaries here, by
its name.
"""

from __future__ import annotations

from collections import Counter

from cci_lite.contract.columns import UNKNOWN_AGENT
from cci_lite.contract.document import (
    AiSummary,
    Sentiment,
    Source,
    UnifiedDocument,
    Usage,
    redaction_of,
)
from cci_lite.contract.scored_evaluation import ScoredEvaluation
from cci_lite.contract.scoring import Outcome, Verdict
from cci_lite.flatten.columns import milliseconds
from cci_lite.ports import StoredObject

_NO_SUMMARY = AiSummary()
_NO_USAGE = Usage()


def call_row(
    document: UnifiedDocument,
    scored: ScoredEvaluation | None,
    *,
    source: StoredObject,
    etl_run_id: str,
    unknown_fields: int,
) -> dict[str, object]:
    """The values of every column of `calls`; times in milliseconds since the epoch."""
    return {
        **_identity(document),
        **_people(document),
        **_sentiment(document.sentiment),
        **_summary(document.ai_summary or _NO_SUMMARY),
        **(_NOT_JUDGED if scored is None else _scores(scored)),
        **_review(document, scored),
        **_usage(document.usage or _NO_USAGE),
        **_origin(document.source),
        "unknown_fields": unknown_fields,
        "source_key": source.key,
        "source_etag": source.etag,
        "etl_run_id": etl_run_id,
    }


def _identity(document: UnifiedDocument) -> dict[str, object]:
    return {
        "call_id": document.call_id,
        "revision": document.revision,
        "schema_version": document.schema_version,
        "call_started_at": milliseconds(document.call_started_at),
        "call_date_source": document.call_date_source.value,
        "duration_seconds": document.duration_seconds,
    }


def _people(document: UnifiedDocument) -> dict[str, object]:
    agent = document.agent
    return {
        "agent_id": (agent and agent.agent_id) or UNKNOWN_AGENT,
        "agent_name": agent and agent.name,
        "agent_team": agent and agent.team,
        "queue": document.queue,
        "direction": document.direction,
        "channel": document.channel,
        "language_code": document.language_code,
    }


def _sentiment(sentiment: Sentiment | None) -> dict[str, object]:
    label, score = overall_sentiment(sentiment)
    return {"sentiment": label, "sentiment_score": score}


def _summary(summary: AiSummary) -> dict[str, object]:
    return {
        "issue": summary.issue,
        "resolution": summary.resolution,
        "issue_outcome": summary.outcome,
        "tone_score": summary.tone_score,
        "sentiment_summary": summary.sentiment_summary,
    }


def _usage(usage: Usage) -> dict[str, object]:
    return {
        "audio_seconds": usage.audio_seconds,
        "comprehend_units": usage.comprehend_units,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "model_calls": usage.model_calls,
    }


def _origin(made_by: Source | None) -> dict[str, object]:
    redacted = redaction_of(made_by)
    return {
        "pii_redacted": redacted and redacted.value,
        "model_id": made_by and made_by.model_id,
        "prompt_version": made_by and made_by.prompt_version,
        "pipeline_version": made_by and made_by.pipeline_version,
    }


def overall_sentiment(sentiment: Sentiment | None) -> tuple[str | None, float | None]:
    """The most frequent label (`MIXED` when two are level), and mean positive minus negative."""
    if sentiment is None:
        return None, None
    labels = Counter(result.sentiment for result in sentiment.result_list if result.sentiment)
    ranked = labels.most_common(2)
    label: str | None = ranked[0][0] if ranked else None
    if len(ranked) == 2 and ranked[0][1] == ranked[1][1]:
        label = "MIXED"
    scores = [
        scores.positive - scores.negative
        for result in sentiment.result_list
        if (scores := result.sentiment_score)
        and scores.positive is not None
        and scores.negative is not None
    ]
    return label, sum(scores) / len(scores) if scores else None


_NOT_JUDGED: dict[str, object] = {
    "template_id": None,
    "template_version": None,
    "template_hash": None,
    "qa_outcome": Outcome.NONE.value,
    "qa_passed": None,
    "qa_total_score": None,
    "qa_max_score": None,
    "qa_percentage": None,
    "qa_failed_required": None,
    "qa_criteria": 0,
    "qa_criteria_passed": 0,
    "qa_criteria_failed": 0,
    "qa_criteria_na": 0,
    "qa_criteria_unscored": 0,
    "qa_reported_total_score": None,
    "qa_reported_max_score": None,
    "qa_reported_percentage": None,
    "qa_reported_differs": None,
}


def _scores(scored: ScoredEvaluation) -> dict[str, object]:
    form, score, reported = scored.form, scored.score, scored.reported
    verdicts = scored.verdicts
    return {
        "template_id": form.name,
        "template_version": form.version,
        "template_hash": form.content_hash,
        "qa_outcome": score.outcome.value,
        "qa_passed": score.passed,
        "qa_total_score": float(score.total),
        "qa_max_score": float(score.max),
        "qa_percentage": None if score.percentage is None else float(score.percentage),
        "qa_failed_required": ",".join(score.failed_required) or None,
        "qa_criteria": len(verdicts),
        "qa_criteria_passed": verdicts.count(Verdict.PASS),
        "qa_criteria_failed": verdicts.count(Verdict.FAIL),
        "qa_criteria_na": verdicts.count(Verdict.NA),
        "qa_criteria_unscored": verdicts.count(Verdict.UNSCORED),
        "qa_reported_total_score": reported and reported.total_score,
        "qa_reported_max_score": reported and reported.max_score,
        "qa_reported_percentage": reported and reported.percentage,
        "qa_reported_differs": scored.reported_differs,
    }


def _review(document: UnifiedDocument, scored: ScoredEvaluation | None) -> dict[str, object]:
    review = document.review
    reasons = list(review.reasons) if review else []
    needed = review is not None and review.needed
    if scored is not None and scored.score.outcome is Outcome.REVIEW:
        needed = True
        reasons += [reason for reason in scored.review_reasons if reason not in reasons]
    return {"needs_review": needed, "review_reasons": ",".join(reasons) or None}
