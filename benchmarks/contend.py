"""One contender in a process of its own: `python -m benchmarks.contend NAME LAKE ROWS WORKERS`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main() -> None:
    """Let the contender flatten."""
    name, lake, rows, workers = sys.argv[1:]
    contender = importlib.import_module(f"benchmarks.contenders.{name}")
    contender.flatten(Path(lake), Path(rows), int(workers))


if __name__ == "__main__":
    main()
