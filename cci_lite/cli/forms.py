"""`cci-lite forms`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cci_lite.cli.options import (
    examples,
    lake_or_table_option,
    one_line,
    output_option,
    tenant_option,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cci_lite.contract.template import QaTemplate, TemplateDraft
    from cci_lite.deploy.forms_diff import Change, FormDiff


@click.group("forms")
def command() -> None:
    """QA templates (forms): every version stays as it is."""


@command.command(epilog=examples("cci-lite forms check examples/forms/sales.yaml"))
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check a form in YAML or JSON; the guide's printed template is one."""
    from cci_lite.cli.output import say

    draft = read_form(file)
    ruled = sum(criterion.rule is not None for criterion in draft.criteria)
    weights = sum(criterion.weight for criterion in draft.criteria)
    say(
        f"{file}: form {draft.name}, {len(draft.criteria)} criteria ({ruled} decided by rules), "
        f"{weights} points, pass from {draft.scoring.pass_threshold:%}"
    )


@command.command(
    epilog=examples("cci-lite forms put examples/forms/sales.yaml --tenant demo-tenant --lake lake")
)
@click.argument("file", type=click.Path(path_type=Path))
@tenant_option()
@lake_or_table_option
def put(file: Path, tenant_id: str, lake: Path | None) -> None:
    """Store a form as its next version (or the version that the file names)."""
    from cci_lite.cli.aws import open_configuration
    from cci_lite.cli.output import say
    from cci_lite.deploy.tenants import put_form

    draft = read_form(file, tenant_id)
    with open_configuration(lake) as opened:
        stored = put_form(opened.store, tenant_id, draft)
    what = "stored" if stored.is_new else "was there already"
    say(f"form {stored.template.label} of {tenant_id} {what}")


@command.command("list", epilog=examples("cci-lite forms list --tenant demo-tenant --lake lake"))
@tenant_option()
@lake_or_table_option
@output_option("table", "json")
def list_all(tenant_id: str, lake: Path | None, output: str) -> None:
    """A tenant's forms and their versions, and the queues whose calls are judged by them.

    A form that cannot be read is listed without its content.
    """
    from cci_lite.cli.aws import open_configuration
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.deploy.tenants import get_tenant, tenant_forms

    with open_configuration(lake) as opened:
        get_tenant(opened.store, tenant_id)
        forms = tenant_forms(opened.store, tenant_id)
    columns = (
        *("form", "version", "criteria", "by_rule", "points", "pass_threshold", "content_hash"),
        "active_for",
    )
    queues: dict[str, list[str]] = {}
    for activation in forms.activations:
        queues.setdefault(activation.label, []).append(activation.queue)
    rows: list[tuple[Any, ...]] = [
        (
            form.name,
            form.version,
            len(form.criteria),
            sum(criterion.rule is not None for criterion in form.criteria),
            float(sum(criterion.weight for criterion in form.criteria)),
            float(form.scoring.pass_threshold),
            form.content_hash,
            ", ".join(queues.get(form.label, [])),
        )
        for form in forms.templates
    ]
    rows += [
        (item.name, item.version, None, None, None, None, "broken", None)
        for item in forms.broken
        if item.queue is None
    ]
    if output == "json":
        print_json(records(columns, rows))
    else:
        print_rows(columns, rows)
    for item in forms.broken:
        say(f"{item.label} is broken: {item.problem}")


@command.command(
    epilog=examples(
        "cci-lite forms activate sales --tenant demo-tenant --queue sales-de --lake lake",
        "cci-lite forms activate default@2 --tenant demo-tenant --lake lake",
    )
)
@click.argument("form", metavar="NAME[@VERSION]")
@tenant_option()
@click.option(
    "--queue",
    callback=one_line,
    metavar="QUEUE",
    help="The queue; without it all queues that have no form of their own.",
)
@lake_or_table_option
def activate(form: str, tenant_id: str, queue: str | None, lake: Path | None) -> None:
    """Have calls judged by a form from now on; the latest version when none is named.

    Calls that are judged already keep the form they were judged by. Safe to repeat.
    """
    from cci_lite.cli.aws import open_configuration
    from cci_lite.cli.output import say
    from cci_lite.contract.configuration import EVERY_QUEUE
    from cci_lite.deploy.tenants import activate_form

    name, version = form_reference(form)
    now = dt.datetime.now(dt.UTC)
    with open_configuration(lake) as opened:
        done = activate_form(opened.store, tenant_id, name, version, queue=queue, at=now)
    chosen = done.activation.queue
    where = "all other queues" if chosen == EVERY_QUEUE else f"queue {chosen}"
    if not done.is_new:
        say(f"{tenant_id}, {where}: {done.activation.label} is active already")
    else:
        say(f"{tenant_id}, {where}: {done.before or 'no activation'} → {done.activation.label}")


@command.command(
    epilog=examples(
        "cci-lite forms diff sales@1 sales@2 --tenant demo-tenant --lake lake",
        "cci-lite forms diff examples/forms/sales.yaml sales --tenant demo-tenant --lake lake",
        "cci-lite forms diff examples/forms/sales.yaml examples/forms/support.yaml",
    )
)
@click.argument("before", metavar="FILE|NAME[@VERSION]")
@click.argument("after", metavar="FILE|NAME[@VERSION]")
@tenant_option(required=False)
@lake_or_table_option
@output_option("text", "json")
def diff(before: str, after: str, tenant_id: str | None, lake: Path | None, output: str) -> None:
    """What is different between two forms. Exits 0 when nothing is, 1 otherwise.

    A stored form is named as NAME or NAME@VERSION, and needs --tenant; a path, or a name that ends
    in .yaml, .yml or .json, is a file.
    """
    from cci_lite.cli.output import print_json, print_text
    from cci_lite.deploy.forms_diff import diff_forms

    found = diff_forms(_form_named(before, tenant_id, lake), _form_named(after, tenant_id, lake))
    if output == "json":
        print_json(_plain(found))
    else:
        for line in _lines(found):
            print_text(line)
    if not found.is_empty:
        raise click.exceptions.Exit(1)


def read_form(file: Path, tenant_id: str | None = None) -> TemplateDraft:
    """The form in a file; raises UsageError that names the file and what is wrong in it."""
    from cci_lite.contract.template import parse_draft
    from cci_lite.errors import TemplateError, UsageError
    from cci_lite.local.inputs import read_definition

    try:
        return parse_draft(read_definition(file), tenant_id=tenant_id)
    except TemplateError as problem:
        raise UsageError(f"{file}: {problem}") from problem


def form_reference(text: str) -> tuple[str, int | None]:
    """`sales@3` or `sales`; raises UsageError."""
    from cci_lite.contract.template import parse_version
    from cci_lite.errors import TemplateError, UsageError

    name, at, version = text.partition("@")
    try:
        return name, parse_version(version) if at else None
    except TemplateError as problem:
        raise UsageError(f"{text}: {problem}") from problem


def _form_named(text: str, tenant_id: str | None, lake: Path | None) -> QaTemplate | TemplateDraft:
    from cci_lite.cli.aws import open_configuration
    from cci_lite.deploy.tenants import get_form, get_tenant
    from cci_lite.errors import UsageError

    if "/" in text or text.endswith((".yaml", ".yml", ".json")):
        return read_form(Path(text), tenant_id)
    if tenant_id is None:
        raise UsageError(f"{text}: expected --tenant for a stored form, or the path of a file")
    with open_configuration(lake) as opened:
        get_tenant(opened.store, tenant_id)
        return get_form(opened.store, tenant_id, *form_reference(text))


def _lines(diff: FormDiff) -> Iterator[str]:
    yield from (f"- {criterion.id}: {criterion.question}" for criterion in diff.removed)
    yield from (f"+ {criterion.id}: {criterion.question}" for criterion in diff.added)
    for criterion in diff.changed:
        yield f"~ {criterion.id}"
        yield from map(_line, criterion.changes)
    if diff.scoring:
        yield "~ scoring"
        yield from map(_line, diff.scoring)
    if diff.reordered:
        yield "~ the order of the criteria"


def _line(change: Change) -> str:
    return f"    {change.field}: {_shown(change.before)} → {_shown(change.after)}"


def _shown(value: object) -> str:
    import msgspec

    return "none" if value is None else msgspec.json.encode(value).decode()


def _plain(diff: FormDiff) -> dict[str, Any]:
    """The differences as JSON."""
    from cci_lite.contract.template import plain_values

    return {
        "same": diff.is_empty,
        "added": [plain_values(criterion) for criterion in diff.added],
        "removed": [plain_values(criterion) for criterion in diff.removed],
        "changed": diff.changed,
        "scoring": diff.scoring,
        "reordered": diff.reordered,
    }
