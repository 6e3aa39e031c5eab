"""The guide's walk-through (its section 16), step by step, on an installation in this process."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cci_lite.cli.app import run_program
from cci_lite.pipeline.judge import LEASE
from cci_lite.testing.bedrock import BedrockDouble, evaluation
from tests.aws.sandbox import OUTPUT, Sandbox

ROOT = Path(__file__).parents[2]
META = {
    "pk": {"S": "TENANT#demo-tenant"},
    "sk": {"S": "META#v1"},
    "name": {"S": "Demo Tenant"},
    "bedrockModel": {"S": "anthropic.claude-3-haiku-20240307"},
    "audio": {"M": {"agent_channel": {"S": "ch_0"}}},
}
QUESTIONS = {
    "greet_01": ("Did the agent greet the customer politely at the start?", "1", True),
    "empathy_02": ("Did the agent acknowledge or empathize with the customer’s issue?", "1", True),  # noqa: RUF001
    "resolve_03": ("Did the agent provide a clear resolution or next step?", "1", True),
    "confirm_04": ("Did the agent confirm customer satisfaction before closing?", "0.5", False),
    "compliance_05": ("Was the required compliance statement read?", "1", True),
}
TEMPLATE = {
    "pk": {"S": "TENANT#demo-tenant"},
    "sk": {"S": "QA_TEMPLATE#v1"},
    "criteria": {
        "L": [
            {"M": {"id": {"S": name}, "text": {"S": text}, "weight": {"N": weight}, "required": {"BOOL": required}}}
            for name, (text, weight, required) in QUESTIONS.items()
        ]
    },
    "scoring": {
        "M": {"pass_threshold": {"N": "0.7"}, "notes": {"S": "Weights sum may differ from required items."}}
    },
}  # fmt: skip
SPOKEN = [
    ("ch_0", "Good morning, thank you for calling."),
    ("ch_1", "Hello, my invoice looks wrong."),
    ("ch_0", "I have corrected it, the new invoice comes today. Is there anything else?"),
    ("ch_1", "No, thanks."),
]
VERDICTS = {
    "greet_01": "pass",
    "empathy_02": "fail",
    "resolve_03": "pass",
    "confirm_04": "pass",
    "compliance_05": "fail",
}


def transcript(spoken: list[tuple[str, str]], job_name: str) -> bytes:
    """What Transcribe writes for a recording with two channels, redacted."""
    items: list[dict[str, Any]] = []
    second = 0.0
    for channel, text in spoken:
        for word in text.split():
            items.append(
                {
                    "type": "pronunciation",
                    "start_time": f"{second:.2f}",
                    "end_time": f"{second + 0.3:.2f}",
                    "channel_label": channel,
                    "alternatives": [{"confidence": "0.98", "content": word}],
                }
            )
            second += 0.4
    channels = [
        {
            "channel_label": label,
            "items": [each for each in items if each["channel_label"] == label],
        }
        for label in ("ch_0", "ch_1")
    ]
    return json.dumps(
        {
            "jobName": job_name,
            "accountId": "123456789012",
            "isRedacted": True,
            "results": {
                "language_code": "en-US",
                "transcripts": [{"transcript": " ".join(text for _, text in spoken)}],
                "channel_labels": {"channels": channels, "number_of_channels": 2},
                "items": items,
            },
            "status": "COMPLETED",
        }
    ).encode()


def judged_by_truth(criteria: list[dict[str, Any]], _: Any) -> dict[str, Any]:
    asked = {each["id"]: VERDICTS[each["id"]] for each in criteria}
    return evaluation(asked, quotes=["thank you for calling"])


@pytest.fixture
def sandbox(cloud: None) -> Sandbox:
    made = Sandbox(
        lambda request: transcript(SPOKEN, request["TranscriptionJobName"]),
        bedrock=BedrockDouble(answer=judged_by_truth),
    )
    for item in (META, TEMPLATE):
        made.dynamodb.put_item(TableName="cci-lite-config", Item=item)
    return made


def cli(*arguments: str) -> str:
    """What a command prints."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    told = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(told):
        code = run_program(list(arguments))
    assert code == 0, told.getvalue()
    output.seek(0)
    return output.read() + told.getvalue()


def test_the_guides_walk_through_from_a_recording_to_the_failure_leaders(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    # 1. Upload a recording.
    sandbox.upload("demo-tenant/calls/test.wav", b"RIFF....WAVE")
    # 2. EventBridge brings it to job_init, which starts a redacting job.
    sandbox.pump()
    [started] = sandbox.transcribe.started
    assert started["ContentRedaction"] == {"RedactionType": "PII", "RedactionOutput": "redacted"}
    assert started["KMSEncryptionContext"] == {"tenant_id": "demo-tenant"}
    assert started["Settings"] == {"ChannelIdentification": True}
    assert started["LanguageCode"] == "en-US"
    assert "test" not in started["TranscriptionJobName"]
    # 3. On COMPLETED, result_handler runs.
    sandbox.finish_jobs()
    sandbox.pump()
    # 4. The document is where the guide says, one line, with its criteria.
    [(key, document)] = sandbox.documents().items()
    assert key.startswith("unified/demo-tenant/20")
    assert sandbox.read(key).count(b"\n") == 1
    scores = document["qa_evaluation"]
    assert [each["id"] for each in scores["criteria"]] == list(QUESTIONS)
    assert (scores["total_score"], scores["max_score"], scores["percentage"]) == (2.5, 4.5, 55.56)
    assert scores["outcome"] == "fail"
    assert scores["failed_required"] == ["empathy_02", "compliance_05"]
    assert document["review"] == {}
    # 5. Instead of a crawler's guess: the document is what the contract says, tagged and encrypted.
    schema = json.loads((ROOT / "docs/unified-document.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    tags = sandbox.s3.get_object_tagging(Bucket=OUTPUT, Key=key)["TagSet"]
    assert tags == [{"Key": "tenant_id", "Value": "demo-tenant"}]
    assert sandbox.s3.head_object(Bucket=OUTPUT, Key=key)["ServerSideEncryption"] == "aws:kms"
    # 6. The documents come into a lake, and the views return rows.
    lake = str(tmp_path / "lake")
    cli("tenants", "add", "demo-tenant", "--lake", lake, "--agent-channel", "ch_0")
    form = str(ROOT / "examples/forms/default.yaml")
    cli("forms", "put", form, "--tenant", "demo-tenant", "--lake", lake)
    bucket = f"s3://{OUTPUT}/unified/"
    assert "1 new" in cli("calls", "ingest", bucket, "--tenant", "demo-tenant", "--lake", lake)
    cli("etl", "run", "--lake", lake)
    asked = ("--tenant", "demo-tenant", "--lake", lake, "--output", "json")
    exploded = cli("query", "SELECT criterion_id, verdict, score FROM explode_criteria", *asked)
    assert {row["criterion_id"]: row["verdict"] for row in json.loads(exploded)} == VERDICTS
    # 7. The boards' numbers: who fails what.
    rates = "SELECT criterion_id, fail_rate FROM failure_rate WHERE fail_rate > 0 ORDER BY 1"
    leaders = json.loads(cli("query", rates, *asked))
    assert [row["criterion_id"] for row in leaders] == ["compliance_05", "empathy_02"]
    costs = json.loads(cli("query", "SELECT model_id, total_usd FROM call_costs", *asked))
    assert costs[0]["model_id"] == "eu.amazon.nova-2-lite-v1:0"
    # 8. Everything is quiet, and the day balances.
    assert sandbox.parked() == 0
    day = sandbox.clock().date().isoformat()
    assert sandbox.sweep({"task": "balance", "day": day})["balanced"] == 1
    assert sandbox.notices() == []
    cli("etl", "verify", "--lake", lake)


def test_every_event_twice_and_a_sweep_change_nothing(sandbox: Sandbox) -> None:
    sandbox.upload("demo-tenant/calls/test.wav", b"RIFF....WAVE")
    body = sandbox.sqs.receive_message(QueueUrl=sandbox.urls["cci-lite-uploads"])["Messages"][0][
        "Body"
    ]
    sandbox.sqs.send_message(QueueUrl=sandbox.urls["cci-lite-uploads"], MessageBody=body)
    sandbox.pump()
    [name] = sandbox.transcribe.open_jobs()
    event = sandbox.transcribe.finish(name)
    sandbox.announce(event)
    sandbox.announce(event)
    sandbox.pump()
    before = sandbox.documents()
    sandbox.announce(event)
    sandbox.sqs.send_message(QueueUrl=sandbox.urls["cci-lite-uploads"], MessageBody=body)
    sandbox.clock.wait(3600)
    sandbox.sweep()
    sandbox.pump()
    assert sandbox.documents() == before
    assert len(sandbox.transcribe.started) == 1
    assert sandbox.bedrock.paid == 1


def test_a_lost_event_is_found_by_the_reconciler(sandbox: Sandbox) -> None:
    sandbox.upload("demo-tenant/calls/test.wav", b"RIFF....WAVE")
    sandbox.sqs.purge_queue(QueueUrl=sandbox.urls["cci-lite-uploads"])
    sandbox.clock.wait(1200)
    sandbox.sweep()
    sandbox.pump()
    [name] = sandbox.transcribe.open_jobs()
    sandbox.transcribe.finish(name)
    sandbox.clock.wait(3600)
    sandbox.sweep()
    sandbox.pump()
    assert len(sandbox.documents()) == 1


def test_a_second_upload_of_the_same_key_is_the_calls_next_revision(sandbox: Sandbox) -> None:
    for content in (b"first", b"second"):
        sandbox.upload("demo-tenant/calls/test.wav", content)
        sandbox.pump()
        sandbox.finish_jobs()
        sandbox.pump()
    [document] = sandbox.documents().values()
    assert document["revision"] == 2
    assert [record["state"] for record in sandbox.records()] == ["DONE", "DONE"]


def test_behind_the_analysis_queue_the_analyzer_writes_the_same_document(cloud: None) -> None:
    sandbox = Sandbox(
        lambda request: transcript(SPOKEN, request["TranscriptionJobName"]),
        bedrock=BedrockDouble(answer=judged_by_truth),
        analysis_queue=True,
    )
    for item in (META, TEMPLATE):
        sandbox.dynamodb.put_item(TableName="cci-lite-config", Item=item)
    sandbox.upload("demo-tenant/calls/test.wav", b"RIFF....WAVE")
    sandbox.pump()
    sandbox.finish_jobs()
    sandbox.pump()
    [document] = sandbox.documents().values()
    assert document["qa_evaluation"]["percentage"] == 55.56


def test_a_call_whose_function_died_is_taken_up_when_its_lease_has_ended(sandbox: Sandbox) -> None:
    class Death(BaseException):
        """The function's container is gone."""

    def die(*_: Any) -> dict[str, Any]:
        raise Death

    sandbox.bedrock.answer = die
    sandbox.upload("demo-tenant/calls/test.wav", b"RIFF....WAVE")
    sandbox.pump()
    sandbox.finish_jobs()
    with pytest.raises(Death):
        sandbox.pump()
    sandbox.bedrock.answer = judged_by_truth
    # Another invocation is another holder, which waits.
    sandbox.pump(rounds=2)
    assert sandbox.postponed == [("cci-lite-results", 120), ("cci-lite-results", 240)]
    assert sandbox.documents() == {}
    sandbox.clock.wait(LEASE.total_seconds())
    sandbox.pump()
    assert len(sandbox.documents()) == 1
    assert sandbox.bedrock.paid == 1


def test_a_failed_job_is_told_once_and_counts_as_failed(sandbox: Sandbox) -> None:
    sandbox.upload("demo-tenant/calls/Jane Canary 0170.wav", b"not audio")
    sandbox.pump()
    [name] = sandbox.transcribe.open_jobs()
    event = sandbox.transcribe.fail(name, "The media file Jane Canary is not valid.")
    sandbox.announce(event)
    sandbox.announce(event)
    sandbox.pump()
    [notice] = sandbox.notices()
    assert "demo-tenant" in notice
    assert "Jane" not in notice
    [record] = sandbox.records()
    assert record["state"] == "FAILED"
    day = sandbox.clock().date().isoformat()
    assert sandbox.sweep({"task": "balance", "day": day})["balanced"] == 1


def test_metadata_from_the_telephony_platform_reaches_the_document_early_and_late(
    sandbox: Sandbox,
) -> None:
    sandbox.secrets.create_secret(Name="cci-lite/webhook/demo-tenant", SecretString="a secret")
    told = {"recording_key": "test.wav", "agent_id": "agent-7", "queue": "billing"}
    assert sandbox.call(signed(sandbox, told))["statusCode"] == 202
    sandbox.upload("demo-tenant/calls/test.wav", b"RIFF....WAVE")
    sandbox.pump()
    sandbox.finish_jobs()
    sandbox.pump()
    [document] = sandbox.documents().values()
    assert (document["agent"]["agent_id"], document["queue"]) == ("agent-7", "billing")
    sidecar = json.dumps({"agent_id": "agent-8"}).encode()
    sandbox.upload("demo-tenant/calls/test.wav.meta.json", sidecar)
    sandbox.pump()
    sandbox.sweep()
    [document] = sandbox.documents().values()
    assert (document["agent"]["agent_id"], document["queue"]) == ("agent-8", "billing")
    assert document["qa_evaluation"]["percentage"] == 55.56


def signed(sandbox: Sandbox, told: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps(told)
    at = int(sandbox.clock().timestamp())
    digest = hmac.new(b"a secret", f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return {
        "version": "2.0",
        "rawPath": "/tenants/demo-tenant/calls",
        "requestContext": {"http": {"method": "POST", "path": "/tenants/demo-tenant/calls"}},
        "headers": {"X-Cci-Signature": f"t={at},v1={digest}"},
        "body": body,
        "isBase64Encoded": False,
    }
