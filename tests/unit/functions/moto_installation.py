"""An installation on moto, and example events for its functions."""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3

from cci_lite.aws.config import DynamoConfigStore
from cci_lite.aws.registry import DynamoRegistry
from cci_lite.functions.wiring import Function, Installation, invoke
from cci_lite.testing.memory import ManualClock

REGION = "eu-central-1"
ACCOUNT = "123456789012"


@functools.cache
def aws_client(service: str, region: str = REGION) -> Any:
    """A client that moto answers; making one takes longer than most tests."""
    return boto3.client(
        service,
        region_name=region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@dataclass
class Context:
    """What Lambda gives a function besides the event."""

    remaining_seconds: float = 600
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining_seconds * 1000)


@dataclass
class Cloud:
    """An installation and what lies behind it.

    `broken` are services whose clients raise, `postponed` the messages that were put off.
    """

    installation: Installation
    clock: ManualClock
    registry: DynamoRegistry
    config: DynamoConfigStore
    broken: dict[str, Exception] = field(default_factory=dict)
    postponed: list[tuple[str, str, int]] = field(default_factory=list)

    def call(self, function: Function, event: Any) -> Any:
        return invoke(function, self.installation, event, Context())

    def upload(self, key: str, data: bytes = b"RIFF") -> dict[str, Any]:
        """Upload an object; its event as EventBridge sends it."""
        stored = aws_client("s3").put_object(Bucket="recordings", Key=key, Body=data)
        return {
            "detail-type": "Object Created",
            "source": "aws.s3",
            "time": self.clock().isoformat(),
            "detail": {
                "bucket": {"name": "recordings"},
                "object": {
                    "key": key,
                    "size": len(data),
                    "etag": stored["ETag"].strip('"'),
                    "version-id": stored["VersionId"],
                    "sequencer": "0A",
                },
            },
        }

    def jobs(self) -> list[str]:
        found = aws_client("transcribe").list_transcription_jobs()
        return [job["TranscriptionJobName"] for job in found["TranscriptionJobSummaries"]]

    def receive(self, queue: str) -> list[dict[str, Any]]:
        """The bodies of a queue's messages."""
        sqs = aws_client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in found]


def batch(*events: Any, queue: str = "cci-lite-uploads", deliveries: int = 1) -> dict[str, Any]:
    """Events as messages `m-0`, `m-1`, … of a queue, delivered so often."""
    return {
        "Records": [
            {
                "messageId": f"m-{number}",
                "receiptHandle": f"handle-{number}",
                "body": event if isinstance(event, str) else json.dumps(event),
                "attributes": {"ApproximateReceiveCount": str(deliveries)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
                "awsRegion": REGION,
            }
            for number, event in enumerate(events)
        ]
    }


def failed_items(answer: Mapping[str, Any]) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def job_event(job_name: str, status: str, reason: str | None = None) -> dict[str, Any]:
    detail = {"TranscriptionJobName": job_name, "TranscriptionJobStatus": status}
    return {
        "detail-type": "Transcribe Job State Change",
        "source": "aws.transcribe",
        "detail": detail if reason is None else {**detail, "FailureReason": reason},
    }
