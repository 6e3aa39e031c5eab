"""Batch failures: which messages are delivered again, and when."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cci_lite.errors import RetryLaterError, ServiceError
from cci_lite.functions.messages import backoff_seconds, each_message, take_events
from cci_lite.functions.wiring import Function, Installation
from cci_lite.pipeline.events import Event
from tests.unit.functions.moto_installation import (
    ACCOUNT,
    REGION,
    Cloud,
    batch,
    failed_items,
    job_event,
)

ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:cci-lite-uploads"
EVENT = job_event("cci_acme_aaaaaaaaaaaaaaaaaaaa_r1", "COMPLETED")
NO_TIME = RetryLaterError("transcribe_throttled")
REFUSED = ServiceError("transcribe_denied")


def failing(*failures: Exception | None) -> Function:
    """A function that fails so with its events, one after the other."""
    left = iter(failures)

    def take(event: Event) -> str:
        if (failure := next(left)) is not None:
            raise failure
        return "done"

    def function(here: Installation, event: Any, context: Any) -> Any:
        return each_message(event, context, lambda message: take_events(here, message, take))

    return function


def test_a_message_waits_longer_each_time_but_never_long() -> None:
    waits = [backoff_seconds(deliveries) for deliveries in range(1, 11)]
    assert waits == [60, 120, 240, 480, 900, 900, 900, 900, 900, 900]


@pytest.mark.parametrize(("deliveries", "seconds"), [(1, 60), (3, 240), (10, 900)])
def test_a_message_is_delayed_when_a_service_is_throttled(
    cloud: Cloud, deliveries: int, seconds: int
) -> None:
    event = batch(EVENT, EVENT, EVENT, deliveries=deliveries)
    answer = cloud.call(failing(None, NO_TIME, None), event)
    assert failed_items(answer) == ["m-1"]
    assert cloud.postponed == [(ARN, "handle-1", seconds)]


def test_a_refused_message_is_not_delayed(cloud: Cloud) -> None:
    assert failed_items(cloud.call(failing(REFUSED), batch(EVENT))) == ["m-0"]
    assert cloud.postponed == []


def test_an_event_that_came_without_a_queue_is_not_delayed(cloud: Cloud) -> None:
    with pytest.raises(RetryLaterError):
        cloud.call(failing(NO_TIME), EVENT)
    assert cloud.postponed == []


def test_a_message_that_cannot_be_delayed_is_delivered_again_all_the_same(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> None:
        raise ServiceError("sqs_AccessDenied")

    cloud.installation.postpone = refuse
    assert failed_items(cloud.call(failing(NO_TIME), batch(EVENT))) == ["m-0"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["code"] for line in lines if line["message"] == "not_postponed"] == [
        "sqs_AccessDenied"
    ]
