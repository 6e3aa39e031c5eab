"""Writes a tenant's documents into a lake's folder, where what is written decides the revision."""

from __future__ import annotations

import contextlib
import errno
from collections import defaultdict
from typing import Any

import msgspec

from cci_lite.contract.document import (
    Agent,
    CallDateSource,
    Source,
    UnifiedDocument,
    encode_document,
)
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.reading import decode_document
from cci_lite.errors import ContractError, LakeError
from cci_lite.pipeline.document_writing import Written, writing_order
from cci_lite.ports import Store
from cci_lite.tenancy import parse_unified_key, unified_key, unified_prefix


def with_earlier_facts(metadata: CallMetadata, present: UnifiedDocument | None) -> CallMetadata:
    """What is told of a call now, and what its present document says where nothing is told."""
    if present is None:
        return metadata
    told: dict[str, Any] = {
        name: getattr(metadata, name) or getattr(present, name)
        for name in ("queue", "direction", "channel")
    }
    if not (metadata.agent_id or metadata.agent_name or metadata.agent_team):
        agent = present.agent or Agent()
        told |= {"agent_id": agent.agent_id, "agent_name": agent.name, "agent_team": agent.team}
    return msgspec.structs.replace(metadata, **told)


class FolderDocuments:
    """A tenant's documents. A call has one, whose day can have been corrected.

    Every method raises ContractError for a document that cannot be read or written.
    """

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._keys: dict[str, list[str]] = defaultdict(list)
        for found in store.listing(unified_prefix(tenant_id)):
            with contextlib.suppress(ContractError):
                self._keys[parse_unified_key(found.key).call_id].append(found.key)

    def present(self, call_id: str) -> UnifiedDocument | None:
        """The latest readable document of the call; a broken one is replaced like none."""
        readable = []
        for key in self._keys[call_id]:
            data = self._read(key)
            with contextlib.suppress(ContractError):
                if data is not None:
                    readable.append(decode_document(data).document)
        return max(readable, key=lambda each: (*writing_order(each), each.call_date), default=None)

    def write_newer(self, document: UnifiedDocument) -> Written:
        """Write the document unless a later one of the call is there."""
        present = self.present(document.call_id)
        if present is not None and writing_order(present) > writing_order(document):
            return Written.OLDER
        return self._write(document, is_new=present is None)

    def write_next(self, document: UnifiedDocument, present: UnifiedDocument | None) -> Written:
        """Write the document of a transcript after the one that is present.

        Another transcript is the call's next revision, the same one a later writing of its
        revision, and one that was replaced before is left alone.
        """
        if present is None:
            return self._write(document, is_new=True)
        before, given = present.source or Source(), document.source or Source()
        if given.etag in before.earlier_etags:
            return Written.OLDER
        revision, earlier = present.revision, before.earlier_etags
        if given.etag != before.etag:
            revision, earlier = revision + 1, [*earlier, *([before.etag] if before.etag else [])]
        source = msgspec.structs.replace(given, earlier_etags=earlier)
        document = msgspec.structs.replace(
            _on_its_day(document, present), revision=revision, source=source
        )
        if revision == present.revision:
            document = _next_writing(document, present)
        return self._write(document, is_new=False)

    def _write(self, document: UnifiedDocument, *, is_new: bool) -> Written:
        key = unified_key(document.tenant_id, document.call_date, document.call_id)
        data = encode_document(document)
        is_there = key in self._keys[document.call_id] and self._read(key) == data
        try:
            if not is_there:
                self._store.write(key, data)
            # A call has one document: those on other days go when this one is there.
            for other in self._keys[document.call_id]:
                if other != key:
                    self._store.delete(other)
        except (OSError, LakeError) as problem:
            found = problem.strerror if isinstance(problem, OSError) else None
            raise ContractError(
                "", "a place to write the document to", found or "a stray"
            ) from problem
        self._keys[document.call_id] = [key]
        if is_there:
            return Written.UNCHANGED
        return Written.NEW if is_new else Written.CHANGED

    def _read(self, key: str) -> bytes | None:
        """The document at a key, or None."""
        try:
            return self._store.read(key)
        except FileNotFoundError:
            return None
        except OSError as problem:
            if problem.errno == errno.EOVERFLOW:  # larger than any document: broken
                return None
            found = problem.strerror or type(problem).__name__
            raise ContractError("", "a present document that can be read", found) from problem


def _on_its_day(document: UnifiedDocument, present: UnifiedDocument) -> UnifiedDocument:
    """The document on the day that is known already, unless metadata tells the day now."""
    if document.call_date_source is not CallDateSource.UPLOAD:
        return document
    # When a file was copied says less about the call than what is known of it already.
    told = ("call_date", "call_date_source", "call_started_at")
    return msgspec.structs.replace(document, **{name: getattr(present, name) for name in told})


def _next_writing(document: UnifiedDocument, present: UnifiedDocument) -> UnifiedDocument:
    """The document as the present one when it says the same, otherwise as its next writing."""
    same = msgspec.structs.replace(document, writing=present.writing)
    if encode_document(same) == encode_document(present):
        return same
    return msgspec.structs.replace(document, writing=(present.writing or 0) + 1)
