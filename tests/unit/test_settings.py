"""The environment of the functions, under the guide's names."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cci_lite.errors import UsageError
from cci_lite.settings import NAMES, BucketLake, LakeSettings, Settings, lake_place, setting

REQUIRED = {
    "AWS_REGION": "eu-central-1",
    "INPUT_BUCKET": "cci-lite-input-123456789012-eu-central-1",
    "OUTPUT_BUCKET": "cci-lite-results-123456789012-eu-central-1",
    "DDB_TABLE": "cci-lite-config",
    "CALLS_TABLE": "cci-lite-calls",
}
OPTIONAL = {
    "KMS_KEY_ARN": ("kms_key_arn", "arn:aws:kms:eu-central-1:123456789012:key/k"),
    "TRANSCRIBE_ROLE_ARN": ("transcribe_role_arn", "arn:aws:iam::123456789012:role/t"),
    "SNS_TOPIC_ARN": ("topic_arn", "arn:aws:sns:eu-central-1:123456789012:notices"),
    "SLACK_WEBHOOK_SECRET": ("slack_webhook_secret", "cci-lite/slack"),
    "WEBHOOK_SECRET_PREFIX": ("webhook_secret_prefix", "telephony/"),
    "UPLOAD_QUEUE_URL": ("upload_queue_url", "https://sqs/uploads"),
    "RESULT_QUEUE_URL": ("result_queue_url", "https://sqs/results"),
    "ANALYSIS_QUEUE_URL": ("analysis_queue_url", "https://sqs/analysis"),
    "QA_TEMPLATE_KEY": ("form_key", "QA_TEMPLATE#sales"),
    "LOG_LEVEL": ("log_level", "DEBUG"),
}


def test_what_is_required_is_enough() -> None:
    settings = Settings.from_environment(REQUIRED)
    assert settings == Settings(
        region="eu-central-1",
        input_bucket="cci-lite-input-123456789012-eu-central-1",
        output_bucket="cci-lite-results-123456789012-eu-central-1",
        config_table="cci-lite-config",
        calls_table="cci-lite-calls",
    )
    assert (settings.form_key, settings.log_level) == ("QA_TEMPLATE#v1", "INFO")


def test_every_setting_has_a_name_of_its_own() -> None:
    fields = [field.name for kind in (Settings, LakeSettings) for field in dataclasses.fields(kind)]
    assert sorted(NAMES) == sorted(set(fields))
    assert len(set(NAMES.values())) == len(NAMES)


def test_one_setting_is_read_without_the_others() -> None:
    environment = {"DDB_TABLE": "cci-lite-config", "QA_TEMPLATE_KEY": ""}
    assert setting(environment, "config_table") == "cci-lite-config"
    assert setting(environment, "form_key") is None
    assert setting(environment, "region") is None


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        Settings.from_environment(
            {"AWS_REGION": "eu-central-1", "DDB_TABLE": "", "CALLS_TABLE": "c"}
        )
    assert str(caught.value) == "environment: INPUT_BUCKET, OUTPUT_BUCKET, DDB_TABLE must be set"


@pytest.mark.parametrize("name", ["INPUT_BUCKET", "OUTPUT_BUCKET"])
@pytest.mark.parametrize("value", ["s3://bucket", "Bucket", "a", "bucket/", "-bucket"])
def test_what_is_no_bucket_is_refused(name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings.from_environment({**REQUIRED, name: value})
    assert str(caught.value) == f"environment: {name} is not the name of a bucket"


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_optional_name_sets_its_value(name: str) -> None:
    attribute, value = OPTIONAL[name]
    settings = Settings.from_environment({**REQUIRED, name: value})
    assert getattr(settings, attribute) == value


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_empty_name_is_as_good_as_none(name: str) -> None:
    assert Settings.from_environment({**REQUIRED, name: ""}) == Settings.from_environment(REQUIRED)


FLAGS = {
    True: ("true", " TRUE ", "1", "yes"),
    False: ("false", "0", "no", ""),
}


@pytest.mark.parametrize(
    ("value", "flag"), [(value, flag) for flag, values in FLAGS.items() for value in values]
)
def test_the_guides_flag_is_read(value: str, flag: bool) -> None:
    settings = Settings.from_environment({**REQUIRED, "OVERWRITE_RESULTS": value})
    assert settings.overwrite_results is flag


def test_a_flag_that_is_neither_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        Settings.from_environment({**REQUIRED, "OVERWRITE_RESULTS": "maybe"})
    assert str(caught.value) == "environment: OVERWRITE_RESULTS: expected true or false"


LAKE = {
    "AWS_REGION": "eu-central-1",
    "OUTPUT_BUCKET": "acme-results",
    "CURATED_BUCKET": "acme-curated",
    "DDB_TABLE": "cci-lite-config",
    "CURATED_TABLE": "cci-lite-curated",
}


def test_a_lake_on_aws_needs_its_own_settings_only() -> None:
    assert LakeSettings.from_environment(LAKE) == LakeSettings(
        region="eu-central-1",
        output_bucket="acme-results",
        curated_bucket="acme-curated",
        config_table="cci-lite-config",
        curated_table="cci-lite-curated",
        glue_database="cci_lite",
        kms_key_arn=None,
        endpoint_url=None,
    )


def test_the_bucket_of_an_address_counts_more_than_the_environments() -> None:
    assert LakeSettings.from_environment(LAKE, output_bucket="other").output_bucket == "other"
    without = {name: value for name, value in LAKE.items() if name != "OUTPUT_BUCKET"}
    assert LakeSettings.from_environment(without, output_bucket="other").output_bucket == "other"


@pytest.mark.parametrize("name", LAKE)
def test_what_a_lake_on_aws_lacks_is_named(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        LakeSettings.from_environment({**LAKE, name: ""})
    assert str(caught.value) == f"environment: {name} must be set"


@pytest.mark.parametrize("name", ["OUTPUT_BUCKET", "CURATED_BUCKET"])
def test_what_is_no_bucket_of_a_lake_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        LakeSettings.from_environment({**LAKE, name: "s3://bucket"})
    assert str(caught.value) == f"environment: {name} is not the name of a bucket"


@pytest.mark.parametrize("text", ["lake", "s3", "s3:/bucket", "./s3://bucket", "/tmp/s3://x"])
def test_what_is_no_address_of_s3_is_a_folder(text: str) -> None:
    assert lake_place(text) == Path(text)


@pytest.mark.parametrize("text", ["s3://acme-results", "s3://acme-results/", "S3://acme-results"])
def test_an_address_of_s3_is_a_lake_on_aws(text: str) -> None:
    assert lake_place(text) == BucketLake("acme-results")
    assert str(lake_place(text)) == "s3://acme-results"


@pytest.mark.parametrize(
    "text", ["s3://", "s3:///", "s3://acme-results/unified", "s3://Acme", "s3://a", "s3://-ab"]
)
def test_an_address_that_is_not_just_a_bucket_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        lake_place(text)
    assert str(caught.value) == (
        f"{text}: expected s3:// and the name of the results bucket, which is 3 to 63 lower-case "
        "letters, digits, dots and hyphens, with a letter or digit at both ends"
    )
