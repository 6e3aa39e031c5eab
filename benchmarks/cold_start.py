"""How long a function takes to import beyond boto3, which every function needs.

    python benchmarks/cold_start.py                      all functions, 15 rounds
    python benchmarks/cold_start.py --rounds 5 --function job_init

Every import happens in a fresh interpreter, boto3 first and then the handler; rounds go round all
functions, so that a busy moment hits all alike. Prints one JSON document; exits with 1 when a
handler takes more than the target beyond boto3.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.machine import machine_facts  # noqa: E402

TARGET_MS = 350
FUNCTIONS = sorted(
    handler.parent.name for handler in (CHECKOUT / "pipeline_lambdas").glob("*/handler.py")
)
_PROGRAM = """
import sys, time
started = time.perf_counter()
import boto3
after_boto3 = time.perf_counter()
import handler
print(after_boto3 - started, time.perf_counter() - after_boto3)
"""


def import_seconds(function: str) -> tuple[float, float]:
    """Seconds for boto3, and for the handler after it, in one fresh interpreter."""
    folders = [str(CHECKOUT / "pipeline_lambdas" / function), str(CHECKOUT)]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
        check=True,
        capture_output=True,
        text=True,
    )
    boto3, handler = map(float, done.stdout.split())
    return boto3, handler


def measure(functions: Sequence[str], rounds: int) -> dict[str, Any]:
    """Least and median milliseconds by function, after one round that fills the caches."""
    measured: dict[str, list[tuple[float, float]]] = {function: [] for function in functions}
    for function in functions:
        import_seconds(function)
    for number in range(rounds):
        for function in functions:
            measured[function].append(import_seconds(function))
        click.echo(f"round {number + 1} of {rounds}", err=True)
    return {function: _figures(times) for function, times in measured.items()}


def _figures(times: Sequence[tuple[float, float]]) -> dict[str, Any]:
    boto3, beyond = zip(*times, strict=True)
    return {
        "boto3_ms": _summary(boto3),
        "beyond_boto3_ms": _summary(beyond),
        "relative_to_boto3": round(statistics.median(beyond) / statistics.median(boto3), 2),
    }


def _summary(seconds: Sequence[float]) -> dict[str, float]:
    return {
        "min": round(min(seconds) * 1000, 1),
        "median": round(statistics.median(seconds) * 1000, 1),
    }


@click.command(help=__doc__.partition("\n")[0])
@click.option("--function", "functions", multiple=True, type=click.Choice(FUNCTIONS))
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the result here, too."
)
def main(functions: tuple[str, ...], rounds: int, json_file: Path | None) -> None:
    machine = machine_facts()
    figures = measure(functions or FUNCTIONS, rounds)
    slowest = max(figures[function]["beyond_boto3_ms"]["median"] for function in figures)
    result = {"machine": machine, "target_ms": TARGET_MS, "rounds": rounds, "functions": figures}
    text = json.dumps(result, indent=2)
    if json_file is not None:
        json_file.write_text(text + "\n")
    click.echo(text)
    sys.exit(slowest > TARGET_MS)


if __name__ == "__main__":
    main()
