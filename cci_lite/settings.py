"""The environment of the functions as one frozen value; the names are the guide's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from cci_lite.contract.template import GUIDE_TEMPLATE_KEY
from cci_lite.errors import UsageError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"", "false", "0", "no"})


@dataclass(frozen=True)
class Settings:
    """What the functions and the commands against AWS need to know of an installation.

    `template_key` is the form of tenants that have activated none. Everything optional is None when
    it is not set.
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
    template_key: str = GUIDE_TEMPLATE_KEY
    overwrite_results: bool = False
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Settings from environment variables; raises UsageError that names what is missing."""
        missing = [name for name in _REQUIRED if not environment.get(name)]
        if missing:
            raise UsageError(f"environment: {', '.join(missing)} must be set")
        for name in ("INPUT_BUCKET", "OUTPUT_BUCKET"):
            if not _BUCKET.fullmatch(environment[name]):
                raise UsageError(f"environment: {name} is not the name of a bucket")

        def optional(name: str) -> str | None:
            return environment.get(name) or None

        return cls(
            region=environment["AWS_REGION"],
            input_bucket=environment["INPUT_BUCKET"],
            output_bucket=environment["OUTPUT_BUCKET"],
            config_table=environment["DDB_TABLE"],
            calls_table=environment["CALLS_TABLE"],
            kms_key_arn=optional("KMS_KEY_ARN"),
            transcribe_role_arn=optional("TRANSCRIBE_ROLE_ARN"),
            topic_arn=optional("SNS_TOPIC_ARN"),
            slack_webhook_secret=optional("SLACK_WEBHOOK_SECRET"),
            webhook_secret_prefix=optional("WEBHOOK_SECRET_PREFIX") or cls.webhook_secret_prefix,
            upload_queue_url=optional("UPLOAD_QUEUE_URL"),
            result_queue_url=optional("RESULT_QUEUE_URL"),
            analysis_queue_url=optional("ANALYSIS_QUEUE_URL"),
            template_key=optional("QA_TEMPLATE_KEY") or cls.template_key,
            overwrite_results=_flag(environment, "OVERWRITE_RESULTS"),
            log_level=optional("LOG_LEVEL") or cls.log_level,
        )


_REQUIRED = ("AWS_REGION", "INPUT_BUCKET", "OUTPUT_BUCKET", "DDB_TABLE", "CALLS_TABLE")


def _flag(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "").strip().lower()
    if value not in _TRUE | _FALSE:
        raise UsageError(f"environment: {name}: expected true or false")
    return value in _TRUE
