"""What must be found in the sample world, counted from what was planned.

The arithmetic here is its own on purpose: a mistake in the product's scoring shows as a difference.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cci_lite.contract.form import Form, RequiredPolicy
from cci_lite.contract.scoring import Outcome, Verdict


class FormKey(NamedTuple):
    """One version of a tenant's form."""

    tenant_id: str
    template_id: str
    template_version: int


class CriterionKey(NamedTuple):
    """One criterion of one version of a tenant's form."""

    tenant_id: str
    template_id: str
    template_version: int
    criterion_id: str


class AgentCriterionKey(NamedTuple):
    """One agent on one criterion of one version of the form."""

    tenant_id: str
    agent_id: str
    template_id: str
    template_version: int
    criterion_id: str


class AgentKey(NamedTuple):
    """One agent of a tenant."""

    tenant_id: str
    agent_id: str


class AgentWeekKey(NamedTuple):
    """One agent in one week (from Monday) under one version of the form."""

    tenant_id: str
    week_start: dt.date
    template_id: str
    template_version: int
    agent_id: str


@dataclass(frozen=True)
class VerdictCounts:
    """How many verdicts of each kind."""

    passed: int = 0
    failed: int = 0
    na: int = 0
    unscored: int = 0


@dataclass(frozen=True)
class OutcomeCounts:
    """How many calls with each outcome."""

    passed: int = 0
    failed: int = 0
    review: int = 0
    none: int = 0


@dataclass(frozen=True)
class JudgedCall:
    """What is planned for one call in its last revision."""

    form: FormKey
    agent_id: str
    call_date: dt.date
    verdicts: Mapping[str, Verdict]
    outcome: Outcome


@dataclass(frozen=True)
class Truth:
    """The exact counts at the end, after every delivery. Keys without a call are not there."""

    calls: Mapping[str, int]
    quarantined: Mapping[str, int]
    outcomes: Mapping[FormKey, OutcomeCounts]
    criteria: Mapping[CriterionKey, VerdictCounts]
    agent_criteria: Mapping[AgentCriterionKey, VerdictCounts]
    agents: Mapping[AgentKey, OutcomeCounts]
    agent_weeks: Mapping[AgentWeekKey, OutcomeCounts]


def outcome_of(template: Form, verdicts: Mapping[str, Verdict]) -> Outcome:
    """The outcome of a call in whole ten-thousandths of a point."""
    total = maximum = 0
    required_failed = False
    for criterion in template.criteria:
        points = int(criterion.weight * 10_000)
        verdict = verdicts[criterion.id]
        if verdict == "unscored" and criterion.required:
            return Outcome.REVIEW
        if verdict == "pass":
            total += points
            maximum += points
        elif verdict == "fail":
            maximum += points
            required_failed |= criterion.required
    if maximum == 0:
        return Outcome.NONE
    scoring = template.scoring
    if required_failed and scoring.required_policy is RequiredPolicy.FAIL_CALL:
        return Outcome.FAIL
    reached = total * 10_000 >= maximum * int(scoring.pass_threshold * 10_000)
    return Outcome.PASS if reached else Outcome.FAIL


def count_truth(calls: Iterable[JudgedCall], quarantined: Mapping[str, int]) -> Truth:
    """Every count, from the last revision of each call."""
    per_tenant: dict[str, int] = defaultdict(int)
    outcomes: dict[FormKey, list[str]] = defaultdict(list)
    criteria: dict[CriterionKey, list[str]] = defaultdict(list)
    agent_criteria: dict[AgentCriterionKey, list[str]] = defaultdict(list)
    agents: dict[AgentKey, list[str]] = defaultdict(list)
    agent_weeks: dict[AgentWeekKey, list[str]] = defaultdict(list)
    for call in calls:
        tenant_id, template_id, version = call.form
        monday = call.call_date - dt.timedelta(days=call.call_date.weekday())
        week = AgentWeekKey(tenant_id, monday, template_id, version, call.agent_id)
        per_tenant[tenant_id] += 1
        outcomes[call.form].append(call.outcome)
        agents[AgentKey(tenant_id, call.agent_id)].append(call.outcome)
        agent_weeks[week].append(call.outcome)
        for criterion_id, verdict in call.verdicts.items():
            criteria[CriterionKey(*call.form, criterion_id)].append(verdict)
            agent = AgentCriterionKey(tenant_id, call.agent_id, template_id, version, criterion_id)
            agent_criteria[agent].append(verdict)
    return Truth(
        calls=dict(per_tenant),
        quarantined=dict(quarantined),
        outcomes={key: _count_outcomes(found) for key, found in outcomes.items()},
        criteria={key: _count_verdicts(found) for key, found in criteria.items()},
        agent_criteria={key: _count_verdicts(found) for key, found in agent_criteria.items()},
        agents={key: _count_outcomes(found) for key, found in agents.items()},
        agent_weeks={key: _count_outcomes(found) for key, found in agent_weeks.items()},
    )


def _count_verdicts(verdicts: list[str]) -> VerdictCounts:
    return VerdictCounts(*(verdicts.count(name) for name in ("pass", "fail", "na", "unscored")))


def _count_outcomes(outcomes: list[str]) -> OutcomeCounts:
    return OutcomeCounts(*(outcomes.count(name) for name in ("pass", "fail", "review", "none")))
