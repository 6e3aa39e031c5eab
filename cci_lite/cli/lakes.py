"""Opens the lake that a command works on, wherever it lies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cci_lite.operations import Operations
    from cci_lite.settings import BucketLake


def open_any_lake(place: Path | BucketLake, *, to_repair: bool = False) -> Operations:
    """The lake in a folder, or on AWS as the environment describes it.

    Raises NotFoundError when there is none, UsageError when the environment does not say enough.
    """
    if isinstance(place, Path):
        from cci_lite.laptop import open_lake, open_to_repair

        return open_to_repair(place) if to_repair else open_lake(place)
    from cci_lite.cloud import open_cloud_lake

    return open_cloud_lake(place, os.environ)
