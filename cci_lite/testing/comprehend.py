"""Amazon Comprehend's batch operations in memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cci_lite.testing.shapes import check_request, service_error

# The service's limits for a batch, in texts and in bytes of UTF-8 for each.
_MAX_TEXTS = 25
_MAX_BYTES = 5000
_ENTITIES = (
    ("OTHER", re.compile(r"[\w.+-]+@[\w-]+\.[\w.]*\w")),
    ("DATE", re.compile(r"\b(?:\d{4}-\d\d-\d\d|today|tomorrow|yesterday)\b", re.IGNORECASE)),
    ("QUANTITY", re.compile(r"(?<![\w@.-])\d+(?:[.,]\d+)?(?![\w-])")),
)
_PHRASE = re.compile(r"\b(?:a|an|my|the|this|your)\s+[^\W\d_]+(?:\s+(?:account|bill|order))?")
_GOOD = re.compile(r"\b(?:glad|good|great|happy|perfect|thanks?|wonderful)\b", re.IGNORECASE)
_BAD = re.compile(r"\b(?:angry|awful|bad|broken|complaint|terrible|wrong)\b", re.IGNORECASE)
_SCORE = 0.9987


class ComprehendDouble:
    """A client of Comprehend that knows the `names` it is given, and simple patterns.

    It has the service's limits of counts and sizes, offsets count characters of the text, and
    `units` meters what the service would charge. `fail_next` scripts texts that come back in the
    ErrorList; `throttle` is how many of the next requests are refused.

    moto has none of the three batch operations, and its single ones answer one constant whatever
    the text.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.throttle = 0
        self.requests: list[tuple[str, int]] = []
        self.units: Counter[str] = Counter()
        self._names = [re.compile(rf"\b{re.escape(name)}\b") for name in names]
        self._failing: list[tuple[str, frozenset[int]]] = []

    def fail_next(self, operation: str, indexes: Sequence[int]) -> None:
        """Let the next request of an operation (`BatchDetectEntities`) fail at these indexes."""
        self._failing.append((operation, frozenset(indexes)))

    def batch_detect_sentiment(self, **request: Any) -> dict[str, Any]:
        """BatchDetectSentiment."""
        return self._answer("BatchDetectSentiment", request, _sentiment)

    def batch_detect_key_phrases(self, **request: Any) -> dict[str, Any]:
        """BatchDetectKeyPhrases."""
        return self._answer("BatchDetectKeyPhrases", request, _key_phrases)

    def batch_detect_entities(self, **request: Any) -> dict[str, Any]:
        """BatchDetectEntities."""
        return self._answer("BatchDetectEntities", request, self._entities)

    def _answer(
        self,
        operation: str,
        request: Mapping[str, Any],
        detect: Callable[[str], dict[str, Any]],
    ) -> dict[str, Any]:
        check_request("comprehend", operation, request, code="ValidationException")
        texts = request["TextList"]
        _check_sizes(operation, texts)
        if self.throttle > 0:
            self.throttle -= 1
            raise service_error(operation, "ThrottlingException", "Rate exceeded")
        self.requests.append((operation, len(texts)))
        failing = self._failing_indexes(operation)
        answered = [(index, text) for index, text in enumerate(texts) if index not in failing]
        # Comprehend charges units of 100 characters, at least 3 for each text.
        self.units[operation] += sum(max(3, (len(text) + 99) // 100) for _, text in answered)
        return {
            "ResultList": [{"Index": index, **detect(text)} for index, text in answered],
            "ErrorList": [
                {
                    "Index": index,
                    "ErrorCode": "InternalServerException",
                    "ErrorMessage": "Unexpected Server Error. Please try again.",
                }
                for index in range(len(texts))
                if index in failing
            ],
        }

    def _failing_indexes(self, operation: str) -> frozenset[int]:
        for scripted in self._failing:
            if scripted[0] == operation:
                self._failing.remove(scripted)
                return scripted[1]
        return frozenset()

    def _entities(self, text: str) -> dict[str, Any]:
        people = (("PERSON", name) for name in self._names)
        found = [
            {"Type": kind, **_mention(match)}
            for kind, pattern in (*people, *_ENTITIES)
            for match in pattern.finditer(text)
        ]
        return {"Entities": sorted(found, key=lambda entity: entity["BeginOffset"])}


def _check_sizes(operation: str, texts: Sequence[str]) -> None:
    if len(texts) > _MAX_TEXTS:
        message = f"Batch size exceeds the limit of {_MAX_TEXTS}."
        raise service_error(operation, "BatchSizeLimitExceededException", message)
    if any(len(text.encode()) > _MAX_BYTES for text in texts):
        message = f"Input text size exceeds limit of {_MAX_BYTES} bytes"
        raise service_error(operation, "TextSizeLimitExceededException", message)


def _sentiment(text: str) -> dict[str, Any]:
    good, bad = bool(_GOOD.search(text)), bool(_BAD.search(text))
    told = {
        (True, True): "MIXED",
        (True, False): "POSITIVE",
        (False, True): "NEGATIVE",
        (False, False): "NEUTRAL",
    }[good, bad]
    rest = (1 - _SCORE) / 3
    scores = {
        name: _SCORE if name.upper() == told else rest
        for name in ("Positive", "Negative", "Neutral", "Mixed")
    }
    return {"Sentiment": told, "SentimentScore": scores}


def _key_phrases(text: str) -> dict[str, Any]:
    return {"KeyPhrases": [_mention(match) for match in _PHRASE.finditer(text)]}


def _mention(match: re.Match[str]) -> dict[str, Any]:
    return {
        "Text": match[0],
        "Score": _SCORE,
        "BeginOffset": match.start(),
        "EndOffset": match.end(),
    }
