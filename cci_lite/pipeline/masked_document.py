"""Second-stage masking of a whole document: the one door before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from cci_lite.contract.document import Entities, KeyPhrases, Review, UnifiedDocument
from cci_lite.contract.service_answers import Judgement, NlpAnswer
from cci_lite.masking.mask import mask, masked_judgement, masked_nlp


def masked_document(document: UnifiedDocument, names: Iterable[str] = ()) -> UnifiedDocument:
    """The document with all words about the call masked: quotes, reasons, summary, phrases.

    Masked are numbers, addresses and names: those given, the agent's, and the people among the
    entities. What metadata says stays where it belongs (`agent.name`). Twice masked is once masked.
    """
    # Of equal names the first stays in a set: those that are certain before those only heard.
    known = {*_named(document), *names}
    language, evaluation, review = document.language_code, document.qa_evaluation, document.review
    judgement = masked_judgement(
        Judgement(
            results=evaluation.criteria if evaluation else [],
            summary=document.ai_summary,
            summary_raw=document.summary_raw,
        ),
        known,
        language,
    )
    nlp = masked_nlp(
        NlpAnswer(
            key_phrases=document.key_phrases or KeyPhrases(),
            entities=document.entities or Entities(),
        ),
        known,
        language,
    )
    if evaluation is not None:
        reason_of = {result.id: result.reason for result in judgement.results}
        failed = [
            msgspec.structs.replace(each, reason=reason_of.get(each.id))
            for each in evaluation.failed
        ]
        evaluation = msgspec.structs.replace(evaluation, criteria=judgement.results, failed=failed)
    if review is not None:
        # A word of our vocabulary has no blank in it, and may end with the id of a criterion.
        reasons = [
            mask(reason, known, language) if " " in reason else reason for reason in review.reasons
        ]
        review = Review(needed=review.needed, reasons=reasons)
    return msgspec.structs.replace(
        document,
        key_phrases=None if document.key_phrases is None else nlp.key_phrases,
        entities=None if document.entities is None else nlp.entities,
        ai_summary=judgement.summary,
        summary_raw=judgement.summary_raw,
        qa_evaluation=evaluation,
        review=review,
    )


def _named(document: UnifiedDocument) -> Iterator[str]:
    """The names that the document itself says are a person's."""
    if document.agent is not None and document.agent.name:
        yield document.agent.name
    for result in document.entities.result_list if document.entities else ():
        for entity in result.entities:
            if entity.type == "PERSON" and entity.text:
                yield entity.text
