"""Amazon Bedrock as evaluator: Converse, with one forced tool."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cci_lite.aws.failures import error_code, translated
from cci_lite.contract.conversation import Conversation
from cci_lite.contract.judgement import Judgement, ModelUsage
from cci_lite.contract.services import model_for
from cci_lite.contract.template import Criterion
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import PipelineError, TenantError
from cci_lite.evaluation.answer import ModelReply
from cci_lite.evaluation.asking import judge_by_model
from cci_lite.evaluation.prompt import ModelRequest
from cci_lite.evaluation.results import undecided

# Converse refuses what is too long with ValidationException; only its words tell it apart.
_TOO_LONG = re.compile(
    r"too long|too many (?:input )?tokens|maximum context|context (?:window|l)", re.I
)
_NO_REPLY: Mapping[str, Any] = {"stopReason": "model_context_window_exceeded"}


@dataclass(frozen=True)
class BedrockEvaluator:
    """A QaEvaluator. `client_for` gives the `bedrock-runtime` client of a region.

    Which model and region a call may go to follows from the tenant's residency; a tenant whose
    model is unknown, gone or elsewhere has all criteria unscored, with that reason.
    """

    client_for: Callable[[str], Any]
    clock: Callable[[], dt.datetime]

    def evaluate(
        self, tenant: Tenant, criteria: Sequence[Criterion], conversation: Conversation
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
            response = _converse(client, converse_request(model.model_id, request))
            return _reply(response, request.tool.name)

        return judge_by_model(ask, model, criteria, conversation)


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


def _converse(client: Any, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    with translated("model", "Converse"):
        try:
            response: Mapping[str, Any] = client.converse(**arguments)
        except ClientError as refusal:
            if not _is_too_long(refusal):
                raise
            return _NO_REPLY
    return response


def _is_too_long(refusal: ClientError) -> bool:
    message = str(refusal.response.get("Error", {}).get("Message", ""))
    return error_code(refusal) == "ValidationException" and bool(_TOO_LONG.search(message))


def _reply(response: Mapping[str, Any], tool: str) -> ModelReply:
    blocks = response.get("output", {}).get("message", {}).get("content", [])
    calls = [block["toolUse"] for block in blocks if "toolUse" in block]
    # Two calls are two answers, of which none is known to be the right one.
    is_one = len(calls) == 1 and calls[0].get("name") == tool
    usage, metrics = response.get("usage", {}), response.get("metrics", {})
    return ModelReply(
        stop_reason=str(response.get("stopReason", "")),
        tool_input=calls[0].get("input") if is_one else None,
        text="".join(block["text"] for block in blocks if "text" in block),
        usage=ModelUsage(
            calls=1 if response.get("output") else 0,
            input_tokens=usage.get("inputTokens", 0),
            output_tokens=usage.get("outputTokens", 0),
            latency_ms=metrics.get("latencyMs", 0),
        ),
    )
