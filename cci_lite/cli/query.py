"""`cci-lite query`."""

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

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN_ROWS = 1_000
_FILES = ("csv", "json", "parquet")


@click.command(
    "query",
    context_settings={"ignore_unknown_options": True},  # SQL may begin with a comment: `-- …`
    epilog=examples(
        'cci-lite query "SELECT * FROM failure_rate ORDER BY fail_rate DESC" --tenant demo-tenant --lake lake',
        'cci-lite query "SELECT * FROM calls" --tenant demo-tenant --lake lake --to calls.parquet',
        "cci-lite query - --tenant demo-tenant --lake lake < question.sql",
    ),
)
@click.argument("sql")
@tenant_option()
@lake_option
@file_options(*_FILES)
def command(sql: str, tenant_id: str, lake: Path, output: str | None, target: Path | None) -> None:
    """Ask one SELECT in Athena SQL (`-` reads it from stdin).

    The tenant's own tables and views are all there is: no WHERE is needed, and none can reach
    further.
    """
    from cci_lite.cli.output import print_rows, say, write_file
    from cci_lite.errors import UsageError
    from cci_lite.laptop import open_lake

    chosen = format_of(_FILES, output, target)
    text = _text_of_stdin() if sql == "-" else sql
    rows = open_lake(lake).sql(text, tenant_id=tenant_id, as_="arrow")
    if chosen == TABLE:
        shown = rows.slice(0, SHOWN_ROWS)
        values = [column.to_pylist() for column in shown.columns]
        print_rows(shown.column_names, list(zip(*values, strict=True)))
        more = f", the first {SHOWN_ROWS:,} shown: --output csv has all"
        say(f"{rows.num_rows:,} rows{more if rows.num_rows > SHOWN_ROWS else ''}")
        return
    data = _encoded(rows, chosen)
    if target is not None:
        write_file(target, data)
        say(f"{rows.num_rows:,} rows in {target}")
        return
    if chosen == "parquet" and sys.stdout.isatty():
        raise UsageError("parquet is not for a terminal: use --to FILE, or redirect")
    sys.stdout.buffer.write(data)


def _text_of_stdin() -> str:
    from cci_lite.errors import UsageError

    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise UsageError("stdin: expected SQL as text (UTF-8)") from None


def _encoded(rows: pa.Table, output: str) -> bytes:
    import io

    import msgspec
    import pyarrow.csv
    import pyarrow.parquet

    from cci_lite.reports.cells import spreadsheet_rows
    from cci_lite.reports.text import visible_json

    _refuse_unfit(rows.schema, output)
    if output == "json":
        lines = [
            visible_json(msgspec.json.encode(row, enc_hook=str).decode())
            for row in rows.to_pylist()
        ]
        return ("[" + ",\n".join(lines) + "]\n").encode()
    sink = io.BytesIO()
    if output == "csv":
        pyarrow.csv.write_csv(spreadsheet_rows(rows), sink)
    else:
        pyarrow.parquet.write_table(rows, sink, compression="zstd")
    return sink.getvalue()


def _refuse_unfit(schema: pa.Schema, output: str) -> None:
    """Refuse rows that this form of output would lose something of; raises UsageError."""
    import pyarrow as pa

    from cci_lite.errors import UsageError

    for name in schema.names:
        if schema.names.count(name) > 1:
            raise UsageError(f"two columns are called '{name}': name them apart with AS")
    for column in schema:
        if output == "csv" and pa.types.is_nested(column.type):
            raise UsageError(f"column '{column.name}' has no form in CSV: use --output json")
