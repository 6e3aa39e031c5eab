"""`cci-lite quarantine`: list, replay and discard documents that break the contract."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cci_lite.cli.options import any_lake_option, examples, output_option, tenant_option
from cci_lite.reports.numbers import counted

if TYPE_CHECKING:
    from cci_lite.operations import Operations
    from cci_lite.settings import BucketLake


@click.group("quarantine")
def command() -> None:
    """Documents that break the contract: list, replay or discard them."""


@command.command(
    "list", epilog=examples("cci-lite quarantine list --tenant demo-tenant --lake lake")
)
@tenant_option(required=False)
@any_lake_option
@output_option("table", "json")
def list_documents(tenant_id: str | None, lake: Path | BucketLake, output: str) -> None:
    """Each quarantined document: the JSON path, what was expected, what was found."""
    from cci_lite.cli.lakes import open_any_lake
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.nightly.quarantine import list_quarantined

    opened = open_any_lake(lake)
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
        say("correct a copy (or the document itself), then: cci-lite quarantine replay")
        say("to remove what is no call: cci-lite quarantine discard")
    else:
        say("nothing is in quarantine")


@command.command(
    epilog=examples(
        "cci-lite quarantine replay --tenant demo-tenant --lake lake",
        "cci-lite quarantine replay unified/demo-tenant/2025/11/05/cci_1.json --tenant demo-tenant --lake lake",
    )
)
@click.argument("paths", nargs=-1)
@tenant_option()
@any_lake_option
def replay(paths: Sequence[str], tenant_id: str, lake: Path | BucketLake) -> None:
    """Replay corrected documents: the given ones, or all that meet the contract now.

    PATHS are as `quarantine list` prints them, of the document or of its copy.
    """
    from cci_lite.cli.lakes import open_any_lake
    from cci_lite.cli.output import say
    from cci_lite.cli.run_reports import print_report
    from cci_lite.nightly.planning import RunOptions

    opened = open_any_lake(lake)
    keys = _keys_of(opened, tenant_id, paths)
    report = opened.run_etl(tenant_id, options=RunOptions(replay=keys))
    still = [document for document in report.replayed if document.problem is not None]
    for document in still:
        say(f"  {document.source_key}: {document.problem}")
    corrected = len(report.replayed) - len(still)
    print_report(report)
    say(f"{corrected:,} corrected, {len(still):,} still in quarantine")
    # Without paths, what is not corrected yet is expected; it fails only when nothing was corrected.
    if not report.succeeded or (still and (keys or not corrected)):
        raise click.exceptions.Exit(1)


@command.command(
    epilog=examples(
        "cci-lite quarantine discard unified/demo-tenant/notes.txt --tenant demo-tenant --lake lake",
        "cci-lite quarantine discard --all --yes --tenant demo-tenant --lake lake",
    )
)
@click.argument("paths", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of the tenant's quarantine.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@tenant_option()
@any_lake_option
def discard(
    paths: Sequence[str], everything: bool, yes: bool, tenant_id: str, lake: Path | BucketLake
) -> None:
    """Take documents out of quarantine permanently, and delete their copies there.

    PATHS are as `quarantine list` prints them. The documents themselves stay where they are, and the
    balance sheet counts them as discarded. A document that is written again is read again.
    """
    from cci_lite.cli.lakes import open_any_lake
    from cci_lite.cli.output import say
    from cci_lite.cli.run_reports import print_report
    from cci_lite.errors import UsageError
    from cci_lite.nightly.planning import RunOptions

    if bool(paths) == everything:
        raise UsageError("expected the paths of quarantined documents, or --all")
    opened = open_any_lake(lake)
    keys = _keys_of(opened, tenant_id, paths)
    count = len(keys or _quarantined(opened, tenant_id))
    if not count:
        say("nothing is in quarantine")
        return
    if not yes:
        click.confirm(
            f"discard {counted(count, 'document')} of {tenant_id} and delete the copies?",
            abort=True,
            err=True,
        )
    report = opened.run_etl(tenant_id, options=RunOptions(discard=keys))
    print_report(report)
    if not report.succeeded:
        raise click.exceptions.Exit(1)
    say(f"{count:,} discarded")


def _quarantined(lake: Operations, tenant_id: str) -> Collection[str]:
    from cci_lite.deploy.tenants import get_tenant
    from cci_lite.ports import SourceOutcome

    get_tenant(lake.settings, tenant_id)
    return lake.catalog.records(tenant_id, SourceOutcome.QUARANTINED).keys()


def _keys_of(lake: Operations, tenant_id: str, paths: Sequence[str]) -> frozenset[str]:
    """The documents of these paths, spelled as `list` prints them; raises NotFoundError."""
    from cci_lite.cli.output import as_text
    from cci_lite.errors import NotFoundError, UsageError
    from cci_lite.tenancy import quarantine_key

    named: dict[str, set[str]] = {}
    for key in _quarantined(lake, tenant_id):
        for path in {key, quarantine_key(tenant_id, key)}:
            # `list` prints hidden characters escaped; a path copied from it must be found too.
            for shown in {path, as_text(path)}:
                named.setdefault(shown, set()).add(key)
    keys = set()
    for path in paths:
        found = named.get(path) or named.get(path.removeprefix(f"{lake.place}/")) or set()
        if not found:
            raise NotFoundError(
                f"tenant {tenant_id}: {as_text(path)} is not in quarantine; "
                "see: cci-lite quarantine list"
            )
        if len(found) > 1:
            raise UsageError(
                f"tenant {tenant_id}: {as_text(path)} stands for {len(found)} documents; "
                "rename one of them"
            )
        keys |= found
    return frozenset(keys)
