"""Signed requests: who holds the tenant's secret has sent exactly this body, just now.

The header `x-cci-signature` is `t=<seconds since 1970>,v1=<hexadecimal>`: `v1` is the HMAC-SHA256
of `<t>.<body>`. It may carry several `v1` while the sender changes its secret.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Sequence

from cci_lite.errors import SignatureError

SIGNATURE_HEADER = "x-cci-signature"
REPLAY_WINDOW = dt.timedelta(seconds=300)

_TIMESTAMP = re.compile(r"[0-9]{1,11}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_PARTS = 10


def check_signature(
    header: str | None, body: bytes, keys: Sequence[bytes], now: dt.datetime
) -> dt.datetime:
    """When the request was signed, in UTC. Raises SignatureError.

    Every given signature is compared with every key in constant time; an empty key signs nothing.
    """
    if header is None:
        raise SignatureError("signature_missing")
    timestamp, digests = _parse(header)
    matches = [
        hmac.compare_digest(_digest(key, timestamp, body), digest)
        for key in keys
        if key
        for digest in digests
    ]
    if not any(matches):
        raise SignatureError("signature_wrong")
    signed_at = dt.datetime.fromtimestamp(int(timestamp), dt.UTC)
    if abs(now - signed_at) > REPLAY_WINDOW:
        raise SignatureError("signature_expired")
    return signed_at


def _parse(header: str) -> tuple[str, list[str]]:
    """The time and the signatures; parts of other kinds are left alone."""
    parts = header.split(",", _MOST_PARTS)[:_MOST_PARTS]
    given = [(name.strip(), value.strip()) for name, _, value in (p.partition("=") for p in parts)]
    timestamps = [value for name, value in given if name == "t"]
    digests = [value for name, value in given if name == "v1" and _DIGEST.fullmatch(value)]
    if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]) or not digests:
        raise SignatureError("signature_malformed")
    return timestamps[0], digests


def _digest(key: bytes, timestamp: str, body: bytes) -> str:
    return hmac.new(key, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
