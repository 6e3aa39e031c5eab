"""The curated tables: one list of columns each.

Everything that needs a table's shape is rendered from `TABLES`: the Arrow schema that is written,
the Glue types, the engine's declared types and the data dictionary. Only this module says what a
column means.

Types are Athena's: `varchar`, `bigint`, `double`, `boolean`, `date`, `timestamp(3)`. Timestamps are
UTC.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

UNKNOWN_AGENT = "unknown"  # the agent_id of calls whose document names no agent


class ColumnType(StrEnum):
    """A column's type, spelled as Athena's SQL spells it."""

    VARCHAR = "varchar"
    BIGINT = "bigint"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp(3)"


@dataclass(frozen=True)
class Column:
    """One column: what it is called, holds and means."""

    name: str
    type: ColumnType
    meaning: str
    nullable: bool = True


@dataclass(frozen=True)
class Table:
    """One curated table: `key` names the columns that identify a row within a tenant."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the stored columns, in order (the partition columns are not stored)."""
        return tuple(column.name for column in self.columns)


def _text(name: str, meaning: str, *, nullable: bool = True) -> Column:
    return Column(name, ColumnType.VARCHAR, meaning, nullable)


def _whole(name: str, meaning: str, *, nullable: bool = True) -> Column:
    return Column(name, ColumnType.BIGINT, meaning, nullable)


def _number(name: str, meaning: str) -> Column:
    return Column(name, ColumnType.DOUBLE, meaning)


def _flag(name: str, meaning: str, *, nullable: bool = True) -> Column:
    return Column(name, ColumnType.BOOLEAN, meaning, nullable)


def _time(name: str, meaning: str) -> Column:
    return Column(name, ColumnType.TIMESTAMP, meaning)


PARTITION_COLUMNS: tuple[Column, ...] = (
    Column("tenant_id", ColumnType.VARCHAR, "The company whose call it is.", nullable=False),
    Column(
        "call_date",
        ColumnType.DATE,
        "The day the call started, in the tenant's time zone.",
        nullable=False,
    ),
)

# Columns that several tables have, so that they are described once.
_CALL_ID = _text("call_id", "The call; unique within the tenant.", nullable=False)
_LINEAGE = (
    _text("source_key", "The unified document that the row comes from.", nullable=False),
    _text("source_etag", "The version of that document.", nullable=False),
    _text("etl_run_id", "The run that wrote the row.", nullable=False),
)
_STARTED = _time("call_started_at", "When the call started (UTC).")
_WHO = (
    _text("agent_id", "The agent; `unknown` when the document names none.", nullable=False),
    _text("agent_name", "The agent's name as the tenant gives it."),
    _text("agent_team", "The agent's team."),
    _text("queue", "The queue the call came through."),
    _text("direction", "`inbound` or `outbound`."),
    _text("channel", "The medium of the call, such as `voice`."),
    _text("language_code", "The language of the call, such as `en-US`."),
)
_FORM = (
    _text("template_id", "The form that the call was judged against."),
    _whole("template_version", "The version of that form."),
    _text("template_hash", "The content hash of that version."),
)

CALLS = Table(
    "calls",
    "one row per call, its latest revision",
    ("call_id",),
    (
        _CALL_ID,
        _whole("revision", "How many times this recording had been uploaded.", nullable=False),
        _text("schema_version", "The version of the unified document's contract.", nullable=False),
        _STARTED,
        _text(
            "call_date_source",
            "Where the day comes from: `metadata`, `upload` or `document`.",
            nullable=False,
        ),
        _number("duration_seconds", "The length of the call in seconds."),
        *_WHO,
        _text(
            "sentiment",
            "The most frequent sentiment of the call's segments; `MIXED` when two are equally "
            "frequent.",
        ),
        _number(
            "sentiment_score",
            "Mean of positive minus negative over the segments that carry scores, -1 to 1.",
        ),
        _text("issue", "What the call was about, in the model's words."),
        _text("resolution", "What was done about it, in the model's words."),
        _text("issue_outcome", "How the issue ended, in the model's words (`ai_summary.outcome`)."),
        _number("tone_score", "The model's score of the conversation's tone, 0 to 100."),
        _text("sentiment_summary", "The course of the sentiment, in the model's words."),
        *_FORM,
        _text(
            "qa_outcome",
            "`pass`, `fail`, `review` (a required criterion has no verdict) or `none`.",
            nullable=False,
        ),
        _flag("qa_passed", "The outcome as true (pass), false (fail) or NULL."),
        _number("qa_total_score", "Points scored: the weights of the criteria that passed."),
        _number(
            "qa_max_score", "Points attainable: the weights of the criteria that passed or failed."
        ),
        _number(
            "qa_percentage",
            "100 x total / max, rounded half up to two decimals; NULL when max is 0.",
        ),
        _text(
            "qa_failed_required",
            "The required criteria that failed, in the form's order, separated by commas.",
        ),
        _whole("qa_criteria", "Criteria of the form, judged or not.", nullable=False),
        _whole("qa_criteria_passed", "Criteria with the verdict pass.", nullable=False),
        _whole("qa_criteria_failed", "Criteria with the verdict fail.", nullable=False),
        _whole("qa_criteria_na", "Criteria that did not apply.", nullable=False),
        _whole("qa_criteria_unscored", "Criteria without a verdict.", nullable=False),
        _number("qa_reported_total_score", "The total that the document's evaluator claimed."),
        _number("qa_reported_max_score", "The maximum that the document's evaluator claimed."),
        _number("qa_reported_percentage", "The percentage that the document's evaluator claimed."),
        _flag("qa_reported_differs", "Whether a claimed figure differs from the computed one."),
        _flag("needs_review", "Whether a person has to look at the call.", nullable=False),
        _text("review_reasons", "Why, separated by commas."),
        _text(
            "pii_redacted",
            "Who redacted the transcript: `transcribe`, `masked` (a second stage) or `none`.",
        ),
        _number("audio_seconds", "Seconds of audio that were transcribed."),
        _whole("comprehend_units", "Units of 100 characters sent to Comprehend."),
        _whole("input_tokens", "Tokens sent to the language model."),
        _whole("output_tokens", "Tokens received from the language model."),
        _whole("model_calls", "Calls of the language model."),
        _text("model_id", "The language model that judged the call."),
        _text("prompt_version", "The version of the prompt."),
        _text("pipeline_version", "The version of the pipeline that wrote the document."),
        _whole(
            "unknown_fields",
            "Fields of the document that the contract does not know.",
            nullable=False,
        ),
        *_LINEAGE,
    ),
)

QA_CRITERIA = Table(
    "qa_criteria",
    "one row per call and criterion of the form it was judged against",
    ("call_id", "criterion_id"),
    (
        _CALL_ID,
        _text(
            "criterion_id",
            "The criterion; unique within a version of a form.",
            nullable=False,
        ),
        _whole("position", "The criterion's place in the form, from 1.", nullable=False),
        _text("question", "The wording of the criterion."),
        _text("verdict", "`pass`, `fail`, `na` (does not apply) or `unscored`.", nullable=False),
        _flag("passed", "The verdict as true (pass), false (fail) or NULL."),
        _whole("is_passed", "1 when passed, otherwise 0.", nullable=False),
        _whole("is_failed", "1 when failed, otherwise 0.", nullable=False),
        _whole("is_evaluated", "1 when passed or failed, otherwise 0.", nullable=False),
        _number("score", "Points scored; NULL without a pass or fail."),
        _number("weight", "Points attainable."),
        _flag("required", "Whether failing the criterion fails the call.", nullable=False),
        _text("reason", "Why, in the evaluator's words."),
        _text("evidence", "What was said, quoted from the redacted transcript."),
        _number(
            "evidence_at_seconds", "When it was said, in seconds from the start of the recording."
        ),
        _number("confidence", "The evaluator's confidence, 0 to 1."),
        _text("evaluator", "Who decided: `model`, `rule` or `human`."),
        *_FORM,
        _text("qa_outcome", "The outcome of the whole call.", nullable=False),
        _STARTED,
        *_WHO,
        *_LINEAGE,
    ),
)

ENTITIES = Table(
    "entities",
    "one row per call and detected entity",
    ("call_id", "segment", "position"),
    (
        _CALL_ID,
        _whole("segment", "The analysed piece of the transcript, from 1.", nullable=False),
        _whole("position", "The entity's place in the segment, from 1.", nullable=False),
        _text("text", "The entity as said (redacted)."),
        _text("entity_type", "Comprehend's type, such as `ORGANIZATION`."),
        _number("score", "Comprehend's confidence, 0 to 1."),
        *_LINEAGE,
    ),
)

KEY_PHRASES = Table(
    "key_phrases",
    "one row per call and detected key phrase",
    ("call_id", "segment", "position"),
    (
        _CALL_ID,
        _whole("segment", "The analysed piece of the transcript, from 1.", nullable=False),
        _whole("position", "The phrase's place in the segment, from 1.", nullable=False),
        _text("text", "The phrase as said (redacted)."),
        _number("score", "Comprehend's confidence, 0 to 1."),
        *_LINEAGE,
    ),
)

SENTIMENT_SEGMENTS = Table(
    "sentiment_segments",
    "one row per call and analysed piece of its transcript",
    ("call_id", "segment"),
    (
        _CALL_ID,
        _whole("segment", "The analysed piece of the transcript, from 1.", nullable=False),
        _text("sentiment", "`POSITIVE`, `NEGATIVE`, `NEUTRAL` or `MIXED`."),
        _number("positive", "Comprehend's confidence that it is positive, 0 to 1."),
        _number("negative", "Comprehend's confidence that it is negative, 0 to 1."),
        _number("neutral", "Comprehend's confidence that it is neutral, 0 to 1."),
        _number("mixed", "Comprehend's confidence that it is mixed, 0 to 1."),
        *_LINEAGE,
    ),
)

ACTION_ITEMS = Table(
    "action_items",
    "one row per call and agreed next step",
    ("call_id", "position"),
    (
        _CALL_ID,
        _whole("position", "The item's place in the list, from 1.", nullable=False),
        _text("text", "What is to be done, in the model's words."),
        *_LINEAGE,
    ),
)

QUARANTINED_DOCUMENTS = Table(
    "quarantined_documents",
    "one row per document that breaks the contract",
    ("source_key",),
    (
        _text("source_key", "The document.", nullable=False),
        _text("source_etag", "The version of the document.", nullable=False),
        _whole("source_bytes", "Its size in bytes.", nullable=False),
        _time("source_modified_at", "When that version was written (UTC)."),
        _text("json_path", "Where in the document; empty for the whole."),
        _text("expected", "What the contract expects there.", nullable=False),
        _text("found", "What was there; free text is described, never repeated.", nullable=False),
        _text(
            "quarantine_key",
            "Where the copy is that can be corrected and replayed.",
            nullable=False,
        ),
        _time("quarantined_at", "When it was first refused in this version (UTC)."),
        _text("etl_run_id", "The run that refused it.", nullable=False),
    ),
)

ETL_RUNS = Table(
    "etl_runs",
    "one row per run and day that it published: the balance sheet",
    ("etl_run_id", "generation"),
    (
        _text("etl_run_id", "The run.", nullable=False),
        _text("generation", "The generation that it published for the day.", nullable=False),
        _text("previous_generation", "The generation that it replaced."),
        _time("started_at", "When the run started (UTC)."),
        _time("published_at", "When the day was prepared for publication (UTC)."),
        _whole("sources", "Documents accounted for.", nullable=False),
        _whole("calls", "Of these, documents that are a row of `calls`.", nullable=False),
        _whole(
            "superseded", "Of these, replaced by a later revision of the same call.", nullable=False
        ),
        _whole("quarantined", "Of these, documents that break the contract.", nullable=False),
        _whole(
            "discarded",
            "Of these, taken out of quarantine for good; NULL in sheets that are older than this "
            "column.",
        ),
        _whole("erased", "Of these, erased.", nullable=False),
        _whole("documents_read", "Documents read for this generation.", nullable=False),
        _text("pipeline_version", "The version of this program.", nullable=False),
        _text(
            "tables_digest",
            "Which columns the day was built with, as a digest; NULL in sheets that are older than "
            "this column.",
        ),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        CALLS,
        QA_CRITERIA,
        ENTITIES,
        KEY_PHRASES,
        SENTIMENT_SEGMENTS,
        ACTION_ITEMS,
        QUARANTINED_DOCUMENTS,
        ETL_RUNS,
    )
}


def tables_digest() -> str:
    """A digest of the columns that documents give values to: 32 hexadecimal digits.

    A day that was built with another one may lack a column, or have it in another type.
    """
    columns = [
        f"{table.name}.{column.name} {column.type}"
        for table in TABLES.values()
        if "call_id" in table.key  # the others hold what a run found out, at the time it did
        for column in table.columns
    ]
    return hashlib.sha256("\n".join(sorted(columns)).encode()).hexdigest()[:32]
