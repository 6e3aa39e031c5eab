"""What judging calls costs: one process of `cci-lite calls analyze` over many transcripts.

    python benchmarks/analyze.py --before v0.1.0           up to 1,000 calls of the sample world
    python benchmarks/analyze.py --calls ../shared/data/calls   real ones, judged by the form `star`

Each run judges all of them into a new lake; all builds must write the same documents. Prints one
JSON document; progress goes to stderr.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click
import msgspec

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.builds import Build, builds  # noqa: E402
from benchmarks.documents import TENANT_ID  # noqa: E402
from benchmarks.machine import machine_facts  # noqa: E402
from benchmarks.measure import Usage  # noqa: E402
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
from cci_lite.contract.form import FormFile  # noqa: E402
from cci_lite.demo import sample_world  # noqa: E402

JOB = "analyze"


@dataclass(frozen=True)
class Calls:
    """Transcripts and metadata as lines of one file each, and the form that judges them."""

    transcripts: Path
    metadata: Path
    form: Path
    form_name: str
    count: int


def real_calls(source: Path, folder: Path, most: int) -> Calls:
    """Calls of a folder with `dev_transcripts.jsonl.gz` and `dev_calls.csv`, as one tenant's."""
    with gzip.open(source / "dev_transcripts.jsonl.gz", "rb") as lines:
        transcripts = [line.rstrip() for line in islice(lines, most)]
    with (source / "dev_calls.csv").open(newline="", encoding="utf-8") as rows:
        metadata = [*islice(csv.DictReader(rows), most)]
    form = CHECKOUT / "examples" / "forms" / "star.yaml"
    return _written(folder, transcripts, metadata, form, "star")


def sample_calls(folder: Path, most: int) -> Calls:
    """Calls of the sample world's largest company, all judged by the first of its forms."""
    world = sample_world()
    company = world.companies[0]
    spoken = (
        call
        for call in world.deliveries[0].calls
        if call.plan.company is company and call.analysis is None
    )
    calls = [*islice(spoken, most)]
    metadata = [
        {"job_name": call.job_name, **msgspec.to_builtins(call.plan.metadata)} for call in calls
    ]
    form = company.forms[0].form
    file = folder / "form.json"
    file.write_bytes(
        msgspec.json.encode(FormFile(name=form.name, criteria=form.criteria, scoring=form.scoring))
    )
    return _written(folder, [call.data for call in calls], metadata, file, form.name)


def _written(
    folder: Path,
    transcripts: Sequence[bytes],
    metadata: Sequence[Mapping[str, Any]],
    form: Path,
    form_name: str,
) -> Calls:
    calls, rows, lines = folder / "calls.jsonl", folder / "metadata.jsonl", []
    calls.write_bytes(b"".join(line + b"\n" for line in transcripts))
    for row in metadata:
        # All calls become those of one tenant, so that one command judges them.
        recording = f"{TENANT_ID}/{row['recording_key'].partition('/')[2]}"
        lines.append(json.dumps({**row, "tenant_id": TENANT_ID, "recording_key": recording}))
    rows.write_text("\n".join(lines))
    return Calls(calls, rows, form, form_name, len(transcripts))


def judge(build: Build, calls: Calls, lake: Path) -> tuple[Usage, str]:
    """What one run took, and a digest of the documents that it wrote, in a lake made anew."""
    shutil.rmtree(lake, ignore_errors=True)
    build.run(build.command("tenants", "add", TENANT_ID, "--agent-channel", "ch_0", "--lake", lake))
    build.run(build.command("forms", "put", calls.form, "--tenant", TENANT_ID, "--lake", lake))
    command = build.command(
        *("calls", "analyze", calls.transcripts, "--metadata", calls.metadata),
        *("--tenant", TENANT_ID, "--form", calls.form_name, "--lake", lake),
    )
    usage = build.measure(command, lake.with_suffix(".log"))
    documents = sorted(lake.glob("unified/**/*.json"))
    if len(documents) != calls.count:
        raise click.ClickException(f"{calls.count} transcripts, {len(documents)} documents")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in documents)).hexdigest()
    return usage, digest


@click.command(help=__doc__.partition("\n")[0])
@click.option("--transcripts", type=click.IntRange(1), default=1_000, show_default=True)
@click.option(
    "--calls",
    "source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Judge the calls of this folder instead of the sample world's.",
)
@repeat_option
@before_option
@json_option
def main(
    transcripts: int,
    source: Path | None,
    repeat: int,
    before: str | None,
    json_file: Path | None,
) -> None:
    machine = machine_facts()
    runs: Runs = {}
    digests = set()
    with builds(before) as measured, work_folder() as folder:
        if source is not None:
            calls = real_calls(source, folder, transcripts)
        else:
            say("making the sample world")
            calls = sample_calls(folder, transcripts)
        for _ in range(repeat):
            for build in measured:
                usage, digest = judge(build, calls, folder / f"lake-{build.name}")
                keep_runs(runs, JOB, build.name, usage)
                digests.add(digest)
    print_result(
        {
            "machine": machine,
            "before": before,
            "transcripts": calls.count,
            "source": "real" if source is not None else "sample",
            "rounds": repeat,
            "same_documents": len(digests) == 1,
            JOB: figures(runs[JOB]),
        },
        json_file,
    )
    if len(digests) > 1:
        raise click.ClickException("not every build wrote the same documents")


if __name__ == "__main__":
    main()
