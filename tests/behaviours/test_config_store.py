"""The behaviour that every configuration store must have, tested on each implementation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from cci_lite.aws.config import DynamoConfigStore, config_table_definition
from cci_lite.contract.form import META_SORT_KEY
from cci_lite.contract.tenant import Tenant
from cci_lite.deploy.tenants import get_form, get_tenant, list_forms, put_form, put_tenant
from cci_lite.local.catalog import SqliteCatalog
from cci_lite.ports import ConfigStore
from cci_lite.testing.memory import MemoryConfig
from tests.aws.account import empty_account
from tests.unit.contract.test_form import GUIDE_TEMPLATE, form, parse_draft

PK = "TENANT#demo-tenant"
REGION = "eu-central-1"


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ConfigStore]:
    if request.param == "memory":
        yield MemoryConfig()
        return
    if request.param == "sqlite":
        catalog = SqliteCatalog(tmp_path)
        yield catalog
        catalog.close()
        return
    with empty_account():
        client = boto3.client("dynamodb", region_name=REGION)
        client.create_table(**config_table_definition("cci-lite-config"))
        yield DynamoConfigStore(client, "cci-lite-config")


def test_nothing_is_there_at_first(config: ConfigStore) -> None:
    assert config.get(PK, META_SORT_KEY) is None
    assert config.query(PK, "") == config.partition_keys() == []
    config.delete(PK, META_SORT_KEY)


@pytest.mark.parametrize(
    "value",
    [1, 0, -7, 10**30, 0.1, 0.5, 1e-9, "", "ü", "1.0", None, True, [], {}, [1, None, {"a": 0.1}]],
    ids=repr,
)
def test_a_value_comes_back_as_it_was_put_with_the_keys_beside_it(
    config: ConfigStore, value: Any
) -> None:
    config.put(PK, "x", {"value": value})
    item = config.get(PK, "x")
    assert item == {"pk": PK, "sk": "x", "value": value}
    # 1, 1.0 and True are equal and not the same.
    assert repr(item["value"]) == repr(value)
    assert config.query(PK, "x") == [item]


def test_an_item_is_replaced_whole(config: ConfigStore) -> None:
    config.put(PK, "x", {"a": 1, "b": 2})
    config.put(PK, "x", {"a": 3})
    assert config.get(PK, "x") == {"pk": PK, "sk": "x", "a": 3}


def test_items_are_queried_by_the_beginning_of_their_key_in_its_order(config: ConfigStore) -> None:
    keys = ["QA#a#2", "QA#a#10", "QA#b#1", "META#v1", "QA_x", "qa#a#1", "QA#ü"]
    for key in keys:
        config.put(PK, key, {"value": key})
    config.put("TENANT#demo-tenant-2", "QA#a#1", {"value": "another's"})
    assert [item["value"] for item in config.query(PK, "QA#a")] == ["QA#a#10", "QA#a#2"]
    assert [item["value"] for item in config.query(PK, "")] == sorted(keys)
    # `_` and `%` are characters like any other.
    assert [item["value"] for item in config.query(PK, "QA_")] == ["QA_x"]
    assert config.query(PK, "%") == []
    assert config.partition_keys() == [PK, "TENANT#demo-tenant-2"]


def test_what_is_more_than_a_page_is_read_whole(config: ConfigStore) -> None:
    # DynamoDB answers with at most 1 MB at a time.
    for number in range(30):
        config.put(f"TENANT#t{number:02}", "x", {"text": "ü" * 50_000})
        config.put(PK, f"QA#{number:02}", {"text": "ü" * 50_000})
    assert len(config.query(PK, "QA#")) == 30
    assert len(config.partition_keys()) == 31


def test_an_item_that_is_there_is_not_created_again(config: ConfigStore) -> None:
    assert config.put_new(PK, "x", {"value": 1}) is True
    assert config.put_new(PK, "x", {"value": 2}) is False
    assert config.get(PK, "x") == {"pk": PK, "sk": "x", "value": 1}


def test_what_is_deleted_is_gone_alone(config: ConfigStore) -> None:
    for key in ("x", "y"):
        config.put(PK, key, {"value": 1})
    config.delete(PK, "x")
    config.delete(PK, "x")
    assert config.get(PK, "x") is None
    assert config.put_new(PK, "x", {"value": 2}) is True
    assert len(config.query(PK, "")) == 2


def test_keys_are_values_and_never_code(config: ConfigStore) -> None:
    hostile = "x'; DROP TABLE config; -- :pk #n"
    config.put(hostile, hostile, {hostile: hostile})
    assert config.query(hostile, hostile) == [{"pk": hostile, "sk": hostile, hostile: hostile}]


def test_the_guides_items_are_a_tenant_with_its_form(config: ConfigStore) -> None:
    guide_model = "anthropic.claude-3-haiku-20240307"
    config.put(PK, META_SORT_KEY, {"name": "Demo Tenant", "bedrockModel": guide_model})
    config.put(PK, "QA_TEMPLATE#v1", GUIDE_TEMPLATE)
    config.put(PK, "QA_TEMPLATE#sales", {**form(), "sk": "QA_TEMPLATE#sales"})
    tenant = get_tenant(config, "demo-tenant")
    assert (tenant.name, tenant.model) == ("Demo Tenant", guide_model)
    expected = [
        parse_draft(GUIDE_TEMPLATE).as_version(1),
        parse_draft({**form(), "name": "sales"}).as_version(1),
    ]
    assert list_forms(config, "demo-tenant") == expected
    assert get_form(config, "demo-tenant", "sales") == expected[1]


def test_what_is_put_is_found_and_the_same_again_changes_nothing(config: ConfigStore) -> None:
    tenant = Tenant(tenant_id="demo-tenant", name="Demo", max_open_calls=7)
    assert put_tenant(config, tenant) is True
    assert put_tenant(config, tenant) is False
    draft = parse_draft(
        form(weight=0.1, rule={"phrases": ["hi"], "within": {"first_seconds": 2.5}})
    )
    stored = put_form(config, "demo-tenant", draft)
    assert put_form(config, "demo-tenant", draft).is_new is False
    assert list_forms(config, "demo-tenant") == [stored.form]
    assert get_tenant(config, "demo-tenant") == tenant
