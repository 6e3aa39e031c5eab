"""An installation in memory into which recordings are taken."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from cci_lite.contract.configuration import partition_key
from cci_lite.contract.form import META_SORT_KEY, sort_key
from cci_lite.contract.form_reading import item_of, parse_draft
from cci_lite.contract.registry import CallRecord, Upload
from cci_lite.contract.services import Residency
from cci_lite.pipeline.events import UploadEvent
from cci_lite.pipeline.intake import Intake
from cci_lite.pipeline.tenant_directory import TenantDirectory
from cci_lite.tenancy import call_id_for
from cci_lite.testing.memory import (
    ManualClock,
    MemoryConfig,
    MemoryFiles,
    MemoryRecordings,
    MemoryRegistry,
    MemoryTelemetry,
    MemoryTranscriber,
)
from tests.interrupter import Interrupter

KEY = "acme/calls/2025/Anna Meier +49 170.WAV"
BUCKET = "input"


class IntakeSetup:
    """An installation in memory with the tenant `acme`."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock()
        self.registry = MemoryRegistry()
        self.files = MemoryFiles(self.clock)
        self.recordings = MemoryRecordings(self.files, self.clock)
        self.transcriber = MemoryTranscriber(self.files, lambda _: b"{}")
        self.telemetry = MemoryTelemetry()
        self.config = MemoryConfig()
        self.configure("acme", **settings)

    def configure(self, tenant_id: str, **settings: Any) -> None:
        item = {"tenant_id": tenant_id, "name": tenant_id, **settings}
        self.config.put(partition_key(tenant_id), META_SORT_KEY, item)

    def put_form(self, draft: dict[str, Any], tenant_id: str = "acme", *, version: int = 1) -> None:
        form = parse_draft(draft).as_version(version)
        item = item_of(form)
        self.config.put(partition_key(tenant_id), sort_key(form.name, version), item)

    @property
    def intake(self) -> Intake:
        return Intake(
            input_bucket=BUCKET,
            residency=Residency.EU,
            registry=self.registry,
            recordings=self.recordings,
            transcriber=self.transcriber,
            tenants=TenantDirectory(self.config, self.clock, form_key="QA_TEMPLATE#v1"),
            telemetry=self.telemetry,
            clock=self.clock,
        )

    def interrupted(self, plan: Interrupter) -> Intake:
        """The intake, whose ports die or refuse as planned."""
        return dataclasses.replace(
            self.intake,
            registry=plan.wrap(self.registry),
            recordings=plan.wrap(self.recordings),
            transcriber=plan.wrap(self.transcriber),
        )

    def upload(
        self, key: str = KEY, data: bytes = b"RIFF", headers: Mapping[str, str] | None = None
    ) -> UploadEvent:
        return event_of(self.recordings.upload(key.partition("/")[0], key, data, headers))

    def record(self, key: str = KEY) -> CallRecord:
        """The latest record of the call."""
        return self.registry.records(call_id_for(key.partition("/")[0], key))[-1]


def event_of(upload: Upload, **changes: Any) -> UploadEvent:
    return dataclasses.replace(UploadEvent.of(BUCKET, upload), **changes)
