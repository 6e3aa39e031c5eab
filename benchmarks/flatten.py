"""The same documents through the nightly flattening and other tools: time, CPU, memory, rows.

    python benchmarks/flatten.py                     20,000 documents, everything that is installed
    python benchmarks/flatten.py --before v0.1.0      an earlier revision beside them, as `before`
    python benchmarks/flatten.py --documents 2000 --repeat 1 --contenders ours,bare
    python benchmarks/flatten.py --bytes small --documents 100000

Every contender runs in processes of its own, in rounds (A B C, A B C), on the same files, which
were read once before. All must write the same rows. Prints one JSON document; progress goes to
stderr.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.builds import BEFORE, OURS, Build, builds  # noqa: E402
from benchmarks.contenders import ours  # noqa: E402
from benchmarks.documents import LARGE, SIZES, Corpus, write_documents  # noqa: E402
from benchmarks.machine import library_version, machine_facts  # noqa: E402
from benchmarks.measure import CommandError, Usage  # noqa: E402
from benchmarks.program import (  # noqa: E402
    before_option,
    json_option,
    keep_option,
    median,
    print_result,
    ratios,
    repeat_option,
    say,
    work_folder,
)


@dataclass(frozen=True)
class Contender:
    """Who takes part. `processors` is None when it may use as many as there are workers."""

    name: str
    module: str
    library: str
    processors: int | None = None
    needs_java: bool = False
    compares_checks: bool = False
    options: tuple[str, ...] = ()

    def skip_reason(self) -> str | None:
        """Why it cannot take part here; None when it can."""
        if importlib.util.find_spec(self.library) is None:
            return f"{self.library} is not installed"
        if self.needs_java and shutil.which("java") is None:
            return "there is no java on the path"
        return None


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender(OURS, "ours", "cci_lite", compares_checks=True),
        Contender("ours-1", "ours", "cci_lite", processors=1, compares_checks=True),
        Contender(BEFORE, "ours", "cci_lite", compares_checks=True),
        Contender("bare", "bare", "msgspec", compares_checks=True),
        Contender("bare-1", "bare", "msgspec", processors=1, compares_checks=True),
        Contender("pandas", "pandas", "pandas", processors=1),
        Contender("duckdb", "duckdb", "duckdb"),
        Contender("duckdb-text", "duckdb_text", "duckdb"),
        Contender("duckdb-safe", "duckdb_safe", "duckdb", compares_checks=True),
        Contender("polars", "polars", "polars"),
        Contender("arrow", "arrow", "pyarrow"),
        Contender("spark", "spark", "pyspark", needs_java=True),
        Contender(
            *("ours-spark", "ours", "pyspark"),
            needs_java=True,
            compares_checks=True,
            options=("--engine", "spark"),
        ),
    )
}


@dataclass
class Result:
    """What one contender did: a usage per round, and whether its rows are the reference's."""

    contender: Contender
    build: Build
    workers: int
    runs: list[Usage] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    failure: str | None = None

    @property
    def rows_equal(self) -> bool:
        """Whether every compared table is the same."""
        return bool(self.tables) and all(table["equal"] for table in self.tables)


def run_rounds(
    lake: Path, work: Path, results: Sequence[Result], *, repeat: int, documents: int
) -> None:
    """Let every contender run once per round, and compare the rows of the first round."""
    reference: Path | None = None
    for number in range(1, repeat + 1):
        for result in results:
            if result.failure is not None:
                continue
            rows = work / f"{result.contender.name}-{number}"
            try:
                usage = run_contender(result.contender, result.build, lake, rows, result.workers)
            except CommandError as problem:
                result.failure = str(problem)
                say(f"round {number}  {result.contender.name:12} failed")
                continue
            result.runs.append(usage)
            say(
                f"round {number}  {result.contender.name:12} {usage.wall_seconds:7.2f} s "
                f"{documents / usage.wall_seconds:9,.0f} documents/s "
                f"{usage.cpu_seconds / documents * 1e6:7,.0f} µs CPU each "
                f"{usage.peak_pss_mib:6,.0f} MiB"
            )
            if number == 1:
                tables = tables_of(result.contender, rows)
                reference = reference or tables
                result.tables = compare(reference, tables, result.contender.compares_checks)
                if result.tables[0]["rows"] != documents:
                    result.failure = f"{documents} documents, {result.tables[0]['rows']} calls"
            if number > 1 or tables_of(result.contender, rows) != reference:
                shutil.rmtree(rows, ignore_errors=True)


def run_contender(
    contender: Contender, build: Build, lake: Path, rows: Path, workers: int
) -> Usage:
    """One measured run; raises CommandError when it fails."""
    shutil.rmtree(rows, ignore_errors=True)
    rows.mkdir(parents=True)
    if contender.module == "ours":
        ours.prepare(build, lake, rows)
        command = ours.command(build, rows, workers, *contender.options)
    else:
        command = [sys.executable, "-m", "benchmarks.contend", contender.module]
        command += [str(lake), str(rows), str(workers)]
    return build.measure(command, rows.with_suffix(".log"), POLARS_MAX_THREADS=str(workers))


def tables_of(contender: Contender, rows: Path) -> Path:
    """The folder in which the contender's tables are."""
    return ours.rows_of(rows) if contender.module == "ours" else rows


def compare(reference: Path, tables: Path, compares_checks: bool) -> list[dict[str, Any]]:
    """The comparison of every table, made in another process: this one must stay small."""
    # A process that starts another hands it its own peak memory, as the kernel counts.
    command = [sys.executable, "-m", "benchmarks.rows", str(reference), str(tables)]
    done = subprocess.run(
        [*command, *(["--all-columns"] if compares_checks else [])],
        cwd=CHECKOUT,
        env={"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        check=True,
    )
    compared: list[dict[str, Any]] = json.loads(done.stdout)
    return compared


def summary(results: Sequence[Result], documents: int) -> list[dict[str, Any]]:
    """Medians per contender, and how they stand to ours and to the build before."""
    references = {
        result.contender.name: result.runs
        for result in results
        if result.runs and result.contender.name in (OURS, BEFORE)
    }
    return [_summary_of(result, documents, references) for result in results]


def _summary_of(
    result: Result, documents: int, references: Mapping[str, Sequence[Usage]]
) -> dict[str, Any]:
    contender, runs = result.contender, result.runs
    named: dict[str, Any] = {
        "name": contender.name,
        "library": contender.library,
        "version": library_version(contender.library.replace("_", "-")),
        "workers": result.workers,
    }
    if not runs:
        return named | {"skipped": result.failure}
    wall, cpu = median(runs, "wall_seconds"), median(runs, "cpu_seconds")
    named |= {
        "wall_seconds": round(wall, 3),
        "documents_per_second": round(documents / wall),
        "cpu_us_per_document": round(cpu / documents * 1e6, 1),
        "peak_pss_mib": round(median(runs, "peak_pss_mib")),
        "peak_rss_mib": round(median(runs, "peak_rss_mib")),
        "largest_rss_mib": round(median(runs, "largest_rss_mib")),
        "rows_equal": result.rows_equal,
        "tables": result.tables,
        "runs": [asdict(run) for run in runs],
    }
    if result.failure is not None:
        named["failure"] = result.failure
    for name, reference in references.items():
        named[f"relative_to_{name}"] = ratios(runs, reference)
    return named


# Ours divided by theirs, at most: what the project holds itself to.
GOALS = (
    ("bare", "cpu", 1.05),
    ("duckdb-text", "wall", 0.7),
    ("duckdb-text", "memory", 0.5),
    ("duckdb-safe", "wall", 1 / 2),
    ("pandas", "wall", 1 / 7),
    (BEFORE, "cpu", 0.61),
)


def goals(summaries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each goal with the ratio that was found, as far as the contenders took part."""
    found = {each["name"]: each for each in summaries if "relative_to_ours" in each}
    judged = []
    for name, measured, most in GOALS:
        if name in found:
            ratio = round(1 / found[name]["relative_to_ours"][measured], 3)
            goal = f"{measured}: at most {most:.3g} times that of {name}"
            judged.append({"goal": goal, "found": ratio, "holds": ratio <= most})
    return judged


def _chosen(_: click.Context, __: click.Parameter, value: str) -> list[Contender]:
    names = [name.strip() for name in value.split(",")]
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        known = ", ".join(CONTENDERS)
        raise click.BadParameter(f"no contender {', '.join(unknown)}; there are {known}")
    return [CONTENDERS[name] for name in names]


@click.command(help=__doc__.partition("\n")[0])
@click.option("--documents", type=click.IntRange(1), default=20_000, show_default=True)
@click.option(
    "--contenders",
    callback=_chosen,
    default=",".join(CONTENDERS),
    show_default=True,
    help="Who takes part, in this order; rows are compared with the first one's.",
)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@click.option(
    "--bytes",
    "size",
    type=click.Choice([*SIZES]),
    default=LARGE,
    show_default=True,
    help="Documents of about 22 KB or 2.3 KB.",
)
@repeat_option
@click.option("--seed", type=int, default=1, show_default=True)
@before_option
@json_option
@keep_option
def main(
    documents: int,
    contenders: list[Contender],
    workers: int,
    size: str,
    repeat: int,
    seed: int,
    before: str | None,
    json_file: Path | None,
    keep: Path | None,
) -> None:
    machine = machine_facts()
    corpus = Corpus(documents, seed, size)
    with builds(before) as measured, work_folder(keep) as folder:
        lake = folder / f"documents-{size}-{documents}-seed-{seed}"
        say(f"writing {documents:,} documents to {lake}")
        written = write_documents(lake, corpus, workers=workers)
        # Read once, so that the first contender does not pay for the disk.
        for path in lake.rglob("*.json"):
            path.read_bytes()
        results = [*_results(contenders, measured, workers)]
        for result in results:
            if result.failure is not None:
                say(f"skipped  {result.contender.name}: {result.failure}")
        work = folder / "rows"
        run_rounds(lake, work, results, repeat=repeat, documents=documents)
        shutil.rmtree(work, ignore_errors=True)
    summaries = summary(results, documents)
    print_result(
        {
            "machine": machine,
            "before": before,
            "documents": documents,
            "bytes_per_document": round(written / documents),
            "documents_per_day": corpus.per_day,
            "seed": seed,
            "rounds": repeat,
            "contenders": summaries,
            "goals": goals(summaries),
        },
        json_file,
    )
    if any(result.runs and not (result.rows_equal and not result.failure) for result in results):
        raise click.ClickException("not every contender wrote the same rows; see the JSON above")


def _results(
    contenders: Sequence[Contender], measured: Sequence[Build], workers: int
) -> Iterator[Result]:
    """An empty result for each contender; the build before takes part when there is one."""
    ours_build, *earlier = measured
    for each in contenders:
        if each.name != BEFORE:
            build, reason = ours_build, each.skip_reason()
        elif earlier:
            build, reason = earlier[0], None
        else:
            continue
        yield Result(each, build, each.processors or workers, failure=reason)


if __name__ == "__main__":
    main()
