"""The document's shape for engines that want it declared: only the fields that become columns.

Field names say what they hold; the leaves are `text`, `number`, `whole` and `flag`. A list has one
item.
"""

from __future__ import annotations

from typing import Any

Shape = dict[str, Any]

_COMPREHEND_TEXT: Shape = {"Text": "text", "Score": "number"}

DOCUMENT: Shape = {
    "tenant_id": "text",
    "call_id": "text",
    "call_date": "text",
    "revision": "whole",
    "schema_version": "text",
    "call_started_at": "text",
    "call_date_source": "text",
    "duration_seconds": "number",
    "agent": {"agent_id": "text", "name": "text", "team": "text"},
    "queue": "text",
    "direction": "text",
    "channel": "text",
    "language_code": "text",
    "sentiment": {
        "ResultList": [
            {
                "Sentiment": "text",
                "SentimentScore": {
                    "Positive": "number",
                    "Negative": "number",
                    "Neutral": "number",
                    "Mixed": "number",
                },
            }
        ]
    },
    "key_phrases": {"ResultList": [{"KeyPhrases": [_COMPREHEND_TEXT]}]},
    "entities": {"ResultList": [{"Entities": [{**_COMPREHEND_TEXT, "Type": "text"}]}]},
    "ai_summary": {
        "issue": "text",
        "resolution": "text",
        "outcome": "text",
        "action_items": ["text"],
        "tone_score": "number",
        "sentiment_summary": "text",
    },
    "qa_evaluation": {
        "template_id": "text",
        "template_version": "whole",
        "template_hash": "text",
        "criteria": [
            {
                "id": "text",
                "question": "text",
                "verdict": "text",
                "score": "number",
                "weight": "number",
                "required": "flag",
                "reason": "text",
                "evidence": [{"quote": "text", "start_seconds": "number"}],
                "confidence": "number",
                "evaluator": "text",
            }
        ],
        "total_score": "number",
        "max_score": "number",
        "percentage": "number",
        "passed": "flag",
        "outcome": "text",
        "failed_required": ["text"],
        "reported": {"total_score": "number", "max_score": "number", "percentage": "number"},
    },
    "review": {"needed": "flag", "reasons": ["text"]},
    "usage": {
        "audio_seconds": "number",
        "comprehend_units": "whole",
        "input_tokens": "whole",
        "output_tokens": "whole",
        "model_calls": "whole",
    },
    "source": {
        "pii_redacted": "text",
        "model_id": "text",
        "prompt_version": "text",
        "pipeline_version": "text",
    },
}
