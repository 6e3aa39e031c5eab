"""The sweep, and the balance of the day before."""

from __future__ import annotations

import datetime as dt

import pytest

from cci_lite.errors import PipelineError
from cci_lite.functions.job_init import job_init
from cci_lite.functions.reconciler import reconciler
from cci_lite.functions.wiring import invoke
from cci_lite.pipeline.balance import balance_day
from cci_lite.pipeline.redrive import Reconciling
from tests.unit.functions.moto_installation import Cloud, Context, batch

SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


def at(cloud: Cloud, hour: int, minute: int) -> None:
    cloud.clock.now = dt.datetime(2025, 11, 6, hour, minute, tzinfo=dt.UTC)


def test_a_sweep_goes_over_all_tenants(cloud: Cloud) -> None:
    at(cloud, 0, 0)
    assert cloud.call(reconciler, SCHEDULED) == {"swept": 2, "left": 0}


def test_the_first_sweep_after_a_quarter_past_midnight_balances_the_day_before(
    cloud: Cloud,
) -> None:
    at(cloud, 0, 14)
    assert cloud.call(reconciler, SCHEDULED) == {"swept": 2, "left": 0}
    at(cloud, 0, 15)
    assert cloud.call(reconciler, SCHEDULED)["balanced"] == 2
    at(cloud, 0, 30)
    assert cloud.call(reconciler, SCHEDULED)["balanced"] == 0


def test_a_sweep_that_was_left_out_is_made_up_for(cloud: Cloud) -> None:
    at(cloud, 17, 45)
    assert cloud.call(reconciler, SCHEDULED)["balanced"] == 2


def test_a_day_with_a_call_on_its_way_is_balanced_again(cloud: Cloud) -> None:
    cloud.clock.now = dt.datetime(2025, 11, 5, 23, 59, tzinfo=dt.UTC)
    cloud.call(job_init, batch(cloud.upload("acme/calls/one.wav")))
    at(cloud, 0, 15)
    counts = cloud.call(reconciler, SCHEDULED)
    assert (counts["balanced"], counts["unbalanced"]) == (1, 1)
    at(cloud, 0, 16)
    counts = cloud.call(reconciler, SCHEDULED)
    assert (counts["balanced"], counts["unbalanced"]) == (0, 1)


def test_a_day_can_be_balanced_by_hand_again_and_again(cloud: Cloud) -> None:
    at(cloud, 0, 0)
    for _ in range(2):
        answer = cloud.call(reconciler, {"task": "balance", "day": "2025-11-05"})
        assert answer == {"balanced": 2, "unbalanced": 0, "failed": 0, "unbegun": 0}


def test_a_failure_of_one_tenant_does_not_keep_the_others_from_being_balanced(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail_for_acme(r: Reconciling, tenant_id: str, day: dt.date) -> object:
        if tenant_id == "acme":
            raise ValueError("Erika Mustermann")
        return balance_day(r, tenant_id, day)

    monkeypatch.setattr("cci_lite.functions.reconciler.balance_day", fail_for_acme)
    answer = cloud.call(reconciler, {"task": "balance", "day": "2025-11-05"})
    assert answer == {"balanced": 1, "unbalanced": 0, "failed": 1, "unbegun": 0}
    assert "Erika" not in capsys.readouterr().out


class ShortOfTime(Context):
    """Has so many seconds left, one call after the other; the last again and again."""

    def __init__(self, *seconds: float) -> None:
        super().__init__()
        self._left = list(seconds)

    def get_remaining_time_in_millis(self) -> int:
        return int(1000 * (self._left.pop(0) if len(self._left) > 1 else self._left[0]))


def test_a_sweep_leaves_time_for_the_balance(cloud: Cloud) -> None:
    at(cloud, 0, 15)
    context = ShortOfTime(900, 239, 239)
    counts = invoke(reconciler, cloud.installation, SCHEDULED, context)
    assert counts == {
        "swept": 0, "left": 2, "balanced": 2, "unbalanced": 0, "failed": 0, "unbegun": 0,
    }  # fmt: skip


def test_a_balance_that_ran_out_of_time_continues_the_next_time(cloud: Cloud) -> None:
    at(cloud, 0, 15)
    # The share, both tenants' sweeps, and then the balances.
    counts = invoke(reconciler, cloud.installation, SCHEDULED, ShortOfTime(900, 900, 900, 60, 59))
    assert (counts["swept"], counts["balanced"], counts["unbegun"]) == (2, 1, 1)
    counts = cloud.call(reconciler, SCHEDULED)
    assert (counts["balanced"], counts["unbegun"]) == (1, 0)


def test_an_invocation_without_a_limit_does_everything(cloud: Cloud) -> None:
    at(cloud, 0, 15)
    counts = invoke(reconciler, cloud.installation, SCHEDULED, None)
    assert (counts["swept"], counts["balanced"]) == (2, 2)


def test_a_recording_that_was_only_just_found_keeps_the_day_open(cloud: Cloud) -> None:
    cloud.upload("acme/calls/lost.wav")
    # moto dates uploads by the machine's clock.
    uploaded = dt.datetime.now(dt.UTC)
    cloud.clock.now = uploaded + dt.timedelta(minutes=90)
    balance = {"task": "balance", "day": uploaded.date().isoformat()}
    assert cloud.call(reconciler, balance)["unbalanced"] == 1
    assert cloud.receive("told") == []
    cloud.clock.now = uploaded + dt.timedelta(minutes=121)
    for _ in range(2):
        assert cloud.call(reconciler, balance)["unbalanced"] == 1
    assert len(cloud.receive("told")) == 1
    assert not cloud.registry.is_noted(f"balanced#acme#{balance['day']}")
    assert cloud.registry.is_noted(f"balanced#globex#{balance['day']}")


@pytest.mark.parametrize("day", [None, "yesterday", 20251105, "2025-02-30"])
def test_a_day_that_is_none_is_refused(cloud: Cloud, day: object) -> None:
    event = {"task": "balance"} if day is None else {"task": "balance", "day": day}
    with pytest.raises(PipelineError) as caught:
        cloud.call(reconciler, event)
    assert str(caught.value) == "day_invalid"


def test_an_upload_whose_event_was_lost_is_found(cloud: Cloud) -> None:
    cloud.upload("acme/calls/lost.wav")
    # moto dates uploads by the machine's clock.
    cloud.clock.now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=11)
    cloud.call(reconciler, SCHEDULED)
    [message] = cloud.receive("uploads")
    assert message["detail"]["object"]["key"] == "acme/calls/lost.wav"
