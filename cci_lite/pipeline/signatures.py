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
from dataclasses import dataclass

from cci_lite.errors import SignatureError

SIGNATURE_HEADER = "x-cci-signature"
REPLAY_WINDOW = dt.timedelta(seconds=300)

_TIMESTAMP = re.compile(r"[0-9]{1,11}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_PARTS = 10


@dataclass(frozen=True)
class Signature:
    """What a header claims: the time, as it was signed, and the signatures."""

    timestamp: str
    digests: Sequence[str]

    @property
    def signed_at(self) -> dt.datetime:
        """The time in UTC."""
        return dt.datetime.fromtimestamp(int(self.timestamp), dt.UTC)


def read_signature(header: str | None, now: dt.datetime) -> Signature:
    """The signature of a request of just now; parts of other kinds are left alone.

    Raises SignatureError. Nobody's secret is needed for this.
    """
    if header is None:
        raise SignatureError("signature_missing")
    parts = header.split(",", _MOST_PARTS)[:_MOST_PARTS]
    given = [(name.strip(), value.strip()) for name, _, value in (p.partition("=") for p in parts)]
    timestamps = [value for name, value in given if name == "t"]
    digests = [value for name, value in given if name == "v1" and _DIGEST.fullmatch(value)]
    if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]) or not digests:
        raise SignatureError("signature_malformed")
    signature = Signature(timestamps[0], digests)
    if abs(now - signature.signed_at) > REPLAY_WINDOW:
        raise SignatureError("signature_expired")
    return signature


def check_signature(signature: Signature, body: bytes, keys: Sequence[bytes]) -> None:
    """Raise SignatureError unless one of the keys has signed this body.

    Every given signature is compared with every key in constant time; an empty key signs nothing.
    """
    matches = [
        hmac.compare_digest(_digest(key, signature.timestamp, body), digest)
        for key in keys
        if key
        for digest in signature.digests
    ]
    if not any(matches):
        raise SignatureError("signature_wrong")


def _digest(key: bytes, timestamp: str, body: bytes) -> str:
    return hmac.new(key, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
