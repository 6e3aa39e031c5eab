"""The rows of one document, written down one by one: what many documents at once must give, too."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from cci_lite.contract.columns import TABLES
from cci_lite.contract.document import UnifiedDocument, redaction_of
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scored_evaluation import Forms, ScoredEvaluation, score_document
from cci_lite.contract.scoring import Outcome, Verdict, passed_of
from cci_lite.errors import ContractError
from cci_lite.ports import StoredObject
from cci_lite.tenancy import parse_unified_key

Rows = dict[str, list[dict[str, Any]]]


def rows_of(
    data: bytes, source: StoredObject, tenant_id: str, forms: Forms, etl_run_id: str
) -> Rows:
    """The rows of a document by table; raises ContractError."""
    decoded = decode_document(data)
    document = decoded.document
    key = parse_unified_key(source.key)
    if document.tenant_id != tenant_id:
        raise ContractError("tenant_id", f"'{tenant_id}', as in the key", "another tenant")
    if document.call_date != key.call_date:
        found = f"{document.call_date}"
        raise ContractError("call_date", f"{key.call_date}, as in the key", found)
    if document.call_id != key.call_id:
        raise ContractError("call_id", "the file's name without .json", "another id")
    scored = score_document(document, forms)
    lineage = {
        "source_key": source.key, "source_etag": source.etag, "etl_run_id": etl_run_id,
    }  # fmt: skip
    call = {
        **_call(document), **_evaluation(scored), **_review(document, scored), **lineage,
        "unknown_fields": decoded.unknown_fields,
    }  # fmt: skip
    rows: Rows = {
        "calls": [call],
        "qa_criteria": [*_criteria(scored)],
        "entities": [
            {"segment": segment, "position": position, "text": entity.text,
             "entity_type": entity.type, "score": entity.score}
            for segment, result in enumerate(_results(document.entities), start=1)
            for position, entity in enumerate(result.entities, start=1)
        ],
        "key_phrases": [
            {"segment": segment, "position": position, "text": phrase.text, "score": phrase.score}
            for segment, result in enumerate(_results(document.key_phrases), start=1)
            for position, phrase in enumerate(result.key_phrases, start=1)
        ],
        "sentiment_segments": [
            {"segment": segment, "sentiment": result.sentiment,
             **{name: result.sentiment_score and getattr(result.sentiment_score, name)
                for name in ("positive", "negative", "neutral", "mixed")}}
            for segment, result in enumerate(_results(document.sentiment), start=1)
        ],
        "action_items": [
            {"position": position, "text": text}
            for position, text in enumerate(_items(document), start=1)
        ],
    }  # fmt: skip
    return {
        table_name: [
            {
                name: row[name] if name in row else call[name]
                for name in TABLES[table_name].column_names
            }
            for row in found
        ]
        for table_name, found in rows.items()
        if found
    }


def _results(answer: Any) -> list[Any]:
    return answer.result_list if answer else []


def _items(document: UnifiedDocument) -> list[str]:
    return document.ai_summary.action_items if document.ai_summary else []


def _call(document: UnifiedDocument) -> dict[str, Any]:
    agent, summary, usage = document.agent, document.ai_summary, document.usage
    source, redaction, started = (
        document.source,
        redaction_of(document.source),
        document.call_started_at,
    )
    in_utc = started and started.astimezone(dt.UTC).replace(tzinfo=None)
    return {
        **{name: getattr(document, name) for name in (
            "call_id", "revision", "schema_version", "duration_seconds", "queue", "direction",
            "channel", "language_code",
        )},
        "call_started_at": in_utc
        and in_utc.replace(microsecond=in_utc.microsecond // 1000 * 1000),
        "call_date_source": document.call_date_source.value,
        "agent_id": (agent and agent.agent_id) or "unknown",
        "agent_name": agent and agent.name,
        "agent_team": agent and agent.team,
        **_sentiment(document),
        **{name: summary and getattr(summary, name) for name in (
            "issue", "resolution", "tone_score", "sentiment_summary"
        )},
        "issue_outcome": summary and summary.outcome,
        **{name: usage and getattr(usage, name) for name in (
            "audio_seconds", "comprehend_units", "input_tokens", "output_tokens", "model_calls"
        )},
        "pii_redacted": redaction and redaction.value,
        **{name: source and getattr(source, name) for name in (
            "model_id", "prompt_version", "pipeline_version"
        )},
    }  # fmt: skip


def _sentiment(document: UnifiedDocument) -> dict[str, Any]:
    results = _results(document.sentiment)
    ranked = Counter(each.sentiment for each in results if each.sentiment).most_common(2)
    label = ranked[0][0] if ranked else None
    if len(ranked) == 2 and ranked[0][1] == ranked[1][1]:
        label = "MIXED"
    total, number = 0.0, 0
    for result in results:
        of = result.sentiment_score
        if of and of.positive is not None and of.negative is not None:
            total, number = total + (of.positive - of.negative), number + 1
    return {"sentiment": label, "sentiment_score": total / number if number else None}


def _evaluation(scored: ScoredEvaluation | None) -> dict[str, Any]:
    counts = {Verdict.PASS: "passed", Verdict.FAIL: "failed"}
    names = {verdict: f"qa_criteria_{counts.get(verdict, verdict)}" for verdict in Verdict}
    if scored is None:
        columns = [column.name for column in TABLES["calls"].columns]
        none = dict.fromkeys(name for name in columns if name.startswith(("qa_", "template_")))
        return none | dict.fromkeys(["qa_criteria", *names.values()], 0) | {"qa_outcome": "none"}
    form, score, reported = scored.form, scored.score, scored.reported
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
        "qa_criteria": len(scored.verdicts),
        **{name: scored.verdicts.count(verdict) for verdict, name in names.items()},
        **{f"qa_reported_{name}": reported and getattr(reported, name) for name in (
            "total_score", "max_score", "percentage"
        )},
        "qa_reported_differs": scored.reported_differs,
    }  # fmt: skip


def _review(document: UnifiedDocument, scored: ScoredEvaluation | None) -> dict[str, Any]:
    reasons = list(document.review.reasons) if document.review else []
    needed = document.review is not None and document.review.needed
    if scored is not None and scored.score.outcome is Outcome.REVIEW:
        needed = True
        reasons += [reason for reason in scored.review_reasons if reason not in reasons]
    return {"needs_review": needed, "review_reasons": ",".join(reasons) or None}


def _criteria(scored: ScoredEvaluation | None) -> Any:
    if scored is None:
        return
    judged = zip(scored.form.criteria, scored.results, scored.verdicts, strict=True)
    for position, (criterion, result, verdict) in enumerate(judged, start=1):
        evidence = result.evidence[0] if result and result.evidence else None
        passed, weight = passed_of(verdict), float(criterion.weight)
        yield {
            "criterion_id": criterion.id,
            "position": position,
            "question": criterion.question,
            "verdict": verdict.value,
            "passed": passed,
            "is_passed": int(passed is True),
            "is_failed": int(passed is False),
            "is_evaluated": int(passed is not None),
            "score": None if passed is None else weight * passed,
            "weight": weight,
            "required": criterion.required,
            "reason": result and result.reason,
            "evidence": evidence and evidence.quote,
            "evidence_at_seconds": evidence and evidence.start_seconds,
            "confidence": result and result.confidence,
            "evaluator": result and result.evaluator and result.evaluator.value,
        }
