"""`cci-lite etl repair` and `etl rebuild`: mend what `etl verify` names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cci_lite.cli.options import any_lake_option, examples, output_option, tenant_option

if TYPE_CHECKING:
    from cci_lite.nightly.repair import RepairReport
    from cci_lite.nightly.run_report import Progress
    from cci_lite.settings import BucketLake

_REPAIR_COLUMNS = ("tenant_id", "call_date", "status", "calls", "generation")
_DATE = click.DateTime(["%Y-%m-%d"])


@click.command(
    epilog=examples(
        "cci-lite etl repair --lake lake",
        "cci-lite etl repair --tenant demo-tenant --lake lake",
    )
)
@any_lake_option
@tenant_option(required=False)
@click.option(
    "--grace-hours",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    help="Remove files of no generation once they are older than this.",
)
@output_option("table", "json")
def repair(lake: Path | BucketLake, tenant_id: str | None, grace_hours: float, output: str) -> None:
    """Bring the catalogue, manifests and engines' partitions in line with the lake's files.

    What was published is published again, as its manifests say; files of no generation are removed.
    The tables' own files stay as they are: see etl rebuild. Exits 1 when something is not in order
    afterwards. Safe to repeat.
    """
    from cci_lite.cli.lakes import open_any_lake
    from cci_lite.cli.output import print_json, print_rows, records, say

    grace = dt.timedelta(hours=grace_hours)
    report = open_any_lake(lake, to_repair=True).repair(tenant_id, grace=grace)
    rows = [
        (day.tenant_id, day.call_date.isoformat(), day.status.value, day.calls, day.generation)
        for day in report.days
    ]
    if output == "json":
        print_json(_repair_as_json(report, records(_REPAIR_COLUMNS, rows)))
    elif rows:
        print_rows(_REPAIR_COLUMNS, rows)
    for line in _repair_messages(report):
        say(line)
    if not report.succeeded:
        raise click.exceptions.Exit(1)
    say(f"the catalogue of {lake} is complete; verify it with: cci-lite etl verify")


@click.command(
    epilog=examples(
        "cci-lite etl rebuild --tenant demo-tenant --lake lake",
        "cci-lite etl rebuild --tenant demo-tenant --day 2025-11-05 --lake lake",
    )
)
@any_lake_option
@tenant_option(required=True)
@click.option("--day", type=_DATE, metavar="DATE", help="This day only.")
@click.option("--since", type=_DATE, metavar="DATE", help="This day and later ones only.")
@click.option("--until", type=_DATE, metavar="DATE", help="This day and earlier ones only.")
@click.option(
    "--allow-loss",
    is_flag=True,
    help="Publish days without the rows that nothing brings back, and without calls whose documents "
    "break the contract now.",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Processes; by default one per processor."
)
@output_option("table", "json")
def rebuild(
    lake: Path | BucketLake,
    tenant_id: str,
    day: dt.datetime | None,
    since: dt.datetime | None,
    until: dt.datetime | None,
    allow_loss: bool,
    workers: int | None,
    output: str,
) -> None:
    """Put back the days of which files are gone or damaged; other days stay as they are.

    From their documents; rows of documents that have expired from what is left of this and of
    earlier generations. A day that would lose rows stays as it is, and the number is said, unless
    --allow-loss. The catalogue is repaired first. Safe to repeat.
    """
    from cci_lite.cli.lakes import open_any_lake
    from cci_lite.cli.output import print_json, progress, say
    from cci_lite.cli.run_reports import print_report

    if day and (since or until):
        raise click.UsageError("--day: expected no --since and no --until beside it.")
    with progress("documents", None) as bar:

        def observe(step: Progress) -> None:
            if step.step == "switched":
                bar.advance(step.documents)

        report = open_any_lake(lake, to_repair=True).rebuild(
            tenant_id,
            since=_date(day or since),
            until=_date(day or until),
            allow_loss=allow_loss,
            workers=workers,
            observe=observe,
        )
    if report.run is not None:
        print_report(report.run, output)
    elif output == "json":
        print_json({"days": [], "succeeded": report.succeeded})
    for line in report.notes:
        say(line)
    if report.run is None and report.succeeded:
        say("nothing to rebuild: every file is as it was published")
    for line in _unrepaired(report.repair):
        say(line)
    if not report.succeeded:
        raise click.exceptions.Exit(1)


def _date(moment: dt.datetime | None) -> dt.date | None:
    return moment.date() if moment else None


def _repair_as_json(report: RepairReport, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "days": [
            {**row, "note": day.note, "discarded": day.discarded}
            for row, day in zip(rows, report.days, strict=True)
        ],
        "partitions": sum(tenant.partitions for tenant in report.tenants.values()),
        "removed": sum(tenant.removed for tenant in report.tenants.values()),
        "kept": sum(tenant.kept for tenant in report.tenants.values()),
        "without_settings": report.without_settings,
        "busy": report.busy,
        "failed": report.failed,
        "succeeded": report.succeeded,
    }


def _repair_messages(report: RepairReport) -> Iterator[str]:
    from cci_lite.reports.numbers import counted

    for day in report.days:
        if day.note:
            yield f"{day.tenant_id} {day.call_date} {day.status.value}: {day.note}"
    for tenant_id, tenant in report.tenants.items():
        if tenant.partitions:
            yield (
                f"{tenant_id}: {counted(tenant.partitions, 'difference')} of query engines' tables "
                "mended"
            )
        if tenant.removed:
            yield f"{tenant_id}: {counted(tenant.removed, 'file')} of no generation removed"
        if tenant.kept:
            yield (
                f"{tenant_id}: {counted(tenant.kept, 'file')} of no generation kept: younger than "
                "the grace period (--grace-hours), or of a day that is not published"
            )
    for tenant_id, count in report.discarded.items():
        yield (
            f"{tenant_id}: the next run puts {counted(count, 'discarded document')} back into "
            f"quarantine; then discard again: cci-lite quarantine list --tenant {tenant_id}, "
            "cci-lite quarantine discard"
        )
    for tenant_id in report.without_settings:
        yield (
            f"{tenant_id}: its settings are missing or cannot be read: put them back from a backup "
            f"(cci-lite restore), or enter them again: cci-lite tenants add {tenant_id}, cci-lite "
            "forms put"
        )
    yield from _unrepaired(report)


def _unrepaired(report: RepairReport) -> Iterator[str]:
    from cci_lite.cli.run_reports import failure_lines

    yield from failure_lines(report.failed)
    for tenant_id in report.busy:
        yield f"{tenant_id}: a run is in progress; wait for it to end and repair again"
