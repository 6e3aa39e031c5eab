"""`cci-lite demo`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cci_lite.cli.options import examples

if TYPE_CHECKING:
    from cci_lite.laptop import Lake

DEFAULT_LAKE = Path("demo-lake")


@click.command(
    "demo",
    epilog=examples(
        "cci-lite demo",
        "cci-lite demo --lake my-lake --transcripts my/transcribe/output --agent-channel ch_0",
    ),
)
@click.option(
    "--lake",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_LAKE,
    show_default=True,
    metavar="DIR",
    help="Where the lake is made.",
)
@click.option(
    "--transcripts",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Run on your own Amazon Transcribe output instead of the sample world.",
)
@click.option(
    "--form", type=click.Path(path_type=Path), help="With --transcripts: judge by this form."
)
@click.option("--agent-channel", metavar="ch_N", help="With --transcripts: the agent's channel.")
@click.option("--agent-speaker", metavar="spk_N", help="With --transcripts: the agent's label.")
@click.option("--no-open", is_flag=True, help="Do not open the report page in a browser.")
def command(
    lake: Path,
    transcripts: Path | None,
    form: Path | None,
    agent_channel: str | None,
    agent_speaker: str | None,
    no_open: bool,
) -> None:
    """Run the whole job once: transcripts, verdicts, tables, views, report.

    Without --transcripts it makes its own sample world (3 companies, 90 days, over 2,000 calls), in
    which every number was planted, and compares what is found with what was planted. Needs no AWS
    account.
    """
    from cci_lite.errors import UsageError

    if transcripts is not None:
        page = _own_transcripts(lake, transcripts, form, agent_channel, agent_speaker)
    elif form or agent_channel or agent_speaker:
        raise UsageError("--form, --agent-channel and --agent-speaker go with --transcripts")
    else:
        page = _sample_world(lake)
    if not no_open and sys.stdout.isatty():
        click.launch(page.resolve().as_uri())


def _sample_world(path: Path) -> Path:
    from cci_lite.cli.output import counts_in_words, print_rows, say
    from cci_lite.cli.report import print_leaderboard
    from cci_lite.demo import compare, deliver, sample_world, set_up, write_page
    from cci_lite.laptop import create_lake, utc_now

    begun = time.monotonic()
    world = sample_world()
    lake = create_lake(path)
    set_up(lake, world)
    delivered = sum(len(delivery.calls) for delivery in world.deliveries)
    say(
        f"A sample world of {len(world.tenants)} companies with {len(world.forms)} versions of forms: "
        f"{delivered:,} transcripts in {len(world.deliveries)} deliveries. The second one brings late "
        "calls, second uploads and repeats."
    )
    for number, delivery in enumerate(world.deliveries, start=1):
        counts = deliver(lake, world, delivery)
        say(
            f"{number}. delivery: {counts_in_words({str(key): count for key, count in counts.items()})} "
            f"documents, {len(delivery.corrupt)} corrupt documents laid between them"
        )
        _night(lake)
    say("the same night again, with nothing new:")
    _night(lake)
    rows, numbers, wrong = [], 0, 0
    for tenant in world.tenants:
        with lake.reader(tenant.tenant_id) as query:
            for found in compare(world.truth, tenant.tenant_id, query):
                numbers += found.numbers
                wrong += found.wrong
                rows.append((tenant.tenant_id, found.what, found.planted, found.found))
    print_rows(("tenant", "numbers", "planted", "found"), rows, title="Found against planted")
    say(
        f"{numbers:,} numbers were planted; {'all were found' if not wrong else f'{wrong} differ'}."
    )
    for story in world.stories:
        say(f"  look for it: {story.tenant_id}, {story.day}: {story.text}")
    pages = [write_page(lake, tenant, utc_now()) for tenant in world.tenants]
    first = world.tenants[0].tenant_id
    with lake.reader(first) as query:
        print_leaderboard(query, first)
    say(f"done in {time.monotonic() - begun:.0f} s")
    for page in pages:
        say(f"report page: {page}")
    say(f'next: cci-lite query "SELECT * FROM failure_rate" --tenant {first} --lake {path}')
    if wrong:
        raise click.exceptions.Exit(1)
    return pages[0]


def _own_transcripts(
    path: Path,
    transcripts: Path,
    form: Path | None,
    agent_channel: str | None,
    agent_speaker: str | None,
) -> Path:
    from cci_lite.cli.calls import judge
    from cci_lite.cli.form_files import read_form
    from cci_lite.cli.output import say
    from cci_lite.cli.report import print_leaderboard
    from cci_lite.contract.form_reading import parse_draft
    from cci_lite.contract.tenant import parse_tenant
    from cci_lite.demo import OWN_TENANT, write_page
    from cci_lite.deploy.tenants import put_form, put_tenant
    from cci_lite.laptop import create_lake, utc_now
    from cci_lite.local.inputs import find_inputs
    from cci_lite.sample import STARTER_FORM

    find_inputs([transcripts])  # refuses a wrong folder before there is a lake
    draft = read_form(form) if form else parse_draft(STARTER_FORM)
    audio = {"agent_channel": agent_channel, "agent_speaker": agent_speaker}
    given = {key: value for key, value in audio.items() if value}
    tenant = parse_tenant({"tenant_id": OWN_TENANT, "name": "My company", "audio": given})
    lake = create_lake(path)
    put_tenant(lake.catalog, tenant)
    stored = put_form(lake.catalog, tenant.tenant_id, draft)
    say(f"judging by the form {stored.form.label}")
    judge(lake, tenant, stored.form, [transcripts], None)
    _night(lake)
    with lake.reader(tenant.tenant_id) as query:
        print_leaderboard(query, tenant.tenant_id)
    page = write_page(lake, tenant, utc_now())
    say(f"report page: {page}")
    return page


def _night(lake: Lake) -> None:
    """Run the night and say in one line what it did."""
    from cci_lite.cli.output import say
    from cci_lite.errors import LakeError

    report = lake.run_etl()
    if not report.succeeded:
        reasons = [day.reason for day in report.days if day.reason]
        reasons += [*report.failed.values(), *(f"{name} is busy" for name in report.busy)]
        raise LakeError("; ".join(reasons))
    sheets = [day.balance for day in report.days if day.balance]
    read = sum(day.documents_read for day in report.days)
    if not sheets:
        say("   etl: nothing to do, no document read")
        return
    say(
        f"   etl: {read:,} documents read, {len(sheets):,} days published: "
        f"{sum(sheet.sources for sheet in sheets):,} sources = "
        f"{sum(sheet.calls for sheet in sheets):,} calls + "
        f"{sum(sheet.superseded for sheet in sheets):,} superseded + "
        f"{sum(sheet.quarantined for sheet in sheets):,} quarantined"
    )
