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
    """What became of a document, or of the input that it would have been made from."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    OLDER = "older"
    REFUSED = "refused"


def writing_order(document: UnifiedDocument) -> tuple[int, int]:
    """Of two documents of a call the later one has the higher."""
    return document.revision, document.writing or 0


def write_document(files: TenantFiles, document: UnifiedDocument, *, overwrite: bool) -> Written:
    """Write the document at its key; a later one that is there is left alone.

    Of two documents the one of the later revision is later, and of the same revision the later
    writing. An earlier revision, or what is no document, is replaced; the same revision only with
    `overwrite`. Every write is conditional (`If-None-Match`, `If-Match`), so that of two writers
    one wins and the other sees it. Raises RetryLaterError when others keep winning.
    """
    key = unified_key(document.tenant_id, document.call_date, document.call_id)
    data = encode_document(document)
    for _ in range(_ATTEMPTS):
        if files.write_new(document.tenant_id, key, data):
            return Written.NEW
        present = files.read(document.tenant_id, key)
        if present is None:
            continue
        if present.data == data:
            # An attempt that did not learn that it had written.
            return Written.NEW
        order = _order_of(present.data)
        if order > writing_order(document):
            return Written.OLDER
        if order[0] == document.revision and not overwrite:
            return Written.UNCHANGED
        if files.replace(document.tenant_id, key, data, present.etag):
            return Written.CHANGED
    raise RetryLaterError("document_contended")


def _order_of(data: bytes) -> tuple[int, int]:
    """The order of the document that is there; zeros for what cannot be read as one."""
    try:
        return writing_order(decode_document(data).document)
    except ContractError:
        return 0, 0
