"""`cci-lite backup`."""

from __future__ import annotations

from pathlib import Path

import click

from cci_lite.cli.options import examples, lake_option


@click.command("backup", epilog=examples("cci-lite backup lake-2025-11-05.zip --lake lake"))
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@lake_option
def command(target: Path, lake: Path) -> None:
    """Save a lake's catalogue, tenants and forms to a new file, also while a run is at work.

    Calls and tables are not in it: copy their folders (unified, curated, quarantine) with any tool,
    after the backup and within the day, so that every file that the catalogue names is in the copy.
    """
    from cci_lite.cli.output import say, say_some
    from cci_lite.laptop import open_lake
    from cci_lite.local.backup import back_up

    with open_lake(lake):
        saved = back_up(lake, target)
    say(f"the catalogue and {saved.items:,} settings and forms of {lake} are in {target}")
    if saved.strays:
        say(f"{len(saved.strays):,} things in its folder of settings are not in the backup:")
        say_some(saved.strays, "things", len(saved.strays))
