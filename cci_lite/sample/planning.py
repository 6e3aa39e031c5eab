"""Who calls when about what, who answers, and which verdict each criterion is to get."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from cci_lite.contract.form import Criterion, Form, RequiredPolicy, SaidBy
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.scoring import Outcome, Verdict
from cci_lite.sample.company import Company, CompanyForm, Layout, SampleAgent, Topic
from cci_lite.sample.dice import Dice
from cci_lite.tenancy import call_id_for, recording_key

_UNNAMED_SHARE = 0.02
_MIDNIGHT_SHARE = 0.03
_LATE_SHARE = 0.03
_LATE_BY_DAYS = 3
_HARDEST = 0.9


class PlannedScore(NamedTuple):
    """The score of a call in whole ten-thousandths of a point, `hundredths` of a percent."""

    outcome: Outcome
    total: int = 0
    maximum: int = 0
    hundredths: int | None = None


Kind = Literal["talk", "no_agent", "empty"]
_KINDS: dict[Kind, float] = {"no_agent": 0.012, "empty": 0.012, "talk": 0.976}


class Period(NamedTuple):
    """The days of the sample world."""

    first_day: dt.date
    last_day: dt.date
    days: int

    def monday_at(self, share: float) -> dt.date:
        """The first day for 0, otherwise the first Monday after that share of the period."""
        if not share:
            return self.first_day
        day = self.first_day + dt.timedelta(days=int(self.days * share))
        return day + dt.timedelta(days=-day.weekday() % 7)

    def form_on(self, day: dt.date, company: Company, queue: str | None = None) -> CompanyForm:
        """The form by which a queue's calls of a day are judged."""
        versions = reversed(company.forms_of(queue))
        return next(form for form in versions if self.monday_at(form.use.since) <= day)


@dataclass(frozen=True)
class CallPlan:
    """One call as it is to be; a model leaves a criterion open whose `does_well` is None."""

    company: Company
    number: int
    call_date: dt.date
    started_at: dt.datetime
    form_in_use: CompanyForm
    topic: Topic
    agent: SampleAgent
    is_named: bool
    kind: Kind
    layout: Layout
    is_late: bool
    does_well: Mapping[str, bool | None]

    @property
    def tenant_id(self) -> str:
        """The tenant whose call it is."""
        return self.company.tenant.tenant_id

    @property
    def call_id(self) -> str:
        """The id of the call: the same for every upload of the recording."""
        return call_id_for(self.tenant_id, self._recording_key)

    @property
    def form(self) -> Form:
        """The form by which the call is judged."""
        return self.form_in_use.form

    @property
    def _recording_key(self) -> str:
        local = self.started_at.astimezone(self.company.tenant.zone)
        return recording_key(self.tenant_id, f"{local:%Y/%m/%d/%H%M%S}-{self.number:05}.wav")

    @property
    def metadata(self) -> CallMetadata:
        """What the telephone system knows about the call."""
        agent = self.agent if self.is_named else None
        return CallMetadata(
            recording_key=self._recording_key,
            started_at=self.started_at,
            agent_id=agent.id if agent else None,
            agent_name=agent.name if agent else None,
            agent_team=agent.team if agent else None,
            queue=self.topic.queue,
            direction=self.topic.direction,
            channel="voice",
            language_code=self.form_in_use.use.language_code or self.company.tenant.language_code,
        )

    @property
    def roles_known(self) -> bool:
        """Whether the recording tells who the agent is."""
        audio = self.company.tenant.audio
        known = {Layout.CALL_ANALYTICS: True, Layout.SPEAKERS: audio.agent_speaker is not None}
        return known.get(self.layout, audio.agent_channel is not None)

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict of each criterion, in the form's order."""
        return {each.id: self._verdict(each) for each in self.form.criteria}

    @property
    def score(self) -> PlannedScore:
        """The score that the verdicts give. The arithmetic is the sample's own on purpose."""
        scoring, verdicts = self.form.scoring, self.verdicts
        points: Counter[str] = Counter()
        required: set[str] = set()
        for criterion in self.form.criteria:
            points[verdicts[criterion.id]] += int(criterion.weight * 10_000)
            required |= {verdicts[criterion.id]} if criterion.required else set()
        total, maximum = points["pass"], points["pass"] + points["fail"]
        is_open = "unscored" in required
        if maximum == 0:
            return PlannedScore(Outcome.REVIEW if is_open else Outcome.NONE)
        reached = total * 10_000 >= maximum * int(scoring.pass_threshold * 10_000)
        if "fail" in required and scoring.required_policy is RequiredPolicy.FAIL_CALL:
            reached = False
        outcome = Outcome.REVIEW if is_open else Outcome.PASS if reached else Outcome.FAIL
        return PlannedScore(outcome, total, maximum, (20_000 * total + maximum) // (2 * maximum))

    def _verdict(self, criterion: Criterion) -> Verdict:
        if criterion.rule is None:
            if self.topic.judged == "here" or self.does_well[criterion.id] is None:
                return Verdict.UNSCORED
        elif self.kind != "talk" or not (
            self.roles_known or criterion.rule.said_by is SaidBy.ANYONE
        ):
            return Verdict.NA
        if criterion.id in self.topic.not_applicable:
            return Verdict.NA
        return Verdict.PASS if self.does_well[criterion.id] else Verdict.FAIL


def plan_calls(company: Company, period: Period, count: int, seed: int) -> list[CallPlan]:
    """`count` calls of a company, by the time they started."""
    dice = Dice(seed, company.tenant.tenant_id, "agents")
    plans: list[CallPlan] = []
    agents = company.profile.agents
    waiting = [agent for agent in agents for _ in range(agent.calls or 0)]
    while len(plans) < count:
        agent = waiting.pop(0) if waiting else dice.pick_by_share(agents)
        twin = company.twin_of(agent)
        if twin and len(plans) + 2 > count:
            continue
        plan = _plan_call(company, period, agent, len(plans) + 1, seed)
        plans.append(plan)
        if twin:
            plans.append(_twin_of(plan, twin))
    return sorted(plans, key=lambda plan: (plan.started_at, plan.number))


def _plan_call(
    company: Company, period: Period, agent: SampleAgent, number: int, seed: int
) -> CallPlan:
    dice = Dice(seed, company.tenant.tenant_id, "plan", number)
    profile = company.profile
    days = [period.first_day + dt.timedelta(days=index) for index in range(period.days)]
    weights = [profile.weekend if day.weekday() >= 5 else 1 for day in days]
    call_date = dice.pick_weighted(days, weights)
    topic = dice.pick_by_share(profile.topics)
    form_in_use = period.form_on(call_date, company, topic.queue)
    kind: Kind = dice.pick_weighted(tuple(_KINDS), tuple(_KINDS.values()))
    layout = dice.pick_weighted(tuple(profile.layouts), tuple(profile.layouts.values()))
    if topic.judged == "on_aws":
        kind, layout = "talk", Layout.CALL_ANALYTICS
    elif kind == "no_agent" and layout is Layout.SPEAKERS:
        # With a single voice a speaker label tells nothing; a silent channel does.
        layout = Layout.CHANNELS
    plan = CallPlan(
        company=company,
        number=number,
        call_date=call_date,
        started_at=_pick_time(company, call_date, dice),
        form_in_use=form_in_use,
        topic=topic,
        agent=agent,
        is_named=not dice.chance(_UNNAMED_SHARE),
        kind=kind,
        layout=layout,
        is_late=dice.chance(_LATE_SHARE) and (period.last_day - call_date).days >= _LATE_BY_DAYS,
        does_well={},
    )
    does_well = {name: not dice.chance(chance) for name, chance in _fail_chances(plan, period)}
    without_rule = [each.id for each in plan.form.criteria if each.rule is None]
    left_open = [each for each in without_rule if dice.chance(company.on_aws.undecided)]
    return replace(plan, does_well=does_well | dict.fromkeys(left_open))


def _twin_of(plan: CallPlan, twin: SampleAgent) -> CallPlan:
    """The same plan for another agent: an hour away, on the same day."""
    local = plan.started_at.astimezone(plan.company.tenant.zone)
    away = dt.timedelta(minutes=61 if local.hour < 12 else -61)
    return replace(plan, agent=twin, number=plan.number + 1, started_at=plan.started_at + away)


def _pick_time(company: Company, call_date: dt.date, dice: Dice) -> dt.datetime:
    first, last = 60 * company.profile.opens, 60 * company.profile.closes
    if dice.chance(_MIDNIGHT_SHARE):
        # Close to midnight the tenant's day and the UTC day differ nearly everywhere.
        minute = dice.below(10) if dice.chance(0.5) else 24 * 60 - 1 - dice.below(10)
    else:
        minute = first + int((last - first) * (dice.roll() + dice.roll()) / 2)
    clock = dt.time(minute // 60, minute % 60, dice.below(60))
    local = dt.datetime.combine(call_date, clock, company.tenant.zone)
    return local.astimezone(dt.UTC)


def _fail_chances(plan: CallPlan, period: Period) -> Iterator[tuple[str, float]]:
    profile, dialogue = plan.company.profile, plan.form_in_use.dialogue
    for moment in dialogue.moments:
        if moment.criterion is None:
            continue
        chance = moment.fails * plan.agent.fails_at.get(moment.criterion, plan.agent.fails)
        chance *= profile.queues_fail.get(plan.topic.queue, 1.0)
        for story in profile.stories:
            since = period.monday_at(story.since)
            if story.criterion == moment.criterion and since <= plan.call_date:
                chance *= story.fails
        yield moment.criterion, min(chance, _HARDEST)
