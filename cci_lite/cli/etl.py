"""`cci-lite etl`: plan, run and verify the nightly flattening; see also `repairs`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cci_lite.cli.crawler import command as crawler
from cci_lite.cli.options import any_lake_option, examples, output_option, tenant_option
from cci_lite.cli.repairs import rebuild as rebuild_command
from cci_lite.cli.repairs import repair as repair_command

_QUARANTINE_CURE = "see: cci-lite quarantine list, then correct and replay, or discard"

if TYPE_CHECKING:
    from cci_lite.flatten.plan import DayPlan
    from cci_lite.nightly.run_report import Progress
    from cci_lite.nightly.verify import Finding, Verification
    from cci_lite.operations import Engine
    from cci_lite.settings import BucketLake

_PLAN_COLUMNS = (
    *("tenant_id", "call_date", "new", "changed", "unchanged", "expired", "left"),
    "rebuild",
)
_FINDING_COLUMNS = ("tenant_id", "call_date", "claim", "found", "run")
_SINCE = click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="List this day and later ones only; earlier days stay as they are.",
)
_REBUILD = click.option(
    "--rebuild",
    is_flag=True,
    help="Rebuild days from their documents even when nothing changed, such as when a file of the "
    "tables is gone.",
)


@click.group("etl")
def command() -> None:
    """Flatten unified documents into the curated tables."""


command.add_command(rebuild_command)
command.add_command(repair_command)
command.add_command(crawler)


@command.command(epilog=examples("cci-lite etl plan --lake lake"))
@any_lake_option
@tenant_option(required=False)
@_SINCE
@_REBUILD
@output_option("table", "json")
def plan(
    lake: Path | BucketLake,
    tenant_id: str | None,
    since: dt.datetime | None,
    rebuild: bool,
    output: str,
) -> None:
    """What a run would do. Reads listings only, changes nothing. Exits 1 when a listing fails."""
    from cci_lite.cli.lakes import open_any_lake
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.cli.run_reports import failure_lines
    from cci_lite.nightly.lake import each_tenant
    from cci_lite.nightly.planning import RunOptions, plan_tenant

    opened = open_any_lake(lake)
    options = RunOptions(since=since.date() if since else None, rebuild=rebuild)
    usable, broken = opened.usable_tenants(tenant_id)
    plans, failed = each_tenant(
        usable, lambda each: list(plan_tenant(opened.nightly(), each, options))
    )
    failed = broken | failed
    days = [day for plan in plans.values() for day in plan]
    unlisted = [day for day in days if day.unlisted]
    rows = [_plan_row(day) for day in days if not day.unlisted]
    if output == "json":
        print_json(records(_PLAN_COLUMNS, rows))
    elif rows:
        print_rows(_PLAN_COLUMNS, rows)
    elif not (failed or unlisted):
        say("nothing to do")
    for day in unlisted:
        say(f"{day.tenant_id} {day.call_date}: {day.unlisted}")
    for line in failure_lines(failed):
        say(line)
    if failed or unlisted:
        raise click.exceptions.Exit(1)


def _plan_row(day: DayPlan) -> tuple[Any, ...]:
    return (
        day.tenant_id,
        day.call_date.isoformat(),
        len(day.new),
        len(day.changed),
        day.unchanged,
        day.gone,
        len(day.left),
        day.rebuild,
    )


@command.command(
    epilog=examples(
        "cci-lite etl run --lake lake",
        "cci-lite etl run --tenant demo-tenant --since 2025-11-05 --lake lake",
        "cci-lite etl run --rebuild --tenant demo-tenant --lake lake",
        "cci-lite etl run --engine spark --lake lake",
    )
)
@any_lake_option
@tenant_option(required=False)
@_SINCE
@_REBUILD
@click.option(
    "--engine",
    type=click.Choice(["processes", "spark"]),
    default="processes",
    show_default=True,
    help="What flattens documents: processes of this machine, or tasks of Spark, also of a "
    "cluster that this program was submitted to.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Processes, or Spark's tasks at a time on this machine; by default one per processor.",
)
@click.option(
    "--grace-hours",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    help="How long to keep replaced files for queries that still read them.",
)
@click.option(
    "--allow-shrink", is_flag=True, help="Publish days that lose calls to broken documents."
)
@click.option(
    "--strict",
    is_flag=True,
    help="Fail while any document of these tenants is in quarantine, whatever its day.",
)
@click.option(
    "--profile",
    "profiled",
    is_flag=True,
    help="Print where the time went: wall and CPU seconds by part of the run.",
)
@output_option("table", "json")
def run(
    lake: Path | BucketLake,
    tenant_id: str | None,
    since: dt.datetime | None,
    rebuild: bool,
    engine: Engine,
    workers: int | None,
    grace_hours: float,
    allow_shrink: bool,
    strict: bool,
    profiled: bool,
    output: str,
) -> None:
    """Bring the curated tables up to date. Safe to repeat, to kill and to start twice.

    A day that was built with other columns than the tables have today is rebuilt from its
    documents; rows of documents that are gone stay, without a value there.
    """
    from cci_lite.cli.lakes import open_any_lake
    from cci_lite.cli.output import progress
    from cci_lite.cli.run_profile import profile_rows, times_now
    from cci_lite.cli.run_reports import print_report
    from cci_lite.nightly.planning import RunOptions
    from cci_lite.nightly.run import run_etl  # noqa: F401 (loaded here, it counts as start)

    begun = times_now()
    options = RunOptions(
        since=since.date() if since else None,
        grace=dt.timedelta(hours=grace_hours),
        allow_shrink=allow_shrink,
        rebuild=rebuild,
        profiled=profiled,
    )
    with progress("documents", None) as bar:

        def observe(step: Progress) -> None:
            if step.step == "switched":
                bar.advance(step.documents)

        report = open_any_lake(lake).run_etl(
            tenant_id, options=options, engine=engine, workers=workers, observe=observe
        )
    print_report(report, output, list(profile_rows(report.profile, begun)) if profiled else ())
    if not report.succeeded or (strict and _says_quarantined(report.quarantined)):
        raise click.exceptions.Exit(1)


@command.command(epilog=examples("cci-lite etl verify --lake lake"))
@any_lake_option
@tenant_option(required=False)
@click.option("--strict", is_flag=True, help="Fail while any document is in quarantine.")
@output_option("table", "json")
def verify(lake: Path | BucketLake, tenant_id: str | None, strict: bool, output: str) -> None:
    """Verify the curated tables: files, manifests, partitions, keys, balance sheets, scores.

    Names what does not hold, and the command that mends it. Reads every file, changes nothing.
    Exits 1 when one of these claims does not hold.
    """
    from cci_lite.cli.lakes import open_any_lake
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.cli.run_reports import failure_lines
    from cci_lite.nightly.lake import each_tenant
    from cci_lite.nightly.verify import verify_tenant

    opened = open_any_lake(lake)
    done, failed = each_tenant(
        opened.tenants(tenant_id), lambda each: verify_tenant(opened.nightly(), each)
    )
    proofs = list(done.values())
    rows = [_finding_row(finding) for proof in proofs for finding in proof.findings]
    if output == "json":
        print_json(records(_FINDING_COLUMNS, rows))
    elif rows:
        print_rows(_FINDING_COLUMNS, rows)
    for proof in proofs:
        say(_summary_of(proof))
    for line in failure_lines(failed):
        say(line)
    quarantined = {proof.tenant_id: proof.quarantined for proof in proofs if proof.quarantined}
    if rows or failed or (strict and _says_quarantined(quarantined)):
        raise click.exceptions.Exit(1)


def _finding_row(finding: Finding) -> tuple[str | None, ...]:
    day = finding.call_date.isoformat() if finding.call_date else None
    return (finding.tenant_id, day, finding.claim, finding.found, finding.run)


def _summary_of(proof: Verification) -> str:
    from cci_lite.reports.numbers import counted

    held = "all claims hold" if proof.days else "nothing is published, so nothing was verified"
    failing = len(proof.findings)
    broken = f"{counted(failing, 'claim')} {'does' if failing == 1 else 'do'} not hold"
    waiting = f"; {counted(proof.waiting, 'document')} not read yet" if proof.waiting else ""
    kept = f"; {counted(proof.quarantined, 'document')} in quarantine" if proof.quarantined else ""
    return (
        f"{proof.tenant_id}: {counted(proof.days, 'day')}, {counted(proof.calls, 'call')}: "
        f"{broken if failing else held}{waiting}{kept}"
    )


def _says_quarantined(quarantined: Mapping[str, int]) -> bool:
    """Say which tenants have documents in quarantine, for `--strict`; False when none has."""
    from cci_lite.cli.output import say
    from cci_lite.reports.numbers import counted

    for tenant_id, count in quarantined.items():
        say(f"{tenant_id}: {counted(count, 'document')} in quarantine; {_QUARANTINE_CURE}")
    return bool(quarantined)
