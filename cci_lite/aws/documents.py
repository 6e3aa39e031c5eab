"""Reads unified documents from a results bucket, a few at a time."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cci_lite.aws.failures import translated
from cci_lite.aws.objects import list_objects
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES
from cci_lite.errors import ContractError, PipelineError
from cci_lite.ports import StoredObject

AT_ONCE = 8
_ENDING = ".json"


@dataclass(frozen=True)
class FoundDocument:
    """An object: its key below the prefix, and its bytes or why it cannot be read."""

    name: str
    data: bytes | ContractError
    modified_at: dt.datetime


def read_documents(client: Any, bucket: str, prefix: str) -> Iterator[FoundDocument]:
    """The documents below a prefix, in the order of their keys.

    At most AT_ONCE of them are read ahead. One that cannot be read does not stop the others.
    """
    objects = list_objects(client, bucket, prefix)
    listed = (found for found in objects if found.key.endswith(_ENDING))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ahead: deque[Future[FoundDocument]] = deque()
        try:
            while True:
                for found in islice(listed, AT_ONCE - len(ahead)):
                    ahead.append(pool.submit(_read_document, client, bucket, prefix, found))
                if not ahead:
                    return
                yield ahead.popleft().result()
        finally:
            # The caller may stop before the end: what has not begun is not read any more.
            for future in ahead:
                future.cancel()


def is_anything_below(client: Any, bucket: str, prefix: str) -> bool:
    """Whether there is any object below a prefix."""
    with translated("s3", "ListObjectsV2"):
        answer = client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    return bool(answer["KeyCount"])


def _read_document(client: Any, bucket: str, prefix: str, found: StoredObject) -> FoundDocument:
    return FoundDocument(
        found.key.removeprefix(prefix), _content(client, bucket, found), found.modified_at
    )


def _content(client: Any, bucket: str, found: StoredObject) -> bytes | ContractError:
    if found.size > MAX_DOCUMENT_BYTES:
        return ContractError("", f"at most {MAX_DOCUMENT_BYTES:,} bytes", f"{found.size:,}")
    try:
        with translated("s3", "GetObject"):
            data: bytes = client.get_object(Bucket=bucket, Key=found.key)["Body"].read()
            return data
    except PipelineError as problem:
        return ContractError("", "an object that can be read", problem.code)
