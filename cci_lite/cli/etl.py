"""`cci-lite etl`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cci_lite.cli.options import examples, lake_option, output_option, tenant_option

_QUARANTINE_CURE = "see: cci-lite quarantine list, then mend and replay, or discard them"

if TYPE_CHECKING:
    from cci_lite.nightly.run_report import Progress, RunReport

_SINCE = click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Leave days before this one alone.",
)
_REBUILD = click.option(
    "--rebuild",
    is_flag=True,
    help="Build days anew from their documents even when nothing changed, such as when a file of "
    "the tables is gone.",
)


@click.group("etl")
def command() -> None:
    """Flatten unified documents into the curated tables."""


@command.command(epilog=examples("cci-lite etl plan --lake lake"))
@lake_option
@tenant_option(required=False)
@_SINCE
@_REBUILD
@output_option("table", "json")
def plan(
    lake: Path, tenant_id: str | None, since: dt.datetime | None, rebuild: bool, output: str
) -> None:
    """What a run would do. Reads listings only, changes nothing. Exits 1 when one is not to be had."""
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.laptop import open_lake
    from cci_lite.nightly.lake import each_tenant
    from cci_lite.nightly.planning import RunOptions, plan_tenant

    opened = open_lake(lake)
    options = RunOptions(since=since.date() if since else None, rebuild=rebuild)
    columns = (
        "tenant_id", "call_date", "new", "changed", "unchanged", "expired", "left", "rebuild",
    )  # fmt: skip
    usable, broken = opened.usable_tenants(tenant_id)
    plans, failed = each_tenant(
        usable, lambda each: list(plan_tenant(opened.nightly(), each, options))
    )
    failed = broken | failed
    days = [day for plan in plans.values() for day in plan]
    rows = [
        (
            day.tenant_id,
            day.call_date.isoformat(),
            len(day.new),
            len(day.changed),
            day.unchanged,
            day.gone,
            len(day.left),
            day.rebuild,
        )
        for day in days
        if not day.unlisted
    ]
    unlisted = [day for day in days if day.unlisted]
    if output == "json":
        print_json(records(columns, rows))
    elif rows:
        print_rows(columns, rows)
    elif not (failed or unlisted):
        say("nothing to do")
    for day in unlisted:
        say(f"{day.tenant_id} {day.call_date}: {day.unlisted}")
    _say_failed(failed)
    if failed or unlisted:
        raise click.exceptions.Exit(1)


@command.command(
    epilog=examples(
        "cci-lite etl run --lake lake",
        "cci-lite etl run --tenant demo-tenant --since 2025-11-05 --lake lake",
        "cci-lite etl run --rebuild --tenant demo-tenant --lake lake",
    )
)
@lake_option
@tenant_option(required=False)
@_SINCE
@_REBUILD
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Processes; by default one per processor."
)
@click.option(
    "--grace-hours",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    help="Keep replaced files so long for queries that still read them.",
)
@click.option(
    "--allow-shrink", is_flag=True, help="Publish days that lose calls to broken documents."
)
@click.option(
    "--strict",
    is_flag=True,
    help="Fail while any document of these tenants is in quarantine, of whichever day.",
)
@output_option("table", "json")
def run(
    lake: Path,
    tenant_id: str | None,
    since: dt.datetime | None,
    rebuild: bool,
    workers: int | None,
    grace_hours: float,
    allow_shrink: bool,
    strict: bool,
    output: str,
) -> None:
    """Bring the curated tables up to date. Safe to repeat, to kill, and to start twice.

    A day that was built with other columns than the tables have today is built anew from its
    documents; rows of documents that are gone stay, without a value there.
    """
    from cci_lite.cli.output import progress
    from cci_lite.laptop import open_lake
    from cci_lite.nightly.planning import RunOptions

    options = RunOptions(
        since=since.date() if since else None,
        grace=dt.timedelta(hours=grace_hours),
        allow_shrink=allow_shrink,
        rebuild=rebuild,
    )
    with progress("documents", None) as bar:

        def observe(step: Progress) -> None:
            if step.step == "switched":
                bar.advance(step.documents)

        report = open_lake(lake).run_etl(
            tenant_id, options=options, workers=workers, observe=observe
        )
    print_report(report, output)
    if not report.succeeded or (strict and _not_strict(report.quarantined)):
        raise click.exceptions.Exit(1)


@command.command(epilog=examples("cci-lite etl verify --lake lake"))
@lake_option
@tenant_option(required=False)
@click.option("--strict", is_flag=True, help="Fail while any document is in quarantine.")
@output_option("table", "json")
def verify(lake: Path, tenant_id: str | None, strict: bool, output: str) -> None:
    """Prove the curated tables from their files: keys, balance sheets, scores. Exits 1 when one fails."""
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.laptop import open_lake
    from cci_lite.nightly.lake import each_tenant
    from cci_lite.nightly.verify import verify_tenant

    opened = open_lake(lake)
    done, failed = each_tenant(
        opened.tenants(tenant_id), lambda each: verify_tenant(opened.nightly(), each)
    )
    proofs = list(done.values())
    columns = ("tenant_id", "call_date", "claim", "found")
    rows = [
        (
            finding.tenant_id,
            finding.call_date.isoformat() if finding.call_date else None,
            finding.claim,
            finding.found,
        )
        for proof in proofs
        for finding in proof.findings
    ]
    if output == "json":
        print_json(records(columns, rows))
    elif rows:
        print_rows(columns, rows)
    for proof in proofs:
        held = "all claims hold" if proof.days else "nothing is published, so nothing was proved"
        what = f"{len(proof.findings)} claims do not hold" if proof.findings else held
        waiting = f"; {proof.waiting:,} documents wait for a run" if proof.waiting else ""
        kept = f"; {proof.quarantined:,} documents are in quarantine" if proof.quarantined else ""
        say(f"{proof.tenant_id}: {proof.days:,} days, {proof.calls:,} calls: {what}{waiting}{kept}")
    _say_failed(failed)
    quarantined = {proof.tenant_id: proof.quarantined for proof in proofs if proof.quarantined}
    if rows or failed or (strict and _not_strict(quarantined)):
        raise click.exceptions.Exit(1)


@command.command(epilog=examples("cci-lite etl repair --lake lake"))
@lake_option
@tenant_option(required=False)
@output_option("table", "json")
def repair(lake: Path, tenant_id: str | None, output: str) -> None:
    """Bring back a catalogue that is gone, from what lies in the lake. Changes no data.

    What is published is read off the newest complete files of each day; tenants and forms lie
    beside the data and need no repair. Exits 1 when something could not be brought back, such as
    which documents were discarded. Safe to repeat.
    """
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.laptop import open_to_repair
    from cci_lite.nightly.repair import RepairStatus

    report = open_to_repair(lake).repair(tenant_id)
    columns = ("tenant_id", "call_date", "status", "calls", "generation")
    rows = [
        (day.tenant_id, day.call_date.isoformat(), day.status.value, day.calls, day.generation)
        for day in report.days
    ]
    if output == "json":
        print_json(
            {
                "days": [
                    {**row, "note": day.note, "discarded": day.discarded}
                    for row, day in zip(records(columns, rows), report.days, strict=True)
                ],
                "without_settings": report.without_settings,
                "busy": report.busy,
                "failed": report.failed,
                "succeeded": report.succeeded,
            }
        )
    elif rows:
        print_rows(columns, rows)
    for day in report.days:
        if day.note:
            what = "not brought back" if day.status is RepairStatus.RESTORED else day.status.value
            say(f"{day.tenant_id} {day.call_date} {what}: {day.note}")
    for each, count in report.discarded.items():
        say(
            f"{each}: {count:,} discarded documents come back to quarantine with the next run; "
            f"after it, discard them again: cci-lite quarantine list --tenant {each}, then "
            "cci-lite quarantine discard"
        )
    for each in report.without_settings:
        say(
            f"{each}: its settings are gone or cannot be read: put them back from a backup "
            f"(cci-lite restore), or give all that it had: cci-lite tenants add {each}, cci-lite "
            "forms put"
        )
    _say_failed(report.failed)
    for each in report.busy:
        say(f"{each}: a run is at work; wait for it to end and repair again")
    if report.succeeded:
        say(f"the catalogue of {lake} is whole; prove it with: cci-lite etl verify")
    else:
        raise click.exceptions.Exit(1)


def _say_failed(failed: Mapping[str, str]) -> None:
    from cci_lite.cli.output import say

    for tenant_id, reason in failed.items():
        say(f"{tenant_id} failed: {reason}")


def _not_strict(quarantined: Mapping[str, int]) -> bool:
    """Say what `--strict` does not let through, if there is something."""
    from cci_lite.cli.output import say

    for tenant_id, count in quarantined.items():
        say(f"{tenant_id}: {count:,} documents are in quarantine; {_QUARANTINE_CURE}")
    return bool(quarantined)


def print_report(report: RunReport, output: str = "table") -> None:
    """The balance sheet of a run: one row per tenant and day that it touched."""
    from cci_lite.cli.output import print_json, print_rows, records, say

    columns = (
        "tenant_id", "call_date", "status", "read",
        "sources", "calls", "superseded", "quarantined", "discarded", "erased",
    )  # fmt: skip
    rows = []
    for day in report.days:
        sheet = day.balance
        counts = (
            (
                sheet.sources,
                sheet.calls,
                sheet.superseded,
                sheet.quarantined,
                sheet.discarded,
                sheet.erased,
            )
            if sheet
            else (None,) * 6
        )
        rows.append(
            (day.tenant_id, day.call_date.isoformat(), day.status, day.documents_read, *counts)
        )
    if output == "json":
        print_json(
            {
                "etl_run_id": report.etl_run_id,
                "succeeded": report.succeeded,
                "days": records(columns, rows),
                "busy": report.busy,
                "failed": report.failed,
                "quarantined": report.quarantined,
                "of_no_tenant": report.of_no_tenant,
            }
        )
    elif rows:
        print_rows(columns, rows, title=f"run {report.etl_run_id}")
    elif not (report.busy or report.failed):
        say("nothing to do")
    for day in report.days:
        if day.reason:
            say(f"{day.tenant_id} {day.call_date} {day.status}: {day.reason}")
    if left := sum(day.left for day in report.days):
        say(f"{left:,} documents left quarantine: they are gone at their source")
    _say_failed(report.failed)
    for tenant_id in report.busy:
        say(f"{tenant_id}: another run is at work; wait for it to end and run again")
    if report.of_no_tenant:
        say(
            f"unified/: {report.of_no_tenant:,} files, links or folders that are no tenant's; "
            "nobody reads them: move them away"
        )
    quarantined = sum(day.balance.quarantined for day in report.days if day.balance)
    if quarantined:
        say(
            f"{quarantined:,} documents of these days are in quarantine; see: cci-lite quarantine list"
        )
