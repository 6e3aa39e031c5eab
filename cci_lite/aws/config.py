"""Stores configuration in DynamoDB: the guide's table `cci-lite-config` with `pk` and `sk`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from cci_lite.aws.failures import error_code, translated
from cci_lite.aws.items import from_item, to_item

_SERVICE = "dynamodb"


def config_table_definition(table: str) -> dict[str, Any]:
    """The arguments of CreateTable for the configuration table."""
    return {
        "TableName": table,
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "SSESpecification": {"Enabled": True},
        "DeletionProtectionEnabled": True,
    }


class DynamoConfigStore:
    """Implements the port ConfigStore. Raises RetryLaterError and ServiceError."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        """One item, or None."""
        with translated(_SERVICE, "GetItem"):
            answer = self._client.get_item(
                TableName=self._table, Key=_item_key(pk, sk), ConsistentRead=True
            )
        return from_item(answer["Item"]) if "Item" in answer else None

    def put(self, pk: str, sk: str, item: Mapping[str, Any]) -> None:
        """Create or replace an item."""
        with translated(_SERVICE, "PutItem"):
            self._client.put_item(TableName=self._table, Item=_stored_item(pk, sk, item))

    def put_new(self, pk: str, sk: str, item: Mapping[str, Any]) -> bool:
        """Create an item; False when there is one already."""
        with translated(_SERVICE, "PutItem"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=_stored_item(pk, sk, item),
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True

    def query(self, pk: str, sk_prefix: str) -> list[dict[str, Any]]:
        """The items of a partition key whose sort key starts so, ordered by it."""
        condition, values = "pk = :pk", {":pk": pk}
        if sk_prefix:
            # DynamoDB refuses an empty value in a key condition.
            condition, values = (
                f"{condition} AND begins_with(sk, :sk)",
                {**values, ":sk": sk_prefix},
            )
        items = self._pages(
            "query",
            KeyConditionExpression=condition,
            ExpressionAttributeValues=to_item(values),
            ConsistentRead=True,
        )
        return [from_item(item) for item in items]

    def partition_keys(self) -> list[str]:
        """All partition keys, ordered."""
        items = self._pages("scan", ProjectionExpression="pk", ConsistentRead=True)
        return sorted({item["pk"]["S"] for item in items})

    def delete(self, pk: str, sk: str) -> None:
        """Delete an item if it is there."""
        with translated(_SERVICE, "DeleteItem"):
            self._client.delete_item(TableName=self._table, Key=_item_key(pk, sk))

    def _pages(self, operation: str, **request: Any) -> Iterator[Any]:
        pages = self._client.get_paginator(operation).paginate(TableName=self._table, **request)
        with translated(_SERVICE, operation.title()):
            for page in pages:
                yield from page["Items"]


def _item_key(pk: str, sk: str) -> dict[str, Any]:
    return to_item({"pk": pk, "sk": sk})


def _stored_item(pk: str, sk: str, item: Mapping[str, Any]) -> dict[str, Any]:
    return to_item({**item, "pk": pk, "sk": sk})
