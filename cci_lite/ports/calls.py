"""The ports on the way from a recording to its document."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.form import Criterion
from cci_lite.contract.registry import CallRecord, CallState, StoredMetadata, Upload
from cci_lite.contract.service_answers import Judgement, NlpAnswer
from cci_lite.contract.tenant import Audio, Tenant
from cci_lite.ports.lake import StoredObject

T = TypeVar("T")


class CallRegistry(Protocol):
    """The record of every upload. Reads see every earlier write (strongly consistent).

    Only the registry knows whose call an id is, so reading by `call_id` takes no tenant.
    """

    def records(self, call_id: str) -> list[CallRecord]:
        """All uploads of a call, by revision."""

    def add(self, record: CallRecord) -> bool:
        """Create a record; False when its revision is there already."""

    def replace(self, record: CallRecord) -> bool:
        """Compare-and-swap: replace the record whose version is one less; False when it is not."""

    def find(
        self,
        tenant_id: str,
        state: CallState,
        *,
        received_from: dt.datetime | None = None,
        received_until: dt.datetime | None = None,
    ) -> Iterator[CallRecord]:
        """A tenant's records in a state, oldest first; `received_until` is exclusive.

        Eventually consistent: read a record again before it is changed.
        """

    def to_rewrite(self, tenant_id: str) -> Iterator[CallRecord]:
        """A tenant's records marked for `rewrite`, in any state; eventually consistent."""

    def metadata(self, tenant_id: str, call_id: str) -> StoredMetadata:
        """The metadata received for a call; version 0 when there is none."""

    def put_metadata(
        self,
        tenant_id: str,
        call_id: str,
        metadata: StoredMetadata,
        records: Sequence[CallRecord] = (),
    ) -> bool:
        """Replace the metadata of a call together with these records of it, or nothing.

        Compare-and-swap: False when one of them is not stored with the version before.
        """

    def is_noted(self, notice_id: str) -> bool:
        """Whether a notice was sent already."""

    def note(self, notice_id: str, at: dt.datetime) -> None:
        """Remember that a notice was sent."""


@dataclass(frozen=True, slots=True)
class FileContent:
    """An object and its ETag."""

    data: bytes
    etag: str


class TenantFiles(Protocol):
    """The results bucket. Keys lie below one of the tenant's own prefixes, else UsageError.

    What is written is encrypted with the tenant as context, and tagged with it.
    """

    def read(self, tenant_id: str, key: str) -> FileContent | None:
        """The object, or None."""

    def write_new(self, tenant_id: str, key: str, data: bytes) -> bool:
        """Create an object; False when there is one, which is then left alone."""

    def replace(self, tenant_id: str, key: str, data: bytes, etag: str) -> bool:
        """Compare-and-swap: replace the object if it still has this ETag, otherwise False."""

    def delete(self, tenant_id: str, key: str) -> None:
        """Delete the object, with all its versions, if it is there."""

    def delete_below(self, tenant_id: str, prefix: str) -> None:
        """Delete everything below a prefix that ends with `/`, with all versions."""

    def listing(self, tenant_id: str, prefix: str) -> Iterator[StoredObject]:
        """The objects below a prefix, ordered by key."""


@dataclass(frozen=True)
class UploadedMedia:
    """A recording as it lies in the input bucket. `metadata` are its own `x-amz-meta-` headers."""

    upload: Upload
    metadata: Mapping[str, str]


class Recordings(Protocol):
    """The input bucket: what tenants upload. Keys lie below `<tenant>/calls/`."""

    def look(self, upload: Upload) -> UploadedMedia | None:
        """Exactly this upload (its version, or the object while it still has its ETag), or None."""

    def accept(self, upload: Upload, target: str) -> bool:
        """Copy exactly this upload to `target` in the results bucket; False when it is gone."""

    def listing(self, tenant_id: str) -> Iterator[Upload]:
        """What lies below the tenant's `calls/`: recordings, sidecars and folder markers."""

    def read_small(self, tenant_id: str, key: str, limit: int) -> bytes | None:
        """An object of at most `limit` bytes; None when there is none or it is larger."""


@dataclass(frozen=True)
class TranscriptionOrder:
    """What is asked of a transcription job. The keys are in the results bucket."""

    tenant_id: str
    job_name: str
    media_key: str
    media_format: str
    language_code: str
    audio: Audio
    redact: bool
    output_key: str


class JobStatus(StrEnum):
    """Of a transcription job."""

    QUEUED = "QUEUED"
    IN_PROGRESS = "IN_PROGRESS"
    FAILED = "FAILED"
    COMPLETED = "COMPLETED"


@dataclass(frozen=True)
class TranscriptionJob:
    """A job as the service describes it. Keys are in the results bucket, or None.

    `failure` is a word of a fixed vocabulary, made from the service's reason.
    """

    job_name: str
    status: JobStatus
    media_key: str | None = None
    transcript_key: str | None = None
    redacted_transcript_key: str | None = None
    failure: str | None = None


class Transcriber(Protocol):
    """Turns recordings into transcripts."""

    def start(self, order: TranscriptionOrder) -> bool:
        """Start a job; False when a job of that name is there already.

        Raises RetryLaterError (limit, throttle, service trouble) and ServiceError (refused).
        """

    def job(self, job_name: str) -> TranscriptionJob | None:
        """The job, or None. Raises RetryLaterError."""


class Keep(Protocol):
    """Keeps paid answers as checkpoints until the document of the call is written."""

    def __call__(self, step: str, kind: type[T], ask: Callable[[], T], /) -> T:
        """The checkpoint of this name, or what `ask` returns, which is kept first.

        What `ask` raises is raised, and nothing is kept. The name identifies the exact question.
        """


def not_kept(step: str, kind: type[T], ask: Callable[[], T], /) -> T:  # noqa: ARG001
    """A Keep that keeps nothing, for a caller that asks only once."""
    return ask()


@dataclass(frozen=True)
class PeopleAnswer:
    """Names of people as the texts spell them, and the units that were charged."""

    names: frozenset[str]
    units: int


class Nlp(Protocol):
    """Finds sentiment, key phrases and entities. Each paid answer goes through `keep`."""

    def analyze(
        self, tenant_id: str, language_code: str, texts: Sequence[str], keep: Keep
    ) -> NlpAnswer:
        """What is in these texts, each at most MAX_TEXT_BYTES of UTF-8. Raises RetryLaterError.

        The answer is empty for a language that the service does not know.
        """

    def people(
        self, tenant_id: str, language_code: str, texts: Sequence[str], keep: Keep
    ) -> PeopleAnswer:
        """The names of people in these texts. Raises RetryLaterError."""


class QaEvaluator(Protocol):
    """Decides criteria that have no rule, and summarises the call."""

    def evaluate(
        self,
        tenant: Tenant,
        criteria: Sequence[Criterion],
        conversation: Conversation,
        keep: Keep,
    ) -> Judgement:
        """One result per criterion, in their order; undecided ones are unscored, with the reason.

        Each paid answer goes through `keep` before anything else is asked. Raises RetryLaterError
        when the service is throttled or unavailable, ServiceError when it refuses.
        """


@dataclass(frozen=True)
class Notice:
    """A message to people who operate the system. It names no person and no file."""

    notice_id: str
    code: str
    text: str
    at: dt.datetime
    tenant_id: str | None = None
    call_id: str | None = None
    revision: int | None = None


class Notifier(Protocol):
    """Sends notices to people."""

    def notify(self, notice: Notice) -> None:
        """Send it. Raises RetryLaterError when it could not be sent."""


class Dispatcher(Protocol):
    """Puts work onto the queues that the functions read."""

    def start(self, upload: Upload) -> None:
        """Queue an upload for intake."""

    def judge(self, job_name: str) -> None:
        """Queue a completed transcription job for judging."""


class WebhookKeys(Protocol):
    """The secrets with which telephony platforms sign."""

    def keys(self, tenant_id: str) -> Sequence[bytes]:
        """The tenant's valid secrets, two during a rotation; empty when it has none."""


class Metric(StrEnum):
    """What is counted."""

    RECEIVED = "received"
    TRANSCRIBED = "transcribed"
    DOCUMENTED = "documented"
    REVIEW = "review"
    REFUSED = "refused"
    FAILED = "failed"
    DUPLICATES = "duplicates"
    IGNORED = "ignored"
    UNBALANCED = "unbalanced"
    UNREADABLE = "unreadable"
    MODEL_LATENCY = "model_latency"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    COST = "cost"


class Telemetry(Protocol):
    """Logs, metrics and traces. Values are ids, codes and numbers: never text, names or keys."""

    def log(self, event: str, **fields: str | float | None) -> None:
        """One event with fields; only those of LOG_FIELDS, with values that are a single word."""

    def count(self, metric: Metric, value: float = 1) -> None:
        """Add to a metric. Seconds for latency, US dollars for cost, otherwise a number."""

    def span(self, name: str) -> AbstractContextManager[None]:
        """Time a step."""


# An allow list: logs leave the tenant's encryption, so what was said, names of people and names of
# files must never get into them.
LOG_FIELDS = frozenset(
    {"tenant_id", "call_id", "revision", "job_name", "state", "reason", "attempt", "function"}
    | {"service", "operation", "code", "stop_reason", "model_id", "input_tokens", "output_tokens"}
    | {"latency_ms", "bytes", "count", "request_id", "error", "metric", "cost_usd", "day"}
)
