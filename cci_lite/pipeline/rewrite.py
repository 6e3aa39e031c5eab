"""Brings a call's documents to what the registry says: one, with the metadata that was told last.

Every key at which a document may be written is stored in the record first, together with those at
which documents are to be deleted. Until both is done the record stays marked, so that the next
sweep finishes what crashed or was refused on the way.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from cci_lite.contract.document import UnifiedDocument, encode_document
from cci_lite.contract.reading import decode_document
from cci_lite.contract.registry import CallRecord, CallState, moved
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import ContractError, RetryLaterError
from cci_lite.pipeline.call_facts import with_facts
from cci_lite.pipeline.document_writing import write_document
from cci_lite.pipeline.lease import held, newest_documented, of_revision, records_held
from cci_lite.pipeline.tenant_directory import TenantDirectory
from cci_lite.ports import CallRegistry, Telemetry, TenantFiles
from cci_lite.tenancy import unified_key

# Longer than the reconciler may run.
LEASE = dt.timedelta(minutes=16)


@dataclass(frozen=True)
class Rewriting:
    """What bringing documents up to date needs."""

    registry: CallRegistry
    files: TenantFiles
    tenants: TenantDirectory
    telemetry: Telemetry
    clock: Callable[[], dt.datetime]


@dataclass(frozen=True)
class _Found:
    """A document of a call, and where it lies."""

    key: str
    data: bytes
    document: UnifiedDocument


def rewrite_document(rewriting: Rewriting, record: CallRecord) -> bool:
    """Bring a marked record's documents up to date; False when nothing is to be done, or not yet.

    Verdicts stay as they are: the form is the one that was active when the call was judged. When
    the call's day changes, the document moves below its new day. A document that has expired cannot
    be rewritten: the mark goes, and is logged. What an upload that has failed left behind is
    deleted. Raises RetryLaterError when somebody else is at work on the call, or moved the record.
    """
    records = rewriting.registry.records(record.call_id)
    present = of_revision(records, record.revision)
    tenant = rewriting.tenants.tenant(record.tenant_id)
    if present is None or tenant is None or not present.rewrite or present.is_open:
        return False
    # Two that have read the same want the same lease, and one of them gets it.
    holder = f"rewrite-{records[0].version}"
    with held(rewriting.registry, records, holder, rewriting.clock, LEASE):
        settle(rewriting, tenant, present, holder)
    return True


def settle(rewriting: Rewriting, tenant: Tenant, record: CallRecord, holder: str) -> None:
    """Bring a marked record's documents up to date and remove the mark; under the call's lease.

    Raises RetryLaterError when the record was moved meanwhile.
    """
    records = records_held(rewriting.registry, record.call_id, holder)
    present = of_revision(records, record.revision)
    newest = newest_documented(records)
    if present is None or present.is_open:
        raise RetryLaterError("record_contended")
    if present is newest:
        _bring_up_to_date(rewriting, tenant, present)
    elif present.state is CallState.FAILED:
        _withdraw(rewriting, present, newest.keys if newest else ())
    else:
        # The later upload's record has taken over its keys.
        _move(rewriting, present, rewrite=False, stale_keys=())


def _bring_up_to_date(rewriting: Rewriting, tenant: Tenant, record: CallRecord) -> None:
    """Write all that was told into the call's document, then delete the call's other ones."""
    stored = rewriting.registry.metadata(record.tenant_id, record.call_id)
    found = _latest(rewriting, record)
    fresh, key = None, record.document_key
    if found is not None:
        uploaded_at = record.upload.uploaded_at
        told = stored.for_upload(uploaded_at).merged
        fresh = with_facts(found.document, tenant, told, uploaded_at)
        key = unified_key(fresh.tenant_id, fresh.call_date, fresh.call_id)
    stale = tuple(sorted({*record.keys} - {key}))
    if (key, stale) != (record.document_key, record.stale_keys):
        record = _move(rewriting, record, document_key=key, stale_keys=stale)
    if found and fresh and (key != found.key or encode_document(fresh) != found.data):
        later = max(record.version, (fresh.writing or 0) + 1)
        fresh = msgspec.structs.replace(fresh, writing=later)
        write_document(rewriting.files, fresh, overwrite=True)
    for each in stale:
        rewriting.files.delete(record.tenant_id, each)
    _move(rewriting, record, rewrite=False, stale_keys=(), metadata_version=stored.version)


def _withdraw(rewriting: Rewriting, record: CallRecord, needed: tuple[str, ...]) -> None:
    """Delete what an upload without a document may have written."""
    for key in sorted({*record.keys} - {*needed}):
        rewriting.files.delete(record.tenant_id, key)
    _move(rewriting, record, rewrite=False, document_key=None, stale_keys=())


def _latest(rewriting: Rewriting, record: CallRecord) -> _Found | None:
    """The latest document that an upload has; None, and a line in the log, without one."""
    contents = {key: rewriting.files.read(record.tenant_id, key) for key in record.keys}
    found: list[_Found] = []
    is_unreadable = False
    for key, content in contents.items():
        if content is None:
            continue
        try:
            found.append(_Found(key, content.data, decode_document(content.data).document))
        except ContractError:
            is_unreadable = True
    if not found:
        rewriting.telemetry.log(
            "not_rewritten",
            tenant_id=record.tenant_id,
            call_id=record.call_id,
            revision=record.revision,
            reason="document_unreadable" if is_unreadable else "document_expired",
        )
    ours = [each for each in found if each.document.revision == record.revision]
    return max(ours, key=lambda each: each.document.writing or 0, default=None)


def _move(rewriting: Rewriting, record: CallRecord, **changes: Any) -> CallRecord:
    """The record changed; raises RetryLaterError when somebody else has moved it."""
    changed = moved(record, record.state, rewriting.clock(), **changes)
    if not rewriting.registry.replace(changed):
        raise RetryLaterError("record_contended")
    return changed
