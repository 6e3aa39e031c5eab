"""The whole sample world: tenants, forms, two deliveries of calls, and what is true about them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cci_lite.contract.columns import UNKNOWN_AGENT
from cci_lite.contract.form import Form
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.scoring import Outcome, Verdict
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import UsageError
from cci_lite.sample.broadband import BROADBAND
from cci_lite.sample.company import Layout
from cci_lite.sample.corrupt import DAMAGES, CorruptDocument, corrupt_document
from cci_lite.sample.dialogue import AGENT, SpokenTurn, speak
from cci_lite.sample.dice import Dice
from cci_lite.sample.energy import ENERGY
from cci_lite.sample.layouts import Recording, write_transcript
from cci_lite.sample.outfitters import OUTFITTERS
from cci_lite.sample.planning import CallPlan, Kind, Period, plan_calls
from cci_lite.sample.truth import FormKey, JudgedCall, Truth, count_truth, outcome_of
from cci_lite.tenancy import call_id_for, transcription_job_name

COMPANIES = (OUTFITTERS, ENERGY, BROADBAND)

_FEWEST_DAYS = 28
_FEWEST_CALLS = 300
_UPLOADED_AGAIN_SHARE = 0.008
_DELIVERED_TWICE_SHARE = 0.01


@dataclass(frozen=True)
class SampleForm:
    """A version of a tenant's form, and the day from which calls are judged by it."""

    tenant_id: str
    template: Form
    active_from: dt.date


@dataclass(frozen=True)
class SampleCall:
    """One delivered transcript, what is known about its call, and the verdicts that it must get."""

    tenant_id: str
    recording_key: str
    revision: int
    transcript: bytes = field(repr=False)
    layout: Layout
    metadata: CallMetadata
    call_date: dt.date
    template: Form
    verdicts: Mapping[str, Verdict]
    outcome: Outcome

    @property
    def call_id(self) -> str:
        """The id of the call: the same for every upload of the recording."""
        return call_id_for(self.tenant_id, self.recording_key)

    @property
    def job_name(self) -> str:
        """The transcription job that wrote the transcript."""
        return transcription_job_name(self.call_id, self.revision)

    @property
    def form(self) -> str:
        """The form by which the call is judged, such as `support v2`."""
        return self.template.label

    @property
    def agent_id(self) -> str:
        """The agent as the lake names them."""
        return self.metadata.agent_id or UNKNOWN_AGENT


@dataclass(frozen=True)
class Delivery:
    """What arrives together."""

    calls: tuple[SampleCall, ...]
    corrupt: tuple[CorruptDocument, ...]


@dataclass(frozen=True)
class Story:
    """Something that happened at a tenant on a day and shows in the numbers of a criterion."""

    tenant_id: str
    day: dt.date
    criterion_id: str
    text: str


@dataclass(frozen=True)
class World:
    """A sample world. Its second delivery holds late calls, second uploads and repeats."""

    tenants: tuple[Tenant, ...]
    forms: tuple[SampleForm, ...]
    stories: tuple[Story, ...]
    deliveries: tuple[Delivery, ...]
    truth: Truth


def build_world(seed: int, *, days: int = 90, calls: int = 2100, last_day: dt.date) -> World:
    """The world of a seed, the same to the byte wherever it is built.

    Raises UsageError when `days` or `calls` are too few to tell its stories.
    """
    if days < _FEWEST_DAYS or calls < _FEWEST_CALLS:
        raise UsageError(
            f"the sample world: expected at least {_FEWEST_DAYS} days and {_FEWEST_CALLS} calls, "
            f"found {days} days and {calls} calls"
        )
    period = Period(last_day - dt.timedelta(days=days - 1), last_day)
    first: list[SampleCall] = []
    second: list[SampleCall] = []
    for company, count in zip(COMPANIES, _shared_out(calls), strict=True):
        plans = plan_calls(company, period, count, seed)
        dice = Dice(seed, company.tenant.tenant_id, "deliveries")
        for plan in plans:
            (second if plan.is_late else first).append(_call(plan, seed))
        on_time = [plan for plan in plans if not plan.is_late]
        again = dice.pick_some(
            [plan for plan in on_time if _may_change(plan)], 1 + int(count * _UPLOADED_AGAIN_SHARE)
        )
        second += [_call(_changed(plan, dice), seed, revision=2) for plan in again]
        replaced = {plan.number for plan in again}
        repeated = dice.pick_some(
            [plan for plan in on_time if plan.number not in replaced],
            1 + int(count * _DELIVERED_TWICE_SHARE),
        )
        second += [_call(plan, seed) for plan in repeated]
    corrupt = [_corrupt(index, period) for index in range(len(DAMAGES))]
    deliveries = (
        Delivery(tuple(first), tuple(corrupt[::2])),
        Delivery(tuple(second), tuple(corrupt[1::2])),
    )
    return World(
        tenants=tuple(company.tenant for company in COMPANIES),
        forms=tuple(
            SampleForm(company.tenant.tenant_id, form.template, period.monday_at(form.begins_at))
            for company in COMPANIES
            for form in company.forms
        ),
        stories=tuple(
            Story(
                company.tenant.tenant_id,
                period.monday_at(point.at),
                point.criterion_id,
                point.because,
            )
            for company in COMPANIES
            for point in company.turning_points
        ),
        deliveries=deliveries,
        truth=count_truth(_at_the_end(deliveries), Counter(doc.tenant_id for doc in corrupt)),
    )


def _shared_out(calls: int) -> list[int]:
    """The number of calls of each company; the first one takes what rounding leaves."""
    counts = [int(calls * company.share) for company in COMPANIES]
    counts[0] += calls - sum(counts)
    return counts


def _call(plan: CallPlan, seed: int, *, revision: int = 1) -> SampleCall:
    tenant = plan.company.tenant
    key = plan.recording_key
    turns = speak(plan, Dice(seed, key, revision))
    recording = Recording(
        job_name=transcription_job_name(call_id_for(tenant.tenant_id, key), revision),
        language_code=tenant.language_code,
        layout=plan.layout,
        agent_comes_first=_agent_comes_first(plan, turns),
    )
    verdicts = plan.verdicts()
    return SampleCall(
        tenant_id=tenant.tenant_id,
        recording_key=key,
        revision=revision,
        transcript=write_transcript(turns, recording),
        layout=plan.layout,
        metadata=_metadata(plan),
        call_date=plan.call_date,
        template=plan.form.template,
        verdicts=verdicts,
        outcome=outcome_of(plan.form.template, verdicts),
    )


def _metadata(plan: CallPlan) -> CallMetadata:
    agent = plan.agent if plan.is_named else None
    return CallMetadata(
        recording_key=plan.recording_key,
        started_at=plan.started_at,
        agent_id=agent.agent_id if agent else None,
        agent_name=agent.name if agent else None,
        agent_team=agent.team if agent else None,
        queue=plan.topic.queue,
        direction=plan.topic.direction,
        channel="voice",
        language_code=plan.company.tenant.language_code,
    )


def _agent_comes_first(plan: CallPlan, turns: Sequence[SpokenTurn]) -> bool:
    """Whether the agent has the first of the two labels."""
    audio = plan.company.tenant.audio
    if plan.layout is not Layout.SPEAKERS:
        return audio.agent_channel == "ch_0"
    if audio.agent_speaker is not None:
        return audio.agent_speaker == "spk_0"
    # Left to itself, Transcribe numbers the speakers as they begin to speak.
    return bool(turns) and turns[0].who == AGENT


def _may_change(plan: CallPlan) -> bool:
    """Level agents stay level and calls without roles have nothing to change."""
    twins = [agent.twin.agent_id for agent in plan.company.agents if agent.twin]
    is_level = plan.agent.twin is not None or plan.agent.agent_id in twins
    return plan.kind is Kind.TALK and plan.roles_known and not is_level


def _changed(plan: CallPlan, dice: Dice) -> CallPlan:
    """The plan with the opposite verdict of one criterion."""
    decided = [
        criterion_id
        for criterion_id, verdict in plan.verdicts().items()
        if verdict in (Verdict.PASS, Verdict.FAIL)
    ]
    changed = dice.pick(decided)
    return replace(plan, does_well={**plan.does_well, changed: not plan.does_well[changed]})


def _corrupt(index: int, period: Period) -> CorruptDocument:
    company = COMPANIES[index % len(COMPANIES)]
    call_date = period.last_day - dt.timedelta(days=1 + index % (period.days - 1))
    form = next(
        form for form in reversed(company.forms) if period.monday_at(form.begins_at) <= call_date
    )
    return corrupt_document(company.tenant.tenant_id, form.template, call_date, DAMAGES[index])


def _at_the_end(deliveries: Iterable[Delivery]) -> list[JudgedCall]:
    last = {
        (call.tenant_id, call.recording_key): call
        for delivery in deliveries
        for call in delivery.calls
    }
    return [
        JudgedCall(
            FormKey(call.tenant_id, call.template.name, call.template.version),
            call.agent_id,
            call.call_date,
            call.verdicts,
            call.outcome,
        )
        for call in last.values()
    ]
