"""`cci-lite tenants`: add, list, show and remove tenants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cci_lite.cli.options import examples, lake_or_table_option, not_empty, output_option
from cci_lite.reports.numbers import counted

if TYPE_CHECKING:
    from cci_lite.cli.aws import Configuration
    from cci_lite.contract.configuration import TenantForms
    from cci_lite.contract.tenant import Tenant
    from cci_lite.settings import BucketLake


@click.group("tenants")
def command() -> None:
    """Tenants: the companies whose calls are in a lake."""


@command.command(
    epilog=examples(
        "cci-lite tenants add demo-tenant --lake lake --time-zone Europe/Berlin --agent-channel ch_0",
        "cci-lite tenants add demo-tenant --lake lake --file tenant.yaml",
        "cci-lite tenants add demo-tenant --status suspended",
    )
)
@click.argument("tenant_id", metavar="ID")
@lake_or_table_option
@click.option("--name", callback=not_empty, help="What people call the company.")
@click.option(
    "--time-zone",
    callback=not_empty,
    metavar="ZONE",
    help="Its days run in this zone, such as Europe/Berlin.",
)
@click.option(
    "--language",
    "language_code",
    callback=not_empty,
    metavar="CODE",
    help="The language of its calls, such as en-US.",
)
@click.option(
    "--agent-channel",
    callback=not_empty,
    metavar="ch_N",
    help="The channel of its recordings with the agent.",
)
@click.option(
    "--agent-speaker",
    callback=not_empty,
    metavar="spk_N",
    help="The speaker label that is the agent.",
)
@click.option(
    "--model", callback=not_empty, metavar="ALIAS", help="The language model, such as nova-lite."
)
@click.option(
    "--residency",
    "data_residency",
    type=click.Choice(["eu", "us"]),
    help="The part of the world that its transcripts may not leave.",
)
@click.option(
    "--status", type=click.Choice(["active", "suspended"]), help="Whether its calls are taken in."
)
@click.option(
    "--unredacted",
    type=click.Choice(["refuse", "mask"]),
    help="What becomes of its calls that Transcribe did not redact.",
)
@click.option(
    "--file", "file", type=click.Path(path_type=Path), help="All of it from YAML or JSON."
)
def add(
    tenant_id: str, lake: Path | BucketLake | None, file: Path | None, **options: str | None
) -> None:
    """Add a tenant, or change the given settings of one. Creates the lake when there is none."""
    from cci_lite.cli.aws import open_configuration
    from cci_lite.cli.output import say
    from cci_lite.contract.configuration import partition_key
    from cci_lite.contract.form import META_SORT_KEY
    from cci_lite.contract.tenant import check_services, parse_tenant
    from cci_lite.deploy.tenants import put_tenant, readable, tenant_warnings
    from cci_lite.errors import ContractError, UsageError

    key = partition_key(tenant_id)
    given = _settings_in(file) if file else {}
    with open_configuration(lake, create=True) as opened:
        # `given` overrides what is stored, and the options override both.
        stored = opened.store.get(key, META_SORT_KEY)
        # Stored settings may be broken; adding the tenant again repairs them.
        present = readable(stored)
        item = {**(present or {}), "tenant_id": tenant_id, **given}
        try:
            tenant = parse_tenant(_with_options(item, present, given, options))
            check_services(tenant)
        except ContractError as problem:
            raise UsageError(f"{file}: {problem}" if file else str(problem)) from problem
        if tenant.tenant_id != tenant_id:
            raise UsageError(f"{file}: expected the tenant {tenant_id}, found another one")
        changed = put_tenant(opened.store, tenant)
        what = ("changed" if present else "added") if changed else "is there already"
        say(f"tenant {tenant_id} {what} in {opened.place}")
        if stored is not None and present is None:
            say(
                "its previous settings could not be read: what was not given now is the default; "
                f"see: cci-lite tenants show {tenant_id}"
            )
    if not (tenant.audio.agent_channel or tenant.audio.agent_speaker):
        say("it is not known who the agent is: set --agent-channel or --agent-speaker")
    for warning in tenant_warnings(tenant, _today()):
        say(warning)


@command.command("list", epilog=examples("cci-lite tenants list --lake lake"))
@lake_or_table_option
@output_option("table", "json")
def list_stored(lake: Path | BucketLake | None, output: str) -> None:
    """The tenants of a lake; those whose settings cannot be read are listed as broken."""
    from cci_lite.cli.aws import open_configuration
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.deploy.tenants import broken_tenants, list_tenants

    columns = ("tenant_id", "name", "time_zone", "language_code", "agent_is", "status")
    with open_configuration(lake) as opened:
        rows: list[tuple[str | None, ...]] = [
            (
                tenant.tenant_id,
                tenant.name,
                tenant.time_zone,
                tenant.language_code,
                tenant.audio.agent_channel or tenant.audio.agent_speaker,
                tenant.status.value,
            )
            for tenant in list_tenants(opened.store)
        ]
        broken = broken_tenants(opened.store)
    rows += [(tenant_id, None, None, None, None, "broken") for tenant_id in broken]
    rows.sort(key=lambda row: str(row[0]))
    if output == "json":
        print_json(records(columns, rows))
    else:
        print_rows(columns, rows)
    for tenant_id, problem in broken.items():
        say(f"tenant {tenant_id}: {problem}")


@command.command(
    "show",
    epilog=examples(
        "cci-lite tenants show demo-tenant --lake lake",
        "cci-lite tenants show demo-tenant --lake lake --output json",
    ),
)
@click.argument("tenant_id", metavar="ID")
@lake_or_table_option
@output_option("table", "json")
def show_tenant(tenant_id: str, lake: Path | BucketLake | None, output: str) -> None:
    """A tenant's settings and forms, the form of each queue, and warnings."""
    from cci_lite.cli.aws import open_configuration
    from cci_lite.cli.output import print_json, print_rows, records, say
    from cci_lite.contract.tenant import item_of_tenant
    from cci_lite.deploy.tenants import get_tenant, tenant_forms, tenant_warnings

    with open_configuration(lake) as opened:
        tenant = get_tenant(opened.store, tenant_id)
        forms = tenant_forms(opened.store, tenant_id)
        judged_by = _judged_by(forms, opened)
    warnings = [
        *tenant_warnings(tenant, _today()),
        *(f"form {item.label} is broken: {item.problem}" for item in forms.broken),
    ]
    if judged_by[-1][1] is None:
        warnings.append("calls of other queues are not judged: no form is active for them")
    settings = item_of_tenant(tenant)
    labels = [form.label for form in forms.versions]
    columns = ("queue", "form", "activated_at")
    if output == "json":
        shown = {
            "settings": settings,
            "forms": labels,
            "judged_by": records(columns, judged_by),
            "warnings": warnings,
        }
        print_json(shown)
        return
    print_rows(("setting", "value"), _setting_rows(settings, tenant))
    print_rows(("form",), [(label,) for label in labels])
    print_rows(columns, judged_by)
    for warning in warnings:
        say(warning)


@command.command(
    epilog=examples(
        "cci-lite tenants remove demo-tenant --lake lake",
        "cci-lite tenants remove demo-tenant --lake lake --yes",
    )
)
@click.argument("tenant_id", metavar="ID")
@lake_or_table_option
@click.option("--yes", is_flag=True, help="Do it; without this the command only lists the items.")
def remove(tenant_id: str, lake: Path | BucketLake | None, yes: bool) -> None:
    """Delete a tenant's settings and forms, once none of its data is left."""
    from cci_lite.cli.aws import open_configuration
    from cci_lite.cli.output import say
    from cci_lite.deploy.tenants import apply_removal, plan_removal

    with open_configuration(lake) as opened:
        removal = plan_removal(opened.store, tenant_id, opened.holds)
        for key in removal.sort_keys:
            say(f"  - {key}")
        if not yes:
            say(
                f"{counted(len(removal.sort_keys), 'item')} of {tenant_id} would be deleted; "
                "to do it, add --yes"
            )
            raise click.exceptions.Exit(1)
        apply_removal(opened.store, removal)
        say(f"tenant {tenant_id} removed from {opened.place}")


def _settings_in(file: Path) -> dict[str, Any]:
    """The settings in a file; raises UsageError, also for an unknown field."""
    import msgspec

    from cci_lite.contract.parsing import in_words
    from cci_lite.contract.tenant import Tenant
    from cci_lite.errors import UsageError, show_value
    from cci_lite.local.inputs import read_definition

    given = read_definition(file)
    if not isinstance(given, dict):
        raise UsageError(f"{file}: expected an object with the tenant's settings")
    known = [field.name for field in msgspec.structs.fields(Tenant)]
    for name in given:
        if name not in known:
            raise UsageError(
                f"{file}: expected only the fields {in_words(known, 'and')}, "
                f"found {show_value(name)}"
            )
    if isinstance(name := given.get("name"), str) and not name.strip():
        raise UsageError(f"{file}: name: expected text, found empty text")
    if not isinstance(given.get("audio", {}), dict):
        raise UsageError(f"{file}: audio: expected an object")
    return given


def _with_options(
    item: Mapping[str, Any],
    present: Mapping[str, Any] | None,
    given: Mapping[str, Any],
    options: Mapping[str, str | None],
) -> dict[str, Any]:
    """The stored item, overridden by the file and then by the options, audio field by field."""
    chosen = {name: value for name, value in options.items() if value is not None}
    audio = {
        name: chosen.pop(name) for name in ("agent_channel", "agent_speaker") if name in chosen
    }
    stored = (present or {}).get("audio")
    before = stored if isinstance(stored, dict) and "audio" not in given else {}
    return {**item, **chosen, "audio": {**before, **given.get("audio", {}), **audio}}


def _judged_by(
    forms: TenantForms, opened: Configuration
) -> Sequence[tuple[str, str | None, dt.datetime | None]]:
    """The form of each queue, and last the form of all other queues."""
    from cci_lite.contract.configuration import EVERY_QUEUE
    from cci_lite.errors import FormError

    rows: list[tuple[str, str | None, dt.datetime | None]] = [
        (each.queue, each.label, each.activated_at)
        for each in forms.activations
        if each.queue != EVERY_QUEUE
    ]
    for each in forms.activations:
        if each.queue == EVERY_QUEUE:
            return [*rows, (EVERY_QUEUE, each.label, each.activated_at)]
    try:
        form = forms.active(None, opened.form_key)
    except FormError:
        form = None
    return [*rows, (EVERY_QUEUE, form.label if form else None, None)]


def _setting_rows(settings: Mapping[str, Any], tenant: Tenant) -> list[tuple[str, str]]:
    """Settings as rows, with the audio settings among the others."""
    audio = {
        "agent_channel": tenant.audio.agent_channel,
        "agent_speaker": tenant.audio.agent_speaker,
        "max_speakers": tenant.audio.max_speakers,
    }
    plain = {**{name: value for name, value in settings.items() if name != "audio"}, **audio}
    return [(name, "" if value is None else str(value)) for name, value in plain.items()]


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
