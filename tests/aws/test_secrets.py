"""The webhook secrets of tenants: current and previous, remembered for a minute, never empty."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from cci_lite.aws.secrets import SecretsWebhookKeys
from cci_lite.errors import RetryLaterError, TenantIdError
from cci_lite.testing.memory import ManualClock
from cci_lite.testing.shapes import service_error

PREFIX = "cci-lite/webhook/"


@pytest.fixture
def secrets(cloud: None) -> Any:
    return boto3.client("secretsmanager", region_name="eu-central-1")


def keys_of(secrets: Any, clock: ManualClock | None = None) -> SecretsWebhookKeys:
    return SecretsWebhookKeys(secrets, PREFIX, clock or ManualClock())


@pytest.mark.parametrize(
    ("stored", "keys"),
    [
        pytest.param("s3cret", (b"s3cret",), id="plain"),
        pytest.param('{"key": "s3crét"}', ("s3crét".encode(),), id="JSON"),
        pytest.param("123456", (b"123456",), id="digits"),
        pytest.param('"quoted"', (b'"quoted"',), id="a quoted text stays as it is"),
        pytest.param('{"key": ""}', (), id="an empty key is none"),
        pytest.param('{"key": null}', (), id="null is none"),
        pytest.param('{"other": "x"}', (), id="another field is none"),
    ],
)
def test_a_secret_is_text_or_json(secrets: Any, stored: str, keys: tuple[bytes, ...]) -> None:
    secrets.create_secret(Name=f"{PREFIX}acme", SecretString=stored)
    assert keys_of(secrets).keys("acme") == keys


def test_while_a_secret_is_replaced_both_are_valid(secrets: Any) -> None:
    secrets.create_secret(Name=f"{PREFIX}acme", SecretString="first")
    secrets.put_secret_value(SecretId=f"{PREFIX}acme", SecretString="second")
    assert keys_of(secrets).keys("acme") == (b"second", b"first")
    secrets.put_secret_value(SecretId=f"{PREFIX}acme", SecretString="third")
    assert keys_of(secrets).keys("acme") == (b"third", b"second")


def test_a_tenant_without_a_secret_has_no_keys(secrets: Any) -> None:
    secrets.create_secret(Name=f"{PREFIX}acme2", SecretString="theirs")
    assert keys_of(secrets).keys("acme") == ()


def test_a_secret_that_is_being_deleted_is_valid_no_more(secrets: Any) -> None:
    secrets.create_secret(Name=f"{PREFIX}acme", SecretString="first")
    secrets.delete_secret(SecretId=f"{PREFIX}acme")
    assert keys_of(secrets).keys("acme") == ()


@pytest.mark.parametrize("tenant_id", ["../other", "acme/x", "", "ACME"])
def test_what_is_no_tenant_is_not_looked_up(secrets: Any, tenant_id: str) -> None:
    with pytest.raises(TenantIdError):
        keys_of(secrets).keys(tenant_id)


@pytest.mark.parametrize("stored", ["first", None], ids=["a secret", "no secret"])
def test_a_secret_is_cached_for_a_minute(secrets: Any, stored: str | None) -> None:
    clock = ManualClock()
    keys = keys_of(secrets, clock)
    if stored is not None:
        secrets.create_secret(Name=f"{PREFIX}acme", SecretString=stored)
    before = keys.keys("acme")
    if stored is None:
        secrets.create_secret(Name=f"{PREFIX}acme", SecretString="new")
    else:
        secrets.put_secret_value(SecretId=f"{PREFIX}acme", SecretString="new")
    clock.wait(59)
    assert keys.keys("acme") == before
    clock.wait(1)
    assert keys.keys("acme")[0] == b"new"


def test_tenants_keys_are_kept_apart(secrets: Any) -> None:
    for tenant_id in ("acme", "bravo"):
        secrets.create_secret(Name=f"{PREFIX}{tenant_id}", SecretString=f"{tenant_id}'s")
    keys = keys_of(secrets)
    assert keys.keys("acme") == (b"acme's",)
    assert keys.keys("bravo") == (b"bravo's",)
    assert keys.keys("acme") == (b"acme's",)


def test_an_error_is_not_taken_for_a_missing_secret_and_not_cached() -> None:
    class Busy:
        def __init__(self) -> None:
            self.busy = True

        def get_secret_value(self, **_: Any) -> Any:
            if self.busy:
                raise service_error("GetSecretValue", "ThrottlingException", "slow")
            return {"SecretString": "first"}

    client = Busy()
    keys = keys_of(client)
    with pytest.raises(RetryLaterError, match="^secretsmanager_throttled: GetSecretValue$"):
        keys.keys("acme")
    client.busy = False
    assert keys.keys("acme") == (b"first", b"first")
