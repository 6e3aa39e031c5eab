"""What asking costs: queries on the demo's lake and on a year of daily files.

    python benchmarks/query.py --before v0.1.0
    python benchmarks/query.py --jobs help,select,further

| job | what it is |
|---|---|
| help | `cci-lite --help` |
| select | `cci-lite query "SELECT 1 AS a"` on the demo's lake |
| report | the report page of the demo's tenant, with all of its queries |
| further | one process that opens the demo's lake and asks `lake.sql` again and again |
| year | a view over 365 daily generations, 3,000 small Parquet files, by `cci-lite query` |
| year-further | the same view by `lake.sql`, again and again |

Each build makes its own lakes; all must give the same answers. Prints one JSON document; progress
goes to stderr.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.builds import BEFORE, OURS, Build, builds  # noqa: E402
from benchmarks.contenders import ours  # noqa: E402
from benchmarks.documents import SMALL, TENANT_ID, Corpus, write_documents  # noqa: E402
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

DEMO_TENANT = "maple-outfitters"
VIEW = "SELECT verdict, count(*) AS n FROM explode_criteria GROUP BY verdict ORDER BY verdict"
FURTHER = 10
# Prints the CPU seconds of every query after the first one, and then all rows of the last.
_ASK = """
import sys, time
from pathlib import Path
import cci_lite
folder, tenant_id, sql, further = sys.argv[1:]
with cci_lite.open(folder) as lake:
    for number in range(int(further) + 1):
        begin = time.process_time()
        rows = lake.sql(sql, tenant_id=tenant_id, as_="arrow")
        print("cpu_seconds", time.process_time() - begin)
print(rows.to_pylist())
"""


@dataclass(frozen=True)
class Job:
    """A command in the demo's lake or in that of the year; `further` ones say what each took."""

    name: str
    command: Callable[[Build, Path], list[str]]
    lake: str = ""
    is_further: bool = False


def _query(sql: str, tenant_id: str) -> Callable[[Build, Path], list[str]]:
    return lambda build, lake: build.command(
        *("query", sql, "--tenant", tenant_id, "--lake", lake, "--output", "csv")
    )


def _ask(sql: str, tenant_id: str) -> Callable[[Build, Path], list[str]]:
    return lambda build, lake: build.python("-c", _ASK, str(lake), tenant_id, sql, str(FURTHER))


def _page(build: Build, lake: Path) -> list[str]:
    page = lake / "page.html"
    return build.command("report", "page", "--tenant", DEMO_TENANT, "--lake", lake, "--to", page)


JOBS = {
    job.name: job
    for job in (
        Job("help", lambda build, _: build.command("--help")),
        Job("select", _query("SELECT 1 AS a", DEMO_TENANT), "demo"),
        Job("report", _page, "demo"),
        Job("further", _ask("SELECT 1 AS a", DEMO_TENANT), "demo", is_further=True),
        Job("year", _query(VIEW, TENANT_ID), "year"),
        Job("year-further", _ask(VIEW, TENANT_ID), "year", is_further=True),
    )
}


def make_lake(name: str, build: Build, folder: Path) -> Path:
    """The lake of some jobs, as this build makes it; not measured."""
    lake = folder / f"{name}-{build.name}"
    if not name or lake.exists():
        return lake
    say(f"making the {name} lake, {build.name}")
    if name == "demo":
        build.run(build.command("demo", "--lake", lake, "--no-open"))
        return lake
    corpus = folder / "documents"
    write_documents(corpus, Corpus(2 * 365, size=SMALL, per_day=2))
    lake.mkdir()
    ours.prepare(build, corpus, lake)
    build.run(build.command("etl", "run", "--lake", lake))
    return lake


def further_seconds(said: str) -> list[float]:
    """What each query after the first one took."""
    words = [line.split() for line in said.splitlines() if line.startswith("cpu_seconds ")]
    return [float(seconds) for _, seconds in words[1:]]


def answer(said: str) -> list[str]:
    """What a command said, without its times."""
    return [line for line in said.splitlines() if not line.startswith("cpu_seconds ")]


class Asking:
    """Runs the jobs of all builds in turn, and keeps what each took and said."""

    def __init__(self, measured: Sequence[Build], folder: Path) -> None:
        self.runs: Runs = {}
        self.further: dict[str, dict[str, list[float]]] = {}
        self.answers: dict[str, set[str]] = {}
        self._measured = measured
        self._folder = folder

    def ask(self, job: Job) -> None:
        """One round of a job."""
        for build in self._measured:
            lake = make_lake(job.lake, build, self._folder)
            log = self._folder / "log"
            usage = build.measure(job.command(build, lake), log)
            keep_runs(self.runs, job.name, build.name, usage)
            said = log.read_text().replace(str(lake), "LAKE")
            if job.lake:
                self.answers.setdefault(job.name, set()).add("\n".join(answer(said)))
            if job.is_further:
                seconds = self.further.setdefault(job.name, {}).setdefault(build.name, [])
                seconds += further_seconds(said)

    def result(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The figures of each job."""
        for name, by_build in self.runs.items():
            found = figures(by_build)
            found["same_answers"] = len(self.answers.get(name, ())) < 2
            if name in self.further:
                found["each_further"] = _further(self.further[name])
            yield name, found


def _further(seconds: dict[str, list[float]]) -> dict[str, Any]:
    medians = {build: statistics.median(values) for build, values in seconds.items()}
    found: dict[str, Any] = {
        f"{name}_cpu_seconds": round(took, 4) for name, took in medians.items()
    }
    if BEFORE in medians:
        found["relative_to_before"] = {"cpu": round(medians[OURS] / medians[BEFORE], 3)}
    return found


def _chosen(_: click.Context, __: click.Parameter, value: str) -> list[Job]:
    names = value.split(",")
    if unknown := set(names) - JOBS.keys():
        raise click.BadParameter(f"no job {', '.join(unknown)}; there are {', '.join(JOBS)}")
    return [JOBS[name] for name in names]


@click.command(help=__doc__.partition("\n")[0])
@click.option("--jobs", callback=_chosen, default=",".join(JOBS), show_default=True)
@repeat_option
@before_option
@json_option
def main(jobs: list[Job], repeat: int, before: str | None, json_file: Path | None) -> None:
    machine = machine_facts()
    with builds(before) as measured, work_folder() as folder:
        asking = Asking(measured, folder)
        for _ in range(repeat):
            for job in jobs:
                asking.ask(job)
    found = dict(asking.result())
    print_result({"machine": machine, "before": before, "rounds": repeat, "jobs": found}, json_file)
    if different := [name for name, each in found.items() if not each["same_answers"]]:
        raise click.ClickException(f"not every build answered the same: {', '.join(different)}")


if __name__ == "__main__":
    main()
