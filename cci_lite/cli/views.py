"""`cci-lite views`: lists and lints the SQL views."""

from __future__ import annotations

from pathlib import Path

import click

from cci_lite.cli.options import examples, output_option
from cci_lite.reports.numbers import counted


@click.group("views")
def command() -> None:
    """The curated views: Athena SQL in files."""


@command.command("list", epilog=examples("cci-lite views list"))
@output_option("table", "json")
def list_views(output: str) -> None:
    """Each view: its grain, its key, and what it reads."""
    from cci_lite.cli.output import print_json, print_rows, records
    from cci_lite.laptop import shipped_views

    columns = ("view", "version", "grain", "key", "reads")
    rows = [
        (view.name, view.version, view.grain, ", ".join(view.key), ", ".join(view.reads))
        for view in shipped_views()
    ]
    if output == "json":
        print_json(records(columns, rows))
    else:
        print_rows(columns, rows)


@command.command(epilog=examples("cci-lite views lint", "cci-lite views lint my/sql/views"))
@click.argument(
    "folder", required=False, type=click.Path(path_type=Path, file_okay=False, exists=True)
)
@output_option("table", "json")
def lint(folder: Path | None, output: str) -> None:
    """Check that every view gives the same result on every engine, and that its header is true.

    FOLDER holds `<name>/v<N>.sql`; by default the views of this installation. Exits 1 when there
    are findings.
    """
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.laptop import shipped_views
    from cci_lite.views import lint_view, read_views, view_schema

    views = read_views(folder) if folder else shipped_views()
    # All of them at once, so that a view that is wrong is named, not each that reads it.
    schema = dict(view_schema(views))
    columns = ("view", "line", "column", "message")
    rows = [
        (f"{view.name}_v{view.version}", finding.line, finding.column, finding.message)
        for view in views
        for finding in lint_view(view, schema)
    ]
    if output == "json":
        print_json(records(columns, rows))
    elif rows:
        print_rows(columns, rows)
    say(f"{counted(len(views), 'view')}, {counted(len(rows), 'finding')}")
    if rows:
        raise click.exceptions.Exit(1)
