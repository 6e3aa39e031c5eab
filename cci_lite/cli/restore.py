"""`cci-lite restore`: puts a backup back into a lake's folder."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from cci_lite.cli.options import examples, lake_option


@click.command("restore", epilog=examples("cci-lite restore lake-2025-11-05.zip --lake lake"))
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@lake_option
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace a catalogue or settings that are there; they are kept under another name.",
)
def command(source: Path, lake: Path, overwrite: bool) -> None:
    """Restore a backup's catalogue, tenants and forms into a lake. Changes no call or table."""
    from cci_lite.cli.output import say
    from cci_lite.local.backup import restore

    kept = restore(source, lake, overwrite=overwrite, now=dt.datetime.now(dt.UTC))
    for name in kept:
        say(f"what was there before is kept as {lake / name}")
    say(
        f"restored; days that are newer than the backup come back with: cci-lite etl repair --lake {lake}"
    )
