"""What all programs share: their options, rounds of measured commands, ratios, and the JSON."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchmarks.builds import BEFORE, OURS
from benchmarks.measure import Usage

# By job and by build: one usage for each round.
Runs = dict[str, dict[str, list[Usage]]]

_RATIOS = {"wall": "wall_seconds", "cpu": "cpu_seconds", "memory": "peak_pss_mib"}

before_option = click.option(
    "--before", metavar="REVISION", help="Measure this revision, too, in the same rounds."
)
json_option = click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the result here, too."
)
repeat_option = click.option(
    "--repeat", type=click.IntRange(1), default=3, show_default=True, help="Rounds."
)
keep_option = click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Work in this folder, use the documents that are there, and leave them.",
)


def say(text: str) -> None:
    """Progress, on stderr."""
    click.echo(text, err=True)


def print_result(result: Mapping[str, Any], json_file: Path | None) -> None:
    """The program's one JSON document, on stdout and in a file."""
    text = json.dumps(result, indent=2)
    if json_file is not None:
        json_file.write_text(text + "\n")
    click.echo(text)


@contextmanager
def work_folder(keep: Path | None = None) -> Iterator[Path]:
    """A folder to work in, removed in the end unless it is to be kept."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="cci-lite-bench-") as made:
        yield Path(made)


def median(runs: Sequence[Usage], measure_name: str) -> float:
    """The median of one measure over the rounds."""
    return statistics.median(float(getattr(run, measure_name)) for run in runs)


def ratios(runs: Sequence[Usage], reference: Sequence[Usage]) -> dict[str, float]:
    """Medians divided by those of the reference: 0.5 is half of it."""
    return {
        name: round(median(runs, field) / median(reference, field), 3)
        for name, field in _RATIOS.items()
    }


def figures(by_build: Mapping[str, Sequence[Usage]]) -> dict[str, Any]:
    """Of one job: the medians of each build, and how ours stands to the one before."""
    named: dict[str, Any] = {
        build: {
            "wall_seconds": round(median(runs, "wall_seconds"), 3),
            "cpu_seconds": round(median(runs, "cpu_seconds"), 3),
            "peak_pss_mib": round(median(runs, "peak_pss_mib"), 1),
            "runs": [asdict(run) for run in runs],
        }
        for build, runs in by_build.items()
    }
    if BEFORE in by_build:
        named["relative_to_before"] = ratios(by_build[OURS], by_build[BEFORE])
    return named


def keep_runs(runs: Runs, job: str, build: str, usage: Usage) -> None:
    """Keep what one run of a job took, and say it."""
    of_build = runs.setdefault(job, {}).setdefault(build, [])
    of_build.append(usage)
    said(len(of_build), f"{job}, {build}", usage)


def said(round_number: int, name: str, usage: Usage) -> None:
    """Say what one measured run took."""
    say(
        f"round {round_number}  {name:34} {usage.wall_seconds:7.2f} s "
        f"{usage.cpu_seconds:7.2f} s CPU {usage.peak_pss_mib:6,.0f} MiB"
    )
