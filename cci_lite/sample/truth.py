"""What must be found in the sample world, counted from what was planned.

The arithmetic here is its own on purpose: a mistake in the product's shows as a difference.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from cci_lite.contract.columns import UNKNOWN_AGENT
from cci_lite.contract.definitions import read_described
from cci_lite.contract.prices import PRICES
from cci_lite.contract.scoring import Verdict
from cci_lite.sample.documents import CallAnalysis, CorruptDocument, decided_by
from cci_lite.sample.planning import CallPlan

Key = tuple[Any, ...]
Numbers = Mapping[Key, tuple[Any, ...]]
# Of each tenant and question, the exact numbers at the end, after every delivery.
Truth = Mapping[str, Mapping[str, Numbers]]

_Amounts = tuple[str, Key, Mapping[Any, Any]]


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of the tables and views, and what the sample adds up for each column."""

    adds: tuple[str, ...]
    sql: str


@cache
def read_questions() -> dict[str, Question]:
    """The questions that have a planted answer, by what they ask for."""
    return read_described(Path(__file__).with_name("questions.yaml"), dict[str, Question])


def count_truth(
    calls: Collection[tuple[CallPlan, CallAnalysis | None]],
    corrupt: Collection[CorruptDocument],
    last_day: dt.date,
) -> dict[str, Numbers]:
    """Every number of a tenant, from the last revision of each call."""
    tally: dict[str, dict[Key, Counter[str]]] = {
        question: defaultdict(Counter) for question in read_questions()
    }
    for plan, analysis in calls:
        planted = (*_of_call(plan, analysis, last_day), *_of_analysis(plan.call_date, analysis))
        for question, key, amounts in planted:
            tally[question][key].update(amounts)
    for document in corrupt:
        tally["documents in quarantine by place"][(document.damage.at,)]["documents"] += 1
    numbers: dict[str, Numbers] = {
        what: {key: tuple(_total(found, name) for name in asked.adds) for key, found in of.items()}
        for (what, asked), of in zip(read_questions().items(), tally.values(), strict=True)
    }
    days = [plan.call_date for plan, _ in calls]
    lake = (len(calls), len(corrupt), min(days), max(days))
    published = len({*days, *(document.call_date for document in corrupt)})
    return numbers | {
        "calls, corrupt documents, first and last day": {(): lake},
        "days published": {(): (published,)},
    }


def _total(found: Counter[str], name: str) -> float | None:
    if name == "quality":
        return round(100 * found["points"] / found["maximum"], 4) if found["maximum"] else None
    return round(found[name], 4)


def _of_call(
    plan: CallPlan, analysis: CallAnalysis | None, last_day: dt.date
) -> Iterator[_Amounts]:
    verdicts, score = plan.verdicts, plan.score
    agent_id = plan.metadata.agent_id or UNKNOWN_AGENT
    form = (plan.form.name, plan.form.version)
    week = plan.call_date - dt.timedelta(days=plan.call_date.weekday())
    one, outcome = {"calls": 1}, {score.outcome: 1}
    percentage = (score.hundredths or 0) / 100
    points = {"points": score.total, "maximum": score.maximum, "percentages": percentage}
    yield "calls", (), one
    yield "calls by language", (plan.metadata.language_code,), one
    yield "outcomes by form version", form, outcome
    yield "outcomes by agent", (agent_id,), outcome
    yield "outcomes by agent and week", (week, *form, agent_id), outcome
    yield "outcomes and quality by form and week", (week, *form), {**outcome, **points}
    for criterion in plan.form.criteria:
        verdict = {verdicts[criterion.id]: 1}
        who = decided_by(criterion, verdicts[criterion.id])
        yield "verdicts by criterion", (*form, criterion.id), verdict
        yield "verdicts by agent and criterion", (agent_id, *form, criterion.id), verdict
        yield "verdicts by who decided", (who,), verdict
        if plan.call_date == last_day:
            yield "verdicts in raw documents of the last day", (*form, criterion.id), verdict
    reasons = list(analysis.review) if analysis else []
    reasons += [
        f"unscored_required:{criterion.id}"
        for criterion in plan.form.criteria
        if criterion.required and verdicts[criterion.id] is Verdict.UNSCORED
    ]
    if reasons:
        yield "calls for review by reason", (",".join(reasons),), one


def _of_analysis(day: dt.date, analysis: CallAnalysis | None) -> Iterator[_Amounts]:
    one = {"calls": 1}
    if analysis is None:
        yield "usage and costs by model", (None,), one
        yield "tone and sentiment by day", (day,), {}
        return
    course = analysis.course
    used = {**one, **analysis.usage, "usd": _cost(analysis)}
    yield "usage and costs by model", (analysis.on_aws.model_id,), used
    tone = {"tones": 1, "tone": analysis.tone, "sentiment": analysis.sentiment_score}
    # The sentiment of a call is that of most of its pieces.
    [(label, most), *others] = Counter(course.sentiment).most_common()
    label = "MIXED" if others and others[0][1] == most else label
    yield "tone and sentiment by day", (day,), {**tone, label: 1}
    for sentiment in course.sentiment:
        yield "pieces of calls by sentiment", (sentiment,), {"pieces": 1}
    for phrase in course.key_phrases:
        yield "key phrases", (phrase,), one
    for kind, texts in course.entities.items():
        yield from (("entities", (kind, text), one) for text in texts)
    for item in course.action_items:
        yield "action items", (item,), one
    if analysis.claims is not None:
        yield "documents that claim another score", (), one


def _cost(analysis: CallAnalysis) -> float:
    price = {each.item: each.usd / each.per for each in PRICES}
    model, used = analysis.on_aws.model_id, analysis.usage
    amounts = {
        "transcribe": used["audio_seconds"],
        "comprehend": used["comprehend_units"],
        f"{model} input": used["input_tokens"],
        f"{model} output": used["output_tokens"],
    }
    if analysis.on_aws.redaction == "transcribe":
        amounts["transcribe redaction"] = used["audio_seconds"]
    return sum(amount * price[item] for item, amount in amounts.items())
