"""The object store of the laptop: a folder of regular files, written atomically."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cci_lite.contract.limits import MAX_DOCUMENT_BYTES, MAX_PART_BYTES
from cci_lite.errors import LakeError, UsageError
from cci_lite.local.regular import (
    SCRATCH,
    FolderReader,
    Seen,
    holds_anything,
    modified_at,
    open_regular,
    opened_folder,
    read_regular,
    reason_of,
    regular_state,
    scratch_file,
    shown_name,
    walk,
)
from cci_lite.ports import StoredObject, Unlisted

_OUTSIDE = frozenset({"", ".", ".."})
_DOCUMENT = ".json"


@dataclass(frozen=True)
class FolderStore:
    """A Store in a folder. Objects are regular files below `root`; nothing else is ever opened.

    The etag is made of modification time and size, so a listing finds changes without reading.
    New content is written beside the tree and renamed into place, which is atomic. A copy keeps
    the modification time of its source, and so its etag.
    """

    root: Path
    reader: FolderReader | None = None  # of a store that `reading` has made

    def path(self, key: str) -> Path:
        """The file of a key; raises UsageError for a key that leads out of the folder."""
        return self.root.joinpath(*_checked_names(key))

    def listing(self, prefix: str) -> Iterator[StoredObject]:
        """The files below `prefix` (a folder, ending in `/`), ordered by key."""
        for found in self.survey(prefix):
            if isinstance(found, Unlisted):
                raise LakeError(
                    f"a folder below {_shown_place(prefix)} cannot be listed: {found.reason}; "
                    "give this program the right to read it, or remove it"
                )
            if not found.stray:
                yield found

    def survey(self, prefix: str, *, start: str = "") -> Iterator[StoredObject | Unlisted]:
        """Everything below `prefix` from `start` on, ordered: files, strays, unlistable folders."""
        try:
            with opened_folder(self.root, _checked_names(prefix.rstrip("/"))) as folder:
                yield from map(_stored, walk(folder, prefix, _DOCUMENT, start=start))
        except FileNotFoundError:
            return
        except OSError as problem:
            raise _blocked(prefix, problem) from None

    def head(self, key: str) -> StoredObject | None:
        """The file as a listing shows it; None when it is not there."""
        *names, name = _checked_names(key)
        try:
            with opened_folder(self.root, names) as folder:
                state = regular_state(folder, name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return None if state is None else _object(key, state)

    def folders(self, prefix: str) -> list[str]:
        """The folders directly below `prefix`, ordered."""
        return sorted(name for name, is_folder in self._directly(prefix).items() if is_folder)

    def loose(self, prefix: str) -> int:
        """How many things directly below `prefix` are no folders."""
        return sum(not is_folder for is_folder in self._directly(prefix).values())

    def holds_anything(self, prefix: str) -> bool:
        """Whether a survey would find anything below `prefix`; raises LakeError as it does."""
        try:
            with opened_folder(self.root, _checked_names(prefix.rstrip("/"))) as folder:
                return holds_anything(folder, _DOCUMENT)
        except FileNotFoundError:
            return False
        except OSError as problem:
            raise _blocked(prefix, problem) from None

    def read(self, key: str) -> bytes:
        """The whole file; raises FileNotFoundError when there is none, whatever else is there.

        Raises OSError (EOVERFLOW) for a file above the size limit of documents or table parts.
        """
        *names, name = _checked_names(key)
        limit = MAX_DOCUMENT_BYTES if name.endswith(_DOCUMENT) else MAX_PART_BYTES
        if self.reader is not None:
            return self.reader.read(names, name, limit)
        return read_regular(self.root, names, name, limit)

    @contextlib.contextmanager
    def reading(
        self,
        objects: Sequence[StoredObject],  # noqa: ARG002
    ) -> Iterator[Callable[[str], bytes]]:
        """`read`, for many files one after the other: the folder of the last one stays open."""
        with FolderReader(self.root) as reader:
            yield replace(self, reader=reader).read

    def write(self, key: str, data: bytes | memoryview) -> None:
        """Create or replace the file atomically; raises LakeError where a stray blocks the path."""
        with self._replacing(key) as scratch, open(scratch, "wb", closefd=False) as file:
            file.write(data)

    def copy(self, source: str, target: str) -> None:
        """Copy a file atomically; raises FileNotFoundError."""
        *names, name = _checked_names(source)
        try:
            with opened_folder(self.root, names) as folder:
                original = open_regular(folder, name, os.O_RDONLY)
        except NotADirectoryError as problem:
            raise FileNotFoundError(problem.errno, f"{problem.strerror} is on the way") from None
        with open(original, "rb") as reader, self._replacing(target) as scratch:  # noqa: PTH123
            with open(scratch, "wb", closefd=False) as writer:
                shutil.copyfileobj(reader, writer)
            state = os.fstat(original)
            os.utime(scratch, ns=(state.st_atime_ns, state.st_mtime_ns))

    def is_copy_of(self, key: str, etag: str) -> bool:
        """Whether the file is an untouched copy of one that had this etag."""
        found = self.head(key)
        return found is not None and found.etag == etag

    def delete(self, key: str) -> None:
        """Delete the file if it is there; of a link only the link itself is deleted."""
        *names, name = _checked_names(key)
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            opened_folder(self.root, names) as folder,
        ):
            # unlink() on a folder would fail with an error that names the file.
            if not _is_folder(folder, name):
                os.unlink(name, dir_fd=folder)

    def delete_below(self, prefix: str) -> None:
        """Delete the folder and all that is in it, without following links."""
        *names, name = _checked_names(prefix.rstrip("/"))
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            opened_folder(self.root, names) as folder,
        ):
            if _is_folder(folder, name):  # a link in its place was not made by us
                shutil.rmtree(name, dir_fd=folder)

    def sweep(self, before: dt.datetime) -> None:
        """Delete scratch files that killed processes left before this time, where possible."""
        with contextlib.suppress(OSError), opened_folder(self.root, [SCRATCH]) as folder:
            for found in walk(folder, "", (), levels=0):
                if found.state is not None and found.state.st_mtime < before.timestamp():
                    with contextlib.suppress(OSError):
                        os.unlink(found.names[-1], dir_fd=folder)

    def _directly(self, prefix: str) -> dict[str, bool]:
        """What is directly below a prefix, and whether it is a folder."""
        try:
            with (
                opened_folder(self.root, _checked_names(prefix.rstrip("/"))) as folder,
                os.scandir(folder) as found,
            ):
                return {shown_name(one.name): one.is_dir(follow_symlinks=False) for one in found}
        except FileNotFoundError:
            return {}
        except OSError as problem:
            raise _blocked(prefix, problem) from None

    @contextlib.contextmanager
    def _replacing(self, key: str) -> Iterator[int]:
        """A descriptor of a scratch file that takes the key's place when all went well."""
        *names, name = _checked_names(key)
        try:
            with scratch_file(self.root) as scratch:
                yield scratch.file
                with opened_folder(self.root, names, make=True) as folder:
                    _make_later(scratch.file, regular_state(folder, name))
                    os.replace(scratch.name, name, src_dir_fd=scratch.folder, dst_dir_fd=folder)
        except (NotADirectoryError, IsADirectoryError) as problem:
            raise _blocked(key, problem) from None


def _checked_names(key: str) -> list[str]:
    names = key.split("/")
    if "\0" in key or not _OUTSIDE.isdisjoint(names):
        raise UsageError("a key within the lake was expected")
    return names


def _shown_place(key: str) -> str:
    """The root and the tenant of a key, for messages: the rest can contain a person's name."""
    return "/".join(key.split("/")[:2])


def _blocked(key: str, problem: OSError) -> LakeError:
    if isinstance(problem, NotADirectoryError):
        found = f"expected folders, found {problem.strerror}; remove it, or put a folder there"
    elif isinstance(problem, IsADirectoryError):
        found = "expected a file, found a folder in its place; remove it"
    else:
        found = f"{reason_of(problem)}; give this program the right to read and write there"
    return LakeError(f"{_shown_place(key)}: {found}")


def _is_folder(folder: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _make_later(new: int, old: os.stat_result | None) -> None:
    """Give a new file a later time than the old one, or both would have the same etag.

    The clock of file systems is coarse (a few milliseconds on Linux), so two writes in a row can
    get the same time.
    """
    if old is not None and os.fstat(new).st_mtime_ns <= old.st_mtime_ns:
        os.utime(new, ns=(old.st_mtime_ns + 1, old.st_mtime_ns + 1))


def _stored(seen: Seen) -> StoredObject | Unlisted:
    if seen.state is None:
        return Unlisted(seen.path, seen.problem)
    return _object(seen.path, seen.state, stray=seen.problem)


def _object(key: str, state: os.stat_result, *, stray: str = "") -> StoredObject:
    # The kind of a stray is part of its etag: a regular file in its place has another one.
    etag = f"{state.st_mtime_ns:x}-{state.st_size:x}{'-' if stray else ''}"
    etag += f"{stat.S_IFMT(state.st_mode):x}" if stray else ""
    return StoredObject(key, etag, state.st_size, modified_at(state), stray)
