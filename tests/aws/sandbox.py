"""A whole installation in this process: S3, EventBridge, SQS, SNS, DynamoDB and Secrets Manager by
moto; Transcribe, Comprehend and Bedrock by the project's own doubles, because moto is wrong or silent
about them (see their docstrings). The functions are the deployed ones.

moto does not call functions: `pump` takes the messages from the queues, as SQS's event source would,
and gives them back when the answer names them. A message that was put off comes again at once;
`postponed` has the seconds. moto also tells of tags that nobody added, and its sequencer is constant.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from moto.backends import get_backend
from ruamel.yaml import YAML

from cci_lite.aws import config, registry
from cci_lite.aws.items import from_item
from cci_lite.aws.telemetry import PowertoolsTelemetry
from cci_lite.functions.call_metadata import call_metadata
from cci_lite.functions.completed_jobs import analyzer, result_handler
from cci_lite.functions.failure_notifier import failure_notifier
from cci_lite.functions.job_init import job_init
from cci_lite.functions.reconciler import reconciler
from cci_lite.functions.wiring import Installation, invoke
from cci_lite.settings import NAMES, Settings
from cci_lite.testing.bedrock import BedrockDouble
from cci_lite.testing.comprehend import ComprehendDouble
from cci_lite.testing.memory import ManualClock
from cci_lite.testing.transcribe import TranscribeDouble
from tests.aws.rights import Ledger

REGION = "eu-central-1"
ACCOUNT = "123456789012"
INPUT = f"cci-lite-input-{ACCOUNT}-{REGION}"
OUTPUT = f"cci-lite-results-{ACCOUNT}-{REGION}"
FUNCTIONS = {
    "job_init": job_init,
    "result_handler": result_handler,
    "analyzer": analyzer,
    "call_metadata": call_metadata,
    "failure_notifier": failure_notifier,
    "reconciler": reconciler,
}
_FOLDER = Path(__file__).parents[2] / "pipeline_lambdas"


@functools.cache
def descriptions() -> dict[str, dict[str, Any]]:
    """What is deployed: the functions' own descriptions."""
    filled = {"${INPUT_BUCKET}": INPUT, "${OUTPUT_BUCKET}": OUTPUT}
    described = {}
    for name in FUNCTIONS:
        text = (_FOLDER / name / "function.yaml").read_text(encoding="utf-8")
        for placeholder, value in filled.items():
            text = text.replace(placeholder, value)
        described[name] = YAML(typ="safe").load(text)
    return described


def unread_queues() -> list[dict[str, Any]]:
    """What is deployed besides: the queues that no function reads."""
    text = (_FOLDER / "queues.yaml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = YAML(typ="safe").load(text)["queues"]
    return found


@dataclass
class Context:
    """What Lambda gives a function besides the event."""

    aws_request_id: str
    function_name: str = "cci-lite"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:cci-lite"

    def get_remaining_time_in_millis(self) -> int:
        return 600_000


class Sandbox:
    """Buckets, tables, queues, rules and a topic, with the functions behind them."""

    def __init__(
        self,
        transcript_for: Callable[[Mapping[str, Any]], bytes],
        *,
        names: tuple[str, ...] = (),
        bedrock: BedrockDouble | None = None,
        analysis_queue: bool = False,
        slack_webhook_secret: str | None = None,
    ) -> None:
        self.clock = ManualClock(dt.datetime.now(dt.UTC).replace(microsecond=0))
        self.s3 = boto3.client("s3", region_name=REGION)
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.sns = boto3.client("sns", region_name=REGION)
        self.events = boto3.client("events", region_name=REGION)
        self.dynamodb = boto3.client("dynamodb", region_name=REGION)
        self.secrets = boto3.client("secretsmanager", region_name=REGION)
        self.transcribe = TranscribeDouble(self.s3, transcript_for, clock=self.clock)
        self.comprehend = ComprehendDouble(names)
        self.bedrock = bedrock or BedrockDouble()
        self._make_buckets()
        self.urls: dict[str, str] = {}
        self._functions: dict[str, str] = {}
        deployed = descriptions()
        for queue in unread_queues():
            self._make_queue(queue["name"])
        for description in deployed.values():
            for queue in description["queues"]:
                self._make_queue(queue["name"])
        for name, description in deployed.items():
            for queue in description["queues"]:
                self._functions[queue["name"]] = name
                self._set_dead_letter_queue(queue["name"], queue["dead_letter"])
            for rule in description["rules"]:
                self._make_rule(rule)
        self.dynamodb.create_table(**config.config_table_definition("cci-lite-config"))
        self.dynamodb.create_table(**registry.calls_table_definition("cci-lite-calls"))
        topic = self.sns.create_topic(Name="cci-lite-notices")["TopicArn"]
        told = self.sqs.create_queue(QueueName="told")
        self.told: str = told["QueueUrl"]
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self._arn("told"))
        self.settings = Settings(
            region=REGION,
            input_bucket=INPUT,
            output_bucket=OUTPUT,
            config_table="cci-lite-config",
            calls_table="cci-lite-calls",
            kms_key_arn=boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"],
            transcribe_role_arn=f"arn:aws:iam::{ACCOUNT}:role/cci-lite-transcribe",
            topic_arn=topic,
            slack_webhook_secret=slack_webhook_secret,
            upload_queue_url=self.urls["cci-lite-uploads"],
            result_queue_url=self.urls["cci-lite-results"],
            analysis_queue_url=self.urls["cci-lite-analysis"] if analysis_queue else None,
        )
        self.ledger = Ledger(account=ACCOUNT, region=REGION)
        self.postponed: list[tuple[str, int]] = []
        self._request_ids = (
            f"00000000-0000-0000-0000-{number:012}" for number in itertools.count()
        )
        self._installations: dict[str, Installation] = {}

    def upload(self, key: str, data: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Upload an object as a tenant would."""
        self.s3.put_object(Bucket=INPUT, Key=key, Body=data, Metadata=dict(metadata or {}))

    def pump(self, rounds: int = 12) -> int:
        """Deliver until the queues are empty (or the rounds are over); how many were delivered."""
        delivered = 0
        for _ in range(rounds):
            batches = [(name, self._receive(self.urls[name])) for name in self._functions]
            if not any(messages for _, messages in batches):
                break
            for name, messages in batches:
                delivered += self._deliver(name, messages) if messages else 0
        return delivered

    def finish_jobs(self) -> list[str]:
        """Complete all transcription jobs; their events are on their way then."""
        names = self.transcribe.open_jobs()
        for name in names:
            self.announce(self.transcribe.finish(name))
        return names

    def announce(self, event: Mapping[str, Any]) -> None:
        """Put an event of a service onto the bus; AWS itself takes none in its own name."""
        self.events.put_events(
            Entries=[
                {
                    "Source": event["source"],
                    "DetailType": event["detail-type"],
                    "Detail": json.dumps(event["detail"]),
                }
            ]
        )

    def sweep(self, event: Mapping[str, Any] | None = None) -> Any:
        """Let the reconciler run."""
        return self.invoke("reconciler", event or {})

    def invoke(self, function: str, event: Any) -> Any:
        """Call a function with an event of its own."""
        if function not in self._installations:
            self._installations[function] = self._install(function)
        context = Context(next(self._request_ids))
        return invoke(FUNCTIONS[function], self._installations[function], event, context)

    def values(self) -> dict[str, str]:
        """What the placeholders of the functions' descriptions stand for."""
        named = {NAMES[name]: value for name, value in vars(self.settings).items()}
        filled = {name: str(value) for name, value in named.items() if value is not None}
        return {"AWS_ACCOUNT_ID": ACCOUNT, **filled}

    def call(self, event: Mapping[str, Any]) -> Any:
        """Call the webhook."""
        return self.invoke("call_metadata", event)

    def documents(self) -> dict[str, dict[str, Any]]:
        """The unified documents by key."""
        listing = self.s3.list_objects_v2(Bucket=OUTPUT, Prefix="unified/")
        keys = [found["Key"] for found in listing.get("Contents", [])]
        return {key: json.loads(self.read(key)) for key in keys}

    def read(self, key: str) -> bytes:
        """An object of the results bucket."""
        body: bytes = self.s3.get_object(Bucket=OUTPUT, Key=key)["Body"].read()
        return body

    def records(self) -> list[dict[str, Any]]:
        """The registry's records."""
        items = self.dynamodb.scan(TableName="cci-lite-calls")["Items"]
        return [from_item(item) for item in items if item["sk"]["S"].startswith("R#")]

    def notices(self) -> list[str]:
        """What people were told since this was asked last."""
        messages = self._receive(self.told)
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.told, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"])["Message"] for message in messages]

    def parked(self) -> int:
        """How many messages no function could handle."""
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.urls["cci-lite-parked"], AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _make_buckets(self) -> None:
        for bucket in (INPUT, OUTPUT):
            self.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
            self.s3.put_bucket_versioning(
                Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
            )
        self.s3.put_bucket_notification_configuration(
            Bucket=INPUT, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )

    def _install(self, function: str) -> Installation:
        """A container of a function: what it makes once is its own."""

        @functools.cache
        def client(service: str, region: str | None = None) -> Any:
            doubles = {
                "transcribe": self.transcribe,
                "comprehend": self.comprehend,
                "bedrock-runtime": self.bedrock,
            }
            if service in doubles:
                return self.ledger.double(doubles[service], service, function, region)
            return self.ledger.client(service, function)

        def put_off(queue_arn: str, receipt_handle: str, seconds: int) -> None:
            self.ledger.used[function].add(("sqs:ChangeMessageVisibility", queue_arn))
            self.postponed.append((queue_arn.rpartition(":")[2], seconds))

        return Installation(
            settings=self.ledger.settings(self.settings, function),
            clients=client,
            telemetry=PowertoolsTelemetry(function, level="INFO"),
            clock=self.clock,
            wait=self.clock.wait,
            postpone=put_off,
        )

    def _make_queue(self, name: str) -> None:
        # Nobody else receives here: what is not deleted may come again at once.
        made = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "0"})
        self.urls[name] = made["QueueUrl"]

    def _set_dead_letter_queue(self, name: str, dead_letter: Mapping[str, Any]) -> None:
        redrive = {
            "deadLetterTargetArn": self._arn(dead_letter["queue"]),
            "maxReceiveCount": dead_letter["max_receive_count"],
        }
        self.sqs.set_queue_attributes(
            QueueUrl=self.urls[name], Attributes={"RedrivePolicy": json.dumps(redrive)}
        )

    def _make_rule(self, rule: Mapping[str, Any]) -> None:
        self.events.put_rule(Name=rule["name"], EventPattern=json.dumps(rule["pattern"]))
        target = {"Id": "queue", "Arn": self._arn(rule["queue"])}
        self.events.put_targets(Rule=rule["name"], Targets=[target])

    def _arn(self, queue: str) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"

    def _receive(self, url: str) -> list[dict[str, Any]]:
        # Most queues are empty most of the time: moto is asked only where something lies.
        if not get_backend("sqs")[ACCOUNT][REGION].get_queue(url.rpartition("/")[2]).messages:
            return []
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _deliver(self, name: str, messages: list[dict[str, Any]]) -> int:
        event = {"Records": [self._record(name, message) for message in messages]}
        answer = self.invoke(self._functions[name], event)
        again = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in again:
                self.sqs.delete_message(
                    QueueUrl=self.urls[name], ReceiptHandle=message["ReceiptHandle"]
                )
        return len(messages)

    def _record(self, name: str, message: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn(name),
            "awsRegion": REGION,
        }
