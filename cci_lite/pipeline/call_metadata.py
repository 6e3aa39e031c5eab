"""Takes in what telephony platforms and CRMs know about calls: signed webhooks and sidecars.

It may come before or long after the recording. Before, it waits in the registry; after, the
document is marked to be written again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from cci_lite.contract.metadata import CallMetadata, parse_metadata
from cci_lite.contract.registry import MetadataSource
from cci_lite.contract.tenant import TenantStatus
from cci_lite.errors import (
    ContractError,
    SignatureError,
    TenantIdError,
    describe_value,
)
from cci_lite.pipeline.events import UploadEvent
from cci_lite.pipeline.media import SIDECAR_SUFFIX
from cci_lite.pipeline.signatures import SIGNATURE_HEADER, check_signature, read_signature
from cci_lite.pipeline.tenants import TenantDirectory
from cci_lite.pipeline.told import keep_told
from cci_lite.ports import CallRegistry, Metric, Recordings, Telemetry, WebhookKeys
from cci_lite.tenancy import call_id_for, check_tenant_id, parse_recording_key, recording_key

MAX_BYTES = 64 * 1024
MAX_ENTRIES = 100

# The most that S3 takes (S3 user guide, creating object key names).
_MAX_KEY_BYTES = 1024
_BOM = b"\xef\xbb\xbf"
_FIELDS = frozenset(CallMetadata.__struct_fields__)


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
class Answer:
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
    metadata: CallMetadata
    unknown_fields: int


def take_webhook(
    intake: MetadataIntake, *, tenant_id: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """Take in a signed object, or a list of at most 100: all of it, or nothing when it is refused.

    Without a valid signature the answer does not tell whether the tenant exists. The same request
    again, or one that was signed earlier than what is known, changes nothing. Raises
    RetryLaterError.
    """
    if len(body) > MAX_BYTES:
        return _refused(intake, 413, "too_large", limit_bytes=MAX_BYTES)
    try:
        signed_at = _signed_at(intake, tenant_id, headers, body)
    except SignatureError as problem:
        intake.telemetry.log("webhook_refused", reason=problem.code)
        return Answer(401, {"error": "unauthorized"})
    entries = _entries(intake, tenant_id, body)
    if isinstance(entries, Answer):
        return entries
    changed = sum(_told(intake, entry, MetadataSource.WEBHOOK, signed_at) for entry in entries)
    unknown_fields = sum(entry.unknown_fields for entry in entries)
    counts = {"accepted": len(entries), "changed": changed, "unknown_fields": unknown_fields}
    return Answer(202, counts)


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


def _signed_at(
    intake: MetadataIntake, tenant_id: str, headers: Mapping[str, str], body: bytes
) -> dt.datetime:
    """When an active tenant signed this; raises SignatureError, for whatever reason it did not."""
    given = {name.lower(): value for name, value in headers.items()}
    signature = read_signature(given.get(SIGNATURE_HEADER), intake.clock())
    try:
        check_tenant_id(tenant_id)
    except TenantIdError:
        raise SignatureError("tenant_id") from None
    check_signature(signature, body, intake.keys.keys(tenant_id))
    if not _is_active(intake.tenants, tenant_id):
        raise SignatureError("tenant_inactive")
    return signature.signed_at


def _is_active(tenants: TenantDirectory, tenant_id: str) -> bool:
    tenant = tenants.tenant(tenant_id)
    return tenant is not None and tenant.status is TenantStatus.ACTIVE


def _refused(intake: MetadataIntake, status: int, error: str, **details: str | int) -> Answer:
    intake.telemetry.log("webhook_refused", reason=error)
    return Answer(status, {"error": error, **details})


def _entries(intake: MetadataIntake, tenant_id: str, body: bytes) -> list[_Entry] | Answer:
    """What a body tells, or the answer to one that is wrong somewhere."""
    try:
        values = _values(body)
    except ContractError as problem:
        return _refused(intake, 400, "invalid", expected=problem.expected)
    entries: dict[str, _Entry] = {}
    for index, value in enumerate(values):
        try:
            entry = _entry(tenant_id, value)
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
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ContractError("", "JSON in UTF-8", "something else") from None


def _entry(tenant_id: str, value: object) -> _Entry:
    """What one object of a webhook tells; raises ContractError."""
    metadata, unknown_fields = _metadata(value)
    if metadata.recording_key is None:
        raise ContractError("", "the field recording_key", describe_value(value))
    key = _own_key(tenant_id, metadata.recording_key)
    return _Entry(tenant_id, call_id_for(tenant_id, key), _without_key(metadata), unknown_fields)


def _metadata(value: object) -> tuple[CallMetadata, int]:
    if not isinstance(value, dict):
        raise ContractError("", "an object", describe_value(value))
    return parse_metadata(value), len(value.keys() - _FIELDS)


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


def _without_key(metadata: CallMetadata) -> CallMetadata:
    """The call is known by its id; the name of the file need not be kept once more."""
    return msgspec.structs.replace(metadata, recording_key=None)


def _sidecar(ports: _SidecarPorts, event: UploadEvent) -> SidecarOutcome:
    recording = sidecar_recording(event.key)
    if event.bucket != ports.input_bucket or recording is None:
        return SidecarOutcome.NOT_A_SIDECAR
    tenant_id = parse_recording_key(event.key).tenant_id
    if not _is_active(ports.tenants, tenant_id):
        return SidecarOutcome.NOT_TAKEN_IN
    if event.size is not None and event.size > MAX_BYTES:
        return SidecarOutcome.TOO_LARGE
    data = ports.recordings.read_small(tenant_id, event.key, MAX_BYTES)
    if data is None:
        return SidecarOutcome.MISSING
    try:
        value = _decoded(data.removeprefix(_BOM))
    except ContractError:
        return SidecarOutcome.UNREADABLE
    try:
        metadata, unknown_fields = _metadata(value)
    except ContractError:
        return SidecarOutcome.INVALID
    call_id = call_id_for(tenant_id, recording)
    entry = _Entry(tenant_id, call_id, _without_key(metadata), unknown_fields)
    changed = _told(ports, entry, MetadataSource.SIDECAR, event.time)
    return SidecarOutcome.STORED if changed else SidecarOutcome.UNCHANGED


def _told(
    ports: _SidecarPorts, entry: _Entry, source: MetadataSource, told_at: dt.datetime
) -> bool:
    """Keep what was told, and have a document that lacks it written again; True when it is news."""
    tenant_id, call_id = entry.tenant_id, entry.call_id
    _, changed = keep_told(
        ports, tenant_id, call_id, source=source, metadata=entry.metadata, told_at=told_at
    )
    ports.telemetry.log("metadata_told", tenant_id=tenant_id, call_id=call_id, count=int(changed))
    return changed
