"""The configuration table in DynamoDB: errors of the service."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.aws.config import DynamoConfigStore, config_table_definition
from cci_lite.aws.items import from_item, to_item
from cci_lite.contract.form import sort_key
from cci_lite.contract.form_reading import form_of_item, item_of, parse_draft
from cci_lite.errors import RetryLaterError, ServiceError

REGION = "eu-central-1"
CALLS = {
    "get": lambda store: store.get("TENANT#canary", "META#v1"),
    "put": lambda store: store.put("TENANT#canary", "META#v1", {"name": "canary"}),
    "put new": lambda store: store.put_new("TENANT#canary", "META#v1", {"name": "canary"}),
    "query": lambda store: store.query("TENANT#canary", "QA_TEMPLATE#"),
    "partition keys": lambda store: store.partition_keys(),
    "delete": lambda store: store.delete("TENANT#canary", "META#v1"),
}


class Failing:
    """A client whose every request fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, operation: str) -> Any:
        def fail(**_: Any) -> Any:
            raise self._error

        return fail

    def get_paginator(self, _: str) -> Any:
        client = self

        class Paginator:
            def paginate(self, **_: Any) -> Any:
                yield client.query()

        return Paginator()


def client_error(code: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "canary"}}
    return ClientError(answer, "Operation")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (
            client_error("ProvisionedThroughputExceededException"),
            RetryLaterError,
            "dynamodb_throttled",
        ),
        (EndpointConnectionError(endpoint_url="canary"), RetryLaterError, "dynamodb_unreachable"),
        (client_error("AccessDeniedException"), ServiceError, "dynamodb_AccessDeniedException"),
    ],
    ids=["throttled", "unreachable", "denied"],
)
def test_an_error_says_whether_to_retry_and_nothing_of_the_request(
    call: str, error: Exception, kind: type[Exception], code: str
) -> None:
    with pytest.raises(kind) as caught:
        CALLS[call](DynamoConfigStore(Failing(error), "cci-lite-config"))
    assert getattr(caught.value, "code", None) == code
    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_table_is_the_guides_and_cannot_be_deleted_by_accident(cloud: None) -> None:
    client = boto3.client("dynamodb", region_name=REGION)
    client.create_table(**config_table_definition("cci-lite-config"))
    table = client.describe_table(TableName="cci-lite-config")["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True


def test_reads_see_every_earlier_write() -> None:
    requests = []

    class Recording:
        def get_item(self, **request: Any) -> Any:
            requests.append(request)
            return {}

        def get_paginator(self, _: str) -> Any:
            class Paginator:
                def paginate(self, **request: Any) -> Any:
                    requests.append(request)
                    return [{"Items": []}]

            return Paginator()

    store = DynamoConfigStore(Recording(), "cci-lite-config")
    store.get("a", "b")
    store.query("a", "b")
    store.partition_keys()
    assert [request["ConsistentRead"] for request in requests] == [True, True, True]


@given(
    weight=st.decimals("0.0001", 1000, places=4),
    threshold=st.decimals(0, 1, places=4),
    seconds=st.floats(0.001, 86_400),
    turns=st.integers(1, 10_000),
    version=st.integers(1, 999_999),
)
def test_a_form_comes_out_of_the_table_with_the_content_that_was_hashed(
    weight: Decimal, threshold: Decimal, seconds: float, turns: int, version: int
) -> None:
    question = {"text": "Was it said?", "weight": weight}
    within = [{"first_seconds": seconds}, {"first_turns": turns}]
    criteria = [
        {**question, "id": f"said_{place}", "rule": {"phrases": ["hi"], "within": where}}
        for place, where in enumerate(within)
    ]
    draft = parse_draft({"criteria": criteria, "scoring": {"pass_threshold": threshold}})
    form = draft.as_version(version)
    item = {**item_of(form), "sk": sort_key(form.name, version)}
    assert form_of_item(from_item(to_item(item))) == form
