"""Stores the registry of calls in DynamoDB.

One table: a partition per call with its records (`R#000001`) and its metadata, and one per notice.
Two indexes read across calls: `by-state`, and `to-rewrite`, a sparse index of marked records.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from cci_lite.aws.failures import error_code, translated
from cci_lite.aws.items import from_item, to_item
from cci_lite.contract.parsing import convert
from cci_lite.contract.registry import (
    CallRecord,
    CallState,
    StoredMetadata,
    item_of_record,
    record_of_item,
)
from cci_lite.errors import ContractError, PipelineError, RetryLaterError

NOTICE_LIFE = dt.timedelta(days=30)
BY_STATE = "by-state"
TO_REWRITE = "to-rewrite"

_NEW = "attribute_not_exists(pk)"
# Another writer's version, or another writer's transaction at this moment.
_REFUSED_FOR = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_RECORDS, _METADATA, _NOTICE = "R#", "METADATA", "NOTICE"
# Sorts after every `#`: the end of a state's range.
_AFTER = "$"


def calls_table_definition(table: str) -> dict[str, Any]:
    """The arguments of CreateTable. Time to live on `expires_at` has to be enabled separately."""
    return {
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("pk", "sk", "tenant_id", "state_at", "rewrite_of")
        ],
        "KeySchema": _keys("pk", "sk"),
        "GlobalSecondaryIndexes": [
            _index(BY_STATE, "tenant_id"),
            _index(TO_REWRITE, "rewrite_of"),
        ],
        "SSESpecification": {"Enabled": True},
        "DeletionProtectionEnabled": True,
    }


@dataclass(frozen=True)
class DynamoRegistry:
    """CallRegistry in a table.

    A record that cannot be read (damaged, or written by a later version) is left out of what an
    index finds, and `on_unreadable` gets its call id; reading it by its call raises PipelineError
    `record_unreadable`.
    """

    client: Any
    table: str
    on_unreadable: Callable[[str], None] = lambda _: None

    def records(self, call_id: str) -> list[CallRecord]:
        """All uploads of a call, by revision."""
        found = self._query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :records)",
            ExpressionAttributeValues=to_item({":pk": _call_key(call_id), ":records": _RECORDS}),
            ConsistentRead=True,
        )
        try:
            return [record_of_item(item) for item in found]
        except ContractError as problem:
            raise PipelineError("record_unreadable", problem.path) from None

    def add(self, record: CallRecord) -> bool:
        """Create a record; False when its revision is there already."""
        return self._put(_item_of(record), ConditionExpression=_NEW)

    def replace(self, record: CallRecord) -> bool:
        """Replace the record whose version is one less; False when it has moved on.

        It may be this very record: the client retries when it lost the response.
        """
        return self._put(_item_of(record), **_follows(record.version))

    def find(
        self,
        tenant_id: str,
        state: CallState,
        *,
        received_from: dt.datetime | None = None,
        received_until: dt.datetime | None = None,
    ) -> Iterator[CallRecord]:
        """A tenant's records in a state, oldest first, from the index."""
        first = _state_at(state, received_from) if received_from else f"{state}#"
        # BETWEEN includes its end, and times are exact to the microsecond.
        last = (
            _state_at(state, received_until - dt.timedelta.resolution)
            if received_until
            else f"{state}{_AFTER}"
        )
        if first > last:
            return iter(())
        return self._records_of(
            IndexName=BY_STATE,
            KeyConditionExpression="tenant_id = :tenant AND state_at BETWEEN :first AND :last",
            ExpressionAttributeValues=to_item(
                {":tenant": tenant_id, ":first": first, ":last": last}
            ),
        )

    def to_rewrite(self, tenant_id: str) -> Iterator[CallRecord]:
        """A tenant's records that are marked for rewriting, from the index."""
        return self._records_of(
            IndexName=TO_REWRITE,
            KeyConditionExpression="rewrite_of = :tenant",
            ExpressionAttributeValues=to_item({":tenant": tenant_id}),
        )

    def metadata(self, tenant_id: str, call_id: str) -> StoredMetadata:
        """The metadata received for a call; version 0 when there is none."""
        item = self._get(_call_key(call_id), _METADATA)
        if item is None or item["tenant_id"] != tenant_id:
            return StoredMetadata()
        return convert(item, StoredMetadata)

    def put_metadata(
        self,
        tenant_id: str,
        call_id: str,
        metadata: StoredMetadata,
        records: Sequence[CallRecord] = (),
    ) -> bool:
        """Replace the metadata of a call together with these records of it, or nothing.

        False when one of them is not stored with the version before.
        """
        item = {
            "pk": _call_key(call_id),
            "sk": _METADATA,
            "tenant_id": tenant_id,
            **msgspec.to_builtins(metadata),
        }
        is_first = metadata.version == 1
        condition = {"ConditionExpression": _NEW} if is_first else _follows(metadata.version)
        if not records:
            return self._put(item, **condition)
        # TransactWriteItems costs twice as much as PutItem, so it is used only when records change.
        puts = [(item, condition), *((_item_of(each), _follows(each.version)) for each in records)]
        return self._put_together(puts)

    def is_noted(self, notice_id: str) -> bool:
        """Whether a notice was sent already, within NOTICE_LIFE."""
        return self._get(_notice_key(notice_id), _NOTICE) is not None

    def note(self, notice_id: str, at: dt.datetime) -> None:
        """Remember for NOTICE_LIFE that a notice was sent."""
        expires_at = int((at + NOTICE_LIFE).timestamp())
        self._put({"pk": _notice_key(notice_id), "sk": _NOTICE, "expires_at": expires_at})

    def _put(self, item: dict[str, Any], **condition: Any) -> bool:
        with translated("dynamodb", "PutItem"):
            try:
                self.client.put_item(TableName=self.table, Item=to_item(item), **condition)
            except ClientError as error:
                if error_code(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def _put_together(self, puts: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> bool:
        """Put all of these items, each under its condition, or none; at most 100."""
        with translated("dynamodb", "TransactWriteItems"):
            try:
                self.client.transact_write_items(
                    TransactItems=[
                        {"Put": {"TableName": self.table, "Item": to_item(item), **condition}}
                        for item, condition in puts
                    ]
                )
            except ClientError as error:
                if error_code(error) != "TransactionCanceledException":
                    raise
                if _REFUSED_FOR & {each.get("Code") for each in _cancellations(error)}:
                    return False
                raise RetryLaterError("dynamodb_cancelled", "TransactWriteItems") from None
        return True

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        with translated("dynamodb", "GetItem"):
            answer = self.client.get_item(
                TableName=self.table, Key=to_item({"pk": pk, "sk": sk}), ConsistentRead=True
            )
        return from_item(answer["Item"]) if "Item" in answer else None

    def _query(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("query").paginate(TableName=self.table, **arguments)
        with translated("dynamodb", "Query"):
            for page in pages:
                yield from map(from_item, page["Items"])

    def _records_of(self, **arguments: Any) -> Iterator[CallRecord]:
        for item in self._query(**arguments):
            try:
                yield record_of_item(item)
            except ContractError:
                self.on_unreadable(str(item.get("call_id", "")))


def _cancellations(error: ClientError) -> list[dict[str, Any]]:
    """Why each item of a transaction was not written."""
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])
    return reasons


def _item_of(record: CallRecord) -> dict[str, Any]:
    item = item_of_record(record) | {
        "pk": _call_key(record.call_id),
        "sk": f"{_RECORDS}{record.revision:06d}",
        "tenant_id": record.tenant_id,
        "state_at": _state_at(record.state, record.received_at),
    }
    return item | ({"rewrite_of": record.tenant_id} if record.rewrite else {})


def _state_at(state: CallState, at: dt.datetime) -> str:
    """State and time as a sort key; microseconds are always written, so that text sorts by time."""
    return f"{state}#{at.astimezone(dt.UTC).isoformat(timespec='microseconds')}"


def _follows(version: int) -> dict[str, Any]:
    return {
        "ConditionExpression": "#version = :previous",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": to_item({":previous": version - 1}),
    }


def _call_key(call_id: str) -> str:
    return f"CALL#{call_id}"


def _notice_key(notice_id: str) -> str:
    return f"NOTICE#{notice_id}"


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def _index(name: str, partition: str) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": _keys(partition, "state_at"),
        "Projection": {"ProjectionType": "ALL"},
    }
