"""`cci-lite forms`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cci_lite.cli.options import (
    examples,
    form_reference,
    lake_option,
    lake_or_table_option,
    must_be_one_line,
    output_option,
    tenant_option,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cci_lite.contract.form import Form, FormDraft
    from cci_lite.deploy.forms_diff import FieldChange, FormDiff
    from cci_lite.pipeline.form_trial import FormTrial


@click.group("forms")
def command() -> None:
    """Forms: every version stays as it is."""


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
    _say_what_waits(draft)


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
    form = stored.form
    what = "stored" if stored.is_new else "was there already"
    say(f"form {form.label} of {tenant_id} {what}")
    if form.version != stored.latest:
        say(
            f"the latest version is {stored.latest}; to judge calls by this one: "
            f"cci-lite forms activate {form.name}@{form.version}"
        )
    _say_what_waits(draft)


def _say_what_waits(form: FormDraft) -> None:
    """Say that without a language model every call would wait for a person."""
    from cci_lite.cli.output import say
    from cci_lite.contract.form import undecided_required

    if undecided := undecided_required(form.criteria):
        say(
            f"{len(undecided)} required criteria have no rule ({', '.join(undecided)}): with "
            "calls analyze, which asks no language model, every call goes to review and none "
            "is ranked; give them a rule, or take required away"
        )


@command.command(
    epilog=examples(
        "cci-lite forms show sales --tenant demo-tenant --lake lake",
        "cci-lite forms show sales@1 --tenant demo-tenant --lake lake --output json",
    )
)
@click.argument("form", metavar="NAME[@VERSION]")
@tenant_option()
@lake_or_table_option
@output_option("yaml", "json")
def show(form: str, tenant_id: str, lake: Path | None, output: str) -> None:
    """Print a stored form as a file; the latest version when none is named.

    What is printed can be changed and put again. Put unchanged it is no new version.
    """
    from cci_lite.cli.output import print_json, print_text
    from cci_lite.contract.form_reading import file_of
    from cci_lite.local.inputs import yaml_of

    shown = file_of(_stored_form(form, tenant_id, lake))
    if output == "json":
        print_json(shown)
    else:
        print_text(yaml_of(shown).rstrip())


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
        for form in forms.versions
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
    callback=must_be_one_line,
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


@command.command(
    "try",
    epilog=examples(
        "cci-lite forms try sales.yaml --tenant demo-tenant --lake lake",
        "cci-lite forms try sales.yaml transcripts/ --tenant demo-tenant --lake lake --output json",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("transcripts", nargs=-1, type=click.Path(path_type=Path))
@tenant_option()
@lake_option
@output_option("table", "json")
def try_out(
    file: Path, transcripts: Sequence[Path], tenant_id: str, lake: Path, output: str
) -> None:
    """Show what a form would change on the tenant's calls, by criterion and agent.

    Nothing is stored. Compared are the calls that a form of the same name has judged, or all calls
    when there is none. Changed and new rules need the calls' TRANSCRIPTS; without them what was
    decided stands as long as question and rule are the same.
    """
    from cci_lite.cli.output import print_json, print_rows, say
    from cci_lite.laptop import open_lake

    trial = open_lake(lake).try_form(tenant_id, read_form(file, tenant_id), transcripts)
    if output == "json":
        print_json(trial)
        return
    unknown = f", of {trial.undecided:,} nobody knows without one" if trial.undecided else ""
    say(
        f"{trial.calls:,} calls, {trial.with_transcript:,} with a transcript: "
        f"{trial.changed:,} would have another outcome{unknown}; nothing was stored"
    )
    print_rows(*_verdict_rows(trial))
    print_rows(*_outcome_rows(trial))
    for count, what in (
        (trial.others, "judged by forms of other names were left out"),
        (trial.unevaluated, "without an evaluation were left out"),
        (trial.unreadable, "that cannot be read were left out (cci-lite quarantine list)"),
        (trial.unread_transcripts, "of the transcripts cannot be read"),
        (
            trial.unredacted_transcripts,
            "of the transcripts left out: not redacted, and refused by calls analyze, too",
        ),
        (trial.masked_transcripts, "of the transcripts masked, because not redacted"),
    ):
        if count:
            say(f"{count:,} {what}")


def _verdict_rows(trial: FormTrial) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    from cci_lite.contract.scoring import Verdict

    names = ("pass", "fail", "na", "unscored")
    rows = [
        (
            each.criterion_id,
            *(f"{each.before[Verdict(name)]:,} → {each.after[Verdict(name)]:,}" for name in names),
            each.changed,
            each.undecided,
        )
        for each in trial.criteria
    ]
    return ("criterion", *names, "changed", "needs_transcript"), rows


def _outcome_rows(trial: FormTrial) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    from cci_lite.contract.scoring import Outcome

    names = ("pass", "fail", "review", "none")
    rows = [
        (
            each.agent_id,
            each.calls,
            *(f"{each.before[Outcome(name)]:,} → {each.after[Outcome(name)]:,}" for name in names),
            each.changed,
        )
        for each in trial.agents
    ]
    return ("agent_id", "calls", *names, "changed"), rows


def read_form(file: Path, tenant_id: str | None = None) -> FormDraft:
    """The form in a file; says every mistake in it with its line, then raises UsageError."""
    from cci_lite.cli.output import say
    from cci_lite.contract.form_reading import file_problems, parse_draft
    from cci_lite.errors import UsageError
    from cci_lite.local.inputs import line_of, read_definition

    value = read_definition(file)
    problems = file_problems(value, tenant_id=tenant_id)
    places = sorted((line_of(file, each.path) or 1, str(each)) for each in problems)
    lines = [f"{file}, line {line}: {problem}" for line, problem in places]
    if len(lines) == 1:
        raise UsageError(lines[0])
    for line in lines:
        say(line)
    if lines:
        raise UsageError(f"{file}: {len(lines)} mistakes")
    return parse_draft(value, tenant_id=tenant_id)


def _form_named(text: str, tenant_id: str | None, lake: Path | None) -> Form | FormDraft:
    from cci_lite.errors import UsageError

    if "/" in text or text.endswith((".yaml", ".yml", ".json")):
        return read_form(Path(text), tenant_id)
    if tenant_id is None:
        raise UsageError(f"{text}: expected --tenant for a stored form, or the path of a file")
    return _stored_form(text, tenant_id, lake)


def _stored_form(text: str, tenant_id: str, lake: Path | None) -> Form:
    from cci_lite.cli.aws import open_configuration
    from cci_lite.deploy.tenants import get_form, get_tenant

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


def _line(change: FieldChange) -> str:
    return f"    {change.field}: {_shown(change.before)} → {_shown(change.after)}"


def _shown(value: object) -> str:
    import msgspec

    return "none" if value is None else msgspec.json.encode(value).decode()


def _plain(diff: FormDiff) -> dict[str, Any]:
    """The differences as JSON."""
    from cci_lite.contract.form import plain_values

    return {
        "same": diff.is_empty,
        "added": [plain_values(criterion) for criterion in diff.added],
        "removed": [plain_values(criterion) for criterion in diff.removed],
        "changed": diff.changed,
        "scoring": diff.scoring,
        "reordered": diff.reordered,
    }
