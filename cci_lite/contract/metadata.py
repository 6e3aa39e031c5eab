"""What a telephony platform or CRM knows about a call: a CSV row, a sidecar, a webhook."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from cci_lite.contract.document import IdText, UtcTime
from cci_lite.contract.parsing import check_time, convert


class CallMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything optional; fields that are not listed here are left alone."""

    recording_key: str | None = None
    started_at: UtcTime | None = None
    agent_id: IdText | None = None
    agent_name: str | None = None
    agent_team: str | None = None
    queue: str | None = None
    direction: Literal["inbound", "outbound"] | None = None
    channel: str | None = None
    language_code: str | None = None


def parse_metadata(value: Mapping[str, Any]) -> CallMetadata:
    """Metadata from a row or an object; empty text counts as absent. Raises ContractError."""
    given = {key: item for key, item in value.items() if item not in ("", None)}
    metadata = convert(given, CallMetadata)
    check_time(given.get("started_at"), metadata.started_at, "started_at")
    if metadata.started_at is not None:
        started_at = metadata.started_at.astimezone(dt.UTC)
        metadata = msgspec.structs.replace(metadata, started_at=started_at)
    return metadata
