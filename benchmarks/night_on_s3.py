"""The whole first night over a bucket: ours, awswrangler, and PySpark's own JSON reader.

    python benchmarks/night_on_s3.py                     20,000 documents of 22 KB, one round
    python benchmarks/night_on_s3.py --documents 2000 --contenders ours,awswrangler

The bucket is a look-alike on this machine (`bucket_server.py`), in a process whose CPU does not
count. Each contender is one process (and what it starts), from its start to its end. All must
write as many rows. PySpark has no client of S3 without further archives: it reads and writes files,
which costs it less. Prints one JSON document; progress goes to stderr.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.bucket_clients import BUCKET  # noqa: E402
from benchmarks.bucket_nights import TABLES, prepare  # noqa: E402
from benchmarks.bucket_server import bucket_server  # noqa: E402
from benchmarks.builds import Build, builds  # noqa: E402
from benchmarks.documents import Corpus, write_documents  # noqa: E402
from benchmarks.machine import machine_facts  # noqa: E402
from benchmarks.measure import Usage  # noqa: E402
from benchmarks.program import (  # noqa: E402
    figures,
    json_option,
    median,
    print_result,
    said,
    work_folder,
)
from benchmarks.s3_read import ENVIRONMENT  # noqa: E402

CONTENDERS = {"ours": "obstore", "awswrangler": "awswrangler", "spark": "pyspark"}
# How many times the CPU of ours each takes, at least.
GOALS = {"awswrangler": 20, "spark": 10}


def run_night(
    build: Build, name: str, endpoint: str, corpus: Path, work: Path, workers: int
) -> tuple[Usage, dict[str, int]]:
    """One measured night, and how many rows it wrote."""
    log = work.with_suffix(".log")
    shutil.rmtree(work, ignore_errors=True)
    if name == "spark":
        work.mkdir()
        command = build.python(
            "-m", "benchmarks.contend", "spark", str(corpus), str(work), str(workers)
        )
        return build.measure(command, log), _rows_of_files(work)
    prepare(work)
    command = build.python(
        "-m", "benchmarks.bucket_nights", name, endpoint, str(work), str(workers)
    )
    usage = build.measure(command, log, **ENVIRONMENT)
    rows: dict[str, int] = json.loads(log.read_text().splitlines()[-1])
    return usage, rows


def _rows_of_files(folder: Path) -> dict[str, int]:
    from pyarrow import parquet

    return {
        name: sum(
            parquet.read_metadata(path).num_rows for path in (folder / name).glob("*.parquet")
        )
        for name in TABLES
    }


def _chosen(_: click.Context, __: click.Parameter, value: str) -> list[str]:
    names = ["ours", *(name for name in value.split(",") if name != "ours")]
    if unknown := set(names) - CONTENDERS.keys():
        known = ", ".join(CONTENDERS)
        raise click.BadParameter(f"no contender {', '.join(unknown)}; there are {known}")
    return [name for name in names if importlib.util.find_spec(CONTENDERS[name])]


@click.command(help=__doc__.partition("\n")[0])
@click.option("--documents", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--contenders", callback=_chosen, default=",".join(CONTENDERS), show_default=True)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True, help="Rounds.")
@json_option
def main(
    documents: int, contenders: list[str], workers: int, repeat: int, json_file: Path | None
) -> None:
    runs: dict[str, list[Usage]] = {name: [] for name in contenders}
    rows: dict[str, dict[str, int]] = {}
    with builds(None) as (build,), work_folder() as folder:
        corpus = folder / "documents"
        written = write_documents(corpus, Corpus(documents), workers=workers)
        with bucket_server(corpus, BUCKET) as endpoint:
            for number in range(1, repeat + 1):
                for name in contenders:
                    usage, rows[name] = run_night(
                        build, name, endpoint, corpus, folder / name, workers
                    )
                    runs[name].append(usage)
                    said(number, name, usage)
    ratios: dict[str, Any] = {
        name: {
            "cpu": round(
                median(runs[name], "cpu_seconds") / median(runs["ours"], "cpu_seconds"), 1
            ),
            "wall": round(
                median(runs[name], "wall_seconds") / median(runs["ours"], "wall_seconds"), 1
            ),
            "same_rows": rows[name] == rows["ours"],
        }
        for name in contenders
        if name != "ours"
    }
    result = {
        "machine": machine_facts(),
        "documents": documents,
        "bytes_per_document": round(written / documents),
        "rounds": repeat,
        "rows": rows["ours"],
        "contenders": figures(runs),
        "relative_to_ours": ratios,
        "goals": [
            {
                "goal": f"{name}: at least {least} times our CPU",
                "found": ratios[name]["cpu"],
                "holds": ratios[name]["cpu"] >= least,
            }
            for name, least in GOALS.items()
            if name in ratios
        ],
    }
    print_result(result, json_file)
    if different := [name for name, each in ratios.items() if not each["same_rows"]]:
        raise click.ClickException(f"not as many rows as ours: {', '.join(different)}")


if __name__ == "__main__":
    main()
