"""The folder store on a file system whose clock ticks slowly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cci_lite.local.folder import FolderStore


def test_writes_within_one_tick_of_the_clock_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes = Path.write_bytes

    def at_the_same_tick(path: Path, data: bytes) -> int:
        written = write_bytes(path, data)
        os.utime(path, ns=(10**18, 10**18))
        return written

    monkeypatch.setattr(Path, "write_bytes", at_the_same_tick)
    store = FolderStore(tmp_path)
    etags = set()
    for text in (b"one", b"two", b"six"):
        store.write("unified/x", text)
        etags |= {found.etag for found in store.listing("unified/")}
    assert len(etags) == 3
