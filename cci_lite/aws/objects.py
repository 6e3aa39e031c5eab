"""Lists a bucket, for the adapters of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cci_lite.aws.failures import translated
from cci_lite.aws.object_headers import plain_etag
from cci_lite.ports import StoredObject


def list_objects(client: Any, bucket: str, prefix: str) -> Iterator[StoredObject]:
    """The objects below a prefix, ordered by key. Raises RetryLaterError and ServiceError."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    with translated("s3", "ListObjectsV2"):
        for page in pages:
            for found in page.get("Contents", ()):
                yield StoredObject(
                    found["Key"], plain_etag(found["ETag"]), found["Size"], found["LastModified"]
                )
