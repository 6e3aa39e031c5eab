"""Who calls when about what, who answers, and which verdict each criterion is to get."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from cci_lite.contract.form import SaidBy
from cci_lite.contract.scoring import Verdict
from cci_lite.sample.company import Company, Layout, SampleAgent, SampleForm, Topic
from cci_lite.sample.dice import Dice
from cci_lite.tenancy import recording_key

_NO_AGENT_SHARE = 0.012
_EMPTY_SHARE = 0.012
_UNNAMED_SHARE = 0.02
_MIDNIGHT_SHARE = 0.03
_LATE_SHARE = 0.03
_LATE_BY_DAYS = 3
_HARDEST = 0.9


class Kind(Enum):
    """What is on the recording."""

    TALK = auto()
    NO_AGENT = auto()
    EMPTY = auto()


@dataclass(frozen=True)
class Period:
    """The days of the sample world."""

    first_day: dt.date
    last_day: dt.date

    @property
    def days(self) -> int:
        """How many days there are."""
        return (self.last_day - self.first_day).days + 1

    def monday_at(self, share: float) -> dt.date:
        """The first day for 0, otherwise the first Monday after that share of the period."""
        if not share:
            return self.first_day
        day = self.first_day + dt.timedelta(days=int(self.days * share))
        return day + dt.timedelta(days=-day.weekday() % 7)


@dataclass(frozen=True)
class CallPlan:
    """One call as it is to be: `does_well` says which criteria the agent is to meet."""

    company: Company
    number: int
    call_date: dt.date
    started_at: dt.datetime
    form: SampleForm
    topic: Topic
    agent: SampleAgent
    is_named: bool
    kind: Kind
    layout: Layout
    is_late: bool
    does_well: Mapping[str, bool]

    @property
    def recording_key(self) -> str:
        """The key of the call's recording."""
        local = self.started_at.astimezone(self.company.tenant.zone)
        name = f"{local:%Y/%m/%d/%H%M%S}-{self.number:05}.wav"
        return recording_key(self.company.tenant.tenant_id, name)

    @property
    def roles_known(self) -> bool:
        """Whether the recording tells who the agent is."""
        audio = self.company.tenant.audio
        match self.layout:
            case Layout.CALL_ANALYTICS:
                return True
            case Layout.SPEAKERS:
                return audio.agent_speaker is not None
            case _:
                return audio.agent_channel is not None

    def verdicts(self) -> dict[str, Verdict]:
        """The verdict of each criterion, in the form's order."""
        return {
            criterion.id: (
                Verdict.UNSCORED
                if criterion.rule is None
                else Verdict.NA
                if criterion.id in self.topic.not_applicable
                or not self._can_be_heard(criterion.rule.said_by)
                else Verdict.PASS
                if self.does_well[criterion.id]
                else Verdict.FAIL
            )
            for criterion in self.form.template.criteria
        }

    def _can_be_heard(self, said_by: SaidBy) -> bool:
        return self.kind is Kind.TALK and (self.roles_known or said_by is SaidBy.ANYONE)


def plan_calls(company: Company, period: Period, count: int, seed: int) -> list[CallPlan]:
    """`count` calls of a company, by the time they started."""
    dice = Dice(seed, company.tenant.tenant_id, "agents")
    plans: list[CallPlan] = []
    for agent in _dealt_agents(company, dice):
        if len(plans) == count:
            break
        if agent.twin and len(plans) + 2 > count:
            continue
        plan = _plan_call(company, period, agent, len(plans) + 1, seed)
        plans.append(plan)
        if agent.twin:
            plans.append(_twin_of(plan, agent.twin))
    return sorted(plans, key=lambda plan: (plan.started_at, plan.number))


def _dealt_agents(company: Company, dice: Dice) -> Iterator[SampleAgent]:
    for agent in company.agents:
        for _ in range(agent.calls or 0):
            yield agent
    shares = [agent.share for agent in company.agents]
    while True:
        yield dice.pick_weighted(company.agents, shares)


def _plan_call(
    company: Company, period: Period, agent: SampleAgent, number: int, seed: int
) -> CallPlan:
    dice = Dice(seed, company.tenant.tenant_id, "plan", number)
    call_date = _pick_day(company, period, dice)
    topic = dice.pick_weighted(company.topics, [topic.share for topic in company.topics])
    form = next(
        form for form in reversed(company.forms) if period.monday_at(form.begins_at) <= call_date
    )
    kind = dice.pick_weighted(
        (Kind.NO_AGENT, Kind.EMPTY, Kind.TALK),
        (_NO_AGENT_SHARE, _EMPTY_SHARE, 1 - _NO_AGENT_SHARE - _EMPTY_SHARE),
    )
    layout = dice.pick_weighted(tuple(company.layouts), tuple(company.layouts.values()))
    if kind is Kind.NO_AGENT and layout is Layout.SPEAKERS:
        # With a single voice a speaker label tells nothing; a silent channel does.
        layout = Layout.CHANNELS
    fail_chances = _fail_chances(company, period, agent, topic, call_date)
    return CallPlan(
        company=company,
        number=number,
        call_date=call_date,
        started_at=_pick_time(company, call_date, dice),
        form=form,
        topic=topic,
        agent=agent,
        is_named=not dice.chance(_UNNAMED_SHARE),
        kind=kind,
        layout=layout,
        is_late=dice.chance(_LATE_SHARE) and (period.last_day - call_date).days >= _LATE_BY_DAYS,
        does_well={
            criterion_id: not dice.chance(chance) for criterion_id, chance in fail_chances.items()
        },
    )


def _twin_of(plan: CallPlan, twin: SampleAgent) -> CallPlan:
    """The same plan for another agent: an hour away, on the same day."""
    local = plan.started_at.astimezone(plan.company.tenant.zone)
    away = dt.timedelta(minutes=61 if local.hour < 12 else -61)
    return replace(plan, agent=twin, number=plan.number + 1, started_at=plan.started_at + away)


def _pick_day(company: Company, period: Period, dice: Dice) -> dt.date:
    days = [period.first_day + dt.timedelta(days=index) for index in range(period.days)]
    return dice.pick_weighted(days, [company.weekend if d.weekday() >= 5 else 1 for d in days])


def _pick_time(company: Company, call_date: dt.date, dice: Dice) -> dt.datetime:
    first, last = company.open_minutes
    if dice.chance(_MIDNIGHT_SHARE):
        # Close to midnight the tenant's day and the UTC day differ nearly everywhere.
        minute = dice.below(10) if dice.chance(0.5) else 24 * 60 - 1 - dice.below(10)
    else:
        minute = first + int((last - first) * (dice.roll() + dice.roll()) / 2)
    clock = dt.time(minute // 60, minute % 60, dice.below(60))
    local = dt.datetime.combine(call_date, clock, company.tenant.zone)
    return local.astimezone(dt.UTC)


def _fail_chances(
    company: Company, period: Period, agent: SampleAgent, topic: Topic, call_date: dt.date
) -> dict[str, float]:
    chances = {}
    for criterion_id, chance in company.fail_chance.items():
        chance *= agent.factors.get(criterion_id, agent.factor)
        chance *= company.queue_factors.get(topic.queue, 1.0)
        for point in company.turning_points:
            if point.criterion_id == criterion_id and period.monday_at(point.at) <= call_date:
                chance *= point.factor
        chances[criterion_id] = min(chance, _HARDEST)
    return chances
