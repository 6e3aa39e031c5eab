"""The registry of calls: one record per upload, and which states may follow each other.

A record makes every step idempotent: it is created once per upload, moved by compare-and-swap on
`version`, and the only place that says whose transcription job a name is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from cci_lite.contract.document import Redaction, UtcTime
from cci_lite.contract.metadata import CallMetadata, start_problem
from cci_lite.contract.parsing import convert
from cci_lite.errors import ContractError
from cci_lite.tenancy import transcription_job_name


class Reason(StrEnum):
    """Why a record is in its state. A service's own error code can be a reason besides these.

    `failure_word` turns Transcribe's FailureReason into one of these words.
    """

    # Refused at intake, or ignored.
    OTHER_BUCKET = "other_bucket"
    NO_RECORDING = "no_recording"
    FOLDER_MARKER = "folder_marker"
    SIDECAR = "sidecar"
    NO_ETAG = "no_etag"
    TENANT_ID = "tenant_id"
    UNKNOWN_TENANT = "unknown_tenant"
    TENANT_SUSPENDED = "tenant_suspended"
    RESIDENCY = "residency"
    SUPERSEDED = "superseded"
    GONE = "gone"
    MEDIA_FORMAT = "media_format"
    MEDIA_EMPTY = "media_empty"
    MEDIA_TOO_LARGE = "media_too_large"
    LANGUAGE_UNKNOWN = "language_unknown"
    LANGUAGE_UNREDACTED = "language_unredacted"
    WAITING = "waiting"
    JOB_NAME_TAKEN = "job_name_taken"
    # A transcription job that failed; MEDIA_FORMAT and MEDIA_TOO_LARGE can be its reason too.
    MEDIA_TOO_LONG = "media_too_long"
    MEDIA_CHANNELS = "media_channels"
    SAMPLE_RATE = "sample_rate"
    ACCESS_DENIED = "access_denied"
    INTERNAL = "internal"
    MEDIA_UNREADABLE = "media_unreadable"
    OTHER = "other"
    TRANSCRIPTION_FAILED = "transcription_failed"
    # A transcript from which no document is made.
    REDACTION_MISSING = "redaction_missing"
    TRANSCRIPT_ELSEWHERE = "transcript_elsewhere"
    TRANSCRIPT_UNREADABLE = "transcript_unreadable"
    # Stalled: several redrives changed nothing. A late event still continues the call.
    STUCK_RECEIVED = "stuck_received"
    STUCK_TRANSCRIBING = "stuck_transcribing"
    STUCK_TRANSCRIBED = "stuck_transcribed"


class CallState(StrEnum):
    """How far one upload is on its way to a document."""

    RECEIVED = "RECEIVED"
    TRANSCRIBING = "TRANSCRIBING"
    TRANSCRIBED = "TRANSCRIBED"
    DONE = "DONE"
    REVIEW = "REVIEW"
    FAILED = "FAILED"
    REFUSED = "REFUSED"
    ERASED = "ERASED"


OPEN_STATES = frozenset({CallState.RECEIVED, CallState.TRANSCRIBING, CallState.TRANSCRIBED})
DOCUMENTED_STATES = frozenset({CallState.DONE, CallState.REVIEW})
# FAILED and REFUSED are not final: a redrive by a person, or a late event, takes the call up again.
_NEXT: dict[CallState, frozenset[CallState]] = {
    CallState.RECEIVED: frozenset(CallState),
    CallState.TRANSCRIBING: frozenset(CallState) - {CallState.REFUSED},
    CallState.TRANSCRIBED: frozenset(CallState) - {CallState.REFUSED},
    CallState.FAILED: frozenset(CallState) - {CallState.REFUSED},
    CallState.DONE: frozenset({CallState.DONE, CallState.REVIEW, CallState.ERASED}),
    CallState.REVIEW: frozenset({CallState.DONE, CallState.REVIEW, CallState.ERASED}),
    CallState.REFUSED: frozenset({CallState.RECEIVED, CallState.ERASED}),
    CallState.ERASED: frozenset(),
}


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One upload as its event describes it. `key` is decoded; it is a file name: never log it."""

    tenant_id: str
    key: str
    size: int
    etag: str
    uploaded_at: UtcTime
    version_id: str | None = None
    sequencer: str | None = None


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one upload. `version` counts changes: every change is a compare-and-swap.

    `reason` is a word of `Reason` or a service's own code. `media_key` is the recording's copy,
    once there is one. `form` is the form (name, version) chosen when the call was first judged,
    so that a second attempt judges by the same. `document_key` is where the document is, or will
    be, and `stale_keys` where documents of the call may lie that are to be deleted: both are stored
    before anything is written there. `metadata_version` is that of the metadata in the document.
    `rewrite` says that something is still to be done to the call's documents.
    """

    call_id: str
    revision: int
    upload: Upload
    state: CallState
    received_at: UtcTime
    updated_at: UtcTime
    version: int = 1
    reason: str | None = None
    failed_at: UtcTime | None = None
    media_key: str | None = None
    language_code: str | None = None
    redaction: Redaction | None = None
    # Stored as `template`, as the guide calls it.
    form: tuple[str, int] | None = msgspec.field(default=None, name="template")
    document_key: str | None = None
    stale_keys: tuple[str, ...] = ()
    metadata_version: int = 0
    rewrite: bool = False
    redrives: int = 0
    lease_holder: str | None = None
    lease_until: UtcTime | None = None

    @property
    def tenant_id(self) -> str:
        """Whose call it is."""
        return self.upload.tenant_id

    @property
    def job_name(self) -> str:
        """The name of its transcription job."""
        return transcription_job_name(self.call_id, self.revision)

    @property
    def is_open(self) -> bool:
        """True while something is still to be done."""
        return self.state in OPEN_STATES

    @property
    def is_documented(self) -> bool:
        """True once its document is written."""
        return self.state in DOCUMENTED_STATES

    @property
    def keys(self) -> tuple[str, ...]:
        """Everywhere that a document of this upload may lie, the one that counts first."""
        return (*filter(None, [self.document_key]), *self.stale_keys)


def moved(record: CallRecord, state: CallState, at: dt.datetime, **changes: Any) -> CallRecord:
    """The record in its next state, one version later; raises ContractError for a forbidden step.

    The lease is kept: another process may be working on the call's documents.
    """
    if state not in _NEXT[record.state]:
        raise ContractError("state", f"a state that may follow {record.state}", state.value)
    # `failed_at` is part of the id of a notice: the same failure found again must not notify again.
    is_known = record.state is state and changes.get("reason", record.reason) == record.reason
    if state is CallState.FAILED and not is_known:
        changes = {"failed_at": at, **changes}
    return msgspec.structs.replace(
        record, state=state, updated_at=at, version=record.version + 1, **changes
    )


def failed(record: CallRecord, reason: str, at: dt.datetime) -> CallRecord:
    """The record as FAILED; marked for `rewrite` when documents may lie that must be deleted."""
    return moved(record, CallState.FAILED, at, reason=reason, rewrite=bool(record.keys))


def leased(
    record: CallRecord, holder: str, at: dt.datetime, life: dt.timedelta
) -> CallRecord | None:
    """The record claimed by `holder` for a while; None while another one holds it."""
    # Taking a lease is a change of the record like any other, so that two takers at once are told
    # apart by the compare-and-swap on `version`.
    held = record.lease_until is not None and record.lease_until > at
    if held and record.lease_holder != holder:
        return None
    return msgspec.structs.replace(
        record,
        lease_holder=holder,
        lease_until=at + life,
        updated_at=at,
        version=record.version + 1,
    )


@dataclass(frozen=True)
class Placement:
    """The record that belongs to an upload: a known one, or one to create with `revision`.

    `superseded` says that a later upload of the key is registered already.
    """

    known: CallRecord | None
    revision: int
    superseded: bool = False


def place_upload(upload: Upload, records: Sequence[CallRecord]) -> Placement:
    """Which of a call's records an upload belongs to: the same event again, or its next revision.

    S3 delivers at least once and in any order. Two events are the same upload when version-id
    agrees, or ETag and sequencer where there is no version-id. The same bytes (ETag) as the newest
    upload are no new recording. An upload that is older than the newest one is superseded.
    """
    for record in records:
        if _is_same_event(upload, record.upload):
            return Placement(record, record.revision)
    revision = records[-1].revision + 1 if records else 1
    in_order = [record for record in records if record.reason != Reason.SUPERSEDED]
    newest = in_order[-1] if in_order else None
    if newest is None:
        return Placement(None, revision)
    if newest.upload.etag == upload.etag and not _is_new_try(upload, newest):
        return Placement(newest, newest.revision)
    return Placement(None, revision, superseded=_is_before(upload, newest.upload))


def _is_same_event(one: Upload, other: Upload) -> bool:
    if one.version_id and other.version_id:
        return one.version_id == other.version_id
    if one.sequencer or other.sequencer:
        return (one.etag, one.sequencer) == (other.etag, other.sequencer)
    # Both come from listings of the bucket; S3 keeps an object's time.
    return (one.etag, one.uploaded_at) == (other.etag, other.uploaded_at)


def _is_new_try(upload: Upload, newest: CallRecord) -> bool:
    """Whether the same bytes were uploaded again after they had failed or been refused.

    A listing cannot tell (it gives neither version-id nor sequencer), so it never counts as one.
    """
    had_its_end = newest.state in (CallState.FAILED, CallState.REFUSED)
    return had_its_end and bool(upload.version_id or upload.sequencer)


def _is_before(one: Upload, other: Upload) -> bool:
    """Whether one upload of a key came before another one of it.

    `sequencer` decides: hexadecimal, the shorter padded to the right (S3 user guide, notification
    content structure). A listing has none; its times, in whole seconds, are the next best.
    """
    if one.sequencer and other.sequencer:
        length = max(len(one.sequencer), len(other.sequencer))
        first, second = (
            each.ljust(length, "0").lower() for each in (one.sequencer, other.sequencer)
        )
        return first < second
    return one.uploaded_at < other.uploaded_at.replace(microsecond=0)


class MetadataSource(StrEnum):
    """Where metadata came from; where two sources differ, the one that is first here counts."""

    SIDECAR = "sidecar"
    WEBHOOK = "webhook"
    OBJECT = "object"


class ToldMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The latest metadata from one source. `told_at` is the source's own time."""

    metadata: CallMetadata
    told_at: UtcTime


class StoredMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """All metadata received for a call, by source; `version` is 0 before any arrives."""

    version: int = 0
    told: dict[MetadataSource, ToldMetadata] = msgspec.field(default_factory=dict)

    @property
    def merged(self) -> CallMetadata:
        """Each field from the first source that has it: sidecar, then webhook, then object."""
        fields: dict[str, Any] = {}
        for source in reversed(MetadataSource):
            if (told := self.told.get(source)) is not None:
                given = msgspec.structs.asdict(told.metadata)
                fields |= {name: value for name, value in given.items() if value is not None}
        return CallMetadata(**fields)

    def start_problems(self, uploaded_at: dt.datetime) -> list[ContractError]:
        """Which of the start times received are impossible for an upload, and why."""
        problems = [start_problem(each.metadata, uploaded_at) for each in self.told.values()]
        return [problem for problem in problems if problem is not None]

    def for_upload(self, uploaded_at: dt.datetime) -> StoredMetadata:
        """The same, without start times that are impossible for an upload.

        Metadata may come before its upload: whether a start is possible can be said only now.
        """
        told = {
            source: msgspec.structs.replace(each, metadata=_without_start(each.metadata))
            if start_problem(each.metadata, uploaded_at)
            else each
            for source, each in self.told.items()
        }
        return msgspec.structs.replace(self, told=told)

    def with_told(
        self, source: MetadataSource, metadata: CallMetadata, told_at: dt.datetime
    ) -> StoredMetadata | None:
        """With a source's metadata added; None when it is not news or older than what is stored.

        A webhook is a partial update; a sidecar and an object's own headers replace what they
        said before.
        """
        before = self.told.get(source)
        if before is not None and source is MetadataSource.WEBHOOK:
            given = msgspec.structs.asdict(metadata)
            news = {name: value for name, value in given.items() if value is not None}
            metadata = msgspec.structs.replace(before.metadata, **news)
        now = ToldMetadata(metadata=metadata, told_at=told_at)
        if before is not None and (before.told_at > told_at or before == now):
            return None
        told = {**self.told, source: now}
        return StoredMetadata(version=self.version + 1, told=told)


def _without_start(metadata: CallMetadata) -> CallMetadata:
    return msgspec.structs.replace(metadata, started_at=None)


def item_of_record(record: CallRecord) -> dict[str, Any]:
    """A record as it is stored: text, whole numbers, booleans and null only."""
    item: dict[str, Any] = msgspec.to_builtins(record)
    return item


def record_of_item(item: dict[str, Any]) -> CallRecord:
    """A record from what is stored; raises ContractError."""
    return convert(item, CallRecord)
