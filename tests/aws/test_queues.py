"""Sending messages to the functions' queues, and delaying them."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import boto3
import pytest

from cci_lite.aws.queues import SqsDispatcher, postpone
from cci_lite.contract.registry import Upload
from cci_lite.errors import ServiceError

UPLOAD = Upload(
    tenant_id="acme",
    key="acme/calls/Müller + Söhne.wav",
    size=4,
    etag="e",
    uploaded_at=dt.datetime(2025, 11, 5, tzinfo=dt.UTC),
)


@pytest.fixture
def sqs(cloud: None) -> Any:
    return boto3.client("sqs", region_name="eu-central-1")


def dispatcher(sqs: Any, uploads: str, results: str) -> SqsDispatcher:
    return SqsDispatcher(
        sqs,
        uploads,
        results,
        upload_event=lambda upload: {"key": upload.key},
        completed_event=lambda job_name: {"job": job_name},
    )


def waiting(sqs: Any, url: str) -> list[Any]:
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in messages]


def test_each_kind_of_work_goes_to_its_own_queue(sqs: Any) -> None:
    uploads, results = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("up", "done"))
    putting = dispatcher(sqs, uploads, results)
    putting.start(UPLOAD)
    putting.judge("cci_acme_abc_r1")
    assert waiting(sqs, uploads) == [{"key": "acme/calls/Müller + Söhne.wav"}]
    assert waiting(sqs, results) == [{"job": "cci_acme_abc_r1"}]


def test_a_queue_that_is_gone_is_an_error_that_names_no_recording(sqs: Any) -> None:
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/gone"
    with pytest.raises(ServiceError, match="^sqs_[A-Za-z_]*NonExistentQueue: SendMessage$"):
        dispatcher(sqs, url, url).start(UPLOAD)


def test_a_delayed_message_is_not_delivered_earlier(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="up", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    # The queue's address follows from its ARN.
    postpone(sqs, "arn:aws:sqs:eu-central-1:123456789012:up", message["ReceiptHandle"], 60)
    assert waiting(sqs, url) == []
    postpone(sqs, "arn:aws:sqs:eu-central-1:123456789012:up", message["ReceiptHandle"], 0)
    assert waiting(sqs, url) == [{}]


def test_a_deleted_message_cannot_be_delayed(sqs: Any) -> None:
    sqs.create_queue(QueueName="up")
    with pytest.raises(ServiceError, match="^sqs_[A-Za-z_]*: ChangeMessageVisibility$"):
        postpone(sqs, "arn:aws:sqs:eu-central-1:123456789012:up", "handle", 60)
