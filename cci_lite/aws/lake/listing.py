"""Lists a bucket: by obstore, and page by page exactly where obstore cannot spell a key.

obstore cuts the last slash off a key and fails a whole page for one key with an empty or dot
segment, or a control character. People can put such keys below `unified/` and `quarantine/`: most
often the empty markers that the console makes for folders.
"""

from __future__ import annotations

import datetime as dt
import operator
import re
from collections.abc import Iterator
from typing import TypeVar

import msgspec
from obstore.exceptions import GenericError, InvalidPathError

from cci_lite.aws.lake.clients import Bucket, exact_client, reading_client
from cci_lite.aws.lake.s3_failures import translated
from cci_lite.aws.object_headers import plain_etag
from cci_lite.ports import StoredObject

T = TypeVar("T")

_PAGE = 1_000
# What obstore says of a page that is no XML: control characters have no place there.
_NO_XML = "invalid list response"
_ODD_SEGMENTS = {"": "%2F", ".": "%2E", "..": "%2E%2E"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
ODD_KEY = "a key that no document has (an empty or dot segment, or a control character)"


def is_plain(key: str) -> bool:
    """Whether obstore can spell a key."""
    return _ODD_SEGMENTS.keys().isdisjoint(key.split("/")) and not _CONTROL.search(key)


def survey_below(bucket: Bucket, prefix: str, start: str = "") -> Iterator[StoredObject]:
    """All objects below a prefix (which ends in a slash) from `start` on, strays as such.

    A stray is shown under a key with escapes; markers of folders are left out.
    """
    for page, is_exact in _pages(bucket, prefix, start):
        yield from _shown(page) if is_exact else page


def keys_below(bucket: Bucket, prefix: str) -> Iterator[str]:
    """The real keys of all objects below a prefix, those of markers and strays, too."""
    for page, _ in _pages(bucket, prefix):
        yield from (found.key for found in page)


def directly_below(bucket: Bucket, prefix: str) -> tuple[list[str], int]:
    """The names of the folders directly below a prefix, in order, and how many objects lie there.

    A folder's marker is no object of the folder.
    """
    try:
        with translated(bucket.name):
            found = reading_client(bucket).list_with_delimiter(prefix)
        folders = [path[len(prefix) :] for path in found["common_prefixes"]]
        keys = [each["path"] for each in found["objects"]]
    except InvalidPathError:
        folders, keys = _exactly_below(bucket, prefix)
    return sorted(folders), sum(key.startswith(prefix) and key != prefix for key in keys)


def stands_as_folder(bucket: Bucket, key: str) -> bool:
    """Whether there is an object of this key with a slash behind it, which obstore lists as it."""
    with translated(bucket.name):
        answer = exact_client(bucket).list_objects_v2(
            Bucket=bucket.name, Prefix=f"{key}/", MaxKeys=1
        )
    return any(found["Key"] == f"{key}/" for found in answer.get("Contents", ()))


def _pages(
    bucket: Bucket, prefix: str, start: str = ""
) -> Iterator[tuple[list[StoredObject], bool]]:
    """The objects from `start` on in order, and whether their keys need not be plain ones."""
    # What comes after the key that is one character shorter: more than asked for, never less.
    after = start[:-1]
    while True:
        try:
            for page in _listed(bucket, prefix, after):
                if not _is_sure(page, prefix, after):
                    break
                after = page[-1].key
                yield _from(page, start), False
            else:
                return
        except InvalidPathError:
            pass
        while True:
            page, is_last = _exact_page(bucket, prefix, after)
            yield _from(page, start), True
            if is_last:
                return
            after = page[-1].key
            if is_plain(after):
                break


def _from(page: list[StoredObject], start: str) -> list[StoredObject]:
    if page and page[0].key >= start:
        return page
    return [found for found in page if found.key >= start]


def _shown(page: list[StoredObject]) -> Iterator[StoredObject]:
    for found in page:
        if is_plain(found.key):
            yield found
        elif found.size or not found.key.endswith("/"):
            segments = [_ODD_SEGMENTS.get(segment, segment) for segment in found.key.split("/")]
            shown = _CONTROL.sub(lambda match: f"%{ord(match[0]):02X}", "/".join(segments))
            yield msgspec.structs.replace(found, key=shown, stray=ODD_KEY)


def _is_sure(page: list[StoredObject], prefix: str, after: str) -> bool:
    """Whether no key has lost a slash: markers are empty, and order and prefix must hold."""
    keys = [found.key for found in page]
    return (
        all(found.size for found in page)
        and all(map(operator.lt, [after, *keys], keys))
        and keys[0].startswith(prefix)
        and keys[-1].startswith(prefix)
    )


def _listed(bucket: Bucket, prefix: str, after: str) -> Iterator[list[StoredObject]]:
    with translated(bucket.name):
        pages = reading_client(bucket).list(prefix, offset=after or None, chunk_size=_PAGE)
        for page in _spelt(pages):
            yield [
                StoredObject(
                    found["path"],
                    plain_etag(found["e_tag"] or ""),
                    found["size"],
                    found["last_modified"],
                )
                for found in page
            ]


def _spelt(pages: Iterator[T]) -> Iterator[T]:
    """Pages; raises InvalidPathError for one with a key that cannot be spelt, even as XML."""
    try:
        yield from pages
    except GenericError as problem:
        if _NO_XML in str(problem):
            raise InvalidPathError(_NO_XML) from None
        raise


def _exact_page(bucket: Bucket, prefix: str, after: str) -> tuple[list[StoredObject], bool]:
    """The next objects after a key, and whether they are the last."""
    with translated(bucket.name):
        answer = exact_client(bucket).list_objects_v2(
            Bucket=bucket.name, Prefix=prefix, **({"StartAfter": after} if after else {})
        )
    page = [
        StoredObject(
            found["Key"],
            plain_etag(found["ETag"]),
            found["Size"],
            found["LastModified"].astimezone(dt.UTC),
        )
        for found in answer.get("Contents", ())
    ]
    return page, not (answer["IsTruncated"] and page)


def _exactly_below(bucket: Bucket, prefix: str) -> tuple[list[str], list[str]]:
    pages = exact_client(bucket).get_paginator("list_objects_v2")
    folders, keys = [], []
    with translated(bucket.name):
        for page in pages.paginate(Bucket=bucket.name, Prefix=prefix, Delimiter="/"):
            folders += [
                found["Prefix"][len(prefix) : -1] for found in page.get("CommonPrefixes", ())
            ]
            keys += [found["Key"] for found in page.get("Contents", ())]
    return folders, keys
