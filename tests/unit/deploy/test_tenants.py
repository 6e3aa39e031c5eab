"""Tenants and their forms, in the laptop's own catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cci_lite.contract.template import META_SORT_KEY, TemplateDraft, parse_draft, sort_key
from cci_lite.contract.tenant import Audio, Tenant
from cci_lite.deploy.tenants import (
    StoredForm,
    get_form,
    get_tenant,
    list_forms,
    list_tenants,
    put_form,
    put_tenant,
)
from cci_lite.errors import ImmutableVersionError, NotFoundError, TemplateError, TenantIdError
from cci_lite.local.catalog import SqliteCatalog

TENANT = "demo-tenant"
KEY = "TENANT#demo-tenant"


def draft(weight: Any = 1, **fields: Any) -> TemplateDraft:
    criterion = {"id": "greet_01", "text": "Was there a greeting?", "weight": weight}
    return parse_draft({"criteria": [criterion], **fields})


@pytest.fixture
def config(tmp_path: Path) -> Iterator[SqliteCatalog]:
    catalog = SqliteCatalog(tmp_path)
    put_tenant(catalog, Tenant(tenant_id=TENANT, name="Demo"))
    yield catalog
    catalog.close()


def labels(config: SqliteCatalog, tenant_id: str = TENANT) -> list[str]:
    return [form.label for form in list_forms(config, tenant_id)]


# --- tenants ------------------------------------------------------------------------------------


def test_a_tenant_is_found_as_it_was_put(config: SqliteCatalog) -> None:
    tenant = Tenant(
        tenant_id="other",
        name="Größe",
        time_zone="Europe/Berlin",
        audio=Audio(agent_channel="ch_1"),
    )
    assert put_tenant(config, tenant) is True
    assert get_tenant(config, "other") == tenant


def test_putting_the_same_tenant_again_changes_nothing(config: SqliteCatalog) -> None:
    tenant = Tenant(tenant_id=TENANT, name="Demo", audio=Audio(agent_channel="ch_0"))
    assert put_tenant(config, tenant) is True
    assert put_tenant(config, tenant) is False
    # An agent's channel that is taken away is gone.
    assert put_tenant(config, Tenant(tenant_id=TENANT, name="Demo")) is True
    assert get_tenant(config, TENANT).audio == Audio()


def test_fields_of_a_stored_tenant_that_are_not_ours_stay(config: SqliteCatalog) -> None:
    config.put("TENANT#ab", META_SORT_KEY, {"name": "AB", "bedrockModel": "some-model"})
    assert put_tenant(config, Tenant(tenant_id="ab", name="A B")) is True
    assert put_tenant(config, Tenant(tenant_id="ab", name="A B")) is False
    item = config.get("TENANT#ab", META_SORT_KEY)
    assert item is not None
    assert (item["name"], item["bedrockModel"]) == ("A B", "some-model")


def test_a_tenant_that_was_stored_without_its_id_is_known_by_its_key(
    config: SqliteCatalog,
) -> None:
    config.put("TENANT#ab", META_SORT_KEY, {"name": "AB"})
    assert get_tenant(config, "ab") == Tenant(tenant_id="ab", name="AB")
    assert [tenant.tenant_id for tenant in list_tenants(config)] == ["ab", TENANT]


def test_tenants_are_listed_by_id_and_nothing_else_is(config: SqliteCatalog) -> None:
    put_tenant(config, Tenant(tenant_id="zz", name="A"))
    put_tenant(config, Tenant(tenant_id="aa", name="Z"))
    config.put("SETTINGS", META_SORT_KEY, {"name": "no tenant"})
    config.put("TENANT#form-only", sort_key("default", 1), {})
    assert [tenant.tenant_id for tenant in list_tenants(config)] == ["aa", TENANT, "zz"]


@pytest.mark.parametrize(
    ("tenant_id", "text"),
    [
        ("demo-tenat", "no tenant 'demo-tenat'; did you mean demo-tenant?"),
        ("xyz", "no tenant 'xyz'; add it with: cci-lite tenants add"),
    ],
)
def test_a_tenant_that_is_not_there_is_named_with_what_to_do(
    config: SqliteCatalog, tenant_id: str, text: str
) -> None:
    with pytest.raises(NotFoundError) as caught:
        get_tenant(config, tenant_id)
    assert str(caught.value) == text


@pytest.mark.parametrize("tenant_id", ["../x", "shared", "a/b", ""])
def test_what_is_no_tenant_id_is_not_looked_for(config: SqliteCatalog, tenant_id: str) -> None:
    with pytest.raises(TenantIdError):
        get_tenant(config, tenant_id)
    with pytest.raises(TenantIdError):
        put_form(config, tenant_id, draft())
    with pytest.raises(TenantIdError):
        list_forms(config, tenant_id)


# --- versions -----------------------------------------------------------------------------------


def test_the_first_form_is_version_1_and_each_change_the_next(config: SqliteCatalog) -> None:
    stored = [put_form(config, TENANT, draft(weight)) for weight in (1, 2, 3)]
    assert [each.template.version for each in stored] == [1, 2, 3]
    assert all(each.is_new for each in stored)
    assert labels(config) == ["default v1", "default v2", "default v3"]


def test_the_same_form_again_is_the_version_that_is_there(config: SqliteCatalog) -> None:
    first = put_form(config, TENANT, draft(1))
    assert put_form(config, TENANT, draft("1.0")) == StoredForm(first.template, is_new=False)
    assert labels(config) == ["default v1"]


def test_going_back_to_an_earlier_content_is_a_version_of_its_own(config: SqliteCatalog) -> None:
    for weight in (1, 2, 1):
        put_form(config, TENANT, draft(weight))
    assert labels(config) == ["default v1", "default v2", "default v3"]
    first, _, third = list_forms(config, TENANT)
    assert first.content_hash == third.content_hash


def test_a_version_that_a_file_names_is_stored_under_it(config: SqliteCatalog) -> None:
    assert put_form(config, TENANT, draft(version=5)).template.version == 5
    assert put_form(config, TENANT, draft(version=5)).is_new is False
    assert put_form(config, TENANT, draft(2)).template.version == 6


def test_a_version_that_is_there_never_changes(config: SqliteCatalog) -> None:
    put_form(config, TENANT, draft(1, version=1))
    put_form(config, TENANT, draft(2, version=2))
    before = list_forms(config, TENANT)
    with pytest.raises(ImmutableVersionError) as caught:
        put_form(config, TENANT, draft(9, version=1))
    assert str(caught.value) == (
        "form default v1 of demo-tenant is there with other content and never changes; "
        "put this one as version 3"
    )
    assert list_forms(config, TENANT) == before


def test_versions_are_counted_for_each_form(config: SqliteCatalog) -> None:
    put_form(config, TENANT, draft(1, name="sales"))
    put_form(config, TENANT, draft(2, name="sales"))
    put_form(config, TENANT, draft(1, name="sales-b"))
    put_form(config, TENANT, draft(1))
    assert labels(config) == ["default v1", "sales v1", "sales v2", "sales-b v1"]


def test_versions_above_nine_are_in_their_order(config: SqliteCatalog) -> None:
    for weight in range(1, 13):
        put_form(config, TENANT, draft(weight))
    assert labels(config) == [f"default v{n}" for n in range(1, 13)]
    assert get_form(config, TENANT, "default").version == 12


def test_a_form_is_the_latest_version_unless_one_is_named(config: SqliteCatalog) -> None:
    for weight in (1, 2):
        put_form(config, TENANT, draft(weight))
    assert get_form(config, TENANT, "default").version == 2
    assert get_form(config, TENANT, "default", 1).criteria[0].weight == 1


@pytest.mark.parametrize(
    ("name", "version", "text"),
    [
        (
            "sales",
            None,
            "tenant demo-tenant has no form 'sales' (it has: default v1); "
            "add it with: cci-lite forms put",
        ),
        (
            "default",
            7,
            "tenant demo-tenant has no form 'default v7' (it has: default v1); "
            "add it with: cci-lite forms put",
        ),
    ],
    ids=["name", "version"],
)
def test_a_form_that_is_not_there_is_named_with_those_that_are(
    config: SqliteCatalog, name: str, version: int | None, text: str
) -> None:
    put_form(config, TENANT, draft())
    with pytest.raises(NotFoundError) as caught:
        get_form(config, TENANT, name, version)
    assert str(caught.value) == text


def test_a_form_needs_a_tenant(config: SqliteCatalog) -> None:
    with pytest.raises(NotFoundError, match=r"^no tenant 'nobody'; "):
        put_form(config, "nobody", draft())
    assert list_forms(config, "nobody") == []


def test_a_tenants_forms_are_its_own(config: SqliteCatalog) -> None:
    # `demo` is how the other's key begins.
    put_tenant(config, Tenant(tenant_id="demo", name="Demo"))
    put_form(config, TENANT, draft(1))
    put_form(config, "demo", draft(2, name="sales"))
    assert labels(config) == ["default v1"]
    assert labels(config, "demo") == ["sales v1"]


def test_a_form_that_was_changed_in_the_store_is_refused(config: SqliteCatalog) -> None:
    put_form(config, TENANT, draft(1))
    item = config.get(KEY, sort_key("default", 1))
    assert item is not None
    item["criteria"][0]["weight"] = "100"
    config.put(KEY, sort_key("default", 1), item)
    with pytest.raises(TemplateError, match=r"^content_hash: "):
        list_forms(config, TENANT)


def test_what_was_put_is_there_when_the_catalogue_is_opened_again(tmp_path: Path) -> None:
    first = SqliteCatalog(tmp_path)
    put_tenant(first, Tenant(tenant_id=TENANT, name="Demo"))
    stored = put_form(first, TENANT, draft(0.5, name="sales")).template
    first.close()
    second = SqliteCatalog(tmp_path)
    assert get_form(second, TENANT, "sales", 1) == stored
    second.close()


def test_of_two_who_put_the_next_version_at_once_one_is_told(
    config: SqliteCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_form(config, TENANT, draft(1))
    put_new = config.put_new

    def other_is_faster(pk: str, sk: str, item: dict[str, Any]) -> bool:
        monkeypatch.undo()
        put_form(config, TENANT, draft(2))
        return put_new(pk, sk, item)

    monkeypatch.setattr(config, "put_new", other_is_faster)
    with pytest.raises(ImmutableVersionError):
        put_form(config, TENANT, draft(3))
    assert [form.criteria[0].weight for form in list_forms(config, TENANT)] == [1, 2]
