"""`cci-lite quarantine`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from cci_lite.cli.options import examples, lake_option, output_option, tenant_option


@click.group("quarantine")
def command() -> None:
    """Documents that break the contract: what is wrong, and how they come back in."""


@command.command(
    "list", epilog=examples("cci-lite quarantine list --tenant demo-tenant --lake lake")
)
@tenant_option(required=False)
@lake_option
@output_option("table", "json")
def list_all(tenant_id: str | None, lake: Path, output: str) -> None:
    """Each quarantined document: where in it, what was expected, what was found."""
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.laptop import open_lake
    from cci_lite.nightly.quarantine import list_quarantined

    opened = open_lake(lake)
    columns = ("tenant_id", "source_key", "json_path", "expected", "found", "copy")
    rows = [
        (
            each,
            document.source_key,
            document.json_path,
            document.expected,
            document.found,
            document.quarantine_key,
        )
        for each in opened.tenants(tenant_id)
        for document in list_quarantined(opened.nightly(), each)
    ]
    if output == "json":
        print_json(records(columns, rows))
        return
    if rows:
        print_rows(columns, rows)
        say("mend a copy (or the document itself), then: cci-lite quarantine replay")
    else:
        say("nothing is in quarantine")


@command.command(
    epilog=examples(
        "cci-lite quarantine replay --tenant demo-tenant --lake lake",
        "cci-lite quarantine replay unified/demo-tenant/2025/11/05/cci_1.json --tenant demo-tenant --lake lake",
    )
)
@click.argument("keys", nargs=-1)
@tenant_option()
@lake_option
def replay(keys: Sequence[str], tenant_id: str, lake: Path) -> None:
    """Bring mended documents back in: the given ones, or all that hold to the contract now."""
    from cci_lite.cli.etl import print_report
    from cci_lite.cli.output import say
    from cci_lite.laptop import open_lake
    from cci_lite.nightly.planning import RunOptions

    options = RunOptions(replay=frozenset(keys))
    report = open_lake(lake).run_etl(tenant_id, options=options)
    still = [document for document in report.replayed if document.problem is not None]
    for document in still:
        say(f"  {document.source_key}: {document.problem}")
    mended = len(report.replayed) - len(still)
    print_report(report)
    say(f"{mended:,} mended, {len(still):,} still in quarantine")
    if not report.succeeded or (still and (keys or not mended)):
        raise click.exceptions.Exit(1)
