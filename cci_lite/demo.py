"""The main job on a sample world: what was planted is what must be found."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
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
from cci_lite.pipeline.documents import analyze_transcripts
from cci_lite.ports import Transcript
from cci_lite.reports.page import report_page
from cci_lite.sample import Delivery, SampleCall, Truth, World, build_world
from cci_lite.tenancy import unified_key, work_prefix

SEED = 7
LAST_DAY = dt.date(2025, 10, 31)
OWN_TENANT = "my-company"
REPORTS = "reports"

Query = Callable[[str], pa.Table]


@dataclass(frozen=True)
class Comparison:
    """Planted numbers of one kind against those found, in words; `wrong` are not the same."""

    what: str
    planted: str
    found: str
    numbers: int
    wrong: int


def sample_world() -> World:
    """The world of the demo: always the same."""
    return build_world(SEED, last_day=LAST_DAY)


def set_up(lake: Lake, world: World) -> None:
    """Register the world's tenants and forms; raises UsageError in somebody else's lake."""
    ours = {tenant.tenant_id for tenant in world.tenants} | {OWN_TENANT}
    others = sorted({key.removeprefix("TENANT#") for key in lake.catalog.partition_keys()} - ours)
    if others:
        raise UsageError(f"{lake.path} is the lake of {', '.join(others)}; choose another --lake")
    for tenant in world.tenants:
        put_tenant(lake.catalog, tenant)
    for form in world.forms:
        template = form.template
        draft = FormDraft(template.name, template.version, template.criteria, template.scoring)
        put_form(lake.catalog, form.tenant_id, draft)


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
    """Judge a delivery's transcripts and lay its corrupt documents into the lake."""
    tenants = {tenant.tenant_id: tenant for tenant in world.tenants}
    counts: Counter[Written] = Counter()
    for tenant, template, calls in _by_form(tenants, delivery.calls):
        for call in calls:
            lake.store.write(
                f"{work_prefix(call.tenant_id)}redacted-{call.job_name}.json", call.transcript
            )
        reports = analyze_transcripts(
            lake.store, tenant, template, map(_transcript, calls), pipeline_version=__version__
        )
        for report in reports:
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


def compare(truth: Truth, tenant_id: str, query: Query) -> Iterator[Comparison]:
    """The planted numbers of a tenant against those that its tables and views give."""
    [calls] = _counts(query, "SELECT count(*) FROM calls")
    yield _compared("calls", {(): truth.calls[tenant_id]}, {(): calls[0]})
    [quarantined] = _counts(query, "SELECT count(*) FROM quarantined_documents")
    yield _compared(
        "documents in quarantine",
        {(): truth.quarantined.get(tenant_id, 0)},
        {(): quarantined[0]},
    )
    for what, planted, key, sql in _QUESTIONS:
        of_tenant = {
            tuple(each[1:]): astuple(counts)
            for each, counts in getattr(truth, planted).items()
            if each[0] == tenant_id
        }
        found = {row[:key]: row[key:] for row in _counts(query, sql)}
        yield _compared(what, of_tenant, found)


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


_OUTCOMES = ", ".join(
    f"count_if(qa_outcome = '{outcome}')" for outcome in ("pass", "fail", "review", "none")
)
_VERDICTS = "passed, failed, not_applicable, unscored"

# What is counted, where the truth has it, how many columns are its key, and the Athena SQL that
# asks.
_QUESTIONS: tuple[tuple[str, str, int, str], ...] = (
    (
        "outcomes by form version",
        "outcomes",
        2,
        f"SELECT template_id, template_version, {_OUTCOMES} FROM calls "
        "GROUP BY template_id, template_version",
    ),
    (
        "outcomes by agent",
        "agents",
        1,
        f"SELECT agent_id, {_OUTCOMES} FROM calls GROUP BY agent_id",
    ),
    (
        "verdicts by criterion",
        "criteria",
        3,
        f"SELECT template_id, template_version, criterion_id, {_VERDICTS} FROM failure_rate",
    ),
    (
        "verdicts by agent and criterion",
        "agent_criteria",
        4,
        f"SELECT agent_id, template_id, template_version, criterion_id, {_VERDICTS} "
        "FROM agent_criterion",
    ),
    (
        "outcomes by agent and week",
        "agent_weeks",
        4,
        "SELECT week_start, template_id, template_version, agent_id, "
        "passed_calls, failed_calls, review_calls, unevaluated_calls FROM failure_leaderboard",
    ),
)


def _compared(
    what: str, planted: Mapping[tuple[Any, ...], Any], found: Mapping[tuple[Any, ...], Any]
) -> Comparison:
    wrong = [key for key in planted.keys() | found.keys() if planted.get(key) != found.get(key)]
    if planted.keys() == {()}:
        return Comparison(what, f"{planted[()]:,}", f"{found[()]:,}", 1, len(wrong))
    numbers = sum(len(counts) for counts in planted.values())
    words = (
        f"{numbers:,} numbers",
        "the same" if not wrong else _first_difference(planted, found, wrong),
    )
    return Comparison(what, *words, numbers, len(wrong))


def _first_difference(
    planted: Mapping[tuple[Any, ...], Any],
    found: Mapping[tuple[Any, ...], Any],
    wrong: Iterable[tuple[Any, ...]],
) -> str:
    first = min(wrong, key=repr)
    return f"{first}: {found.get(first)} for {planted.get(first)}"


def _counts(query: Query, sql: str) -> list[tuple[Any, ...]]:
    columns = [column.to_pylist() for column in query(sql).columns]
    return list(zip(*columns, strict=True))


def _by_form(
    tenants: Mapping[str, Tenant], calls: Iterable[SampleCall]
) -> Iterator[tuple[Tenant, Form, list[SampleCall]]]:
    groups: dict[tuple[str, str], list[SampleCall]] = {}
    for call in calls:
        groups.setdefault((call.tenant_id, call.form), []).append(call)
    for (tenant_id, _), group in groups.items():
        yield tenants[tenant_id], group[0].template, group


def _transcript(call: SampleCall) -> Transcript:
    started_at = call.metadata.started_at
    assert started_at is not None  # every sample call has its start
    return Transcript(call.job_name, call.transcript, started_at, call.metadata)
