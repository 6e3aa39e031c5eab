"""What is written of a call: verdicts, summary, what it took; scored, and masked before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from cci_lite.contract.form import Criterion, Form
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.registry import CallRecord
from cci_lite.contract.scored_evaluation import score_evaluation, with_evaluation
from cci_lite.contract.service_answers import Judgement, ModelUsage, NlpAnswer
from cci_lite.contract.tenant import Tenant
from cci_lite.evaluation.by_rules import evaluate_rules
from cci_lite.masking.introductions import introduced_names
from cci_lite.masking.mask import masked_conversation, masked_judgement, masked_nlp
from cci_lite.pipeline.call_facts import key_hash, with_facts
from cci_lite.pipeline.paid_answers import Answering
from cci_lite.transcripts.chunks import pack_texts, texts_of


@dataclass(frozen=True)
class TranscribedCall:
    """A call whose transcript has been read. `units` is what masking it took."""

    tenant: Tenant
    record: CallRecord
    form: Form | None
    metadata: CallMetadata
    conversation: Conversation
    units: int

    @property
    def language(self) -> str:
        """The language that was spoken."""
        return _language(self.tenant, self.record, self.conversation)


def masked_call(
    answering: Answering, tenant: Tenant, record: CallRecord, conversation: Conversation
) -> tuple[Conversation, int]:
    """A conversation that Transcribe did not redact, masked; and the units that took.

    Raises RetryLaterError and ServiceError.
    """
    language = _language(tenant, record, conversation)
    found = answering.people(record, "people", language, texts_of(conversation))
    names = {*found.names, *introduced_names(conversation)}
    spoken = msgspec.structs.replace(conversation, language_code=language)
    masked = masked_conversation(spoken, names)
    return msgspec.structs.replace(masked, redaction=Redaction.MASKED), found.units


def judged_document(
    answering: Answering, call: TranscribedCall, pipeline_version: str
) -> UnifiedDocument:
    """The call's document, scored and masked; what was answered before is not asked again.

    Raises RetryLaterError and ServiceError.
    """
    record, form = call.record, call.form
    answers = _masked_answers(answering, call)
    judgement, nlp = answers.judgement, answers.nlp
    reasons = [
        *(["no_form"] if form is None else []),
        *call.conversation.review_reasons,
        *judgement.review_reasons,
        *(["nlp_incomplete"] if nlp.unanswered else []),
    ]
    document = UnifiedDocument(
        tenant_id=record.tenant_id,
        call_id=record.call_id,
        revision=record.revision,
        call_date=record.upload.uploaded_at.date(),
        language_code=call.language,
        duration_seconds=call.conversation.duration_seconds,
        sentiment=nlp.sentiment,
        key_phrases=nlp.key_phrases,
        entities=nlp.entities,
        ai_summary=judgement.summary,
        review=Review(needed=bool(reasons), reasons=reasons),
        summary_raw=judgement.summary_raw,
        usage=_usage(call, judgement.usage, call.units + nlp.units + answers.units),
        source=Source(
            transcribe_job=record.job_name,
            pii_redacted=call.conversation.redaction,
            input_key_hash=key_hash(record.upload.key),
            etag=record.upload.etag,
            pipeline_version=pipeline_version,
            prompt_version=judgement.prompt_version,
            model_id=judgement.model_id,
        ),
    )
    document = with_facts(document, call.tenant, call.metadata, record.upload.uploaded_at)
    if form is None:
        return document
    evaluation = QaEvaluation(criteria=judgement.results)
    return with_evaluation(document, score_evaluation(evaluation, form))


@dataclass(frozen=True)
class _Answers:
    """What rules and services said of a call, masked. `units` is what finding names took."""

    judgement: Judgement
    nlp: NlpAnswer
    units: int


def _masked_answers(answering: Answering, call: TranscribedCall) -> _Answers:
    form = call.form
    conversation = msgspec.structs.replace(call.conversation, language_code=call.language)
    # A card's number would come back in four harmless entities. Names are still to be found.
    texts = texts_of(masked_conversation(conversation))
    nlp = answering.nlp_answer(call.record, call.language, texts)
    ruled = evaluate_rules(form, conversation) if form else []
    asked = [criterion for criterion in form.criteria if not criterion.rule] if form else []
    judgement = answering.judgement(call.record, call.tenant, asked, conversation)
    results = _in_order(ruled, asked, judgement.results)
    judgement = msgspec.structs.replace(judgement, results=results)
    written = pack_texts(_written_texts(judgement))
    found = answering.people(call.record, "names", call.language, written)
    # Of equal names the first stays in a set: those that are certain before those only heard.
    certain = {*found.names, *_people(nlp), *filter(None, [call.metadata.agent_name])}
    names = {*certain, *introduced_names(conversation)}
    return _Answers(
        masked_judgement(judgement, names, call.language),
        masked_nlp(nlp, names, call.language),
        found.units,
    )


def _usage(call: TranscribedCall, asked: ModelUsage, units: int) -> Usage:
    """What the call took. Transcribe charges the whole recording: at least what was spoken."""
    return Usage(
        audio_seconds=call.conversation.duration_seconds,
        comprehend_units=units,
        input_tokens=asked.input_tokens,
        output_tokens=asked.output_tokens,
        model_calls=asked.calls,
    )


def _language(tenant: Tenant, record: CallRecord, conversation: Conversation) -> str:
    return conversation.language_code or record.language_code or tenant.language_code


def _in_order(
    ruled: Sequence[CriterionResult],
    asked: Sequence[Criterion],
    answered: Sequence[CriterionResult],
) -> list[CriterionResult]:
    """One result per criterion of the form: the rule's, or the answer where one was asked for."""
    wanted = {criterion.id for criterion in asked}
    answers = {result.id: result for result in answered if result.id in wanted}
    return [answers.get(result.id, result) for result in ruled]


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
