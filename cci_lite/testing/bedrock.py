"""Amazon Bedrock's Converse in memory.

moto 5.2.5 has no Converse (only `invoke_model`, which answers `{}`). This double checks a request
against botocore's model of the service, as the client would, and then against what the service
documents about tools and messages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from cci_lite.evaluation.by_model.prompt import TOOL
from cci_lite.testing.shapes import check_request, service_error

Response = Mapping[str, Any]
Question = dict[str, Any]
Material = list[dict[str, Any]]
Answering = Callable[[list[Question], Material], Mapping[str, Any]]


@dataclass
class BedrockDouble:
    """A `bedrock-runtime` client: scripted replies first, then `answer` for every question.

    A scripted exception is raised instead. `requests` holds every request; `paid` counts those that
    a model worked on: the answered ones, and those in which the model itself failed.
    """

    replies: Iterable[Response | Exception] = ()
    answer: Answering | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    paid: int = 0

    def __post_init__(self) -> None:
        self._script = iter(self.replies)

    def converse(self, **request: Any) -> Response:
        """The next scripted reply, then `answer`; raises ClientError and ParamValidationError."""
        _check_conversation(request)
        self.requests.append(request)
        reply = next(self._script, None)
        if reply is None and self.answer is not None:
            reply = tool_reply(self.answer(*read_question(request)))
        if reply is None:
            raise AssertionError("the model was asked more often than was scripted")
        self.paid += not isinstance(reply, Exception) or _is_the_models_own(reply)
        if isinstance(reply, Exception):
            raise reply
        return reply


def tool_reply(
    tool_input: object, *, stop_reason: str = "tool_use", name: str = TOOL.name
) -> Response:
    """A reply that calls a tool."""
    block = {"toolUse": {"toolUseId": "tooluse_1", "name": name, "input": tool_input}}
    return _response([block], stop_reason)


def text_reply(text: str, *, stop_reason: str = "end_turn") -> Response:
    """A reply in words."""
    return _response([{"text": text}], stop_reason)


def converse_error(code: str, message: str = "refused", status: int = 400) -> ClientError:
    """An error as the service's client raises it."""
    return service_error("Converse", code, message, status)


def perfect(truth: Callable[[str, Material], str]) -> Answering:
    """Answers every criterion with what `truth` says about its id and the turns, with real quotes.

    The turns are the transcript's (`turn`, `said_by`, `text`), or those quoted in the findings of a
    long call. A pass is quoted from the agent's first turn (from anybody's, where no turn is known
    to be the agent's).
    """

    def answer(criteria: list[Question], material: Material) -> Mapping[str, Any]:
        by_agent = [turn["text"] for turn in material if turn["said_by"] == "agent"]
        quotes = (by_agent or [turn["text"] for turn in material])[:1]
        return evaluation(
            {each["id"]: truth(each["id"], material) for each in criteria}, quotes=quotes
        )

    return answer


def evaluation(verdicts: Mapping[str, str], *, quotes: Sequence[str] = ()) -> dict[str, Any]:
    """A whole answer with these verdicts; `quotes` are the evidence of each pass."""
    criteria = [
        {
            "id": name,
            "verdict": verdict,
            "confidence": 0.9,
            "reason": "As the call shows.",
            "evidence": list(quotes) if verdict == "pass" else [],
        }
        for name, verdict in verdicts.items()
    ]
    summary = {
        "issue": "A question about an order.",
        "resolution": "It was answered.",
        "outcome": "resolved",
        "action_items": ["Send a confirmation"],
        "tone_score": 80,
        "sentiment_summary": "Calm throughout.",
    }
    return {"criteria": criteria, "summary": summary}


def read_question(request: Mapping[str, Any]) -> tuple[list[Question], Material]:
    """The criteria and the turns of a request, read as a model would read them."""
    blocks: dict[str, list[dict[str, Any]]] = {}
    tag = None
    for line in request["messages"][-1]["content"][0]["text"].split("\n"):
        if line.startswith("</"):
            tag = None
        elif line.startswith("<"):
            tag = line.strip("<>").split(" ")[0]
            blocks[tag] = []
        elif tag is not None:
            blocks[tag].append(json.loads(line))
    quoted = [
        {"turn": 0, "said_by": each["said_by"], "text": each["quote"]}
        for finding in blocks.get("findings", [])
        for criterion in finding["criteria"]
        for each in criterion["evidence"]
    ]
    return blocks["criteria"], blocks.get("transcript", quoted)


def _check_conversation(request: Mapping[str, Any]) -> None:
    check_request("bedrock-runtime", "Converse", request, code="ValidationException")
    tools = [each["toolSpec"]["name"] for each in request.get("toolConfig", {}).get("tools", [])]
    chosen = request.get("toolConfig", {}).get("toolChoice", {}).get("tool", {}).get("name")
    if chosen is not None and chosen not in tools:
        raise converse_error("ValidationException", "toolChoice names no tool of the request")
    roles = [message["role"] for message in request["messages"]]
    # Converse refuses two messages of one role in succession, and a last one by the assistant.
    if roles != ["user", "assistant"] * (len(roles) // 2) + ["user"]:
        raise converse_error("ValidationException", "roles must alternate, from user to user")


def _is_the_models_own(error: Exception) -> bool:
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return code == "ModelErrorException"


def _response(content: list[dict[str, Any]], stop_reason: str) -> Response:
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason,
        "usage": {"inputTokens": 1_000, "outputTokens": 200, "totalTokens": 1_200},
        "metrics": {"latencyMs": 900},
    }
