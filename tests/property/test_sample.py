"""Properties of the sample data that hold for every seed, period and size."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from cci_lite.evaluation.by_rules import evaluate_rules
from cci_lite.sample import build_world
from cci_lite.transcripts import read_transcript


@settings(max_examples=6)
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
    tenants = {tenant.tenant_id: tenant for tenant in world.tenants}
    delivered = [call for delivery in world.deliveries for call in delivery.calls]

    assert sum(world.truth.calls.values()) == calls == len({it.call_id for it in delivered})
    for call in delivered:
        tenant = tenants[call.tenant_id]
        assert call.metadata.started_at is not None
        assert call.metadata.started_at.astimezone(tenant.zone).date() == call.call_date
        assert last_day - dt.timedelta(days=days) < call.call_date <= last_day
        results = evaluate_rules(call.form, read_transcript(call.transcript, tenant.audio))
        assert {result.id: result.verdict for result in results} == call.verdicts
    for document in (it for delivery in world.deliveries for it in delivery.corrupt):
        assert last_day - dt.timedelta(days=days) < document.call_date <= last_day
