"""`etl crawler run` and `drift` from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import boto3
import pytest

from cci_lite.cli import lakes
from cci_lite.laptop import open_lake
from tests.aws.account import empty_account
from tests.unit.cli.programs import cci, succeed

REGION = "eu-central-1"


def documents(lake: Path) -> list[Path]:
    return sorted((lake / "unified").rglob("*.json"))


@pytest.fixture
def drifted(lake: Path) -> Path:
    """A lake with a new field in its document."""
    [path] = documents(lake)
    value = json.loads(path.read_bytes())
    path.write_text(json.dumps({**value, "moderation": "a secret"}) + "\n", encoding="utf-8")
    return lake


def test_a_lake_of_documents_that_were_written_here_does_not_differ(lake: Path) -> None:
    done = succeed("etl", "crawler", "drift", "--lake", lake)
    assert (done.out, done.err) == ("", "1 document compared: 0 differences\n")


def test_a_difference_is_printed_without_values_and_gives_exit_code_1(drifted: Path) -> None:
    done = cci("etl", "crawler", "drift", "--lake", drifted)
    assert done.code == 1
    assert [word for word in ("new field", "moderation", "harmless") if word not in done.out] == []
    assert "secret" not in done.out + done.err
    assert documents(drifted)[0].stem not in done.out + done.err
    assert done.err == "1 document compared: 1 difference\n"


def test_the_same_for_programs(drifted: Path) -> None:
    done = cci("etl", "crawler", "drift", "--lake", drifted, "--output", "json")
    assert done.code == 1
    assert done.json == {
        "documents": 1,
        "tables": [],
        "findings": [
            {
                "where": "documents",
                "claim": "new field",
                "path": "moderation",
                "expected": "no such field",
                "found": "text",
                "count": 1,
                "of": 1,
                "severity": "harmless",
            }
        ],
        "failed": {},
    }


def test_comparing_changes_nothing(drifted: Path) -> None:
    before = {path: path.read_bytes() for path in documents(drifted)}
    cci("etl", "crawler", "drift", "--lake", drifted)
    assert {path: path.read_bytes() for path in documents(drifted)} == before


def test_a_tenant_that_cannot_be_listed_stops_no_other(drifted: Path) -> None:
    succeed("tenants", "add", "other-tenant", "--lake", drifted)
    shutil.rmtree(drifted / "unified" / "other-tenant", ignore_errors=True)
    (drifted / "unified" / "other-tenant").symlink_to(drifted)
    done = cci("etl", "crawler", "drift", "--lake", drifted)
    assert done.code == 1
    assert "moderation" in done.out


def test_on_aws_the_crawled_tables_are_compared_too(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lakes, "open_any_lake", lambda _: open_lake(lake))
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("GLUE_DATABASE", "cci_lite")
    columns = [{"Name": name, "Type": "string"} for name in ("tenant_id", "call_id", "call_date")]
    keys = [{"Name": f"partition_{level}", "Type": "string"} for level in range(5)]
    with empty_account():
        glue = boto3.client("glue", region_name=REGION)
        glue.create_database(DatabaseInput={"Name": "cci_lite"})
        glue.create_table(
            DatabaseName="cci_lite",
            TableInput={
                "Name": "crawled_unified",
                "PartitionKeys": keys,
                "StorageDescriptor": {"Columns": columns},
            },
        )
        done = cci("etl", "crawler", "drift", "--lake", "s3://results", "--output", "json")
    assert done.code == 1
    assert done.json["tables"] == ["crawled_unified"]
    [finding] = done.json["findings"]
    assert (finding["where"], finding["claim"]) == ("crawled_unified", "partition keys")
    assert done.err == "1 document and 1 crawled table compared: 1 difference\n"


def test_a_crawler_that_is_not_there_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", REGION)
    with empty_account():
        done = cci("etl", "crawler", "run")
    assert done.code == 1
    assert done.error == (
        "glue_EntityNotFoundException: there is no crawler cci-lite-results-crawler"
    )
