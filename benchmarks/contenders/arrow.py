"""pyarrow.json: a day's documents as one buffer of lines with a declared schema, then list kernels.

Day by day, in as many processes as asked for.
"""

from __future__ import annotations

import functools
import multiprocessing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq

from benchmarks.contenders.files import days_of, name_of_day, read_lines
from benchmarks.contenders.shapes import DOCUMENT

_TYPES = {"text": pa.string(), "number": pa.float64(), "whole": pa.int64(), "flag": pa.bool_()}
_LABELS = ("POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED")
_TABLES = (
    "calls",
    "qa_criteria",
    "entities",
    "key_phrases",
    "sentiment_segments",
    "action_items",
)
_WHO = ("agent_id", "agent_name", "agent_team", "queue", "direction", "channel", "language_code")
_TEMPLATE = ("template_id", "template_version", "template_hash", "qa_outcome")

Columns = dict[str, Any]


def flatten(lake: Path, rows: Path, workers: int) -> None:
    """One file per table and day."""
    days = days_of(lake)
    for table_name in _TABLES:
        (rows / table_name).mkdir(parents=True, exist_ok=True)
    write = functools.partial(_write_day, rows)
    if workers == 1:
        for day in days:
            write(day)
    else:
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            pool.map(write, days, chunksize=1)
            pool.close()
            pool.join()


def _write_day(rows: Path, day: Path) -> None:
    lines = read_lines(day)
    schema = pa.schema([(name, _type(shape)) for name, shape in DOCUMENT.items()])
    documents = pj.read_json(
        pa.BufferReader(lines),
        # Every processor has a process of its own already.
        read_options=pj.ReadOptions(use_threads=False, block_size=len(lines)),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    ).combine_chunks()
    for table_name, columns in _tables(documents).items():
        table = pa.table(columns)
        pq.write_table(table, rows / table_name / f"{name_of_day(day)}.parquet", compression="zstd")


def _tables(documents: pa.Table) -> dict[str, Columns]:
    top = {name: _whole(documents[name]) for name in documents.column_names}
    segments = top["sentiment"].field("ResultList")
    calls = _calls(top, segments)
    criteria = top["qa_evaluation"].field("criteria")
    parent, position, found = _explode(criteria)
    verdict = found.field("verdict")
    passed, failed = pc.equal(verdict, "pass"), pc.equal(verdict, "fail")
    evaluated = pc.or_(passed, failed)
    evidence = _first(found.field("evidence"))
    segment_of, segment, result = _explode(segments)
    scores = result.field("SentimentScore")
    item_of, item_position, item = _explode(top["ai_summary"].field("action_items"))
    return {
        "calls": calls,
        "qa_criteria": {
            "criterion_id": found.field("id"),
            "position": position,
            **{
                name: found.field(name)
                for name in ("question", "verdict", "score", "weight", "required", "reason")
            },
            "passed": pc.if_else(evaluated, passed, pa.scalar(None, pa.bool_())),
            "is_passed": passed.cast(pa.int64()),
            "is_failed": failed.cast(pa.int64()),
            "is_evaluated": evaluated.cast(pa.int64()),
            "evidence": evidence.field("quote"),
            "evidence_at_seconds": evidence.field("start_seconds"),
            "confidence": found.field("confidence"),
            "evaluator": found.field("evaluator"),
            **_repeat(
                calls, parent, ("call_id", "call_started_at", *_TEMPLATE, *_WHO, "source_key")
            ),
        },
        "entities": _comprehend(top["entities"], "Entities", calls, {"entity_type": "Type"}),
        "key_phrases": _comprehend(top["key_phrases"], "KeyPhrases", calls, {}),
        "sentiment_segments": {
            "segment": segment,
            "sentiment": result.field("Sentiment"),
            **{
                name: scores.field(name.title())
                for name in ("positive", "negative", "neutral", "mixed")
            },
            **_repeat(calls, segment_of),
        },
        "action_items": {"position": item_position, "text": item, **_repeat(calls, item_of)},
    }


def _calls(top: Columns, segments: pa.Array) -> Columns:
    agent, summary, evaluation = top["agent"], top["ai_summary"], top["qa_evaluation"]
    review, usage, source = top["review"], top["usage"], top["source"]
    reported = _field(evaluation, "reported")
    criteria = evaluation.field("criteria")
    parent, _, found = _explode(criteria)
    segment_of, _, result = _explode(segments)
    scores = result.field("SentimentScore")
    count = len(top["call_id"])
    source_key = pc.binary_join_element_wise(
        "unified",
        top["tenant_id"],
        pc.replace_substring(top["call_date"], "-", "/"),
        pc.binary_join_element_wise(top["call_id"], ".json", ""),
        "/",
    )
    return {
        **{
            name: top[name]
            for name in (
                "call_id",
                "revision",
                "schema_version",
                "call_date_source",
                "duration_seconds",
                "queue",
                "direction",
                "channel",
                "language_code",
            )
        },
        "call_started_at": _times(top["call_started_at"]),
        "agent_id": pc.fill_null(_field(agent, "agent_id"), "unknown"),
        "agent_name": _field(agent, "name"),
        "agent_team": _field(agent, "team"),
        "sentiment": _overall(segment_of, result.field("Sentiment"), count),
        "sentiment_score": _mean(
            segment_of, pc.subtract(scores.field("Positive"), scores.field("Negative")), count
        ),
        "issue": _field(summary, "issue"),
        "resolution": _field(summary, "resolution"),
        "issue_outcome": _field(summary, "outcome"),
        "tone_score": _field(summary, "tone_score"),
        "sentiment_summary": _field(summary, "sentiment_summary"),
        **{name: evaluation.field(name) for name in _TEMPLATE[:3]},
        "qa_outcome": evaluation.field("outcome"),
        "qa_passed": evaluation.field("passed"),
        "qa_total_score": evaluation.field("total_score"),
        "qa_max_score": evaluation.field("max_score"),
        "qa_percentage": evaluation.field("percentage"),
        "qa_failed_required": _joined(evaluation.field("failed_required")),
        "qa_criteria": pc.list_value_length(criteria).cast(pa.int64()),
        **{
            f"qa_criteria_{short}": _counts(
                parent, pc.equal(found.field("verdict"), verdict), count
            )
            for short, verdict in (
                ("passed", "pass"),
                ("failed", "fail"),
                ("na", "na"),
                ("unscored", "unscored"),
            )
        },
        "qa_reported_total_score": _field(reported, "total_score"),
        "qa_reported_max_score": _field(reported, "max_score"),
        "qa_reported_percentage": _field(reported, "percentage"),
        "needs_review": pc.fill_null(_field(review, "needed"), False),
        "review_reasons": _joined(_field(review, "reasons")),
        "pii_redacted": source.field("pii_redacted"),
        **{
            name: usage.field(name)
            for name in (
                "audio_seconds",
                "comprehend_units",
                "input_tokens",
                "output_tokens",
                "model_calls",
            )
        },
        **{name: source.field(name) for name in ("model_id", "prompt_version", "pipeline_version")},
        "source_key": source_key,
    }


def _comprehend(answer: pa.Array, items: str, calls: Columns, more: dict[str, str]) -> Columns:
    """Two levels of lists: segments of a call, items of a segment."""
    call_of, segment, result = _explode(answer.field("ResultList"))
    segment_of, position, item = _explode(result.field(items))
    return {
        "segment": segment.take(segment_of),
        "position": position,
        "text": item.field("Text"),
        "score": item.field("Score"),
        **{column: item.field(name) for column, name in more.items()},
        **_repeat(calls, call_of.take(segment_of)),
    }


def _explode(lists: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Of each item of each list: the list's place, the item's place from 1, the item."""
    parent = pc.list_parent_indices(lists)
    lengths = pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int64())
    begin = pc.subtract(pc.cumulative_sum(lengths), lengths)
    row = pa.array(range(len(parent)), pa.int64())
    position = pc.add(pc.subtract(row, begin.take(parent)), 1)
    return parent, position, pc.list_flatten(lists)


def _repeat(
    calls: Columns, parent: pa.Array, names: tuple[str, ...] = ("call_id", "source_key")
) -> Columns:
    return {name: calls[name].take(parent) for name in names}


def _first(lists: pa.Array) -> pa.Array:
    """The first item of each list, or null."""
    parent, position, items = _explode(lists)
    is_first = pc.equal(position, 1)
    place = pa.table({"parent": parent.filter(is_first), "item": pc.indices_nonzero(is_first)})
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    rank = pc.subtract(pc.cumulative_sum(pc.greater(lengths, 0).cast(pa.int64())), 1)
    index = pc.if_else(pc.greater(lengths, 0), rank, None)
    return items.take(place["item"].combine_chunks().take(index))


def _counts(parent: pa.Array, is_counted: pa.Array, count: int) -> pa.Array:
    """How many rows of each parent are counted."""
    return _grouped(parent, is_counted.cast(pa.int64()), "sum", count)


def _mean(parent: pa.Array, values: pa.Array, count: int) -> pa.Array:
    return _grouped(parent, values, "mean", count)


def _grouped(parent: pa.Array, values: pa.Array, function: str, count: int) -> pa.Array:
    # Every call has criteria and segments, so the sorted groups are the calls in their order.
    groups = pa.table({"parent": parent, "value": values}).group_by("parent", use_threads=False)
    grouped = groups.aggregate([("value", function)]).sort_by("parent")
    assert grouped.num_rows == count
    return _whole(grouped[f"value_{function}"])


def _overall(parent: pa.Array, labels: pa.Array, count: int) -> pa.Array:
    """The most frequent label of each call, MIXED when two are level."""
    counts = [_counts(parent, pc.equal(labels, label), count) for label in _LABELS]
    most = functools.reduce(pc.max_element_wise, counts)
    leads = [pc.equal(one, most) for one in counts]
    leaders = functools.reduce(pc.add, (lead.cast(pa.int64()) for lead in leads))
    label = pc.case_when(pc.make_struct(*leads), *_LABELS)
    return pc.if_else(pc.greater(leaders, 1), "MIXED", label)


def _joined(lists: pa.Array) -> pa.Array:
    joined = pc.binary_join(lists, ",")
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), joined)


def _times(texts: pa.Array) -> pa.Array:
    return texts.cast(pa.timestamp("us", tz="UTC")).cast(pa.timestamp("ms"))


def _field(struct: pa.Array, name: str) -> pa.Array:
    """A field, null where the struct is."""
    return pc.struct_field(struct, name)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def _type(shape: object) -> pa.DataType:
    if isinstance(shape, dict):
        return pa.struct([(name, _type(part)) for name, part in shape.items()])
    if isinstance(shape, list):
        return pa.list_(_type(shape[0]))
    return _TYPES[str(shape)]
