"""Opens what the environment names in AWS, and says in one line what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cci_lite.errors import PipelineError, UsageError

if TYPE_CHECKING:
    from cci_lite.ports import ConfigStore

_REMEDIES = {
    "NoCredentialsError": "no AWS credentials were found; set AWS_PROFILE, or log in",
    "PartialCredentialsError": "the AWS credentials are not whole; set AWS_PROFILE, or log in",
    "ExpiredTokenException": "the AWS credentials have expired; log in again",
    "ExpiredToken": "the AWS credentials have expired; log in again",
    "UnrecognizedClientException": "AWS does not know these credentials",
    "InvalidAccessKeyId": "AWS does not know these credentials",
    "ResourceNotFoundException": "there is no {place}",
    "NoSuchBucket": "there is no {place}",
    "AccessDeniedException": "these AWS credentials may not use {place}",
    "AccessDenied": "these AWS credentials may not use {place}",
    "unreachable": "{place} cannot be reached",
    "throttled": "{place} is busy; run again",
}


@dataclass(frozen=True)
class Configuration:
    """An open configuration store. `place` is how people call it.

    `holds` says whether there is data below a prefix, `template_key` which form tenants have that
    activated none.
    """

    store: ConfigStore
    place: str
    holds: Callable[[str], bool]
    template_key: str


@contextmanager
def open_configuration(lake: Path | None, *, create: bool = False) -> Iterator[Configuration]:
    """The configuration in a lake, or in the table that the environment names.

    Raises UsageError when neither is given, NotFoundError when there is no such lake.
    """
    if lake is None:
        yield from _open_table()
    else:
        yield from _open_lake(lake, create=create)


def client(service: str) -> Any:
    """A client of a service, in AWS_REGION when it is set; raises UsageError without boto3."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise UsageError(
            "boto3 is not installed; add it with: pip install 'cci-lite[aws]'"
        ) from None
    settings = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard"})
    try:
        return boto3.client(service, region_name=os.environ.get("AWS_REGION"), config=settings)
    except (BotoCoreError, ValueError) as problem:
        # A profile that is not there, a region that is none.
        raise UsageError(f"AWS cannot be used: {type(problem).__name__}") from None


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Let a service's error leave with what to do about it."""
    try:
        yield
    except PipelineError as problem:
        _, _, word = problem.code.partition("_")
        if word not in _REMEDIES:
            raise
        raise type(problem)(problem.code, _REMEDIES[word].format(place=place)) from None


def _open_lake(lake: Path, *, create: bool) -> Iterator[Configuration]:
    from cci_lite.contract.template import GUIDE_TEMPLATE_KEY
    from cci_lite.laptop import create_lake, open_lake

    with create_lake(lake) if create else open_lake(lake) as opened:
        yield Configuration(
            store=opened.catalog,
            place=str(lake),
            holds=lambda prefix: any(True for _ in opened.store.listing(prefix)),
            template_key=GUIDE_TEMPLATE_KEY,
        )


def _open_table() -> Iterator[Configuration]:
    from cci_lite.contract.template import GUIDE_TEMPLATE_KEY

    table, region = os.environ.get("DDB_TABLE"), os.environ.get("AWS_REGION")
    if not (table and region):
        raise UsageError(
            "expected --lake DIR (or CCI_LITE_LAKE) for a lake in a folder, or DDB_TABLE and "
            "AWS_REGION for a table in DynamoDB"
        )
    place = f"table {table} in {region}"
    dynamodb = client("dynamodb")
    from cci_lite.aws.config import DynamoConfigStore

    with explained(place):
        yield Configuration(
            store=DynamoConfigStore(dynamodb, table),
            place=place,
            holds=_holds,
            template_key=os.environ.get("QA_TEMPLATE_KEY") or GUIDE_TEMPLATE_KEY,
        )


def _holds(prefix: str) -> bool:
    from cci_lite.aws.documents import is_anything_below

    buckets = [os.environ.get(name) for name in ("INPUT_BUCKET", "OUTPUT_BUCKET")]
    if not all(buckets):
        raise UsageError("INPUT_BUCKET and OUTPUT_BUCKET must be set: data is looked for in them")
    s3 = client("s3")
    return any(is_anything_below(s3, bucket, prefix) for bucket in buckets if bucket)
