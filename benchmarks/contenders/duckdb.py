"""DuckDB: documents into a table of nested values, then one COPY per table.

`read_json` with declared columns is the way that its manual shows. `read_text` and `from_json` with
a declared structure give the same table much faster when every document is a file of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import duckdb

from benchmarks.contenders.shapes import DOCUMENT

_TYPES = {"text": "VARCHAR", "number": "DOUBLE", "whole": "BIGINT", "flag": "BOOLEAN"}

_LABELS = "[s.Sentiment FOR s IN sentiment.ResultList]"
_SCORES = "[s.SentimentScore.Positive - s.SentimentScore.Negative FOR s IN sentiment.ResultList]"
_SOURCE_KEY = (
    "'unified/' || tenant_id || '/' || replace(call_date, '-', '/') || '/' || call_id || '.json'"
)


def _verdicts(verdict: str) -> str:
    return f"len([c FOR c IN qa_evaluation.criteria IF c.verdict = '{verdict}'])"


def _count_of(label: str) -> str:
    return f"len([s FOR s IN sentiment.ResultList IF s.Sentiment = '{label}'])"


_READ_JSON = "read_json($documents, format = 'newline_delimited', columns = {columns})"
_READ_TEXT = "(SELECT unnest(from_json(content, '{structure}')) FROM read_text($documents))"

# Cheap columns that nested rows repeat are computed once, beside the nested values.
SHARED_COLUMNS = """
    call_started_at::TIMESTAMP AS call_started_at,
    coalesce(agent.agent_id, 'unknown') AS agent_id, agent.name AS agent_name,
    agent.team AS agent_team
"""

_READ = f"""
CREATE TEMP TABLE documents AS
SELECT * EXCLUDE (call_started_at, call_date, agent), {SHARED_COLUMNS}, {_SOURCE_KEY} AS source_key
FROM {{source}}
"""

# `judged` is what the evaluation says, `review` what a person has to look at.
CALLS = f"""
WITH counted AS (
    SELECT *, {_count_of("POSITIVE")} AS positive, {_count_of("NEGATIVE")} AS negative,
        {_count_of("NEUTRAL")} AS neutral, {_count_of("MIXED")} AS mixed,
        greatest(positive, negative, neutral, mixed) AS most
    FROM documents
)
SELECT call_id, revision, schema_version, call_started_at, call_date_source, duration_seconds,
    agent_id, agent_name, agent_team, queue, direction, channel, language_code,
    CASE
        WHEN coalesce(most, 0) = 0 THEN NULL
        WHEN (positive = most)::INT + (negative = most)::INT + (neutral = most)::INT
            + (mixed = most)::INT > 1 THEN 'MIXED'
        WHEN positive = most THEN 'POSITIVE'
        WHEN negative = most THEN 'NEGATIVE'
        WHEN neutral = most THEN 'NEUTRAL'
        ELSE 'MIXED'
    END AS sentiment,
    list_avg({_SCORES}) AS sentiment_score,
    ai_summary.issue AS issue, ai_summary.resolution AS resolution,
    ai_summary.outcome AS issue_outcome, ai_summary.tone_score AS tone_score,
    ai_summary.sentiment_summary AS sentiment_summary,
    {{judged}}, {{review}},
    source.pii_redacted AS pii_redacted, usage.audio_seconds AS audio_seconds,
    usage.comprehend_units AS comprehend_units, usage.input_tokens AS input_tokens,
    usage.output_tokens AS output_tokens, usage.model_calls AS model_calls,
    source.model_id AS model_id, source.prompt_version AS prompt_version,
    source.pipeline_version AS pipeline_version, source_key
FROM counted
"""

_JUDGED = f"""
    qa_evaluation.template_id AS template_id, qa_evaluation.template_version AS template_version,
    qa_evaluation.template_hash AS template_hash,
    qa_evaluation.outcome AS qa_outcome, qa_evaluation.passed AS qa_passed,
    qa_evaluation.total_score AS qa_total_score, qa_evaluation.max_score AS qa_max_score,
    qa_evaluation.percentage AS qa_percentage,
    nullif(array_to_string(qa_evaluation.failed_required, ','), '') AS qa_failed_required,
    len(qa_evaluation.criteria) AS qa_criteria,
    {_verdicts("pass")} AS qa_criteria_passed, {_verdicts("fail")} AS qa_criteria_failed,
    {_verdicts("na")} AS qa_criteria_na, {_verdicts("unscored")} AS qa_criteria_unscored,
    qa_evaluation.reported.total_score AS qa_reported_total_score,
    qa_evaluation.reported.max_score AS qa_reported_max_score,
    qa_evaluation.reported.percentage AS qa_reported_percentage
"""

_REVIEW = """
    coalesce(review.needed, false) AS needs_review,
    nullif(array_to_string(review.reasons, ','), '') AS review_reasons
"""

QA_CRITERIA = """
WITH exploded AS (
    SELECT * EXCLUDE qa_evaluation, unnest(qa_evaluation.criteria) AS c,
        generate_subscripts(qa_evaluation.criteria, 1) AS position,
        qa_evaluation.template_id AS template_id,
        qa_evaluation.template_version AS template_version,
        qa_evaluation.template_hash AS template_hash, qa_evaluation.outcome AS qa_outcome
    FROM (
        SELECT call_id, call_started_at, agent_id, agent_name, agent_team, queue, direction,
            channel, language_code, source_key, qa_evaluation
        FROM documents
    )
)
SELECT call_id, c.id AS criterion_id, position, c.question AS question, c.verdict AS verdict,
    CASE c.verdict WHEN 'pass' THEN true WHEN 'fail' THEN false END AS passed,
    (c.verdict = 'pass')::BIGINT AS is_passed, (c.verdict = 'fail')::BIGINT AS is_failed,
    (c.verdict IN ('pass', 'fail'))::BIGINT AS is_evaluated,
    c.score AS score, c.weight AS weight, c.required AS required, c.reason AS reason,
    c.evidence[1].quote AS evidence, c.evidence[1].start_seconds AS evidence_at_seconds,
    c.confidence AS confidence, c.evaluator AS evaluator,
    template_id, template_version, template_hash, qa_outcome, call_started_at,
    agent_id, agent_name, agent_team, queue, direction, channel, language_code, source_key
FROM exploded
"""

_SEGMENTS_OF = """
SELECT call_id, source_key, unnest({field}.ResultList) AS result,
    generate_subscripts({field}.ResultList, 1) AS segment
FROM documents
"""

_ENTITIES = f"""
SELECT call_id, segment, position, item.Text AS text, item.Type AS entity_type,
    item.Score AS score, source_key
FROM (
    SELECT call_id, source_key, segment, unnest(result.Entities) AS item,
        generate_subscripts(result.Entities, 1) AS position
    FROM ({_SEGMENTS_OF.format(field="entities")})
)
"""

_KEY_PHRASES = f"""
SELECT call_id, segment, position, item.Text AS text, item.Score AS score, source_key
FROM (
    SELECT call_id, source_key, segment, unnest(result.KeyPhrases) AS item,
        generate_subscripts(result.KeyPhrases, 1) AS position
    FROM ({_SEGMENTS_OF.format(field="key_phrases")})
)
"""

_SENTIMENT_SEGMENTS = f"""
SELECT call_id, segment, result.Sentiment AS sentiment,
    result.SentimentScore.Positive AS positive, result.SentimentScore.Negative AS negative,
    result.SentimentScore.Neutral AS neutral, result.SentimentScore.Mixed AS mixed, source_key
FROM ({_SEGMENTS_OF.format(field="sentiment")})
"""

_ACTION_ITEMS = """
SELECT call_id, generate_subscripts(ai_summary.action_items, 1) AS position,
    unnest(ai_summary.action_items) AS text, source_key
FROM documents
"""

NESTED_TABLES = {
    "entities": _ENTITIES,
    "key_phrases": _KEY_PHRASES,
    "sentiment_segments": _SENTIMENT_SEGMENTS,
    "action_items": _ACTION_ITEMS,
}
_TABLES = {
    "calls": CALLS.format(judged=_JUDGED, review=_REVIEW),
    "qa_criteria": QA_CRITERIA,
    **NESTED_TABLES,
}


def flatten(lake: Path, rows: Path, workers: int) -> None:
    """By `read_json`."""
    columns = {name: _type(shape) for name, shape in DOCUMENT.items()}
    _flatten(lake, rows, workers, _READ_JSON.format(columns=columns))


def flatten_by_text(lake: Path, rows: Path, workers: int) -> None:
    """By `read_text` and `from_json`."""
    structure = json.dumps(structure_of(DOCUMENT))
    _flatten(lake, rows, workers, _READ_TEXT.format(structure=structure))


def _flatten(lake: Path, rows: Path, workers: int, source: str) -> None:
    """One file per table; all files are read in one statement, with `workers` threads."""
    with duckdb.connect(config={"threads": workers, "preserve_insertion_order": False}) as db:
        db.execute(_READ.format(source=source), {"documents": f"{lake}/unified/*/*/*/*/*.json"})
        write_tables(db, rows, _TABLES)


def write_tables(db: duckdb.DuckDBPyConnection, rows: Path, tables: Mapping[str, str]) -> None:
    """One file for each table, from what its query gives."""
    for table_name, select in tables.items():
        (rows / table_name).mkdir(parents=True, exist_ok=True)
        target = rows / table_name / "part.parquet"
        db.execute(f"COPY ({select}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def structure_of(shape: object) -> object:
    """The shape as `from_json` wants it declared."""
    if isinstance(shape, dict):
        return {name: structure_of(part) for name, part in shape.items()}
    if isinstance(shape, list):
        return [structure_of(shape[0])]
    return _TYPES[str(shape)]


def _type(shape: object) -> str:
    if isinstance(shape, dict):
        fields = ", ".join(f'"{name}" {_type(part)}' for name, part in shape.items())
        return f"STRUCT({fields})"
    if isinstance(shape, list):
        return f"{_type(shape[0])}[]"
    return _TYPES[str(shape)]
