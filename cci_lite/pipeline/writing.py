"""Writes a call's document exactly once, however many try."""

from __future__ import annotations

from enum import StrEnum

from cci_lite.contract.document import UnifiedDocument, encode_document
from cci_lite.contract.reading import decode_document
from cci_lite.errors import ContractError, RetryLaterError
from cci_lite.ports import TenantFiles
from cci_lite.tenancy import unified_key

_ATTEMPTS = 5


class Written(StrEnum):
    """What became of a document."""

    NEW = "new"
    REPLACED = "replaced"
    KEPT = "kept"
    OLDER = "older"


def write_document(
    files: TenantFiles, document: UnifiedDocument, *, overwrite: bool
) -> tuple[str, Written]:
    """Write the document at its key and say which key; a later revision there is left alone.

    An earlier revision, or what is no document, is replaced; the same revision only with
    `overwrite`. Every write is conditional (`If-None-Match`, `If-Match`), so that of two writers
    one wins and the other sees it. Raises RetryLaterError when others keep winning.
    """
    key = unified_key(document.tenant_id, document.call_date, document.call_id)
    data = encode_document(document)
    for _ in range(_ATTEMPTS):
        if files.write_new(document.tenant_id, key, data):
            return key, Written.NEW
        present = files.read(document.tenant_id, key)
        if present is None:
            continue
        if present.data == data:
            return key, Written.KEPT
        revision = _revision_of(present.data)
        if revision > document.revision:
            return key, Written.OLDER
        if revision == document.revision and not overwrite:
            return key, Written.KEPT
        if files.replace(document.tenant_id, key, data, present.etag):
            return key, Written.REPLACED
    raise RetryLaterError("document_contended")


def _revision_of(data: bytes) -> int:
    """The revision of the document that is there; 0 for what cannot be read as one."""
    try:
        return decode_document(data).document.revision
    except ContractError:
        return 0
