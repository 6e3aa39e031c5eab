"""Finds sentiment, key phrases, entities and names with Amazon Comprehend, or finds nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cci_lite.aws.failures import translated
from cci_lite.contract.document import (
    Entities,
    Entity,
    EntityResult,
    KeyPhrase,
    KeyPhraseResult,
    KeyPhrases,
    Sentiment,
    SentimentResult,
    SentimentScores,
)
from cci_lite.contract.service_answers import NlpAnswer, step_of
from cci_lite.contract.services import language_of
from cci_lite.errors import RetryLaterError, TenantError
from cci_lite.ports import Keep, PeopleAnswer, not_kept

# Texts per batch operation (Comprehend guidelines and quotas).
MAX_TEXTS = 25
_ATTEMPTS = 3
# Comprehend charges units of 100 characters, at least 3 for each text (Comprehend pricing).
_CHARACTERS_PER_UNIT = 100
_LEAST_UNITS = 3


@dataclass(frozen=True)
class ComprehendNlp:
    """Nlp by Comprehend's batch operations. The answer to a batch is kept and not asked again."""

    client: Any

    def analyze(
        self,
        tenant_id: str,  # noqa: ARG002
        language_code: str,
        texts: Sequence[str],
        keep: Keep = not_kept,
    ) -> NlpAnswer:
        """What is in these texts; a text that stays unanswered is left out and counted."""
        language = _comprehend_code(language_code)
        if language is None:
            return NlpAnswer()
        sentiment = self._ask("batch_detect_sentiment", language, texts, keep)
        phrases = self._ask("batch_detect_key_phrases", language, texts, keep)
        entities = self._ask("batch_detect_entities", language, texts, keep)
        return NlpAnswer(
            sentiment=Sentiment(
                result_list=[_sentiment(index, found) for index, found in sentiment.found]
            ),
            key_phrases=KeyPhrases(
                result_list=[
                    KeyPhraseResult(
                        index=index, key_phrases=list(map(_phrase, found["KeyPhrases"]))
                    )
                    for index, found in phrases.found
                ]
            ),
            entities=Entities(
                result_list=[
                    EntityResult(index=index, entities=list(map(_entity, found["Entities"])))
                    for index, found in entities.found
                ]
            ),
            units=sentiment.units + phrases.units + entities.units,
            unanswered=sentiment.unanswered + phrases.unanswered + entities.unanswered,
        )

    def people(
        self,
        tenant_id: str,  # noqa: ARG002
        language_code: str,
        texts: Sequence[str],
        keep: Keep = not_kept,
    ) -> PeopleAnswer:
        """The names of people in these texts.

        A text that stays unanswered raises RetryLaterError: a name in it would go unmasked.
        """
        language = _comprehend_code(language_code)
        if language is None:
            return PeopleAnswer(frozenset(), units=0)
        answers = self._ask("batch_detect_entities", language, texts, keep)
        if answers.unanswered:
            raise RetryLaterError("comprehend_unanswered")
        entities = (entity for _, found in answers.found for entity in found["Entities"])
        names = frozenset(entity["Text"] for entity in entities if entity["Type"] == "PERSON")
        return PeopleAnswer(names, answers.units)

    def _ask(self, operation: str, language: str, texts: Sequence[str], keep: Keep) -> _Answers:
        # An empty text makes the service refuse the whole batch.
        waiting = [index for index, text in enumerate(texts) if text.strip()]
        found: dict[int, Mapping[str, Any]] = {}
        # Only texts in the ErrorList are asked again; answered ones are paid and not repeated.
        for _ in range(_ATTEMPTS):
            for start in range(0, len(waiting), MAX_TEXTS):
                batch = waiting[start : start + MAX_TEXTS]
                with contextlib.suppress(_NothingFoundError):
                    found |= self._ask_batch(operation, language, texts, batch, keep)
            waiting = [index for index in waiting if index not in found]
        units = sum(_units(texts[index]) for index in found)
        return _Answers(sorted(found.items()), units, unanswered=len(waiting))

    def _ask_batch(
        self,
        operation: str,
        language: str,
        texts: Sequence[str],
        batch: Sequence[int],
        keep: Keep,
    ) -> dict[int, Any]:
        """What was found, by index in `texts`; raises _NothingFoundError when nothing was.

        The service's own index counts within the batch. A batch without any answer is not kept, so
        that a later attempt asks again.
        """
        asked = [texts[index] for index in batch]

        def ask() -> dict[int, Any]:
            with translated("comprehend", operation):
                answer = getattr(self.client, operation)(TextList=asked, LanguageCode=language)
            found = {batch[each["Index"]]: each for each in answer["ResultList"]}
            if not found:
                raise _NothingFoundError
            return found

        # The indexes are part of the name: equal texts at other places are paid and counted apart.
        step = step_of(operation, language, *map(str, batch), *asked)
        return keep(step, dict[int, Any], ask)


class _NothingFoundError(Exception):
    """The service could answer none of the texts of a batch."""


@dataclass(frozen=True)
class _Answers:
    found: Sequence[tuple[int, Mapping[str, Any]]]
    units: int
    unanswered: int


def _comprehend_code(language_code: str) -> str | None:
    try:
        return language_of(language_code).comprehend
    except TenantError:
        return None


def _units(text: str) -> int:
    return max(_LEAST_UNITS, -(-len(text) // _CHARACTERS_PER_UNIT))


def _sentiment(index: int, found: Mapping[str, Any]) -> SentimentResult:
    scores = found["SentimentScore"]
    return SentimentResult(
        index=index,
        sentiment=found["Sentiment"],
        sentiment_score=SentimentScores(
            positive=_share(scores["Positive"]),
            negative=_share(scores["Negative"]),
            neutral=_share(scores["Neutral"]),
            mixed=_share(scores["Mixed"]),
        ),
    )


def _phrase(found: Mapping[str, Any]) -> KeyPhrase:
    return KeyPhrase(
        text=found["Text"],
        score=_share(found["Score"]),
        begin_offset=found["BeginOffset"],
        end_offset=found["EndOffset"],
    )


def _entity(found: Mapping[str, Any]) -> Entity:
    return Entity(
        text=found["Text"],
        type=found["Type"],
        score=_share(found["Score"]),
        begin_offset=found["BeginOffset"],
        end_offset=found["EndOffset"],
    )


def _share(score: float) -> float:
    """The service computes in single precision, so a score may be slightly above 1."""
    return min(max(score, 0.0), 1.0)
