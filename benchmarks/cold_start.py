"""How long a function takes to import beyond boto3, which every function needs.

    python benchmarks/cold_start.py                      all functions, 15 rounds
    python benchmarks/cold_start.py --rounds 5 --function job_init

Every import happens in a fresh interpreter, boto3 first and then the handler; rounds go round all
functions, so that a busy moment hits all alike. Prints one JSON document; exits with 1 when a
handler takes more than the target beyond boto3.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.builds import BEFORE, OURS, Build, builds  # noqa: E402
from benchmarks.machine import machine_facts  # noqa: E402
from benchmarks.program import before_option, json_option, print_result, say  # noqa: E402

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


def import_seconds(build: Build, function: str) -> tuple[float, float]:
    """Seconds for boto3, and for the handler after it, in one fresh interpreter."""
    folders = [str(build.folder / "pipeline_lambdas" / function), str(build.folder)]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, **build.environment, "PYTHONPATH": os.pathsep.join(folders)},
        check=True,
        capture_output=True,
        text=True,
    )
    boto3, handler = map(float, done.stdout.split())
    return boto3, handler


def measure(measured: Sequence[Build], functions: Sequence[str], rounds: int) -> dict[str, Any]:
    """Least and median milliseconds by function, after one round that fills the caches."""
    jobs = [(build, function) for function in functions for build in measured]
    times: dict[str, dict[str, list[tuple[float, float]]]] = {
        function: {build.name: [] for build in measured} for function in functions
    }
    for job in jobs:
        import_seconds(*job)
    for number in range(rounds):
        for build, function in jobs:
            times[function][build.name].append(import_seconds(build, function))
        say(f"round {number + 1} of {rounds}")
    return {function: _figures(by_build) for function, by_build in times.items()}


def _figures(by_build: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, Any]:
    boto3, beyond = zip(*by_build[OURS], strict=True)
    named = {
        "boto3_ms": _summary(boto3),
        "beyond_boto3_ms": _summary(beyond),
        "relative_to_boto3": round(statistics.median(beyond) / statistics.median(boto3), 2),
    }
    if BEFORE in by_build:
        _, earlier = zip(*by_build[BEFORE], strict=True)
        ratio = statistics.median(beyond) / statistics.median(earlier)
        named["before_beyond_boto3_ms"] = _summary(earlier)
        named["relative_to_before"] = {"wall": round(ratio, 3)}
    return named


def _summary(seconds: Sequence[float]) -> dict[str, float]:
    return {
        "min": round(min(seconds) * 1000, 1),
        "median": round(statistics.median(seconds) * 1000, 1),
    }


@click.command(help=__doc__.partition("\n")[0])
@click.option("--function", "functions", multiple=True, type=click.Choice(FUNCTIONS))
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True)
@before_option
@json_option
def main(
    functions: tuple[str, ...], rounds: int, before: str | None, json_file: Path | None
) -> None:
    machine = machine_facts()
    with builds(before) as measured:
        figures = measure(measured, functions or FUNCTIONS, rounds)
    slowest = max(figures[function]["beyond_boto3_ms"]["median"] for function in figures)
    print_result(
        {
            "machine": machine,
            "before": before,
            "target_ms": TARGET_MS,
            "rounds": rounds,
            "functions": figures,
        },
        json_file,
    )
    sys.exit(slowest > TARGET_MS)


if __name__ == "__main__":
    main()
