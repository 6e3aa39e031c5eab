"""What the headers of a tenant's objects say: tags, encryption, ETags."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

TAG = "tenant_id"


def protection(tenant_id: str, kms_key_arn: str | None) -> dict[str, str]:
    """Arguments for writing a tenant's object: tagged, and encrypted with the tenant as context.

    Every write has to state the context, also a copy. Without a key of our own the bucket's default
    encryption applies.
    """
    arguments = {"Tagging": tagging(tenant_id)}
    if kms_key_arn is not None:
        arguments |= {
            "ServerSideEncryption": "aws:kms",
            "SSEKMSKeyId": kms_key_arn,
            "SSEKMSEncryptionContext": encryption_context(tenant_id),
        }
    return arguments


def tagging(tenant_id: str) -> str:
    """The tags of a tenant's object, as a header has them."""
    return urlencode({TAG: tenant_id})


def encryption_context(tenant_id: str) -> str:
    """The context that a tenant's objects are encrypted with, as a header has it."""
    return base64.b64encode(json.dumps({TAG: tenant_id}).encode()).decode()


def plain_etag(etag: str) -> str:
    """An ETag as S3 events spell it; the S3 API puts it in quotes."""
    return etag.strip('"')
