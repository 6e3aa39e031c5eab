"""Properties of the sample data that hold for every seed, period and size."""

from __future__ import annotations

import datetime as dt

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.contract.reading import decode_document
from cci_lite.evaluation.by_rules import evaluate_rules
from cci_lite.sample import build_world
from cci_lite.transcripts import read_transcript
from tests.depth import one_in


@one_in(20)
@given(
    seed=st.integers(min_value=-(2**40), max_value=2**70),
    days=st.integers(min_value=28, max_value=120),
    calls=st.integers(min_value=300, max_value=420),
    last_day=st.dates(min_value=dt.date(2015, 1, 1), max_value=dt.date(2035, 12, 31)),
)
def test_every_world_keeps_its_promises(
    seed: int, days: int, calls: int, last_day: dt.date
) -> None:
    world = build_world(seed, days=days, calls=calls, last_day=last_day)
    delivered = [call for delivery in world.deliveries for call in delivery.calls]
    planned = [sum(counts) for truth in world.truth.values() for counts in truth["calls"].values()]

    assert sum(planned) == calls == len({it.plan.call_id for it in delivered})
    for call in delivered:
        plan = call.plan
        tenant = plan.company.tenant
        assert plan.started_at.astimezone(tenant.zone).date() == plan.call_date
        assert last_day - dt.timedelta(days=days) < plan.call_date <= last_day
        if call.analysis is None:
            conversation = read_transcript(call.data, tenant.audio)
            language = plan.metadata.language_code
            conversation = msgspec.structs.replace(conversation, language_code=language)
            results = evaluate_rules(plan.form, conversation)
        else:
            evaluation = decode_document(call.data).document.qa_evaluation
            assert evaluation is not None
            results = evaluation.criteria
        assert {result.id: result.verdict for result in results} == plan.verdicts
    for document in (it for delivery in world.deliveries for it in delivery.corrupt):
        assert last_day - dt.timedelta(days=days) < document.call_date <= last_day
