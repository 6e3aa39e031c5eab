"""Clients of a bucket: obstore's for all that is much, boto3's for keys that obstore cannot spell.

Each process makes its own when it first needs one. boto3 is imported for odd keys and for profiles
only: it takes longer to start than a worker has to wait for its first documents.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from obstore.store import S3Store as ObjectStore

from cci_lite.aws.object_headers import encryption_context

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3CredentialProvider

# Throttles, outages and dropped connections. Requests are not signed anew for a repetition, and a
# signature holds for a quarter of an hour.
RETRIES: RetryConfig = {
    "max_retries": 8,
    "retry_timeout": dt.timedelta(minutes=3),
    "backoff": {
        "init_backoff": dt.timedelta(milliseconds=100),
        "max_backoff": dt.timedelta(seconds=10),
        "base": 2,
    },
}
# The largest file of a table goes in one request, up or down.
_LONGEST = dt.timedelta(minutes=5)
_TIMES: ClientConfig = {"connect_timeout": dt.timedelta(seconds=5), "timeout": _LONGEST}
# How long an answer may stand still. Not where we write: it would count what we send, too.
_STANDSTILL: ClientConfig = {"read_timeout": dt.timedelta(seconds=30)}
# botocore renews what a profile gave ten minutes before its end at the latest.
_PROFILE_LIFE = dt.timedelta(minutes=5)
# Where obstore finds credentials by itself, before the role of the machine.
_OWN_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)


@dataclass(frozen=True)
class Bucket:
    """A bucket, and how it is reached."""

    name: str
    region: str
    endpoint: str | None = None
    profile: str | None = None


def profile_of(environment: Mapping[str, str], home: Path) -> str | None:
    """The profile of AWS's shared files that gives the credentials; None where obstore finds them.

    As boto3 does it: keys, container and web identity of the environment come before a profile, and
    a profile (`default` where none is named) before the role of the machine.
    """
    if any(environment.get(name) for name in _OWN_CREDENTIALS):
        return None
    if named := environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE"):
        return named
    shared = environment.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws" / "credentials"
    return "default" if Path(shared).is_file() else None


@functools.lru_cache(maxsize=16)
def reading_client(bucket: Bucket) -> ObjectStore:
    """For all that does not write: S3 refuses headers of encryption on reads."""
    return _client(bucket, _STANDSTILL, {}, None)


# As many tenants as one process writes to in turn.
@functools.lru_cache(maxsize=64)
def writing_client(bucket: Bucket, tenant_id: str, kms_key_arn: str | None) -> ObjectStore:
    """For writing a tenant's objects: its context goes through headers of all requests only."""
    return _client(bucket, {}, _context(tenant_id, kms_key_arn), kms_key_arn)


def copying_client(
    bucket: Bucket, tenant_id: str, kms_key_arn: str | None, headers: Mapping[str, str]
) -> ObjectStore:
    """For one copy: what a copy is to say goes through headers of all requests, too."""
    return _client(bucket, {}, {**headers, **_context(tenant_id, kms_key_arn)}, kms_key_arn)


@functools.lru_cache(maxsize=16)
def exact_client(bucket: Bucket) -> Any:
    """A client of boto3, which takes every key as it is."""
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": RETRIES["max_retries"] + 1},
        connect_timeout=5,
        read_timeout=30,
    )
    session = boto3.Session(profile_name=bucket.profile, region_name=bucket.region)
    return session.client("s3", endpoint_url=bucket.endpoint, config=config)


def _client(
    bucket: Bucket, times: ClientConfig, headers: Mapping[str, str], kms_key_arn: str | None
) -> ObjectStore:
    config: S3Config = {"region": bucket.region}
    options: ClientConfig = {**_TIMES, **times, "default_headers": dict(headers)}
    if bucket.endpoint is not None:
        config["endpoint"] = bucket.endpoint
        options["allow_http"] = bucket.endpoint.startswith("http://")
    if kms_key_arn is not None:
        config["server_side_encryption"] = "aws:kms"
        config["sse_kms_key_id"] = kms_key_arn
    return ObjectStore(
        bucket.name,
        config=config,
        client_options=options,
        retry_config=RETRIES,
        credential_provider=_credentials(bucket.profile),
    )


def _context(tenant_id: str, kms_key_arn: str | None) -> dict[str, str]:
    if kms_key_arn is None:
        return {}
    return {"x-amz-server-side-encryption-context": encryption_context(tenant_id)}


@functools.lru_cache(maxsize=4)
def _credentials(profile: str | None) -> S3CredentialProvider | None:
    """What asks a profile for credentials, again and again; None where obstore finds them."""
    if profile is None:
        return None
    import boto3
    from obstore.auth.boto3 import Boto3CredentialProvider

    return Boto3CredentialProvider(boto3.Session(profile_name=profile), ttl=_PROFILE_LIFE)
