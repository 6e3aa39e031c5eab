"""Notices of failed jobs and dead letters: sent once, without anything that was said."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
from collections.abc import Iterator

import pytest

from cci_lite.aws.notify import WebhookNotifier
from cci_lite.contract.registry import CallState
from cci_lite.functions.failure_notifier import failure_notifier
from cci_lite.functions.job_init import job_init
from cci_lite.functions.reconciler import reconciler
from cci_lite.tenancy import call_id_for
from tests.unit.functions.moto_installation import Cloud, aws_client, batch, failed_items, job_event

KEY = "acme/calls/Erika Mustermann.wav"
REASON = "The media file Erika Mustermann.wav isn't valid."


def failed_call(cloud: Cloud) -> str:
    cloud.call(job_init, batch(cloud.upload(KEY)))
    [job] = cloud.jobs()
    return job


def test_people_are_notified_of_a_failed_job_once(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    event = job_event(failed_call(cloud), "FAILED", REASON)
    for _ in range(2):
        answer = cloud.call(failure_notifier, batch(event, queue="cci-lite-failed"))
        assert failed_items(answer) == []
    [told] = cloud.receive("told")
    call_id = call_id_for("acme", KEY)
    assert call_id in told["Message"]
    assert cloud.registry.records(call_id)[0].state is CallState.FAILED
    for text in (json.dumps(told), capsys.readouterr().out):
        assert "Erika" not in text


def test_a_dead_letter_is_reported_once_and_kept_for_people(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = batch(cloud.upload(KEY), "not JSON: Erika", queue="cci-lite-uploads-dlq")
    for _ in range(2):
        assert failed_items(cloud.call(failure_notifier, letters)) == ["m-0", "m-1"]
    told = [each["Message"] for each in cloud.receive("told")]
    assert len(told) == 2
    assert call_id_for("acme", KEY) in told[0]
    for text in (*told, capsys.readouterr().out):
        assert "Erika" not in text


def test_a_dead_letter_whose_notice_failed_is_delivered_again(cloud: Cloud) -> None:
    letters = batch(cloud.upload(KEY), queue="cci-lite-uploads-dlq")
    gone = dataclasses.replace(
        cloud.installation.settings, topic_arn="arn:aws:sns:eu-central-1:123456789012:gone"
    )
    silent = dataclasses.replace(
        cloud, installation=dataclasses.replace(cloud.installation, settings=gone, _made={})
    )
    assert failed_items(silent.call(failure_notifier, letters)) == ["m-0"]
    assert cloud.receive("told") == []
    cloud.call(failure_notifier, letters)
    assert len(cloud.receive("told")) == 1


@pytest.fixture
def webhook(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A second way to tell people: the statuses with which it answers, the last again and again."""
    statuses = [200]

    def post(url: str, body: bytes) -> int:
        posted.append(url)
        return statuses.pop(0) if len(statuses) > 1 else statuses[0]

    posted: list[str] = []
    aws_client("secretsmanager").create_secret(
        Name="cci-lite/slack", SecretString="https://hooks.example.com/x"
    )
    settings = dataclasses.replace(
        cloud.installation.settings, slack_webhook_secret="cci-lite/slack"
    )
    cloud.installation.settings = settings
    notifier = functools.partial(WebhookNotifier, post=post)
    monkeypatch.setattr("cci_lite.functions.adapters.WebhookNotifier", notifier)
    yield statuses
    assert posted


def swept(cloud: Cloud, times: int) -> int:
    """How many mails there are after so many sweeps, a quarter of an hour apart."""
    for _ in range(times):
        cloud.clock.now += dt.timedelta(minutes=15)
        cloud.call(reconciler, {})
    return len(cloud.receive("told"))


def test_a_webhook_that_is_gone_does_not_repeat_the_mail(cloud: Cloud, webhook: list[int]) -> None:
    webhook[:] = [404]
    event = job_event(failed_call(cloud), "FAILED", REASON)
    assert failed_items(cloud.call(failure_notifier, batch(event))) == []
    assert swept(cloud, 6) == 1


def test_a_webhook_that_has_no_time_is_tried_again_alone(cloud: Cloud, webhook: list[int]) -> None:
    webhook[:] = [503, 200, 500]
    event = job_event(failed_call(cloud), "FAILED", REASON)
    assert failed_items(cloud.call(failure_notifier, batch(event))) == ["m-0"]
    assert failed_items(cloud.call(failure_notifier, batch(event))) == []
    assert swept(cloud, 6) == 1
    assert webhook == [500]


def test_a_failed_job_of_another_application_is_ignored(cloud: Cloud) -> None:
    event = job_event("nightly-export-7", "FAILED", REASON)
    answer = cloud.call(failure_notifier, batch(event, queue="cci-lite-failed"))
    assert failed_items(answer) == []
    assert cloud.receive("told") == []


def test_a_completed_job_is_ignored_by_the_notifier(cloud: Cloud) -> None:
    event = job_event(failed_call(cloud), "COMPLETED")
    assert cloud.call(failure_notifier, event) is None
    assert cloud.receive("told") == []
