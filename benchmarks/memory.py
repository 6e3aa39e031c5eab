"""Whether the nightly flattening's memory stays flat: one run each over more and more documents.

    python benchmarks/memory.py                      20,000, 60,000 and 200,000 documents, 4.4 GB
    python benchmarks/memory.py --documents 2500,5000

Prints one JSON document; progress goes to stderr. The documents are deleted in the end.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.documents import DOCUMENTS_PER_DAY, Corpus, write_documents  # noqa: E402
from benchmarks.flatten import CONTENDERS, run_contender  # noqa: E402
from benchmarks.machine import machine_facts  # noqa: E402


def _sizes(_: click.Context, __: click.Parameter, value: str) -> list[int]:
    sizes = sorted(int(size) for size in value.split(","))
    if any(size % DOCUMENTS_PER_DAY for size in sizes):
        raise click.BadParameter(f"whole days are wanted: multiples of {DOCUMENTS_PER_DAY}")
    return sizes


@click.command(help=__doc__.partition("\n")[0])
@click.option("--documents", callback=_sizes, default="20000,60000,200000", show_default=True)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the result here, too."
)
def main(documents: list[int], workers: int, json_file: Path | None) -> None:
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="cci-lite-bench-") as made:
        # A larger corpus begins with the days of the smaller one, so the folder only grows.
        lake, rows = Path(made) / "documents", Path(made) / "rows"
        for count in documents:
            click.echo(f"writing up to {count:,} documents", err=True)
            write_documents(lake, Corpus(count), workers=workers)
            usage = run_contender(CONTENDERS["ours"], lake, rows, workers)
            shutil.rmtree(rows)
            runs.append({"documents": count, **asdict(usage)})
            click.echo(
                f"{count:,} documents: {usage.peak_pss_mib:,.0f} MiB, {usage.wall_seconds:,.1f} s",
                err=True,
            )
    growth = round(runs[-1]["peak_pss_mib"] / runs[0]["peak_pss_mib"], 3)
    result = {"machine": machine_facts(), "workers": workers, "runs": runs, "growth": growth}
    text = json.dumps(result, indent=2)
    if json_file is not None:
        json_file.write_text(text + "\n")
    click.echo(text)


if __name__ == "__main__":
    main()
