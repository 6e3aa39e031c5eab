"""Opens the configuration that a command works on, in a lake or in AWS, and explains failures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cci_lite.errors import PipelineError, UsageError
from cci_lite.settings import NAMES, setting

if TYPE_CHECKING:
    from cci_lite.ports import ConfigStore
    from cci_lite.settings import BucketLake

_REMEDIES = {
    "NoCredentialsError": "no AWS credentials were found; set AWS_PROFILE, or log in",
    "PartialCredentialsError": "the AWS credentials are incomplete; set AWS_PROFILE, or log in",
    "ExpiredTokenException": "the AWS credentials have expired; log in again",
    "ExpiredToken": "the AWS credentials have expired; log in again",
    "UnrecognizedClientException": "AWS does not know these credentials",
    "InvalidAccessKeyId": "AWS does not know these credentials",
    "ResourceNotFoundException": "there is no {place}",
    "EntityNotFoundException": "there is no {place}",
    "NoSuchBucket": "there is no {place}",
    "AccessDeniedException": "these AWS credentials may not use {place}",
    "AccessDenied": "these AWS credentials may not use {place}",
    "unreachable": "{place} cannot be reached",
    "throttled": "{place} is busy; run again",
}


@dataclass(frozen=True)
class Configuration:
    """An open configuration store. `place` is its name in messages.

    `holds` says whether there is data below a prefix, `form_key` which form tenants have that
    activated none.
    """

    store: ConfigStore
    place: str
    holds: Callable[[str], bool]
    form_key: str


@contextmanager
def open_configuration(
    lake: Path | BucketLake | None, *, create: bool = False
) -> Iterator[Configuration]:
    """The configuration in a lake, or in the table that the environment names.

    Raises UsageError when neither is given, NotFoundError when there is no such lake.
    """
    if isinstance(lake, Path):
        yield from _open_lake(lake, create=create)
    else:
        yield from _open_table()


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
        # A new session, because boto3's default session caches credentials.
        session = boto3.Session()
        return session.client(service, region_name=_setting("region"), config=settings)
    except (BotoCoreError, ValueError) as problem:
        # A profile that does not exist, or an invalid region.
        raise UsageError(f"AWS cannot be used: {type(problem).__name__}") from None


@contextmanager
def explained(service: str, place: str) -> Iterator[None]:
    """Add to a service's errors what to do about them; other errors are unchanged."""
    try:
        yield
    except PipelineError as problem:
        whose, _, word = problem.code.partition("_")
        if whose != service or word not in _REMEDIES:
            raise
        raise type(problem)(problem.code, _REMEDIES[word].format(place=place)) from None


def _open_lake(lake: Path, *, create: bool) -> Iterator[Configuration]:
    from cci_lite.contract.form import GUIDE_FORM_KEY
    from cci_lite.laptop import create_lake, open_lake

    with create_lake(lake) if create else open_lake(lake) as opened:
        yield Configuration(
            store=opened.catalog,
            place=str(lake),
            holds=lambda prefix: any(True for _ in opened.store.listing(prefix)),
            form_key=GUIDE_FORM_KEY,
        )


def _open_table() -> Iterator[Configuration]:
    from cci_lite.contract.form import GUIDE_FORM_KEY

    table, region = _setting("config_table"), _setting("region")
    if not (table and region):
        raise UsageError(
            "expected --lake DIR (or CCI_LITE_LAKE) for a lake in a folder, or "
            f"{NAMES['config_table']} and {NAMES['region']} for a table in DynamoDB"
        )
    place = f"table {table} in {region}"
    dynamodb = client("dynamodb")
    from cci_lite.aws.config import DynamoConfigStore

    with explained("dynamodb", place):
        yield Configuration(
            store=DynamoConfigStore(dynamodb, table),
            place=place,
            holds=_holds,
            form_key=_setting("form_key") or GUIDE_FORM_KEY,
        )


def _setting(name: str) -> str | None:
    return setting(os.environ, name)


def _holds(prefix: str) -> bool:
    from cci_lite.aws.documents import is_anything_below

    names = ("input_bucket", "output_bucket")
    buckets = [_setting(name) for name in names]
    if not all(buckets):
        needed = " and ".join(NAMES[name] for name in names)
        raise UsageError(f"{needed} must be set, to look for the tenant's data there")
    s3 = client("s3")
    for bucket in filter(None, buckets):
        with explained("s3", f"bucket {bucket}"):
            if is_anything_below(s3, bucket, prefix):
                return True
    return False
