"""The same documents through the nightly flattening and other tools: time, CPU, memory, rows.

    python benchmarks/flatten.py                     20,000 documents, everything that is installed
    python benchmarks/flatten.py --documents 2000 --repeat 1 --contenders ours,bare

Every contender runs in processes of its own, in rounds (A B C, A B C), on the same files, which
were read once before. All must write the same rows. Prints one JSON document; progress goes to
stderr.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.contenders import ours  # noqa: E402
from benchmarks.documents import DOCUMENTS_PER_DAY, Corpus, write_documents  # noqa: E402
from benchmarks.machine import library_version, machine_facts  # noqa: E402
from benchmarks.measure import CommandError, Usage, measure  # noqa: E402


@dataclass(frozen=True)
class Contender:
    """Who takes part. `processors` is None when it may use as many as there are workers."""

    name: str
    module: str
    library: str
    processors: int | None = None
    needs_java: bool = False
    compares_checks: bool = False

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
        Contender("ours", "ours", "cci_lite", compares_checks=True),
        Contender("ours-1", "ours", "cci_lite", processors=1, compares_checks=True),
        Contender("bare", "bare", "msgspec", compares_checks=True),
        Contender("bare-1", "bare", "msgspec", processors=1, compares_checks=True),
        Contender("pandas", "pandas", "pandas", processors=1),
        Contender("duckdb", "duckdb", "duckdb"),
        Contender("duckdb-text", "duckdb_text", "duckdb"),
        Contender("polars", "polars", "polars"),
        Contender("arrow", "arrow", "pyarrow"),
        Contender("spark", "spark", "pyspark", needs_java=True),
    )
}


@dataclass
class Result:
    """What one contender did: a usage per round, and whether its rows are the reference's."""

    contender: Contender
    workers: int
    runs: list[Usage] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    failure: str | None = None

    @property
    def rows_equal(self) -> bool:
        """Whether every compared table is the same."""
        return bool(self.tables) and all(table["equal"] for table in self.tables)

    def median(self, measure_name: str) -> float:
        """The median of one measure over the rounds."""
        return statistics.median(float(getattr(run, measure_name)) for run in self.runs)


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
                usage = run_contender(result.contender, lake, rows, result.workers)
            except CommandError as problem:
                result.failure = str(problem)
                _say(f"round {number}  {result.contender.name:12} failed")
                continue
            result.runs.append(usage)
            _say(
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


def run_contender(contender: Contender, lake: Path, rows: Path, workers: int) -> Usage:
    """One measured run; raises CommandError when it fails."""
    shutil.rmtree(rows, ignore_errors=True)
    rows.mkdir(parents=True)
    if contender.module == "ours":
        ours.prepare(lake, rows)
    command = [sys.executable, "-m", "benchmarks.contend", contender.module]
    return measure(
        [*command, str(lake), str(rows), str(workers)],
        cwd=CHECKOUT,
        log=rows.with_suffix(".log"),
        environment={"POLARS_MAX_THREADS": str(workers), "PYTHONPATH": str(CHECKOUT)},
    )


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
    """Medians per contender, and how they stand to ours."""
    by_name = {result.contender.name: result for result in results if result.runs}
    return [_summary_of(result, documents, by_name.get("ours")) for result in results]


def _summary_of(result: Result, documents: int, reference: Result | None) -> dict[str, Any]:
    contender = result.contender
    named: dict[str, Any] = {
        "name": contender.name,
        "library": contender.library,
        "version": library_version(contender.library.replace("_", "-")),
        "workers": result.workers,
    }
    if not result.runs:
        return named | {"skipped": result.failure}
    wall, cpu = result.median("wall_seconds"), result.median("cpu_seconds")
    named |= {
        "wall_seconds": round(wall, 3),
        "documents_per_second": round(documents / wall),
        "cpu_us_per_document": round(cpu / documents * 1e6, 1),
        "peak_pss_mib": round(result.median("peak_pss_mib")),
        "peak_rss_mib": round(result.median("peak_rss_mib")),
        "largest_rss_mib": round(result.median("largest_rss_mib")),
        "rows_equal": result.rows_equal,
        "tables": result.tables,
        "runs": [asdict(run) for run in result.runs],
    }
    if result.failure is not None:
        named["failure"] = result.failure
    if reference is not None:
        named["relative_to_ours"] = {
            "wall": round(wall / reference.median("wall_seconds"), 3),
            "cpu": round(cpu / reference.median("cpu_seconds"), 3),
            "memory": round(result.median("peak_pss_mib") / reference.median("peak_pss_mib"), 3),
        }
    return named


def goals(summaries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the project holds itself to, as far as the contenders took part."""
    found = {each["name"]: each for each in summaries if "wall_seconds" in each}
    if "ours" not in found:
        return []
    ours_cpu = found["ours"]["cpu_us_per_document"]
    rows = [
        (
            f"at least {times} times as fast as {name}",
            times,
            found[name]["relative_to_ours"]["wall"],
        )
        for name, times in (("pandas", 15), ("spark", 20), ("duckdb", 2), ("polars", 2))
        if name in found
    ]
    judged = [
        {"goal": goal, "found": ratio, "holds": ratio >= times} for goal, times, ratio in rows
    ]
    if "bare" in found:
        ratio = round(ours_cpu / found["bare"]["cpu_us_per_document"], 3)
        goal = "at most 1.3 times the CPU of the bare loop"
        judged.append({"goal": goal, "found": ratio, "holds": ratio <= 1.3})
    peak = found["ours"]["peak_pss_mib"]
    judged.append({"goal": "at most 500 MiB in all", "found": peak, "holds": peak <= 500})
    return judged


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="cci-lite-bench-") as made:
        yield Path(made)


def _say(text: str) -> None:
    click.echo(text, err=True)


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
@click.option("--repeat", type=click.IntRange(1), default=3, show_default=True, help="Rounds.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the result here, too."
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Work in this folder, use the documents that are there, and leave them.",
)
def main(
    documents: int,
    contenders: list[Contender],
    workers: int,
    repeat: int,
    seed: int,
    json_file: Path | None,
    keep: Path | None,
) -> None:
    machine = machine_facts()
    corpus = Corpus(documents, seed)
    with _folder(keep) as folder:
        lake = folder / f"documents-{documents}-seed-{seed}"
        _say(f"writing {documents:,} documents to {lake}")
        size = write_documents(lake, corpus, workers=workers)
        # Read once, so that the first contender does not pay for the disk.
        for path in lake.rglob("*.json"):
            path.read_bytes()
        results = [
            Result(each, each.processors or workers, failure=each.skip_reason())
            for each in contenders
        ]
        for result in results:
            if result.failure is not None:
                _say(f"skipped  {result.contender.name}: {result.failure}")
        work = folder / "rows"
        run_rounds(lake, work, results, repeat=repeat, documents=documents)
        shutil.rmtree(work, ignore_errors=True)
    summaries = summary(results, documents)
    text = json.dumps(
        {
            "machine": machine,
            "documents": documents,
            "bytes_per_document": round(size / documents),
            "documents_per_day": DOCUMENTS_PER_DAY,
            "seed": seed,
            "rounds": repeat,
            "contenders": summaries,
            "goals": goals(summaries),
        },
        indent=2,
    )
    if json_file is not None:
        json_file.write_text(text + "\n")
    click.echo(text)
    if any(result.runs and not (result.rows_equal and not result.failure) for result in results):
        raise click.ClickException("not every contender wrote the same rows; see the JSON above")


if __name__ == "__main__":
    main()
