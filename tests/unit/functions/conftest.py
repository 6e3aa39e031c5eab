"""An installation in this process, on moto."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from cci_lite.aws import config, registry
from cci_lite.aws.config import DynamoConfigStore
from cci_lite.aws.registry import DynamoRegistry
from cci_lite.aws.telemetry import PowertoolsTelemetry
from cci_lite.functions.wiring import Installation
from cci_lite.settings import Settings
from cci_lite.testing.memory import ManualClock
from tests.aws.account import empty_account
from tests.unit.functions.moto_installation import ACCOUNT, REGION, Cloud, aws_client


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """Buckets, tables, queues and a topic whose messages end in the queue `told`."""
    with empty_account():
        s3, sqs, sns, dynamodb = map(aws_client, ("s3", "sqs", "sns", "dynamodb"))
        for bucket in ("recordings", "results"):
            s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        dynamodb.create_table(**config.config_table_definition("configuration"))
        dynamodb.create_table(**registry.calls_table_definition("calls"))
        queue = {
            name: sqs.create_queue(QueueName=name)["QueueUrl"]
            for name in ("uploads", "results", "analysis", "told")
        }
        topic = sns.create_topic(Name="notices")["TopicArn"]
        told = f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=told)
        clock = ManualClock(dt.datetime(2025, 11, 5, 9, 0, tzinfo=dt.UTC))
        broken: dict[str, Exception] = {}
        postponed: list[tuple[str, str, int]] = []

        def clients(service: str, region: str | None = None) -> Any:
            if service in broken:
                raise broken[service]
            return aws_client(service, region or REGION)

        installation = Installation(
            settings=Settings(
                region=REGION,
                input_bucket="recordings",
                output_bucket="results",
                config_table="configuration",
                calls_table="calls",
                topic_arn=topic,
                upload_queue_url=queue["uploads"],
                result_queue_url=queue["results"],
                analysis_queue_url=queue["analysis"],
            ),
            clients=clients,
            telemetry=PowertoolsTelemetry("tested"),
            clock=clock,
            wait=clock.wait,
            postpone=lambda *message: postponed.append(message),
        )
        store = DynamoConfigStore(dynamodb, "configuration")
        for tenant_id in ("acme", "globex"):
            store.put(f"TENANT#{tenant_id}", "META#v1", {"name": tenant_id})
        calls = DynamoRegistry(dynamodb, "calls")
        yield Cloud(installation, clock, calls, store, broken, postponed)
