"""Keeps what is told of a call, whoever tells it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.registry import CallRecord, CallState, MetadataSource, StoredMetadata, moved
from cci_lite.errors import RetryLaterError
from cci_lite.pipeline.lease import newest_documented
from cci_lite.ports import CallRegistry

_ATTEMPTS = 10
# DynamoDB changes at most 100 items in one step; one of them is the metadata.
_MOST_AT_ONCE = 99


class Keeping(Protocol):
    """What keeping metadata needs."""

    @property
    def registry(self) -> CallRegistry:
        """Where it is kept."""

    @property
    def clock(self) -> Callable[[], dt.datetime]:
        """What time it is."""


def keep_told(
    ports: Keeping,
    tenant_id: str,
    call_id: str,
    *,
    source: MetadataSource,
    metadata: CallMetadata,
    told_at: dt.datetime,
) -> tuple[StoredMetadata, bool]:
    """Keep what a source says; all that is known now, and whether that was news.

    In the same step the call's document is marked to be written again, and every upload that may be
    on its way to a document is touched: whoever is writing one has read the metadata before, and
    finds its record moved. Nothing is kept of an erased call. Raises RetryLaterError.
    """
    for _ in range(_ATTEMPTS):
        # The records first: who moves one of them in between is found out by its version.
        records = ports.registry.records(call_id)
        stored = ports.registry.metadata(tenant_id, call_id)
        fresh = stored.with_told(source, metadata, told_at)
        if fresh is None or (records and records[-1].state is CallState.ERASED):
            return stored, False
        touched = _touched(records, ports.clock())
        if ports.registry.put_metadata(tenant_id, call_id, fresh, touched):
            return fresh, True
    raise RetryLaterError("metadata_contended")


def _touched(records: Sequence[CallRecord], at: dt.datetime) -> list[CallRecord]:
    """The call's documented record, marked, and later uploads' records, each one version on."""
    newest = newest_documented(records)
    marked = [moved(newest, newest.state, at, rewrite=True)] if newest is not None else []
    later = [
        msgspec.structs.replace(record, version=record.version + 1)
        for record in records
        if (newest is None or record.revision > newest.revision)
        and (record.is_open or record.state is CallState.FAILED)
    ]
    return [*marked, *later][-_MOST_AT_ONCE:]
