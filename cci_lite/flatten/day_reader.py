"""Reads the documents of one tenant's day, each by itself.

A document that is written as the pipeline writes it stays as it is, and is checked with others, as
columns. Any other one is read leniently: it is refused with its reason, or written as usual.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from cci_lite.contract.document import UnifiedDocument, encode_document, redaction_of
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scored_evaluation import (
    Forms,
    ScoredEvaluation,
    score_document,
    written_evaluation,
)
from cci_lite.errors import ContractError
from cci_lite.flatten.documents import usual_line
from cci_lite.ports import StoredObject
from cci_lite.tenancy import CALL_ID, parse_unified_key, unified_day_prefix

# Somewhere it is the next day already; one more for clocks that differ.
FURTHEST_TIME_ZONE = dt.timedelta(days=2)
_DOCUMENT = ".json"


@dataclass(frozen=True, slots=True)
class Line:
    """A document as one line. `is_checked`: it was read by itself and holds to the contract."""

    source: StoredObject
    data: bytes
    is_checked: bool = False
    unknown_fields: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that breaks the contract."""

    source: StoredObject
    problem: ContractError


class DayReader:
    """Reads the documents of a tenant's day; `forms` are the tenant's, by name and version."""

    def __init__(self, tenant_id: str, call_date: dt.date, forms: Forms) -> None:
        self._tenant_id = tenant_id
        self._forms = forms
        self._folder = unified_day_prefix(tenant_id, call_date)

    def read(self, source: StoredObject, read: Callable[[], bytes]) -> Line | Refused | None:
        """The document; None when it is gone.

        `read` is called only when key and size hold to the contract.
        """
        try:
            if source.stray:
                raise ContractError("", "a regular file", source.stray)
            if self.call_id_of(source.key) is None:
                parse_unified_key(source.key)
            _check_size(source.size)
            data = read()
        except ContractError as problem:
            return Refused(source, problem)
        except FileNotFoundError:
            return None
        except OSError as problem:
            # Without its etag: no version was read, the next run tries again.
            what = problem.strerror or type(problem).__name__
            return Refused(
                msgspec.structs.replace(source, etag=""),
                ContractError("", "a document that can be read", what),
            )
        line = usual_line(data)
        return self.read_alone(source, data) if line is None else Line(source, line)

    def call_id_of(self, key: str) -> str | None:
        """The call id in the key of a document of this day; None for any other key."""
        match = None
        if key.startswith(self._folder) and key.endswith(_DOCUMENT):
            match = CALL_ID.fullmatch(key, len(self._folder), len(key) - len(_DOCUMENT))
        return match and match[0]

    def read_alone(self, source: StoredObject, data: bytes) -> Line | Refused:
        """The document after every check of the contract and of its key, as a usual line."""
        try:
            decoded = decode_document(data)
            document = decoded.document
            self._check_key(document, source)
            scored = score_document(document, self._forms)
        except ContractError as problem:
            return Refused(source, problem)
        line = encode_document(_as_usual(document, scored))
        return Line(source, line, is_checked=True, unknown_fields=decoded.unknown_fields)

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
        if document.call_date > written + FURTHEST_TIME_ZONE:
            raise ContractError(
                "call_date",
                f"at the latest two days after the document was written ({written})",
                f"{document.call_date}",
            )
        if document.call_id != key.call_id:
            raise ContractError("call_id", "the file's name without .json", "another id")


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


def _check_size(size: int) -> None:
    """Refuse a document that is too large, before it is read; raises ContractError."""
    if size > MAX_DOCUMENT_BYTES:
        raise ContractError("", f"at most {MAX_DOCUMENT_BYTES} bytes", f"{size} bytes")
