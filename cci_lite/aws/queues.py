"""Putting work onto the functions' queues."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cci_lite.aws.failures import translated
from cci_lite.contract.registry import Upload


@dataclass(frozen=True)
class SqsDispatcher:
    """Dispatcher: what it sends looks like the events that it stands in for."""

    client: Any
    upload_queue_url: str
    result_queue_url: str
    upload_event: Callable[[Upload], Mapping[str, Any]]
    completed_event: Callable[[str], Mapping[str, Any]]

    def start(self, upload: Upload) -> None:
        """Have an upload taken in. Raises RetryLaterError and ServiceError."""
        self._send(self.upload_queue_url, self.upload_event(upload))

    def judge(self, job_name: str) -> None:
        """Have a completed transcription job judged. Raises RetryLaterError and ServiceError."""
        self._send(self.result_queue_url, self.completed_event(job_name))

    def _send(self, queue_url: str, event: Mapping[str, Any]) -> None:
        with translated("sqs", "SendMessage"):
            self.client.send_message(QueueUrl=queue_url, MessageBody=json.dumps(event))
