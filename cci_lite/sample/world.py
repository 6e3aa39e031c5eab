"""The whole sample world: companies, two deliveries of calls, and what is true about them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cci_lite.contract.scoring import Verdict
from cci_lite.errors import UsageError
from cci_lite.sample import documents
from cci_lite.sample.company import Company, read_companies
from cci_lite.sample.dialogue import speak
from cci_lite.sample.dice import Dice
from cci_lite.sample.layouts import write_transcript
from cci_lite.sample.planning import CallPlan, Period, plan_calls
from cci_lite.sample.truth import Truth, count_truth
from cci_lite.tenancy import transcription_job_name

_FEWEST_DAYS = 28
_FEWEST_CALLS = 300
_UPLOADED_AGAIN_SHARE = 0.008
_DELIVERED_TWICE_SHARE = 0.01
_DECIDED = (Verdict.PASS, Verdict.FAIL)


@dataclass(frozen=True)
class SampleCall:
    """One delivered call: its transcript, or its document and what that says when it was judged."""

    plan: CallPlan
    revision: int
    data: bytes = field(repr=False)
    analysis: documents.CallAnalysis | None = None

    @property
    def job_name(self) -> str:
        """The transcription job that wrote the transcript."""
        return transcription_job_name(self.plan.call_id, self.revision)


@dataclass
class Delivery:
    """What arrives together: calls and corrupt documents."""

    calls: list[SampleCall] = field(default_factory=list)
    corrupt: list[documents.CorruptDocument] = field(default_factory=list)


@dataclass(frozen=True)
class World:
    """A sample world. Its second delivery holds late calls, second uploads and repeats."""

    companies: tuple[Company, ...]
    period: Period
    deliveries: tuple[Delivery, Delivery]
    truth: Truth


def build_world(seed: int, *, days: int = 90, calls: int = 2100, last_day: dt.date) -> World:
    """The world of a seed, the same to the byte wherever it is built.

    Raises UsageError for too few days or calls, and for a company's file that is wrong.
    """
    if days < _FEWEST_DAYS or calls < _FEWEST_CALLS:
        raise UsageError(
            f"the sample world: expected at least {_FEWEST_DAYS} days and {_FEWEST_CALLS} calls, "
            f"found {days} days and {calls} calls"
        )
    period = Period(last_day - dt.timedelta(days=days - 1), last_day, days)
    companies, damages = read_companies(), documents.read_damages()
    deliveries = (Delivery(), Delivery())
    truth = {}
    counts = _shared_out(companies, calls)
    for place, (company, count) in enumerate(zip(companies, counts, strict=True)):
        tenant_id, delivered = company.tenant.tenant_id, _delivered(company, period, count, seed)
        corrupt = []
        for index in range(place, len(damages), len(companies)):
            day = last_day - dt.timedelta(days=1 + index % (days - 1))
            form = period.form_on(day, company).form
            document = documents.corrupt_document(tenant_id, form, day, damages[index])
            deliveries[index % 2].corrupt.append(document)
            corrupt.append(document)
        at_the_end: dict[str, tuple[CallPlan, documents.CallAnalysis | None]] = {}
        for delivery, found in zip(deliveries, delivered, strict=True):
            delivery.calls.extend(found)
            at_the_end |= {call.plan.call_id: (call.plan, call.analysis) for call in found}
        truth[tenant_id] = count_truth(at_the_end.values(), corrupt, last_day)
    return World(companies, period, deliveries, truth)


def _shared_out(companies: Sequence[Company], calls: int) -> list[int]:
    """The number of calls of each company; the first one takes what rounding leaves."""
    shares = [company.profile.share for company in companies]
    counts = [int(calls * share / math.fsum(shares)) for share in shares]
    counts[0] += calls - sum(counts)
    return counts


def _delivered(
    company: Company, period: Period, count: int, seed: int
) -> tuple[list[SampleCall], list[SampleCall]]:
    """What arrives of a company first, and what arrives later."""
    plans = plan_calls(company, period, count, seed)
    dice = Dice(seed, company.tenant.tenant_id, "deliveries")
    on_time = [plan for plan in plans if not plan.is_late]
    # Level agents stay level and calls without roles have nothing to change.
    twins = [agent for agent in company.profile.agents if agent.same_as]
    level = {agent_id for agent in twins for agent_id in (agent.id, agent.same_as)}
    may_change = [
        plan
        for plan in on_time
        if plan.kind == "talk" and plan.roles_known and plan.agent.id not in level
    ]
    again = dice.pick_some(may_change, 1 + int(count * _UPLOADED_AGAIN_SHARE))
    unchanged = [plan for plan in on_time if plan not in again]
    repeated = dice.pick_some(unchanged, 1 + int(count * _DELIVERED_TWICE_SHARE))
    late = [plan for plan in plans if plan.is_late]
    changed = [_call(_changed(plan, dice), seed, revision=2) for plan in again]
    first, second = ([_call(plan, seed) for plan in each] for each in (on_time, late + repeated))
    return first, second + changed


def _changed(plan: CallPlan, dice: Dice) -> CallPlan:
    """The plan with the opposite verdict of one criterion."""
    decided = [name for name, verdict in plan.verdicts.items() if verdict in _DECIDED]
    changed = dice.pick(decided)
    return replace(plan, does_well={**plan.does_well, changed: not plan.does_well[changed]})


def _call(plan: CallPlan, seed: int, *, revision: int = 1) -> SampleCall:
    metadata = plan.metadata
    dice = Dice(seed, metadata.recording_key, revision)
    if plan.topic.judged == "on_aws":
        analysis = documents.analyse(plan.company.on_aws, plan.score.hundredths, dice)
        ids = {"tenant_id": plan.tenant_id, "call_id": plan.call_id, "revision": revision}
        judged = documents.judged_document(
            plan.form, plan.verdicts, **ids, call_date=plan.call_date.isoformat()
        )
        data = documents.analysed_document(judged, metadata, analysis)
        return SampleCall(plan, revision, data, analysis)
    job_name = transcription_job_name(plan.call_id, revision)
    return SampleCall(plan, revision, write_transcript(speak(plan, dice), plan, job_name))
