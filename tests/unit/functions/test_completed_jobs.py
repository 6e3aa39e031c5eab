"""Completed jobs: judged, or passed on. Judging itself is tested with its use case."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from cci_lite.errors import PipelineError, RetryLaterError
from cci_lite.functions.completed_jobs import analyzer, bounded_wait, result_handler
from cci_lite.functions.job_init import job_init
from cci_lite.functions.wiring import Function, invoke
from tests.unit.functions.moto_installation import Cloud, Context, batch, failed_items, job_event

SOMEBODYS = "nightly-export-7"


def without_analyzer(cloud: Cloud) -> Cloud:
    settings = dataclasses.replace(cloud.installation.settings, analysis_queue_url=None)
    return dataclasses.replace(
        cloud, installation=dataclasses.replace(cloud.installation, settings=settings)
    )


def started_job(cloud: Cloud) -> str:
    cloud.call(job_init, batch(cloud.upload("acme/calls/one.wav")))
    [job] = cloud.jobs()
    return job


def test_a_completed_job_is_passed_on_where_the_analyzer_has_a_queue(cloud: Cloud) -> None:
    event = job_event("cci_acme_aaaaaaaaaaaaaaaaaaaa_r1", "COMPLETED")
    assert failed_items(cloud.call(result_handler, batch(event))) == []
    assert cloud.receive("analysis") == [event]


def test_a_job_that_was_passed_on_is_judged_by_the_analyzer(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.call(result_handler, batch(job_event(started_job(cloud), "COMPLETED")))
    capsys.readouterr()
    # moto's job is still in the queue: judging has found it, and is to come again.
    [handed_on] = cloud.receive("analysis")
    assert failed_items(cloud.call(analyzer, batch(handed_on))) == ["m-0"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "not_completed" in [line.get("code") for line in lines]


def test_without_that_queue_the_result_handler_judges(cloud: Cloud) -> None:
    event = job_event(started_job(cloud), "COMPLETED")
    answer = without_analyzer(cloud).call(result_handler, batch(event))
    assert failed_items(answer) == ["m-0"]
    assert cloud.receive("analysis") == []


@pytest.mark.parametrize("function", [result_handler, analyzer])
@pytest.mark.parametrize(
    "event",
    [
        pytest.param(job_event("cci_acme_aaaaaaaaaaaaaaaaaaaa_r1", "FAILED"), id="failed"),
        pytest.param({"detail-type": "Object Created", "source": "aws.s3"}, id="an upload"),
    ],
)
def test_what_is_no_completed_job_is_left_alone(
    cloud: Cloud, function: Function, event: dict[str, Any]
) -> None:
    assert failed_items(cloud.call(function, batch(event))) == []
    assert cloud.receive("analysis") == []


def test_somebody_elses_job_is_left_alone_and_not_named(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failed_items(cloud.call(analyzer, batch(job_event(SOMEBODYS, "COMPLETED")))) == []
    assert SOMEBODYS not in capsys.readouterr().out


def test_the_function_waits_while_it_has_time_for_the_rest() -> None:
    waited: list[float] = []
    context = Context(remaining_seconds=150)
    bounded = bounded_wait(waited.append, context)
    bounded(15)
    context.remaining_seconds = 130
    with pytest.raises(RetryLaterError) as caught:
        bounded(15)
    assert caught.value.code == "out_of_time"
    assert waited == [15]


def test_without_a_lambda_context_waiting_has_no_limit() -> None:
    waited: list[float] = []
    bounded_wait(waited.append, None)(3_600)
    assert waited == [3_600]


def test_a_missing_channel_for_notices_is_noticed_at_once(cloud: Cloud) -> None:
    settings = dataclasses.replace(cloud.installation.settings, topic_arn=None)
    here = dataclasses.replace(cloud.installation, settings=settings, _made={})
    with pytest.raises(PipelineError):
        invoke(analyzer, here, batch(), Context())
