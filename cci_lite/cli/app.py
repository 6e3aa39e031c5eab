"""The program: finds the module of a command, and turns errors into messages and exit codes."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import click

from cci_lite import __version__
from cci_lite.cli.output import say
from cci_lite.errors import CciLiteError, TenantIdError, UsageError
from cci_lite.files import is_no_room
from cci_lite.local.unneeded import keep_out_unneeded

_COMMANDS = {
    "demo": ("cci_lite.cli.demo", "Make a sample world and run the whole job on it."),
    "tenants": ("cci_lite.cli.tenants", "Tenants: add, list, show, remove."),
    "forms": ("cci_lite.cli.forms", "Forms: check, put, show, list, activate, diff, try."),
    "calls": ("cci_lite.cli.calls", "Judge transcripts, take in documents."),
    "etl": ("cci_lite.cli.etl", "Flatten documents into the curated tables."),
    "quarantine": (
        "cci_lite.cli.quarantine",
        "Documents that break the contract: list, replay, discard.",
    ),
    "views": ("cci_lite.cli.views", "The curated views."),
    "query": ("cci_lite.cli.query", "Ask a tenant's tables and views in Athena SQL."),
    "backup": ("cci_lite.cli.backup", "Save a lake's catalogue, tenants and forms to a file."),
    "restore": ("cci_lite.cli.restore", "Put a backup into a lake's folder."),
    "report": ("cci_lite.cli.report", "Leaderboards and the report page."),
}


@dataclass
class _Settings:
    """The program's own options."""

    debug: bool


class _ReaderLeftError(Exception):
    """The reader of our output has left (`| head`)."""


class _Commands(click.Group):
    """Imports a command's module only when that command is named: `--help` stays light."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        # Importing pyarrow, DuckDB and sqlglot is slow; tests/docs/test_help.py watches it.
        command = importlib.import_module(_COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS and (near := difflib.get_close_matches(args[0], _COMMANDS, 1)):
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{near[0]}'?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as problem:
            # click would exit with 1, as if something had failed.
            raise _ReaderLeftError from problem

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cci-lite")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_obj
def program(settings: _Settings, debug: bool) -> None:
    """Call-centre QA analytics you can trust.

    \b
    Start here:
      cci-lite demo
    """
    settings.debug = settings.debug or debug


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program. Exits 0 when done, 1 when refused or failed, 2 on wrong usage."""
    keep_out_unneeded()
    sys.exit(run_program(arguments))


def run_program(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    settings = _Settings(debug=bool(os.environ.get("CCI_LITE_DEBUG")))
    try:
        # Without click's standalone mode an Exit that a command raises comes back as its code.
        code = program.main(
            args=arguments, prog_name="cci-lite", standalone_mode=False, obj=settings
        )
        sys.stdout.flush()
    except BaseException as problem:
        return _ended_by(problem, settings)
    return code if isinstance(code, int) else 0


def _ended_by(problem: BaseException, settings: _Settings) -> int:
    """Tell the person why the program ended; the exit code. Raises what only Python handles."""
    match problem:
        case click.ClickException():
            _explain_usage(problem)
            return problem.exit_code
        case click.Abort() | KeyboardInterrupt():
            say("stopped")
            return 130
        case SystemExit():
            # rich and click exit like this when the reader of our output left (`| head`).
            is_reader_gone = isinstance(problem.__context__, BrokenPipeError)
            return 0 if is_reader_gone else _exit_code(problem)
        case BrokenPipeError() | _ReaderLeftError():
            # The reader left before the last flush.
            _drop_output()
            return 0
        case CciLiteError():
            _explain(str(problem), settings)
            # A TenantIdError is wrong usage: the id was typed. (Ids in documents never get here.)
            return 2 if isinstance(problem, (UsageError, TenantIdError)) else 1
        case OSError() if is_no_room(problem):
            _drop_output()
            _explain(f"{problem.strerror}: make room and do it again", settings)
            return 1
        case Exception():
            # The message of an unexpected error may hold data; only --debug shows it.
            said = problem.strerror if isinstance(problem, OSError) else None
            detail = f": {said}" if said else ""
            kind = type(problem).__name__
            _explain(f"unexpected {kind}{detail} (cci-lite --debug … shows where)", settings)
            return 1
    raise problem


def _drop_output() -> None:
    """Keep Python from flushing stdout at exit, which would fail once more."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        return
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _exit_code(end: SystemExit) -> int:
    return end.code if isinstance(end.code, int) else int(bool(end.code))


def _explain(message: str, settings: _Settings) -> None:
    if settings.debug:
        traceback.print_exc()
    say(f"error: {message}")


def _explain_usage(problem: click.ClickException) -> None:
    """Wrong usage in one line that points to the help; help itself unchanged."""
    message = problem.format_message()
    context = problem.ctx if isinstance(problem, click.UsageError) else None
    if context is None or message == context.get_help():
        problem.show()
    else:
        say(f"error: {message} See: {context.command_path} --help")
