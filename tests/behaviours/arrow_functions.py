"""Work with Arrow for worker processes, which import this module before they copy themselves."""

from __future__ import annotations

from pathlib import Path

import cci_lite.nightly.work  # noqa: F401 (what real work imports)


def threads(_: int) -> int:
    """How many threads the system knows of this process."""
    return len(list(Path("/proc/self/task").iterdir()))
