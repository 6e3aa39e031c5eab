"""Reads and writes a tenant's files in the results bucket: work files and unified documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cci_lite.aws.failures import error_code, translated
from cci_lite.aws.object_headers import plain_etag, protection
from cci_lite.aws.objects import list_objects
from cci_lite.contract.limits import MAX_TRANSCRIPT_BYTES
from cci_lite.errors import RetryLaterError, ServiceError, UsageError
from cci_lite.ports import FileContent, StoredObject
from cci_lite.tenancy import check_own_key

_ATTEMPTS = 4
_MISSING = frozenset({"NoSuchKey", "404"})
_NOT_AS_EXPECTED = frozenset({"PreconditionFailed", "412"})


@dataclass(frozen=True)
class S3Files:
    """TenantFiles in a bucket."""

    client: Any
    bucket: str
    kms_key_arn: str | None

    def read(self, tenant_id: str, key: str) -> FileContent | None:
        """The object, or None. Without `s3:ListBucket` S3 answers 403 for a missing object.

        Raises ServiceError for one that is larger than a transcript may be.
        """
        check_own_key(tenant_id, key)
        with translated("s3", "GetObject"):
            try:
                found = self.client.get_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if error_code(error) in _MISSING:
                    return None
                raise
            with found["Body"] as body:
                if found["ContentLength"] > MAX_TRANSCRIPT_BYTES:
                    raise ServiceError(
                        "s3_object_too_large", f"more than {MAX_TRANSCRIPT_BYTES:,} bytes"
                    )
                return FileContent(body.read(), plain_etag(found["ETag"]))

    def write_new(self, tenant_id: str, key: str, data: bytes) -> bool:
        """Create an object; False when there is one.

        It may be this very content: the client retries when it lost the response.
        """
        # S3 conditional writes (user guide, "How to prevent object overwrites").
        return self._put(tenant_id, key, data, IfNoneMatch="*")

    def replace(self, tenant_id: str, key: str, data: bytes, etag: str) -> bool:
        """Replace the object if it still has this ETag; False otherwise, or when it is gone."""
        return self._put(tenant_id, key, data, IfMatch=f'"{etag}"')

    def delete(self, tenant_id: str, key: str) -> None:
        """Delete the object with all its versions: a plain delete only adds a delete marker."""
        check_own_key(tenant_id, key)
        self._delete(key, lambda found: found == key)

    def delete_below(self, tenant_id: str, prefix: str) -> None:
        """Delete everything below a prefix, with all versions; raises UsageError without a `/`."""
        check_own_key(tenant_id, prefix)
        if not prefix.endswith("/"):
            raise UsageError("a prefix to delete below must end with '/'")
        self._delete(prefix, lambda _: True)

    def listing(self, tenant_id: str, prefix: str) -> Iterator[StoredObject]:
        """The objects below a prefix, ordered by key."""
        check_own_key(tenant_id, prefix)
        return list_objects(self.client, self.bucket, prefix)

    def _delete(self, prefix: str, is_meant: Callable[[str], bool]) -> None:
        pages = self.client.get_paginator("list_object_versions")
        with translated("s3", "DeleteObjects"):
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                versions = [
                    {"Key": found["Key"], "VersionId": found["VersionId"]}
                    for found in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                    if is_meant(found["Key"])
                ]
                if not versions:
                    continue
                # A page has at most 1,000 entries, the limit of one DeleteObjects request.
                answer = self.client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": versions, "Quiet": True}
                )
                if answer.get("Errors"):
                    raise RetryLaterError("s3_not_deleted", "DeleteObjects")

    def _put(self, tenant_id: str, key: str, data: bytes, **condition: str) -> bool:
        check_own_key(tenant_id, key)
        with translated("s3", "PutObject"):
            for _ in range(_ATTEMPTS):
                try:
                    self.client.put_object(
                        Bucket=self.bucket,
                        Key=key,
                        Body=data,
                        ContentType="application/json",
                        ChecksumAlgorithm="SHA256",
                        **protection(tenant_id, self.kms_key_arn),
                        **condition,
                    )
                except ClientError as error:
                    code = error_code(error)
                    if code in _NOT_AS_EXPECTED or (code in _MISSING and "IfMatch" in condition):
                        return False
                    if code != "ConditionalRequestConflict":
                        raise
                    # 409: another request is writing or deleting the object; S3 asks to retry.
                else:
                    return True
        raise RetryLaterError("s3_conflict", "PutObject")
