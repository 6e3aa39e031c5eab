"""What is deployed for the night is what Glue takes; the command line's names and no others."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from ruamel.yaml import YAML

from cci_lite.cli.glue_job import SETTINGS, command_of
from cci_lite.contract.columns import TABLES
from cci_lite.settings import NAMES, LakeSettings
from cci_lite.tenancy import curated_prefix, database_name, quarantine_prefix, unified_prefix
from cci_lite.testing.shapes import check_request, service_model
from tests.aws.account import empty_account
from tests.aws.rights import covers, granted

ETL = Path(__file__).parents[2] / "etl"
VALUES = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCOUNT_ID": "123456789012",
    "OUTPUT_BUCKET": "cci-lite-results",
    "CURATED_BUCKET": "cci-lite-curated",
    "ARTIFACTS_BUCKET": "cci-lite-artifacts",
    "DDB_TABLE": "cci-lite-config",
    "CURATED_TABLE": "cci-lite-curated",
    "GLUE_DATABASE": "cci_lite",
    "KMS_KEY_ARN": "arn:aws:kms:eu-central-1:123456789012:key/1",
}
ROLE = "arn:aws:iam::123456789012:role/cci-lite-glue-role"
# Six fields, of which either the day of the month or the day of the week is `?`. Nothing else
# looks at it: CloudFormation's linter takes five fields, which Glue refuses.
CRON = re.compile(r"cron\(\d{1,2} \d{1,2} (\* \* \?|\? \* \S+|\S+ \* \?) \*\)")


def description(name: str) -> dict[str, Any]:
    text = (ETL / f"{name}.yaml").read_text(encoding="utf-8")
    for placeholder, value in VALUES.items():
        text = text.replace(f"${{{placeholder}}}", value)
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return found


def job_request() -> dict[str, Any]:
    job = description("job")
    arguments = {
        **job["glue_arguments"],
        **job["arguments"],
        **{name: VALUES[name] for name in job["environment"]},
    }
    return {
        "Name": job["name"],
        "Role": ROLE,
        "Command": {
            "Name": job["command"],
            "ScriptLocation": job["artifacts"] + job["script"],
            "PythonVersion": job["python_version"],
        },
        "GlueVersion": job["glue_version"],
        "WorkerType": job["worker_type"],
        "NumberOfWorkers": job["number_of_workers"],
        "ExecutionClass": job["execution_class"],
        "Timeout": job["timeout_minutes"],
        "MaxRetries": job["maximum_retries"],
        "ExecutionProperty": {"MaxConcurrentRuns": job["maximum_concurrent_runs"]},
        "DefaultArguments": {f"--{name}": value for name, value in arguments.items()},
    }


def trigger_request() -> dict[str, Any]:
    job = description("job")
    return {
        "Name": job["schedule"]["name"],
        "Type": "SCHEDULED",
        "Schedule": job["schedule"]["expression"],
        "Actions": [{"JobName": job["name"]}],
        "StartOnCreation": True,
    }


def crawler_request() -> dict[str, Any]:
    crawler = description("crawler")
    targets = [
        {
            "Path": target["path"],
            "Exclusions": target["exclusions"],
            "SampleSize": target["sample_size"],
        }
        for target in crawler["targets"]
    ]
    return {
        "Name": crawler["name"],
        "Role": ROLE,
        "DatabaseName": crawler["database"],
        "TablePrefix": crawler["table_prefix"],
        "Targets": {"S3Targets": targets},
        "Schedule": crawler["schedule"]["expression"],
        "SchemaChangePolicy": {
            "UpdateBehavior": crawler["schema_change"]["update"],
            "DeleteBehavior": crawler["schema_change"]["delete"],
        },
        "RecrawlPolicy": {"RecrawlBehavior": crawler["recrawl"]},
        "Configuration": json.dumps(crawler["configuration"]),
    }


REQUESTS = {
    "CreateJob": job_request,
    "CreateTrigger": trigger_request,
    "CreateCrawler": crawler_request,
}


@pytest.mark.parametrize("operation", REQUESTS)
def test_the_request_is_one_that_glue_takes(operation: str) -> None:
    request = REQUESTS[operation]()
    check_request("glue", operation, request, code="InvalidInputException")
    with empty_account():
        glue = boto3.client("glue", region_name=VALUES["AWS_REGION"])
        if operation == "CreateCrawler":
            glue.create_database(DatabaseInput={"Name": VALUES["GLUE_DATABASE"]})
        if operation == "CreateTrigger":
            glue.create_job(**job_request())
        method = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).lower()
        getattr(glue, method)(**request)


def test_every_placeholder_is_known() -> None:
    for name in ("job", "crawler"):
        assert "${" not in json.dumps(description(name))


# --- The job --------------------------------------------------------------------------------------


def test_the_jobs_arguments_are_options_of_the_command() -> None:
    options = {name for each in command_of(("etl", "run")).params for name in each.opts}
    assert {f"--{name}" for name in description("job")["arguments"]} <= options


def test_the_job_sets_every_setting_of_a_lake() -> None:
    others = {NAMES["endpoint_url"]}  # for look-alikes of AWS
    assert set(description("job")["environment"]) == {*SETTINGS} - others
    assert {NAMES[field.name] for field in dataclasses.fields(LakeSettings)} == {*SETTINGS}


def test_every_argument_is_text_because_glue_takes_no_other_values() -> None:
    job = description("job")
    for value in (*job["arguments"].values(), *job["glue_arguments"].values()):
        assert isinstance(value, str)


def test_the_job_is_one_that_glue_starts() -> None:
    """What is in no model: from the documentation of jobs."""
    job = description("job")
    assert (job["command"], job["glue_version"], job["python_version"]) == ("glueetl", "5.1", "3")
    assert job["execution_class"] == "FLEX"
    assert job["worker_type"] in {"G.1X", "G.2X"}  # those that FLEX knows
    assert job["number_of_workers"] >= 2
    assert 0 <= job["maximum_retries"] <= 10
    assert job["timeout_minutes"] < 7 * 24 * 60
    assert job["maximum_concurrent_runs"] == 1
    assert (ETL / job["script"]).is_file()


@pytest.mark.parametrize("name", ["job", "crawler"])
def test_a_schedule_has_glues_six_fields(name: str) -> None:
    assert CRON.fullmatch(description(name)["schedule"]["expression"])
    assert not CRON.fullmatch("cron(30 2 * * *)")
    assert not CRON.fullmatch("cron(30 2 * * * *)")


# --- The crawler ----------------------------------------------------------------------------------


def test_the_crawler_is_the_guides() -> None:
    crawler = description("crawler")
    assert crawler["name"] == "cci-lite-results-crawler"
    assert crawler["table_prefix"] == "crawled_"
    [target] = crawler["targets"]
    assert target["path"] == "s3://cci-lite-results/unified/"
    assert 1 <= target["sample_size"] <= 249


def test_the_crawler_changes_no_table_which_crawling_new_folders_only_needs_as_well() -> None:
    crawler = description("crawler")
    assert crawler["recrawl"] == "CRAWL_NEW_FOLDERS_ONLY"
    assert crawler["schema_change"] == {"update": "LOG", "delete": "LOG"}


def test_the_crawler_makes_one_table_of_all_documents() -> None:
    crawler = description("crawler")
    assert crawler["configuration"] == {
        "Version": 1.0,
        "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}},
        "Grouping": {
            "TableGroupingPolicy": "CombineCompatibleSchemas",
            "TableLevelConfiguration": 2,
        },
    }
    [target] = crawler["targets"]
    # Level 1 is the bucket.
    path = target["path"].removeprefix("s3://").rstrip("/")
    assert len(path.split("/")) == crawler["configuration"]["Grouping"]["TableLevelConfiguration"]


def test_no_table_that_the_crawler_makes_can_take_a_declared_tables_name() -> None:
    prefix = description("crawler")["table_prefix"]
    assert not [name for name in (*TABLES, "unified") if name.startswith(prefix)]


# --- Rights ---------------------------------------------------------------------------------------

PLACE = f"{VALUES['AWS_REGION']}:{VALUES['AWS_ACCOUNT_ID']}"
TENANT = "demo-tenant"
UNIFIED = f"arn:aws:s3:::cci-lite-results/{unified_prefix(TENANT)}2025/11/05/c.json"
QUARANTINED = f"arn:aws:s3:::cci-lite-results/{quarantine_prefix(TENANT)}2025/11/05/c.json"
CURATED = f"arn:aws:s3:::cci-lite-curated/{curated_prefix(TENANT)}calls/x.parquet"
TENANTS_TABLE = f"arn:aws:glue:{PLACE}:table/{database_name(TENANT)}/calls"


def may(name: str, action: str, resource: str) -> bool:
    rights = granted(description(name), VALUES)
    return any(covers(right, (action, resource)) for right in rights)


@pytest.mark.parametrize("name", ["job", "crawler"])
def test_every_action_is_one_of_the_services(name: str) -> None:
    # What IAM calls otherwise than the API does.
    of_iam = {
        *("s3:ListBucket", "s3:AbortMultipartUpload", "dynamodb:ConditionCheckItem"),
    }
    names = {"cloudwatch": "cloudwatch", "s3": "s3", "dynamodb": "dynamodb", "glue": "glue"}
    for action, _ in granted(description(name), VALUES):
        service, _, operation = action.partition(":")
        known = service_model(names.get(service, service)).operation_names
        assert action in of_iam or operation in known, action


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:ListBucket", "arn:aws:s3:::cci-lite-results"),
        ("s3:ListBucket", "arn:aws:s3:::cci-lite-curated"),
        ("s3:GetObject", UNIFIED),
        ("s3:PutObject", QUARANTINED),
        ("s3:DeleteObject", QUARANTINED),
        ("s3:PutObjectTagging", CURATED),
        ("s3:DeleteObject", CURATED),
        ("dynamodb:ConditionCheckItem", f"arn:aws:dynamodb:{PLACE}:table/cci-lite-curated"),
        ("glue:BatchCreatePartition", TENANTS_TABLE),
        ("glue:BatchUpdatePartition", f"arn:aws:glue:{PLACE}:table/cci_lite/calls"),
        ("kms:GenerateDataKey", VALUES["KMS_KEY_ARN"]),
    ],
)
def test_the_job_may_do_its_work(action: str, resource: str) -> None:
    assert may("job", action, resource)


@pytest.mark.parametrize(
    ("name", "action", "resource"),
    [
        ("job", "s3:PutObject", UNIFIED),
        ("job", "s3:DeleteObject", UNIFIED),
        ("job", "s3:GetObject", "arn:aws:s3:::cci-lite-results/work/demo-tenant/x.json"),
        ("job", "dynamodb:PutItem", f"arn:aws:dynamodb:{PLACE}:table/cci-lite-config"),
        ("job", "glue:DeleteTable", TENANTS_TABLE),
        ("job", "glue:BatchCreatePartition", f"arn:aws:glue:{PLACE}:table/billing/calls"),
        ("crawler", "s3:PutObject", UNIFIED),
        ("crawler", "s3:GetObject", QUARANTINED),
        ("crawler", "s3:GetObject", CURATED),
        ("crawler", "glue:UpdateTable", f"arn:aws:glue:{PLACE}:table/cci_lite/calls"),
        ("crawler", "glue:CreateTable", TENANTS_TABLE),
    ],
)
def test_nothing_else_may_be_done(name: str, action: str, resource: str) -> None:
    assert not may(name, action, resource)
