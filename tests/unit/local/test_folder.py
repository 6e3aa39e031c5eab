"""The folder store on a file system whose clock ticks slowly."""

from __future__ import annotations

import datetime as dt
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


def test_what_a_killed_process_left_half_written_is_swept_after_a_while(tmp_path: Path) -> None:
    scratch = tmp_path / ".scratch"
    scratch.mkdir()
    now = dt.datetime(2025, 11, 7, tzinfo=dt.UTC)
    for name, hours in (("old", 30), ("fresh", 1)):
        (scratch / name).write_bytes(b"half")
        written = (now - dt.timedelta(hours=hours)).timestamp()
        os.utime(scratch / name, (written, written))
    FolderStore(tmp_path).sweep(before=now - dt.timedelta(days=1))
    assert [path.name for path in scratch.iterdir()] == ["fresh"]
