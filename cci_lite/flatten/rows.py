"""Unified documents to rows of the curated tables, many documents at a time.

Documents that are written as usual are checked together, as columns. Those that are not, or fail
there, are read one by one (`day_reader.py`), which refuses them or writes them as usual; then all
become columns. So there is one way to rows, and one that says what is wrong with a document.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cci_lite.contract.document import SCHEMA_VERSIONS
from cci_lite.contract.limits import MAX_SUMMARY_RAW_BYTES
from cci_lite.contract.parsing import is_possible_year
from cci_lite.contract.scored_evaluation import Forms
from cci_lite.errors import BalanceError
from cci_lite.flatten.calls import call_columns
from cci_lite.flatten.columns import Flags, field_at, flags_of, milliseconds, table_of
from cci_lite.flatten.day_reader import FURTHEST_TIME_ZONE, DayReader, Line, Refused
from cci_lite.flatten.documents import read_lines, which_hold
from cci_lite.flatten.nested import nested_tables
from cci_lite.flatten.scores import Evaluations, FormColumns, Scores, evaluations_of
from cci_lite.ports import SourceOutcome, SourceRecord, StoredObject
from cci_lite.tenancy import quarantine_key


@dataclass(frozen=True)
class Flattened:
    """What documents gave: rows by table (tables without rows are left out), and their outcomes."""

    tables: Mapping[str, pa.Table]
    records: Sequence[SourceRecord]


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
        self._forms = FormColumns(forms)
        self._etl_run_id = etl_run_id
        self._now = now
        self._reader = DayReader(tenant_id, call_date, forms)

    def flatten(self, documents: Iterable[tuple[StoredObject, Callable[[], bytes]]]) -> Flattened:
        """The rows of documents, and what became of each.

        The function that comes with a document reads it; it is called only when key and size hold
        to the contract. A document whose function raises FileNotFoundError is gone: no outcome.
        """
        found = [one for each in documents if (one := self._reader.read(*each)) is not None]
        columns = self._together(lines := _lines_of(found))
        if columns is None or columns.is_odd.any():
            is_odd = iter([True] * len(lines) if columns is None else columns.is_odd)
            found = [
                self._reader.read_alone(one.source, one.data)
                if isinstance(one, Line) and next(is_odd) and not one.is_checked
                else one
                for one in found
            ]
            columns = self._together(lines := _lines_of(found))
            if columns is None:
                raise BalanceError(f"{len(lines)} documents that hold cannot be read together")
        refused = [one for one in found if isinstance(one, Refused)]
        tables = {"quarantined_documents": self._refused_table(refused)} if refused else {}
        if lines:
            tables |= self._tables(lines, columns)
        return Flattened(tables, self._records(found, columns))

    def _together(self, lines: Sequence[Line]) -> _Columns | None:
        """The documents as columns; None when one of them cannot be read so."""
        documents = read_lines([line.data for line in lines])
        if documents is None:
            return None
        evaluations, is_odd = evaluations_of(documents, self._forms)
        scores = Scores(evaluations)
        is_odd |= scores.hides_claim() | ~which_hold(documents) | self._differs(documents, lines)
        is_odd &= ~np.array([line.is_checked for line in lines], bool)
        return _Columns(documents, evaluations, scores, is_odd)

    def _differs(self, documents: pa.StructArray, lines: Sequence[Line]) -> Flags:
        """Which documents do not say what their keys say, or break a rule beyond types."""
        if not is_possible_year(self._call_date):
            return np.ones(len(lines), bool)
        expected = {
            "tenant_id": self._tenant_id,
            "call_date": self._call_date.isoformat(),
            "call_id": pa.array(
                [self._reader.call_id_of(line.source.key) for line in lines], pa.string()
            ),
        }
        holds = np.ones(len(lines), bool)
        for name, value in expected.items():
            holds &= flags_of(pc.equal(field_at(documents, name), value).fill_null(False))
        versions = pa.array([*SCHEMA_VERSIONS, None])
        holds &= flags_of(pc.is_in(field_at(documents, "schema_version"), value_set=versions))
        summary_bytes = pc.binary_length(field_at(documents, "summary_raw")).fill_null(0)
        holds &= flags_of(pc.less_equal(summary_bytes, MAX_SUMMARY_RAW_BYTES))
        latest = [line.source.modified_at.date() + FURTHEST_TIME_ZONE for line in lines]
        holds &= np.array([self._call_date <= day for day in latest], bool)
        return ~holds

    def _tables(self, lines: Sequence[Line], columns: _Columns) -> dict[str, pa.Table]:
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
        self, found: Sequence[Line | Refused], columns: _Columns | None
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
            if isinstance(one, Line):
                call_id, revision, writing = next(calls)
                record = SourceRecord(
                    *known, SourceOutcome.CALL, call_id, revision or 1, writing or 0
                )
            else:
                record = SourceRecord(*known, SourceOutcome.QUARANTINED)
            records.append(record)
        return records

    def _refused_table(self, refused: Sequence[Refused]) -> pa.Table:
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


def _lines_of(found: Iterable[Line | Refused]) -> list[Line]:
    return [one for one in found if isinstance(one, Line)]
