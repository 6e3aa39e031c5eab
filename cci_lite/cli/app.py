"""The program itself: its commands by name, and how errors reach the person."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from cci_lite import __version__
from cci_lite.errors import CciLiteError, UsageError

_COMMANDS = {
    "demo": ("cci_lite.cli.demo", "Make a sample world and run the whole job on it."),
    "tenants": ("cci_lite.cli.tenants", "Companies whose calls are in a lake."),
    "forms": ("cci_lite.cli.forms", "QA templates: check, put, list."),
    "calls": ("cci_lite.cli.calls", "Judge transcripts, take in documents."),
    "etl": ("cci_lite.cli.etl", "Flatten documents into the curated tables."),
    "quarantine": ("cci_lite.cli.quarantine", "Documents that break the contract."),
    "views": ("cci_lite.cli.views", "The curated views."),
    "query": ("cci_lite.cli.query", "Ask a tenant's tables and views in Athena SQL."),
    "report": ("cci_lite.cli.report", "Leaderboards and the report page."),
}


class _Commands(click.Group):
    """Imports a command's module only when that command is named: `--help` stays light."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(_COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cci-lite")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def program(debug: bool) -> None:
    """Call-centre QA analytics you can trust.

    \b
    Start here:
      cci-lite demo
    """
    if debug:
        os.environ["CCI_LITE_DEBUG"] = "1"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program. Exits 0 when done, 1 when refused or failed, 2 on wrong usage."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    try:
        program.main(args=arguments, prog_name="cci-lite", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 130
    except BrokenPipeError:
        # The reader of our output left (`| head`); Python must not try to flush to it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except CciLiteError as problem:
        _explain(str(problem))
        return 2 if isinstance(problem, UsageError) else 1
    except Exception as problem:
        # The message of an unforeseen error may carry data; its traceback is for --debug.
        detail = f": {problem}" if isinstance(problem, OSError) else ""
        _explain(f"unforeseen {type(problem).__name__}{detail} (cci-lite --debug … shows where)")
        return 1
    return 0


def _explain(message: str) -> None:
    if os.environ.get("CCI_LITE_DEBUG"):
        traceback.print_exc()
    click.echo(f"error: {message}", err=True)
