"""Every command has help, its examples run, and help imports no heavy library."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cci_lite.cli.app import program, run_program

CHECKOUT = Path(__file__).resolve().parents[2]
HEAVY = ("pandas", "pyarrow", "duckdb", "sqlglot", "jinja2", "openpyxl", "numpy", "rich")
EXAMPLES = "Examples:\n"


def commands(
    command: click.Command = program, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group of the program with the words that lead to it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, (*path, name))


ALL = dict(commands())
LEAVES = {path: command for path, command in ALL.items() if not isinstance(command, click.Group)}


def examples_of(command: click.Command) -> list[str]:
    """The lines below `Examples:` in a command's help."""
    _, _, lines = (command.epilog or "").partition(EXAMPLES)
    return [line.strip() for line in lines.splitlines() if line.strip()]


EXAMPLE_LINES = [(path, line) for path, command in LEAVES.items() for line in examples_of(command)]


@pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(path) or "cci-lite")
def test_help_is_shown(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program([*path, "--help"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(f"Usage: {' '.join(('cci-lite', *path))} ")
    assert not shown.err


@pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(path) or "cci-lite")
def test_every_command_says_what_it_does_in_a_sentence(path: tuple[str, ...]) -> None:
    text = (ALL[path].help or "").strip()
    assert text.split("\n\n")[0].rstrip().endswith((".", "…"))
    for parameter in ALL[path].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.opts[0]} has no help"


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_examples_in_its_help(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    run_program([*path, "--help"])
    shown = capsys.readouterr().out
    lines = examples_of(LEAVES[path])
    assert lines
    for line in lines:
        # One line in the help too, so that it can be copied.
        assert f"  {line}\n" in shown


@pytest.mark.parametrize(("path", "line"), EXAMPLE_LINES, ids=[line for _, line in EXAMPLE_LINES])
def test_every_example_parses(
    path: tuple[str, ...], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my/sql/views").mkdir(parents=True)  # the only path that is looked at while parsing
    words = shlex.split(line.partition(" < ")[0])
    assert words[: len(path) + 1] == ["cci-lite", *path]
    with LEAVES[path].make_context("example", words[len(path) + 1 :]) as context:
        assert not context.args


def test_the_list_of_commands_says_of_each_what_the_command_itself_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_program(["--help"])
    shown = capsys.readouterr().out
    _, _, listed = shown.partition("Commands:\n")
    names = [line.split()[0] for line in listed.splitlines() if line.strip()]
    assert names == [path[0] for path in ALL if len(path) == 1]


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["tenants", "--help"], ["tenants", "add", "--help"]],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import json, sys\n"
        "from cci_lite.cli.app import run_program\n"
        f"code = run_program({arguments!r})\n"
        "print(json.dumps([code, sorted(sys.modules)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert not set(HEAVY) & {name.partition(".")[0] for name in modules}


def test_a_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    # click took it for success before 8.2, for wrong usage since.
    assert run_program(["tenants"]) in (0, 2)
    shown = capsys.readouterr()
    assert "Commands:\n  add " in shown.out + shown.err
