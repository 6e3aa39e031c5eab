"""What it costs a client to read and to list a bucket: ours, boto3 with threads, awswrangler.

    python benchmarks/s3_read.py                    2,000 documents of 22 KB, 50,000 keys
    python benchmarks/s3_read.py --clients ours,boto3

The bucket is a look-alike on this machine (`bucket_server.py`), in a process whose CPU does not
count. Each client runs in a process of its own, in rounds; what counts is the CPU of the job,
without starting up. Prints one JSON document; progress goes to stderr.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.bucket_clients import BUCKET, CLIENTS, JOBS, REGION  # noqa: E402
from benchmarks.bucket_server import bucket_server  # noqa: E402
from benchmarks.documents import Corpus, write_documents  # noqa: E402
from benchmarks.machine import library_version, machine_facts  # noqa: E402
from benchmarks.program import json_option, print_result, repeat_option, say, work_folder  # noqa: E402

# Ours divided by theirs, at most.
GOALS = (("get", "boto3", 1 / 10), ("get", "awswrangler", 1 / 50), ("list", "boto3", 1 / 10))
_LIBRARIES = {"ours": "obstore", "boto3": "boto3", "awswrangler": "awswrangler"}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_DEFAULT_REGION": REGION,
}


def run_client(job: str, name: str, endpoint: str) -> dict[str, float]:
    """One run of a client: objects, CPU and wall seconds."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bucket_clients", job, name, endpoint],
        cwd=CHECKOUT,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise click.ClickException(f"{name}, {job}: {done.stderr[-2_000:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measured(
    endpoint: str, job: str, names: list[str], objects: int, repeat: int
) -> dict[str, Any]:
    """The medians of all clients at one job, and how they stand to ours."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(1, repeat + 1):
        for name in names:
            run = run_client(job, name, endpoint)
            if run["objects"] != objects:
                raise click.ClickException(f"{name}: {run['objects']} objects of {objects}")
            runs[name].append(run)
            say(f"round {number}  {job} {name:12} {run['cpu_seconds']:8.3f} s CPU")
    figures = {
        name: {
            "cpu_seconds_per_1000": round(
                statistics.median(run["cpu_seconds"] for run in each) / objects * 1_000, 5
            ),
            "objects_per_second": round(
                objects / statistics.median(run["wall_seconds"] for run in each)
            ),
            "version": library_version(_LIBRARIES[name]),
            "runs": each,
        }
        for name, each in runs.items()
    }
    for each in figures.values():
        each["cpu_relative_to_ours"] = round(
            each["cpu_seconds_per_1000"] / figures["ours"]["cpu_seconds_per_1000"], 1
        )
    return figures


def goals(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Each goal with the ratio that was found."""
    judged = []
    for job, name, most in GOALS:
        if name in found[job]:
            ratio = 1 / found[job][name]["cpu_relative_to_ours"]
            goal = f"{job}: CPU at most {most:.3g} times that of {name}"
            judged.append({"goal": goal, "found": round(ratio, 4), "holds": ratio <= most})
    return judged


def _chosen(_: click.Context, __: click.Parameter, value: str) -> list[str]:
    names = ["ours", *(name for name in value.split(",") if name != "ours")]
    if unknown := set(names) - CLIENTS.keys():
        raise click.BadParameter(f"no client {', '.join(unknown)}; there are {', '.join(CLIENTS)}")
    return [name for name in names if importlib.util.find_spec(_LIBRARIES[name])]


@click.command(help=__doc__.partition("\n")[0])
@click.option("--documents", type=click.IntRange(1), default=2_000, show_default=True)
@click.option("--keys", type=click.IntRange(1), default=50_000, show_default=True)
@click.option("--clients", callback=_chosen, default=",".join(CLIENTS), show_default=True)
@repeat_option
@json_option
def main(
    documents: int, keys: int, clients: list[str], repeat: int, json_file: Path | None
) -> None:
    found: dict[str, Any] = {}
    with work_folder() as folder:
        corpus = folder / "documents"
        written = write_documents(corpus, Corpus(documents))
        listed = folder / "keys"
        for number in range(keys):
            path = (
                listed / f"unified/bench-tenant/2025/01/{number // 2_000 + 1:02}/{number:08}.json"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"{}")
        for job, place, count in zip(JOBS, (corpus, listed), (documents, keys), strict=True):
            with bucket_server(place, BUCKET) as endpoint:
                found[job] = measured(endpoint, job, clients, count, repeat)
    result = {
        "machine": machine_facts(),
        "documents": documents,
        "bytes_per_document": round(written / documents),
        "keys": keys,
        "rounds": repeat,
        **found,
        "goals": goals(found),
    }
    print_result(result, json_file)


if __name__ == "__main__":
    main()
