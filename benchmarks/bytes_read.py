"""What the card views read and take: on the curated tables, and on the raw documents.

    python benchmarks/bytes_read.py                      200,000 calls: 4.4 GB on disk, many minutes
    python benchmarks/bytes_read.py --documents 20000

Both sides answer the same questions with DuckDB on local files, each in a process of its own; the
views are the product's. Bytes are those that the process asks the system for while it answers, so
of Parquet the footers and the columns that a view needs, and of JSON all of it. Prints one JSON
document; progress goes to stderr.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.builds import builds  # noqa: E402
from benchmarks.contenders import ours  # noqa: E402
from benchmarks.contenders.duckdb import QA_CRITERIA, SHARED_COLUMNS, structure_of  # noqa: E402
from benchmarks.contenders.shapes import DOCUMENT  # noqa: E402
from benchmarks.documents import TENANT_ID, Corpus, write_documents  # noqa: E402
from benchmarks.machine import machine_facts  # noqa: E402
from benchmarks.program import json_option, keep_option, print_result, say, work_folder  # noqa: E402

CURATED, RAW = "curated", "raw"
QUESTIONS = {
    "explode_criteria": """
        SELECT call_date, criterion_id, sum(is_failed) AS failed, sum(is_evaluated) AS evaluated
        FROM explode_criteria GROUP BY ALL""",
    "failure_rate": "SELECT * FROM failure_rate",
    "agent_criterion": "SELECT * FROM agent_criterion",
}
# Beyond the cards: every column, also the reasons and quotes, which are most of a document.
ALL_COLUMNS = "explode_criteria, every column"
LEAST = 50
# What the views need of a document, so that no other field has to be made.
_FIELDS = (
    *("call_id", "call_date", "call_started_at", "agent", "queue", "direction", "channel"),
    *("language_code", "qa_evaluation"),
)


def answer(side: str, lake: Path, question: str) -> dict[str, Any]:
    """What one question reads and takes, in this process."""
    import duckdb

    from cci_lite.assets import asset_folder
    from cci_lite.views import duckdb_views, read_views

    with duckdb.connect(config={"threads": 2, "enable_external_file_cache": False}) as db:
        db.execute(f"CREATE VIEW qa_criteria AS {_criteria(side, lake)}")
        selects = duckdb_views(read_views(asset_folder("sql") / "views"))
        for name in (name for name in selects if name.startswith(tuple(QUESTIONS))):
            db.execute(f"CREATE VIEW {name} AS {selects[name]}")
        before, wall, cpu = _bytes_read(), time.perf_counter(), time.process_time()
        if question == ALL_COLUMNS:
            db.execute("SELECT * FROM explode_criteria")
            rows = sum(batch.num_rows for batch in db.to_arrow_reader())
            said = str(rows)
        else:
            found = sorted(map(str, db.execute(QUESTIONS[question]).fetchall()))
            rows, said = len(found), "\n".join(found)
        took = {
            "cpu_seconds": time.process_time() - cpu,
            "wall_seconds": time.perf_counter() - wall,
        }
        return {"bytes": _bytes_read() - before, **took, "rows": rows, "answer": hash_of(said)}


def hash_of(text: str) -> str:
    """A short name of an answer."""
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _criteria(side: str, lake: Path) -> str:
    if side == CURATED:
        files = f"{lake}/curated/{TENANT_ID}/qa_criteria/*/*/*.parquet"
        return f"""
            SELECT '{TENANT_ID}' AS tenant_id, *,
                CAST(regexp_extract(filename, 'call_date=([0-9-]+)', 1) AS DATE) AS call_date
            FROM read_parquet('{files}', filename = true, hive_partitioning = false)"""
    structure = json.dumps(structure_of({name: DOCUMENT[name] for name in _FIELDS}))
    documents = f"""
        SELECT * EXCLUDE (call_started_at, agent), {SHARED_COLUMNS}, '' AS source_key
        FROM (
            SELECT unnest(from_json(content, '{structure}'))
            FROM read_text('{lake}/unified/*/*/*/*/*.json')
        )"""
    exploded = QA_CRITERIA.replace("SELECT call_id,", "SELECT call_date, call_id,")
    return f"""
        WITH documents AS ({documents}), raw_criteria AS ({exploded})
        SELECT '{TENANT_ID}' AS tenant_id, * REPLACE (CAST(call_date AS DATE) AS call_date)
        FROM raw_criteria"""


def _bytes_read() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


def measured(side: str, lake: Path, question: str) -> dict[str, Any]:
    """`answer` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bytes_read", "--answer", side, str(lake), question],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise click.ClickException(f"{side}, {question}: {done.stderr[-2_000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    say(f"{side:8} {question:32} {found['bytes']:14,} bytes {found['cpu_seconds']:8.2f} s CPU")
    return found


def compared(lake: Path, question: str) -> dict[str, Any]:
    """One question asked of both sides."""
    curated, raw = (measured(side, lake, question) for side in (CURATED, RAW))
    return {
        CURATED: curated,
        RAW: raw,
        "times_fewer_bytes": round(raw["bytes"] / curated["bytes"], 1),
        "times_less_cpu": round(raw["cpu_seconds"] / curated["cpu_seconds"], 1),
        "same_answer": raw["answer"] == curated["answer"],
    }


@click.command(help=__doc__.partition("\n")[0])
@click.option("--documents", type=click.IntRange(1), default=200_000, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@click.option(
    "--answer", "asked", type=(str, click.Path(path_type=Path), str), hidden=True, default=None
)
@json_option
@keep_option
def main(
    documents: int,
    workers: int,
    asked: tuple[str, Path, str] | None,
    json_file: Path | None,
    keep: Path | None,
) -> None:
    if asked is not None:
        click.echo(json.dumps(answer(*asked)))
        return
    with builds(None) as (build,), work_folder(keep) as folder:
        corpus, lake = folder / "documents", folder / "lake"
        written = write_documents(corpus, Corpus(documents), workers=workers)
        if not lake.exists():
            say("flattening")
            lake.mkdir()
            ours.prepare(build, corpus, lake)
            build.run(ours.command(build, lake, workers))
        cards = {question: compared(lake, question) for question in QUESTIONS}
        everything = compared(lake, ALL_COLUMNS)
    ratio = sum(each[RAW]["bytes"] for each in cards.values()) / sum(
        each[CURATED]["bytes"] for each in cards.values()
    )
    result = {
        "machine": machine_facts(),
        "documents": documents,
        "bytes_of_documents": written,
        "cards": cards,
        ALL_COLUMNS: everything,
        "goals": [
            {
                "goal": f"the three cards together: at least {LEAST} times fewer bytes",
                "found": round(ratio, 1),
                "holds": ratio >= LEAST,
            }
        ],
    }
    print_result(result, json_file)
    if different := [name for name, each in cards.items() if not each["same_answer"]]:
        raise click.ClickException(f"other answers from the documents: {', '.join(different)}")


if __name__ == "__main__":
    main()
