"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]


def lake_option(command: Command) -> Command:
    """`--lake DIR`: the laptop's lake."""
    return _lake_option("The folder of the lake (or set CCI_LITE_LAKE).", required=True)(command)


def lake_or_table_option(command: Command) -> Command:
    """`--lake DIR`: the laptop's lake; without it the table in DynamoDB."""
    return _lake_option(
        "The folder of the lake (or set CCI_LITE_LAKE); without it the table DDB_TABLE in AWS_REGION.",
        required=False,
    )(command)


def _lake_option(text: str, *, required: bool) -> Callable[[Command], Command]:
    return click.option(
        "--lake",
        "lake",
        type=click.Path(path_type=Path, file_okay=False),
        required=required,
        envvar="CCI_LITE_LAKE",
        metavar="DIR",
        help=text,
    )


def tenant_option(*, required: bool = True) -> Callable[[Command], Command]:
    """`--tenant ID`: whose data; optional only where all tenants are meant without it."""
    return click.option(
        "--tenant",
        "tenant_id",
        required=required,
        metavar="ID",
        help="The tenant." if required else "One tenant; all of the lake without it.",
    )


def output_option(*formats: str) -> Callable[[Command], Command]:
    """`--output FORMAT`: the first one by default."""
    return click.option(
        "--output",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How to print.",
    )


def examples(*lines: str) -> str:
    """The examples at the end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
