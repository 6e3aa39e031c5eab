"""From a completed transcription job to the call's unified document, paid for once."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.document import (
    AiSummary,
    CriterionResult,
    Evaluator,
    QaEvaluation,
    Redaction,
    Review,
    Source,
    UnifiedDocument,
    Usage,
)
from cci_lite.contract.judgement import Judgement, NlpAnswer
from cci_lite.contract.judging import score_evaluation, with_evaluation
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.prices import cost_of
from cci_lite.contract.registry import CallRecord, CallState, leased, moved
from cci_lite.contract.template import Criterion, QaTemplate
from cci_lite.contract.tenant import EvaluatorChoice, NlpChoice, Tenant
from cci_lite.errors import CciLiteError, PipelineError, RetryLaterError, TranscriptError
from cci_lite.evaluation import evaluate_rules
from cci_lite.evaluation.masking import masked_conversation, masked_judgement, masked_nlp
from cci_lite.evaluation.naming import introduced_names
from cci_lite.pipeline.facts import key_hash, with_facts
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
    checkpoint_key,
    checkpoint_prefix,
    redacted_transcript_key,
    transcript_key,
)
from cci_lite.transcripts import read_transcript
from cci_lite.transcripts.chunks import pack_texts, texts_of

T = TypeVar("T")

# Longer than a function may run, shorter than its queue waits before it delivers again.
LEASE = dt.timedelta(minutes=12)
# S3 is strongly consistent: what a completed job has written is there. The waits are for the case
# that the event overtakes the object, and end long before the function must.
TRANSCRIPT_WAITS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)


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


@dataclass(frozen=True)
class _Call:
    """A call whose transcript has been read. `units` is what masking it took."""

    tenant: Tenant
    record: CallRecord
    template: QaTemplate | None
    metadata: CallMetadata
    conversation: Conversation
    units: int


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
    if not record.is_open and record.state is not CallState.FAILED:
        judging.telemetry.count(Metric.DUPLICATES)
        # The attempt that wrote the document may have died before it had tidied up.
        _tidy(judging, record)
        return Judged(JudgedOutcome.DUPLICATE, record)
    claimed = leased(record, holder, judging.clock(), LEASE)
    if claimed is None or not judging.registry.replace(claimed):
        raise RetryLaterError("in_progress")
    with _released_on_failure(judging, claimed):
        try:
            return _judge(judging, claimed)
        except _CallFailedError as failure:
            return _failed(judging, claimed, str(failure))


def _judge(judging: Judging, record: CallRecord) -> Judged:
    tenant = judging.tenants.tenant(record.tenant_id)
    if tenant is None:
        raise RetryLaterError("unknown_tenant")
    job = judging.transcriber.job(record.job_name)
    if job is None or job.status in (JobStatus.QUEUED, JobStatus.IN_PROGRESS):
        raise RetryLaterError("not_completed")
    if job.status is JobStatus.FAILED:
        raise _CallFailedError(job.failure or "transcription_failed")
    conversation, units = _conversation(judging, tenant, record, job)
    record, template, metadata = _transcribed(judging, tenant, record)
    call = _Call(tenant, record, template, metadata, conversation, units)
    document = _judged_document(judging, call)
    key, written = write_document(judging.files, document, overwrite=judging.overwrite)
    return _finished(judging, record, document, key, written)


def _conversation(
    judging: Judging, tenant: Tenant, record: CallRecord, job: TranscriptionJob
) -> tuple[Conversation, int]:
    """The redacted conversation, from exactly the file that this job wrote; units that took."""
    redacted = record.redaction is Redaction.TRANSCRIBE
    named = job.redacted_transcript_key if redacted else job.transcript_key
    key_for = redacted_transcript_key if redacted else transcript_key
    key = key_for(record.tenant_id, record.job_name)
    if named != key:
        raise _CallFailedError("redaction_missing" if redacted else "transcript_elsewhere")
    data = _awaited(judging, record.tenant_id, key)
    try:
        conversation = read_transcript(data, tenant.audio)
    except TranscriptError:
        raise _CallFailedError("transcript_unreadable") from None
    if redacted and conversation.redaction is not Redaction.TRANSCRIBE:
        raise _CallFailedError("redaction_missing")
    if redacted:
        return conversation, 0
    language = conversation.language_code or record.language_code or tenant.language_code
    found = _people_in(judging, tenant, record, "people", language, texts_of(conversation))
    names = {*found.names, *introduced_names(conversation)}
    masked = masked_conversation(conversation, names)
    return msgspec.structs.replace(masked, redaction=Redaction.MASKED), found.units


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
    metadata = stored.merged
    if record.template is not None:
        template = judging.tenants.form(tenant.tenant_id, *record.template)
        if template is None:
            raise PipelineError("form_gone")
    else:
        template = judging.tenants.form_for(tenant.tenant_id, metadata.queue)
    first = record.state is not CallState.TRANSCRIBED
    record = _moved(
        judging,
        record,
        CallState.TRANSCRIBED,
        template=(template.name, template.version) if template else None,
        metadata_version=stored.version,
        redrives=0 if first else record.redrives,
    )
    if first:
        judging.telemetry.count(Metric.TRANSCRIBED)
    return record, template, metadata


def _judged_document(judging: Judging, call: _Call) -> UnifiedDocument:
    tenant, record, template = call.tenant, call.record, call.template
    conversation = call.conversation
    language = conversation.language_code or record.language_code or tenant.language_code
    # A card's number would come back in four harmless entities. Names are still to be found.
    texts = texts_of(masked_conversation(conversation))
    nlp = _kept(
        judging,
        record,
        "nlp",
        NlpAnswer,
        lambda: judging.nlp[tenant.nlp].analyze(tenant.tenant_id, language, texts),
    )
    ruled = evaluate_rules(template, conversation) if template else []
    asked = [criterion for criterion in template.criteria if not criterion.rule] if template else []
    with judging.telemetry.span("evaluate"):
        judgement = _kept(
            judging,
            record,
            "evaluation",
            Judgement,
            lambda: _evaluated(judging, tenant, asked, conversation),
        )
    judgement = msgspec.structs.replace(
        judgement, results=_in_order(ruled, asked, judgement.results)
    )
    written = pack_texts(_written_texts(judgement))
    found = _people_in(judging, tenant, record, "names", language, written)
    names = {*found.names, *introduced_names(conversation), *_people(nlp)}
    if call.metadata.agent_name:
        names.add(call.metadata.agent_name)
    judgement, nlp = masked_judgement(judgement, names), masked_nlp(nlp, names)
    reasons = [
        *(["no_form"] if template is None else []),
        *judgement.review_reasons,
        *(["nlp_incomplete"] if nlp.unanswered else []),
    ]
    usage = judgement.usage
    document = UnifiedDocument(
        tenant_id=tenant.tenant_id,
        call_id=record.call_id,
        revision=record.revision,
        call_date=record.upload.uploaded_at.date(),
        language_code=language,
        duration_seconds=conversation.duration_seconds,
        sentiment=nlp.sentiment,
        key_phrases=nlp.key_phrases,
        entities=nlp.entities,
        ai_summary=judgement.summary,
        review=Review(needed=bool(reasons), reasons=reasons),
        summary_raw=judgement.summary_raw,
        usage=Usage(
            audio_seconds=conversation.duration_seconds,
            comprehend_units=call.units + nlp.units + found.units,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            model_calls=usage.calls,
        ),
        source=Source(
            transcribe_job=record.job_name,
            pii_redacted=conversation.redaction,
            input_key_hash=key_hash(record.upload.key),
            etag=record.upload.etag,
            pipeline_version=judging.pipeline_version,
            prompt_version=judgement.prompt_version,
            model_id=judgement.model_id,
        ),
    )
    document = with_facts(document, tenant, call.metadata, record.upload.uploaded_at)
    if template is None:
        return document
    evaluation = QaEvaluation(criteria=judgement.results)
    return with_evaluation(document, score_evaluation(evaluation, template))


def _evaluated(
    judging: Judging, tenant: Tenant, asked: Sequence[Criterion], conversation: Conversation
) -> Judgement:
    judgement = judging.evaluators[tenant.evaluator].evaluate(tenant, asked, conversation)
    usage = judgement.usage
    judging.telemetry.count(Metric.INPUT_TOKENS, usage.input_tokens)
    judging.telemetry.count(Metric.OUTPUT_TOKENS, usage.output_tokens)
    judging.telemetry.count(Metric.MODEL_LATENCY, usage.latency_ms / 1000)
    return judgement


def _in_order(
    ruled: Sequence[CriterionResult],
    asked: Sequence[Criterion],
    answered: Sequence[CriterionResult],
) -> list[CriterionResult]:
    """One result per criterion of the form: the rule's, or the answer where one was asked for."""
    wanted = {criterion.id for criterion in asked}
    answers = {result.id: result for result in answered if result.id in wanted}
    return [answers.get(result.id, result) for result in ruled]


class _FoundNames(msgspec.Struct, frozen=True):
    """Names of people in some texts, and what finding them took."""

    names: list[str]
    units: int


def _people_in(
    judging: Judging,
    tenant: Tenant,
    record: CallRecord,
    step: str,
    language: str,
    texts: Sequence[str],
) -> _FoundNames:
    def ask() -> _FoundNames:
        found = judging.nlp[tenant.nlp].people(tenant.tenant_id, language, texts)
        return _FoundNames(sorted(found.names), found.units)

    return _kept(judging, record, step, _FoundNames, ask) if texts else _FoundNames([], 0)


def _written_texts(judgement: Judgement) -> list[str]:
    """What a model wrote in its own words."""
    summary = judgement.summary or AiSummary()
    written = [
        summary.issue,
        summary.resolution,
        summary.outcome,
        summary.sentiment_summary,
        *summary.action_items,
        *(result.reason for result in judgement.results if result.evaluator is Evaluator.MODEL),
        judgement.summary_raw,
    ]
    return [text for text in written if text]


def _people(nlp: NlpAnswer) -> set[str]:
    return {
        entity.text
        for result in nlp.entities.result_list
        for entity in result.entities
        if entity.type == "PERSON" and entity.text
    }


def _kept(
    judging: Judging, record: CallRecord, step: str, kind: type[T], answer: Callable[[], T]
) -> T:
    """What a step answered: from its checkpoint, so that it is paid for once, or now."""
    key = checkpoint_key(record.tenant_id, record.job_name, step)
    content = judging.files.read(record.tenant_id, key)
    if content is not None:
        return msgspec.json.decode(content.data, type=kind)
    given = answer()
    if judging.files.write_new(record.tenant_id, key, msgspec.json.encode(given)):
        return given
    return _kept(judging, record, step, kind, answer)


def _finished(
    judging: Judging, record: CallRecord, document: UnifiedDocument, key: str, written: Written
) -> Judged:
    needed = document.review is not None and document.review.needed
    state = CallState.REVIEW if needed else CallState.DONE
    record = _moved(judging, record, state, document_key=key, reason=None)
    _mark_if_told_since(judging, record)
    _count_document(judging, document, needed=needed)
    _tidy(judging, record)
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


def _tidy(judging: Judging, record: CallRecord) -> None:
    """Delete the copy of the recording and the checkpoints; what is left behind expires."""
    tenant_id, job_name = record.tenant_id, record.job_name
    try:
        judging.files.delete_below(tenant_id, checkpoint_prefix(tenant_id, job_name))
        if record.media_key is not None:
            judging.files.delete(tenant_id, record.media_key)
    except CciLiteError as problem:
        judging.telemetry.log("not_tidied", call_id=record.call_id, error=type(problem).__name__)


def _failed(judging: Judging, record: CallRecord, reason: str) -> Judged:
    record = _moved(judging, record, CallState.FAILED, reason=reason)
    judging.telemetry.count(Metric.FAILED)
    call_failed(
        Notifying(judging.registry, judging.notifier, judging.telemetry, judging.clock), record
    )
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
