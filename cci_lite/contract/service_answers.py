"""What Comprehend and the language model answer about a call, as checkpoints keep it."""

from __future__ import annotations

import hashlib

import msgspec

from cci_lite.contract.document import (
    AiSummary,
    Count,
    CriterionResult,
    Entities,
    KeyPhrases,
    Sentiment,
)
from cci_lite.contract.limits import MAX_SUMMARY_RAW_BYTES

# How long a model's words may be.
MAX_REASON = 300
MAX_SENTENCES = 1_000
MAX_ACTION_ITEM = 300
MAX_ACTION_ITEMS = 20
MAX_EVIDENCE = 3


def step_of(kind: str, *asked: str) -> str:
    """The name of the checkpoint for the answer to exactly these words: same words, same name."""
    # A hash, because the name becomes part of a key, and keys must not hold what was asked.
    digest = hashlib.sha256(msgspec.json.encode(asked)).hexdigest()
    return f"{kind}-{digest[:32]}"


class NlpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Sentiment, key phrases and entities of a call's texts, by their index.

    `units` are Comprehend's (100 characters, at least three per text and operation). `unanswered`
    counts texts that an operation could not answer even when asked again.
    """

    sentiment: Sentiment = msgspec.field(default_factory=Sentiment)
    key_phrases: KeyPhrases = msgspec.field(default_factory=KeyPhrases)
    entities: Entities = msgspec.field(default_factory=Entities)
    units: Count = 0
    unanswered: Count = 0


class ModelUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What asking a model took, over all requests."""

    calls: Count = 0
    input_tokens: Count = 0
    output_tokens: Count = 0
    latency_ms: Count = 0

    def __add__(self, other: ModelUsage) -> ModelUsage:
        return ModelUsage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            latency_ms=self.latency_ms + other.latency_ms,
        )


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluator says about a call: one result for each criterion that it was asked.

    A criterion that it could not decide is unscored. `review_reasons` are words of a fixed
    vocabulary, with a criterion's id where they are about one (`evidence_not_found:greet_01`).
    `summary_raw` is the answer that could not be used, cut to MAX_SUMMARY_RAW_BYTES.
    """

    results: list[CriterionResult] = []
    summary: AiSummary | None = None
    review_reasons: list[str] = []
    summary_raw: str | None = None
    usage: ModelUsage = msgspec.field(default_factory=ModelUsage)
    model_id: str | None = None
    prompt_version: str | None = None


def cut_text(text: str, limit: int) -> str:
    """`text` in single spaces and valid UTF-8, cut between words to at most `limit` characters."""
    # A JSON escape can make half of a surrogate pair, which no encoder takes.
    plain = " ".join(text.encode("utf-8", "replace").decode().split())
    if len(plain) <= limit:
        return plain
    head = plain[:limit]
    whole = head.rsplit(" ", 1)[0] if plain[limit] != " " else head
    return whole.rstrip()


def cut_raw(text: str) -> str:
    """An unusable answer as it is kept: at most MAX_SUMMARY_RAW_BYTES of UTF-8.

    The word at the cut is left out: half of a name or number could not be told from any other word
    when it is masked.
    """
    data = text.encode("utf-8", "replace")
    if len(data) <= MAX_SUMMARY_RAW_BYTES:
        return data.decode()
    head = data[:MAX_SUMMARY_RAW_BYTES].decode("utf-8", "ignore")
    return head[: max(head.rfind(" "), head.rfind("\n"), 0)].rstrip()
