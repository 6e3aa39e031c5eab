"""Every port of the pipeline in memory, with the promises of the adapters and without a service.

`tests/behaviours` runs the same suites over these and over the adapters to AWS.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.form import Criterion
from cci_lite.contract.registry import CallRecord, CallState, StoredMetadata, Upload
from cci_lite.contract.service_answers import Judgement, NlpAnswer
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import UsageError
from cci_lite.ports import (
    LOG_FIELDS,
    FileContent,
    JobStatus,
    Keep,
    Metric,
    Notice,
    PeopleAnswer,
    StoredObject,
    TranscriptionJob,
    TranscriptionOrder,
    UploadedMedia,
    not_kept,
)
from cci_lite.tenancy import check_own_key, redacted_transcript_key, transcript_key

T = TypeVar("T")


@dataclass
class ManualClock:
    """A clock that moves only by `wait`, or when a test sets `now`."""

    now: dt.datetime = dt.datetime(2025, 11, 5, 9, 0, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += dt.timedelta(seconds=seconds)


class MemoryConfig:
    """A ConfigStore."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        item = self.items.get((pk, sk))
        return None if item is None else {**item, "pk": pk, "sk": sk}

    def put(self, pk: str, sk: str, item: Mapping[str, Any]) -> None:
        self.items[pk, sk] = dict(item)

    def put_new(self, pk: str, sk: str, item: Mapping[str, Any]) -> bool:
        if (pk, sk) in self.items:
            return False
        self.put(pk, sk, item)
        return True

    def query(self, pk: str, sk_prefix: str) -> list[dict[str, Any]]:
        keys = sorted(key for key in self.items if key[0] == pk and key[1].startswith(sk_prefix))
        return [{**self.items[key], "pk": key[0], "sk": key[1]} for key in keys]

    def partition_keys(self) -> list[str]:
        return sorted({pk for pk, _ in self.items})

    def delete(self, pk: str, sk: str) -> None:
        self.items.pop((pk, sk), None)


class MemoryRegistry:
    """A CallRegistry."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, int], CallRecord] = {}
        self._metadata: dict[tuple[str, str], StoredMetadata] = {}
        self._noted: dict[str, dt.datetime] = {}
        self._lock = threading.Lock()

    def records(self, call_id: str) -> list[CallRecord]:
        return [record for (call, _), record in sorted(self._records.items()) if call == call_id]

    def add(self, record: CallRecord) -> bool:
        with self._lock:
            key = (record.call_id, record.revision)
            if key in self._records:
                return False
            self._records[key] = record
            return True

    def replace(self, record: CallRecord) -> bool:
        with self._lock:
            if not self._follows(record):
                return False
            self._records[record.call_id, record.revision] = record
            return True

    def find(
        self,
        tenant_id: str,
        state: CallState,
        *,
        received_from: dt.datetime | None = None,
        received_until: dt.datetime | None = None,
    ) -> Iterator[CallRecord]:
        found = [
            record
            for record in self._records.values()
            if record.tenant_id == tenant_id
            and record.state is state
            and (received_from is None or record.received_at >= received_from)
            and (received_until is None or record.received_at < received_until)
        ]
        yield from sorted(found, key=lambda record: (record.received_at, record.call_id))

    def to_rewrite(self, tenant_id: str) -> Iterator[CallRecord]:
        found = [record for record in self._records.values() if record.rewrite]
        yield from (record for record in found if record.tenant_id == tenant_id)

    def metadata(self, tenant_id: str, call_id: str) -> StoredMetadata:
        return self._metadata.get((tenant_id, call_id), StoredMetadata())

    def put_metadata(
        self,
        tenant_id: str,
        call_id: str,
        metadata: StoredMetadata,
        records: Sequence[CallRecord] = (),
    ) -> bool:
        with self._lock:
            if self.metadata(tenant_id, call_id).version != metadata.version - 1:
                return False
            if not all(self._follows(record) for record in records):
                return False
            self._metadata[tenant_id, call_id] = metadata
            self._records |= {(record.call_id, record.revision): record for record in records}
            return True

    def is_noted(self, notice_id: str) -> bool:
        return notice_id in self._noted

    def note(self, notice_id: str, at: dt.datetime) -> None:
        self._noted[notice_id] = at

    def all_records(self) -> list[CallRecord]:
        """Every record, for a test to look at."""
        return [record for _, record in sorted(self._records.items())]

    def _follows(self, record: CallRecord) -> bool:
        present = self._records.get((record.call_id, record.revision))
        return present is not None and present.version == record.version - 1


class MemoryFiles:
    """TenantFiles: the results bucket."""

    def __init__(self, clock: Callable[[], dt.datetime]) -> None:
        self.objects: dict[str, tuple[bytes, dt.datetime]] = {}
        self._clock = clock
        self._lock = threading.Lock()

    def read(self, tenant_id: str, key: str) -> FileContent | None:
        check_own_key(tenant_id, key)
        stored = self.objects.get(key)
        return None if stored is None else FileContent(stored[0], _etag(stored[0]))

    def write_new(self, tenant_id: str, key: str, data: bytes) -> bool:
        check_own_key(tenant_id, key)
        with self._lock:
            if key in self.objects:
                return False
            self.objects[key] = (data, self._clock())
            return True

    def replace(self, tenant_id: str, key: str, data: bytes, etag: str) -> bool:
        check_own_key(tenant_id, key)
        with self._lock:
            stored = self.objects.get(key)
            if stored is None or _etag(stored[0]) != etag:
                return False
            self.objects[key] = (data, self._clock())
            return True

    def delete(self, tenant_id: str, key: str) -> None:
        check_own_key(tenant_id, key)
        self.objects.pop(key, None)

    def delete_below(self, tenant_id: str, prefix: str) -> None:
        check_own_key(tenant_id, prefix)
        for key in [key for key in self.objects if key.startswith(prefix)]:
            del self.objects[key]

    def listing(self, tenant_id: str, prefix: str) -> Iterator[StoredObject]:
        check_own_key(tenant_id, prefix)
        for key, (data, at) in sorted(self.objects.items()):
            if key.startswith(prefix):
                yield StoredObject(key, _etag(data), len(data), at)

    def put(self, key: str, data: bytes) -> None:
        """Put an object there as a service would."""
        self.objects[key] = (data, self._clock())


class MemoryRecordings:
    """Recordings: the input bucket. `accept` copies into `files`."""

    def __init__(self, files: MemoryFiles, clock: Callable[[], dt.datetime]) -> None:
        self.uploads: dict[str, tuple[Upload, bytes, dict[str, str]]] = {}
        self._files = files
        self._clock = clock
        self._sequence = 0

    def upload(
        self, tenant_id: str, key: str, data: bytes, metadata: Mapping[str, str] | None = None
    ) -> Upload:
        """Upload an object; the event of it is made from what comes back."""
        self._sequence += 1
        upload = Upload(
            tenant_id=tenant_id,
            key=key,
            size=len(data),
            etag=_etag(data),
            uploaded_at=self._clock(),
            sequencer=f"{self._sequence:016X}",
        )
        self.uploads[key] = (upload, data, dict(metadata or {}))
        return upload

    def look(self, upload: Upload) -> UploadedMedia | None:
        stored = self.uploads.get(upload.key)
        if stored is None or stored[0].etag != upload.etag:
            return None
        return UploadedMedia(stored[0], stored[2])

    def accept(self, upload: Upload, target: str) -> bool:
        stored = self.uploads.get(upload.key)
        if stored is None or stored[0].etag != upload.etag:
            return False
        check_own_key(upload.tenant_id, target)
        self._files.put(target, stored[1])
        return True

    def listing(self, tenant_id: str) -> Iterator[Upload]:
        for key, (upload, _, _) in sorted(self.uploads.items()):
            if key.startswith(f"{tenant_id}/calls/"):
                # A listing knows neither version nor sequencer.
                yield msgspec.structs.replace(upload, sequencer=None, version_id=None)

    def read_small(self, tenant_id: str, key: str, limit: int) -> bytes | None:
        stored = self.uploads.get(key)
        if stored is None or not key.startswith(f"{tenant_id}/calls/") or len(stored[1]) > limit:
            return None
        return stored[1]


class MemoryTranscriber:
    """A Transcriber whose jobs finish when the test says so, writing `transcript_for(order)`."""

    def __init__(
        self, files: MemoryFiles, transcript_for: Callable[[TranscriptionOrder], bytes]
    ) -> None:
        self.orders: dict[str, TranscriptionOrder] = {}
        self.jobs: dict[str, TranscriptionJob] = {}
        self._files = files
        self._transcript_for = transcript_for

    def start(self, order: TranscriptionOrder) -> bool:
        if order.job_name in self.orders:
            return False
        self.orders[order.job_name] = order
        self.jobs[order.job_name] = TranscriptionJob(
            order.job_name, JobStatus.IN_PROGRESS, order.media_key
        )
        return True

    def job(self, job_name: str) -> TranscriptionJob | None:
        return self.jobs.get(job_name)

    def finish(self, job_name: str) -> None:
        """Complete a job: write its transcript where the service would."""
        order = self.orders[job_name]
        redacted = redacted_transcript_key(order.tenant_id, job_name) if order.redact else None
        plain = None if order.redact else transcript_key(order.tenant_id, job_name)
        self._files.put(redacted or plain or "", self._transcript_for(order))
        self.jobs[job_name] = TranscriptionJob(
            job_name, JobStatus.COMPLETED, order.media_key, plain, redacted
        )

    def fail(self, job_name: str, failure: str) -> None:
        """Let a job fail."""
        media = self.orders[job_name].media_key
        self.jobs[job_name] = TranscriptionJob(job_name, JobStatus.FAILED, media, failure=failure)


@dataclass
class MemoryKeep:
    """A Keep; `kept` are the answers by name, encoded as they would be stored."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, step: str, kind: type[T], ask: Callable[[], T], /) -> T:
        if step not in self.kept:
            self.kept[step] = msgspec.json.encode(ask())
        return msgspec.json.decode(self.kept[step], type=kind)


class ScriptedNlp:
    """An Nlp that gives one answer and knows some names."""

    def __init__(self, answer: NlpAnswer | None = None, names: Sequence[str] = ()) -> None:
        self.answer = answer or NlpAnswer()
        self.names = names
        self.calls = 0
        self.seen: list[str] = []

    def analyze(
        self, tenant_id: str, language_code: str, texts: Sequence[str], keep: Keep = not_kept
    ) -> NlpAnswer:
        self.calls += 1
        self.seen += texts
        return self.answer

    def people(
        self, tenant_id: str, language_code: str, texts: Sequence[str], keep: Keep = not_kept
    ) -> PeopleAnswer:
        found = {name for name in self.names for text in texts if name.lower() in text.lower()}
        return PeopleAnswer(frozenset(found), units=3 * len(texts))


class ScriptedEvaluator:
    """A QaEvaluator that answers with a function, and counts what would have been paid."""

    def __init__(
        self, answer: Callable[[Tenant, Sequence[Criterion], Conversation], Judgement]
    ) -> None:
        self._answer = answer
        self.paid = 0

    def evaluate(
        self,
        tenant: Tenant,
        criteria: Sequence[Criterion],
        conversation: Conversation,
        keep: Keep = not_kept,
    ) -> Judgement:
        self.paid += 1
        return self._answer(tenant, criteria, conversation)


@dataclass
class MemoryNotifier:
    """A Notifier."""

    notices: list[Notice] = field(default_factory=list)

    def notify(self, notice: Notice) -> None:
        self.notices.append(notice)


@dataclass
class MemoryDispatcher:
    """A Dispatcher."""

    started: list[Upload] = field(default_factory=list)
    judged: list[str] = field(default_factory=list)

    def start(self, upload: Upload) -> None:
        self.started.append(upload)

    def judge(self, job_name: str) -> None:
        self.judged.append(job_name)


@dataclass
class MemoryKeys:
    """WebhookKeys."""

    by_tenant: dict[str, tuple[bytes, ...]] = field(default_factory=dict)

    def keys(self, tenant_id: str) -> Sequence[bytes]:
        return self.by_tenant.get(tenant_id, ())


@dataclass
class MemoryTelemetry:
    """Telemetry; a field that may not be logged is an error here."""

    events: list[tuple[str, dict[str, str | float | None]]] = field(default_factory=list)
    metrics: Counter[Metric] = field(default_factory=Counter)

    def log(self, event: str, **fields: str | float | None) -> None:
        if not fields.keys() <= LOG_FIELDS:
            raise UsageError(f"log: {sorted(fields.keys() - LOG_FIELDS)} may not be logged")
        self.events.append((event, fields))

    def count(self, metric: Metric, value: float = 1) -> None:
        self.metrics[metric] += value  # type: ignore[assignment]  # counters of floats add too

    @contextlib.contextmanager
    def span(self, name: str) -> Iterator[None]:
        yield


def _etag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
