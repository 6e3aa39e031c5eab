"""Where the time of a night goes: the first one, a quiet one, and one with a late document.

    python benchmarks/night.py                       10, 2,000 and 200,000 documents, 4.4 GB on disk
    python benchmarks/night.py --documents 10,2000

Prints one JSON document: of each night what `cci-lite etl run --profile` prints. Progress goes to
stderr. The documents are deleted in the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.contenders import ours  # noqa: E402
from benchmarks.documents import Corpus, write_documents  # noqa: E402
from benchmarks.machine import machine_facts  # noqa: E402


def nights(documents: Path, rows: Path, workers: int) -> dict[str, list[dict[str, Any]]]:
    """The profiles of three nights of a new lake at `rows` with these documents."""
    ours.prepare(documents, rows)
    *_, late = sorted((rows / "unified").rglob("*.json"))
    aside = rows / "late"
    late.rename(aside)
    found = {"first": profile(rows, workers), "quiet": profile(rows, workers)}
    aside.rename(late)
    return {**found, "late": profile(rows, workers)}


def profile(lake: Path, workers: int) -> list[dict[str, Any]]:
    """Where the time of one run on this lake goes."""
    command = [sys.executable, "-c", "from cci_lite.cli import main; main()", "etl", "run"]
    options = ["--profile", "--output", "json", "--lake", str(lake), "--workers", str(workers)]
    done = subprocess.run([*command, *options], cwd=CHECKOUT, stdout=subprocess.PIPE, check=True)
    parts: list[dict[str, Any]] = json.loads(done.stdout)["profile"]
    return parts


def _sizes(_: click.Context, __: click.Parameter, value: str) -> list[int]:
    return [int(size) for size in value.split(",")]


@click.command(help=__doc__.partition("\n")[0])
@click.option("--documents", callback=_sizes, default="10,2000,200000", show_default=True)
@click.option("--workers", type=click.IntRange(2), default=2, show_default=True)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the result here, too."
)
def main(documents: list[int], workers: int, json_file: Path | None) -> None:
    runs = []
    for count in documents:
        with tempfile.TemporaryDirectory(prefix="cci-lite-bench-") as made:
            click.echo(f"writing {count:,} documents", err=True)
            write_documents(Path(made) / "documents", Corpus(count), workers=workers)
            found = nights(Path(made) / "documents", Path(made) / "lake", workers)
        runs.append({"documents": count, "nights": found})
        for name, parts in found.items():
            click.echo(f"{count:,} documents, {name}: {parts[-1]['cpu_seconds']} s CPU", err=True)
    text = json.dumps({"machine": machine_facts(), "workers": workers, "runs": runs}, indent=2)
    if json_file is not None:
        json_file.write_text(text + "\n")
    click.echo(text)


if __name__ == "__main__":
    main()
