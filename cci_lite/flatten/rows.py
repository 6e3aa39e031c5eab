"""Unified documents to rows of the curated tables.

A `Flattener` takes documents one by one and yields Arrow tables. What a nested row repeats of its
call (agent, queue, source, …) or of its form (question, weight, …) is not copied in Python: each
row keeps the position of its call and of its criterion, and Arrow takes the repeated columns from
there.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from cci_lite.contract.document import (
    Entities,
    KeyPhrases,
    Sentiment,
    SentimentScores,
    UnifiedDocument,
)
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scored_evaluation import Forms, ScoredEvaluation, score_document
from cci_lite.errors import ContractError
from cci_lite.flatten.calls import call_row
from cci_lite.flatten.columns import FlatRows, NestedRows, milliseconds
from cci_lite.flatten.criteria import CriterionRows
from cci_lite.ports import SourceOutcome, SourceRecord, StoredObject
from cci_lite.tenancy import parse_unified_key, quarantine_key

# Somewhere it is the next day already; one more for clocks that differ.
_FURTHEST_TIME_ZONE = dt.timedelta(days=2)
_NO_SCORES = SentimentScores()


class Flattener:
    """Turns the documents of one tenant's day into rows.

    `forms` are the tenant's, by name and version. A document gives all of its rows, or none and a
    row of `quarantined_documents`.
    """

    def __init__(
        self,
        tenant_id: str,
        call_date: dt.date,
        forms: Forms,
        etl_run_id: str,
        now: dt.datetime,
    ) -> None:
        self._tenant_id = tenant_id
        self._call_date = call_date
        self._forms = forms
        self._etl_run_id = etl_run_id
        self._now = now
        self._calls = FlatRows("calls")
        self._criteria = CriterionRows()
        self._entities = NestedRows("entities")
        self._key_phrases = NestedRows("key_phrases")
        self._segments = NestedRows("sentiment_segments")
        self._action_items = NestedRows("action_items")
        self._quarantined = FlatRows("quarantined_documents")

    def __len__(self) -> int:
        """How many calls there are so far."""
        return len(self._calls)

    def add(self, source: StoredObject, read: Callable[[], bytes]) -> SourceRecord:
        """Flatten one document, or quarantine it; gives its record.

        `read` is called only for documents that may be read (key and size hold to the contract);
        the FileNotFoundError of one that is gone is passed on.
        """
        try:
            document, scored, unknown_fields = self._checked(source, read)
        except ContractError as problem:
            return self._add_quarantined(source, problem)
        except FileNotFoundError:
            raise
        except OSError as problem:
            return self._add_unread(source, problem)
        self._add_rows(
            document,
            scored,
            call_row(
                document,
                scored,
                source=source,
                etl_run_id=self._etl_run_id,
                unknown_fields=unknown_fields,
            ),
        )
        return SourceRecord(
            source.key,
            source.etag,
            source.modified_at,
            SourceOutcome.CALL,
            document.call_id,
            document.revision,
            document.writing or 0,
        )

    def tables(self) -> dict[str, pa.Table]:
        """The rows so far, by table; tables without rows are left out."""
        calls = self._calls.table()
        tables = {
            "calls": calls,
            "qa_criteria": self._criteria.table(calls),
            "entities": self._entities.table(calls),
            "key_phrases": self._key_phrases.table(calls),
            "sentiment_segments": self._segments.table(calls),
            "action_items": self._action_items.table(calls),
            "quarantined_documents": self._quarantined.table(),
        }
        return {name: table for name, table in tables.items() if table.num_rows}

    def _checked(
        self, source: StoredObject, read: Callable[[], bytes]
    ) -> tuple[UnifiedDocument, ScoredEvaluation | None, int]:
        if source.stray:
            raise ContractError("", "a regular file", source.stray)
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
        written = source.modified_at.date()
        if document.call_date > written + _FURTHEST_TIME_ZONE:
            raise ContractError(
                "call_date",
                f"at the latest two days after the document was written ({written})",
                f"{document.call_date}",
            )
        if document.call_id != key.call_id:
            raise ContractError("call_id", "the file's name without .json", "another id")
        return document, score_document(document, self._forms), decoded.unknown_fields

    def _add_rows(
        self,
        document: UnifiedDocument,
        scored: ScoredEvaluation | None,
        row: Mapping[str, object],
    ) -> None:
        call = len(self)
        self._calls.add(row)
        if scored is not None:
            self._criteria.add(call, scored)
        self._add_sentiment(call, document.sentiment)
        self._add_entities(call, document.entities)
        self._add_key_phrases(call, document.key_phrases)
        if document.ai_summary is not None and (items := document.ai_summary.action_items):
            self._action_items.add(call, len(items), position=range(1, len(items) + 1), text=items)

    def _add_sentiment(self, call: int, sentiment: Sentiment | None) -> None:
        if sentiment is None:
            return
        results = sentiment.result_list
        scores = [result.sentiment_score or _NO_SCORES for result in results]
        self._segments.add(
            call,
            len(results),
            segment=range(1, len(results) + 1),
            sentiment=[result.sentiment for result in results],
            positive=[each.positive for each in scores],
            negative=[each.negative for each in scores],
            neutral=[each.neutral for each in scores],
            mixed=[each.mixed for each in scores],
        )

    def _add_entities(self, call: int, entities: Entities | None) -> None:
        segments = [result.entities for result in entities.result_list] if entities else []
        found = [entity for segment in segments for entity in segment]
        self._entities.add(
            call,
            len(found),
            **_places(segments),
            text=[entity.text for entity in found],
            entity_type=[entity.type for entity in found],
            score=[entity.score for entity in found],
        )

    def _add_key_phrases(self, call: int, key_phrases: KeyPhrases | None) -> None:
        segments = [result.key_phrases for result in key_phrases.result_list] if key_phrases else []
        found = [phrase for segment in segments for phrase in segment]
        self._key_phrases.add(
            call,
            len(found),
            **_places(segments),
            text=[phrase.text for phrase in found],
            score=[phrase.score for phrase in found],
        )

    def _add_unread(self, source: StoredObject, problem: OSError) -> SourceRecord:
        """Quarantine a document without its etag: no version was read, the next run tries again."""
        found = problem.strerror or type(problem).__name__
        return self._add_quarantined(
            dataclasses.replace(source, etag=""),
            ContractError("", "a document that can be read", found),
        )

    def _add_quarantined(self, source: StoredObject, problem: ContractError) -> SourceRecord:
        self._quarantined.add(
            {
                "source_key": source.key,
                "source_etag": source.etag,
                "source_bytes": source.size,
                "source_modified_at": milliseconds(source.modified_at),
                "json_path": problem.path,
                "expected": problem.expected,
                "found": problem.found,
                "quarantine_key": quarantine_key(self._tenant_id, source.key),
                "quarantined_at": milliseconds(self._now),
                "etl_run_id": self._etl_run_id,
            }
        )
        return SourceRecord(source.key, source.etag, source.modified_at, SourceOutcome.QUARANTINED)


def _places(segments: Sequence[Sequence[object]]) -> dict[str, list[int]]:
    """The segment of each row, and its position in it, both from 1."""
    sizes = [len(segment) for segment in segments]
    return {
        "segment": [number for number, size in enumerate(sizes, start=1) for _ in range(size)],
        "position": [position for size in sizes for position in range(1, size + 1)],
    }


def check_size(size: int) -> None:
    """Refuse a document that is too large, before it is read; raises ContractError."""
    if size > MAX_DOCUMENT_BYTES:
        raise ContractError("", f"at most {MAX_DOCUMENT_BYTES} bytes", f"{size} bytes")
