"""Reads what the report page shows from the lake."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cci_lite.reports import statements
from cci_lite.reports.charts import TrendChart, TrendPoint, trend_chart
from cci_lite.reports.heatmap import AgentCriterionRow, HeatMap, heat_map
from cci_lite.reports.leaderboard import Leaderboard, form_label, leaderboard
from cci_lite.reports.statements import Query, Statement, read_rows
from cci_lite.tenancy import check_tenant_id


@dataclass(frozen=True)
class LakeContents:
    """How much the lake holds, and whether its documents add up."""

    data_as_of: dt.datetime | None
    first_call_date: dt.date | None
    last_call_date: dt.date | None
    calls: int
    sources: int
    published_calls: int
    superseded: int
    quarantined: int
    discarded: int
    erased: int
    is_balanced: bool


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Outcomes and points of a set of calls; a rate is None when nothing was evaluated."""

    calls: int = 0
    evaluated_calls: int = 0
    passed_calls: int = 0
    failed_calls: int = 0
    review_calls: int = 0
    unevaluated_calls: int = 0
    call_pass_rate: float | None = None
    call_fail_rate: float | None = None
    scored_calls: int = 0
    total_score: float | None = None
    max_score: float | None = None
    weighted_percentage: float | None = None
    passed: int = 0
    failed: int = 0
    evaluated: int = 0
    not_applicable: int = 0
    unscored: int = 0
    criteria_pass_rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class Totals(Quality):
    """All calls; how many documents claimed a score, and how many claims differ from ours."""

    reported_calls: int = 0
    differing_calls: int = 0


@dataclass(frozen=True, kw_only=True)
class FormCalls(Quality):
    """The calls judged by one version of a form."""

    template_id: str
    template_version: int
    first_call_date: dt.date
    last_call_date: dt.date
    is_current: bool = False

    @property
    def label(self) -> str:
        """`sales v2`."""
        return form_label(self.template_id, self.template_version)


@dataclass(frozen=True)
class Claim:
    """A document whose claimed score differs from the computed one."""

    call_id: str
    call_date: dt.date
    template_id: str | None
    template_version: int | None
    qa_reported_total_score: float | None
    qa_reported_max_score: float | None
    qa_reported_percentage: float | None
    qa_total_score: float | None
    qa_max_score: float | None
    qa_percentage: float | None


@dataclass(frozen=True)
class CriterionRow:
    """One criterion of one form version."""

    template_id: str
    template_version: int
    criterion_id: str
    question: str | None
    wordings: int
    required: bool
    calls: int
    passed: int
    failed: int
    evaluated: int
    not_applicable: int
    unscored: int
    fail_rate: float | None
    fail_rate_low: float | None
    fail_rate_high: float | None


@dataclass(frozen=True)
class TrendRow:
    """One week of one form version."""

    period_start: dt.date
    template_id: str
    template_version: int
    calls: int
    evaluated_calls: int
    failed_calls: int
    scored_calls: int
    weighted_percentage: float | None
    criteria_pass_rate: float | None


@dataclass(frozen=True)
class ReviewQueue:
    """The calls that wait for a person."""

    calls: int
    first_call_date: dt.date
    last_call_date: dt.date


@dataclass(frozen=True)
class ReviewReason:
    """Calls that wait for the same reasons."""

    review_reasons: str | None
    calls: int
    first_call_date: dt.date


@dataclass(frozen=True)
class QuarantineRow:
    """A document that broke the contract: where, and what was expected there."""

    call_date: dt.date
    source_key: str
    json_path: str | None
    expected: str


@dataclass(frozen=True)
class FormSection:
    """What the page shows of one form version."""

    form: FormCalls
    criteria: tuple[CriterionRow, ...]
    heat: HeatMap


@dataclass(frozen=True)
class TrendSection:
    """The weeks of one form, all its versions."""

    template_id: str
    versions: tuple[int, ...]
    rows: tuple[TrendRow, ...]
    chart: TrendChart | None


@dataclass(frozen=True)
class ReportPage:
    """Everything that the page shows, as read."""

    tenant_id: str
    tenant_name: str
    generated_at: dt.datetime
    balance: LakeContents | None
    totals: Totals
    forms: tuple[FormSection, ...]
    claims: tuple[Claim, ...]
    trends: tuple[TrendSection, ...]
    board: Leaderboard
    review: ReviewQueue | None
    review_reasons: tuple[ReviewReason, ...]
    quarantine: tuple[QuarantineRow, ...]
    statements: tuple[Statement, ...]


def read_page(
    query: Query, tenant_id: str, *, tenant_name: str, generated_at: dt.datetime
) -> ReportPage:
    """Run the page's statements, in the scope of one tenant."""
    check_tenant_id(tenant_id)
    balance = read_rows(query, statements.FRESHNESS, tenant_id, LakeContents)
    totals = read_rows(query, statements.TOTALS, tenant_id, Totals)
    review = read_rows(query, statements.REVIEW, tenant_id, ReviewQueue)
    reasons = read_rows(query, statements.REVIEW_REASONS, tenant_id, ReviewReason)
    quarantine = read_rows(query, statements.QUARANTINE, tenant_id, QuarantineRow)
    claims = read_rows(query, statements.CLAIMS, tenant_id, Claim)
    board = leaderboard(query, tenant_id)
    return ReportPage(
        tenant_id=tenant_id,
        tenant_name=tenant_name,
        generated_at=generated_at,
        balance=balance[0] if balance else None,
        totals=totals[0] if totals else Totals(),
        forms=_form_sections(
            read_rows(query, statements.FORMS, tenant_id, FormCalls),
            read_rows(query, statements.CRITERIA, tenant_id, CriterionRow),
            read_rows(query, statements.AGENTS, tenant_id, AgentCriterionRow),
        ),
        claims=tuple(claims),
        trends=_trend_sections(read_rows(query, statements.TREND, tenant_id, TrendRow)),
        board=board,
        review=review[0] if review else None,
        review_reasons=tuple(reasons),
        quarantine=tuple(quarantine),
        statements=tuple(dict.fromkeys([*_STATEMENTS, board.statement])),
    )


# In the order of the page. The leaderboard's own statement is added: it is made for a week, and is
# WEEKS, which is among these, when no week has an evaluated call.
_STATEMENTS = (
    statements.FRESHNESS,
    statements.TOTALS,
    statements.FORMS,
    statements.CLAIMS,
    statements.CRITERIA,
    statements.AGENTS,
    statements.TREND,
    statements.REVIEW,
    statements.REVIEW_REASONS,
    statements.QUARANTINE,
    statements.WEEKS,
)


def _form_sections(
    forms: Sequence[FormCalls],
    criteria: Iterable[CriterionRow],
    agents: Iterable[AgentCriterionRow],
) -> tuple[FormSection, ...]:
    criteria_of: dict[tuple[str, int], list[CriterionRow]] = {}
    for criterion in criteria:
        criteria_of.setdefault(_form_version(criterion), []).append(criterion)
    agents_of: dict[tuple[str, int], list[AgentCriterionRow]] = {}
    for agent in agents:
        agents_of.setdefault(_form_version(agent), []).append(agent)
    newest: dict[str, int] = {}
    for form in forms:
        newest[form.template_id] = max(newest.get(form.template_id, 0), form.template_version)
    return tuple(
        FormSection(
            form=replace(form, is_current=newest[form.template_id] == form.template_version),
            criteria=tuple(criteria_of.get(_form_version(form), ())),
            heat=heat_map(agents_of.get(_form_version(form), ())),
        )
        for form in forms
    )


def _form_version(row: FormCalls | CriterionRow | AgentCriterionRow) -> tuple[str, int]:
    return (row.template_id, row.template_version)


def _trend_sections(rows: Sequence[TrendRow]) -> tuple[TrendSection, ...]:
    # TREND returns the rows ordered by form, as groupby needs them.
    groups = itertools.groupby(rows, key=lambda row: row.template_id)
    return tuple(_trend_section(template_id, tuple(group)) for template_id, group in groups)


def _trend_section(template_id: str, rows: tuple[TrendRow, ...]) -> TrendSection:
    points = [
        TrendPoint(
            row.period_start, row.template_version, row.weighted_percentage, row.scored_calls
        )
        for row in rows
    ]
    # Weeks without scored calls are in the table below the chart, not in its legend.
    scored = {point.version for point in points if point.percentage is not None}
    return TrendSection(template_id, tuple(sorted(scored)), rows, trend_chart(points))
