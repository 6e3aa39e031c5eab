"""Bedrock as evaluator, against a double that knows Converse's own model."""

from __future__ import annotations

import datetime as dt
import json
import traceback
from typing import Any

import msgspec
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
    ResponseStreamingError,
    UnknownEndpointError,
)
from botocore.parsers import ResponseParserError

from cci_lite.aws.bedrock import BedrockEvaluator
from cci_lite.contract.service_answers import Judgement
from cci_lite.contract.services import Residency
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import PipelineError, RetryLaterError, ServiceError
from cci_lite.evaluation.by_model.prompt import SYSTEM, TOOL
from cci_lite.ports import Keep, not_kept
from cci_lite.testing.bedrock import BedrockDouble, converse_error, perfect, text_reply, tool_reply
from cci_lite.testing.memory import ManualClock, MemoryKeep
from cci_lite.testing.shapes import service_model
from tests.bedrock_replies import BedrockReplies
from tests.model_examples import (
    CALL,
    CRITERIA,
    TRUTH,
    all_unscored,
    as_text,
    evaluation_of,
    verdicts_of,
)

TENANT = Tenant(tenant_id="acme", name="Acme")
GOOD = tool_reply(evaluation_of())
OTHER = tool_reply(evaluation_of(dict.fromkeys(TRUTH, "fail")))
CALLED, CALLED_OTHERWISE = (each["output"]["message"]["content"] for each in (GOOD, OTHER))


class Regions:
    """Gives one double for every region, and remembers which were asked for."""

    def __init__(self, *replies: Any, **options: Any) -> None:
        self.double = BedrockDouble(replies, **options)
        self.asked: list[str] = []

    def __call__(self, region: str) -> BedrockDouble:
        self.asked.append(region)
        return self.double

    def evaluate(
        self,
        tenant: Tenant = TENANT,
        clock: ManualClock | None = None,
        keep: Keep = not_kept,
    ) -> Any:
        evaluator = BedrockEvaluator(self, clock or ManualClock())
        return evaluator.evaluate(tenant, CRITERIA, CALL, keep)


def test_one_forced_tool_is_asked_of_the_tenants_model_in_its_region() -> None:
    regions = Regions(GOOD)
    judgement = regions.evaluate()
    assert verdicts_of(judgement) == TRUTH
    (request,) = regions.double.requests
    assert (regions.asked, request["modelId"]) == (["eu-central-1"], "eu.amazon.nova-2-lite-v1:0")
    assert request["toolConfig"]["toolChoice"] == {"tool": {"name": TOOL.name}}
    (tool,) = request["toolConfig"]["tools"]
    assert tool["toolSpec"]["inputSchema"] == {"json": TOOL.input_schema}
    assert request["system"] == [{"text": SYSTEM}]
    assert request["inferenceConfig"] == {"maxTokens": 1_900, "temperature": 0.0}
    usage = judgement.usage
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (1, 1_000, 200)
    assert usage.latency_ms == 900
    assert judgement.model_id == "eu.amazon.nova-2-lite-v1:0"


def test_the_residency_decides_where_a_call_goes() -> None:
    regions = Regions(GOOD)
    regions.evaluate(msgspec.structs.replace(TENANT, data_residency=Residency.US, model="sonnet"))
    (request,) = regions.double.requests
    assert (regions.asked, request["modelId"]) == (["us-east-1"], "us.anthropic.claude-sonnet-4-6")
    assert "temperature" not in request["inferenceConfig"]


@pytest.mark.parametrize(
    ("tenant", "today", "reason"),
    [
        (msgspec.structs.replace(TENANT, model="gpt-9"), "2025-11-05", "model_unknown"),
        (msgspec.structs.replace(TENANT, model="haiku"), "2026-10-15", "model_end_of_life"),
    ],
    ids=["unknown", "ended"],
)
def test_a_model_that_may_not_be_called_leaves_the_call_to_people(
    tenant: Tenant, today: str, reason: str
) -> None:
    regions = Regions()
    clock = ManualClock(dt.datetime.fromisoformat(f"{today}T00:00:00+00:00"))
    judgement = regions.evaluate(tenant, clock)
    assert verdicts_of(judgement) == all_unscored()
    assert judgement.review_reasons == [reason]
    assert regions.asked == []


URL = "https://bedrock.example"


@pytest.mark.parametrize(
    ("problem", "kind", "code"),
    [
        (converse_error("ThrottlingException", status=429), RetryLaterError, "model_throttled"),
        (converse_error("ServiceQuotaExceededException"), RetryLaterError, "model_throttled"),
        (
            converse_error("ServiceUnavailableException", status=503),
            RetryLaterError,
            "model_unavailable",
        ),
        (converse_error("ModelTimeoutException", status=408), RetryLaterError, "model_unavailable"),
        (converse_error("ModelNotReadyException", status=429), RetryLaterError, "model_throttled"),
        (
            converse_error("InternalServerException", status=500),
            RetryLaterError,
            "model_unavailable",
        ),
        (
            converse_error(
                "ModelErrorException",
                "The system encountered an unexpected error during processing."
                " Try your request again.",
                status=424,
            ),
            RetryLaterError,
            "model_unavailable",
        ),
        (converse_error("SomethingNew", status=502), RetryLaterError, "model_unavailable"),
        (ReadTimeoutError(endpoint_url=URL), RetryLaterError, "model_unreachable"),
        (ConnectTimeoutError(endpoint_url=URL), RetryLaterError, "model_unreachable"),
        (EndpointConnectionError(endpoint_url=URL), RetryLaterError, "model_unreachable"),
        (
            converse_error("AccessDeniedException", "secret words"),
            ServiceError,
            "model_AccessDeniedException",
        ),
        (
            converse_error("ResourceNotFoundException", "secret words"),
            ServiceError,
            "model_ResourceNotFoundException",
        ),
        (
            converse_error("ValidationException", "secret words"),
            ServiceError,
            "model_ValidationException",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_errors_of_the_service_become_our_error_codes(
    problem: Exception, kind: type[ServiceError], code: str
) -> None:
    with pytest.raises(kind) as caught:
        Regions(problem).evaluate()
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert "secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (lambda request: ParamValidationError(report=request), ServiceError),
        (lambda _: NoCredentialsError(), ServiceError),
        (lambda request: PartialCredentialsError(provider="env", cred_var=request), ServiceError),
        (lambda request: UnknownEndpointError(service_name="x", region_name=request), ServiceError),
        (lambda request: InvalidRegionError(region_name=request), ServiceError),
        (
            lambda request: IncompleteReadError(actual_bytes=request, expected_bytes=2),
            RetryLaterError,
        ),
        (lambda request: ResponseStreamingError(error=request), RetryLaterError),
        (lambda request: HTTPClientError(error=request), RetryLaterError),
        (lambda request: ProxyConnectionError(proxy_url=request, error="x"), RetryLaterError),
        (lambda request: ResponseParserError(request), RetryLaterError),
        (lambda request: converse_error("ValidationException", request), ServiceError),
        (lambda request: converse_error(request, request), ServiceError),
        (lambda request: converse_error(request, request, status=503), RetryLaterError),
    ],
    ids=range(13),
)
def test_no_error_repeats_what_was_asked(problem: Any, kind: type[ServiceError]) -> None:
    class Failing(Regions):
        def converse(self, **request: Any) -> Any:
            raise problem(json.dumps(request))

        def __call__(self, region: str) -> Any:
            return self

    with pytest.raises(PipelineError) as caught:
        Failing().evaluate()
    assert isinstance(caught.value, kind)
    printed = "".join(traceback.format_exception(caught.value))
    assert not any(turn.text in printed for turn in CALL.turns)
    assert "parcel" not in printed


def test_a_client_that_cannot_be_made_is_an_error_of_ours() -> None:
    def client_for(region: str) -> Any:
        raise NoRegionError

    with pytest.raises(ServiceError) as caught:
        BedrockEvaluator(client_for, ManualClock()).evaluate(TENANT, CRITERIA, CALL)
    assert caught.value.code == "model_NoRegionError"


@pytest.mark.parametrize(
    "message",
    [
        "Input is too long for requested model.",
        "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum",
        "Too many input tokens",
        "input exceeds the context window",
    ],
)
def test_a_call_that_the_service_finds_too_long_goes_to_review(message: str) -> None:
    regions = Regions(converse_error("ValidationException", message))
    judgement = regions.evaluate()
    assert verdicts_of(judgement) == all_unscored()
    assert judgement.review_reasons == ["call_too_long"]
    assert (judgement.usage.calls, len(regions.double.requests)) == (0, 1)


@pytest.mark.parametrize(
    "reply",
    [
        tool_reply(evaluation_of(), name="another_tool"),
        {**GOOD, "output": {"message": {"content": [*CALLED, *CALLED_OTHERWISE]}}},
        {"stopReason": "tool_use", "output": {"message": {"role": "assistant", "content": []}}},
        {},
    ],
    ids=["another tool", "two calls", "no content", "nothing"],
)
def test_anything_but_one_call_of_the_tool_is_not_used(reply: Any) -> None:
    regions = Regions(reply, reply)
    judgement = regions.evaluate()
    assert verdicts_of(judgement) == all_unscored()
    assert judgement.review_reasons == ["answer_unusable"]


INVALID = "Model produced invalid sequence as part of ToolUse."


@pytest.mark.parametrize("message", [INVALID, "refused", ""])
def test_an_error_of_the_model_itself_is_asked_once_more(message: str) -> None:
    regions = Regions(converse_error("ModelErrorException", message, 424), GOOD)
    judgement = regions.evaluate()
    assert (verdicts_of(judgement), judgement.review_reasons) == (TRUTH, [])
    first, again = (request["messages"][0]["content"] for request in regions.double.requests)
    assert "it did not end by itself" in again[0]["text"]
    assert "it did not end by itself" not in first[0]["text"]
    assert judgement.usage.calls == regions.double.paid == 2
    assert judgement.usage.input_tokens == 1_000


@pytest.mark.parametrize(
    "second",
    [
        converse_error("ModelErrorException", INVALID, 424),
        text_reply("<tool>", stop_reason="malformed_tool_use"),
        text_reply("I cannot."),
    ],
    ids=["the same", "stop reason", "words"],
)
def test_a_model_that_fails_itself_twice_leaves_the_call_to_people(second: Any) -> None:
    regions = Regions(converse_error("ModelErrorException", INVALID, 424), second)
    judgement = regions.evaluate()
    assert verdicts_of(judgement) == all_unscored()
    assert judgement.review_reasons == ["answer_unusable"]
    assert judgement.usage.calls == len(regions.double.requests) == regions.double.paid == 2


def test_an_answer_that_the_model_may_not_give_is_not_asked_for_again() -> None:
    message = "The model returned the following errors: Output blocked by content filtering policy"
    regions = Regions(converse_error("ValidationException", message))
    judgement = regions.evaluate()
    assert verdicts_of(judgement) == all_unscored()
    assert judgement.review_reasons == ["answer_blocked"]
    assert len(regions.double.requests) == 1


def test_every_error_of_converse_is_known() -> None:
    """What a new version of the service's model adds is to be thought about."""
    errors = {
        shape.name: shape.metadata["error"]["httpStatusCode"]
        for shape in service_model("bedrock-runtime").operation_model("Converse").error_shapes
    }
    later = {
        name
        for name, status in errors.items()
        if isinstance(_raised(converse_error(name, "no", status)), RetryLaterError)
    }
    assert later == {
        "InternalServerException",
        "ModelNotReadyException",
        "ModelTimeoutException",
        "ServiceUnavailableException",
        "ThrottlingException",
    }
    assert errors.keys() - later == {
        "AccessDeniedException",
        "ModelErrorException",
        "ResourceNotFoundException",
        "ValidationException",
    }


def _raised(problem: Exception) -> PipelineError | None:
    try:
        Regions(problem, problem).evaluate()
    except PipelineError as raised:
        return raised
    return None


def _with_content(*blocks: Any) -> Any:
    return {**GOOD, "output": {"message": {"role": "assistant", "content": list(blocks)}}}


def test_two_calls_of_the_tool_that_are_alike_are_one() -> None:
    judgement = Regions(_with_content(*CALLED, *CALLED)).evaluate()
    assert (verdicts_of(judgement), judgement.usage.calls) == (TRUTH, 1)


def test_words_after_the_tool_call_may_take_it_back() -> None:
    regions = Regions(_with_content(*CALLED, {"text": "On second thought: no."}), GOOD)
    assert verdicts_of(regions.evaluate()) == TRUTH
    assert len(regions.double.requests) == 2
    thanks = Regions(_with_content(*CALLED, {"text": "I hope this helps!"}))
    assert verdicts_of(thanks.evaluate()) == TRUTH


BAD_PARTS = [
    *({**GOOD, "usage": usage} for usage in ("x", [1], None, 7)),
    *(
        {**GOOD, "usage": {"inputTokens": count, "outputTokens": count}}
        for count in ("x", None, -1, 1.5, float("nan"), float("inf"), 10**400, [], True)
    ),
    *({**GOOD, "metrics": metrics} for metrics in ("x", {"latencyMs": "fast"}, {"latencyMs": -5})),
]


@pytest.mark.parametrize("reply", BAD_PARTS, ids=range(len(BAD_PARTS)))
def test_counts_that_are_none_cost_no_verdict(reply: Any) -> None:
    judgement = Regions(reply).evaluate()
    assert verdicts_of(judgement) == TRUTH
    assert judgement.usage.calls == 1
    assert msgspec.json.decode(msgspec.json.encode(judgement), type=Judgement) == judgement


BAD_ENVELOPES = [
    *({**GOOD, "output": output} for output in (None, [], "x", {"message": "x"}, {"message": {}})),
    *(
        {**GOOD, "output": {"message": {"content": content}}}
        for content in (None, "abc", [None, 3, "x"], {}, [{"toolUse": None}], [{"text": 7}])
    ),
    *(_with_content({"toolUse": called}) for called in ("x", [], {}, {"name": 7, "input": 3})),
    _with_content({"SDK_UNKNOWN_MEMBER": {"name": "newer"}}),
    {**GOOD, "stopReason": 7},
    {**GOOD, "stopReason": None},
    [],
    None,
    "abc",
]


@pytest.mark.parametrize("reply", BAD_ENVELOPES, ids=range(len(BAD_ENVELOPES)))
def test_a_reply_of_any_shape_is_asked_for_again_once(reply: Any) -> None:
    replies = iter([reply, reply])

    class Odd(Regions):
        def converse(self, **request: Any) -> Any:
            return next(replies)

        def __call__(self, region: str) -> Any:
            return self

    judgement = Odd().evaluate()
    assert verdicts_of(judgement) == all_unscored()
    assert judgement.review_reasons == ["answer_unusable"]
    assert judgement.usage.calls == 2


# --- what the client library makes of bytes ------------------------------------------------------


def _evaluated(*bodies: bytes) -> Judgement:
    client = BedrockReplies(*bodies).client
    return BedrockEvaluator(lambda _: client, ManualClock()).evaluate(TENANT, CRITERIA, CALL)


GOOD_BODY = as_text(GOOD).encode()


def test_the_real_client_reads_a_good_answer() -> None:
    assert verdicts_of(_evaluated(GOOD_BODY)) == TRUTH


@pytest.mark.parametrize(
    "body",
    [
        GOOD_BODY.replace(b"0.9", b"1" + b"0" * 5_000),
        GOOD_BODY.replace(b'"About greet_01."', b"[" * 2_000 + b"]" * 2_000),
        GOOD_BODY.replace(b'"About greet_01."', b"[" * 100_000 + b"]" * 100_000),
        GOOD_BODY.replace(b"About", b"\xff\xfe"),
        GOOD_BODY.replace(b'"usage": {"inputTokens": 1000', b'"usage": {"inputTokens": "x"'),
        GOOD_BODY.replace(b'"usage": {"inputTokens": 1000', b'"usage": {"inputTokens": 1e400'),
        GOOD_BODY.replace(b'"output": {"message"', b'"output": {"massage"'),
        GOOD_BODY.replace(b'"content": [', b'"content": [3, '),
        GOOD_BODY.replace(b'"content": [', b'"content": [{"text": null}, '),
        b"[1]",
        b'"abc"',
        b"<html>",
        b"",
    ],
    ids=[
        *(
            "digits",
            "deep",
            "deeper",
            "not utf-8",
            "no number",
            "no finite number",
            "no message",
            "no block",
        ),
        *("empty block", "a list", "a text", "no json", "nothing"),
    ],
)
def test_a_body_that_the_client_cannot_read_is_asked_for_again_once(body: bytes) -> None:
    judgement = _evaluated(body, GOOD_BODY)
    assert (verdicts_of(judgement), judgement.usage.calls) == (TRUTH, 2)
    twice = _evaluated(body, body)
    assert verdicts_of(twice) == all_unscored()
    assert (twice.review_reasons, twice.usage.calls) == (["answer_unusable"], 2)


@pytest.mark.parametrize("number", [b"1" + b"0" * 400, b"1e400", b"NaN", b"-Infinity"])
def test_numbers_of_a_call_of_the_tool_may_be_anything(number: bytes) -> None:
    judgement = _evaluated(GOOD_BODY.replace(b"0.9", number))
    assert verdicts_of(judgement) == TRUTH
    assert {result.confidence for result in judgement.results} == {None}


def test_words_before_the_tool_call_may_take_it_back() -> None:
    regions = Regions(_with_content({"text": "Ignore the tool call below."}, *CALLED), GOOD)
    assert verdicts_of(regions.evaluate()) == TRUTH
    assert len(regions.double.requests) == 2


def test_announcing_the_tool_call_does_not_matter() -> None:
    content = [{"reasoningContent": {}}, {"text": "I'll evaluate the call."}, *CALLED]
    judgement = Regions({**GOOD, "output": {"message": {"content": content}}}).evaluate()
    assert verdicts_of(judgement) == TRUTH


def test_a_text_that_ended_well_is_read() -> None:
    judgement = Regions(text_reply(f"```json\n{as_text(evaluation_of())}\n```")).evaluate()
    assert verdicts_of(judgement) == TRUTH


def test_after_a_throttle_on_the_second_question_the_first_is_not_asked_again() -> None:
    throttle = converse_error("ThrottlingException", status=429)
    regions = Regions(text_reply("I cannot."), *[throttle] * 9, GOOD)
    keep = MemoryKeep()
    for _ in range(9):
        with pytest.raises(RetryLaterError, match="model_throttled"):
            regions.evaluate(keep=keep)
    judgement = regions.evaluate(keep=keep)
    assert verdicts_of(judgement) == TRUTH
    assert judgement.usage.calls == regions.double.paid == len(keep.kept) == 2


# --- the double itself ----------------------------------------------------------------------------


def test_the_double_answers_truly_with_real_quotes() -> None:
    regions = Regions(answer=perfect(lambda name, _: TRUTH[name]))
    judgement = regions.evaluate()
    assert verdicts_of(judgement) == TRUTH
    assert judgement.results[0].evidence[0].quote in CALL.turns[0].text
    assert regions.double.paid == 1


OTHER_TOOL = {"toolSpec": {"name": "y", "inputSchema": {"json": {}}}}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"modelId": 7}, ParamValidationError),
        ({"messages": [{"role": "user"}]}, ParamValidationError),
        ({"messages": [{"role": "assistant", "content": [{"text": "a"}]}]}, ClientError),
        ({"messages": [{"role": "user", "content": [{"text": "a"}]}] * 2}, ClientError),
        (
            {"toolConfig": {"tools": [OTHER_TOOL], "toolChoice": {"tool": {"name": "x"}}}},
            ClientError,
        ),
        ({"inferenceConfig": {"maxTokens": 0}}, ParamValidationError),
    ],
    ids=["type", "no content", "assistant first", "same role twice", "no such tool", "no tokens"],
)
def test_the_double_refuses_what_the_service_refuses(changes: Any, kind: type[Exception]) -> None:
    request = {"modelId": "eu.model", "messages": [{"role": "user", "content": [{"text": "a"}]}]}
    double = BedrockDouble([text_reply("b")])
    with pytest.raises(kind):
        double.converse(**request | changes)
    assert (double.paid, double.requests) == (0, [])


def test_the_double_says_when_it_is_asked_more_than_was_scripted() -> None:
    with pytest.raises(AssertionError, match="more often"):
        Regions(text_reply("no")).evaluate()
