"""Converts plain values to DynamoDB items and back without changing numbers."""

from __future__ import annotations

import decimal
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer

from cci_lite.errors import UsageError

_SERIALIZER = TypeSerializer()
_DESERIALIZER = TypeDeserializer()


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values (text, numbers, booleans, null, bytes, lists, maps) as a client's attribute values.

    Raises UsageError for a value that DynamoDB cannot hold.
    """
    try:
        return {name: _SERIALIZER.serialize(_storable(value)) for name, value in values.items()}
    except (TypeError, decimal.DecimalException):
        raise UsageError("expected an item that DynamoDB can hold") from None


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a client's attribute values: whole numbers are int, others float.

    Sets become sorted lists.
    """
    return {name: _plain(_DESERIALIZER.deserialize(value)) for name, value in item.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, float):
        # boto3 refuses floats. Their shortest representation is the number that was meant.
        if not math.isfinite(value):
            raise TypeError
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {name: _storable(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(part) for part in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Binary):
        return bytes(value.value)
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, set):
        return sorted(_plain(part) for part in value)
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value
