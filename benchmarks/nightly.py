"""What a whole night costs at a user's scale: one process of `cci-lite etl run`, start-up included.

    python benchmarks/nightly.py --before v0.1.0     10, 2,000 and 200,000 documents; a quiet year
    python benchmarks/nightly.py --documents 10,2000 --repeat 5

At each size there are three nights: the first one, one that finds a new document, one that finds
nothing new. `quiet_year` has 365 days that were published, and a new document on the last one;
`quiet_year_since` asks for that day only. Prints one JSON document, with the parts of the last run
where the build has `etl run --profile`; progress goes to stderr.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.builds import OURS, Build, builds  # noqa: E402
from benchmarks.contenders import ours  # noqa: E402
from benchmarks.documents import Corpus, write_documents  # noqa: E402
from benchmarks.machine import machine_facts  # noqa: E402
from benchmarks.program import (  # noqa: E402
    Runs,
    before_option,
    figures,
    json_option,
    keep_runs,
    print_result,
    repeat_option,
    say,
    work_folder,
)

QUIET_DAYS = 365
QUIET_DOCUMENTS_PER_DAY = 10
PROFILE = "--profile"


class Nights:
    """Runs nights of all builds in turn, and keeps what each took."""

    def __init__(self, measured: Sequence[Build], folder: Path) -> None:
        self.runs: Runs = {}
        self.profiles: dict[str, Any] = {}
        self._measured = measured
        self._folder = folder
        self._options = {
            build.name: [PROFILE] * (PROFILE in build.run(build.command("etl", "run", "--help")))
            for build in measured
        }

    def at_size(self, corpus: Path, repeat: int) -> None:
        """A first night, one with a new document and one without, in lakes made anew each time."""
        *_, late = sorted(corpus.rglob("*.json"))
        for _ in range(repeat):
            for build in self._measured:
                lake = self._lake(build)
                ours.prepare(build, corpus, lake, [late])
                self._run("first", build, lake)
                ours.deliver(late, corpus, lake)
                self._run("one_new", build, lake)
                self._run("nothing_new", build, lake)
                shutil.rmtree(lake)

    def in_a_quiet_year(self, corpus: Path, repeat: int) -> None:
        """Nights that each find one new document beside a year of published days."""
        *_, last_day = sorted(corpus.glob("unified/*/*/*/*"))
        late = sorted(last_day.iterdir())[: 2 * repeat]
        since = "-".join(last_day.parts[-3:])
        for build in self._measured:
            ours.prepare(build, corpus, self._lake(build), late)
            say(f"publishing the quiet days, {build.name}")
            build.run(build.command("etl", "run", "--lake", self._lake(build)))
        jobs = [("quiet_year", []), ("quiet_year_since", ["--since", since])]
        for number, document in enumerate(late):
            job, options = jobs[number % 2]
            for build in self._measured:
                ours.deliver(document, corpus, self._lake(build))
                self._run(job, build, self._lake(build), *options)
        for build in self._measured:
            shutil.rmtree(self._lake(build))

    def result(self) -> dict[str, Any]:
        """The figures by job, and forget them."""
        found = {job: figures(by_build) for job, by_build in self.runs.items()}
        for job, profile in self.profiles.items():
            found[job]["profile"] = profile
        self.runs, self.profiles = {}, {}
        return found

    def _lake(self, build: Build) -> Path:
        lake = self._folder / f"lake-{build.name}"
        lake.mkdir(exist_ok=True)
        return lake

    def _run(self, job: str, build: Build, lake: Path, *options: str) -> None:
        command = build.command("etl", "run", "--lake", lake, "--output", "json", *options)
        log = lake.with_suffix(".log")
        usage = build.measure([*command, *self._options[build.name]], log)
        keep_runs(self.runs, job, build.name, usage)
        if build.name == OURS and self._options[OURS]:
            self.profiles[job] = profile_in(log.read_text())


def profile_in(said: str) -> Any:
    """The parts of a run, from all that it said: messages may stand around its JSON."""
    report, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
    return report["profile"]


def _counts(_: click.Context, __: click.Parameter, value: str) -> list[int]:
    return [int(count) for count in value.split(",")]


@click.command(help=__doc__.partition("\n")[0])
@click.option("--documents", callback=_counts, default="10,2000,200000", show_default=True)
@click.option("--quiet-days", type=click.IntRange(0), default=QUIET_DAYS, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=2, help="To write the documents.")
@repeat_option
@before_option
@json_option
def main(
    documents: list[int],
    quiet_days: int,
    workers: int,
    repeat: int,
    before: str | None,
    json_file: Path | None,
) -> None:
    result: dict[str, Any] = {"machine": machine_facts(), "before": before, "rounds": repeat}
    with builds(before) as measured, work_folder() as folder:
        nights = Nights(measured, folder)
        corpus = folder / "documents"
        result["nights"] = []
        for count in sorted(documents):
            say(f"writing up to {count:,} documents")
            write_documents(corpus, Corpus(count), workers=workers)
            nights.at_size(corpus, repeat)
            result["nights"].append({"documents": count, **nights.result()})
        if quiet_days:
            year = folder / "year"
            per_day = QUIET_DOCUMENTS_PER_DAY + 2 * repeat
            write_documents(year, Corpus(quiet_days * per_day, per_day=per_day), workers=workers)
            nights.in_a_quiet_year(year, repeat)
            result |= {"quiet_days": quiet_days, "documents_per_quiet_day": per_day}
            result |= nights.result()
    print_result(result, json_file)


if __name__ == "__main__":
    main()
