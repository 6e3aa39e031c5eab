"""What a recording's key and headers say of it, and what Amazon Transcribe takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cci_lite.contract.metadata import CallMetadata, parse_metadata
from cci_lite.errors import ContractError

MEDIA_FORMATS = frozenset({"mp3", "mp4", "wav", "flac", "ogg", "amr", "webm", "m4a"})
MAX_MEDIA_BYTES = 2 * 1024**3
SIDECAR_SUFFIX = ".meta.json"

# Which recording it is its key says, and nothing else.
_HEADERS = frozenset(CallMetadata.__struct_fields__) - {"recording_key"}


def media_format_of(key: str) -> str | None:
    """The format that a key's extension names; None when Transcribe knows no such format."""
    _, dot, extension = key.rpartition("/")[2].rpartition(".")
    media_format = extension.lower()
    return media_format if dot and media_format in MEDIA_FORMATS else None


def metadata_of_headers(headers: Mapping[str, str]) -> tuple[CallMetadata, int]:
    """What a recording's own headers tell (`agent-id` or `agent_id`), and how many are no use.

    A header whose value cannot be meant does not spoil the others.
    """
    fields: dict[str, Any] = {}
    unread = 0
    for name, value in headers.items():
        field = name.lower().replace("-", "_")
        if field in _HEADERS:
            try:
                fields[field] = getattr(parse_metadata({field: value}), field)
            except ContractError:
                unread += 1
    return CallMetadata(**fields), unread
