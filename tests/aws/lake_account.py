"""An account of AWS behind a server, for clients that are not Python's own; one for all tests."""

from __future__ import annotations

import functools
import itertools
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import boto3
from moto.server import ThreadedMotoServer

from cci_lite.aws.lake.store import S3Store

REGION = "eu-central-1"
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class LakeAccount:
    """An installation in the account of all tests: its names are its own, and nothing is there."""

    endpoint: str
    results_bucket: str
    curated_bucket: str
    curated_table: str
    config_table: str
    glue_database: str

    def client(self, service: str) -> Any:
        """A client of boto3."""
        return _client(self.endpoint, service)

    def store(self, **values: Any) -> S3Store:
        """The store of this installation."""
        made = S3Store(self.results_bucket, self.curated_bucket, REGION, endpoint=self.endpoint)
        return replace(made, **values)


@functools.cache
def _endpoint() -> str:
    # It says each request, and ends with the process: its thread is a daemon.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


@functools.cache
def _client(endpoint: str, service: str) -> Any:
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION)


@contextmanager
def lake_account(*, versioned: bool = False) -> Iterator[LakeAccount]:
    """An installation with its two buckets; tables and databases are made by who needs them."""
    number = next(_numbers)
    name = f"t{os.getpid()}-{number}"
    with patch.dict("os.environ", _CREDENTIALS):
        os.environ.pop("AWS_PROFILE", None)
        account = LakeAccount(
            _endpoint(),
            f"{name}-results",
            f"{name}-curated",
            f"{name}-curated",
            f"{name}-config",
            f"cci_lite_{name.replace('-', '_')}",
        )
        s3 = account.client("s3")
        for bucket in (account.results_bucket, account.curated_bucket):
            s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
            if versioned:
                s3.put_bucket_versioning(
                    Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
                )
        yield account
