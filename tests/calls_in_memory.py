"""An installation in memory: every port of the pipeline, one tenant, and what reads them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cci_lite.contract.registry import CallRecord, CallState, Upload, moved
from cci_lite.contract.services import Residency
from cci_lite.contract.tenant import Tenant, TenantStatus
from cci_lite.deploy.tenants import put_tenant
from cci_lite.pipeline.call_metadata import MetadataIntake
from cci_lite.pipeline.events import UploadEvent
from cci_lite.pipeline.intake import Intake
from cci_lite.pipeline.notify import Notifying
from cci_lite.pipeline.reconcile import Reconciling
from cci_lite.pipeline.tenant_directory import TenantDirectory
from cci_lite.ports import TranscriptionOrder
from cci_lite.tenancy import call_id_for, media_key, recording_key, unified_key
from cci_lite.testing.memory import (
    ManualClock,
    MemoryConfig,
    MemoryDispatcher,
    MemoryFiles,
    MemoryKeys,
    MemoryNotifier,
    MemoryRecordings,
    MemoryRegistry,
    MemoryTelemetry,
    MemoryTranscriber,
)
from tests.interrupter import Interrupter

TENANT = "demo-tenant"
BUCKET = "input-bucket"
MORNING = dt.datetime(2025, 11, 5, 9, 0, tzinfo=dt.UTC)
KEY = b"first secret"


def minutes(number: float) -> dt.timedelta:
    return dt.timedelta(minutes=number)


@dataclass
class Installation:
    """All ports in memory; `rewritten` are the records that were given for rewriting."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(MORNING))
    config: MemoryConfig = field(default_factory=MemoryConfig)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    dispatcher: MemoryDispatcher = field(default_factory=MemoryDispatcher)
    notifier: MemoryNotifier = field(default_factory=MemoryNotifier)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    keys: MemoryKeys = field(default_factory=lambda: MemoryKeys({TENANT: (KEY,)}))
    rewritten: list[CallRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.files = MemoryFiles(self.clock)
        self.recordings = MemoryRecordings(self.files, self.clock)
        self.transcriber = MemoryTranscriber(self.files, lambda _: b"{}")
        self.tenants = TenantDirectory(self.config, self.clock, form_key="QA_TEMPLATE#v1")
        self.add_tenant()

    def add_tenant(self, tenant_id: str = TENANT, **settings: Any) -> None:
        put_tenant(self.config, Tenant(tenant_id=tenant_id, name=tenant_id, **settings))

    def suspend(self, tenant_id: str = TENANT) -> None:
        self.add_tenant(tenant_id, status=TenantStatus.SUSPENDED)
        self.clock.now += minutes(2)

    @property
    def notifying(self) -> Notifying:
        return Notifying(self.registry, self.notifier, self.telemetry, self.clock)

    @property
    def metadata_intake(self) -> MetadataIntake:
        return MetadataIntake(
            input_bucket=BUCKET,
            registry=self.registry,
            recordings=self.recordings,
            tenants=self.tenants,
            keys=self.keys,
            telemetry=self.telemetry,
            clock=self.clock,
        )

    @property
    def intake(self) -> Intake:
        return Intake(
            input_bucket=BUCKET,
            residency=Residency.EU,
            registry=self.registry,
            recordings=self.recordings,
            transcriber=self.transcriber,
            tenants=self.tenants,
            telemetry=self.telemetry,
            clock=self.clock,
        )

    def reconciling(
        self, wrap: Callable[[Any], Any] = lambda port: port, rewrite: Any = None
    ) -> Reconciling:
        return Reconciling(
            input_bucket=BUCKET,
            registry=wrap(self.registry),
            recordings=wrap(self.recordings),
            files=wrap(self.files),
            transcriber=wrap(self.transcriber),
            tenants=self.tenants,
            dispatcher=wrap(self.dispatcher),
            notifier=wrap(self.notifier),
            telemetry=self.telemetry,
            clock=self.clock,
            rewrite=rewrite or self._rewrite,
        )

    def _rewrite(self, record: CallRecord) -> bool:
        self.rewritten.append(record)
        return True

    def upload(
        self, name: str = "a.wav", data: bytes = b"sound", tenant_id: str = TENANT
    ) -> Upload:
        return self.recordings.upload(tenant_id, recording_key(tenant_id, name), data)

    def register(
        self,
        state: CallState = CallState.RECEIVED,
        name: str = "a.wav",
        *,
        upload: Upload | None = None,
        revision: int = 1,
        **fields: Any,
    ) -> CallRecord:
        """A record as the pipeline leaves it: with its recording, job and document as they go."""
        upload = upload or self.upload(name)
        call_id = call_id_for(upload.tenant_id, upload.key)
        if state in (CallState.DONE, CallState.REVIEW) and "document_key" not in fields:
            key = unified_key(upload.tenant_id, self.clock().date(), call_id)
            self.files.put(key, f"revision {revision}".encode())
            fields["document_key"] = key
        record = CallRecord(
            call_id=call_id,
            revision=revision,
            upload=upload,
            state=state,
            received_at=self.clock(),
            updated_at=self.clock(),
            **fields,
        )
        assert self.registry.add(record)
        return record

    def start_job(self, record: CallRecord) -> None:
        """A transcription job as taking in the upload would have started it."""
        self.transcriber.start(
            TranscriptionOrder(
                tenant_id=record.tenant_id,
                job_name=record.job_name,
                media_key=media_key(record.tenant_id, record.job_name, "wav"),
                media_format="wav",
                language_code="en-US",
                audio=Tenant(tenant_id=TENANT, name="x").audio,
                redact=True,
                output_key=f"work/{record.tenant_id}/transcripts/{record.job_name}.json",
            )
        )

    def now(self, record: CallRecord) -> CallRecord:
        """The record as it is stored now."""
        return next(
            each
            for each in self.registry.records(record.call_id)
            if each.revision == record.revision
        )

    def move(self, record: CallRecord, state: CallState, **changes: Any) -> CallRecord:
        """Move a record as somebody else would."""
        assert self.registry.replace(moved(self.now(record), state, self.clock(), **changes))
        return self.now(record)


def event_of(upload: Upload, bucket: str = BUCKET) -> UploadEvent:
    return UploadEvent.of(bucket, upload)


def everything_said(installation: Installation) -> str:
    """All that is logged or told to people, to look for what must not be there."""
    notices = msgspec.json.encode(installation.notifier.notices).decode()
    return notices + repr(installation.telemetry.events)


def interrupted(when: str, at: int) -> Interrupter:
    """Dies at one call: `crash_before` it or `crash_after` it."""
    if when == "crash_before":
        return Interrupter(crash_before=frozenset({at}))
    return Interrupter(crash_after=frozenset({at}))
