"""The yardstick: typed msgspec decode, pyarrow, Parquet, and nothing else.

Same rows of the same tables, every column. No validation, no quarantine, no catalogue, no scoring:
what the document says is believed, so this is what the product's promises are measured against.
Day by day, in as many processes as asked for.
"""

from __future__ import annotations

import datetime as dt
import functools
import multiprocessing
import os
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.contenders.files import days_of, name_of_day, names_of
from cci_lite.contract.arrow import arrow_schema

# What `_call_row` gives. A column that the tables got later is not computed here: what others do
# stays comparable from release to release.
_CALL_COLUMNS = (
    "call_id", "revision", "schema_version", "call_started_at", "call_date_source",
    "duration_seconds", "agent_id", "agent_name", "agent_team", "queue", "direction", "channel",
    "language_code", "sentiment", "sentiment_score", "issue", "resolution", "issue_outcome",
    "tone_score", "sentiment_summary", "template_id", "template_version", "template_hash",
    "qa_outcome", "qa_passed", "qa_total_score", "qa_max_score", "qa_percentage",
    "qa_failed_required", "qa_criteria", "qa_criteria_passed", "qa_criteria_failed",
    "qa_criteria_na", "qa_criteria_unscored", "qa_reported_total_score", "qa_reported_max_score",
    "qa_reported_percentage", "qa_reported_differs", "needs_review", "review_reasons",
    "pii_redacted", "audio_seconds", "comprehend_units", "input_tokens", "output_tokens",
    "model_calls", "model_id", "prompt_version", "pipeline_version", "unknown_fields", "source_key",
    "source_etag", "etl_run_id",
)  # fmt: skip
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


class _Part(msgspec.Struct, gc=False):
    """Only the fields that become columns; the decoder skips the others."""


class _Scores(_Part, rename="pascal"):
    positive: float
    negative: float
    neutral: float
    mixed: float


class _Segment(_Part, rename="pascal"):
    sentiment: str
    sentiment_score: _Scores


class _Sentiment(_Part, rename="pascal"):
    result_list: list[_Segment]


class _KeyPhrase(_Part, rename="pascal"):
    text: str
    score: float


class _PhrasesOfSegment(_Part, rename="pascal"):
    key_phrases: list[_KeyPhrase] = []


class _KeyPhrases(_Part, rename="pascal"):
    result_list: list[_PhrasesOfSegment]


class _Entity(_Part, rename="pascal"):
    text: str
    type: str
    score: float


class _EntitiesOfSegment(_Part, rename="pascal"):
    entities: list[_Entity] = []


class _Entities(_Part, rename="pascal"):
    result_list: list[_EntitiesOfSegment]


class _Summary(_Part):
    issue: str | None = None
    resolution: str | None = None
    outcome: str | None = None
    action_items: list[str] = []
    tone_score: float | None = None
    sentiment_summary: str | None = None


class _Evidence(_Part):
    quote: str
    start_seconds: float | None = None


class _Criterion(_Part, kw_only=True):
    id: str
    question: str
    verdict: str
    score: float | None = None
    weight: float
    required: bool
    reason: str | None = None
    evidence: list[_Evidence] = []
    confidence: float | None = None
    evaluator: str | None = None


class _Reported(_Part):
    total_score: float | None = None
    max_score: float | None = None
    percentage: float | None = None


class _Evaluation(_Part, kw_only=True):
    template_id: str
    template_version: int
    template_hash: str
    criteria: list[_Criterion]
    total_score: float
    max_score: float
    percentage: float | None = None
    passed: bool | None = None
    outcome: str
    failed_required: list[str] = []
    reported: _Reported | None = None


class _Agent(_Part):
    agent_id: str = "unknown"
    name: str | None = None
    team: str | None = None


class _Review(_Part):
    needed: bool = False
    reasons: list[str] = []


class _Usage(_Part):
    audio_seconds: float | None = None
    comprehend_units: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    model_calls: int | None = None


class _Source(_Part):
    pii_redacted: str | None = None
    model_id: str | None = None
    prompt_version: str | None = None
    pipeline_version: str | None = None


class _Document(_Part, kw_only=True):
    schema_version: str
    call_id: str
    revision: int
    call_date_source: str
    call_started_at: dt.datetime
    language_code: str
    duration_seconds: float
    agent: _Agent = msgspec.field(default_factory=_Agent)
    queue: str | None = None
    direction: str
    channel: str
    sentiment: _Sentiment
    key_phrases: _KeyPhrases
    entities: _Entities
    ai_summary: _Summary
    qa_evaluation: _Evaluation
    review: _Review = msgspec.field(default_factory=_Review)
    usage: _Usage
    source: _Source


_NOT_REPORTED = _Reported()


def flatten(lake: Path, rows: Path, workers: int) -> None:
    """One file per table and day."""
    days = days_of(lake)
    for table in (
        "calls",
        "qa_criteria",
        "entities",
        "key_phrases",
        "sentiment_segments",
        "action_items",
    ):
        (rows / table).mkdir(parents=True, exist_ok=True)
    write = functools.partial(_write_day, lake, rows)
    if workers == 1:
        for day in days:
            write(day)
    else:
        # A fork is the cheapest start there is; nothing in this process runs threads yet.
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            pool.map(write, days, chunksize=1)
            pool.close()
            pool.join()


def _write_day(lake: Path, rows: Path, day: Path) -> None:
    tables = _tables(lake, day)
    name = name_of_day(day)
    for table_name, table in tables.items():
        pq.write_table(
            table, rows / table_name / f"{name}.parquet", compression="zstd", store_schema=False
        )


def _tables(lake: Path, day: Path) -> dict[str, pa.Table]:
    decode = msgspec.json.Decoder(_Document).decode
    calls: list[tuple[Any, ...]] = []
    criterion_call: list[int] = []
    criteria: list[tuple[Any, ...]] = []
    segment_call: list[int] = []
    segments: list[tuple[Any, ...]] = []
    entity_call: list[int] = []
    entities: list[tuple[Any, ...]] = []
    phrase_call: list[int] = []
    phrases: list[tuple[Any, ...]] = []
    item_call: list[int] = []
    items: list[tuple[Any, ...]] = []
    prefix = day.relative_to(lake).as_posix()
    for call, name in enumerate(names_of(day)):
        with (day / name).open("rb", buffering=0) as file:
            state = os.fstat(file.fileno())
            document = decode(file.read())
        evaluation = document.qa_evaluation
        calls.append(
            _call_row(document, f"{prefix}/{name}", f"{state.st_mtime_ns:x}-{state.st_size:x}")
        )
        for position, one in enumerate(evaluation.criteria, start=1):
            evidence = one.evidence[0] if one.evidence else None
            criteria.append(
                (
                    one.id,
                    position,
                    one.question,
                    one.verdict,
                    one.score,
                    one.weight,
                    one.required,
                    one.reason,
                    evidence and evidence.quote,
                    evidence and evidence.start_seconds,
                    one.confidence,
                    one.evaluator,
                )
            )
        criterion_call += [call] * len(evaluation.criteria)
        for number, segment in enumerate(document.sentiment.result_list, start=1):
            of = segment.sentiment_score
            segments.append(
                (number, segment.sentiment, of.positive, of.negative, of.neutral, of.mixed)
            )
        segment_call += [call] * len(document.sentiment.result_list)
        for number, entity_result in enumerate(document.entities.result_list, start=1):
            entities += [
                (number, position, entity.text, entity.type, entity.score)
                for position, entity in enumerate(entity_result.entities, start=1)
            ]
            entity_call += [call] * len(entity_result.entities)
        for number, phrase_result in enumerate(document.key_phrases.result_list, start=1):
            phrases += [
                (number, position, phrase.text, phrase.score)
                for position, phrase in enumerate(phrase_result.key_phrases, start=1)
            ]
            phrase_call += [call] * len(phrase_result.key_phrases)
        items += enumerate(document.ai_summary.action_items, start=1)
        item_call += [call] * len(document.ai_summary.action_items)
    call_table = pa.table(_columns("calls", _CALL_COLUMNS, calls))
    return {
        "calls": call_table,
        "qa_criteria": _criteria_table(criteria, criterion_call, call_table),
        "entities": _nested(
            "entities",
            ("segment", "position", "text", "entity_type", "score"),
            entities,
            entity_call,
            call_table,
        ),
        "key_phrases": _nested(
            "key_phrases",
            ("segment", "position", "text", "score"),
            phrases,
            phrase_call,
            call_table,
        ),
        "sentiment_segments": _nested(
            "sentiment_segments",
            ("segment", "sentiment", "positive", "negative", "neutral", "mixed"),
            segments,
            segment_call,
            call_table,
        ),
        "action_items": _nested("action_items", ("position", "text"), items, item_call, call_table),
    }


def _call_row(document: _Document, key: str, etag: str) -> tuple[Any, ...]:
    """The call's columns, in the order of the table."""
    agent, summary, usage = document.agent, document.ai_summary, document.usage
    evaluation, review, source = document.qa_evaluation, document.review, document.source
    reported = evaluation.reported
    claim = reported or _NOT_REPORTED
    verdicts = [one.verdict for one in evaluation.criteria]
    found = document.sentiment.result_list
    labels = [segment.sentiment for segment in found]
    counts = sorted(((labels.count(label), label) for label in set(labels)), reverse=True)
    level = len(counts) > 1 and counts[0][0] == counts[1][0]
    scores = [of.sentiment_score.positive - of.sentiment_score.negative for of in found]
    return (
        document.call_id,
        document.revision,
        document.schema_version,
        (document.call_started_at - _EPOCH) // _MILLISECOND,
        document.call_date_source,
        document.duration_seconds,
        agent.agent_id,
        agent.name,
        agent.team,
        document.queue,
        document.direction,
        document.channel,
        document.language_code,
        "MIXED" if level else counts[0][1],
        sum(scores) / len(scores),
        summary.issue,
        summary.resolution,
        summary.outcome,
        summary.tone_score,
        summary.sentiment_summary,
        evaluation.template_id,
        evaluation.template_version,
        evaluation.template_hash,
        evaluation.outcome,
        evaluation.passed,
        evaluation.total_score,
        evaluation.max_score,
        evaluation.percentage,
        ",".join(evaluation.failed_required) or None,
        len(verdicts),
        verdicts.count("pass"),
        verdicts.count("fail"),
        verdicts.count("na"),
        verdicts.count("unscored"),
        claim.total_score,
        claim.max_score,
        claim.percentage,
        reported
        and (
            claim.total_score != evaluation.total_score
            or claim.max_score != evaluation.max_score
            or claim.percentage != evaluation.percentage
        ),
        review.needed,
        ",".join(review.reasons) or None,
        source.pii_redacted,
        usage.audio_seconds,
        usage.comprehend_units,
        usage.input_tokens,
        usage.output_tokens,
        usage.model_calls,
        source.model_id,
        source.prompt_version,
        source.pipeline_version,
        0,
        key,
        etag,
        "bare",
    )


def _criteria_table(
    rows: list[tuple[Any, ...]], call_of_row: list[int], calls: pa.Table
) -> pa.Table:
    names = (
        "criterion_id",
        "position",
        "question",
        "verdict",
        "score",
        "weight",
        "required",
        "reason",
        "evidence",
        "evidence_at_seconds",
        "confidence",
        "evaluator",
    )
    columns = _columns("qa_criteria", names, rows)
    passed = pc.equal(columns["verdict"], "pass")
    failed = pc.equal(columns["verdict"], "fail")
    evaluated = pc.or_(passed, failed)
    columns |= {
        "passed": pc.if_else(evaluated, passed, pa.scalar(None, pa.bool_())),
        "is_passed": passed.cast(pa.int64()),
        "is_failed": failed.cast(pa.int64()),
        "is_evaluated": evaluated.cast(pa.int64()),
    }
    return _with_call("qa_criteria", columns, call_of_row, calls)


def _nested(
    table_name: str,
    names: tuple[str, ...],
    rows: list[tuple[Any, ...]],
    call_of_row: list[int],
    calls: pa.Table,
) -> pa.Table:
    return _with_call(table_name, _columns(table_name, names, rows), call_of_row, calls)


def _columns(
    table_name: str, names: tuple[str, ...], rows: list[tuple[Any, ...]]
) -> dict[str, pa.Array]:
    schema = arrow_schema(table_name)
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return {
        name: _array(values, schema.field(name).type)
        for name, values in zip(names, columns, strict=True)
    }


def _array(values: tuple[Any, ...], arrow_type: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(arrow_type):
        return pa.array(values, pa.int64()).cast(arrow_type)
    return pa.array(values, arrow_type)


def _with_call(
    table_name: str, columns: dict[str, pa.Array], call_of_row: list[int], calls: pa.Table
) -> pa.Table:
    names = [
        name
        for name in arrow_schema(table_name).names
        if name in columns or name in calls.column_names
    ]
    repeated = calls.select([name for name in names if name not in columns]).take(
        pa.array(call_of_row, pa.int64())
    )
    return pa.table({name: columns[name] if name in columns else repeated[name] for name in names})
