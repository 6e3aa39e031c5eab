"""Items of DynamoDB: values survive the round trip."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.aws.items import from_item, to_item
from cci_lite.errors import UsageError
from tests.depth import one_in

REGION = "eu-central-1"

numbers = st.integers(-(10**37), 10**37) | st.floats(
    allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15
).filter(lambda number: number == 0 or abs(number) > 1e-100)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@one_in(3)
@given(st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=5))
def test_values_come_back_as_they_went(item: dict[str, Any]) -> None:
    assert from_item(to_item(item)) == item


def test_weights_survive_the_table(cloud: None) -> None:
    client = boto3.client("dynamodb", region_name=REGION)
    client.create_table(
        TableName="numbers",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    item = {"pk": "x", "weights": [1.5, 0.1, 1, 0.7, 4.5, 1e-7, 1e21], "version": 12}
    client.put_item(TableName="numbers", Item=to_item(item))
    found = from_item(client.get_item(TableName="numbers", Key=to_item({"pk": "x"}))["Item"])
    assert found == item
    assert [type(number) for number in found["weights"][:3]] == [float, float, int]


def test_whole_numbers_are_int_even_where_a_fraction_was_written() -> None:
    found = from_item({"weight": {"N": "1.0"}, "version": {"N": "3"}})
    assert found == {"weight": 1, "version": 3}
    assert {type(value) for value in found.values()} == {int}


def test_decimals_go_in_and_come_back_as_numbers() -> None:
    assert from_item(to_item({"weight": Decimal("1.50")})) == {"weight": 1.5}


def test_sets_of_others_become_sorted_lists() -> None:
    found = from_item({"names": {"SS": ["b", "a"]}, "numbers": {"NS": ["2.5", "1"]}})
    assert found == {"names": ["a", "b"], "numbers": [1, 2.5]}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(math.nan, id="not a number"),
        pytest.param(-math.inf, id="infinite"),
        pytest.param(1e300, id="too large"),
        pytest.param(10**38 + 1, id="too many digits"),
        pytest.param(object(), id="an object"),
        pytest.param([{"deep": math.nan}], id="deep inside"),
    ],
)
def test_what_the_table_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="^expected an item that DynamoDB can hold$"):
        to_item({"value": value})
