"""A look-alike of S3 on this machine that costs little itself: what is compared are its clients.

    python -m benchmarks.bucket_server FOLDER     serves the folder's files as objects of any bucket

One process, all objects in memory, nothing is checked: no signatures, no rights. It prints the
address and serves until its input ends. Knows what the contenders need: GET, HEAD, PUT, copies,
DELETE, DeleteObjects, ListObjectsV2 and uploads in parts.
"""

from __future__ import annotations

import asyncio
import bisect
import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

CHECKOUT = Path(__file__).resolve().parents[1]
_PAGE = 1_000
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True)
class Stored:
    """One object: its content and what its headers say."""

    data: bytes
    etag: str
    headers: bytes
    listed: str


class Buckets:
    """The objects of all buckets, and what a request does with them."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[str, Stored]] = {}
        self._keys: dict[str, list[str]] = {}
        self._uploads: dict[str, dict[int, bytes]] = {}

    def put(self, bucket: str, key: str, data: bytes, extra: bytes = b"") -> Stored:
        """Create or replace an object."""
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        now = time.time()
        http_time = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now))
        listed_time = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now))
        made = Stored(
            data,
            etag,
            f'ETag: "{etag}"\r\nLast-Modified: {http_time}\r\nAccept-Ranges: bytes\r\n'.encode()
            + extra,
            f"<LastModified>{listed_time}</LastModified><ETag>&quot;{etag}&quot;</ETag>"
            f"<Size>{len(data)}</Size><StorageClass>STANDARD</StorageClass>",
        )
        objects = self._objects.setdefault(bucket, {})
        if key not in objects:
            bisect.insort(self._keys.setdefault(bucket, []), key)
        objects[key] = made
        return made

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, bytes]:
        """Status, headers and body of the answer to a request."""
        url = urlsplit(path)
        bucket, _, key = url.path[1:].partition("/")
        key = unquote(key)
        query = dict(parse_qsl(url.query, keep_blank_values=True)) if url.query else {}
        found = self._objects.get(bucket, {}).get(key)
        if method in ("GET", "HEAD") and key:
            if found is None:
                return 404, b"", b"<Error><Code>NoSuchKey</Code></Error>"
            return _part_of(found, headers.get("range", ""))
        if method == "GET":
            return 200, b"", self._listing(bucket, query).encode()
        if method == "PUT" and "uploadId" in query:
            self._uploads[query["uploadId"]][int(query["partNumber"])] = body
            return 200, b'ETag: "part"\r\n', b""
        if method == "PUT":
            return self._put(bucket, key, headers, body)
        if method == "POST" and "delete" in query:
            return 200, b"", self._delete_many(bucket, body)
        if method == "POST" and "uploads" in query:
            upload = f"upload-{len(self._uploads)}"
            self._uploads[upload] = {}
            return 200, b"", _xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>")
        if method == "POST":
            parts = self._uploads.pop(query["uploadId"])
            made = self.put(bucket, key, b"".join(parts[number] for number in sorted(parts)))
            return 200, b"", _xml("CompleteMultipartUploadResult", f"<ETag>{made.etag}</ETag>")
        self._delete(bucket, key)
        return 204, b"", b""

    def _put(
        self, bucket: str, key: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, bytes]:
        if source := headers.get("x-amz-copy-source"):
            from_bucket, _, from_key = unquote(source).lstrip("/").partition("/")
            original = self._objects.get(from_bucket, {}).get(from_key)
            if original is None:
                return 404, b"", b"<Error><Code>NoSuchKey</Code></Error>"
            body = original.data
        if headers.get("content-encoding", "").startswith("aws-chunked"):
            body = _unchunked(body)
        extra = "".join(
            f"{name}: {value}\r\n"
            for name, value in headers.items()
            if name.startswith("x-amz-meta-")
        )
        made = self.put(bucket, key, body, extra.encode())
        if source:
            return 200, b"", _xml("CopyObjectResult", f"<ETag>&quot;{made.etag}&quot;</ETag>")
        return 200, made.headers, b""

    def _delete(self, bucket: str, key: str) -> None:
        if self._objects.get(bucket, {}).pop(key, None) is not None:
            keys = self._keys[bucket]
            del keys[bisect.bisect_left(keys, key)]

    def _delete_many(self, bucket: str, body: bytes) -> bytes:
        deleted = []
        for each in ElementTree.fromstring(body).iter():
            if each.tag.rpartition("}")[2] == "Key" and each.text:
                self._delete(bucket, each.text)
                deleted.append(f"<Deleted><Key>{escape(each.text)}</Key></Deleted>")
        return _xml("DeleteResult", "".join(deleted))

    def _listing(self, bucket: str, query: dict[str, str]) -> str:
        prefix = query.get("prefix", "")
        delimiter = query.get("delimiter")
        after = query.get("continuation-token") or query.get("start-after", "")
        most = int(query.get("max-keys", _PAGE))
        encoded = quote if query.get("encoding-type") == "url" else escape
        keys, objects = self._keys.get(bucket, []), self._objects.get(bucket, {})
        at = max(bisect.bisect_left(keys, prefix), bisect.bisect_right(keys, after))
        found: list[str] = []
        folders: dict[str, None] = {}
        last = ""
        while at < len(keys) and len(found) + len(folders) < most:
            key = last = keys[at]
            if not key.startswith(prefix):
                break
            if delimiter and (end := key.find(delimiter, len(prefix))) >= 0:
                folder = key[: end + 1]
                folders[folder] = None
                last = f"{folder}\U0010ffff"
                at = bisect.bisect_left(keys, last)
            else:
                listed = objects[key].listed
                found.append(f"<Contents><Key>{encoded(key)}</Key>{listed}</Contents>")
                at += 1
        more = at < len(keys) and keys[at].startswith(prefix)
        return (
            f"{_XML}<ListBucketResult><Name>{bucket}</Name><Prefix>{encoded(prefix)}</Prefix>"
            f"<KeyCount>{len(found) + len(folders)}</KeyCount><MaxKeys>{most}</MaxKeys>"
            f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>"
            + (f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if more else "")
            + ("<EncodingType>url</EncodingType>" if encoded is quote else "")
            + "".join(found)
            + "".join(
                f"<CommonPrefixes><Prefix>{encoded(each)}</Prefix></CommonPrefixes>"
                for each in folders
            )
            + "</ListBucketResult>"
        )


def _part_of(found: Stored, asked: str) -> tuple[int, bytes, bytes]:
    if not asked:
        return 200, found.headers, found.data
    first, _, last = asked.removeprefix("bytes=").partition("-")
    size = len(found.data)
    begin = int(first) if first else size - int(last)
    end = min(int(last), size - 1) if first and last else size - 1
    said = f"Content-Range: bytes {begin}-{end}/{size}\r\n".encode()
    return 206, found.headers + said, found.data[begin : end + 1]


def _xml(name: str, inside: str) -> bytes:
    return f"{_XML}<{name}>{inside}</{name}>".encode()


def _unchunked(body: bytes) -> bytes:
    data, at = bytearray(), 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end].partition(b";")[0], 16)
        if not size:
            return bytes(data)
        data += body[end + 2 : end + 2 + size]
        at = end + 2 + size + 2


class _Connection(asyncio.Protocol):
    """One connection of a client; requests may follow each other."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._received = bytearray()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines)
            }
            size = int(headers.get("content-length", 0))
            if len(self._received) < end + 4 + size:
                if headers.pop("expect", None):
                    self._received[:end] = self._received[:end].replace(b"xpect", b"xpected")
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body = bytes(self._received[end + 4 : end + 4 + size])
            del self._received[: end + 4 + size]
            method, path, _ = first.split(" ")
            status, said, answer = self._buckets.answer(method, path, headers, body)
            self._transport.writelines(
                [
                    b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n" % (status, len(answer)),
                    said,
                    b"\r\n",
                    b"" if method == "HEAD" else answer,
                ]
            )


async def _serve(buckets: Buckets) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(buckets), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def bucket_server(folder: Path, bucket: str) -> Iterator[str]:
    """The address of a server with the files of a folder in a bucket, while the block runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bucket_server", str(folder), bucket],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def main() -> None:
    folder, bucket = Path(sys.argv[1]), sys.argv[2]
    buckets = Buckets()
    for path in sorted(folder.rglob("*.json")):
        buckets.put(bucket, path.relative_to(folder).as_posix(), path.read_bytes())
    asyncio.run(_serve(buckets))


if __name__ == "__main__":
    main()
