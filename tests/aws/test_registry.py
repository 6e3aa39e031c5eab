"""The registry in DynamoDB, beyond the behaviour that every registry has."""

from __future__ import annotations

import datetime as dt
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cci_lite.aws.items import from_item, to_item
from cci_lite.aws.registry import DynamoRegistry, calls_table_definition
from cci_lite.contract.registry import CallRecord, CallState, StoredMetadata, Upload, moved
from cci_lite.errors import PipelineError, RetryLaterError, ServiceError
from cci_lite.tenancy import call_id_for
from cci_lite.testing.shapes import service_error
from tests.aws.conftest import REGION

AT = dt.datetime(2025, 11, 5, 9, 30, tzinfo=dt.UTC)
TABLE = "cci-lite-calls"
RECORD = CallRecord(
    call_id="cci_acme_abc",
    revision=2,
    upload=Upload(tenant_id="acme", key="acme/calls/x.wav", size=1, etag="e", uploaded_at=AT),
    state=CallState.DONE,
    received_at=AT,
    updated_at=AT,
)


@pytest.fixture
def dynamodb(cloud: None) -> Any:
    client = boto3.client("dynamodb", region_name="eu-central-1")
    client.create_table(**calls_table_definition(TABLE))
    return client


def items(client: Any) -> list[dict[str, Any]]:
    return [from_item(item) for item in client.scan(TableName=TABLE)["Items"]]


def test_the_table_is_encrypted_and_not_deleted_by_accident(dynamodb: Any) -> None:
    table = dynamodb.describe_table(TableName=TABLE)["Table"]
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert table["DeletionProtectionEnabled"] is True
    with pytest.raises(ClientError):
        dynamodb.delete_table(TableName=TABLE)


def test_a_record_is_stored_below_its_call_and_indexed_by_state(dynamodb: Any) -> None:
    DynamoRegistry(dynamodb, TABLE).add(RECORD)
    [item] = items(dynamodb)
    assert (item["pk"], item["sk"]) == ("CALL#cci_acme_abc", "R#000002")
    assert item["tenant_id"] == "acme"
    assert item["state_at"] == "DONE#2025-11-05T09:30:00.000000+00:00"
    assert "rewrite_of" not in item


def test_only_marked_records_are_in_the_index_of_what_is_to_be_rewritten(dynamodb: Any) -> None:
    registry = DynamoRegistry(dynamodb, TABLE)
    registry.add(RECORD)
    registry.replace(moved(RECORD, CallState.DONE, AT, rewrite=True))
    [item] = items(dynamodb)
    assert item["rewrite_of"] == "acme"


def test_a_notice_expires_after_thirty_days(dynamodb: Any) -> None:
    DynamoRegistry(dynamodb, TABLE).note("failed:1", AT)
    [item] = items(dynamodb)
    assert item["pk"] == "NOTICE#failed:1"
    assert item["expires_at"] == int(dt.datetime(2025, 12, 5, 9, 30, tzinfo=dt.UTC).timestamp())


def test_the_table_is_read_consistently(dynamodb: Any) -> None:
    asked: list[dict[str, Any]] = []
    dynamodb.meta.events.register(
        "before-parameter-build.dynamodb.*", lambda params, **_: asked.append(dict(params))
    )
    registry = DynamoRegistry(dynamodb, TABLE)
    registry.records("cci_acme_abc")
    registry.metadata("acme", "cci_acme_abc")
    registry.is_noted("x")
    assert [request["ConsistentRead"] for request in asked] == [True, True, True]


def test_what_a_later_version_adds_to_a_record_does_not_hinder(dynamodb: Any) -> None:
    registry = DynamoRegistry(dynamodb, TABLE)
    registry.add(RECORD)
    [item] = items(dynamodb)
    dynamodb.put_item(TableName=TABLE, Item=to_item(item | {"mood": "fine"}))
    assert registry.records(RECORD.call_id) == [RECORD]


class Refusing:
    """A client that refuses everything with one error."""

    def __init__(self, error: ClientError) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def refuse(**_: Any) -> Any:
            raise self._error

        return refuse


def test_a_throttle_asks_for_a_retry() -> None:
    busy = service_error("PutItem", "ProvisionedThroughputExceededException", "slow")
    with pytest.raises(RetryLaterError, match="^dynamodb_throttled: PutItem$"):
        DynamoRegistry(Refusing(busy), TABLE).add(RECORD)


def test_a_missing_table_is_an_error_not_a_missing_record(cloud: None) -> None:
    registry = DynamoRegistry(boto3.client("dynamodb", region_name="eu-central-1"), TABLE)
    with pytest.raises(ServiceError, match="^dynamodb_ResourceNotFoundException: Query$"):
        registry.records("cci_acme_abc")
    with pytest.raises(ServiceError, match="^dynamodb_ResourceNotFoundException: PutItem$"):
        registry.add(RECORD)
    with pytest.raises(ServiceError, match="^dynamodb_ResourceNotFoundException: Query$"):
        list(registry.find("acme", CallState.DONE))


def test_the_table_is_not_asked_for_a_time_that_is_empty() -> None:
    # DynamoDB refuses BETWEEN with its end before its start; moto answers.
    refused = service_error("Query", "ValidationException", "backwards")
    registry = DynamoRegistry(Refusing(refused), TABLE)
    found = registry.find("acme", CallState.DONE, received_from=AT, received_until=AT)
    assert list(found) == []


def test_a_record_that_cannot_be_read_hides_no_other(cloud: None) -> None:
    client = boto3.client("dynamodb", region_name=REGION)
    client.create_table(**calls_table_definition("cci-lite-calls"))
    unreadable: list[str] = []
    registry = DynamoRegistry(client, "cci-lite-calls", unreadable.append)
    for name in "ab":
        key = f"acme/calls/{name}.wav"
        upload = Upload(tenant_id="acme", key=key, size=1, etag="e", uploaded_at=AT)
        assert registry.add(
            CallRecord(
                call_id=call_id_for("acme", key),
                revision=1,
                upload=upload,
                state=CallState.RECEIVED,
                received_at=AT,
                updated_at=AT,
            )
        )
    broken = call_id_for("acme", "acme/calls/a.wav")
    client.update_item(
        TableName="cci-lite-calls",
        Key={"pk": {"S": f"CALL#{broken}"}, "sk": {"S": "R#000001"}},
        UpdateExpression="SET redrives = :many",
        ExpressionAttributeValues={":many": {"S": "many"}},
    )
    found = [record.call_id for record in registry.find("acme", CallState.RECEIVED)]
    assert found == [call_id_for("acme", "acme/calls/b.wav")]
    assert unreadable == [broken]
    with pytest.raises(PipelineError, match="record_unreadable"):
        registry.records(broken)


@pytest.mark.parametrize(
    ("codes", "is_overtaken"),
    [
        (["None", "ConditionalCheckFailed"], True),
        (["TransactionConflict", "None"], True),
        (["ThrottlingError", "None"], False),
        ([], False),
    ],
    ids=["another version", "at this very moment", "no time", "without a reason"],
)
def test_a_cancelled_transaction_lost_a_race_or_is_retried(
    dynamodb: Any, codes: list[str], is_overtaken: bool
) -> None:
    class Cancelling:
        def transact_write_items(self, **_: Any) -> Any:
            reasons = [{"Code": code, "Message": "of acme/calls/x.wav"} for code in codes]
            raise ClientError(
                {
                    "Error": {"Code": "TransactionCanceledException", "Message": "of acme"},
                    "CancellationReasons": reasons,
                },
                "TransactWriteItems",
            )

    registry = DynamoRegistry(Cancelling(), TABLE)
    told = StoredMetadata(version=1)
    if is_overtaken:
        assert not registry.put_metadata("acme", RECORD.call_id, told, [RECORD])
        return
    with pytest.raises(RetryLaterError, match="dynamodb_cancelled"):
        registry.put_metadata("acme", RECORD.call_id, told, [RECORD])


def test_metadata_without_records_needs_no_transaction(dynamodb: Any) -> None:
    asked: list[str] = []
    dynamodb.meta.events.register(
        "before-parameter-build.dynamodb.*", lambda model, **_: asked.append(model.name)
    )
    registry = DynamoRegistry(dynamodb, TABLE)
    assert registry.put_metadata("acme", RECORD.call_id, StoredMetadata(version=1))
    registry.add(RECORD)
    marked = moved(RECORD, CallState.DONE, AT, rewrite=True)
    assert registry.put_metadata("acme", RECORD.call_id, StoredMetadata(version=2), [marked])
    assert asked == ["PutItem", "PutItem", "TransactWriteItems"]
