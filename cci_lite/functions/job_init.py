"""The function `job_init`: an uploaded recording becomes a transcription job."""

from __future__ import annotations

from typing import Any

from cci_lite.contract.services import residency_of_region
from cci_lite.functions.adapters import recordings_of, registry_of, tenants_of, transcriber_of
from cci_lite.functions.messages import each_message, ignore, take_events
from cci_lite.functions.wiring import Installation
from cci_lite.pipeline.events import Event, UploadEvent
from cci_lite.pipeline.intake import Intake, take_in


def job_init(here: Installation, event: Any, context: Any) -> Any:
    """Start one transcription job for each upload that the event announces."""
    intake = here.once(_intake)

    def take(found: Event) -> str:
        if not isinstance(found, UploadEvent):
            return ignore(here, "no_upload")
        return take_in(intake, found).outcome.value

    return each_message(event, context, lambda message: take_events(here, message, take))


def _intake(here: Installation) -> Intake:
    return Intake(
        input_bucket=here.settings.input_bucket,
        residency=residency_of_region(here.settings.region),
        registry=registry_of(here),
        recordings=recordings_of(here),
        transcriber=transcriber_of(here),
        tenants=tenants_of(here),
        telemetry=here.telemetry,
        clock=here.clock,
    )
