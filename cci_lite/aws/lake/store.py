"""The object store on S3: documents and quarantine in one bucket, the tables in another."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

from cci_lite.aws.lake.clients import (
    Bucket,
    copying_client,
    exact_client,
    reading_client,
    writing_client,
)
from cci_lite.aws.lake.listing import (
    directly_below,
    is_plain,
    keys_below,
    stands_as_folder,
    survey_below,
)
from cci_lite.aws.lake.read_ahead import reading_ahead
from cci_lite.aws.lake.s3_failures import attempt, missing, translated
from cci_lite.aws.object_headers import TAG, plain_etag, tagging
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES, MAX_PART_BYTES, too_large
from cci_lite.errors import LakeError, UsageError
from cci_lite.ports import StoredObject
from cci_lite.tenancy import CURATED, QUARANTINE, UNIFIED, is_tenant_id

_DOCUMENT = ".json"
_CONTENT_TYPES = {
    _DOCUMENT: "application/json",
    ".gz": "application/gzip",
    ".parquet": "application/vnd.apache.parquet",
}
_ANY_TYPE = "application/octet-stream"
# Metadata of a copy: the etag of what it was made from.
_SOURCE_ETAG = "source-etag"
_COPY_ATTEMPTS = 4
_DELETED_AT_ONCE = 1_000  # the limit of one DeleteObjects request


@dataclass(frozen=True)
class S3Store:
    """A Store in two buckets, with keys as in a folder; the bucket follows from a key's root.

    Its values are plain, so that it can be sent to other processes, where clients are made when
    they are first needed; processes that are forked from one that has used a client cannot have
    any. Every object is tagged with its tenant, and encrypted with `kms_key_arn` and the tenant as
    context, or as the bucket does by default.

    Raises PermissionError for an object that may not be read or written (S3 answers so for a
    missing one, too, without the right to list the bucket), and LakeError for what concerns the
    bucket: it is missing, credentials are refused, or S3 still fails after several attempts.
    """

    results_bucket: str
    curated_bucket: str
    region: str
    kms_key_arn: str | None = None
    endpoint: str | None = None
    profile: str | None = None

    def listing(self, prefix: str) -> Iterator[StoredObject]:
        """The objects below `prefix`, ordered by key."""
        return (found for found in self.survey(prefix) if not found.stray)

    def survey(self, prefix: str, *, start: str = "") -> Iterator[StoredObject]:
        """Everything below `prefix` from `start` on: objects and strays, ordered by key.

        A stray is an object whose key no document has; it is shown under a key with escapes.
        Markers of empty folders are left out.
        """
        bucket, prefix = self._folder(prefix)
        with _listed(prefix):
            yield from survey_below(bucket, prefix, start)

    def head(self, key: str) -> StoredObject | None:
        """The object as a listing shows it; None when it is not there."""
        bucket, _ = self._object(key)
        try:
            found = attempt(bucket.name, lambda: reading_client(bucket).head(key))
        except FileNotFoundError:
            return None
        return StoredObject(
            key, plain_etag(found["e_tag"] or ""), found["size"], found["last_modified"]
        )

    def folders(self, prefix: str) -> list[str]:
        """The names directly below `prefix` that have something below them, ordered."""
        return self._directly(prefix)[0]

    def loose(self, prefix: str) -> int:
        """How many objects lie directly below `prefix`."""
        return self._directly(prefix)[1]

    def read(self, key: str) -> bytes:
        """The whole object; raises FileNotFoundError, or EOVERFLOW when it is too large."""
        bucket, _ = self._object(key)
        limit = MAX_DOCUMENT_BYTES if key.endswith(_DOCUMENT) else MAX_PART_BYTES
        return attempt(bucket.name, lambda: _content(bucket, key, limit))

    @contextmanager
    def reading(self, objects: Sequence[StoredObject]) -> Iterator[Callable[[str], bytes]]:
        """`read`, for objects of a listing one after the other; a few are read ahead."""
        with reading_ahead(objects, self._read_listed) as read:
            yield read

    def write(self, key: str, data: bytes | memoryview) -> None:
        """Create or replace the object in one request: readers see the old or the new content."""
        bucket, tenant_id = self._object(key)
        whole = memoryview(data)
        attempt(
            bucket.name,
            # In parts it would send the headers of encryption with each, which S3 refuses.
            lambda: writing_client(bucket, tenant_id, self.kms_key_arn).put(
                key,
                whole,
                attributes={"Content-Type": _content_type(key)},
                tags={TAG: tenant_id},
                use_multipart=False,
            ),
        )

    def copy(self, source: str, target: str) -> None:
        """Copy an object within its bucket; raises FileNotFoundError, LakeError.

        S3 copies it: tags and context are those of the target, and it keeps the source's etag.
        """
        bucket, _ = self._object(source)
        target_bucket, tenant_id = self._object(target)
        if bucket != target_bucket:
            raise UsageError("a copy within one bucket was expected")
        for _ in range(_COPY_ATTEMPTS):
            found = self.head(source)
            if found is None:
                raise missing()
            headers = {
                "content-type": _content_type(target),
                "x-amz-copy-source-if-match": f'"{found.etag}"',
                "x-amz-metadata-directive": "REPLACE",
                f"x-amz-meta-{_SOURCE_ETAG}": found.etag,
                "x-amz-tagging-directive": "REPLACE",
                "x-amz-tagging": tagging(tenant_id),
            }
            client = copying_client(bucket, tenant_id, self.kms_key_arn, headers)
            try:
                attempt(bucket.name, partial(client.copy, source, target))
            except OSError as problem:
                if problem.errno != errno.ESTALE:
                    raise
            else:
                return
        raise LakeError(
            f"{_shown_place(source)}: an object there is written to again and again while it is "
            "copied; run again later"
        )

    def is_copy_of(self, key: str, etag: str) -> bool:
        """Whether `key` is a copy, made by `copy`, of an object that had this etag."""
        bucket, _ = self._object(key)
        try:
            found = attempt(
                bucket.name, lambda: reading_client(bucket).get(key, options={"head": True})
            )
        except FileNotFoundError:
            return False
        return found.attributes.get(_SOURCE_ETAG) == etag

    def delete(self, key: str) -> None:
        """Delete the object if it is there; in a versioned bucket its versions stay."""
        bucket, _ = self._object(key)
        attempt(bucket.name, lambda: reading_client(bucket).delete(key))

    def delete_below(self, prefix: str) -> None:
        """Delete everything below a tenant's prefix."""
        bucket, prefix = self._folder(prefix)
        self._object(f"{prefix}any")
        keys = keys_below(bucket, prefix)
        while some := list(islice(keys, _DELETED_AT_ONCE)):
            if plain := [key for key in some if is_plain(key)]:
                attempt(bucket.name, partial(reading_client(bucket).delete, plain))
            for key in some:
                if not is_plain(key):
                    with translated(bucket.name):
                        exact_client(bucket).delete_object(Bucket=bucket.name, Key=key)

    def _read_listed(self, key: str) -> bytes:
        try:
            return self.read(key)
        except FileNotFoundError:
            # It was listed: either it is gone since, or its key has a slash that obstore cut off.
            bucket, _ = self._object(key)
            if stands_as_folder(bucket, key):
                raise OSError(errno.EISDIR, "an object that stands for a folder") from None
            raise

    def _directly(self, prefix: str) -> tuple[list[str], int]:
        bucket, prefix = self._folder(prefix)
        with _listed(prefix):
            return directly_below(bucket, prefix)

    def _folder(self, prefix: str) -> tuple[Bucket, str]:
        """Where a prefix leads, and the prefix with the slash at its end."""
        folder = prefix.rstrip("/")
        return self._bucket(folder), f"{folder}/"

    def _object(self, key: str) -> tuple[Bucket, str]:
        """The bucket and the tenant of a key; raises UsageError for a key of no tenant."""
        bucket = self._bucket(key)
        _, *tenant = key.split("/")
        if len(tenant) < 2 or not is_tenant_id(tenant[0]):
            raise UsageError("a key of a tenant within the lake was expected")
        return bucket, tenant[0]

    def _bucket(self, key: str) -> Bucket:
        names = {
            UNIFIED: self.results_bucket,
            QUARANTINE: self.results_bucket,
            CURATED: self.curated_bucket,
        }
        name = names.get(key.partition("/")[0])
        if name is None or not is_plain(key):
            raise UsageError("a key within the lake was expected")
        return Bucket(name, self.region, self.endpoint, self.profile)


def _content(bucket: Bucket, key: str, limit: int) -> bytes:
    found = reading_client(bucket).get(key)
    if found.meta["size"] > limit:
        raise too_large(limit)
    return bytes(found.bytes())


def _content_type(key: str) -> str:
    _, dot, ending = key.rpartition(".")
    return _CONTENT_TYPES.get(dot + ending, _ANY_TYPE)


@contextmanager
def _listed(prefix: str) -> Iterator[None]:
    """Whoever may not list a bucket does not know what is there."""
    try:
        yield
    except PermissionError as problem:
        raise LakeError(
            f"{_shown_place(prefix)}: {problem.strerror}; give this program the right to read and "
            "write there"
        ) from None


def _shown_place(key: str) -> str:
    """The root and the tenant of a key, for messages: the rest can contain a person's name."""
    return "/".join(key.split("/")[:2]).rstrip("/")
