"""The options that several commands share, and how their values are checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from cci_lite.errors import UsageError
from cci_lite.settings import BucketLake, lake_place, setting

TABLE = "table"
Command = Callable[..., Any]


def not_empty(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Callback of an option: empty text is refused, because its meaning would be unclear."""
    if value is not None and not value.strip():
        raise click.BadParameter("expected text, found empty text.")
    return value


def must_be_one_line(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Callback of an option: text with line ends or control characters is refused."""
    if value is not None and not value.isprintable():
        raise click.BadParameter("expected one line of printable characters.")
    return not_empty(ctx, param, value)


class _Place(click.Path):
    """A folder, or where a lake on AWS is (`anywhere`); empty text is refused.

    Click would take empty text for the current folder.
    """

    def __init__(self, *, anywhere: bool) -> None:
        super().__init__(path_type=Path, file_okay=False)
        self._anywhere = anywhere

    # click hands the value of an option to this method of its type.
    def convert(  # type: ignore[override]
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | BucketLake:
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        if not value:
            self.fail("expected a folder, found empty text.", param, ctx)
        try:
            place = lake_place(value)
        except UsageError as problem:
            self.fail(f"{problem}.", param, ctx)
        if isinstance(place, Path):
            return Path(super().convert(value, param, ctx))  # type: ignore[arg-type]
        if not self._anywhere:
            self.fail(f"{value}: this command works on a lake in a folder.", param, ctx)
        return place


def lake_option(command: Command) -> Command:
    """`--lake DIR`: the laptop's lake."""
    return _lake_option("DIR", "The folder of the lake (or set CCI_LITE_LAKE).", required=True)(
        command
    )


def any_lake_option(command: Command) -> Command:
    """`--lake DIR|s3://BUCKET`: a lake in a folder or on AWS; without it OUTPUT_BUCKET names one."""
    return _lake_option(
        _ANY_LAKE,
        "The folder of the lake, or the results bucket of one on AWS (or set CCI_LITE_LAKE); "
        "without it OUTPUT_BUCKET.",
        callback=_or_of_environment,
    )(command)


def lake_or_table_option(command: Command) -> Command:
    """`--lake DIR|s3://BUCKET`: whose settings; without it the table in DynamoDB."""
    return _lake_option(
        _ANY_LAKE,
        "The folder of the lake (or set CCI_LITE_LAKE); without it, and for a lake on AWS, the "
        "table DDB_TABLE in AWS_REGION.",
    )(command)


_ANY_LAKE = "DIR|s3://BUCKET"


def _or_of_environment(
    ctx: click.Context, param: click.Parameter, place: Path | BucketLake | None
) -> Path | BucketLake:
    if place is not None:
        return place
    if (bucket := setting(os.environ, "output_bucket")) is None:
        raise click.MissingParameter(ctx=ctx, param=param)
    return BucketLake(bucket)


def _lake_option(form: str, text: str, **others: Any) -> Callable[[Command], Command]:
    return click.option(
        "--lake",
        "lake",
        type=_Place(anywhere=form == _ANY_LAKE),
        envvar="CCI_LITE_LAKE",
        metavar=form,
        help=text,
        **others,
    )


def tenant_option(*, required: bool = True) -> Callable[[Command], Command]:
    """`--tenant ID`: whose data; optional only where all tenants are meant without it."""
    return click.option(
        "--tenant",
        "tenant_id",
        # Leaving the option out means all tenants, which empty text must not mean.
        callback=None if required else not_empty,
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


def file_options(*formats: str) -> Callable[[Command], Command]:
    """`--output FORMAT` and `--to FILE`, whose ending gives the format: see `format_of`.

    Without either a table is printed. The formats are named by their file endings.
    """

    def both(command: Command) -> Command:
        return target_option(*formats)(
            click.option(
                "--output",
                type=click.Choice([TABLE, *formats]),
                default=None,
                show_default=f"by the ending of --to, otherwise {TABLE}",
                help="How to print or to write.",
            )(command)
        )

    return both


def target_option(*formats: str) -> Callable[[Command], Command]:
    """`--to FILE`, whose name ends in one of the formats."""
    return click.option(
        "--to",
        "target",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"Write to this file: {_endings(formats)}.",
    )


def format_of(formats: Sequence[str], output: str | None, target: Path | None) -> str:
    """The format that `--output` and the name of `--to` agree on; raises UsageError.

    A name without an ending needs `--output`. TABLE is for the terminal only.
    """
    if target is None:
        return output or TABLE
    ending = target.suffix.lower().removeprefix(".")
    if output == TABLE:
        raise UsageError(
            f"--to {target}: a table is for the terminal; a file is {_endings(formats)}"
        )
    if (ending or output) not in formats:
        raise UsageError(f"--to {target}: expected a name that ends in {_endings(formats)}")
    if output is not None and ending not in ("", output):
        raise UsageError(
            f"--to {target}: expected a name that ends in .{output} for --output {output}; "
            f"without --output it is written as {ending}"
        )
    return output or ending


def _endings(formats: Sequence[str]) -> str:
    *most, last = [f".{name}" for name in formats]
    return f"{', '.join(most)} or {last}" if most else last


def examples(*lines: str) -> str:
    """The examples at the end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
