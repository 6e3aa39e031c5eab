"""Reads unified documents from a results bucket, a few at a time."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cci_lite.aws.failures import translated
from cci_lite.aws.objects import list_objects
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES
from cci_lite.errors import ContractError, NotFoundError, PipelineError, UsageError
from cci_lite.ports import InputFile, StoredObject, UnreadableFile
from cci_lite.tenancy import UNIFIED, unified_prefix

AT_ONCE = 8
_ENDING = ".json"


_S3 = re.compile(r"s3://", re.IGNORECASE)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class DocumentsPlace:
    """Where in a bucket documents lie."""

    bucket: str
    prefix: str


def documents_place(path: str, tenant_id: str) -> DocumentsPlace:
    """Where an address in S3 leads: below the tenant's own prefix, or UsageError is raised."""
    bucket, _, key = _S3.sub("", path, count=1).partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(
            f"{path}: expected the name of a bucket after s3://, which is 3 to 63 lower-case "
            "letters, digits, dots and hyphens, with a letter or digit at both ends"
        )
    own, folder = unified_prefix(tenant_id), f"{key.rstrip('/')}/"
    if folder == f"{UNIFIED}/":
        return DocumentsPlace(bucket, own)
    if not folder.startswith(own):
        raise UsageError(f"{path}: expected s3://BUCKET/{UNIFIED}/ or a prefix below {own}")
    return DocumentsPlace(bucket, folder)


def read_documents(client: Any, place: DocumentsPlace) -> Iterator[InputFile | UnreadableFile]:
    """The documents of a place, named by what follows its prefix, in the order of their keys.

    At most AT_ONCE of them are read ahead. One that cannot be read does not stop the others. Raises
    NotFoundError when there is none.
    """
    objects = list_objects(client, place.bucket, place.prefix)
    listed = (found for found in objects if found.key.endswith(_ENDING))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ahead: deque[Future[InputFile | UnreadableFile]] = deque()
        is_empty = True
        try:
            while True:
                for found in islice(listed, AT_ONCE - len(ahead)):
                    ahead.append(pool.submit(_read, client, place, found))
                if not ahead:
                    break
                is_empty = False
                yield ahead.popleft().result()
        finally:
            # The caller may stop before the end: what has not begun is not read any more.
            for future in ahead:
                future.cancel()
    if is_empty:
        raise NotFoundError(f"no document below s3://{place.bucket}/{place.prefix}")


def is_anything_below(client: Any, bucket: str, prefix: str) -> bool:
    """Whether there is any object below a prefix."""
    with translated("s3", "ListObjectsV2"):
        answer = client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    return bool(answer["KeyCount"])


def _read(client: Any, place: DocumentsPlace, found: StoredObject) -> InputFile | UnreadableFile:
    name = found.key.removeprefix(place.prefix)
    try:
        return InputFile(name, _content(client, place.bucket, found), found.modified_at)
    except ContractError as problem:
        return UnreadableFile(name, problem)


def _content(client: Any, bucket: str, found: StoredObject) -> bytes:
    if found.size > MAX_DOCUMENT_BYTES:
        raise ContractError("", f"at most {MAX_DOCUMENT_BYTES:,} bytes", f"{found.size:,}")
    try:
        with translated("s3", "GetObject"):
            data: bytes = client.get_object(Bucket=bucket, Key=found.key)["Body"].read()
            return data
    except PipelineError as problem:
        raise ContractError("", "an object that can be read", problem.code) from None
