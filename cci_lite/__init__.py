"""Call-centre QA analytics: from a transcript to a fair leaderboard.

>>> import cci_lite
>>> lake = cci_lite.open("lake")
>>> lake.sql("SELECT count(*) AS calls FROM calls", tenant_id="demo-tenant")
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cci_lite.version import __version__

if TYPE_CHECKING:
    from cci_lite.laptop import Lake

__all__ = ["__version__", "open"]


def open(lake: str | Path) -> Lake:
    """The lake in this folder; raises NotFoundError when there is none."""
    from cci_lite.laptop import open_lake

    return open_lake(Path(lake))
