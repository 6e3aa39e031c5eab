"""Reads recordings and sidecars from the input bucket, to which tenants upload."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from cci_lite.aws.failures import error_code, translated
from cci_lite.aws.object_headers import plain_etag, protection
from cci_lite.aws.objects import list_objects
from cci_lite.contract.registry import Upload
from cci_lite.errors import UsageError
from cci_lite.ports import UploadedMedia
from cci_lite.tenancy import check_own_key, recording_key

# S3 answers 404 for a deleted version, and 405 for a delete marker.
_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "404", "405"})
_OTHER_CONTENT = frozenset({"PreconditionFailed", "412"})


@dataclass(frozen=True)
class S3Recordings:
    """Recordings in a bucket; accepted ones go to the results bucket."""

    client: Any
    input_bucket: str
    output_bucket: str
    kms_key_arn: str | None

    def look(self, upload: Upload) -> UploadedMedia | None:
        """Exactly this upload with its actual size, or None."""
        with translated("s3", "HeadObject"):
            try:
                found = self.client.head_object(**self._source(upload))
            except ClientError as error:
                if error_code(error) in _GONE:
                    return None
                raise
        if plain_etag(found["ETag"]) != upload.etag:
            return None
        seen = msgspec.structs.replace(upload, size=found["ContentLength"])
        return UploadedMedia(seen, found.get("Metadata", {}))

    def accept(self, upload: Upload, target: str) -> bool:
        """Copy exactly this upload, without the metadata and tags that its sender set."""
        check_own_key(upload.tenant_id, target)
        with translated("s3", "CopyObject"):
            try:
                self.client.copy_object(
                    Bucket=self.output_bucket,
                    Key=target,
                    CopySource=self._source(upload),
                    CopySourceIfMatch=f'"{upload.etag}"',
                    MetadataDirective="REPLACE",
                    TaggingDirective="REPLACE",
                    **protection(upload.tenant_id, self.kms_key_arn),
                )
            except ClientError as error:
                if error_code(error) in _GONE | _OTHER_CONTENT:
                    return False
                raise
        return True

    def listing(self, tenant_id: str) -> Iterator[Upload]:
        """What lies below the tenant's `calls/`, ordered by key."""
        for found in list_objects(self.client, self.input_bucket, recording_key(tenant_id, "")):
            yield Upload(
                tenant_id=tenant_id,
                key=found.key,
                size=found.size,
                etag=found.etag,
                uploaded_at=found.modified_at,
            )

    def read_small(self, tenant_id: str, key: str, limit: int) -> bytes | None:
        """An object of at most `limit` bytes; None when there is none or it is larger."""
        _check_recording_key(tenant_id, key)
        with translated("s3", "GetObject"):
            try:
                found = self.client.get_object(Bucket=self.input_bucket, Key=key)
            except ClientError as error:
                if error_code(error) in _GONE:
                    return None
                raise
            with found["Body"] as body:
                if found["ContentLength"] > limit:
                    return None
                data: bytes = body.read()
                return data

    def _source(self, upload: Upload) -> dict[str, str]:
        _check_recording_key(upload.tenant_id, upload.key)
        source = {"Bucket": self.input_bucket, "Key": upload.key}
        return source | ({"VersionId": upload.version_id} if upload.version_id else {})


def _check_recording_key(tenant_id: str, key: str) -> None:
    if not key.startswith(recording_key(tenant_id, "")):
        raise UsageError("a key outside of the tenant's calls")
