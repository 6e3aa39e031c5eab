"""`cci-lite report`: the failure leaderboard and the report page."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cci_lite.cli.options import (
    TABLE,
    examples,
    file_options,
    format_of,
    lake_option,
    target_option,
    tenant_option,
)

if TYPE_CHECKING:
    import pyarrow as pa

_LEADERBOARD_FILES = ("md", "csv", "xlsx", "html", "json")
_PAGE_FILES = ("html",)


@click.group("report")
def command() -> None:
    """Leaderboards and the report page."""


@command.command(
    "leaderboard",
    epilog=examples(
        "cci-lite report leaderboard --tenant demo-tenant --lake lake",
        "cci-lite report leaderboard --tenant demo-tenant --lake lake --week 2025-11-03 --output md",
        "cci-lite report leaderboard --tenant demo-tenant --lake lake --to board.xlsx",
    ),
)
@tenant_option()
@lake_option
@click.option(
    "--week",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The week of this day; by default the latest with evaluated calls.",
)
@file_options(*_LEADERBOARD_FILES)
def report_leaderboard(
    tenant_id: str, lake: Path, week: dt.datetime | None, output: str | None, target: Path | None
) -> None:
    """Rank agents by failed calls in a week: minimum of calls, intervals, ties, by form version."""
    from cci_lite.laptop import open_lake
    from cci_lite.reports import exports, html, leaderboard, markdown

    chosen = format_of(_LEADERBOARD_FILES, output, target)
    with open_lake(lake).reader(tenant_id) as query:
        if chosen == TABLE:
            print_leaderboard(query, tenant_id, week.date() if week else None)
            return
        board = leaderboard.leaderboard(query, tenant_id, week=week.date() if week else None)
    renderers: dict[str, Callable[[leaderboard.Leaderboard], str | bytes]] = {
        "md": markdown.render_markdown,
        "csv": exports.render_csv,
        "xlsx": exports.render_xlsx,
        "html": html.render_html,
        "json": exports.render_json,
    }
    rendered = renderers[chosen](board)
    _write_report(rendered.encode() if isinstance(rendered, str) else rendered, chosen, target)


@command.command(
    epilog=examples("cci-lite report page --tenant demo-tenant --lake lake --to report.html")
)
@tenant_option()
@lake_option
@target_option(*_PAGE_FILES)
def page(tenant_id: str, lake: Path, target: Path | None) -> None:
    """The report page of a tenant: one HTML file, every number linked to its SQL."""
    from cci_lite.deploy.tenants import get_tenant
    from cci_lite.laptop import open_lake
    from cci_lite.operations import utc_now
    from cci_lite.reports.page import report_page

    format_of(_PAGE_FILES, None, target)
    opened = open_lake(lake)
    tenant = get_tenant(opened.catalog, tenant_id)
    with opened.reader(tenant_id) as query:
        text = report_page(query, tenant_id, tenant_name=tenant.name, generated_at=utc_now())
    _write_report(text.encode(), "html", target)


def print_leaderboard(
    query: Callable[[str], pa.Table], tenant_id: str, week: dt.date | None = None
) -> None:
    """Print the leaderboard of a week on the terminal."""
    from cci_lite.cli.output import print_text, terminal_width
    from cci_lite.reports.leaderboard import leaderboard
    from cci_lite.reports.terminal import render_terminal

    board = leaderboard(query, tenant_id, week=week)
    print_text(render_terminal(board, width=terminal_width()))


def _write_report(data: bytes, output: str, target: Path | None) -> None:
    from cci_lite.cli.output import say, write_file
    from cci_lite.errors import UsageError

    if target is not None:
        write_file(target, data)
        say(f"written to {target}")
    elif output == "xlsx" and sys.stdout.isatty():
        raise UsageError("xlsx is not for a terminal: use --to FILE, or redirect")
    else:
        # As bytes: a workbook is no text, and text files are UTF-8 whatever the terminal is.
        sys.stdout.buffer.write(data)
