"""Webhooks as API Gateway and function URLs send them, and sidecars."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from cci_lite.contract.registry import MetadataSource
from cci_lite.errors import RetryLaterError
from cci_lite.functions.call_metadata import call_metadata
from cci_lite.tenancy import call_id_for
from tests.unit.functions.moto_installation import Cloud, aws_client, batch, failed_items

SECRET = b"s3cret-of-acme"
BODY = json.dumps({"recording_key": "one.wav", "agent_id": "a-7"}).encode()


@pytest.fixture(autouse=True)
def secret(cloud: Cloud) -> None:
    aws_client("secretsmanager").create_secret(
        Name="cci-lite/webhook/acme", SecretString=SECRET.decode()
    )


def request(
    cloud: Cloud,
    body: bytes = BODY,
    *,
    path: str = "/tenants/acme/calls",
    method: str = "POST",
    header: str = "X-CCI-Signature",
    encoded: bool = False,
) -> dict[str, Any]:
    at = int(cloud.clock().timestamp())
    digest = hmac.new(SECRET, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {header: f"t={at},v1={digest}"},
        "requestContext": {"http": {"method": method, "path": path}},
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }


def answered(cloud: Cloud, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = cloud.call(call_metadata, event)
    assert answer["headers"]["content-type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize("header", ["X-CCI-Signature", "x-cci-signature"])
@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "base64"])
def test_a_signed_webhook_is_taken_in(cloud: Cloud, header: str, encoded: bool) -> None:
    status, body = answered(cloud, request(cloud, header=header, encoded=encoded))
    assert (status, body["accepted"]) == (202, 1)
    stored = cloud.registry.metadata("acme", call_id_for("acme", "acme/calls/one.wav"))
    assert stored.told[MetadataSource.WEBHOOK].metadata.agent_id == "a-7"


def test_an_unsigned_webhook_is_not(cloud: Cloud) -> None:
    event = request(cloud)
    event["headers"] = {}
    assert answered(cloud, event)[0] == 401


def test_a_changed_body_is_not(cloud: Cloud) -> None:
    event = request(cloud)
    event["body"] = event["body"].replace("a-7", "a-8")
    assert answered(cloud, event)[0] == 401


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({"path": "/"}, 404, id="another path"),
        pytest.param({"path": "/tenants/acme/calls/one"}, 404, id="below the path"),
        pytest.param({"method": "GET"}, 405, id="another method"),
        pytest.param({"path": "/tenants/globex/calls"}, 401, id="another tenant"),
        pytest.param({"path": "/tenants/Not A Tenant/calls"}, 401, id="no tenant"),
        pytest.param({"path": "/tenants/work/calls"}, 401, id="a reserved name"),
    ],
)
def test_other_requests_are_refused(cloud: Cloud, changes: dict[str, str], status: int) -> None:
    assert answered(cloud, request(cloud, **changes))[0] == status  # type: ignore[arg-type]


def test_a_body_that_is_not_base64_is_refused(cloud: Cloud) -> None:
    event = {**request(cloud), "isBase64Encoded": True, "body": "not base64!"}
    assert answered(cloud, event)[0] == 400


def test_a_request_without_body_and_headers_is_answered(cloud: Cloud) -> None:
    event = request(cloud)
    del event["body"], event["headers"]
    assert answered(cloud, event)[0] == 401


@pytest.mark.parametrize(
    ("trouble", "status", "said"),
    [
        pytest.param(RetryLaterError("throttled"), 503, "try_later", id="later"),
        pytest.param(ValueError("Erika Mustermann"), 500, "internal", id="unexpected"),
    ],
)
def test_a_sender_learns_of_our_failures_only_whether_to_retry(
    cloud: Cloud,
    trouble: Exception,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr("cci_lite.aws.secrets.SecretsWebhookKeys.keys", fail)
    assert answered(cloud, request(cloud)) == (status, {"error": said})
    assert "Erika" not in capsys.readouterr().out


def test_a_sidecar_is_taken_in_under_its_recordings_call(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    event = cloud.upload("acme/calls/one.wav.meta.json", b'{"agent_id": "a-7"}')
    answer = cloud.call(call_metadata, batch(event, queue="cci-lite-sidecars"))
    assert failed_items(answer) == []
    call_id = call_id_for("acme", "acme/calls/one.wav")
    told = cloud.registry.metadata("acme", call_id).told
    assert told[MetadataSource.SIDECAR].metadata.agent_id == "a-7"
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["call_id"] for line in lines} == {call_id}
