"""An AWS account by moto, and the environment variables that lead a command to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from cci_lite.aws.config import config_table_definition
from tests.aws.account import empty_account

REGION = "eu-central-1"
TABLE = "cci-lite-config"
INPUT_BUCKET = "acme-recordings"
OUTPUT_BUCKET = "acme-results"


@contextmanager
def cloud(monkeypatch: pytest.MonkeyPatch, *, table: bool = True) -> Iterator[Any]:
    """S3 with two buckets and, if wanted, the configuration table; yields the S3 client."""
    environment = {
        "AWS_REGION": REGION,
        "DDB_TABLE": TABLE,
        "INPUT_BUCKET": INPUT_BUCKET,
        "OUTPUT_BUCKET": OUTPUT_BUCKET,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CCI_LITE_LAKE", raising=False)
    monkeypatch.delenv("QA_TEMPLATE_KEY", raising=False)
    with empty_account():
        if table:
            boto3.client("dynamodb", region_name=REGION).create_table(
                **config_table_definition(TABLE)
            )
        s3 = boto3.client("s3", region_name=REGION)
        for bucket in (INPUT_BUCKET, OUTPUT_BUCKET):
            s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        yield s3
