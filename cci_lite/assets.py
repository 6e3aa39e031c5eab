"""Finds the files that are shipped beside the code: `sql/`, and later `dashboards/`.

In a checkout they lie at its top; in the wheel, inside the package.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def asset_folder(name: str) -> Path:
    """The folder of shipped files called `name`; raises FileNotFoundError without one."""
    for place in (_PACKAGE / "assets" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"{name}/ is not shipped with this installation of cci-lite")
