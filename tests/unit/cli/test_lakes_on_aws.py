"""`--lake s3://BUCKET`: which commands take it, and what they need to know besides."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

import cci_lite
from cci_lite.aws import config
from cci_lite.errors import UsageError
from cci_lite.settings import NAMES
from tests.aws.account import empty_account
from tests.unit.cli.programs import GUIDE_DOCUMENT, cci, succeed

ADDRESS = "s3://acme-results"
REGION = "eu-central-1"
ENVIRONMENT = {
    "AWS_REGION": REGION,
    "CURATED_BUCKET": "acme-curated",
    "DDB_TABLE": "cci-lite-config",
    "CURATED_TABLE": "cci-lite-curated",
}
NOT_YET = f"{ADDRESS}: lakes on AWS cannot be opened yet"
ANYWHERE = (
    ("etl", "plan"), ("etl", "run"), ("etl", "verify"), ("etl", "repair"),
    ("etl", "rebuild", "--tenant", "demo-tenant"), ("etl", "crawler", "drift"),
    ("quarantine", "list"), ("quarantine", "replay", "--tenant", "demo-tenant"),
    ("quarantine", "discard", "--all", "--yes", "--tenant", "demo-tenant"),
)  # fmt: skip
IN_A_FOLDER = (
    ("query", "SELECT 1 AS a", "--tenant", "demo-tenant"),
    ("report", "leaderboard", "--tenant", "demo-tenant"),
    ("calls", "ingest", str(GUIDE_DOCUMENT), "--tenant", "demo-tenant"),
    ("backup", "backup.zip"),
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder of its own, and nothing in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in (*NAMES.values(), "CCI_LITE_LAKE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a lake on AWS needs to know, but for its results bucket."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("described")
@pytest.mark.parametrize("command", ANYWHERE, ids=lambda command: " ".join(command[:2]))
def test_commands_that_run_a_lake_take_one_on_aws(command: tuple[str, ...]) -> None:
    done = cci(*command, "--lake", ADDRESS)
    assert (done.code, done.error) == (2, NOT_YET)


@pytest.mark.usefixtures("described")
def test_the_environment_can_name_the_lake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTPUT_BUCKET", "acme-results")
    assert cci("etl", "plan").error == NOT_YET
    monkeypatch.setenv("CCI_LITE_LAKE", "s3://other")
    assert cci("etl", "plan").error == NOT_YET.replace("acme-results", "other")


def test_what_the_environment_does_not_say_is_named_at_once() -> None:
    done = cci("etl", "run", "--lake", ADDRESS)
    assert (done.code, done.error) == (
        2, "environment: AWS_REGION, CURATED_BUCKET, DDB_TABLE, CURATED_TABLE must be set"
    )  # fmt: skip


def test_without_any_lake_the_option_is_missing() -> None:
    done = cci("etl", "plan")
    assert done.code == 2
    assert "Missing option '--lake'" in done.err


@pytest.mark.parametrize("command", IN_A_FOLDER, ids=lambda command: command[0])
def test_commands_that_need_a_folder_refuse_an_address_and_make_none(
    command: tuple[str, ...], elsewhere: Path
) -> None:
    done = cci(*command, "--lake", ADDRESS)
    assert done.code == 2
    assert f"{ADDRESS}: this command works on a lake in a folder." in done.err
    assert list(elsewhere.iterdir()) == []


def test_an_address_with_a_folder_is_refused() -> None:
    done = cci("etl", "plan", "--lake", f"{ADDRESS}/unified")
    assert done.code == 2
    assert "expected s3:// and the name of the results bucket" in done.err


@pytest.mark.usefixtures("described")
def test_tenants_of_a_lake_on_aws_are_in_the_configuration_table() -> None:
    with empty_account():
        table = config.config_table_definition("cci-lite-config")
        boto3.client("dynamodb", region_name=REGION).create_table(**table)
        succeed("tenants", "add", "demo-tenant", "--lake", ADDRESS)
        found = succeed("tenants", "list", "--output", "json").json
    assert [tenant["tenant_id"] for tenant in found] == ["demo-tenant"]


@pytest.mark.usefixtures("described")
def test_python_is_told_the_same() -> None:
    with pytest.raises(UsageError) as caught:
        cci_lite.open(ADDRESS)
    assert str(caught.value) == NOT_YET
