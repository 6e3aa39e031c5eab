"""Sends work to the functions' queues, and delays messages that were received."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cci_lite.aws.failures import translated
from cci_lite.contract.registry import Upload


@dataclass(frozen=True)
class SqsDispatcher:
    """Dispatcher: it sends copies of the events that the functions receive from AWS."""

    client: Any
    upload_queue_url: str
    result_queue_url: str
    upload_event: Callable[[Upload], Mapping[str, Any]]
    completed_event: Callable[[str], Mapping[str, Any]]

    def start(self, upload: Upload) -> None:
        """Queue an upload for intake. Raises RetryLaterError and ServiceError."""
        send_event(self.client, self.upload_queue_url, self.upload_event(upload))

    def judge(self, job_name: str) -> None:
        """Queue a completed transcription job for judging. Raises RetryLaterError, ServiceError."""
        send_event(self.client, self.result_queue_url, self.completed_event(job_name))


def send_event(client: Any, queue_url: str, event: Mapping[str, Any]) -> None:
    """Put an event onto a queue. Raises RetryLaterError and ServiceError."""
    with translated("sqs", "SendMessage"):
        client.send_message(QueueUrl=queue_url, MessageBody=json.dumps(event))


def postpone(client: Any, queue_arn: str, receipt_handle: str, seconds: int) -> None:
    """Have a received message delivered again this many seconds from now.

    Raises RetryLaterError and ServiceError.
    """
    # SQS developer guide, "Amazon SQS queue and message identifiers".
    region, account, name = queue_arn.split(":")[3:]
    with translated("sqs", "ChangeMessageVisibility"):
        client.change_message_visibility(
            QueueUrl=f"https://sqs.{region}.amazonaws.com/{account}/{name}",
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=seconds,
        )
