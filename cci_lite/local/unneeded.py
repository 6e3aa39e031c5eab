"""Keeps what nothing here needs out of the processes that are ours."""

from __future__ import annotations

import functools
import os
import sys

# pyarrow imports pandas for some conversions where it finds it, which takes longer than a night
# with a few documents.
_UNNEEDED = frozenset({"pandas"})


class _Hidden:
    """Hides packages from whoever imports them only where they are."""

    @staticmethod
    def find_spec(fullname: str, *_: object) -> None:
        """Say that there is no such package; leave all else to the other finders."""
        if fullname in _UNNEEDED:
            raise ModuleNotFoundError(f"{fullname} is kept out of this process", name=fullname)


@functools.cache  # once is enough
def keep_out_unneeded() -> None:
    """Hide these packages for as long as this process runs: not for a process that is a user's."""
    sys.meta_path.insert(0, _Hidden())
    # numpy's linear algebra, which nothing here uses, starts a thread per processor.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
