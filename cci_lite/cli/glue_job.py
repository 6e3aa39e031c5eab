"""Runs a command as a job of AWS Glue: the job's parameters are the command's options.

A parameter that is named like a setting (`--CURATED_BUCKET`) becomes that setting. All others are
Glue's own (`--JOB_NAME`, `--enable-metrics`, …) and are left out; one that is nearly an option or a
setting is refused, because leaving it out would make the job do something else.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Iterator, MutableMapping, Sequence

import click

from cci_lite.cli.app import program, run_program
from cci_lite.cli.output import say
from cci_lite.errors import UsageError
from cci_lite.settings import NAMES, LakeSettings

SETTINGS = tuple(NAMES[field.name] for field in dataclasses.fields(LakeSettings))
_YES, _NO = ("", "true"), ("false",)
_ALIKE = 0.75


def run_job(
    words: Sequence[str],
    parameters: Sequence[str],
    environment: MutableMapping[str, str] = os.environ,
) -> None:
    """Run the command that `words` name, with what Glue passed to the script.

    Raises SystemExit with a sentence, which Glue shows as the reason, when it did not succeed.
    """
    command = command_of(words)
    try:
        given = dict(_pairs(parameters))
        _refuse_nearly_right(given, command)
        arguments = [*words, *_options(given, command)]
    except UsageError as problem:
        raise SystemExit(f"wrong parameters of the job: {problem}") from None
    environment.update({name: given[name] for name in SETTINGS if given.get(name)})
    say(" ".join(("cci-lite", *arguments)))
    if code := run_program(arguments):
        raise SystemExit(
            f"cci-lite {' '.join(words)} ended with exit code {code}; the job's log says why"
        )


def command_of(words: Sequence[str]) -> click.Command:
    """The command that these words name."""
    command: click.Command = program
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    return command


def _pairs(parameters: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names and values; a parameter that is followed by another one has an empty value."""
    for index, word in enumerate(parameters):
        if not word.startswith("--"):
            continue  # a value; Glue also passes words of its own that belong to no parameter
        name, is_together, value = word.removeprefix("--").partition("=")
        following = parameters[index + 1] if index + 1 < len(parameters) else "--"
        yield name, value if is_together else "" if following.startswith("--") else following


def _options(given: dict[str, str], command: click.Command) -> Iterator[str]:
    for name, option in _options_by_name(command).items():
        if name not in given:
            continue
        value = given[name]
        if option.is_flag:
            if value.lower() not in (*_YES, *_NO):
                raise UsageError(f"--{name}: expected true or false, found another value")
            if value.lower() in _YES:
                yield f"--{name}"
        else:
            values = value.split(",") if option.multiple else [value]
            yield from (f"--{name}={each.strip()}" for each in values)


def _refuse_nearly_right(given: dict[str, str], command: click.Command) -> None:
    known = [*_options_by_name(command), *SETTINGS]
    alike = {name.lower().replace("_", "-"): name for name in known}
    for name in given.keys() - {*known}:
        near = difflib.get_close_matches(name.lower().replace("_", "-"), alike, 1, _ALIKE)
        if near:
            raise UsageError(f"--{name}: did you mean --{alike[near[0]]}?")


def _options_by_name(command: click.Command) -> dict[str, click.Option]:
    return {
        name.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
        if name.startswith("--")
    }
