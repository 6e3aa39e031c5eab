"""Call-centre QA analytics: from a transcript to a fair leaderboard.

>>> import cci_lite
>>> lake = cci_lite.open("lake")
>>> lake.sql("SELECT count(*) AS calls FROM calls", tenant_id="demo-tenant")
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, overload

from cci_lite.version import __version__

if TYPE_CHECKING:
    from cci_lite.laptop import Lake
    from cci_lite.operations import Operations

__all__ = ["__version__", "open"]


@overload
def open(lake: Path) -> Lake: ...
@overload
def open(lake: str) -> Lake | Operations: ...
def open(lake: str | Path) -> Lake | Operations:
    """The lake in this folder, or on AWS: `s3://BUCKET`, its results bucket.

    What else there is to know of a lake on AWS, the environment says. Raises NotFoundError when
    there is no lake in the folder, UsageError when the environment does not say enough.
    """
    from cci_lite.settings import BucketLake, lake_place

    place = lake_place(lake) if isinstance(lake, str) else lake
    if isinstance(place, BucketLake):
        from cci_lite.cloud import open_cloud_lake

        return open_cloud_lake(place, os.environ)
    from cci_lite.laptop import open_lake

    return open_lake(place)
