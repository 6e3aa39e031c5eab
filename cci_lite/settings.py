"""Reads the environment variables into one frozen value; the names are the guide's."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Any, Self

from cci_lite.contract.form import GUIDE_FORM_KEY
from cci_lite.errors import UsageError

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
    curated_bucket: str | None = None
    curated_table: str | None = None
    glue_database: str = "cci_lite"
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
        given = {name: setting(environment, name) for name in NAMES}
        missing = [NAMES[name] for name in _REQUIRED if given[name] is None]
        if missing:
            raise UsageError(f"environment: {', '.join(missing)} must be set")
        for name in ("input_bucket", "output_bucket"):
            if not _BUCKET.fullmatch(str(given[name])):
                raise UsageError(f"environment: {NAMES[name]} is not the name of a bucket")
        values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        values["overwrite_results"] = _flag("overwrite_results", given["overwrite_results"])
        return cls(**values)


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
_REQUIRED = [field.name for field in dataclasses.fields(Settings) if field.default is MISSING]


def setting(environment: Mapping[str, str], name: str) -> str | None:
    """One of the settings in an environment; None when it is absent or empty."""
    return environment.get(NAMES[name]) or None


def _flag(name: str, text: str | None) -> bool:
    value = (text or "").strip().lower()
    if value not in _TRUE | _FALSE:
        raise UsageError(f"environment: {NAMES[name]}: expected true or false")
    return value in _TRUE
