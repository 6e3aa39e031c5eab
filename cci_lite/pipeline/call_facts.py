"""What is known of a call besides what was said: when it was, who took it, where it came in."""

from __future__ import annotations

import datetime as dt
import hashlib

import msgspec

from cci_lite.contract.document import Agent, CallDateSource, UnifiedDocument
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.tenant import Tenant


def with_facts(
    document: UnifiedDocument, tenant: Tenant, metadata: CallMetadata, uploaded_at: dt.datetime
) -> UnifiedDocument:
    """The document with what metadata says; its day is the tenant's, of the call or the upload."""
    return msgspec.structs.replace(
        document,
        call_date=call_date_of(tenant, metadata, uploaded_at),
        call_date_source=CallDateSource.METADATA if metadata.started_at else CallDateSource.UPLOAD,
        call_started_at=metadata.started_at,
        agent=Agent(agent_id=metadata.agent_id, name=metadata.agent_name, team=metadata.agent_team),
        queue=metadata.queue,
        direction=metadata.direction,
        channel=metadata.channel,
    )


def call_date_of(tenant: Tenant, metadata: CallMetadata, uploaded_at: dt.datetime) -> dt.date:
    """The day of the call, or else of its upload, in the tenant's time zone."""
    return (metadata.started_at or uploaded_at).astimezone(tenant.zone).date()


def key_hash(key: str) -> str:
    """A recording's key as documents carry it: 32 hexadecimal digits instead of a file name."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]
