"""The function `call_metadata`: receives call metadata by webhook or sidecar file."""

from __future__ import annotations

from functools import partial
from typing import Any

from cci_lite.errors import PipelineError, RetryLaterError
from cci_lite.functions.adapters import recordings_of, registry_of, tenants_of, webhook_keys_of
from cci_lite.functions.guard import guarded
from cci_lite.functions.http import Request, is_request, read_request, response
from cci_lite.functions.messages import each_message, ignore, take_events
from cci_lite.functions.wiring import Installation
from cci_lite.pipeline.call_metadata import (
    MetadataIntake,
    WebhookAnswer,
    take_sidecar,
    take_webhook,
)
from cci_lite.pipeline.events import Event, UploadEvent


def call_metadata(here: Installation, event: Any, context: Any) -> Any:
    """Answer a webhook, or take in the sidecars that the event announces."""
    intake = here.once(_intake)
    if is_request(event):
        request = read_request(event)
        answer = request if isinstance(request, WebhookAnswer) else _answer(here, intake, request)
        return response(answer)

    def take(found: Event) -> str:
        if not isinstance(found, UploadEvent):
            return ignore(here, "no_upload")
        return take_sidecar(intake, found).value

    return each_message(event, context, lambda message: take_events(here, message, take))


def _answer(here: Installation, intake: MetadataIntake, request: Request) -> WebhookAnswer:
    """The use case's answer; of our own failures the sender learns only whether to retry."""
    take = partial(
        take_webhook,
        intake,
        tenant_id=request.tenant_id,
        headers=request.headers,
        body=request.body,
    )
    try:
        return guarded(here.telemetry, take)
    except RetryLaterError:
        return WebhookAnswer(503, {"error": "try_later"})
    except PipelineError:
        return WebhookAnswer(500, {"error": "internal"})


def _intake(here: Installation) -> MetadataIntake:
    return MetadataIntake(
        input_bucket=here.settings.input_bucket,
        registry=registry_of(here),
        recordings=recordings_of(here),
        tenants=tenants_of(here),
        keys=webhook_keys_of(here),
        telemetry=here.telemetry,
        clock=here.clock,
    )
