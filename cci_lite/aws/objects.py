"""What the adapters of both buckets share: listing, ETags, encryption and tags."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from cci_lite.aws.failures import translated
from cci_lite.ports import StoredObject


def protection(tenant_id: str, kms_key_arn: str | None) -> dict[str, str]:
    """Arguments for writing a tenant's object: tagged, and encrypted with the tenant as context.

    Every write has to state the context, also a copy. Without a key of our own the bucket's default
    encryption applies.
    """
    arguments = {"Tagging": urlencode({"tenant_id": tenant_id})}
    if kms_key_arn is not None:
        context = json.dumps({"tenant_id": tenant_id}).encode()
        arguments |= {
            "ServerSideEncryption": "aws:kms",
            "SSEKMSKeyId": kms_key_arn,
            "SSEKMSEncryptionContext": base64.b64encode(context).decode(),
        }
    return arguments


def plain_etag(etag: str) -> str:
    """An ETag as S3 events spell it; the S3 API puts it in quotes."""
    return etag.strip('"')


def list_objects(client: Any, bucket: str, prefix: str) -> Iterator[StoredObject]:
    """The objects below a prefix, ordered by key. Raises RetryLaterError and ServiceError."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    with translated("s3", "ListObjectsV2"):
        for page in pages:
            for found in page.get("Contents", ()):
                yield StoredObject(
                    found["Key"], plain_etag(found["ETag"]), found["Size"], found["LastModified"]
                )
