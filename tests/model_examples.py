"""Example conversations and criteria to put to a scripted model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from cci_lite.contract.conversation import Conversation, Role, Turn
from cci_lite.contract.document import Redaction
from cci_lite.contract.form import Criterion
from cci_lite.contract.service_answers import Judgement, ModelUsage
from cci_lite.contract.services import Model
from cci_lite.evaluation.by_model.answer.reading import ModelReply
from cci_lite.evaluation.by_model.prompt import ModelRequest

MODEL = Model(
    model_id="eu.model",
    region="eu-central-1",
    max_input_tokens=200_000,
    max_output_tokens=10_000,
    sampling=True,
)
USAGE = ModelUsage(calls=1, input_tokens=100, output_tokens=10, latency_ms=5)
AGENT, CUSTOMER, UNKNOWN = Role.AGENT, Role.CUSTOMER, Role.UNKNOWN


def criteria_of(*ids: str) -> list[Criterion]:
    return [Criterion(id=name, question=f"What about {name}?", weight=Decimal(2)) for name in ids]


def call_of(*turns: tuple[Role, str]) -> Conversation:
    return Conversation(
        "job",
        "en-US",
        Redaction.TRANSCRIBE,
        10.0 * len(turns),
        tuple(
            Turn(role, None, 10.0 * number, 10.0 * number + 9, text)
            for number, (role, text) in enumerate(turns)
        ),
    )


GREETING = "Good morning, thank you for calling Acme."
CALL = call_of(
    (AGENT, f"{GREETING} How can I help?"),
    (CUSTOMER, "My parcel has not come, and I want it now."),
    (AGENT, "I am sorry about that. I will send it again today."),
    (CUSTOMER, "Okay, thank you very much, goodbye."),
)
IDS = ("greet_01", "empathy_02", "close_03")
CRITERIA = criteria_of(*IDS)
QUOTES = {
    "greet_01": ["thank you for calling Acme"],
    "empathy_02": ["I am sorry about that."],
    "close_03": [],
}
TRUTH = {"greet_01": "pass", "empathy_02": "pass", "close_03": "fail"}


def entry(name: str, verdict: str, *quotes: str, **changes: Any) -> dict[str, Any]:
    plain = {
        "id": name,
        "verdict": verdict,
        "confidence": 0.9,
        "reason": f"About {name}.",
        "evidence": list(quotes),
    }
    return plain | changes


SUMMARY = {
    "issue": "A parcel is late.",
    "resolution": "It is sent again.",
    "outcome": "resolved",
    "action_items": ["Send the parcel"],
    "tone_score": 70,
    "sentiment_summary": "Annoyed, then content.",
}


def evaluation_of(
    verdicts: Mapping[str, str] = TRUTH, quotes: Mapping[str, Sequence[str]] = QUOTES
) -> dict[str, Any]:
    entries = [entry(name, verdict, *quotes.get(name, ())) for name, verdict in verdicts.items()]
    return {"criteria": entries, "summary": SUMMARY}


def said(value: object, stop_reason: str = "tool_use") -> ModelReply:
    return ModelReply(stop_reason, value, "", USAGE)


def wrote(text: str, stop_reason: str = "end_turn") -> ModelReply:
    return ModelReply(stop_reason, None, text, USAGE)


class Script:
    """A model that gives these answers, the last of them for ever."""

    def __init__(self, *replies: ModelReply | Exception) -> None:
        self.replies: list[ModelReply | Exception] = list(replies)
        self.requests: list[ModelRequest] = []

    def __call__(self, request: ModelRequest) -> ModelReply:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply


def verdicts_of(judgement: Judgement) -> dict[str, str]:
    return {result.id: str(result.verdict) for result in judgement.results}


def all_unscored(ids: Iterable[str] = IDS) -> dict[str, str]:
    return dict.fromkeys(ids, "unscored")


def as_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
