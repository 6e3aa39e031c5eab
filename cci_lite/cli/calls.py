"""`cci-lite calls`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cci_lite.cli.options import examples, lake_option, tenant_option

if TYPE_CHECKING:
    from cci_lite.cli.metadata import MetadataUse
    from cci_lite.contract.form import Form
    from cci_lite.contract.tenant import Tenant
    from cci_lite.laptop import Lake
    from cci_lite.local.inputs import InputFile, UnreadableFile
    from cci_lite.pipeline.documents import InputReport, Transcript

SHOWN_PROBLEMS = 20
_S3 = re.compile(r"s3://", re.IGNORECASE)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

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

    Criteria without a rule stay unscored, sentiment and tone stay empty: nothing is made up.
    Metadata of a call comes from --metadata or from a file `<transcript>.meta.json` beside it. What
    of it cannot be meant is left out and named; times without an offset are the tenant's. A call
    keeps the verdicts of the form that judged it first. Safe to repeat.
    """
    from cci_lite.cli.form_files import form_reference
    from cci_lite.deploy.tenants import get_form, get_tenant
    from cci_lite.laptop import open_lake

    opened = open_lake(lake)
    tenant = get_tenant(opened.catalog, tenant_id)
    judged_by = get_form(opened.catalog, tenant_id, *form_reference(form))
    if judge(opened, tenant, judged_by, paths, metadata, overwrite=overwrite):
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
    version 1. Safe to repeat.
    """
    from cci_lite.deploy.tenants import get_tenant
    from cci_lite.laptop import open_lake
    from cci_lite.pipeline.documents import InputDocument, ingest_documents

    opened = open_lake(lake)
    tenant = get_tenant(opened.catalog, tenant_id)
    forms = opened.tenants(tenant_id)[tenant_id]
    unread: list[InputReport] = []
    files = _readable(_inputs(paths, tenant_id), unread)
    documents = (InputDocument(file.name, file.data) for file in files)
    by_name = {(form.name, form.version): form for form in forms}
    reports = ingest_documents(opened.store, tenant, by_name, documents)
    if _finish("documents", reports, unread, tenant_id, lake):
        raise click.exceptions.Exit(1)


def judge(
    lake: Lake,
    tenant: Tenant,
    form: Form,
    paths: Sequence[Path],
    metadata: Path | None,
    *,
    overwrite: bool = False,
) -> int:
    """Judge the transcripts in these files and say what became of them.

    Returns how many were refused, and how many values of their metadata.
    """
    from cci_lite import __version__
    from cci_lite.cli.metadata import MetadataUse
    from cci_lite.laptop import utc_now
    from cci_lite.local.inputs import find_inputs, read_inputs
    from cci_lite.local.metadata import read_metadata
    from cci_lite.pipeline.documents import analyze_transcripts

    file = read_metadata(tenant.tenant_id, metadata, tenant.zone) if metadata else None
    use = MetadataUse(file, tenant.zone, utc_now())
    unread: list[InputReport] = []
    files = _readable(read_inputs(find_inputs(paths)), unread)
    transcripts = _transcripts(files, use)
    reports = analyze_transcripts(
        lake.store,
        tenant,
        form,
        transcripts,
        pipeline_version=__version__,
        overwrite=overwrite,
    )
    refused = _finish("transcripts", reports, unread, tenant.tenant_id, lake.path)
    return refused + use.report()


def transcripts_in(tenant: Tenant, paths: Sequence[Path]) -> Iterator[Transcript]:
    """The transcripts in these files that can be read, with the metadata beside them."""
    from cci_lite.cli.metadata import MetadataUse
    from cci_lite.laptop import utc_now
    from cci_lite.local.inputs import find_inputs, read_inputs

    use = MetadataUse(None, tenant.zone, utc_now())
    unread: list[InputReport] = []
    return _transcripts(_readable(read_inputs(find_inputs(paths)), unread), use)


def _inputs(paths: Sequence[str], tenant_id: str) -> Iterator[InputFile | UnreadableFile]:
    """What lies in files and folders, then what lies in buckets."""
    from cci_lite.local.inputs import find_inputs, read_inputs

    buckets = [_bucket_and_prefix(path, tenant_id) for path in paths if _S3.match(path)]
    local = [Path(path) for path in paths if not _S3.match(path)]
    yield from read_inputs(find_inputs(local) if local else [])
    for bucket, prefix in buckets:
        yield from _objects(bucket, prefix)


def _bucket_and_prefix(path: str, tenant_id: str) -> tuple[str, str]:
    """Where in a bucket to look: below the tenant's own prefix, or UsageError is raised."""
    from cci_lite.errors import UsageError
    from cci_lite.tenancy import UNIFIED, unified_prefix

    bucket, _, key = _S3.sub("", path, count=1).partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(
            f"{path}: expected the name of a bucket after s3://, which is 3 to 63 lower-case "
            "letters, digits, dots and hyphens, with a letter or digit at both ends"
        )
    own, folder = unified_prefix(tenant_id), f"{key.rstrip('/')}/"
    if folder == f"{UNIFIED}/":
        return bucket, own
    if not folder.startswith(own):
        raise UsageError(f"{path}: expected s3://BUCKET/{UNIFIED}/ or a prefix below {own}")
    return bucket, folder


def _objects(bucket: str, prefix: str) -> Iterator[InputFile | UnreadableFile]:
    """The documents in a bucket, as files are."""
    from cci_lite.cli.aws import client, explained
    from cci_lite.errors import ContractError, NotFoundError
    from cci_lite.local.inputs import InputFile, UnreadableFile

    s3 = client("s3")
    from cci_lite.aws.documents import read_documents

    found = False
    with explained("s3", f"bucket {bucket}"):
        for document in read_documents(s3, bucket, prefix):
            found = True
            if isinstance(document.data, ContractError):
                yield UnreadableFile(document.name, document.data)
            else:
                yield InputFile(document.name, document.data, document.modified_at)
    if not found:
        raise NotFoundError(f"no document below s3://{bucket}/{prefix}")


def _readable(
    files: Iterable[InputFile | UnreadableFile], unread: list[InputReport]
) -> Iterator[InputFile]:
    """The files that can be read; the others join `unread`."""
    from cci_lite.local.inputs import UnreadableFile
    from cci_lite.pipeline.documents import InputReport, Written

    for file in files:
        if isinstance(file, UnreadableFile):
            unread.append(InputReport(file.name, Written.REFUSED, file.problem))
        else:
            yield file


def _transcripts(files: Iterable[InputFile], use: MetadataUse) -> Iterator[Transcript]:
    """The transcripts with their metadata."""
    from cci_lite.local.inputs import job_name_of
    from cci_lite.pipeline.documents import Transcript

    for file in files:
        known = use.metadata_of(file.name, job_name_of(file.data) or "")
        yield Transcript(file.name, file.data, file.modified_at, known)


def _finish(
    what: str,
    reports: Iterable[InputReport],
    unread: Sequence[InputReport],
    tenant_id: str,
    lake: Path,
) -> int:
    """Show progress, then what became of the inputs; how many were refused.

    `unread` is whole when the last report has come.
    """
    from cci_lite.cli.hearing import Untold
    from cci_lite.cli.output import counts_in_words, progress, say
    from cci_lite.pipeline.documents import Written

    counts: Counter[str] = Counter()
    unknown_fields = 0
    untold = Untold()
    refused = _Listed()
    claims = _Listed()
    kept: Counter[str] = Counter()
    with progress(what, None) as bar:
        for report in reports:
            bar.advance()
            counts[report.written.value] += 1
            if report.heard is not None:
                untold.add(report.heard)
            unknown_fields += report.unknown_fields
            if report.problem is not None:
                refused.append(report)
            if report.claim is not None:
                claims.append(report)
            if report.kept_form is not None:
                kept[report.kept_form] += 1
    for report in unread:
        refused.append(report)
    counts[Written.REFUSED.value] = refused.count
    say(f"{sum(counts.values()):,} {what}: {counts_in_words(counts)}")
    _list(refused, lambda report: f"{report.name}: {report.problem}", "refused")
    _list(claims, lambda report: f"{report.name}: {report.claim}", "with another score")
    for form, calls in sorted(kept.items()):
        say(
            f"{calls:,} keep the verdicts of {form}, which judged them before; what another form "
            "would change shows cci-lite forms try, and --overwrite judges anew"
        )
    for line in untold.lines(f"cci-lite tenants add {tenant_id} --lake {lake}"):
        say(line)
    if unknown_fields:
        say(f"{unknown_fields:,} fields that the contract does not know were left out")
    if counts[Written.NEW] or counts[Written.CHANGED]:
        say(f"next: cci-lite etl run --tenant {tenant_id} --lake {lake}")
    return refused.count


class _Listed:
    """Reports of which the first are shown: a file may have millions of lines that are refused."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[InputReport] = []

    def append(self, report: InputReport) -> None:
        """Count it, and keep it when it will be shown."""
        self.count += 1
        if self.count <= SHOWN_PROBLEMS:
            self.first.append(report)


def _list(reports: _Listed, line: Callable[[InputReport], str], rest: str) -> None:
    from cci_lite.cli.output import say_some

    say_some([line(report) for report in reports.first], rest, reports.count)
