"""Personal data planted in every input appears in no log, notice, metric or table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cci_lite.errors import PipelineError
from cci_lite.laptop import open_lake
from cci_lite.testing.bedrock import BedrockDouble, evaluation, text_reply
from tests.aws.sandbox import OUTPUT, Sandbox
from tests.aws.test_end_to_end import META, TEMPLATE, VERDICTS, cli, signed, transcript
from tests.canaries import (
    CARD,
    ENGLISH,
    FILE_NAME,
    IBAN,
    MAIL,
    NAME,
    PHONE,
    PLANTED,
    spoils,
)

SPOKEN = [
    ("ch_0", "Good morning, thank you for calling."),
    ("ch_1", "Hello, my invoice came today."),
    ("ch_1", f"My name is {PLANTED}."),
    *(("ch_1", text) for text in ENGLISH),
    ("ch_0", f"Thank you {NAME}, I noted {CARD} and {IBAN} and {MAIL} and {PHONE}."),
]


def answer(criteria: list[dict[str, Any]], _: Any) -> dict[str, Any]:
    """A model that repeats whatever it heard, wherever it can."""
    told = evaluation(
        {each["id"]: VERDICTS[each["id"]] for each in criteria},
        quotes=["thank you for calling", f"Thank you {NAME}, I noted {CARD}"],
    )
    for criterion in told["criteria"]:
        criterion["reason"] = f"{PLANTED} said so"
    told["summary"] = {
        "issue": PLANTED,
        "resolution": f"Resolved for {NAME}",
        "outcome": f"{NAME} is content",
        "action_items": [f"Write to {MAIL}", f"Call {PHONE}", f"Refund {IBAN}", f"Bill {CARD}"],
        "tone_score": 80,
        "sentiment_summary": f"{NAME} was calm",
    }
    return told


def make(bedrock: BedrockDouble, transcript_for: Any = None) -> Sandbox:
    def redacted(request: Mapping[str, Any]) -> bytes:
        return transcript(SPOKEN, request["TranscriptionJobName"])

    sandbox = Sandbox(transcript_for or redacted, names=(NAME,), bedrock=bedrock)
    for item in (META, TEMPLATE):
        sandbox.dynamodb.put_item(TableName="cci-lite-config", Item=item)
    return sandbox


def through(sandbox: Sandbox) -> None:
    """One recording through everything, with metadata that is wrong as well."""
    key = f"demo-tenant/calls/{FILE_NAME}"
    sandbox.upload(key, b"RIFF", metadata={"started_at": PLANTED, "note": PLANTED})
    sandbox.upload(f"{key}.meta.json", json.dumps({"agent_id": 1, "queue": [PLANTED]}).encode())
    sandbox.upload(f"{key}.broken.meta.json", PLANTED.encode())
    sandbox.upload(f"demo-tenant/calls/{NAME}/empty.wav", b"")
    sandbox.upload(f"demo-tenant/calls/{NAME}.docx", b"no audio")
    sandbox.upload(f"{NAME}/calls/{FILE_NAME}", b"RIFF")
    sandbox.pump()
    sandbox.finish_jobs()
    sandbox.pump()
    sandbox.clock.wait(7200)
    sandbox.sweep()
    sandbox.pump()


def everything_written(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> Iterator[str]:
    """Logs and metrics, what people were told, and every name that was made."""
    printed = capfd.readouterr()
    yield printed.out
    yield printed.err
    yield from sandbox.notices()
    for record in sandbox.records():
        yield json.dumps({name: value for name, value in record.items() if name != "upload"})
    for started in sandbox.transcribe.started:
        yield json.dumps(started)
    for page in sandbox.s3.get_paginator("list_object_versions").paginate(Bucket=OUTPUT):
        yield from (found["Key"] for found in page.get("Versions", ()))


def test_canaries_appear_in_no_log_metric_notice_id_document_or_curated_row(
    cloud: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sandbox = make(BedrockDouble(answer=answer))
    through(sandbox)
    for text in everything_written(sandbox, capfd):
        assert spoils(text) == []
    [document] = sandbox.documents().values()
    assert spoils(json.dumps(document, ensure_ascii=False)) == []
    # The canaries were where they had to be masked, and what is no personal data is still there.
    assert "[NAME]" in json.dumps(document)
    assert "[IBAN]" in json.dumps(document)
    assert {
        each["id"]: each["verdict"] for each in document["qa_evaluation"]["criteria"]
    } == VERDICTS

    lake = str(tmp_path / "lake")
    cli("tenants", "add", "demo-tenant", "--lake", lake, "--agent-channel", "ch_0")
    form = str(Path(__file__).parents[2] / "examples/forms/default.yaml")
    cli("forms", "put", form, "--tenant", "demo-tenant", "--lake", lake)
    bucket = f"s3://{OUTPUT}/unified/"
    told = cli("calls", "ingest", bucket, "--tenant", "demo-tenant", "--lake", lake)
    told += cli("etl", "run", "--lake", lake)
    assert spoils(told) == []
    with open_lake(Path(lake)).reader("demo-tenant") as query:
        for table in ("calls", "qa_criteria", "entities", "key_phrases", "action_items"):
            rows = query(f"SELECT * FROM {table}").to_pylist()
            assert rows
            assert spoils(repr(rows)) == []


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(text_reply(f"I will not judge {PLANTED}"), id="an answer in words"),
        pytest.param(RuntimeError(PLANTED), id="an error nobody foresaw"),
        pytest.param(
            ClientError({"Error": {"Code": "ValidationException", "Message": PLANTED}}, "Converse"),
            id="an error of the service",
        ),
    ],
)
def test_canaries_in_what_goes_wrong_with_the_model_are_not_repeated(
    cloud: None, capfd: pytest.CaptureFixture[str], trouble: Any
) -> None:
    sandbox = make(BedrockDouble(replies=[trouble] * 50))
    through(sandbox)
    for text in everything_written(sandbox, capfd):
        assert spoils(text) == []
    for document in sandbox.documents().values():
        assert spoils(json.dumps(document)) == []
        assert document["review"]["needed"]


def test_canaries_in_a_transcript_that_is_none_are_not_repeated(
    cloud: None, capfd: pytest.CaptureFixture[str]
) -> None:
    sandbox = make(BedrockDouble(), lambda _: json.dumps({PLANTED: PLANTED}).encode())
    through(sandbox)
    for text in everything_written(sandbox, capfd):
        assert spoils(text) == []


def test_canaries_in_a_webhook_that_is_refused_are_not_repeated(
    cloud: None, capfd: pytest.CaptureFixture[str]
) -> None:
    sandbox = make(BedrockDouble())
    sandbox.secrets.create_secret(Name="cci-lite/webhook/demo-tenant", SecretString="a secret")
    wrong = {"recording_key": FILE_NAME, "direction": PLANTED, "started_at": PLANTED}
    answered = [sandbox.call(signed(sandbox, wrong))]
    assert answered[0]["statusCode"] == 400
    sandbox.call({"body": PLANTED})
    unsigned = {**signed(sandbox, wrong), "headers": {"x-cci-signature": PLANTED}}
    answered.append(sandbox.call(unsigned))
    assert spoils(json.dumps(answered)) == []
    for text in everything_written(sandbox, capfd):
        assert spoils(text) == []


def test_an_error_that_leaves_a_function_says_a_code_and_nothing_else(cloud: None) -> None:
    sandbox = make(BedrockDouble())
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": sandbox.settings.input_bucket},
            "object": {"key": f"demo-tenant/calls/{FILE_NAME}", "size": 4, "etag": "e"},
        },
        "time": "2025-11-05T09:00:00Z",
    }
    sandbox.dynamodb.update_table(TableName="cci-lite-calls", DeletionProtectionEnabled=False)
    sandbox.dynamodb.delete_table(TableName="cci-lite-calls")
    with pytest.raises(PipelineError) as caught:
        sandbox.invoke("job_init", event)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert spoils(repr(caught.value) + str(caught.value)) == []
