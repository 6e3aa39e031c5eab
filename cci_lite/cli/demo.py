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
    from cci_lite.laptop import create_lake
    from cci_lite.operations import utc_now

    begun = time.monotonic()
    world = sample_world()
    lake = create_lake(path)
    set_up(lake, world)
    calls = [call for delivery in world.deliveries for call in delivery.calls]
    documents = [call for call in calls if call.analysis]
    say(
        f"A sample world of {len(world.companies)} companies with "
        f"{sum(len(company.forms) for company in world.companies)} versions of forms: "
        f"{len(calls):,} calls in {len(world.deliveries)} deliveries. The second one brings late "
        "calls, second uploads and repeats."
    )
    say(
        f"{len(calls) - len(documents):,} of them are transcripts, in English and German, which are "
        f"judged here by rules. {len(documents):,} are documents that were made elsewhere and come as "
        "with calls ingest: offline nobody can know a language model's verdicts, sentiment, tone, "
        "key phrases, entities or costs. What these documents say was planted too."
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
    tenants = [company.tenant for company in world.companies]
    rows: dict[str, list[str]] = {}
    found = []
    for tenant in tenants:
        with lake.reader(tenant.tenant_id, raw=world.period.last_day) as query:
            for each in compare(world, tenant.tenant_id, query):
                rows.setdefault(each.what, []).append(
                    "DIFFERS" if each.wrong else f"{each.planted:,}"
                )
                found.append((tenant.tenant_id, each))
    columns = ("numbers", *(tenant.tenant_id for tenant in tenants))
    title = "Numbers that were planted and found again"
    print_rows(columns, [(what, *cells) for what, cells in rows.items()], title=title)
    for tenant_id, each in found:
        if each.wrong:
            say(f"{tenant_id}, {each.what}: {each.wrong} differ, the first: {each.words}")
    wrong = sum(each.wrong for _, each in found)
    say(
        f"{sum(each.planted for _, each in found):,} numbers were planted; "
        f"{'all were found' if not wrong else f'{wrong} differ'}."
    )
    for company in world.companies:
        for story in company.profile.stories:
            day = world.period.monday_at(story.since)
            say(f"  look for it: {company.tenant.tenant_id}, {day}: {story.because}")
    pages = [write_page(lake, tenant, utc_now()) for tenant in tenants]
    first = tenants[0].tenant_id
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
    from cci_lite.cli.calls import say_delivery
    from cci_lite.cli.form_files import read_form
    from cci_lite.cli.output import say
    from cci_lite.cli.report import print_leaderboard
    from cci_lite.demo import own_tenant, set_up_own, write_page
    from cci_lite.laptop import create_lake
    from cci_lite.local.inputs import find_inputs
    from cci_lite.operations import utc_now
    from cci_lite.sample import STARTER_FORM

    find_inputs([transcripts])  # refuses a wrong folder before there is a lake
    draft = read_form(form or STARTER_FORM)
    tenant = own_tenant(agent_channel, agent_speaker)
    lake = create_lake(path)
    judged_by = set_up_own(lake, tenant, draft)
    say(f"judging by the form {judged_by.label}")
    delivery, _ = lake.analyze(tenant.tenant_id, judged_by.name, [transcripts])
    say_delivery("transcript", delivery, tenant.tenant_id, path)
    _night(lake)
    with lake.reader(tenant.tenant_id) as query:
        print_leaderboard(query, tenant.tenant_id)
    page = write_page(lake, tenant, utc_now())
    say(f"report page: {page}")
    return page


def _night(lake: Lake) -> None:
    """Run the night and say in one line what it did."""
    from cci_lite.cli.output import say
    from cci_lite.demo import night

    report = night(lake)
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
