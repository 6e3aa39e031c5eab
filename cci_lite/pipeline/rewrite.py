"""Writes a call's document again when metadata came in after it was made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from cci_lite.contract.document import UnifiedDocument, encode_document
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.reading import decode_document
from cci_lite.contract.registry import DOCUMENTED_STATES, CallRecord, moved
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import ContractError, RetryLaterError
from cci_lite.pipeline.facts import with_facts
from cci_lite.pipeline.tenants import TenantDirectory
from cci_lite.pipeline.writing import write_document
from cci_lite.ports import CallRegistry, Telemetry, TenantFiles


@dataclass(frozen=True)
class Rewriting:
    """What rewriting needs."""

    registry: CallRegistry
    files: TenantFiles
    tenants: TenantDirectory
    telemetry: Telemetry
    clock: Callable[[], dt.datetime]


def rewrite_document(rewriting: Rewriting, record: CallRecord) -> bool:
    """Bring the metadata in a call's document up to date; False when nothing was to be done.

    Verdicts stay as they are: the form is the one that was active when the call was judged. When
    the call's day changes, the document moves below its new day. A document that has expired cannot
    be rewritten: the mark goes, and is logged. Raises RetryLaterError when somebody else moved the
    record.
    """
    present = _present(rewriting.registry, record)
    tenant = rewriting.tenants.tenant(record.tenant_id)
    if present is None or tenant is None or present.document_key is None:
        return False
    stored = rewriting.registry.metadata(present.tenant_id, present.call_id)
    before = present.document_key
    metadata = stored.for_upload(present.upload.uploaded_at).merged
    fresh = _fresh(rewriting, tenant, present, metadata)
    key = before if fresh is None else write_document(rewriting.files, fresh, overwrite=True)[0]
    done = moved(
        present,
        present.state,
        rewriting.clock(),
        rewrite=False,
        document_key=key,
        metadata_version=stored.version,
    )
    if not rewriting.registry.replace(done):
        raise RetryLaterError("record_contended")
    if key != before:
        rewriting.files.delete(present.tenant_id, before)
    return True


def _fresh(
    rewriting: Rewriting, tenant: Tenant, record: CallRecord, metadata: CallMetadata
) -> UnifiedDocument | None:
    """The document with this metadata; None when there is none, or it says all that already."""
    content = rewriting.files.read(record.tenant_id, str(record.document_key))
    if content is None:
        _log(rewriting, record, "document_expired")
        return None
    try:
        document = decode_document(content.data).document
    except ContractError:
        _log(rewriting, record, "document_unreadable")
        return None
    fresh = with_facts(document, tenant, metadata, record.upload.uploaded_at)
    is_ours = document.revision == record.revision
    return fresh if is_ours and encode_document(fresh) != content.data else None


def _present(registry: CallRegistry, record: CallRecord) -> CallRecord | None:
    """The record as it stands now, if it is still marked: what was found may have moved on."""
    for each in registry.records(record.call_id):
        if each.revision == record.revision:
            return each if each.rewrite and each.state in DOCUMENTED_STATES else None
    return None


def _log(rewriting: Rewriting, record: CallRecord, reason: str) -> None:
    rewriting.telemetry.log(
        "not_rewritten",
        tenant_id=record.tenant_id,
        call_id=record.call_id,
        revision=record.revision,
        reason=reason,
    )
