"""`cci-lite query`: runs a SELECT over a tenant's tables and views."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cci_lite.cli.options import (
    TABLE,
    examples,
    file_options,
    format_of,
    lake_option,
    tenant_option,
)
from cci_lite.reports.numbers import counted

if TYPE_CHECKING:
    from cci_lite.local.duckdb_engine import QueryAnswer

SHOWN_ROWS = 1_000
_FILES = ("csv", "json", "parquet")


@click.command(
    "query",
    context_settings={"ignore_unknown_options": True},  # SQL may begin with a comment: `-- …`
    epilog=examples(
        'cci-lite query "SELECT * FROM failure_rate ORDER BY fail_rate DESC" --tenant demo-tenant --lake lake',
        'cci-lite query "SELECT * FROM calls" --tenant demo-tenant --lake lake --to calls.parquet',
        "cci-lite query - --tenant demo-tenant --lake lake --timeout 60 < question.sql",
    ),
)
@click.argument("sql")
@tenant_option()
@lake_option
@file_options(*_FILES)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    envvar="CCI_LITE_TIMEOUT",
    metavar="SECONDS",
    help="Stop a query that takes longer (or set CCI_LITE_TIMEOUT).",
)
@click.option(
    "--memory-limit",
    default="1GB",
    show_default=True,
    envvar="CCI_LITE_MEMORY_LIMIT",
    metavar="SIZE",
    help="The memory that the query may use, such as 500MB (or set CCI_LITE_MEMORY_LIMIT).",
)
def command(
    sql: str,
    tenant_id: str,
    lake: Path,
    output: str | None,
    target: Path | None,
    timeout: float | None,
    memory_limit: str,
) -> None:
    """Run one SELECT in Athena SQL (`-` reads it from stdin).

    It sees the tenant's own tables and views only, so it needs no WHERE for the tenant. Ctrl-C stops
    it at once; a file is written completely or not at all.
    """
    from cci_lite.cli.answers import Counted, encoded
    from cci_lite.cli.output import say, writing
    from cci_lite.errors import UsageError
    from cci_lite.laptop import open_lake

    chosen = format_of(_FILES, output, target)
    if chosen == "parquet" and target is None and sys.stdout.isatty():
        raise UsageError("parquet is not for a terminal: use --to FILE, or redirect")
    text = _text_of_stdin() if sql == "-" else sql
    with open_lake(lake).stream(
        text, tenant_id=tenant_id, timeout=timeout, memory_limit=memory_limit
    ) as answer:
        if chosen == TABLE:
            _print_table(answer)
            return
        # Encoded and written batch by batch: the result may be larger than the memory.
        rows = Counted(answer.batches)
        pieces = encoded(answer.schema, iter(rows), chosen)
        if target is None:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            return
        with writing(target) as file:
            for piece in pieces:
                file.write(piece)
    say(f"{counted(rows.rows, 'row')} in {target}")


def _print_table(answer: QueryAnswer) -> None:
    from cci_lite.cli.answers import first_rows
    from cci_lite.cli.output import print_rows, say

    shown, more = first_rows(answer, SHOWN_ROWS)
    values = [column.to_pylist() for column in shown.columns]
    print_rows(shown.column_names, list(zip(*values, strict=True)))
    say(
        f"the first {SHOWN_ROWS:,} rows; --output csv prints all of them"
        if more
        else counted(shown.num_rows, "row")
    )


def _text_of_stdin() -> str:
    from cci_lite.errors import UsageError

    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise UsageError("stdin: expected SQL as text (UTF-8)") from None
