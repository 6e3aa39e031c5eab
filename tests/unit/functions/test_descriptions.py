"""Each `function.yaml` agrees with the code: trigger, environment, permissions."""

from __future__ import annotations

import ast
import fnmatch
import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from moto.events.models import EventPattern
from ruamel.yaml import YAML

from cci_lite.pipeline.notify import DEAD_LETTERS, PARKED_QUEUE
from cci_lite.settings import NAMES
from cci_lite.tenancy import (
    checkpoint_key,
    media_key,
    recording_key,
    redacted_transcript_key,
    transcript_key,
    unified_prefix,
)

FOLDER = Path(__file__).parents[3] / "pipeline_lambdas"
FUNCTIONS = sorted(path.parent.name for path in FOLDER.glob("*/function.yaml"))
VALUES = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCOUNT_ID": "123456789012",
    "INPUT_BUCKET": "recordings",
    "OUTPUT_BUCKET": "results",
    "DDB_TABLE": "configuration",
    "CALLS_TABLE": "calls",
    "KMS_KEY_ARN": "arn:aws:kms:eu-central-1:123456789012:key/k",
    "TRANSCRIBE_ROLE_ARN": "arn:aws:iam::123456789012:role/t",
    "SNS_TOPIC_ARN": "arn:aws:sns:eu-central-1:123456789012:notices",
    "SLACK_WEBHOOK_SECRET": "cci-lite/slack",
    "WEBHOOK_SECRET_PREFIX": "cci-lite/webhook/",
}
# Only these operations know no resource (service authorization reference).
WITHOUT_RESOURCE = {
    "transcribe:StartTranscriptionJob",
    "comprehend:BatchDetectSentiment",
    "comprehend:BatchDetectKeyPhrases",
    "comprehend:BatchDetectEntities",
}
JOB = "cci_acme_aaaaaaaaaaaaaaaaaaaa_r1"
RECORDING = f"recordings/{recording_key('acme', 'one.wav')}"
SIDECAR = f"{RECORDING}.meta.json"
MEDIA = f"results/{media_key('acme', JOB, 'wav')}"
TRANSCRIPT = f"results/{transcript_key('acme', JOB)}"
REDACTED = f"results/{redacted_transcript_key('acme', JOB)}"
CHECKPOINT = f"results/{checkpoint_key('acme', JOB, 'nlp')}"
DOCUMENT = f"results/{unified_prefix('acme')}2025/11/05/one.json"
OBJECTS = [RECORDING, SIDECAR, MEDIA, TRANSCRIPT, REDACTED, CHECKPOINT, DOCUMENT]


@functools.cache
def described(function: str) -> dict[str, Any]:
    text = (FOLDER / function / "function.yaml").read_text(encoding="utf-8")
    value: dict[str, Any] = YAML(typ="safe").load(text)
    return value


def filled(text: str) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda match: VALUES[match[1]], text)


def granted(function: str) -> Iterator[tuple[str, str]]:
    """Every action with every resource that it is allowed on."""
    for statement in described(function)["permissions"]:
        for action in statement["actions"]:
            for resource in statement["resources"]:
                yield action, filled(resource)


def may(function: str, action: str, resource: str) -> bool:
    return any(
        action == given and fnmatch.fnmatchcase(resource, pattern)
        for given, pattern in granted(function)
    )


@functools.cache
def unread_queues() -> list[dict[str, Any]]:
    text = (FOLDER / "queues.yaml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = YAML(typ="safe").load(text)["queues"]
    return found


def all_queues() -> dict[str, dict[str, Any]]:
    return {
        queue["name"]: queue for function in FUNCTIONS for queue in described(function)["queues"]
    }


def test_every_function_has_a_description_and_a_handler_of_a_few_lines() -> None:
    folders = sorted(
        path.name for path in FOLDER.iterdir() if path.is_dir() and path.name[0] != "_"
    )
    assert folders == FUNCTIONS
    assert FUNCTIONS == [
        "analyzer",
        "call_metadata",
        "failure_notifier",
        "job_init",
        "reconciler",
        "result_handler",
    ]
    for function in FUNCTIONS:
        handler = ast.parse((FOLDER / function / "handler.py").read_text(encoding="utf-8"))
        assert len(handler.body) == 4
        assert ast.get_docstring(handler)
        last = handler.body[-1]
        assert isinstance(last, ast.Assign)
        assert ast.unparse(last) == f"lambda_handler = entry_point({function})"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_description_says_what_a_template_needs(function: str) -> None:
    description = described(function)
    assert description["name"] == f"cci-lite-{function.replace('_', '-')}"
    assert description["handler"] == "handler.lambda_handler"
    assert description["runtime"] == "python3.13"
    assert description["architectures"] == ["arm64"]
    assert 128 <= description["memory_mb"] <= 10_240
    assert 1 <= description["timeout_seconds"] <= 900
    assert description["rules"] or description["queues"] or description["schedule"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_environment_is_of_names_that_the_settings_know(function: str) -> None:
    names = described(function)["environment"]
    assert set(names) <= set(NAMES.values()) - {"AWS_REGION"}, "the runtime sets AWS_REGION itself"
    assert len(set(names)) == len(names)


def test_a_queue_outlasts_its_function_and_none_ends_in_nothing() -> None:
    queues = all_queues()
    unread = {queue["name"] for queue in unread_queues()}
    assert unread == {PARKED_QUEUE}
    for function in FUNCTIONS:
        description = described(function)
        for queue in description["queues"]:
            # Lambda developer guide, SQS: six times the timeout.
            assert queue["visibility_timeout_seconds"] >= 6 * description["timeout_seconds"]
            assert queue["visibility_timeout_seconds"] <= 43_200
            assert queue["maximum_concurrency"] >= 2
            assert queue["report_batch_item_failures"] is True
            target = queue["dead_letter"]["queue"]
            assert target in queues.keys() | unread
            assert target != queue["name"]
        for rule in description["rules"]:
            assert rule["queue"] in {queue["name"] for queue in description["queues"]}
            assert rule["dead_letter_queue"] in queues
    assert not unread & queues.keys()


def test_a_queue_belongs_to_one_function() -> None:
    names = [queue["name"] for function in FUNCTIONS for queue in described(function)["queues"]]
    assert len(names) == len(set(names))


def test_dead_letters_live_as_long_as_they_can() -> None:
    for name, queue in all_queues().items():
        assert queue["retention_days"] == (14 if name.endswith(DEAD_LETTERS) else 4)
    assert [queue["retention_days"] for queue in unread_queues()] == [14]


# --- Rules ----------------------------------------------------------------------------------------


def upload(key: str, **changes: Any) -> dict[str, Any]:
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "recordings"}, "object": {"key": key, "size": 1}},
        **changes,
    }


def job(name: str, status: str, **changes: Any) -> dict[str, Any]:
    return {
        "source": "aws.transcribe",
        "detail-type": "Transcribe Job State Change",
        "detail": {"TranscriptionJobName": name, "TranscriptionJobStatus": status},
        **changes,
    }


def functions_for(event: Mapping[str, Any]) -> list[str]:
    return [
        function
        for function in FUNCTIONS
        for rule in described(function)["rules"]
        if EventPattern.load(filled(json.dumps(rule["pattern"]))).matches_event(event)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(
    ("event", "functions"),
    [
        pytest.param(upload("acme/calls/one.wav"), ["job_init"], id="a recording"),
        pytest.param(upload("acme/calls/a b/c.mp3"), ["job_init"], id="a recording in a folder"),
        pytest.param(
            upload("acme/calls/one.wav.meta.json"), ["call_metadata", "job_init"], id="a sidecar"
        ),
        pytest.param(upload("acme/other/one.wav"), [], id="elsewhere"),
        pytest.param(upload("calls/one.wav"), [], id="without a tenant"),
        pytest.param(
            upload(
                "acme/calls/one.wav",
                detail={"bucket": {"name": "x"}, "object": {"key": "acme/calls/one.wav"}},
            ),
            [],
            id="another bucket",
        ),
        pytest.param(
            upload("acme/calls/one.wav", **{"detail-type": "Object Deleted"}), [], id="a deletion"
        ),
        pytest.param(
            upload("acme/calls/one.wav", **{"detail-type": "Object Tags Added"}), [], id="tags"
        ),
        pytest.param(job(JOB, "COMPLETED"), ["result_handler"], id="completed"),
        pytest.param(job(JOB, "FAILED"), ["failure_notifier"], id="failed"),
        pytest.param(job(JOB, "IN_PROGRESS"), [], id="in progress"),
        pytest.param(job("nightly-export-7", "COMPLETED"), [], id="somebody else's"),
        pytest.param(job("nightly-export-7", "FAILED"), [], id="somebody else's failure"),
        pytest.param(
            job(JOB, "COMPLETED", **{"detail-type": "Call Analytics Job State Change"}),
            [],
            id="call analytics",
        ),
        pytest.param(job(JOB, "COMPLETED", source="my.app"), [], id="another source"),
    ],
)
def test_an_event_goes_to_its_function(event: dict[str, Any], functions: list[str]) -> None:
    assert functions_for(event) == functions


def test_shared_events_go_where_they_are_acted_on(shared: Path) -> None:
    events = shared / "data" / "events"
    created = json.loads(
        (events / "powertools-s3EventBridgeNotificationObjectCreatedEvent.json").read_text()
    )
    deleted = json.loads(
        (events / "powertools-s3EventBridgeNotificationObjectDeletedEvent.json").read_text()
    )
    assert functions_for(created) == functions_for(deleted) == []
    created["detail"]["bucket"]["name"] = "recordings"
    created["detail"]["object"]["key"] = "acme/calls/one.wav"
    assert functions_for(created) == ["job_init"]


# --- Rights ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_right_is_wider_than_it_has_to_be(function: str) -> None:
    for action, resource in granted(function):
        assert "*" not in action
        assert (resource == "*") == (action in WITHOUT_RESOURCE), action


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_read_its_queues_and_write_its_log(function: str) -> None:
    description = described(function)
    queues = "arn:aws:sqs:eu-central-1:123456789012:"
    for queue in description["queues"]:
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            assert may(function, f"sqs:{action}", queues + queue["name"])
    log = f"arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/{description['name']}:x"
    assert may(function, "logs:PutLogEvents", log)


JUDGES = ("result_handler", "analyzer")
READS: dict[str, set[str]] = {
    "job_init": {RECORDING, SIDECAR, MEDIA},
    **{name: {TRANSCRIPT, REDACTED, CHECKPOINT, DOCUMENT} for name in JUDGES},
    "failure_notifier": set(),
    "call_metadata": {SIDECAR},
    "reconciler": {SIDECAR, DOCUMENT},
}
WRITES: dict[str, set[str]] = {
    "job_init": {MEDIA, TRANSCRIPT, REDACTED},
    **{name: {CHECKPOINT, DOCUMENT} for name in JUDGES},
    "failure_notifier": set(),
    "call_metadata": set(),
    "reconciler": {DOCUMENT},
}
DELETES: dict[str, set[str]] = {
    **{name: set() for name in FUNCTIONS},
    **{name: {MEDIA, CHECKPOINT, DOCUMENT} for name in JUDGES},
    "reconciler": {DOCUMENT},
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        pytest.param("s3:GetObject", READS, id="read"),
        pytest.param("s3:PutObject", WRITES, id="write"),
        pytest.param("s3:DeleteObject", DELETES, id="delete"),
        pytest.param("s3:DeleteObjectVersion", DELETES, id="delete versions"),
    ],
)
def test_a_function_may_touch_the_objects_that_it_handles_and_no_others(
    function: str, action: str, wanted: Mapping[str, set[str]]
) -> None:
    allowed = {key for key in OBJECTS if may(function, action, f"arn:aws:s3:::{key}")}
    assert allowed == wanted[function]
    for other in ("results/curated/acme/x", "results/quarantine/acme/x", "elsewhere/acme/calls/x"):
        assert not may(function, action, f"arn:aws:s3:::{other}")


def test_the_analyzer_may_do_what_the_result_handler_may_but_hand_on() -> None:
    def rights(function: str, queue: str) -> set[tuple[str, str]]:
        own = {described(function)["name"]: "itself", f":cci-lite-{queue}": ":its-queue"}
        found = set()
        for action, resource in granted(function):
            for name, word in own.items():
                resource = re.sub(rf"{name}\b(?!-)", word, resource)
            found.add((action, resource))
        return found

    handing_on = ("sqs:SendMessage", "arn:aws:sqs:eu-central-1:123456789012:cci-lite-analysis")
    judging = rights("analyzer", "analysis")
    assert rights("result_handler", "results") == judging | {handing_on}
    assert handing_on not in judging


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_that_tells_people_may_and_no_other(function: str) -> None:
    tells = function in {"result_handler", "analyzer", "failure_notifier", "reconciler"}
    assert may(function, "sns:Publish", VALUES["SNS_TOPIC_ARN"]) is tells
    assert ("SNS_TOPIC_ARN" in described(function)["environment"]) is tells
    secrets = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
    slack = f"{secrets}{VALUES['SLACK_WEBHOOK_SECRET']}-AbCdEf"
    assert may(function, "secretsmanager:GetSecretValue", slack) is tells
    signing = f"{secrets}cci-lite/webhook/acme-AbCdEf"
    is_signed = function == "call_metadata"
    assert may(function, "secretsmanager:GetSecretValue", signing) is is_signed
