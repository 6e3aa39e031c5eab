"""Polars: a day's documents as one buffer of lines with a declared schema, then lazy explodes."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl  # type: ignore[import-not-found, unused-ignore]

from benchmarks.contenders.files import days_of, name_of_day, read_lines
from benchmarks.contenders.shapes import DOCUMENT

_TYPES = {"text": pl.String(), "number": pl.Float64(), "whole": pl.Int64(), "flag": pl.Boolean()}
_LABELS = ("POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED")
_WHO = ("agent_id", "agent_name", "agent_team", "queue", "direction", "channel", "language_code")
_TEMPLATE = ("template_id", "template_version", "template_hash", "qa_outcome")


def flatten(lake: Path, rows: Path, workers: int) -> None:  # noqa: ARG001 (POLARS_MAX_THREADS says it before the import)
    """One file per table and day."""
    schema = {name: _type(shape) for name, shape in DOCUMENT.items()}
    for day in days_of(lake):
        lines = read_lines(day)
        documents = pl.read_ndjson(io.BytesIO(lines), schema=schema)
        frames = _frames(documents.lazy())
        for table_name, frame in zip(frames, pl.collect_all(frames.values()), strict=True):
            target = rows / table_name / f"{name_of_day(day)}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            frame.write_parquet(target, compression="zstd")


def _frames(documents: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
    calls = _calls(documents)
    known = documents.with_columns(
        *_who(),
        *_template(),
        _started_at(),
        _source_key(),
    )
    segments = pl.col("sentiment").struct.field("ResultList")
    return {
        "calls": calls,
        "qa_criteria": _criteria(known),
        "entities": _comprehend(known, "entities", "Entities"),
        "key_phrases": _comprehend(known, "key_phrases", "KeyPhrases"),
        "sentiment_segments": known.select(
            "call_id",
            "source_key",
            result=segments,
            segment=pl.int_ranges(1, segments.list.len() + 1),
        )
        .explode("result", "segment")
        .select(
            "call_id",
            "segment",
            pl.col("result").struct.field("Sentiment").alias("sentiment"),
            *(
                pl.col("result")
                .struct.field("SentimentScore")
                .struct.field(name.title())
                .alias(name)
                for name in ("positive", "negative", "neutral", "mixed")
            ),
            "source_key",
        ),
        "action_items": known.select(
            "call_id",
            "source_key",
            text=(items := pl.col("ai_summary").struct.field("action_items")),
            position=pl.int_ranges(1, items.list.len() + 1),
        )
        .filter(pl.col("text").list.len() > 0)
        .explode("text", "position"),
    }


def _calls(documents: pl.LazyFrame) -> pl.LazyFrame:
    summary, evaluation = pl.col("ai_summary").struct, pl.col("qa_evaluation").struct
    review, reported = pl.col("review").struct, evaluation.field("reported").struct
    results = pl.col("sentiment").struct.field("ResultList")
    scores = pl.element().struct.field("SentimentScore").struct
    verdicts = evaluation.field("criteria").list.eval(pl.element().struct.field("verdict"))
    labels = results.list.eval(pl.element().struct.field("Sentiment"))
    counts = [labels.list.count_matches(label) for label in _LABELS]
    most = pl.max_horizontal(counts)
    leaders = pl.sum_horizontal([count == most for count in counts])
    label = pl.coalesce(
        pl.when(count == most).then(pl.lit(label))
        for count, label in zip(counts, _LABELS, strict=True)
    )
    return documents.select(
        "call_id",
        "revision",
        "schema_version",
        "call_date_source",
        "duration_seconds",
        "queue",
        "direction",
        "channel",
        "language_code",
        _started_at(),
        *_who(),
        *_template(),
        pl.when(leaders > 1).then(pl.lit("MIXED")).otherwise(label).alias("sentiment"),
        results.list.eval(scores.field("Positive") - scores.field("Negative"))
        .list.mean()
        .alias("sentiment_score"),
        summary.field("issue"),
        summary.field("resolution"),
        summary.field("outcome").alias("issue_outcome"),
        summary.field("tone_score"),
        summary.field("sentiment_summary"),
        evaluation.field("passed").alias("qa_passed"),
        evaluation.field("total_score").alias("qa_total_score"),
        evaluation.field("max_score").alias("qa_max_score"),
        evaluation.field("percentage").alias("qa_percentage"),
        _joined(evaluation.field("failed_required")).alias("qa_failed_required"),
        evaluation.field("criteria").list.len().alias("qa_criteria"),
        verdicts.list.count_matches("pass").alias("qa_criteria_passed"),
        verdicts.list.count_matches("fail").alias("qa_criteria_failed"),
        verdicts.list.count_matches("na").alias("qa_criteria_na"),
        verdicts.list.count_matches("unscored").alias("qa_criteria_unscored"),
        reported.field("total_score").alias("qa_reported_total_score"),
        reported.field("max_score").alias("qa_reported_max_score"),
        reported.field("percentage").alias("qa_reported_percentage"),
        review.field("needed").fill_null(False).alias("needs_review"),
        _joined(review.field("reasons")).alias("review_reasons"),
        *(
            pl.col("usage").struct.field(name)
            for name in (
                "audio_seconds",
                "comprehend_units",
                "input_tokens",
                "output_tokens",
                "model_calls",
            )
        ),
        *(
            pl.col("source").struct.field(name)
            for name in ("pii_redacted", "model_id", "prompt_version", "pipeline_version")
        ),
        _source_key(),
    )


def _criteria(known: pl.LazyFrame) -> pl.LazyFrame:
    criteria = pl.col("qa_evaluation").struct.field("criteria")
    repeated = ("call_id", "call_started_at", *_TEMPLATE, *_WHO, "source_key")
    one = pl.col("criterion").struct
    first = one.field("evidence").list.first().struct
    verdict = one.field("verdict")
    return (
        known.select(
            *repeated, criterion=criteria, position=pl.int_ranges(1, criteria.list.len() + 1)
        )
        .explode("criterion", "position")
        .select(
            *repeated,
            "position",
            one.field("id").alias("criterion_id"),
            *(
                one.field(name)
                for name in (
                    "question",
                    "verdict",
                    "score",
                    "weight",
                    "required",
                    "reason",
                    "confidence",
                    "evaluator",
                )
            ),
            pl.when(verdict.is_in(["pass", "fail"])).then(verdict == "pass").alias("passed"),
            (verdict == "pass").cast(pl.Int64).alias("is_passed"),
            (verdict == "fail").cast(pl.Int64).alias("is_failed"),
            verdict.is_in(["pass", "fail"]).cast(pl.Int64).alias("is_evaluated"),
            first.field("quote").alias("evidence"),
            first.field("start_seconds").alias("evidence_at_seconds"),
        )
    )


def _comprehend(known: pl.LazyFrame, field: str, items: str) -> pl.LazyFrame:
    results = pl.col(field).struct.field("ResultList")
    found = pl.col("result").struct.field(items)
    more = {"entity_type": pl.col("item").struct.field("Type")} if field == "entities" else {}
    return (
        known.select(
            "call_id",
            "source_key",
            result=results,
            segment=pl.int_ranges(1, results.list.len() + 1),
        )
        .explode("result", "segment")
        .select(
            "call_id",
            "source_key",
            "segment",
            item=found,
            position=pl.int_ranges(1, found.list.len() + 1),
        )
        .filter(pl.col("item").list.len() > 0)
        .explode("item", "position")
        .select(
            "call_id",
            "segment",
            "position",
            pl.col("item").struct.field("Text").alias("text"),
            pl.col("item").struct.field("Score").alias("score"),
            "source_key",
            **more,
        )
    )


def _who() -> list[pl.Expr]:
    agent = pl.col("agent").struct
    return [
        agent.field("agent_id").fill_null("unknown"),
        agent.field("name").alias("agent_name"),
        agent.field("team").alias("agent_team"),
    ]


def _template() -> list[pl.Expr]:
    evaluation = pl.col("qa_evaluation").struct
    return [
        *(evaluation.field(name) for name in _TEMPLATE[:3]),
        evaluation.field("outcome").alias("qa_outcome"),
    ]


def _started_at() -> pl.Expr:
    text = pl.col("call_started_at").str.strip_suffix("Z")
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us").dt.cast_time_unit("ms")


def _source_key() -> pl.Expr:
    day = pl.col("call_date").str.replace_all("-", "/", literal=True)
    return pl.concat_str(
        pl.lit("unified/"), "tenant_id", pl.lit("/"), day, pl.lit("/"), "call_id", pl.lit(".json")
    ).alias("source_key")


def _joined(lists: pl.Expr) -> pl.Expr:
    joined = lists.list.join(",")
    return pl.when(joined != "").then(joined)


def _type(shape: object) -> pl.DataType:
    if isinstance(shape, dict):
        return pl.Struct({name: _type(part) for name, part in shape.items()})
    if isinstance(shape, list):
        return pl.List(_type(shape[0]))
    return _TYPES[str(shape)]
