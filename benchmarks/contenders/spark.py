"""PySpark on this machine: `read.json` with a declared schema, cached, then one write per table."""

from __future__ import annotations

from pathlib import Path

from pyspark import (  # type: ignore[import-not-found, unused-ignore]
    SparkContext,
    StorageLevel,
)
from pyspark.sql import SparkSession  # type: ignore[import-not-found, unused-ignore]

from benchmarks.contenders.shapes import DOCUMENT

_TYPES = {"text": "STRING", "number": "DOUBLE", "whole": "BIGINT", "flag": "BOOLEAN"}

_SETTINGS = {
    # Many small files make few, large pieces of work.
    "spark.sql.files.openCostInBytes": "65536",
    "spark.sql.files.maxPartitionBytes": "33554432",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "8",
    "spark.driver.memory": "3g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}

_KNOWN = """
SELECT call_id, revision, schema_version, call_date_source, duration_seconds, queue, direction,
    channel, language_code, sentiment, key_phrases, entities, ai_summary, qa_evaluation, review,
    usage, source, to_timestamp(call_started_at) AS call_started_at,
    coalesce(agent.agent_id, 'unknown') AS agent_id, agent.name AS agent_name,
    agent.team AS agent_team,
    concat('unified/', tenant_id, '/', replace(call_date, '-', '/'), '/', call_id, '.json')
        AS source_key
FROM documents
"""


def _verdicts(verdict: str) -> str:
    return f"CAST(size(filter(qa_evaluation.criteria, c -> c.verdict = '{verdict}')) AS BIGINT)"


def _count_of(label: str) -> str:
    return f"size(filter(sentiment.ResultList, s -> s.Sentiment = '{label}'))"


_TABLES = {
    "calls": f"""
WITH counted AS (
    SELECT *, {_count_of("POSITIVE")} AS positive, {_count_of("NEGATIVE")} AS negative,
        {_count_of("NEUTRAL")} AS neutral, {_count_of("MIXED")} AS mixed
    FROM known
), ranked AS (
    SELECT *, greatest(positive, negative, neutral, mixed) AS most FROM counted
)
SELECT call_id, revision, schema_version, call_started_at, call_date_source, duration_seconds,
    agent_id, agent_name, agent_team, queue, direction, channel, language_code,
    CASE
        WHEN CAST(positive = most AS INT) + CAST(negative = most AS INT)
            + CAST(neutral = most AS INT) + CAST(mixed = most AS INT) > 1 THEN 'MIXED'
        WHEN positive = most THEN 'POSITIVE'
        WHEN negative = most THEN 'NEGATIVE'
        WHEN neutral = most THEN 'NEUTRAL'
        ELSE 'MIXED'
    END AS sentiment,
    aggregate(
        sentiment.ResultList,
        CAST(0 AS DOUBLE),
        (sum, s) -> sum + (s.SentimentScore.Positive - s.SentimentScore.Negative)
    ) / size(sentiment.ResultList) AS sentiment_score,
    ai_summary.issue, ai_summary.resolution, ai_summary.outcome AS issue_outcome,
    ai_summary.tone_score, ai_summary.sentiment_summary,
    qa_evaluation.template_id, qa_evaluation.template_version, qa_evaluation.template_hash,
    qa_evaluation.outcome AS qa_outcome, qa_evaluation.passed AS qa_passed,
    qa_evaluation.total_score AS qa_total_score, qa_evaluation.max_score AS qa_max_score,
    qa_evaluation.percentage AS qa_percentage,
    nullif(array_join(qa_evaluation.failed_required, ','), '') AS qa_failed_required,
    CAST(size(qa_evaluation.criteria) AS BIGINT) AS qa_criteria,
    {_verdicts("pass")} AS qa_criteria_passed, {_verdicts("fail")} AS qa_criteria_failed,
    {_verdicts("na")} AS qa_criteria_na, {_verdicts("unscored")} AS qa_criteria_unscored,
    qa_evaluation.reported.total_score AS qa_reported_total_score,
    qa_evaluation.reported.max_score AS qa_reported_max_score,
    qa_evaluation.reported.percentage AS qa_reported_percentage,
    coalesce(review.needed, false) AS needs_review,
    nullif(array_join(review.reasons, ','), '') AS review_reasons,
    source.pii_redacted, usage.audio_seconds, usage.comprehend_units, usage.input_tokens,
    usage.output_tokens, usage.model_calls, source.model_id, source.prompt_version,
    source.pipeline_version, source_key
FROM ranked
""",
    "qa_criteria": """
SELECT call_id, c.id AS criterion_id, CAST(place + 1 AS BIGINT) AS position, c.question, c.verdict,
    CASE c.verdict WHEN 'pass' THEN true WHEN 'fail' THEN false END AS passed,
    CAST(c.verdict = 'pass' AS BIGINT) AS is_passed,
    CAST(c.verdict = 'fail' AS BIGINT) AS is_failed,
    CAST(c.verdict IN ('pass', 'fail') AS BIGINT) AS is_evaluated,
    c.score, c.weight, c.required, c.reason, c.evidence[0].quote AS evidence,
    c.evidence[0].start_seconds AS evidence_at_seconds, c.confidence, c.evaluator,
    qa_evaluation.template_id, qa_evaluation.template_version, qa_evaluation.template_hash,
    qa_evaluation.outcome AS qa_outcome, call_started_at,
    agent_id, agent_name, agent_team, queue, direction, channel, language_code, source_key
FROM known LATERAL VIEW posexplode(qa_evaluation.criteria) AS place, c
""",
    "entities": """
SELECT call_id, CAST(s + 1 AS BIGINT) AS segment, CAST(place + 1 AS BIGINT) AS position,
    item.Text AS text, item.Type AS entity_type, item.Score AS score, source_key
FROM known LATERAL VIEW posexplode(entities.ResultList) AS s, result
    LATERAL VIEW posexplode(result.Entities) AS place, item
""",
    "key_phrases": """
SELECT call_id, CAST(s + 1 AS BIGINT) AS segment, CAST(place + 1 AS BIGINT) AS position,
    item.Text AS text, item.Score AS score, source_key
FROM known LATERAL VIEW posexplode(key_phrases.ResultList) AS s, result
    LATERAL VIEW posexplode(result.KeyPhrases) AS place, item
""",
    "sentiment_segments": """
SELECT call_id, CAST(s + 1 AS BIGINT) AS segment, result.Sentiment AS sentiment,
    result.SentimentScore.Positive AS positive, result.SentimentScore.Negative AS negative,
    result.SentimentScore.Neutral AS neutral, result.SentimentScore.Mixed AS mixed, source_key
FROM known LATERAL VIEW posexplode(sentiment.ResultList) AS s, result
""",
    "action_items": """
SELECT call_id, CAST(place + 1 AS BIGINT) AS position, text, source_key
FROM known LATERAL VIEW posexplode(ai_summary.action_items) AS place, text
""",
}


def flatten(lake: Path, rows: Path, workers: int) -> None:
    """One folder of files per table; `local[workers]`."""
    builder = SparkSession.builder.master(f"local[{workers}]")
    for name, value in _SETTINGS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    schema = ", ".join(f"{name} {_type(shape)}" for name, shape in DOCUMENT.items())
    reader = spark.read.schema(schema).option("recursiveFileLookup", "true")
    reader.json(f"file://{lake}/unified").createOrReplaceTempView("documents")
    known = spark.sql(_KNOWN).persist(StorageLevel.MEMORY_AND_DISK)
    known.createOrReplaceTempView("known")
    for table_name, select in _TABLES.items():
        spark.sql(select).write.mode("overwrite").parquet(f"file://{rows}/{table_name}")
    # The Java process counts as a process of this contender only when it is waited for.
    gateway = SparkContext._gateway
    spark.stop()
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()


def _type(shape: object) -> str:
    if isinstance(shape, dict):
        return "STRUCT<" + ", ".join(f"{name}: {_type(part)}" for name, part in shape.items()) + ">"
    if isinstance(shape, list):
        return f"ARRAY<{_type(shape[0])}>"
    return _TYPES[str(shape)]
