"""Unified documents to rows of the curated tables.

A `Flattener` takes documents one by one and yields Arrow tables. What a nested row repeats of its
call (agent, queue, source, …) or of its form (question, weight, …) is not copied in Python: each
row keeps the position of its call and of its criterion, and Arrow takes the repeated columns from
there.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cci_lite.contract.arrow import arrow_schema
from cci_lite.contract.columns import TABLES
from cci_lite.contract.document import (
    MAX_DOCUMENT_BYTES,
    AiSummary,
    Entities,
    KeyPhrases,
    Sentiment,
    UnifiedDocument,
    Usage,
    decode_document,
    redaction_of,
)
from cci_lite.contract.judging import ScoredEvaluation, Templates, score_document
from cci_lite.contract.scoring import Outcome, Verdict
from cci_lite.contract.template import QaTemplate
from cci_lite.errors import ContractError
from cci_lite.ports import SourceOutcome, SourceRecord, StoredObject
from cci_lite.tenancy import parse_unified_key, quarantine_key

UNKNOWN_AGENT = "unknown"

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
_VERDICTS = tuple(Verdict)
_CODE_OF_VERDICT = {verdict: code for code, verdict in enumerate(_VERDICTS)}
_NO_SUMMARY = AiSummary()
_NO_USAGE = Usage()


class _Rows:
    """Columns of one nested table under construction, and the call that each row belongs to."""

    def __init__(self, *names: str) -> None:
        self.call: list[int] = []
        self.columns: dict[str, list[Any]] = {name: [] for name in names}

    def __len__(self) -> int:
        return len(self.call)


class Flattener:
    """Documents of one tenant's day in, rows out.

    `templates` are the tenant's forms by name and version. Rows of one document become visible only
    when the whole document holds to the contract.
    """

    def __init__(
        self,
        tenant_id: str,
        call_date: dt.date,
        templates: Templates,
        etl_run_id: str,
        now: dt.datetime,
    ) -> None:
        self._tenant_id = tenant_id
        self._call_date = call_date
        self._templates = templates
        self._etl_run_id = etl_run_id
        self._now = now
        self._calls = _columns_of("calls")
        self._criteria = _Rows(
            "criterion",
            "verdict",
            "reason",
            "evidence",
            "evidence_at_seconds",
            "confidence",
            "evaluator",
        )
        self._forms: dict[tuple[str, int], tuple[int, QaTemplate]] = {}
        self._form_criteria = 0
        self._entities = _Rows("segment", "position", "text", "entity_type", "score")
        self._key_phrases = _Rows("segment", "position", "text", "score")
        self._segments = _Rows("segment", "sentiment", "positive", "negative", "neutral", "mixed")
        self._action_items = _Rows("position", "text")
        self._quarantined = _columns_of("quarantined_documents")

    def __len__(self) -> int:
        """How many calls are waiting to become tables."""
        return len(self._calls["call_id"])

    def add(self, source: StoredObject, read: Callable[[], bytes]) -> SourceRecord:
        """Flatten one document, or quarantine it; what became of it.

        `read` is called only for documents that may be read (key and size hold to the contract).
        """
        try:
            document, scored, unknown_fields = self._checked(source, read)
        except ContractError as problem:
            self._add_quarantined(source, problem)
            return SourceRecord(
                source.key, source.etag, source.modified_at, SourceOutcome.QUARANTINED
            )
        call = len(self)
        self._add_call(source, document, scored, unknown_fields)
        if scored is not None:
            self._add_criteria(call, scored)
        self._add_sentiment(call, document.sentiment)
        self._add_entities(call, document.entities)
        self._add_key_phrases(call, document.key_phrases)
        if document.ai_summary is not None and (items := document.ai_summary.action_items):
            _extend(self._action_items, call, len(items), position=None, text=items)
        return SourceRecord(
            source.key,
            source.etag,
            source.modified_at,
            SourceOutcome.CALL,
            document.call_id,
            document.revision,
        )

    def tables(self) -> dict[str, pa.Table]:
        """The rows so far, by table; tables without rows are left out."""
        calls = _table("calls", self._calls)
        tables = {
            "calls": calls,
            "qa_criteria": self._criteria_table(calls),
            "entities": _nested("entities", self._entities, calls),
            "key_phrases": _nested("key_phrases", self._key_phrases, calls),
            "sentiment_segments": _nested("sentiment_segments", self._segments, calls),
            "action_items": _nested("action_items", self._action_items, calls),
            "quarantined_documents": _table("quarantined_documents", self._quarantined),
        }
        return {name: table for name, table in tables.items() if table.num_rows}

    def _checked(
        self, source: StoredObject, read: Callable[[], bytes]
    ) -> tuple[UnifiedDocument, ScoredEvaluation | None, int]:
        key = parse_unified_key(source.key)
        check_size(source.size)
        decoded = decode_document(read())
        document = decoded.document
        if document.tenant_id != self._tenant_id:
            raise ContractError(
                "tenant_id", f"'{self._tenant_id}', as in the key", "another tenant"
            )
        if document.call_date != key.call_date:
            raise ContractError(
                "call_date", f"{key.call_date}, as in the key", f"{document.call_date}"
            )
        if document.call_id != key.call_id:
            raise ContractError("call_id", "the file's name without .json", "another id")
        return document, score_document(document, self._templates), decoded.unknown_fields

    def _add_call(
        self,
        source: StoredObject,
        document: UnifiedDocument,
        scored: ScoredEvaluation | None,
        unknown_fields: int,
    ) -> None:
        agent = document.agent
        summary = document.ai_summary or _NO_SUMMARY
        usage = document.usage or _NO_USAGE
        made_by = document.source
        redacted = redaction_of(made_by)
        sentiment, sentiment_score = overall_sentiment(document.sentiment)
        needs_review, reasons = _review(document, scored)
        values: dict[str, object] = {
            "call_id": document.call_id,
            "revision": document.revision,
            "schema_version": document.schema_version,
            "call_started_at": _milliseconds(document.call_started_at),
            "call_date_source": document.call_date_source.value,
            "duration_seconds": document.duration_seconds,
            "agent_id": (agent and agent.agent_id) or UNKNOWN_AGENT,
            "agent_name": agent and agent.name,
            "agent_team": agent and agent.team,
            "queue": document.queue,
            "direction": document.direction,
            "channel": document.channel,
            "language_code": document.language_code,
            "sentiment": sentiment,
            "sentiment_score": sentiment_score,
            "issue": summary.issue,
            "resolution": summary.resolution,
            "issue_outcome": summary.outcome,
            "tone_score": summary.tone_score,
            "sentiment_summary": summary.sentiment_summary,
            "needs_review": needs_review,
            "review_reasons": ",".join(reasons) or None,
            "pii_redacted": redacted and redacted.value,
            "audio_seconds": usage.audio_seconds,
            "comprehend_units": usage.comprehend_units,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "model_calls": usage.model_calls,
            "model_id": made_by and made_by.model_id,
            "prompt_version": made_by and made_by.prompt_version,
            "pipeline_version": made_by and made_by.pipeline_version,
            "unknown_fields": unknown_fields,
            "source_key": source.key,
            "source_etag": source.etag,
            "etl_run_id": self._etl_run_id,
        }
        values |= _NOT_JUDGED if scored is None else _score_columns(scored)
        for name, column in self._calls.items():
            column.append(values[name])

    def _add_criteria(self, call: int, scored: ScoredEvaluation) -> None:
        template = scored.template
        rows = self._criteria
        columns = rows.columns
        first = self._first_criterion(template)
        count = len(template.criteria)
        rows.call.extend(repeat(call, count))
        columns["criterion"].extend(range(first, first + count))
        columns["verdict"].extend(_CODE_OF_VERDICT[verdict] for verdict in scored.verdicts)
        for result in scored.results:
            evidence = result.evidence[0] if result and result.evidence else None
            columns["reason"].append(result and result.reason)
            columns["evidence"].append(evidence and evidence.quote)
            columns["evidence_at_seconds"].append(evidence and evidence.start_seconds)
            columns["confidence"].append(result and result.confidence)
            columns["evaluator"].append(
                result.evaluator.value if result and result.evaluator else None
            )

    def _first_criterion(self, template: QaTemplate) -> int:
        """The position of the form's first criterion among all criteria of the forms met so far."""
        named = (template.name, template.version)
        if named not in self._forms:
            self._forms[named] = (self._form_criteria, template)
            self._form_criteria += len(template.criteria)
        return self._forms[named][0]

    def _add_sentiment(self, call: int, sentiment: Sentiment | None) -> None:
        if sentiment is None:
            return
        for segment, result in enumerate(sentiment.result_list, start=1):
            scores = result.sentiment_score
            _extend(
                self._segments,
                call,
                1,
                segment=[segment],
                sentiment=[result.sentiment],
                positive=[scores and scores.positive],
                negative=[scores and scores.negative],
                neutral=[scores and scores.neutral],
                mixed=[scores and scores.mixed],
            )

    def _add_entities(self, call: int, entities: Entities | None) -> None:
        if entities is None:
            return
        for segment, result in enumerate(entities.result_list, start=1):
            found = result.entities
            _extend(
                self._entities,
                call,
                len(found),
                segment=repeat(segment, len(found)),
                position=None,
                text=[entity.text for entity in found],
                entity_type=[entity.type for entity in found],
                score=[entity.score for entity in found],
            )

    def _add_key_phrases(self, call: int, key_phrases: KeyPhrases | None) -> None:
        if key_phrases is None:
            return
        for segment, result in enumerate(key_phrases.result_list, start=1):
            found = result.key_phrases
            _extend(
                self._key_phrases,
                call,
                len(found),
                segment=repeat(segment, len(found)),
                position=None,
                text=[phrase.text for phrase in found],
                score=[phrase.score for phrase in found],
            )

    def _add_quarantined(self, source: StoredObject, problem: ContractError) -> None:
        values = {
            "source_key": source.key,
            "source_etag": source.etag,
            "source_bytes": source.size,
            "source_modified_at": _milliseconds(source.modified_at),
            "json_path": problem.path,
            "expected": problem.expected,
            "found": problem.found,
            "quarantine_key": quarantine_key(self._tenant_id, source.key),
            "quarantined_at": _milliseconds(self._now),
            "etl_run_id": self._etl_run_id,
        }
        for name, column in self._quarantined.items():
            column.append(values[name])

    def _criteria_table(self, calls: pa.Table) -> pa.Table:
        rows = self._criteria
        own = dict(rows.columns)
        criterion = pa.array(own.pop("criterion"), pa.int64())
        verdict = pa.array(own.pop("verdict"), pa.int64())
        call = pa.array(rows.call, pa.int64())
        form = self._form_table().take(criterion)
        passed = pc.equal(verdict, _CODE_OF_VERDICT[Verdict.PASS])
        failed = pc.equal(verdict, _CODE_OF_VERDICT[Verdict.FAIL])
        evaluated = pc.or_(passed, failed)
        none_of = pa.scalar(None, pa.float64())
        columns: dict[str, Any] = {
            "verdict": pa.array([one.value for one in _VERDICTS]).take(verdict),
            "passed": pc.if_else(evaluated, passed, pa.scalar(None, pa.bool_())),
            "is_passed": passed.cast(pa.int64()),
            "is_failed": failed.cast(pa.int64()),
            "is_evaluated": evaluated.cast(pa.int64()),
            "score": pc.if_else(passed, form["weight"], pc.if_else(failed, 0.0, none_of)),
        }
        return _with_repeated("qa_criteria", columns | own, call, calls, form)

    def _form_table(self) -> pa.Table:
        """One row per criterion of the forms met so far, in the order of their positions."""
        criteria = [
            (position, criterion)
            for _, template in self._forms.values()
            for position, criterion in enumerate(template.criteria, start=1)
        ]
        columns: dict[str, list[Any]] = {
            "criterion_id": [criterion.id for _, criterion in criteria],
            "position": [position for position, _ in criteria],
            "question": [criterion.question for _, criterion in criteria],
            "weight": [float(criterion.weight) for _, criterion in criteria],
            "required": [criterion.required for _, criterion in criteria],
        }
        schema = arrow_schema("qa_criteria")
        return pa.table(
            {name: pa.array(values, schema.field(name).type) for name, values in columns.items()}
        )


def check_size(size: int) -> None:
    """Refuse a document that is too large to be read at all, before it is."""
    if size > MAX_DOCUMENT_BYTES:
        raise ContractError("", f"at most {MAX_DOCUMENT_BYTES} bytes", f"{size} bytes")


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


_NOT_JUDGED: Mapping[str, object] = {
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


def _score_columns(scored: ScoredEvaluation) -> dict[str, object]:
    template, score, reported = scored.template, scored.score, scored.reported
    verdicts = scored.verdicts
    return {
        "template_id": template.name,
        "template_version": template.version,
        "template_hash": template.content_hash,
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


def _review(document: UnifiedDocument, scored: ScoredEvaluation | None) -> tuple[bool, list[str]]:
    review = document.review
    reasons = list(review.reasons) if review else []
    needed = review is not None and review.needed
    if scored is not None and scored.score.outcome is Outcome.REVIEW:
        needed = True
        reasons += [reason for reason in scored.review_reasons if reason not in reasons]
    return needed, reasons


def _milliseconds(moment: dt.datetime | None) -> int | None:
    """Milliseconds since the epoch: Arrow takes whole numbers without looking for a time zone."""
    return None if moment is None else (moment - _EPOCH) // _MILLISECOND


def _columns_of(table_name: str) -> dict[str, list[Any]]:
    return {name: [] for name in TABLES[table_name].column_names}


def _extend(rows: _Rows, call: int, count: int, **columns: Any) -> None:
    """Add `count` rows of a call; `position=None` numbers them from 1."""
    rows.call.extend(repeat(call, count))
    for name, values in columns.items():
        rows.columns[name].extend(range(1, count + 1) if values is None else values)


def _table(table_name: str, columns: Mapping[str, list[Any]]) -> pa.Table:
    schema = arrow_schema(table_name)
    arrays = [_array(columns[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _nested(table_name: str, rows: _Rows, calls: pa.Table) -> pa.Table:
    return _with_repeated(table_name, rows.columns, pa.array(rows.call, pa.int64()), calls)


def _with_repeated(
    table_name: str,
    own: Mapping[str, Any],
    call: pa.Array,
    calls: pa.Table,
    form: pa.Table | None = None,
) -> pa.Table:
    """A nested table: its own columns, then those of its criterion, then those of its call."""
    schema = arrow_schema(table_name)
    in_form = set(form.column_names) if form is not None else set()
    repeated = calls.select(
        [name for name in schema.names if name not in own and name not in in_form]
    ).take(call)
    arrays = []
    for field in schema:
        if field.name in own:
            arrays.append(_array(own[field.name], field.type))
        elif form is not None and field.name in in_form:
            arrays.append(form[field.name])
        else:
            arrays.append(repeated[field.name])
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: Any, arrow_type: pa.DataType) -> Any:
    if not isinstance(values, list):
        return values
    if pa.types.is_timestamp(arrow_type):
        return pa.array(values, pa.int64()).cast(arrow_type)
    return pa.array(values, arrow_type)
