"""Chooses the AWS adapter for each port, by the installation's settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from cci_lite.aws.config import DynamoConfigStore
from cci_lite.aws.failures import translated
from cci_lite.aws.files import S3Files
from cci_lite.aws.notify import AllNotifiers, SnsNotifier, WebhookNotifier
from cci_lite.aws.queues import SqsDispatcher
from cci_lite.aws.recordings import S3Recordings
from cci_lite.aws.registry import DynamoRegistry
from cci_lite.aws.secrets import SecretsWebhookKeys
from cci_lite.aws.transcribe import TranscribeJobs
from cci_lite.errors import ServiceError, UsageError
from cci_lite.functions.wiring import Installation
from cci_lite.pipeline.events import completed_event, failure_word, upload_event
from cci_lite.pipeline.tenant_directory import TenantDirectory
from cci_lite.ports import Metric, Notice, Notifier


def registry_of(here: Installation) -> DynamoRegistry:
    """The registry of calls."""

    def unreadable(call_id: str) -> None:
        here.telemetry.log("record_unreadable", call_id=call_id, error="ContractError")
        here.telemetry.count(Metric.UNREADABLE)

    return DynamoRegistry(here.clients("dynamodb"), here.settings.calls_table, unreadable)


def tenants_of(here: Installation) -> TenantDirectory:
    """The tenants and their forms, cached for a minute."""
    config = DynamoConfigStore(here.clients("dynamodb"), here.settings.config_table)
    return TenantDirectory(config, here.clock, form_key=here.settings.form_key)


def files_of(here: Installation) -> S3Files:
    """The results bucket."""
    return S3Files(here.clients("s3"), here.settings.output_bucket, here.settings.kms_key_arn)


def recordings_of(here: Installation) -> S3Recordings:
    """The input bucket."""
    settings = here.settings
    return S3Recordings(
        here.clients("s3"), settings.input_bucket, settings.output_bucket, settings.kms_key_arn
    )


def transcriber_of(here: Installation) -> TranscribeJobs:
    """Amazon Transcribe."""
    settings = here.settings
    return TranscribeJobs(
        here.clients("transcribe"),
        settings.output_bucket,
        settings.kms_key_arn,
        settings.transcribe_role_arn,
        failure_word,
    )


def notifier_of(here: Installation) -> AllNotifiers:
    """Every channel for notices that the settings name; raises UsageError when they name none."""
    ways: dict[str, Notifier] = {}
    if (topic_arn := here.settings.topic_arn) is not None:
        ways["sns"] = SnsNotifier(here.clients("sns"), topic_arn)
    if (secret := here.settings.slack_webhook_secret) is not None:
        ways["webhook"] = _SecretWebhook(here, secret)
    if not ways:
        raise UsageError("environment: SNS_TOPIC_ARN or SLACK_WEBHOOK_SECRET must be set")
    # The registry remembers what was sent: a retried message must not send a notice twice.
    registry = registry_of(here)
    return AllNotifiers(ways, registry.is_noted, registry.note, here.telemetry)


def dispatcher_of(here: Installation) -> SqsDispatcher:
    """The queues of job_init and result_handler; raises UsageError when one is not set."""
    upload_queue, result_queue = here.settings.upload_queue_url, here.settings.result_queue_url
    if upload_queue is None or result_queue is None:
        raise UsageError("environment: UPLOAD_QUEUE_URL and RESULT_QUEUE_URL must be set")
    return SqsDispatcher(
        here.clients("sqs"),
        upload_queue,
        result_queue,
        partial(upload_event, here.settings.input_bucket),
        completed_event,
    )


def webhook_keys_of(here: Installation) -> SecretsWebhookKeys:
    """The secrets with which telephony platforms sign."""
    prefix = here.settings.webhook_secret_prefix
    return SecretsWebhookKeys(here.clients("secretsmanager"), prefix, here.clock)


@dataclass(frozen=True)
class _SecretWebhook:
    """Notifier by a webhook whose address is a secret, read when there is something to send."""

    here: Installation
    secret: str

    def notify(self, notice: Notice) -> None:
        self.here.once(self._webhook).notify(notice)

    def _webhook(self, here: Installation) -> WebhookNotifier:
        with translated("secretsmanager", "GetSecretValue"):
            answer = here.clients("secretsmanager").get_secret_value(SecretId=self.secret)
        try:
            return WebhookNotifier(answer.get("SecretString", "").strip())
        except UsageError:
            raise ServiceError("webhook_address") from None
