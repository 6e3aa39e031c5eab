"""Keeps packages that nothing here needs out of the processes that are ours."""

from __future__ import annotations

import sys

# pyarrow imports numpy and, for some conversions, pandas where it finds them: together that takes
# longer than all of pyarrow.
_UNNEEDED = frozenset({"numpy", "pandas"})


class _Hidden:
    """Hides packages from whoever imports them only where they are."""

    @staticmethod
    def find_spec(fullname: str, *_: object) -> None:
        """Say that there is no such package; leave all else to the other finders."""
        if fullname in _UNNEEDED:
            raise ModuleNotFoundError(f"{fullname} is kept out of this process", name=fullname)


def keep_out_unneeded() -> None:
    """Hide these packages for as long as this process runs: not for a process that is a user's."""
    sys.meta_path.insert(0, _Hidden())
