"""From a completed transcription job to the call's unified document, paid for once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cci_lite.contract.document import Redaction, Source, UnifiedDocument, Usage
from cci_lite.contract.form import Form
from cci_lite.contract.prices import cost_of
from cci_lite.contract.registry import CallRecord, CallState, Reason, StoredMetadata, failed, moved
from cci_lite.contract.tenant import EvaluatorChoice, NlpChoice, Tenant
from cci_lite.errors import (
    CciLiteError,
    PipelineError,
    RetryLaterError,
    TranscriptError,
    UnredactedError,
)
from cci_lite.pipeline.call_facts import call_date_of, key_hash, with_facts
from cci_lite.pipeline.document_writing import Written, write_document
from cci_lite.pipeline.judged_document import Services, SpokenCall, judged_document, spoken_call
from cci_lite.pipeline.lease import held, newest_documented, of_revision, records_held
from cci_lite.pipeline.notify import Notifying, call_failed
from cci_lite.pipeline.paid_answers import CountedEvaluator, checkpoints
from cci_lite.pipeline.rewrite import Rewriting, settle
from cci_lite.pipeline.tenant_directory import TenantDirectory
from cci_lite.ports import (
    CallRegistry,
    JobStatus,
    Metric,
    Nlp,
    Notifier,
    QaEvaluator,
    Telemetry,
    TenantFiles,
    Transcriber,
    TranscriptionJob,
)
from cci_lite.tenancy import (
    checkpoint_prefix,
    parse_job_name,
    redacted_transcript_key,
    transcript_key,
    unified_key,
)
from cci_lite.transcripts import read_transcript

# Longer than a function may run, shorter than its queue waits before it delivers again.
LEASE = dt.timedelta(minutes=12)
# S3 is strongly consistent: what a completed job has written is there. The waits are for the case
# that the event overtakes the object, and end long before the function must.
TRANSCRIPT_WAITS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)

_ATTEMPTS = 5
_GIVEN_UP = (Reason.STUCK_RECEIVED, Reason.STUCK_TRANSCRIBING, Reason.STUCK_TRANSCRIBED)


@dataclass(frozen=True)
class Judging:
    """What judging a call needs. `wait` lets seconds pass."""

    registry: CallRegistry
    files: TenantFiles
    transcriber: Transcriber
    tenants: TenantDirectory
    nlp: Mapping[NlpChoice, Nlp | None]
    evaluators: Mapping[EvaluatorChoice, QaEvaluator]
    notifier: Notifier
    telemetry: Telemetry
    clock: Callable[[], dt.datetime]
    wait: Callable[[float], None]
    pipeline_version: str
    overwrite: bool = False

    @property
    def notifying(self) -> Notifying:
        """What telling people needs."""
        return Notifying(self.registry, self.notifier, self.telemetry, self.clock)

    @property
    def rewriting(self) -> Rewriting:
        """What bringing a call's documents up to date needs."""
        return Rewriting(self.registry, self.files, self.tenants, self.telemetry, self.clock)


class JudgedOutcome(StrEnum):
    """What became of a completed job."""

    DOCUMENTED = "documented"
    REVIEW = "review"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Judged:
    """The outcome, and the call's record where it is one of ours."""

    outcome: JudgedOutcome
    record: CallRecord | None = None


class _CallFailedError(CciLiteError):
    """The call cannot be judged, now or later; the message is the reason's word."""


@dataclass(frozen=True)
class _Attempt:
    """One attempt at a call, which it holds."""

    judging: Judging
    tenant: Tenant
    holder: str


@dataclass(frozen=True)
class _Plan:
    """What the document is made from; `record` says where it will be, and is stored.

    `is_again` says that it was to be there before: what is found there is an earlier attempt's.
    """

    record: CallRecord
    form: Form | None
    stored: StoredMetadata
    is_again: bool


def judge_call(judging: Judging, job_name: str, *, holder: str) -> Judged:
    """Judge the call of a completed job and write its document; safe to repeat and to interrupt.

    Raises RetryLaterError when the event is to be delivered again (another attempt is at work, a
    service has no time, the transcript is not there yet), ServiceError when a service refused.
    """
    records, record = _records_of(judging, job_name)
    if record is None:
        judging.telemetry.count(Metric.IGNORED)
        return Judged(JudgedOutcome.IGNORED)
    if not record.is_open and not _was_given_up(record):
        judging.telemetry.count(Metric.DUPLICATES)
        _end(judging, record)
        return Judged(JudgedOutcome.DUPLICATE, record)
    with held(judging.registry, records, holder, judging.clock, LEASE):
        tenant = judging.tenants.tenant(record.tenant_id)
        if tenant is None:
            raise RetryLaterError("unknown_tenant")
        attempt = _Attempt(judging, tenant, holder)
        newest = newest_documented(records)
        if newest is not None and newest.revision > record.revision:
            return _superseded(attempt, record)
        try:
            return _judge(attempt, record)
        except _CallFailedError as failure:
            return _failed(attempt, record, str(failure))


def _records_of(judging: Judging, job_name: str) -> tuple[list[CallRecord], CallRecord | None]:
    """All records of the call that a job is about, and the job's own; none for others' jobs."""
    if (named := parse_job_name(job_name)) is None:
        return [], None
    call_id, revision = named
    records = judging.registry.records(call_id)
    return records, of_revision(records, revision)


def _was_given_up(record: CallRecord) -> bool:
    """Whether the call failed only because nothing moved for too long."""
    return record.state is CallState.FAILED and record.reason in _GIVEN_UP


def _judge(attempt: _Attempt, record: CallRecord) -> Judged:
    judging, tenant = attempt.judging, attempt.tenant
    job = judging.transcriber.job(record.job_name)
    if job is None or job.status in (JobStatus.QUEUED, JobStatus.IN_PROGRESS):
        raise RetryLaterError("not_completed")
    if job.status is JobStatus.FAILED:
        raise _CallFailedError(job.failure or Reason.TRANSCRIPTION_FAILED)
    services = Services(
        CountedEvaluator(judging.evaluators[tenant.evaluator], judging.telemetry),
        judging.nlp[tenant.nlp],
        checkpoints(judging.files, record),
    )
    spoken = _spoken(attempt, services, record, job)
    plan = _planned(attempt, record)
    document = judged_document(services, spoken, plan.form, _known(attempt, plan, spoken))
    overwrite = judging.overwrite or plan.is_again
    written = write_document(judging.files, document, overwrite=overwrite)
    return _finished(attempt, plan, document, written)


def _spoken(
    attempt: _Attempt, services: Services, record: CallRecord, job: TranscriptionJob
) -> SpokenCall:
    """What was said on the call, from exactly the file that this job wrote."""
    judging, tenant = attempt.judging, attempt.tenant
    redacted = record.redaction is Redaction.TRANSCRIBE
    named = job.redacted_transcript_key if redacted else job.transcript_key
    key_for = redacted_transcript_key if redacted else transcript_key
    key = key_for(record.tenant_id, record.job_name)
    if named != key:
        raise _CallFailedError(
            Reason.REDACTION_MISSING if redacted else Reason.TRANSCRIPT_ELSEWHERE
        )
    data = _awaited(judging, record.tenant_id, key)
    try:
        conversation = read_transcript(data, tenant.audio)
    except TranscriptError:
        raise _CallFailedError(Reason.TRANSCRIPT_UNREADABLE) from None
    if redacted and conversation.redaction is not Redaction.TRANSCRIBE:
        raise _CallFailedError(Reason.REDACTION_MISSING)
    language = record.language_code or tenant.language_code
    try:
        return spoken_call(services, tenant, conversation, language)
    except UnredactedError:
        # The tenant's settings have changed since the job was started.
        raise _CallFailedError(Reason.LANGUAGE_UNREDACTED) from None


def _known(attempt: _Attempt, plan: _Plan, spoken: SpokenCall) -> UnifiedDocument:
    """The document before the call is judged."""
    record, metadata = plan.record, plan.stored.merged
    uploaded_at = record.upload.uploaded_at
    document = UnifiedDocument(
        tenant_id=record.tenant_id,
        call_id=record.call_id,
        revision=record.revision,
        writing=record.version,
        call_date=uploaded_at.date(),
        # Transcribe charges for the whole recording: at least for what was spoken.
        usage=Usage(audio_seconds=spoken.conversation.duration_seconds),
        source=Source(
            transcribe_job=record.job_name,
            input_key_hash=key_hash(record.upload.key),
            etag=record.upload.etag,
            pipeline_version=attempt.judging.pipeline_version,
        ),
    )
    return with_facts(document, attempt.tenant, metadata, uploaded_at)


def _awaited(judging: Judging, tenant_id: str, key: str) -> bytes:
    for seconds in TRANSCRIPT_WAITS:
        if seconds:
            judging.wait(seconds)
        if (content := judging.files.read(tenant_id, key)) is not None:
            return content.data
    raise RetryLaterError("transcript_missing")


def _planned(attempt: _Attempt, record: CallRecord) -> _Plan:
    """The record in TRANSCRIBED, with its form, which a second attempt keeps, and its keys.

    The document's key is stored before the document is, together with every other key at which one
    of the call may lie: of an attempt that died, or of an earlier upload.
    """
    judging = attempt.judging
    plans: list[_Plan] = []

    def plan(records: Sequence[CallRecord], present: CallRecord) -> CallRecord:
        uploaded_at = present.upload.uploaded_at
        told = judging.registry.metadata(present.tenant_id, present.call_id)
        stored = told.for_upload(uploaded_at)
        form = _form(judging, present, stored.merged.queue)
        day = call_date_of(attempt.tenant, stored.merged, uploaded_at)
        key = unified_key(present.tenant_id, day, present.call_id)
        planned = moved(
            present,
            CallState.TRANSCRIBED,
            judging.clock(),
            form=(form.name, form.version) if form else None,
            document_key=key,
            stale_keys=_stale_keys(records, present, key),
            rewrite=False,
            redrives=present.redrives if present.state is CallState.TRANSCRIBED else 0,
        )
        plans.append(_Plan(planned, form, stored, is_again=key in present.keys))
        return planned

    _moved(attempt, record, plan)
    if record.state is not CallState.TRANSCRIBED:
        judging.telemetry.count(Metric.TRANSCRIBED)
    return plans[-1]


def _stale_keys(records: Sequence[CallRecord], record: CallRecord, key: str) -> tuple[str, ...]:
    """Where documents may lie that the one at `key` replaces, of this and earlier uploads."""
    known = {
        each for earlier in records if earlier.revision <= record.revision for each in earlier.keys
    }
    return tuple(sorted(known - {key}))


def _form(judging: Judging, record: CallRecord, queue: str | None) -> Form | None:
    """The form to judge by: that of the first attempt, even when there was none then."""
    if record.form is not None:
        form = judging.tenants.form(record.tenant_id, *record.form)
        if form is None:
            raise PipelineError("form_gone")
        return form
    if record.state is CallState.TRANSCRIBED:
        return None
    return judging.tenants.form_for(record.tenant_id, queue)


def _finished(
    attempt: _Attempt, plan: _Plan, document: UnifiedDocument, written: Written
) -> Judged:
    judging = attempt.judging
    needed = document.review is not None and document.review.needed
    record = _documented(
        attempt,
        plan.record,
        CallState.REVIEW if needed else CallState.DONE,
        # Of a document that somebody else wrote nobody knows which metadata is in it.
        plan.stored.version if written in (Written.NEW, Written.CHANGED) else 0,
    )
    _count_document(judging, document, needed=needed)
    if record.stale_keys:
        _settled(attempt, record)
    _end(judging, record)
    judging.telemetry.log(
        "documented",
        tenant_id=record.tenant_id,
        call_id=record.call_id,
        revision=record.revision,
        state=record.state.value,
        reason=written.value,
        model_id=document.source.model_id if document.source else None,
    )
    return Judged(JudgedOutcome.REVIEW if needed else JudgedOutcome.DOCUMENTED, record)


def _documented(
    attempt: _Attempt, record: CallRecord, state: CallState, metadata_version: int
) -> CallRecord:
    """The record with its document.

    In the same step it is marked when documents are to be deleted, or more is known of the call
    than is in its document.
    """
    judging = attempt.judging

    def document(_: Sequence[CallRecord], present: CallRecord) -> CallRecord:
        stored = judging.registry.metadata(present.tenant_id, present.call_id)
        return moved(
            present,
            state,
            judging.clock(),
            reason=None,
            metadata_version=metadata_version,
            rewrite=bool(present.stale_keys) or stored.version > metadata_version,
        )

    return _moved(attempt, record, document)


def _settled(attempt: _Attempt, record: CallRecord) -> None:
    """Delete the documents that the new one replaces; when that fails, the next sweep does."""
    judging = attempt.judging
    try:
        settle(judging.rewriting, attempt.tenant, record, attempt.holder)
    except PipelineError as problem:
        judging.telemetry.log("not_tidied", call_id=record.call_id, error=type(problem).__name__)


def _count_document(judging: Judging, document: UnifiedDocument, *, needed: bool) -> None:
    judging.telemetry.count(Metric.REVIEW if needed else Metric.DOCUMENTED)
    source, usage = document.source or Source(), document.usage or Usage()
    redaction = source.pii_redacted if isinstance(source.pii_redacted, Redaction) else None
    cost = cost_of(usage, redaction, source.model_id, document.call_date)
    if cost is not None:
        judging.telemetry.count(Metric.COST, cost)


def _end(judging: Judging, record: CallRecord) -> None:
    """Tell people of a call's failure, and delete what a call with a document no longer needs.

    Done by the attempt that ended the call and again at each event after it, because that attempt
    may have died on the way. What is left behind all the same expires.
    """
    if record.state is CallState.FAILED:
        call_failed(judging.notifying, record)
    if not record.is_documented:
        return
    tenant_id, job_name = record.tenant_id, record.job_name
    try:
        judging.files.delete_below(tenant_id, checkpoint_prefix(tenant_id, job_name))
        if record.media_key is not None:
            judging.files.delete(tenant_id, record.media_key)
    except PipelineError as problem:
        judging.telemetry.log("not_tidied", call_id=record.call_id, error=type(problem).__name__)


def _failed(attempt: _Attempt, record: CallRecord, reason: str) -> Judged:
    judging = attempt.judging
    record = _moved(attempt, record, lambda _, present: failed(present, reason, judging.clock()))
    judging.telemetry.count(Metric.FAILED)
    _end(judging, record)
    return Judged(JudgedOutcome.FAILED, record)


def _superseded(attempt: _Attempt, record: CallRecord) -> Judged:
    """End an upload of which no document is made: a later one has been documented before it."""
    judging = attempt.judging
    done = {"reason": None, "document_key": None, "stale_keys": (), "rewrite": False}
    record = _moved(
        attempt,
        record,
        lambda _, present: moved(present, CallState.DONE, judging.clock(), **done),
    )
    judging.telemetry.count(Metric.DUPLICATES)
    _end(judging, record)
    return Judged(JudgedOutcome.SUPERSEDED, record)


def _moved(
    attempt: _Attempt,
    record: CallRecord,
    change: Callable[[Sequence[CallRecord], CallRecord], CallRecord],
) -> CallRecord:
    """The record, changed as it is stored now; raises RetryLaterError.

    Others may change it meanwhile, and the start of its job may be noted only now. `change` sees
    all records of the call, read together, and reads whatever else it needs after them.
    """
    registry = attempt.judging.registry
    for _ in range(_ATTEMPTS):
        records = records_held(registry, record.call_id, attempt.holder)
        present = of_revision(records, record.revision)
        if present is None or _step(present) != _step(record):
            break
        changed = change(records, present)
        if registry.replace(changed):
            return changed
    raise RetryLaterError("record_contended")


def _step(record: CallRecord) -> CallState:
    """How far a call has come; a job can end before its start is noted."""
    is_received = record.state is CallState.RECEIVED
    return CallState.TRANSCRIBING if is_received else record.state
