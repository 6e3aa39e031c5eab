"""The main job on a sample world: what was planted is what must be found."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cci_lite import __version__
from cci_lite.contract.form import Form, FormDraft
from cci_lite.contract.tenant import Tenant, UnredactedPolicy, parse_tenant
from cci_lite.deploy.tenants import put_form, put_tenant
from cci_lite.errors import LakeError, UsageError
from cci_lite.files import write_whole
from cci_lite.laptop import Lake
from cci_lite.nightly.run_report import RunReport
from cci_lite.pipeline.document_writing import Written
from cci_lite.pipeline.documents import InputReport, analyze_transcripts, ingest_documents
from cci_lite.ports import InputFile, Transcript
from cci_lite.reports.page import report_page
from cci_lite.sample import (
    Company,
    Delivery,
    Numbers,
    SampleCall,
    World,
    build_world,
    read_questions,
)
from cci_lite.tenancy import unified_key, work_prefix

SEED = 7
LAST_DAY = dt.date(2025, 10, 31)
OWN_TENANT = "my-company"
REPORTS = "reports"

Query = Callable[[str], pa.Table]


@dataclass(frozen=True)
class PlantedCheck:
    """How many numbers of one kind were planted, and how many of them are not what was found."""

    what: str
    planted: int
    wrong: int
    words: str


def sample_world() -> World:
    """The world of the demo: always the same."""
    return build_world(SEED, last_day=LAST_DAY)


def set_up(lake: Lake, world: World) -> None:
    """Register the world's tenants and forms; raises UsageError in somebody else's lake."""
    ours = {company.tenant.tenant_id for company in world.companies} | {OWN_TENANT}
    others = sorted({key.removeprefix("TENANT#") for key in lake.catalog.partition_keys()} - ours)
    if others:
        raise UsageError(f"{lake.path} is the lake of {', '.join(others)}; choose another --lake")
    for company in world.companies:
        put_tenant(lake.catalog, company.tenant)
        for form in (each.form for each in company.forms):
            draft = FormDraft(form.name, form.version, form.criteria, form.scoring)
            put_form(lake.catalog, company.tenant.tenant_id, draft)


def own_tenant(agent_channel: str | None, agent_speaker: str | None) -> Tenant:
    """The tenant of one's own transcripts; raises TenantError.

    What is not redacted is masked, because nothing is known of how it was transcribed.
    """
    audio = {"agent_channel": agent_channel, "agent_speaker": agent_speaker}
    settings = {"tenant_id": OWN_TENANT, "name": "My company", "unredacted": UnredactedPolicy.MASK}
    given = {name: value for name, value in audio.items() if value}
    return parse_tenant({**settings, "audio": given})


def set_up_own(lake: Lake, tenant: Tenant, draft: FormDraft) -> Form:
    """Register the tenant of one's own transcripts and its form."""
    put_tenant(lake.catalog, tenant)
    return put_form(lake.catalog, tenant.tenant_id, draft).form


def deliver(lake: Lake, world: World, delivery: Delivery) -> Counter[Written]:
    """Judge a delivery's transcripts, take in its documents, and lay the corrupt ones between."""
    counts: Counter[Written] = Counter()
    for company in world.companies:
        calls = [call for call in delivery.calls if call.plan.company is company]
        for report in _delivered(lake, company, calls):
            if report.problem is not None:
                raise report.problem
            counts[report.written] += 1
    for document in delivery.corrupt:
        key = unified_key(document.tenant_id, document.call_date, document.stem)
        if not lake.store.path(key).exists():
            lake.store.write(key, document.data)
    return counts


def night(lake: Lake) -> RunReport:
    """Run the night of all tenants; raises LakeError when anything of it failed."""
    report = lake.run_etl()
    if not report.succeeded:
        reasons = [day.reason for day in report.days if day.reason]
        reasons += [*report.failed.values(), *(f"{name} is busy" for name in report.busy)]
        raise LakeError("; ".join(reasons))
    return report


def _delivered(lake: Lake, company: Company, calls: Sequence[SampleCall]) -> Iterator[InputReport]:
    tenant = company.tenant
    for form in (each.form for each in company.forms):
        judged_here = [call for call in calls if call.plan.form is form and call.analysis is None]
        for call in judged_here:
            lake.store.write(
                f"{work_prefix(tenant.tenant_id)}redacted-{call.job_name}.json", call.data
            )
        transcripts = map(_transcript, judged_here)
        yield from analyze_transcripts(
            lake.store, tenant, form, transcripts, pipeline_version=__version__
        )
    at = dt.datetime.combine(LAST_DAY, dt.time(), dt.UTC)
    documents = [InputFile(each.plan.call_id, each.data, at) for each in calls if each.analysis]
    forms = {(each.name, each.version): each for each in (used.form for used in company.forms)}
    yield from ingest_documents(lake.store, tenant, forms, documents)


def compare(world: World, tenant_id: str, query: Query) -> Iterator[PlantedCheck]:
    """The planted numbers of a tenant against those that its tables and views give.

    The raw documents of the last day have to be readable too.
    """
    for what, planted in world.truth[tenant_id].items():
        yield compare_numbers(what, planted, query)


def compare_numbers(what: str, planted: Numbers, query: Query) -> PlantedCheck:
    """The planted numbers of one question against those that are found."""
    question = read_questions()[what]
    # The columns before those that are added up say whose numbers they are.
    found = {
        row[: -len(question.adds)]: row[-len(question.adds) :] for row in _rows(query, question.sql)
    }
    wrong = [key for key in planted.keys() | found.keys() if planted.get(key) != found.get(key)]
    words = "the same"
    if wrong:
        first = min(wrong, key=repr)
        whose = f"{_listed(first)}: " if first else ""
        words = f"{whose}planted {_listed(planted.get(first))}, found {_listed(found.get(first))}"
    return PlantedCheck(what, sum(map(len, planted.values())), len(wrong), words)


def _listed(values: tuple[Any, ...] | None) -> str:
    return "nothing" if values is None else ", ".join(map(str, values))


def write_page(lake: Lake, tenant: Tenant, generated_at: dt.datetime) -> Path:
    """Write a tenant's report page into the lake's `reports` folder."""
    with lake.reader(tenant.tenant_id) as query:
        page = report_page(
            query, tenant.tenant_id, tenant_name=tenant.name, generated_at=generated_at
        )
    target = lake.path / REPORTS / f"{tenant.tenant_id}.html"
    target.parent.mkdir(exist_ok=True)
    write_whole(target, page.encode())
    return target


def _rows(query: Query, sql: str) -> list[tuple[Any, ...]]:
    columns = [column.to_pylist() for column in query(sql).columns]
    return list(zip(*columns, strict=True))


def _transcript(call: SampleCall) -> Transcript:
    started_at = call.plan.started_at
    return Transcript(call.job_name, call.data, started_at, call.plan.metadata)
