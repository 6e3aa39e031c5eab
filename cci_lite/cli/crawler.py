"""`cci-lite etl crawler`: run the guide's crawler, compare what it finds with the contract."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cci_lite.cli.options import any_lake_option, examples, output_option, tenant_option
from cci_lite.contract.crawled_table import CRAWLER, TABLE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cci_lite.contract.crawled_table import CrawledTable
    from cci_lite.nightly.drift import DriftFinding, Sample
    from cci_lite.settings import BucketLake

_COLUMNS = ("where", "claim", "path", "expected", "found", "count", "of", "severity")


@click.group("crawler")
def command() -> None:
    """Run the crawler over the documents, and compare what it finds with the contract."""


@command.command(epilog=examples("cci-lite etl crawler run"))
@click.option("--name", default=CRAWLER, show_default=True, help="The crawler.")
@click.option(
    "--timeout",
    type=click.IntRange(min=1),
    default=3600,
    show_default=True,
    help="Seconds to wait for its end.",
)
def run(name: str, timeout: int) -> None:
    """Start the crawler in AWS_REGION, or join the crawl under way, and wait for its end.

    Exits 1 when the crawl failed or did not end in time.
    """
    from cci_lite.aws.lake.crawler import run_crawler
    from cci_lite.cli.aws import client, explained
    from cci_lite.cli.output import say

    shown: list[str] = []

    def observe(state: str, seconds: float) -> None:
        if shown[-1:] != [state] or seconds // 60 > len(shown):
            shown.append(state)
            say(f"crawler {name}: {state.lower()}, {seconds:.0f} s")

    with explained("glue", f"crawler {name}"):
        run_crawler(client("glue"), name, timeout=timeout, observe=observe)
    say(f"crawler {name}: succeeded")


@command.command(
    epilog=examples(
        "cci-lite etl crawler drift --lake lake",
        "cci-lite etl crawler drift --sample 1000 --output json --lake s3://cci-lite-results",
    )
)
@any_lake_option
@tenant_option(required=False)
@click.option(
    "--sample",
    "count",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Documents to look at, spread over tenants and days.",
)
@output_option("table", "json")
def drift(lake: Path | BucketLake, tenant_id: str | None, count: int, output: str) -> None:
    """How documents, and on AWS the crawled tables, differ from the contract.

    Changes nothing and shows no values. `harmless` differences are read all the same; `refused` ones
    put documents into quarantine. Exits 1 when there is any.
    """
    from cci_lite.cli.lakes import open_any_lake
    from cci_lite.cli.output import print_json, print_rows, progress, records, say
    from cci_lite.cli.run_reports import failure_lines
    from cci_lite.nightly.drift import sample_documents, table_findings
    from cci_lite.nightly.lake import each_tenant
    from cci_lite.reports.numbers import counted

    opened = open_any_lake(lake)
    failed: dict[str, str] = {}

    def each(tenants: Sequence[str], action: Callable[[str], Sample]) -> dict[str, Sample]:
        done, problems = each_tenant(tenants, action)
        failed.update(problems)
        return done

    with progress("documents", count) as bar:
        sample = sample_documents(
            opened.store,
            list(opened.tenants(tenant_id)),
            count,
            each_tenant=each,
            advance=bar.advance,
        )
    tables = [] if isinstance(lake, Path) else _crawled_tables()
    findings = [*table_findings(tables), *sample.findings()]
    rows = [_row(finding) for finding in findings]
    if output == "json":
        print_json(
            {
                "documents": sample.documents,
                "tables": [table.name for table in tables],
                "findings": records(_COLUMNS, rows),
                "failed": failed,
            }
        )
    elif rows:
        print_rows(_COLUMNS, rows)
    for line in failure_lines(failed):
        say(line)
    compared = [counted(sample.documents, "document")]
    if not isinstance(lake, Path):
        compared.append(counted(len(tables), "crawled table"))
    say(f"{' and '.join(compared)} compared: {counted(len(rows), 'difference')}")
    if rows or failed:
        raise click.exceptions.Exit(1)


def _crawled_tables() -> list[CrawledTable]:
    from cci_lite.aws.lake.crawler import crawled_tables
    from cci_lite.cli.aws import client, explained
    from cci_lite.settings import NAMES, LakeSettings

    database = os.environ.get(NAMES["glue_database"]) or LakeSettings.glue_database
    with explained("glue", f"database {database}"):
        return crawled_tables(client("glue"), database, TABLE_PREFIX)


def _row(finding: DriftFinding) -> tuple[str | int, ...]:
    difference = finding.difference
    return (
        finding.where,
        difference.claim.value,
        difference.path,
        str(difference.expected),
        str(difference.found),
        finding.count,
        finding.of,
        finding.severity.value,
    )
