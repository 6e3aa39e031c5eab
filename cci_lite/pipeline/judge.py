"""From a completed transcription job to the call's unified document, paid for once."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.document import (
    Redaction,
    Source,
    UnifiedDocument,
    Usage,
)
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.prices import cost_of
from cci_lite.contract.registry import (
    DOCUMENTED_STATES,
    CallRecord,
    CallState,
    Reason,
    leased,
    moved,
)
from cci_lite.contract.services import language_of
from cci_lite.contract.template import QaTemplate
from cci_lite.contract.tenant import EvaluatorChoice, NlpChoice, Tenant, is_masked
from cci_lite.errors import CciLiteError, PipelineError, RetryLaterError, TranscriptError
from cci_lite.pipeline.answering import Answering
from cci_lite.pipeline.facts import call_date_of
from cci_lite.pipeline.judged_document import TranscribedCall, judged_document, masked_call
from cci_lite.pipeline.notify import Notifying, call_failed, record_of
from cci_lite.pipeline.tenants import TenantDirectory
from cci_lite.pipeline.writing import Written, write_document
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

_GIVEN_UP = (Reason.STUCK_RECEIVED, Reason.STUCK_TRANSCRIBING, Reason.STUCK_TRANSCRIBED)


@dataclass(frozen=True)
class Judging:
    """What judging a call needs. `holder` names this attempt; `wait` lets seconds pass."""

    registry: CallRegistry
    files: TenantFiles
    transcriber: Transcriber
    tenants: TenantDirectory
    nlp: Mapping[NlpChoice, Nlp]
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


class JudgedOutcome(StrEnum):
    """What became of a completed job."""

    DOCUMENTED = "documented"
    REVIEW = "review"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Judged:
    """The outcome, and the call's record where it is one of ours."""

    outcome: JudgedOutcome
    record: CallRecord | None = None


class _CallFailedError(CciLiteError):
    """The call cannot be judged, now or later; the message is the reason's word."""


def judge_call(judging: Judging, job_name: str, *, holder: str) -> Judged:
    """Judge the call of a completed job and write its document; safe to repeat and to interrupt.

    Raises RetryLaterError when the event is to be delivered again (another attempt is at work, a
    service has no time, the transcript is not there yet), ServiceError when a service refused.
    """
    record = record_of(judging.registry, job_name)
    if record is None:
        judging.telemetry.count(Metric.IGNORED)
        return Judged(JudgedOutcome.IGNORED)
    if not record.is_open and not _was_given_up(record):
        judging.telemetry.count(Metric.DUPLICATES)
        _end(judging, record)
        return Judged(JudgedOutcome.DUPLICATE, record)
    claimed = leased(record, holder, judging.clock(), LEASE)
    if claimed is None or not judging.registry.replace(claimed):
        raise RetryLaterError("in_progress")
    with _released_on_failure(judging, claimed):
        try:
            return _judge(judging, claimed)
        except _CallFailedError as failure:
            return _failed(judging, claimed, str(failure))


def _was_given_up(record: CallRecord) -> bool:
    """Whether the call failed only because nothing moved for too long."""
    return record.state is CallState.FAILED and record.reason in _GIVEN_UP


def _judge(judging: Judging, record: CallRecord) -> Judged:
    tenant = judging.tenants.tenant(record.tenant_id)
    if tenant is None:
        raise RetryLaterError("unknown_tenant")
    job = judging.transcriber.job(record.job_name)
    if job is None or job.status in (JobStatus.QUEUED, JobStatus.IN_PROGRESS):
        raise RetryLaterError("not_completed")
    if job.status is JobStatus.FAILED:
        raise _CallFailedError(job.failure or Reason.TRANSCRIPTION_FAILED)
    answering = Answering(
        judging.files,
        judging.nlp[tenant.nlp],
        judging.evaluators[tenant.evaluator],
        judging.telemetry,
    )
    conversation, units = _conversation(judging, answering, tenant, record, job)
    record, template, metadata = _transcribed(judging, tenant, record)
    call = TranscribedCall(tenant, record, template, metadata, conversation, units)
    document = judged_document(answering, call, judging.pipeline_version)
    key, written = write_document(judging.files, document, overwrite=judging.overwrite)
    return _finished(judging, record, document, key, written)


def _conversation(
    judging: Judging,
    answering: Answering,
    tenant: Tenant,
    record: CallRecord,
    job: TranscriptionJob,
) -> tuple[Conversation, int]:
    """The redacted conversation, from exactly the file that this job wrote; units that took."""
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
    if redacted:
        return conversation, 0
    if not is_masked(tenant, language_of(record.language_code or tenant.language_code)):
        # The tenant's settings have changed since the job was started.
        raise _CallFailedError(Reason.LANGUAGE_UNREDACTED)
    return masked_call(answering, tenant, record, conversation)


def _awaited(judging: Judging, tenant_id: str, key: str) -> bytes:
    for seconds in TRANSCRIPT_WAITS:
        if seconds:
            judging.wait(seconds)
        if (content := judging.files.read(tenant_id, key)) is not None:
            return content.data
    raise RetryLaterError("transcript_missing")


def _transcribed(
    judging: Judging, tenant: Tenant, record: CallRecord
) -> tuple[CallRecord, QaTemplate | None, CallMetadata]:
    """The record in TRANSCRIBED with its form, which a second attempt keeps, and the metadata."""
    stored = judging.registry.metadata(record.tenant_id, record.call_id)
    metadata = stored.for_upload(record.upload.uploaded_at).merged
    first = record.state is not CallState.TRANSCRIBED
    template = _form(judging, record, metadata.queue)
    day = call_date_of(tenant, metadata, record.upload.uploaded_at)
    record = _moved(
        judging,
        record,
        CallState.TRANSCRIBED,
        template=(template.name, template.version) if template else None,
        document_key=record.document_key or unified_key(tenant.tenant_id, day, record.call_id),
        metadata_version=stored.version,
        redrives=0 if first else record.redrives,
    )
    if first:
        judging.telemetry.count(Metric.TRANSCRIBED)
    return record, template, metadata


def _form(judging: Judging, record: CallRecord, queue: str | None) -> QaTemplate | None:
    """The form to judge by: that of the first attempt, even when there was none then."""
    if record.template is not None:
        template = judging.tenants.form(record.tenant_id, *record.template)
        if template is None:
            raise PipelineError("form_gone")
        return template
    if record.state is CallState.TRANSCRIBED:
        return None
    return judging.tenants.form_for(record.tenant_id, queue)


def _finished(
    judging: Judging, record: CallRecord, document: UnifiedDocument, key: str, written: Written
) -> Judged:
    needed = document.review is not None and document.review.needed
    state = CallState.REVIEW if needed else CallState.DONE
    planned = record.document_key
    record = _moved(judging, record, state, document_key=key, reason=None)
    _mark_if_told_since(judging, record)
    _count_document(judging, document, needed=needed)
    _end(judging, record, planned)
    judging.telemetry.log(
        "documented",
        tenant_id=record.tenant_id,
        call_id=record.call_id,
        revision=record.revision,
        state=state.value,
        reason=written.value,
        model_id=document.source.model_id if document.source else None,
    )
    return Judged(JudgedOutcome.REVIEW if needed else JudgedOutcome.DOCUMENTED, record)


def _mark_if_told_since(judging: Judging, record: CallRecord) -> None:
    """Mark the document for rewriting when metadata came in while it was made.

    Whoever stores metadata looks for finished documents afterwards, and this looks for metadata
    after the document is finished: one of the two sees the other.
    """
    stored = judging.registry.metadata(record.tenant_id, record.call_id)
    if stored.version > record.metadata_version:
        # Lost only to somebody who has moved the record since, and has seen the metadata then.
        judging.registry.replace(moved(record, record.state, judging.clock(), rewrite=True))


def _count_document(judging: Judging, document: UnifiedDocument, *, needed: bool) -> None:
    judging.telemetry.count(Metric.REVIEW if needed else Metric.DOCUMENTED)
    source, usage = document.source or Source(), document.usage or Usage()
    redaction = source.pii_redacted if isinstance(source.pii_redacted, Redaction) else None
    cost = cost_of(usage, redaction, source.model_id, document.call_date)
    if cost is not None:
        judging.telemetry.count(Metric.COST, cost)


def _end(judging: Judging, record: CallRecord, planned: str | None = None) -> None:
    """See a call off: people are told of its failure, and what it no longer needs is deleted.

    For the attempt that ended the call, and for each event after it: that attempt may have died on
    the way. What is left behind all the same expires.
    """
    if record.state is CallState.FAILED:
        call_failed(judging.notifying, record)
    if not _is_documented(record):
        return
    tenant_id, job_name = record.tenant_id, record.job_name
    try:
        for key in _superseded_keys(judging.registry, record, planned):
            judging.files.delete(tenant_id, key)
        judging.files.delete_below(tenant_id, checkpoint_prefix(tenant_id, job_name))
        if record.media_key is not None:
            judging.files.delete(tenant_id, record.media_key)
    except CciLiteError as problem:
        judging.telemetry.log("not_tidied", call_id=record.call_id, error=type(problem).__name__)


def _superseded_keys(
    registry: CallRegistry, record: CallRecord, planned: str | None
) -> Iterable[str]:
    """Where documents of the call are that its latest one stands for.

    Another upload, or metadata that came in between two attempts, can have put the call on another
    day. Whoever finishes looks at the others afterwards, so that of two at once one sees the other.
    """
    documented = [each for each in registry.records(record.call_id) if _is_documented(each)]
    keys = {each.document_key for each in documented} | {planned}
    return sorted(key for key in keys if key and key != documented[-1].document_key)


def _is_documented(record: CallRecord) -> bool:
    return record.state in DOCUMENTED_STATES


def _failed(judging: Judging, record: CallRecord, reason: str) -> Judged:
    record = _moved(judging, record, CallState.FAILED, reason=reason)
    judging.telemetry.count(Metric.FAILED)
    _end(judging, record)
    return Judged(JudgedOutcome.FAILED, record)


def _moved(judging: Judging, record: CallRecord, state: CallState, **changes: Any) -> CallRecord:
    """The record moved on; raises RetryLaterError when somebody else has moved it."""
    changed = moved(record, state, judging.clock(), **changes)
    if not judging.registry.replace(changed):
        raise RetryLaterError("record_contended")
    return changed


@contextlib.contextmanager
def _released_on_failure(judging: Judging, claimed: CallRecord) -> Iterator[None]:
    """Give up the lease when the event has to come again, so that it can be taken up at once."""
    try:
        yield
    except PipelineError:
        record = record_of(judging.registry, claimed.job_name)
        if record is not None and record.lease_holder == claimed.lease_holder:
            judging.registry.replace(
                moved(record, record.state, judging.clock(), lease_holder=None, lease_until=None)
            )
        raise
