"""A store that is a folder."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cci_lite.errors import UsageError
from cci_lite.ports import StoredObject

_SCRATCH = ".scratch"
_OUTSIDE = frozenset({"", ".", ".."})


@dataclass(frozen=True)
class FolderStore:
    """Objects are files below `root`.

    A version is told by modification time and size, so a listing finds what changed without
    reading. New content is written beside the tree and moved into place, which a file system does
    in one step.
    """

    root: Path

    def path(self, key: str) -> Path:
        """The file of a key; raises UsageError for a key that leads out of the folder."""
        return Path(self._place(key))

    def listing(self, prefix: str) -> Iterator[StoredObject]:
        """The files below `prefix` (a folder, ending in `/`), ordered by key."""
        folder = self.path(prefix.rstrip("/"))
        if folder.is_dir():
            yield from _walk(folder, prefix)

    def head(self, key: str) -> StoredObject | None:
        """The file as a listing shows it; None when it is not there."""
        try:
            return _stored(key, os.stat(self._place(key)))  # noqa: PTH116
        except FileNotFoundError:
            return None

    def folders(self, prefix: str) -> list[str]:
        """The folders directly below `prefix`, ordered."""
        folder = self.path(prefix.rstrip("/"))
        if not folder.is_dir():
            return []
        return sorted(entry.name for entry in folder.iterdir() if entry.is_dir())

    def read(self, key: str) -> bytes:
        """The whole file; raises FileNotFoundError."""
        # Plain text and `open`: documents are read by the thousand, and Path objects are slow.
        with open(self._place(key), "rb", buffering=0) as file:  # noqa: PTH123
            return file.read()

    def write(self, key: str, data: bytes | memoryview) -> None:
        """Create or replace the file in one step."""
        with self._replacing(key) as scratch:
            scratch.write_bytes(data)

    def copy(self, source: str, target: str) -> None:
        """Copy a file in one step; raises FileNotFoundError."""
        with self._replacing(target) as scratch:
            shutil.copyfile(self.path(source), scratch)

    def delete(self, key: str) -> None:
        """Delete the file if it is there."""
        self.path(key).unlink(missing_ok=True)

    def delete_below(self, prefix: str) -> None:
        """Delete the folder and all that is in it."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.path(prefix.rstrip("/")))

    def sweep(self, before: dt.datetime) -> None:
        """Delete what a killed process left half-written before this time."""
        for scratch in (self.root / _SCRATCH).glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if scratch.stat().st_mtime < before.timestamp():
                    scratch.unlink()

    def _place(self, key: str) -> str:
        if not key or "\0" in key or not _OUTSIDE.isdisjoint(key.split("/")):
            raise UsageError("a key within the lake was expected")
        return f"{self.root}/{key}"

    @contextlib.contextmanager
    def _replacing(self, key: str) -> Iterator[Path]:
        """A scratch file that takes the key's place when all went well."""
        target = self.path(key)
        scratch = self.root / _SCRATCH / uuid.uuid4().hex
        scratch.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield scratch
            target.parent.mkdir(parents=True, exist_ok=True)
            _make_later(scratch, target)
            scratch.replace(target)
        finally:
            scratch.unlink(missing_ok=True)


def _make_later(new: Path, old: Path) -> None:
    """A file system's clock ticks slowly: two writes within one tick must not look the same."""
    try:
        last = old.stat().st_mtime_ns
    except FileNotFoundError:
        return
    if new.stat().st_mtime_ns <= last:
        os.utime(new, ns=(last + 1, last + 1))


def _walk(folder: Path, prefix: str) -> Iterator[StoredObject]:
    with os.scandir(folder) as found:
        # A folder sorts as its key prefix does, so that the whole listing is ordered by key.
        entries = sorted(
            found, key=lambda entry: entry.name + "/" if entry.is_dir() else entry.name
        )
    for entry in entries:
        # A name that is not UTF-8 is shown as text; it names no document, so nobody reads it.
        name = entry.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        if entry.is_dir():
            yield from _walk(Path(entry.path), f"{prefix}{name}/")
        else:
            try:
                state = entry.stat()
            except FileNotFoundError:
                continue
            yield _stored(f"{prefix}{name}", state)


def _stored(key: str, state: os.stat_result) -> StoredObject:
    modified_at = dt.datetime.fromtimestamp(state.st_mtime, dt.UTC)
    etag = f"{state.st_mtime_ns:x}-{state.st_size:x}"
    return StoredObject(key, etag, state.st_size, modified_at)
