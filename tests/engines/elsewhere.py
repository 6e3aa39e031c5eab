"""Builds what is uploaded in a copy of the checkout: what comes out must not depend on the place."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]


def build_elsewhere(
    script: str, checkout: Path, out: Path, umask: int, needed: Sequence[str]
) -> None:
    """Run a script of another checkout that has these files and folders only."""
    for name in needed:
        if (CHECKOUT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(CHECKOUT / name, checkout / name, ignore=ignored)
        else:
            shutil.copy(CHECKOUT / name, checkout / name)
    subprocess.run(
        [sys.executable, str(checkout / script), "--out", str(out)],
        check=True,
        cwd=checkout.parent,
        umask=umask,
        capture_output=True,
    )


def manifest_in(out: Path) -> dict[str, Any]:
    """What was built, as it is described."""
    manifest: dict[str, Any] = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return manifest
