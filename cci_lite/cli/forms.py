"""`cci-lite forms`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cci_lite.cli.options import examples, lake_option, output_option, tenant_option

if TYPE_CHECKING:
    from cci_lite.contract.template import TemplateDraft


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
@lake_option
def put(file: Path, tenant_id: str, lake: Path) -> None:
    """Store a form as its next version (or the version that the file names)."""
    from cci_lite.cli.output import say
    from cci_lite.deploy.tenants import put_form
    from cci_lite.laptop import open_lake

    stored = put_form(open_lake(lake).catalog, tenant_id, read_form(file, tenant_id))
    what = "stored" if stored.is_new else "was there already"
    say(f"form {stored.template.label} of {tenant_id} {what}")


@command.command("list", epilog=examples("cci-lite forms list --tenant demo-tenant --lake lake"))
@tenant_option()
@lake_option
@output_option("table", "json")
def list_all(tenant_id: str, lake: Path, output: str) -> None:
    """A tenant's forms and their versions."""
    from cci_lite.cli.output import print_json, print_rows, records
    from cci_lite.laptop import open_lake

    columns = ("form", "version", "criteria", "by_rule", "points", "pass_threshold", "content_hash")
    rows = [
        (
            form.name,
            form.version,
            len(form.criteria),
            sum(criterion.rule is not None for criterion in form.criteria),
            float(sum(criterion.weight for criterion in form.criteria)),
            float(form.scoring.pass_threshold),
            form.content_hash,
        )
        for form in open_lake(lake).tenants(tenant_id)[tenant_id]
    ]
    if output == "json":
        print_json(records(columns, rows))
    else:
        print_rows(columns, rows)


def read_form(file: Path, tenant_id: str | None = None) -> TemplateDraft:
    """The form in a file; raises UsageError that names the file and what is wrong in it."""
    from cci_lite.contract.template import parse_draft
    from cci_lite.errors import TemplateError, UsageError
    from cci_lite.local.inputs import read_definition

    try:
        return parse_draft(read_definition(file), tenant_id=tenant_id)
    except TemplateError as problem:
        raise UsageError(f"{file}: {problem}") from problem
