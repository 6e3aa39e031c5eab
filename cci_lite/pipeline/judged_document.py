"""The one way to judge a call: from what was said to its masked and scored document.

AWS and the laptop both come through here. They differ in where a transcript comes from, in which
services are asked, and in how the document is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.document import (
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
from cci_lite.contract.scored_evaluation import score_evaluation, with_evaluation
from cci_lite.contract.service_answers import Judgement, NlpAnswer
from cci_lite.contract.services import language_of
from cci_lite.contract.tenant import Tenant, UnredactedPolicy, is_masked, why_not_masked
from cci_lite.errors import TenantError, UnredactedError
from cci_lite.evaluation.by_rules import evaluate_rules
from cci_lite.masking.introductions import introduced_names
from cci_lite.masking.mask import masked_conversation
from cci_lite.pipeline.masked_document import masked_document
from cci_lite.ports import Keep, Nlp, QaEvaluator, not_kept
from cci_lite.transcripts.chunks import pack_texts, texts_of

T = TypeVar("T")
U = TypeVar("U")

# What a transcript calls its language goes into the document: anything else is not repeated.
_LANGUAGE_CODE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}")
_NOTHING_USED = Usage(comprehend_units=0, input_tokens=0, output_tokens=0, model_calls=0)


@dataclass(frozen=True)
class Services:
    """Who is asked about calls, and what keeps the answers that were paid for.

    Without `nlp` nobody finds sentiment, key phrases, entities, and names that are not introduced.
    """

    evaluator: QaEvaluator
    nlp: Nlp | None = None
    keep: Keep = not_kept


@dataclass(frozen=True)
class SpokenCall:
    """What was said on a tenant's call, redacted by Transcribe or masked here: see `spoken_call`.

    `language` is the one that was spoken, `units` is what finding names took.
    """

    tenant: Tenant
    conversation: Conversation
    language: str
    units: int = 0

    @property
    def is_masked(self) -> bool:
        """Whether it was masked here."""
        return self.conversation.redaction is Redaction.MASKED


class FoundNames(msgspec.Struct, frozen=True):
    """Names of people in some texts, and what finding them took."""

    names: list[str] = []
    units: int = 0


def spoken_call(
    services: Services, tenant: Tenant, conversation: Conversation, language_code: str
) -> SpokenCall:
    """What may be looked at of a conversation; masked here when Transcribe did not redact it.

    `language_code` is that of transcripts that do not name theirs by a code. Raises
    UnredactedError when the tenant's setting is to refuse such a call, RetryLaterError and
    ServiceError.
    """
    named = conversation.language_code or ""
    language = named if _LANGUAGE_CODE.fullmatch(named) else language_code
    conversation = msgspec.structs.replace(conversation, language_code=language)
    if conversation.redaction is Redaction.TRANSCRIBE:
        return SpokenCall(tenant, conversation, language)
    check_masked(tenant, language)
    call = SpokenCall(tenant, conversation, language)
    found = _found_names(services, call, "people", texts_of(conversation))
    masked = masked_conversation(conversation, {*found.names, *introduced_names(conversation)})
    masked = msgspec.structs.replace(masked, redaction=Redaction.MASKED)
    return SpokenCall(tenant, masked, language, found.units)


def check_masked(tenant: Tenant, language_code: str) -> None:
    """Raise UnredactedError unless calls that are not redacted are masked for the tenant."""
    try:
        language = language_of(language_code)
    except TenantError:
        reason: str | None = "its language is none that Transcribe knows"
    else:
        if is_masked(tenant, language):
            return
        reason = why_not_masked(tenant, language)
    if tenant.unredacted is UnredactedPolicy.REFUSE:
        reason = "the tenant's setting is unredacted: refuse"
    raise UnredactedError("", "a redacted transcript", f"one that is not, and {reason}")


def judged_document(
    services: Services, spoken: SpokenCall, form: Form | None, known: UnifiedDocument
) -> UnifiedDocument:
    """The call's document, scored and masked. Raises RetryLaterError and ServiceError.

    `known` is the document with what is known of the call before it is judged: whose it is, which
    recording it is about, when it was and who took it; in `usage` what transcribing it took.
    """
    conversation = spoken.conversation
    nlp = _nlp_answer(services, spoken)
    judgement = _judgement(services, spoken, form)
    found = _found_names(services, spoken, "names", pack_texts(_texts_of_model(judgement)))
    reasons = [
        *(["no_form"] if form is None else []),
        *conversation.review_reasons,
        *judgement.review_reasons,
        *(["nlp_incomplete"] if nlp and nlp.unanswered else []),
    ]
    document = msgspec.structs.replace(
        known,
        language_code=spoken.language,
        duration_seconds=conversation.duration_seconds,
        sentiment=nlp.sentiment if nlp else None,
        key_phrases=nlp.key_phrases if nlp else None,
        entities=nlp.entities if nlp else None,
        ai_summary=judgement.summary,
        qa_evaluation=QaEvaluation(criteria=judgement.results) if form else None,
        review=Review(needed=bool(reasons), reasons=reasons),
        summary_raw=judgement.summary_raw,
        usage=_usage(known, judgement, spoken.units + (nlp.units if nlp else 0) + found.units),
        source=msgspec.structs.replace(
            known.source or Source(),
            pii_redacted=conversation.redaction,
            prompt_version=judgement.prompt_version,
            model_id=judgement.model_id,
        ),
    )
    document = masked_document(document, {*found.names, *introduced_names(conversation)})
    if form is None or document.qa_evaluation is None:
        return document
    return with_evaluation(document, score_evaluation(document.qa_evaluation, form))


def _judgement(services: Services, spoken: SpokenCall, form: Form | None) -> Judgement:
    """The verdicts of rules, and of the evaluator on what has no rule; with its summary."""
    conversation = spoken.conversation
    ruled = evaluate_rules(form, conversation) if form else []
    asked = [criterion for criterion in form.criteria if not criterion.rule] if form else []
    judgement = _asked(
        services,
        "evaluation",
        Judgement,
        lambda keep: services.evaluator.evaluate(spoken.tenant, asked, conversation, keep),
    )
    return msgspec.structs.replace(judgement, results=_in_order(ruled, asked, judgement.results))


def _nlp_answer(services: Services, spoken: SpokenCall) -> NlpAnswer | None:
    if (nlp := services.nlp) is None:
        return None
    # A card's number would come back in four harmless entities. Names are still to be found.
    texts = texts_of(masked_conversation(spoken.conversation))
    tenant_id = spoken.tenant.tenant_id
    return _asked(
        services,
        "nlp",
        NlpAnswer,
        lambda keep: nlp.analyze(tenant_id, spoken.language, texts, keep),
    )


def _found_names(
    services: Services, spoken: SpokenCall, step: str, texts: Sequence[str]
) -> FoundNames:
    """The names of people that a service finds in these texts; without texts nobody is asked."""
    if (nlp := services.nlp) is None or not texts:
        return FoundNames()

    def ask(keep: Keep) -> FoundNames:
        found = nlp.people(spoken.tenant.tenant_id, spoken.language, texts, keep)
        return FoundNames(sorted(found.names), found.units)

    return _asked(services, step, FoundNames, ask)


def _asked(services: Services, step: str, kind: type[T], ask: Callable[[Keep], T]) -> T:
    """What a step answers; the answers that it is made of are kept under its name, too."""

    def keep_part(part: str, kind: type[U], ask_part: Callable[[], U], /) -> U:
        return services.keep(f"{step}-{part}", kind, ask_part)

    return services.keep(step, kind, lambda: ask(keep_part))


def _usage(known: UnifiedDocument, judgement: Judgement, units: int) -> Usage | None:
    """What the call took; None when nothing is known to have been charged."""
    usage = msgspec.structs.replace(
        known.usage or Usage(),
        comprehend_units=units,
        input_tokens=judgement.usage.input_tokens,
        output_tokens=judgement.usage.output_tokens,
        model_calls=judgement.usage.calls,
    )
    return None if usage == _NOTHING_USED else usage


def _in_order(
    ruled: Sequence[CriterionResult],
    asked: Sequence[Criterion],
    answered: Sequence[CriterionResult],
) -> list[CriterionResult]:
    """One result per criterion of the form: the rule's, or the answer where one was asked for."""
    wanted = {criterion.id for criterion in asked}
    answers = {result.id: result for result in answered if result.id in wanted}
    return [answers.get(result.id, result) for result in ruled]


def _texts_of_model(judgement: Judgement) -> Iterator[str]:
    """What a model wrote in its own words."""
    if (summary := judgement.summary) is not None:
        own = (summary.issue, summary.resolution, summary.outcome, summary.sentiment_summary)
        yield from filter(None, (*own, *summary.action_items))
    by_model = (each for each in judgement.results if each.evaluator is Evaluator.MODEL)
    yield from filter(None, (result.reason for result in by_model))
    yield from filter(None, [judgement.summary_raw])
