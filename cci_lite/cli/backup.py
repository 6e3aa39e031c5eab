"""`cci-lite backup`: saves a lake's catalogue, tenants and forms."""

from __future__ import annotations

from pathlib import Path

import click

from cci_lite.cli.options import examples, lake_option


@click.command("backup", epilog=examples("cci-lite backup lake-2025-11-05.zip --lake lake"))
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@lake_option
def command(target: Path, lake: Path) -> None:
    """Save a lake's catalogue, tenants and forms to a new file, even while a run is in progress.

    Calls and tables are not in it: copy their folders (unified, curated, quarantine) with any tool,
    after the backup and within 24 hours, so that the copy has every file that the catalogue names.
    """
    from cci_lite.cli.output import say, say_some
    from cci_lite.laptop import open_lake
    from cci_lite.local.backup import back_up

    with open_lake(lake):
        saved = back_up(lake, target)
    say(f"the catalogue and {saved.items:,} settings and forms of {lake} are in {target}")
    if saved.strays:
        say(f"not in the backup, of the folder of settings: {len(saved.strays):,}")
        say_some(saved.strays, "entries", len(saved.strays))
