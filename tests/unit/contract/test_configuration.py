"""What the stored items of a tenant say: settings, forms, and which form is active."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cci_lite.contract.configuration import (
    Activation,
    TenantForms,
    item_of_activation,
    new_activation,
    read_forms,
    tenant_ids_of,
    tenant_of_item,
)
from cci_lite.contract.form import GUIDE_FORM_KEY, parse_sort_key, sort_key
from cci_lite.contract.form_reading import form_of_item, item_of, parse_draft
from cci_lite.errors import FormError, TenantError
from tests.unit.contract.test_form import GUIDE_TEMPLATE, form

AT = dt.datetime(2025, 11, 5, 9, 30, tzinfo=dt.UTC)


def stored(name: str = "default", version: int = 1, **fields: Any) -> dict[str, Any]:
    """An item of ours, as DynamoDB gives it."""
    stored_form = parse_draft({**form(**fields), "name": name}).as_version(version)
    return {**item_of(stored_form), "sk": sort_key(name, version)}


def guide_item(key: str, **fields: Any) -> dict[str, Any]:
    return {"pk": "TENANT#demo-tenant", "sk": key, **form(**fields)}


def active(queue: str, name: str, version: int = 1) -> dict[str, Any]:
    item = {"name": name, "version": version, "activated_at": "2025-11-05T09:30:00Z"}
    return {"sk": f"QA_ACTIVE#{queue}", **item}


def labels(forms: TenantForms) -> list[str]:
    return [form.label for form in forms.versions]


# --- the guide's items --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("QA_TEMPLATE#v1", "default v1"),
        ("QA_TEMPLATE#v2", "default v2"),
        ("QA_TEMPLATE#sales", "sales v1"),
        ("QA_TEMPLATE#sales#v3", "sales v3"),
        ("QA_TEMPLATE#sales#v000003", "sales v3"),
    ],
)
def test_the_guides_item_is_named_by_its_key(key: str, label: str) -> None:
    assert form_of_item(guide_item(key)).label == label


@pytest.mark.parametrize("kind", [Decimal, float, str], ids=["decimal", "float", "text"])
def test_the_guides_numbers_make_the_same_form_however_they_are_stored(kind: Any) -> None:
    item = {
        **GUIDE_TEMPLATE,
        "criteria": [
            {**criterion, "weight": kind(str(criterion["weight"]))}
            for criterion in GUIDE_TEMPLATE["criteria"]
        ],
        "scoring": {**GUIDE_TEMPLATE["scoring"], "pass_threshold": kind("0.7")},
    }
    assert form_of_item(item) == parse_draft(GUIDE_TEMPLATE).as_version(1)


def test_whole_decimals_are_counts_and_versions() -> None:
    rule = {"phrases": ["hi"], "within": {"first_turns": Decimal(2)}}
    item = {**guide_item("QA_TEMPLATE#sales", rule=rule), "version": Decimal(4)}
    assert form_of_item(item).label == "sales v4"


def test_what_is_no_field_of_a_form_is_left_alone() -> None:
    item = {**guide_item("QA_TEMPLATE#v1"), "updated_by": "console", "description": 7}
    assert form_of_item(item).label == "default v1"


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (form(), "version: expected the version, or a key that says it, found neither"),
        (
            {**form(), "name": "sales", "sk": "QA_TEMPLATE#support"},
            "sk: expected the same name and version as in the file, found others",
        ),
        (
            guide_item("QA_TEMPLATE#Sales"),
            "sk: expected QA_TEMPLATE#<name>#v<N> or QA_TEMPLATE#v<N>, found 'QA_TEMPLATE#Sales'",
        ),
        ({"sk": "QA_TEMPLATE#v1"}, "expected the field criteria, found an object with 1 field"),
    ],
    ids=["no version", "another name", "no name", "no criteria"],
)
def test_an_item_that_is_no_form_says_why(item: dict[str, Any], text: str) -> None:
    with pytest.raises(FormError) as caught:
        form_of_item(item)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "key", ["", "v1", "QA_TEMPLATE#", "QA_TEMPLATE#a#b", "QA_TEMPLATE#a#v1#x", "QA_ACTIVE#a"]
)
def test_a_key_that_names_no_form_is_refused(key: str) -> None:
    with pytest.raises(FormError, match=r"^sk: "):
        parse_sort_key(key)


# --- forms --------------------------------------------------------------------------------------


def test_forms_are_ordered_by_name_and_version() -> None:
    items = [stored("sales"), guide_item("QA_TEMPLATE#v1"), stored("default", 10), stored("a", 2)]
    assert labels(read_forms(items)) == ["a v2", "default v1", "default v10", "sales v1"]


def test_the_same_form_under_two_keys_is_one() -> None:
    forms = read_forms([stored(), guide_item("QA_TEMPLATE#v1")])
    assert labels(forms) == ["default v1"]
    assert forms.broken == ()


def test_a_version_that_is_stored_with_two_contents_is_broken() -> None:
    forms = read_forms([stored(), guide_item("QA_TEMPLATE#v1", weight=2), stored("sales")])
    assert labels(forms) == ["sales v1"]
    with pytest.raises(FormError) as caught:
        forms.form("default", 1)
    assert str(caught.value) == (
        "default v1: expected the same content wherever it is stored, found two: "
        "QA_TEMPLATE#default#v000001 and QA_TEMPLATE#v1"
    )


@pytest.mark.parametrize("broken_first", [True, False])
def test_of_a_broken_and_a_good_content_of_one_version_neither_is_the_form(
    broken_first: bool,
) -> None:
    items = [stored(), {"sk": "QA_TEMPLATE#v1", "criteria": []}]
    forms = read_forms(items[::-1] if broken_first else items)
    assert labels(forms) == []
    with pytest.raises(FormError, match=r"^criteria: "):
        forms.form("default", 1)


def test_a_broken_form_hides_no_other() -> None:
    forms = read_forms([stored(), {**stored("sales", 2), "criteria": []}, stored("sales")])
    assert labels(forms) == ["default v1", "sales v1"]
    assert [item.label for item in forms.broken] == ["sales v2"]
    assert forms.form("sales", 1) is not None
    assert forms.form("sales", 3) is None
    with pytest.raises(FormError, match=r"^criteria: "):
        forms.form("sales", 2)


# --- activations --------------------------------------------------------------------------------

FORMS = [stored(), stored("sales"), stored("sales", 2), stored("support")]


@pytest.mark.parametrize(
    ("queue", "label"),
    [("sales-de", "sales v2"), ("other", "support v1"), (None, "support v1"), ("*", "support v1")],
)
def test_the_exact_queue_counts_before_all_others(queue: str | None, label: str) -> None:
    forms = read_forms(FORMS, [active("sales-de", "sales", 2), active("*", "support")])
    found = forms.active(queue, GUIDE_FORM_KEY)
    assert found is not None
    assert found.label == label


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("QA_TEMPLATE#v1", "default v1"),
        ("QA_TEMPLATE#sales", "sales v1"),
        ("QA_TEMPLATE#sales#v2", "sales v2"),
        ("QA_TEMPLATE#v2", None),
        ("QA_TEMPLATE#none", None),
    ],
)
def test_without_an_activation_the_installations_form_counts(key: str, label: str | None) -> None:
    found = read_forms(FORMS, [active("sales-de", "sales", 2)]).active("other", key)
    assert (found.label if found else None) == label


def test_a_form_that_is_active_and_gone_is_not_replaced_by_another() -> None:
    forms = read_forms(FORMS, [active("sales-de", "sales", 9), active("*", "support")])
    with pytest.raises(FormError) as caught:
        forms.active("sales-de", GUIDE_FORM_KEY)
    assert str(caught.value) == "activation: expected sales v9, found no such form"


def test_a_broken_activation_stands_in_the_way_of_its_queue_only() -> None:
    broken = {**active("sales-de", "sales"), "version": 0}
    forms = read_forms(FORMS, [broken, active("*", "support")])
    assert forms.active("other", GUIDE_FORM_KEY) == form_of_item(stored("support"))
    with pytest.raises(FormError, match=r"^version: "):
        forms.active("sales-de", GUIDE_FORM_KEY)


def test_an_activation_is_read_as_it_was_stored() -> None:
    activation = new_activation("sales # de", form_of_item(stored("sales", 2)), AT)
    assert read_forms(FORMS, [item_of_activation(activation)]).activations == (activation,)
    by_key = {**active("sales # de", "sales"), "version": Decimal(2)}
    assert read_forms(FORMS, [by_key]).activations == (activation,)
    assert activation == Activation(queue="sales # de", name="sales", version=2, activated_at=AT)


@pytest.mark.parametrize(
    "queue", ["", " ", "a\nb", "q" * 201], ids=["empty", "blank", "line", "long"]
)
def test_what_cannot_be_a_queue_is_refused(queue: str) -> None:
    with pytest.raises(FormError, match=r"^queue: expected 1 to 200 characters"):
        new_activation(queue, form_of_item(stored()), AT)


# --- tenants ------------------------------------------------------------------------------------


def test_tenant_ids_are_told_by_partition_keys() -> None:
    keys = ["TENANT#b2", "TENANT#a1", "SETTINGS", "TENANT#", "TENANT#shared", "TENANT#Ab"]
    assert tenant_ids_of(keys) == ["a1", "b2"]


def test_settings_of_another_tenant_are_refused() -> None:
    item = {"tenant_id": "other-tenant", "name": "Other"}
    with pytest.raises(TenantError) as caught:
        tenant_of_item("demo-tenant", item)
    assert str(caught.value) == "tenant_id: expected 'demo-tenant', found another tenant's"
