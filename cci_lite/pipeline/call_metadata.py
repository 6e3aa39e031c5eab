"""Takes in what telephony platforms and CRMs know about calls: signed webhooks and sidecars.

It may come before or long after the recording. Before, it waits in the registry; after, the
document is marked to be written again. A value that cannot be meant is put aside and told: to the
sender of a webhook, and by its field in the log. The others are taken.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from cci_lite.contract.limits import MAX_CALL_METADATA_BYTES
from cci_lite.contract.metadata import (
    METADATA_FIELDS,
    ParsedMetadata,
    near_miss,
    parse_metadata,
    possible,
)
from cci_lite.contract.reading import read_json
from cci_lite.contract.registry import MetadataSource
from cci_lite.contract.tenant import Tenant, TenantStatus
from cci_lite.errors import ContractError, SignatureError, TenantIdError, describe_value
from cci_lite.pipeline.events import UploadEvent
from cci_lite.pipeline.media import SIDECAR_SUFFIX
from cci_lite.pipeline.signatures import SIGNATURE_HEADER, check_signature, read_signature
from cci_lite.pipeline.stored_metadata import keep_told
from cci_lite.pipeline.tenant_directory import TenantDirectory
from cci_lite.ports import CallRegistry, Metric, Recordings, Telemetry, WebhookKeys
from cci_lite.tenancy import call_id_for, check_tenant_id, parse_recording_key, recording_key

MAX_ENTRIES = 100
# The most that S3 takes (S3 user guide, creating object key names).
_MAX_KEY_BYTES = 1024


@dataclass(frozen=True)
class MetadataIntake:
    """What taking in metadata needs."""

    input_bucket: str
    registry: CallRegistry
    recordings: Recordings
    tenants: TenantDirectory
    keys: WebhookKeys
    telemetry: Telemetry
    clock: Callable[[], dt.datetime]


@dataclass(frozen=True)
class WebhookAnswer:
    """What the sender of a webhook is answered. `body` repeats no value that was sent."""

    status: int
    body: dict[str, Any]


class SidecarOutcome(StrEnum):
    """What became of a sidecar."""

    STORED = "stored"
    UNCHANGED = "unchanged"
    NOT_A_SIDECAR = "not_a_sidecar"
    NOT_TAKEN_IN = "not_taken_in"
    MISSING = "missing"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    INVALID = "invalid"


class _SidecarPorts(Protocol):
    """What taking in a sidecar needs: less than a webhook, and a part of what reconciling has."""

    @property
    def input_bucket(self) -> str: ...
    @property
    def registry(self) -> CallRegistry: ...
    @property
    def recordings(self) -> Recordings: ...
    @property
    def tenants(self) -> TenantDirectory: ...
    @property
    def telemetry(self) -> Telemetry: ...
    @property
    def clock(self) -> Callable[[], dt.datetime]: ...


@dataclass(frozen=True)
class _Entry:
    """What was told of one call."""

    tenant_id: str
    call_id: str
    told: ParsedMetadata


def take_webhook(
    intake: MetadataIntake, *, tenant_id: str, headers: Mapping[str, str], body: bytes
) -> WebhookAnswer:
    """Take in a signed object, or a list of at most 100: all of it, or nothing when it is refused.

    Values that cannot be meant are put aside and named in the answer; when they are all that was
    told, the request is refused. Without a valid signature the answer does not tell whether the
    tenant exists. The same request again, or one that was signed earlier than what is known,
    changes nothing. Raises RetryLaterError.
    """
    if len(body) > MAX_CALL_METADATA_BYTES:
        return _refused(intake, 413, "too_large", limit_bytes=MAX_CALL_METADATA_BYTES)
    try:
        tenant, signed_at = _signer(intake, tenant_id, headers, body)
    except SignatureError as problem:
        intake.telemetry.log("webhook_refused", reason=problem.code)
        return WebhookAnswer(401, {"error": "unauthorized"})
    entries = _entries(intake, tenant, body)
    if isinstance(entries, WebhookAnswer):
        return entries
    problems = [
        {"index": index, "path": problem.path, "expected": problem.expected}
        for index, entry in enumerate(entries)
        for problem in entry.told.problems
    ]
    if problems and all(entry.told.is_refused for entry in entries):
        return _refused(intake, 400, "invalid", **problems[0])
    changed = sum(_told(intake, entry, MetadataSource.WEBHOOK, signed_at) for entry in entries)
    body_of_answer = {
        "accepted": len(entries),
        "changed": changed,
        "unknown_fields": sum(len(entry.told.unknown) for entry in entries),
        "did_you_mean": sorted({field for entry in entries for field in _near_misses(entry)}),
        "put_aside": problems,
    }
    return WebhookAnswer(
        202, {name: value for name, value in body_of_answer.items() if value != []}
    )


def take_sidecar(ports: _SidecarPorts, event: UploadEvent) -> SidecarOutcome:
    """Take in `<recording>.meta.json`; what cannot be read is logged and counted, never raised.

    Raises RetryLaterError.
    """
    outcome = _sidecar(ports, event)
    if outcome not in (SidecarOutcome.STORED, SidecarOutcome.UNCHANGED):
        ports.telemetry.count(Metric.IGNORED)
        ports.telemetry.log("sidecar_ignored", reason=outcome.value)
    return outcome


def sidecar_recording(key: str) -> str | None:
    """The key of the recording that a sidecar is about; None for the key of anything else."""
    try:
        name = parse_recording_key(key).name
    except ContractError:
        return None
    recording = name.removesuffix(SIDECAR_SUFFIX)
    is_sidecar = recording not in (name, "") and not recording.endswith("/")
    return key.removesuffix(SIDECAR_SUFFIX) if is_sidecar else None


def _near_misses(entry: _Entry) -> set[str]:
    """Fields that were not told, and that unknown ones are likely to be meant for."""
    told = msgspec.structs.asdict(entry.told.metadata)
    absent = [field for field in METADATA_FIELDS[1:] if told[field] is None]
    close = {near_miss(name, absent) for name in entry.told.unknown}
    return {field for field in close if field is not None}


def _signer(
    intake: MetadataIntake, tenant_id: str, headers: Mapping[str, str], body: bytes
) -> tuple[Tenant, dt.datetime]:
    """The active tenant that signed this, and when; raises SignatureError for whatever reason."""
    given = {name.lower(): value for name, value in headers.items()}
    signature = read_signature(given.get(SIGNATURE_HEADER), intake.clock())
    try:
        check_tenant_id(tenant_id)
    except TenantIdError:
        raise SignatureError("tenant_id") from None
    check_signature(signature, body, intake.keys.keys(tenant_id))
    tenant = _active(intake.tenants, tenant_id)
    if tenant is None:
        raise SignatureError("tenant_inactive")
    return tenant, signature.signed_at


def _active(tenants: TenantDirectory, tenant_id: str) -> Tenant | None:
    tenant = tenants.tenant(tenant_id)
    return tenant if tenant is not None and tenant.status is TenantStatus.ACTIVE else None


def _refused(intake: MetadataIntake, status: int, error: str, **details: Any) -> WebhookAnswer:
    intake.telemetry.log("webhook_refused", reason=error)
    return WebhookAnswer(status, {"error": error, **details})


def _entries(
    intake: MetadataIntake, tenant: Tenant, body: bytes
) -> Sequence[_Entry] | WebhookAnswer:
    """What a body tells of each recording, or the answer to one that tells it of none."""
    try:
        values = _values(body)
    except ContractError as problem:
        where = {"path": problem.path} if problem.path else {}
        return _refused(intake, 400, "invalid", **where, expected=problem.expected)
    entries: dict[str, _Entry] = {}
    for index, value in enumerate(values):
        try:
            entry = _entry(intake, tenant, value)
            if entry.call_id in entries:
                raise ContractError("recording_key", "each recording once", "one again")
        except ContractError as problem:
            return _refused(
                intake, 400, "invalid", index=index, path=problem.path, expected=problem.expected
            )
        entries[entry.call_id] = entry
    return list(entries.values())


def _values(body: bytes) -> list[object]:
    """The objects of a body; raises ContractError."""
    value = _decoded(body)
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        expected = f"an object or a list of at most {MAX_ENTRIES} objects"
        raise ContractError("", expected, describe_value(value))
    return value


def _decoded(data: bytes) -> object:
    try:
        return read_json(data)
    except ContractError as problem:
        # Only a field that stands there twice has a path.
        if problem.path:
            raise
        raise ContractError("", "JSON in UTF-8", problem.found) from None


def _entry(intake: MetadataIntake, tenant: Tenant, value: object) -> _Entry:
    """What one object of a webhook tells; raises ContractError."""
    told = _metadata(tenant, value)
    if told.metadata.recording_key is None:
        raise ContractError("", "the field recording_key", describe_value(value))
    key = _own_key(tenant.tenant_id, told.metadata.recording_key)
    return _entry_of(intake, tenant, key, told)


def _entry_of(ports: _SidecarPorts, tenant: Tenant, key: str, told: ParsedMetadata) -> _Entry:
    """What is told of the recording at `key`, without a start that its upload rules out.

    Before its upload is known, the call cannot have begun later than now; when the upload is there,
    its time is compared again. The name of the file is left out: the call is known by its id.
    """
    call_id = call_id_for(tenant.tenant_id, key)
    uploads = [record.upload.uploaded_at for record in ports.registry.records(call_id)]
    nameless = msgspec.structs.replace(told.metadata, recording_key=None)
    told = possible(replace(told, metadata=nameless), max(uploads, default=ports.clock()))
    return _Entry(tenant.tenant_id, call_id, told)


def _metadata(tenant: Tenant, value: object) -> ParsedMetadata:
    if not isinstance(value, dict):
        raise ContractError("", "an object", describe_value(value))
    return parse_metadata(value, tenant.zone)


def _own_key(tenant_id: str, given: str) -> str:
    """The key of a recording of this tenant; a name without folders is one directly in `calls/`."""
    prefix = recording_key(tenant_id, "")
    key = given if "/" in given else prefix + given
    name = key.removeprefix(prefix)
    if not key.startswith(prefix) or not name or name.endswith(("/", SIDECAR_SUFFIX)):
        raise ContractError("recording_key", f"a recording below {prefix}", "another key")
    if len(key.encode()) > _MAX_KEY_BYTES:
        raise ContractError("recording_key", f"at most {_MAX_KEY_BYTES} bytes", "a longer key")
    return key


def _sidecar(ports: _SidecarPorts, event: UploadEvent) -> SidecarOutcome:
    recording = sidecar_recording(event.key)
    if event.bucket != ports.input_bucket or recording is None:
        return SidecarOutcome.NOT_A_SIDECAR
    tenant_id = parse_recording_key(event.key).tenant_id
    tenant = _active(ports.tenants, tenant_id)
    if tenant is None:
        return SidecarOutcome.NOT_TAKEN_IN
    if event.size is not None and event.size > MAX_CALL_METADATA_BYTES:
        return SidecarOutcome.TOO_LARGE
    data = ports.recordings.read_small(tenant_id, event.key, MAX_CALL_METADATA_BYTES)
    if data is None:
        return SidecarOutcome.MISSING
    try:
        value = _decoded(data)
    except ContractError:
        return SidecarOutcome.UNREADABLE
    try:
        entry = _entry_of(ports, tenant, recording, _metadata(tenant, value))
    except ContractError:
        return SidecarOutcome.INVALID
    if entry.told.is_refused:
        return SidecarOutcome.INVALID
    changed = _told(ports, entry, MetadataSource.SIDECAR, event.time)
    return SidecarOutcome.STORED if changed else SidecarOutcome.UNCHANGED


def _told(
    ports: _SidecarPorts, entry: _Entry, source: MetadataSource, told_at: dt.datetime
) -> bool:
    """Keep what was told, and have a document that lacks it written again; True when it is news."""
    tenant_id, call_id = entry.tenant_id, entry.call_id
    log_put_aside(ports.telemetry, tenant_id, call_id, entry.told.problems)
    _, changed = keep_told(
        ports, tenant_id, call_id, source=source, metadata=entry.told.metadata, told_at=told_at
    )
    ports.telemetry.log("metadata_told", tenant_id=tenant_id, call_id=call_id, count=int(changed))
    return changed


def log_put_aside(
    telemetry: Telemetry, tenant_id: str, call_id: str, problems: Iterable[ContractError]
) -> None:
    """Log the fields whose values were put aside."""
    for problem in problems:
        telemetry.log(
            "metadata_put_aside", tenant_id=tenant_id, call_id=call_id, reason=problem.path
        )
