"""`cci-lite calls`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cci_lite.cli.options import examples, lake_option, tenant_option

if TYPE_CHECKING:
    from cci_lite.pipeline.delivery import DeliveryReport
    from cci_lite.ports import InputFile, UnreadableFile

_PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.group("calls")
def command() -> None:
    """Judge transcripts, or take in documents made elsewhere."""


@command.command(
    epilog=examples(
        "cci-lite calls analyze transcripts/ --tenant demo-tenant --form sales --lake lake",
        "cci-lite calls analyze calls.jsonl.gz --metadata calls.csv --tenant demo-tenant --form sales --lake lake",
    )
)
@_PATHS
@tenant_option()
@click.option(
    "--form",
    required=True,
    metavar="NAME[@VERSION]",
    help="Judge by this form; its latest version by default.",
)
@lake_option
@click.option(
    "--metadata",
    type=click.Path(path_type=Path),
    help="CSV or JSON Lines with job_name, started_at, agent_id, queue, …",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Judge calls anew that another form, or another version, has judged.",
)
def analyze(
    paths: Sequence[Path],
    tenant_id: str,
    form: str,
    lake: Path,
    metadata: Path | None,
    overwrite: bool,
) -> None:
    """Judge Amazon Transcribe output by a form's rules and write unified documents.

    Criteria without a rule stay unscored, sentiment and tone stay empty: nothing is made up. What
    is quoted is masked. A transcript that is not redacted is masked or refused, as the tenant's
    setting says (tenants add --unredacted). Metadata of a call comes from --metadata or from a file
    `<transcript>.meta.json` beside it. What of it cannot be meant is left out and named; times
    without an offset are the tenant's. A call keeps the verdicts of the form that judged it first.
    Safe to repeat.
    """
    from cci_lite.cli.form_files import form_reference
    from cci_lite.cli.metadata import say_metadata
    from cci_lite.cli.output import progress
    from cci_lite.laptop import open_lake

    name, version = form_reference(form)
    with progress("transcripts", None) as bar:
        delivery, told = open_lake(lake).analyze(
            tenant_id,
            name,
            paths,
            form_version=version,
            metadata=metadata,
            overwrite=overwrite,
            observe=bar.advance,
        )
    say_delivery("transcript", delivery, tenant_id, lake)
    say_metadata(told)
    if delivery.refused.count or told.put_aside:
        raise click.exceptions.Exit(1)


@command.command(
    epilog=examples(
        "cci-lite calls ingest documents/ --tenant demo-tenant --lake lake",
        "cci-lite calls ingest s3://cci-lite-results/unified/ --tenant demo-tenant --lake lake",
    )
)
@click.argument("paths", nargs=-1, required=True, metavar="PATHS|s3://BUCKET/unified/...")
@tenant_option()
@lake_option
def ingest(paths: Sequence[str], tenant_id: str, lake: Path) -> None:
    """Take in unified documents made elsewhere, scored with the form that they name.

    Versions 1.2 and 1.3, pretty-printed or not, from files or from a bucket, of which only the
    tenant's own part is read. A document that names no form is judged by the form `default`,
    version 1. Quotes, reasons, phrases and summaries are masked as ours are. Safe to repeat.
    """
    from cci_lite.cli.output import progress
    from cci_lite.laptop import open_lake

    with progress("documents", None) as bar:
        documents = _documents(paths, tenant_id)
        delivery = open_lake(lake).ingest(tenant_id, documents, observe=bar.advance)
    say_delivery("document", delivery, tenant_id, lake)
    if delivery.refused.count:
        raise click.exceptions.Exit(1)


def _documents(paths: Sequence[str], tenant_id: str) -> Iterator[InputFile | UnreadableFile]:
    """What lies in files and folders, then what lies in buckets."""
    from cci_lite.local.inputs import find_inputs, read_inputs

    addresses = [path for path in paths if path.casefold().startswith("s3://")]
    local = [Path(path) for path in paths if path not in addresses]
    in_buckets = _in_buckets(addresses, tenant_id) if addresses else iter(())
    yield from read_inputs(find_inputs(local) if local else [])
    yield from in_buckets


def _in_buckets(addresses: Sequence[str], tenant_id: str) -> Iterator[InputFile | UnreadableFile]:
    from cci_lite.cli.aws import client, explained

    s3 = client("s3")  # says what is missing before anything of the service is loaded
    from cci_lite.aws.documents import documents_place, read_documents

    for place in [documents_place(address, tenant_id) for address in addresses]:
        with explained("s3", f"bucket {place.bucket}"):
            yield from read_documents(s3, place)


def say_delivery(noun: str, delivery: DeliveryReport, tenant_id: str, lake: Path) -> None:
    """Say what became of the transcripts or documents of one command."""
    from cci_lite.cli.hearing import untold_lines
    from cci_lite.cli.output import counts_in_words, say, say_some
    from cci_lite.reports.numbers import counted

    add = f"cci-lite tenants add {tenant_id} --lake {lake}"
    counts = {written.value: count for written, count in delivery.counts.items()}
    counts["refused"] = delivery.refused.count
    say(f"{counted(delivery.inputs, noun)}: {counts_in_words(counts)}")
    say_some(delivery.refused.first, "refused", delivery.refused.count)
    if delivery.unredacted:
        say(
            f"refused as not redacted: {delivery.unredacted:,}; to have such calls masked, where "
            f"their language allows it: {add} --unredacted mask"
        )
    if delivery.masked.count:
        say(f"{_MASKED[noun]}: {delivery.masked.count:,}")
        say_some(delivery.masked.first, "masked", delivery.masked.count)
    say_some(delivery.claims.first, "with another score", delivery.claims.count)
    for form, calls in sorted(delivery.kept.items()):
        say(
            f"{counted(calls, 'call')} with the earlier verdicts of {form}; cci-lite forms try "
            "shows what another form would change, and --overwrite judges anew"
        )
    for line in untold_lines(delivery.untold, add):
        say(line)
    if delivery.unknown_fields:
        say(f"left out: {counted(delivery.unknown_fields, 'field')} unknown to the contract")
    if delivery.has_written:
        say(f"next: cci-lite etl run --tenant {tenant_id} --lake {lake}")


_MASKED = {
    "transcript": "not redacted, and masked here (a name is found only when somebody introduces it "
    "or the metadata gives it)",
    "document": "with words that are masked now",
}
