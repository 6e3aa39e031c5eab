"""Whether the nightly flattening's memory stays flat: one run each over more and more documents.

    python benchmarks/memory.py                      20,000, 60,000 and 200,000 documents, 4.4 GB
    python benchmarks/memory.py --documents 2500,5000

Prints one JSON document; progress goes to stderr. The documents are deleted in the end.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.builds import builds  # noqa: E402
from benchmarks.documents import DOCUMENTS_PER_DAY, Corpus, write_documents  # noqa: E402
from benchmarks.flatten import CONTENDERS, run_contender  # noqa: E402
from benchmarks.machine import machine_facts  # noqa: E402
from benchmarks.measure import Usage  # noqa: E402
from benchmarks.program import (  # noqa: E402
    before_option,
    figures,
    json_option,
    print_result,
    said,
    say,
    work_folder,
)


def _sizes(_: click.Context, __: click.Parameter, value: str) -> list[int]:
    sizes = sorted(int(size) for size in value.split(","))
    if any(size % DOCUMENTS_PER_DAY for size in sizes):
        raise click.BadParameter(f"whole days are wanted: multiples of {DOCUMENTS_PER_DAY}")
    return sizes


@click.command(help=__doc__.partition("\n")[0])
@click.option("--documents", callback=_sizes, default="20000,60000,200000", show_default=True)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@before_option
@json_option
def main(documents: list[int], workers: int, before: str | None, json_file: Path | None) -> None:
    runs: list[dict[str, Any]] = []
    machine = machine_facts()
    with builds(before) as measured, work_folder() as folder:
        # A larger corpus begins with the days of the smaller one, so the folder only grows.
        lake, rows = folder / "documents", folder / "rows"
        for count in documents:
            say(f"writing up to {count:,} documents")
            write_documents(lake, Corpus(count), workers=workers)
            usages: dict[str, list[Usage]] = {}
            for build in measured:
                usage = run_contender(CONTENDERS["ours"], build, lake, rows, workers)
                shutil.rmtree(rows)
                said(1, f"{build.name}, {count:,} documents", usage)
                usages[build.name] = [usage]
            runs.append({"documents": count, **figures(usages)})
    # The last peak divided by the first: 1 is flat.
    growth = {
        build.name: round(
            runs[-1][build.name]["peak_pss_mib"] / runs[0][build.name]["peak_pss_mib"], 3
        )
        for build in measured
    }
    print_result(
        {
            "machine": machine,
            "before": before,
            "workers": workers,
            "runs": runs,
            "growth": growth,
        },
        json_file,
    )


if __name__ == "__main__":
    main()
