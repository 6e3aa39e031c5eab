"""Writes a call's document again when metadata came in after it was made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from cci_lite.contract.document import encode_document
from cci_lite.contract.reading import decode_document
from cci_lite.contract.registry import DOCUMENTED_STATES, CallRecord, moved
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
    the call's day changes, the document is written below its new day as well; the nightly run takes
    the later one. A document that has expired cannot be rewritten: the mark goes, and is logged.
    Raises RetryLaterError when somebody else moved the record.
    """
    present = _present(rewriting.registry, record)
    tenant = rewriting.tenants.tenant(record.tenant_id)
    if present is None or tenant is None or present.document_key is None:
        return False
    stored = rewriting.registry.metadata(present.tenant_id, present.call_id)
    content = rewriting.files.read(present.tenant_id, present.document_key)
    key = present.document_key
    if content is None:
        _log(rewriting, present, "document_expired")
    else:
        try:
            document = decode_document(content.data).document
        except ContractError:
            _log(rewriting, present, "document_unreadable")
        else:
            if document.revision == present.revision:
                fresh = with_facts(document, tenant, stored.merged, present.upload.uploaded_at)
                if encode_document(fresh) != content.data:
                    key, _ = write_document(rewriting.files, fresh, overwrite=True)
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
    return True


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
