"""`cci-lite tenants`."""

from __future__ import annotations

from pathlib import Path

import click

from cci_lite.cli.options import examples, lake_option, output_option


@click.group("tenants")
def command() -> None:
    """Companies whose calls are in a lake."""


@command.command(
    epilog=examples(
        "cci-lite tenants add demo-tenant --lake lake --time-zone Europe/Berlin --agent-channel ch_0",
        "cci-lite tenants add demo-tenant --lake lake --file tenant.yaml",
    )
)
@click.argument("tenant_id", metavar="ID")
@lake_option
@click.option("--name", help="What people call the company.")
@click.option(
    "--time-zone", metavar="ZONE", help="Its days run in this zone, such as Europe/Berlin."
)
@click.option(
    "--language", "language_code", metavar="CODE", help="The language of its calls, such as en-US."
)
@click.option(
    "--agent-channel", metavar="ch_N", help="The channel of its recordings with the agent."
)
@click.option("--agent-speaker", metavar="spk_N", help="The speaker label that is the agent.")
@click.option(
    "--file", "file", type=click.Path(path_type=Path), help="All of it from YAML or JSON."
)
def add(
    tenant_id: str,
    lake: Path,
    name: str | None,
    time_zone: str | None,
    language_code: str | None,
    agent_channel: str | None,
    agent_speaker: str | None,
    file: Path | None,
) -> None:
    """Add a tenant, or change what is given of one. Makes the lake when there is none."""
    from cci_lite.cli.output import say
    from cci_lite.contract.tenant import item_of_tenant, parse_tenant
    from cci_lite.deploy.tenants import get_tenant, put_tenant
    from cci_lite.errors import ContractError, NotFoundError, UsageError
    from cci_lite.laptop import create_lake
    from cci_lite.local.inputs import read_definition
    from cci_lite.tenancy import check_tenant_id

    check_tenant_id(tenant_id)
    given = read_definition(file) if file else {}
    if not isinstance(given, dict):
        raise UsageError(f"{file}: expected an object with the tenant's settings")
    if not isinstance(given.get("audio", {}), dict):
        raise UsageError(f"{file}: audio: expected an object")
    opened = create_lake(lake)
    try:
        present = item_of_tenant(get_tenant(opened.catalog, tenant_id))
    except NotFoundError:
        present = {}
    options = {"name": name, "time_zone": time_zone, "language_code": language_code}
    audio = {"agent_channel": agent_channel, "agent_speaker": agent_speaker}
    item = {**present, **given, **{key: value for key, value in options.items() if value}}
    item["audio"] = {
        **item.get("audio", {}),
        **{key: value for key, value in audio.items() if value},
    }
    try:
        tenant = parse_tenant({"tenant_id": tenant_id, **item})
    except ContractError as problem:
        raise UsageError(f"{file}: {problem}" if file else str(problem)) from problem
    if tenant.tenant_id != tenant_id:
        raise UsageError(f"{file}: expected the tenant {tenant_id}, found another one")
    changed = put_tenant(opened.catalog, tenant)
    what = ("changed" if present else "added") if changed else "is there already"
    say(f"tenant {tenant_id} {what} in {lake}")
    if not (tenant.audio.agent_channel or tenant.audio.agent_speaker):
        say("its agents' side of recordings is not known: set --agent-channel or --agent-speaker")


@command.command("list", epilog=examples("cci-lite tenants list --lake lake"))
@lake_option
@output_option("table", "json")
def list_all(lake: Path, output: str) -> None:
    """The tenants of a lake."""
    from cci_lite.cli.output import print_json, print_rows, records
    from cci_lite.deploy.tenants import list_tenants
    from cci_lite.laptop import open_lake

    columns = ("tenant_id", "name", "time_zone", "language_code", "agent_is", "status")
    rows = [
        (
            tenant.tenant_id,
            tenant.name,
            tenant.time_zone,
            tenant.language_code,
            tenant.audio.agent_channel or tenant.audio.agent_speaker,
            tenant.status.value,
        )
        for tenant in list_tenants(open_lake(lake).catalog)
    ]
    if output == "json":
        print_json(records(columns, rows))
    else:
        print_rows(columns, rows)
