"""Prints the report of a nightly run: its balance sheets, and what a person has to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cci_lite.nightly.run_report import DayReport, RunReport

_COLUMNS = (
    *("tenant_id", "call_date", "status", "read"),
    *("sources", "calls", "superseded", "quarantined", "discarded", "erased"),
)


def print_report(
    report: RunReport, output: str = "table", profile: Sequence[tuple[Any, ...]] = ()
) -> None:
    """The balance sheets of a run, one row per tenant and day that it touched, and its messages.

    Then, if it was measured, where the time went.
    """
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.cli.run_profile import PROFILE_COLUMNS

    rows = [_day_row(day) for day in report.days]
    if output == "json":
        measured = {"profile": records(PROFILE_COLUMNS, profile)} if profile else {}
        print_json(
            {
                "etl_run_id": report.etl_run_id,
                "succeeded": report.succeeded,
                "days": records(_COLUMNS, rows),
                "busy": report.busy,
                "failed": report.failed,
                "quarantined": report.quarantined,
                "of_no_tenant": report.of_no_tenant,
                **measured,
            }
        )
    elif rows:
        print_rows(_COLUMNS, rows, title=f"run {report.etl_run_id}")
    elif not (report.busy or report.failed):
        say("nothing to do")
    if profile and output != "json":
        print_rows(PROFILE_COLUMNS, profile, title="where the time went")
    for line in _messages(report):
        say(line)


def failure_lines(failed: Mapping[str, str]) -> Iterator[str]:
    """One line for each tenant that failed, with the reason."""
    yield from (f"{tenant_id} failed: {reason}" for tenant_id, reason in failed.items())


def _day_row(day: DayReport) -> tuple[Any, ...]:
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
    return (day.tenant_id, day.call_date.isoformat(), day.status, day.documents_read, *counts)


def _messages(report: RunReport) -> Iterator[str]:
    from cci_lite.reports.numbers import counted

    for day in report.days:
        if day.reason:
            yield f"{day.tenant_id} {day.call_date} {day.status}: {day.reason}"
    for day in report.days:
        if day.lost:
            yield (
                f"{day.tenant_id} {day.call_date}: published without the rows of "
                f"{counted(day.lost, 'document')} that expired"
            )
    if left := sum(day.left for day in report.days):
        yield f"{counted(left, 'document')} left quarantine: deleted at the source"
    yield from failure_lines(report.failed)
    for tenant_id in report.busy:
        yield f"{tenant_id}: another run is in progress; wait for it to end and run again"
    if report.of_no_tenant:
        yield (
            f"unified/: {report.of_no_tenant:,} files, links or folders of no tenant; "
            "they are not read: move them away"
        )
    if quarantined := sum(day.balance.quarantined for day in report.days if day.balance):
        yield (
            f"{counted(quarantined, 'document')} of these days in quarantine; "
            "see: cci-lite quarantine list"
        )
