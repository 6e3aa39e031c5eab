"""The checksum of a Parquet file that the file carries itself, as metadata in its footer.

Parquet's own checksums are of single pages: only a reader that decodes a page can check it, and
DuckDB's does not. This one is of the whole file, and reading the bytes is enough to check it.
"""

from __future__ import annotations

import re
import zlib
from typing import BinaryIO

CHECKSUM_KEY = "cci_lite.crc32"
# What stands for the checksum while it is computed.
NO_CHECKSUM = "00000000"

# In Thrift's compact form a text is its kind, its length and its bytes. The last such entry is the
# file's: what comes before the metadata may hold text of others.
_ENTRY = re.compile(rb".*%s\x18\x08([0-9a-f]{8})" % CHECKSUM_KEY.encode(), re.DOTALL)
# What is left of that entry when one of its bytes was changed: its key, or all of that but a byte.
_KEY = CHECKSUM_KEY.encode()
_REMAINS = re.compile(
    b"|".join(re.escape(_KEY[:at]) + b"." + re.escape(_KEY[at + 1 :]) for at in range(len(_KEY))),
    re.DOTALL,
)
_END = 8
_MAGIC = b"PAR1"
_PIECE = 1 << 20


def set_checksum(data: memoryview) -> None:
    """Enter the checksum into a whole file whose metadata has `NO_CHECKSUM` in its place."""
    footer = _footer_start(len(data), bytes(data[-_END:]))
    entry = _ENTRY.match(data, footer)
    assert entry is not None
    data[entry.start(1) : entry.end(1)] = b"%08x" % zlib.crc32(data)


def is_intact(file: BinaryIO) -> bool | None:
    """Whether a file is as it was written; None when it carries no checksum."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END))
    end = file.read(_END)
    start = _footer_start(size, end)
    if end[4:] != _MAGIC or start < len(_MAGIC):
        return False
    file.seek(start)
    footer = bytearray(file.read(size - start))
    entry = _ENTRY.match(footer)
    if entry is None:
        return False if _REMAINS.search(footer) else None
    expected, place = int(entry[1], 16), slice(*entry.span(1))
    del entry  # it holds on to the footer, which is about to change
    footer[place] = NO_CHECKSUM.encode()
    found = 0
    file.seek(0)
    for at in range(0, start, _PIECE):
        found = zlib.crc32(file.read(min(_PIECE, start - at)), found)
    return zlib.crc32(footer, found) == expected


def _footer_start(size: int, end: bytes) -> int:
    return size - _END - int.from_bytes(end[:4], "little")
