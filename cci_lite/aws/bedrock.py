"""Evaluates criteria with Amazon Bedrock: Converse with one forced tool."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from cci_lite.aws.failures import error_code, translated
from cci_lite.contract.conversation import Conversation
from cci_lite.contract.form import Criterion
from cci_lite.contract.service_answers import Judgement, ModelUsage
from cci_lite.contract.services import model_for
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import PipelineError, TenantError
from cci_lite.evaluation.by_model.answer.reading import ModelReply
from cci_lite.evaluation.by_model.asking import judge_by_model
from cci_lite.evaluation.by_model.prompt import ModelRequest
from cci_lite.evaluation.results import undecided
from cci_lite.ports import Keep, not_kept

T = TypeVar("T")


@dataclass(frozen=True)
class _AnswerInError:
    """An error that stands for a bad answer, and the stop reason that a reply would have had."""

    code: str
    message: re.Pattern[str]
    stop_reason: str
    was_asked: bool


# These errors of Converse mean that the same question would fail again, at the same cost. All
# others are temporary (throttled, not ready, timed out, unavailable) or a fault of the installation
# (no access, not valid, no such model).
_ANSWERS_IN_ERRORS = (
    _AnswerInError(
        "ValidationException",
        re.compile(
            r"too long|too many (?:input )?tokens|maximum context|context (?:window|l)", re.I
        ),
        "model_context_window_exceeded",
        was_asked=False,
    ),
    _AnswerInError(
        "ValidationException",
        re.compile(r"blocked by content filter", re.I),
        "content_filtered",
        was_asked=False,
    ),
    # "Model produced invalid sequence as part of ToolUse." With "Try your request again." the same
    # code is a temporary fault of the service.
    _AnswerInError(
        "ModelErrorException",
        re.compile(r"^(?!.*try your request again)", re.I | re.S),
        "malformed_tool_use",
        was_asked=True,
    ),
)
# botocore does not validate responses: JSON that is nested too deeply or of another shape raises
# Python's own errors, which are treated like an empty reply (findings/ has a script).
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_LARGEST_COUNT = 2**32


@dataclass(frozen=True)
class BedrockEvaluator:
    """A QaEvaluator. `client_for` gives the `bedrock-runtime` client of a region.

    The tenant's residency decides which model and region a call may go to. When the model is
    unknown, withdrawn or outside of it, all criteria are unscored, with that reason.
    """

    client_for: Callable[[str], Any]
    clock: Callable[[], dt.datetime]

    def evaluate(
        self,
        tenant: Tenant,
        criteria: Sequence[Criterion],
        conversation: Conversation,
        keep: Keep = not_kept,
    ) -> Judgement:
        """One result per criterion, in their order; undecided ones are unscored, with the reason.

        Raises RetryLaterError, and ServiceError when the request would be refused again: the
        account may not call the model.
        """
        try:
            model = model_for(tenant.model, tenant.data_residency, self.clock().date())
        except TenantError:
            return undecided(criteria, "model_unknown")
        except PipelineError as problem:
            return undecided(criteria, problem.code)
        with translated("model", "client"):
            client = self.client_for(model.region)

        def ask(request: ModelRequest) -> ModelReply:
            return _asked(client, converse_request(model.model_id, request), request.tool.name)

        return judge_by_model(ask, model, criteria, conversation, keep)


def converse_request(model_id: str, request: ModelRequest) -> dict[str, Any]:
    """The arguments of Converse for a question."""
    inference: dict[str, Any] = {"maxTokens": request.max_tokens}
    if request.temperature is not None:
        inference["temperature"] = request.temperature
    tool = request.tool
    specification = {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": {"json": tool.input_schema},
    }
    return {
        "modelId": model_id,
        "system": [{"text": request.system}],
        "messages": [
            {"role": message.role, "content": [{"text": message.text}]}
            for message in request.messages
        ],
        "toolConfig": {
            "tools": [{"toolSpec": specification}],
            "toolChoice": {"tool": {"name": tool.name}},
        },
        "inferenceConfig": inference,
    }


def _asked(client: Any, arguments: Mapping[str, Any], tool: str) -> ModelReply:
    with translated("model", "Converse"):
        try:
            return _reply(client.converse(**arguments), tool)
        except ClientError as refusal:
            answer = _answer_in(refusal)
            if answer is None:
                raise
            # The error has no token counts; the call is counted when the model had been at work.
            usage = ModelUsage(calls=1 if answer.was_asked else 0)
            return ModelReply(answer.stop_reason, None, "", usage)
        except BotoCoreError:
            raise
        except ResponseParserError as problem:
            # A block without a member, or with two. Anything else was no response of the service.
            if not str(problem).startswith("Invalid service response"):
                raise
            return _reply({}, tool)
        except _UNREADABLE:
            return _reply({}, tool)


def _answer_in(refusal: ClientError) -> _AnswerInError | None:
    code, message = error_code(refusal), str(refusal.response.get("Error", {}).get("Message", ""))
    found = (each for each in _ANSWERS_IN_ERRORS if each.code == code)
    return next((each for each in found if each.message.search(message)), None)


def _reply(response: object, tool: str) -> ModelReply:
    """The reply in a response of Converse, whatever is in it.

    Two calls of the tool are two answers; unless they are equal, neither can be trusted.
    """
    message = _part(_part(response, "output", dict), "message", dict)
    blocks = [block for block in _part(message, "content", list) if isinstance(block, dict)]
    places = [place for place, block in enumerate(blocks) if "toolUse" in block]
    calls = [_part(blocks[place], "toolUse", dict) for place in places]
    inputs = [call.get("input") for call in calls if call.get("name") == tool]
    usage, metrics = _part(response, "usage", dict), _part(response, "metrics", dict)
    return ModelReply(
        stop_reason=_part(response, "stopReason", str),
        tool_input=inputs[0] if inputs and len(inputs) == len(calls) and _alike(inputs) else None,
        text=_texts(blocks),
        foreword=_texts(blocks[: places[0]]) if places else "",
        afterword=_texts(blocks[places[0] :]) if places else "",
        usage=ModelUsage(
            calls=1,
            input_tokens=_count(usage, "inputTokens"),
            output_tokens=_count(usage, "outputTokens"),
            latency_ms=_count(metrics, "latencyMs"),
        ),
    )


def _part(value: object, name: str, kind: type[T]) -> T:
    """A member of that type; an empty one instead of anything else."""
    part = value.get(name) if isinstance(value, dict) else None
    return part if isinstance(part, kind) else kind()


def _texts(blocks: Sequence[dict[str, Any]]) -> str:
    return "".join(_part(block, "text", str) for block in blocks)


def _count(value: object, name: str) -> int:
    count = _part(value, name, int)
    return count if type(count) is int and 0 <= count <= _LARGEST_COUNT else 0


def _alike(inputs: Sequence[object]) -> bool:
    try:
        return all(each == inputs[0] for each in inputs)
    except RecursionError:
        return False
