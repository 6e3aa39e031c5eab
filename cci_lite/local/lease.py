"""Leases of the laptop: one locked file per tenant, below `leases/` of a lake's folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from cci_lite.errors import LakeError, LeaseHeldError
from cci_lite.local.regular import open_regular, opened_folder, reason_of

_LEASES = "leases"
_LONGEST_HOLDER = 200


@contextlib.contextmanager
def held_lease(lake: Path, tenant_id: str, holder: str) -> Iterator[None]:
    """Exclude other runs of the tenant; raises LeaseHeldError, or LakeError when none can be had.

    The lease is an operating system lock (`flock`) on a file that names its holder. The system
    releases it when the process ends, however it ends.
    """
    place = f"{_LEASES}/{tenant_id}.lock"
    try:
        with opened_folder(lake, [_LEASES], make=True) as folder:
            file = open_regular(folder, f"{tenant_id}.lock", os.O_RDWR | os.O_CREAT)
    except OSError as problem:
        raise _no_lease(tenant_id, place, reason_of(problem)) from None
    try:
        if os.fstat(file).st_nlink > 1:  # what is written here would change another file
            raise _no_lease(tenant_id, place, "it is a link to a file that has another name too")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            by = os.read(file, _LONGEST_HOLDER).decode("utf-8", "replace")
            by = by if by and by.isprintable() else "another run"
            raise LeaseHeldError(
                f"tenant {tenant_id}: {by} is in progress; wait for it to end and run again"
            ) from None
        except OSError as problem:
            raise _no_lease(tenant_id, place, reason_of(problem)) from None
        # Written only after the lock is held, so a reader never sees the name of a loser.
        os.ftruncate(file, 0)
        os.write(file, holder.encode())
        yield
    finally:
        os.close(file)


@contextlib.contextmanager
def all_leases(lake: Path, holder: str) -> Iterator[None]:
    """Exclude every run on a lake, whatever state its catalogue is in; raises LeaseHeldError."""
    with contextlib.ExitStack() as held:
        for file in sorted((lake / _LEASES).glob("*.lock")):
            held.enter_context(held_lease(lake, file.stem, holder))
        yield


def _no_lease(tenant_id: str, place: str, why: str) -> LakeError:
    return LakeError(
        f"tenant {tenant_id}: the lease cannot be taken: {place}: {why}; "
        "fix it, or remove it while no run is in progress"
    )
