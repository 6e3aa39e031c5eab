"""What a Lambda container creates once and reuses, and its settings."""

from __future__ import annotations

from typing import Any

import pytest

from cci_lite.errors import PipelineError, UsageError
from cci_lite.functions.wiring import Installation, aws_installation, entry_point
from tests.unit.functions.moto_installation import Context

ENVIRONMENT = {
    "AWS_REGION": "eu-central-1",
    "INPUT_BUCKET": "recordings",
    "OUTPUT_BUCKET": "results",
    "DDB_TABLE": "configuration",
    "CALLS_TABLE": "calls",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_a_client_is_made_once_per_service_and_region(environment: None) -> None:
    here = aws_installation("job_init", ENVIRONMENT)
    assert here.clients("s3") is here.clients("s3")
    assert here.clients("s3").meta.region_name == "eu-central-1"
    model = here.clients("bedrock-runtime", "us-east-1")
    assert model.meta.region_name == "us-east-1"
    assert model is not here.clients("bedrock-runtime", "eu-central-1")


def test_all_attempts_at_an_answer_end_before_the_function(environment: None) -> None:
    here = aws_installation("result_handler", ENVIRONMENT)
    for service in ("s3", "dynamodb", "transcribe", "bedrock-runtime"):
        config = here.clients(service).meta.config
        attempts = config.retries["total_max_attempts"]
        assert config.retries["mode"] == "standard"
        assert attempts * (config.read_timeout + config.connect_timeout) < 600


def test_what_a_function_needs_is_made_once(environment: None) -> None:
    here = aws_installation("job_init", ENVIRONMENT)
    made: list[Installation] = []

    def make(given: Installation) -> object:
        made.append(given)
        return object()

    assert here.once(make) is here.once(make)
    assert made == [here]


def test_the_handler_gives_the_function_event_and_installation(environment: None) -> None:
    seen: list[tuple[Installation, Any]] = []

    def function(here: Installation, event: Any, context: Any) -> str:
        seen.append((here, event))
        return "done"

    handler = entry_point(function)
    assert (handler({"a": 1}, Context()), handler({"a": 2}, None)) == ("done", "done")
    [(first, one), (second, other)] = seen
    assert (one, other) == ({"a": 1}, {"a": 2})
    assert first is second
    assert first.settings.input_bucket == "recordings"


def test_the_handler_lets_no_text_out(
    environment: None, capsys: pytest.CaptureFixture[str]
) -> None:
    def function(here: Installation, event: Any, context: Any) -> None:
        raise ValueError(event["text"])

    context = Context()
    with pytest.raises(PipelineError, match=r"^unexpected$"):
        entry_point(function)({"text": "Erika Mustermann"}, context)
    out = capsys.readouterr().out
    assert '"function":"function"' in out
    assert context.aws_request_id in out
    assert "Erika" not in out


def test_making_a_handler_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)

    def function(here: Installation, event: Any, context: Any) -> None: ...

    handler = entry_point(function)
    with pytest.raises(UsageError, match="INPUT_BUCKET, OUTPUT_BUCKET, DDB_TABLE, CALLS_TABLE"):
        handler({}, None)
