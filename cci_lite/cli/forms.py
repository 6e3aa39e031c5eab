"""`cci-lite forms`: check, put, show, list, activate, diff and try."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cci_lite.cli.options import (
    examples,
    lake_option,
    lake_or_table_option,
    must_be_one_line,
    output_option,
    tenant_option,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cci_lite.contract.form import FormDraft
    from cci_lite.settings import BucketLake


@click.group("forms")
def command() -> None:
    """Forms by which calls are judged; a stored version never changes."""


@command.command(epilog=examples("cci-lite forms check examples/forms/sales.yaml"))
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check a form in YAML or JSON, in our own layout or in the guide's."""
    from cci_lite.cli.form_files import read_form
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
def put(file: Path, tenant_id: str, lake: Path | BucketLake | None) -> None:
    """Store a form as its next version (or the version that the file names)."""
    from cci_lite.cli.aws import open_configuration
    from cci_lite.cli.form_files import read_form
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
    """Say when, without a language model, every call would wait for a person."""
    from cci_lite.cli.output import say
    from cci_lite.contract.form import undecided_required

    if undecided := undecided_required(form.criteria):
        noun = "criterion has" if len(undecided) == 1 else "criteria have"
        say(
            f"{len(undecided)} required {noun} no rule ({', '.join(undecided)}): calls analyze "
            "asks no language model, so every call goes to review and no agent is ranked; "
            "add a rule, or do not require it"
        )


@command.command(
    "show",
    epilog=examples(
        "cci-lite forms show sales --tenant demo-tenant --lake lake",
        "cci-lite forms show sales@1 --tenant demo-tenant --lake lake --output json",
    ),
)
@click.argument("form", metavar="NAME[@VERSION]")
@tenant_option()
@lake_or_table_option
@output_option("yaml", "json")
def show_form(form: str, tenant_id: str, lake: Path | BucketLake | None, output: str) -> None:
    """Print a stored form as a file; the latest version when none is named.

    The output can be edited and put again. Putting it unchanged makes no new version.
    """
    from cci_lite.cli.form_files import stored_form
    from cci_lite.cli.output import print_json, print_text
    from cci_lite.contract.form_reading import file_of
    from cci_lite.local.inputs import yaml_of

    shown = file_of(stored_form(form, tenant_id, lake))
    if output == "json":
        print_json(shown)
    else:
        print_text(yaml_of(shown).rstrip())


@command.command("list", epilog=examples("cci-lite forms list --tenant demo-tenant --lake lake"))
@tenant_option()
@lake_or_table_option
@output_option("table", "json")
def list_tenant_forms(tenant_id: str, lake: Path | BucketLake | None, output: str) -> None:
    """A tenant's forms and their versions, and the queues whose calls are judged by them.

    A form that cannot be read is listed without its content.
    """
    from cci_lite.cli.aws import open_configuration
    from cci_lite.cli.form_tables import forms_table
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.deploy.tenants import get_tenant, tenant_forms

    with open_configuration(lake) as opened:
        get_tenant(opened.store, tenant_id)
        forms = tenant_forms(opened.store, tenant_id)
    columns, rows = forms_table(forms)
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
def activate(form: str, tenant_id: str, queue: str | None, lake: Path | BucketLake | None) -> None:
    """Judge calls by a form from now on; by its latest version when none is named.

    Calls that were judged before keep their form. Safe to repeat.
    """
    from cci_lite.cli.aws import open_configuration
    from cci_lite.cli.form_files import form_reference
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
def diff(
    before: str, after: str, tenant_id: str | None, lake: Path | BucketLake | None, output: str
) -> None:
    """Show the differences between two forms. Exits 0 when there are none, 1 otherwise.

    A stored form is named as NAME or NAME@VERSION, and needs --tenant; a path, or a name that ends
    in .yaml, .yml or .json, is a file.
    """
    from cci_lite.cli.form_files import form_in_file_or_store
    from cci_lite.cli.form_tables import diff_as_json, diff_lines
    from cci_lite.cli.output import print_json, print_text
    from cci_lite.deploy.forms_diff import diff_forms

    found = diff_forms(
        form_in_file_or_store(before, tenant_id, lake),
        form_in_file_or_store(after, tenant_id, lake),
    )
    if output == "json":
        print_json(diff_as_json(found))
    else:
        for line in diff_lines(found):
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

    Nothing is stored. The calls that a form of the same name has judged are compared, or all calls
    when there is none. Changed and new rules need the calls' TRANSCRIPTS; without them a verdict
    stands as long as its question and rule are unchanged.
    """
    from cci_lite.cli.form_files import read_form
    from cci_lite.cli.form_tables import (
        left_out_lines,
        outcomes_table,
        trial_summary,
        verdicts_table,
    )
    from cci_lite.cli.output import print_json, print_rows, say
    from cci_lite.laptop import open_lake

    trial = open_lake(lake).try_form(tenant_id, read_form(file, tenant_id), transcripts)
    if output == "json":
        print_json(trial)
        return
    say(trial_summary(trial))
    print_rows(*verdicts_table(trial))
    print_rows(*outcomes_table(trial))
    for line in left_out_lines(trial):
        say(line)
