"""Unified documents to rows of the curated tables, many documents at a time.

Documents that are written as the pipeline writes them are read together, as columns. Any other one
is read by itself, leniently: it is refused with its reason, or written as the pipeline would have
written it, and read with the others. So only one way leads to rows.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cci_lite.contract.document import SCHEMA_VERSIONS, UnifiedDocument, redaction_of
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES, MAX_SUMMARY_RAW_BYTES
from cci_lite.contract.parsing import is_possible_year
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scored_evaluation import (
    Forms,
    ScoredEvaluation,
    score_document,
    written_evaluation,
)
from cci_lite.errors import BalanceError, ContractError
from cci_lite.flatten.calls import call_columns
from cci_lite.flatten.columns import Flags, field_at, flags_of, milliseconds, table_of
from cci_lite.flatten.documents import read_lines, usual_line, which_hold
from cci_lite.flatten.nested import nested_tables
from cci_lite.flatten.scores import Evaluations, FormColumns, Scores, evaluations_of
from cci_lite.ports import SourceOutcome, SourceRecord, StoredObject
from cci_lite.tenancy import CALL_ID, parse_unified_key, quarantine_key, unified_day_prefix

# Somewhere it is the next day already; one more for clocks that differ.
_FURTHEST_TIME_ZONE = dt.timedelta(days=2)
_DOCUMENT = ".json"


@dataclass(frozen=True)
class Flattened:
    """What documents gave: rows by table (tables without rows are left out), and their outcomes."""

    tables: Mapping[str, pa.Table]
    records: Sequence[SourceRecord]


@dataclass(frozen=True, slots=True)
class _Line:
    """A document as one line. `is_checked`: it was read by itself and holds to the contract."""

    source: StoredObject
    data: bytes
    is_checked: bool = False
    unknown_fields: int = 0


@dataclass(frozen=True, slots=True)
class _Refused:
    """A document that breaks the contract."""

    source: StoredObject
    problem: ContractError


@dataclass(frozen=True)
class _Columns:
    """Documents that were read together, and which of them have to be read by themselves."""

    documents: pa.StructArray
    evaluations: Evaluations
    scores: Scores
    is_odd: Flags


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
        self._form_columns = FormColumns(forms)
        self._etl_run_id = etl_run_id
        self._now = now
        self._folder = unified_day_prefix(tenant_id, call_date)

    def flatten(self, documents: Iterable[tuple[StoredObject, Callable[[], bytes]]]) -> Flattened:
        """The rows of documents, and what became of each.

        The function that comes with a document reads it; it is called only when key and size hold
        to the contract. A document whose function raises FileNotFoundError is gone: no outcome.
        """
        found = [one for each in documents if (one := self._read(*each)) is not None]
        columns = self._together(lines := _lines_of(found))
        if columns is None or columns.is_odd.any():
            is_odd = iter([True] * len(lines) if columns is None else columns.is_odd)
            found = [
                self._read_alone(one.source, one.data)
                if isinstance(one, _Line) and next(is_odd) and not one.is_checked
                else one
                for one in found
            ]
            columns = self._together(lines := _lines_of(found))
            if columns is None:
                raise BalanceError(f"{len(lines)} documents that hold cannot be read together")
        refused = [one for one in found if isinstance(one, _Refused)]
        tables = {"quarantined_documents": self._refused_table(refused)} if refused else {}
        if lines:
            tables |= self._tables(lines, columns)
        return Flattened(tables, self._records(found, columns))

    def _read(self, source: StoredObject, read: Callable[[], bytes]) -> _Line | _Refused | None:
        try:
            if source.stray:
                raise ContractError("", "a regular file", source.stray)
            if self._id_in_key(source.key) is None:
                parse_unified_key(source.key)
            check_size(source.size)
            data = read()
        except ContractError as problem:
            return _Refused(source, problem)
        except FileNotFoundError:
            return None
        except OSError as problem:
            # Without its etag: no version was read, the next run tries again.
            what = problem.strerror or type(problem).__name__
            return _Refused(
                dataclasses.replace(source, etag=""),
                ContractError("", "a document that can be read", what),
            )
        line = usual_line(data)
        return self._read_alone(source, data) if line is None else _Line(source, line)

    def _id_in_key(self, key: str) -> str | None:
        """The call id in the key of a document of this day; None for any other key."""
        match = None
        if key.startswith(self._folder) and key.endswith(_DOCUMENT):
            match = CALL_ID.fullmatch(key, len(self._folder), len(key) - len(_DOCUMENT))
        return match and match[0]

    def _read_alone(self, source: StoredObject, data: bytes) -> _Line | _Refused:
        try:
            decoded = decode_document(data)
            document = decoded.document
            self._check_key(document, source)
            scored = score_document(document, self._forms)
        except ContractError as problem:
            return _Refused(source, problem)
        line = msgspec.json.encode(_as_usual(document, scored))
        return _Line(source, line, is_checked=True, unknown_fields=decoded.unknown_fields)

    def _check_key(self, document: UnifiedDocument, source: StoredObject) -> None:
        """Refuse a document that does not say what its key says; raises ContractError."""
        key = parse_unified_key(source.key)
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

    def _together(self, lines: Sequence[_Line]) -> _Columns | None:
        """The documents as columns; None when one of them cannot be read so."""
        documents = read_lines([line.data for line in lines])
        if documents is None:
            return None
        evaluations, is_odd = evaluations_of(documents, self._form_columns)
        scores = Scores(evaluations)
        is_odd |= scores.hides_claim() | ~which_hold(documents) | self._differs(documents, lines)
        is_odd &= ~np.array([line.is_checked for line in lines], bool)
        return _Columns(documents, evaluations, scores, is_odd)

    def _differs(self, documents: pa.StructArray, lines: Sequence[_Line]) -> Flags:
        """Which documents do not say what their keys say, or break a rule beyond types."""
        expected = {
            "tenant_id": self._tenant_id,
            "call_date": self._call_date.isoformat(),
            "call_id": pa.array([self._id_in_key(line.source.key) for line in lines], pa.string()),
        }
        holds = np.ones(len(lines), bool)
        for name, value in expected.items():
            holds &= flags_of(pc.equal(field_at(documents, name), value).fill_null(False))
        versions = pa.array([*SCHEMA_VERSIONS, None])
        holds &= flags_of(pc.is_in(field_at(documents, "schema_version"), value_set=versions))
        summary_bytes = pc.binary_length(field_at(documents, "summary_raw")).fill_null(0)
        holds &= flags_of(pc.less_equal(summary_bytes, MAX_SUMMARY_RAW_BYTES))
        latest = [line.source.modified_at.date() + _FURTHEST_TIME_ZONE for line in lines]
        holds &= np.array([self._call_date <= day for day in latest], bool)
        return ~holds if is_possible_year(self._call_date) else np.ones(len(lines), bool)

    def _tables(self, lines: Sequence[_Line], columns: _Columns) -> dict[str, pa.Table]:
        calls = table_of(
            "calls",
            {
                **call_columns(columns.documents, columns.scores),
                "unknown_fields": [line.unknown_fields for line in lines],
                "source_key": [line.source.key for line in lines],
                "source_etag": [line.source.etag for line in lines],
                "etl_run_id": [self._etl_run_id] * len(lines),
            },
        )
        tables = nested_tables(columns.documents, columns.evaluations, calls)
        return {"calls": calls} | {name: table for name, table in tables.items() if len(table)}

    def _records(
        self, found: Sequence[_Line | _Refused], columns: _Columns | None
    ) -> list[SourceRecord]:
        """The outcome of each document, in their order."""
        calls: Iterator[tuple[str, int | None, int | None]] = iter(())
        if columns is not None:
            names = ("call_id", "revision", "writing")
            said = [field_at(columns.documents, name).to_pylist() for name in names]
            calls = zip(*said, strict=True)
        records = []
        for one in found:
            source = one.source
            known = (source.key, source.etag, source.modified_at)
            if isinstance(one, _Line):
                call_id, revision, writing = next(calls)
                record = SourceRecord(
                    *known, SourceOutcome.CALL, call_id, revision or 1, writing or 0
                )
            else:
                record = SourceRecord(*known, SourceOutcome.QUARANTINED)
            records.append(record)
        return records

    def _refused_table(self, refused: Sequence[_Refused]) -> pa.Table:
        rows = [
            {
                "source_key": one.source.key,
                "source_etag": one.source.etag,
                "source_bytes": one.source.size,
                "source_modified_at": milliseconds(one.source.modified_at),
                "json_path": one.problem.path,
                "expected": one.problem.expected,
                "found": one.problem.found,
                "quarantine_key": quarantine_key(self._tenant_id, one.source.key),
                "quarantined_at": milliseconds(self._now),
                "etl_run_id": self._etl_run_id,
            }
            for one in refused
        ]
        return table_of(
            "quarantined_documents", {name: [row[name] for row in rows] for name in rows[0]}
        )


def _lines_of(found: Iterable[_Line | _Refused]) -> list[_Line]:
    return [one for one in found if isinstance(one, _Line)]


def _as_usual(document: UnifiedDocument, scored: ScoredEvaluation | None) -> UnifiedDocument:
    """The document as the pipeline writes it today; every row is what it was."""
    started_at, source = document.call_started_at, document.source
    return msgspec.structs.replace(
        document,
        call_started_at=started_at and started_at.astimezone(dt.UTC),
        qa_evaluation=scored and written_evaluation(scored),
        qa_template_version=None,
        source=source and msgspec.structs.replace(source, pii_redacted=redaction_of(source)),
    )


def check_size(size: int) -> None:
    """Refuse a document that is too large, before it is read; raises ContractError."""
    if size > MAX_DOCUMENT_BYTES:
        raise ContractError("", f"at most {MAX_DOCUMENT_BYTES} bytes", f"{size} bytes")
