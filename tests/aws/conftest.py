"""Services of AWS in this process: moto's, and the project's own doubles where moto is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.aws.account import empty_account

REGION = "eu-central-1"
INPUT_BUCKET = "acme-recordings"
OUTPUT_BUCKET = "acme-results"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with empty_account():
        yield


@pytest.fixture
def s3(cloud: None) -> Any:
    """S3 with the two buckets, versioned as ours are."""
    client = boto3.client("s3", region_name=REGION)
    for bucket in (INPUT_BUCKET, OUTPUT_BUCKET):
        client.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture
def kms_key_arn(cloud: None) -> str:
    """A key for results."""
    key: str = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"]
    return key
