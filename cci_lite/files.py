"""Files written in one step: whoever looks finds the old content or the new, never a half."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_whole(target: Path, data: bytes | memoryview) -> None:
    """Create or replace a file in one step; raises OSError, and then nothing has changed."""
    with replacing(target) as file:
        file.write(data)


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the target's place when all went well.

    It lies beside the target until then and is gone when anything fails, also a disk that is full.
    A link stays, and what it leads to is replaced. What is no regular file (a pipe, `/dev/null`)
    has no content to keep: it is written to directly.
    """
    target = Path(os.path.realpath(target))
    present = _state(target)
    if present is not None and not stat.S_ISREG(present.st_mode):
        with target.open("wb") as file:
            yield file
        return
    scratch = target.with_name(f".cci-lite-{uuid.uuid4().hex}.tmp")
    try:
        with scratch.open("xb") as file:
            yield file
            file.flush()
            # Some file systems find out only now that there is no room.
            os.fsync(file.fileno())
        if present is not None:
            shutil.copymode(target, scratch)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


def is_no_room(problem: OSError) -> bool:
    """Whether a disk, a quota or a limit of file sizes is what stopped the writing."""
    return problem.errno in _NO_ROOM


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
