"""What a recording's key and headers say of it, and what Amazon Transcribe takes."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from cci_lite.contract.metadata import METADATA_FIELDS, ParsedMetadata, parse_metadata, understood
from cci_lite.errors import ContractError, describe_value

MEDIA_FORMATS = frozenset({"mp3", "mp4", "wav", "flac", "ogg", "amr", "webm", "m4a"})
MAX_MEDIA_BYTES = 2 * 1024**3
SIDECAR_SUFFIX = ".meta.json"

# Which recording it is its key says, and nothing else.
_HEADERS = frozenset(METADATA_FIELDS) - {"recording_key"}


def media_format_of(key: str) -> str | None:
    """The format that a key's extension names; None when Transcribe knows no such format."""
    _, dot, extension = key.rpartition("/")[2].rpartition(".")
    media_format = extension.lower()
    return media_format if dot and media_format in MEDIA_FORMATS else None


def metadata_of_headers(
    headers: Mapping[str, str], zone: dt.tzinfo | None = None
) -> ParsedMetadata:
    """What a recording's own headers tell (`agent-id` or `agent_id`); others are left alone.

    A field that stands there twice is a problem and nothing is taken: no upload fails by it.
    """
    try:
        fields, _ = understood(headers.items(), _HEADERS)
    except ContractError as problem:
        return ParsedMetadata(problems=(problem,))
    decoded: dict[str, str] = {}
    problems: list[ContractError] = []
    for field, value in fields.items():
        try:
            decoded[field] = _decoded(field, value)
        except ContractError as problem:
            problems.append(problem)
    parsed = parse_metadata(decoded, zone)
    return replace(parsed, problems=(*problems, *parsed.problems))


def _decoded(field: str, value: str) -> str:
    """A header as it was meant; raises ContractError.

    S3 answers with words as of RFC 2047 where a value is not ASCII. Raw UTF-8 it has taken for
    Latin-1 before, and so does whoever reads headers (S3 user guide, object metadata: its example
    `=?UTF-8?B?w4PChE3D…?=` stands for ÄMÄZÕÑ S3).
    """
    if "=?" in value:
        try:
            value = str(make_header(decode_header(value)))
        except (HeaderParseError, LookupError, ValueError):
            raise ContractError(field, "words as of RFC 2047", describe_value(value)) from None
    with contextlib.suppress(UnicodeError):
        return value.encode("latin-1").decode("utf-8")
    return value
