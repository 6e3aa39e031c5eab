"""Writes files atomically: a reader finds the old content or the new, never a part of it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Between creating a scratch file and locking it, another process must not take it for abandoned.
_BETWEEN_MAKING_AND_LOCK = 60
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_whole(target: Path, data: bytes | memoryview) -> None:
    """Create or replace a file atomically; raises OSError, and then nothing has changed."""
    with replacing(target) as file:
        file.write(data)


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A scratch file to write to, which replaces the target when the block succeeds.

    It lies beside the target until then and is deleted when anything fails, such as a full disk.
    One that a killed process left there is deleted when the same target is written again.
    A symbolic link stays, and its target is replaced. What is no regular file (a pipe, `/dev/null`)
    is written to directly.
    """
    target = Path(os.path.realpath(target))
    present = _state(target)
    if present is not None and not stat.S_ISREG(present.st_mode):
        with target.open("wb") as file:
            yield file
        return
    own = f".cci-lite-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-"
    _sweep(target.parent, own)
    scratch = target.with_name(f"{own}{uuid.uuid4().hex}.tmp")
    try:
        with scratch.open("xb") as file:
            with contextlib.suppress(OSError):  # some file systems know no locks
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
            file.flush()
            # Some file systems (NFS, quotas) report a full disk only now.
            os.fsync(file.fileno())
        if present is not None:
            shutil.copymode(target, scratch)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


def _sweep(folder: Path, own: str) -> None:
    """Delete the scratch files of killed processes: nobody holds their lock any more."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            if entry.name.startswith(own) and entry.name.endswith(".tmp"):
                with contextlib.suppress(OSError):
                    _delete_abandoned(entry.path)


def _delete_abandoned(path: str) -> None:
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        state = os.fstat(file)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISREG(state.st_mode) and state.st_mtime < time.time() - _BETWEEN_MAKING_AND_LOCK:
            Path(path).unlink()
    finally:
        os.close(file)


def is_no_room(problem: OSError) -> bool:
    """Whether a disk, a quota or a limit of file sizes is what stopped the writing."""
    return problem.errno in _NO_ROOM


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
