"""Reads the environment variables into one frozen value; the names are the guide's."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any, Self

from cci_lite.contract.form import GUIDE_FORM_KEY
from cci_lite.errors import UsageError

_S3 = re.compile(r"s3://", re.IGNORECASE)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"", "false", "0", "no"})


@dataclass(frozen=True)
class Settings:
    """What the functions and the commands against AWS need to know of an installation.

    `form_key` is the form of tenants that have activated none. Everything optional is None when it
    is not set.
    """

    region: str
    input_bucket: str
    output_bucket: str
    config_table: str
    calls_table: str
    kms_key_arn: str | None = None
    transcribe_role_arn: str | None = None
    topic_arn: str | None = None
    slack_webhook_secret: str | None = None
    webhook_secret_prefix: str = "cci-lite/webhook/"
    upload_queue_url: str | None = None
    result_queue_url: str | None = None
    analysis_queue_url: str | None = None
    form_key: str = GUIDE_FORM_KEY
    overwrite_results: bool = False
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Settings from environment variables; raises UsageError that names what is missing."""
        values = _values(cls, environment, buckets=("input_bucket", "output_bucket"))
        values["overwrite_results"] = _flag("overwrite_results", values.get("overwrite_results"))
        return cls(**values)


@dataclass(frozen=True)
class LakeSettings:
    """What the nightly run and the commands around it need to know of a lake on AWS.

    `output_bucket` holds unified documents and quarantine, `curated_bucket` the tables,
    `curated_table` what is published, `config_table` tenants and forms. `endpoint_url` is set where
    something else than AWS answers.
    """

    region: str
    output_bucket: str
    curated_bucket: str
    config_table: str
    curated_table: str
    glue_database: str = "cci_lite"
    kms_key_arn: str | None = None
    endpoint_url: str | None = None

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], *, output_bucket: str | None = None
    ) -> Self:
        """Settings from environment variables; raises UsageError that names what is missing.

        `output_bucket` overrides the environment's.
        """
        if output_bucket is not None:
            environment = {**environment, NAMES["output_bucket"]: output_bucket}
        return cls(**_values(cls, environment, buckets=("output_bucket", "curated_bucket")))


@dataclass(frozen=True)
class BucketLake:
    """A lake on AWS, named by its results bucket; the environment names all else."""

    output_bucket: str

    def __str__(self) -> str:
        return f"s3://{self.output_bucket}"


def lake_place(text: str) -> Path | BucketLake:
    """Where a lake is: a folder, or on AWS (`s3://BUCKET`, its results bucket).

    Raises UsageError for an address in S3 that is not just a bucket.
    """
    if not _S3.match(text):
        return Path(text)
    bucket = _S3.sub("", text, count=1).removesuffix("/")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(
            f"{text}: expected s3:// and the name of the results bucket, which is 3 to 63 "
            "lower-case letters, digits, dots and hyphens, with a letter or digit at both ends"
        )
    return BucketLake(bucket)


def _values(
    settings: type, environment: Mapping[str, str], *, buckets: Sequence[str]
) -> dict[str, Any]:
    """The fields of `settings` that the environment sets."""
    fields = dataclasses.fields(settings)
    given = {field.name: setting(environment, field.name) for field in fields}
    required = [field.name for field in fields if field.default is MISSING]
    if missing := [NAMES[name] for name in required if given[name] is None]:
        raise UsageError(f"environment: {', '.join(missing)} must be set")
    for name in buckets:
        if not _BUCKET.fullmatch(str(given[name])):
            raise UsageError(f"environment: {NAMES[name]} is not the name of a bucket")
    return {name: value for name, value in given.items() if value is not None}


# What each of the settings is called in an environment.
NAMES: Mapping[str, str] = {
    "region": "AWS_REGION",
    "input_bucket": "INPUT_BUCKET",
    "output_bucket": "OUTPUT_BUCKET",
    "config_table": "DDB_TABLE",
    "calls_table": "CALLS_TABLE",
    "curated_bucket": "CURATED_BUCKET",
    "curated_table": "CURATED_TABLE",
    "glue_database": "GLUE_DATABASE",
    "kms_key_arn": "KMS_KEY_ARN",
    "endpoint_url": "AWS_ENDPOINT_URL",
    "transcribe_role_arn": "TRANSCRIBE_ROLE_ARN",
    "topic_arn": "SNS_TOPIC_ARN",
    "slack_webhook_secret": "SLACK_WEBHOOK_SECRET",
    "webhook_secret_prefix": "WEBHOOK_SECRET_PREFIX",
    "upload_queue_url": "UPLOAD_QUEUE_URL",
    "result_queue_url": "RESULT_QUEUE_URL",
    "analysis_queue_url": "ANALYSIS_QUEUE_URL",
    "form_key": "QA_TEMPLATE_KEY",
    "overwrite_results": "OVERWRITE_RESULTS",
    "log_level": "LOG_LEVEL",
}


def setting(environment: Mapping[str, str], name: str) -> str | None:
    """One of the settings in an environment; None when it is absent or empty."""
    return environment.get(NAMES[name]) or None


def _flag(name: str, text: str | None) -> bool:
    value = (text or "").strip().lower()
    if value not in _TRUE | _FALSE:
        raise UsageError(f"environment: {NAMES[name]}: expected true or false")
    return value in _TRUE
