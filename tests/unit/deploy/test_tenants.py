"""Tenants and their forms, in the laptop's own catalogue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cci_lite.contract.form import META_SORT_KEY, FormDraft, sort_key
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.tenant import Audio, Tenant, parse_tenant
from cci_lite.deploy.tenants import (
    ActivatedForm,
    StoredForm,
    activate_form,
    active_form,
    apply_removal,
    broken_tenants,
    get_form,
    get_tenant,
    list_activations,
    list_forms,
    list_tenants,
    plan_removal,
    put_form,
    put_tenant,
    tenant_forms,
    tenant_warnings,
)
from cci_lite.errors import (
    FormError,
    ImmutableVersionError,
    NotFoundError,
    TenantError,
    TenantIdError,
    UsageError,
)
from cci_lite.local.catalog import SqliteCatalog

TENANT = "demo-tenant"
KEY = "TENANT#demo-tenant"


def draft(weight: Any = 1, **fields: Any) -> FormDraft:
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
    assert [each.form.version for each in stored] == [1, 2, 3]
    assert all(each.is_new for each in stored)
    assert labels(config) == ["default v1", "default v2", "default v3"]


def test_the_same_form_again_is_the_version_that_is_there(config: SqliteCatalog) -> None:
    first = put_form(config, TENANT, draft(1))
    assert put_form(config, TENANT, draft("1.0")) == StoredForm(first.form, is_new=False, latest=1)
    assert labels(config) == ["default v1"]


def test_the_content_of_an_earlier_version_is_that_version(config: SqliteCatalog) -> None:
    stored = [put_form(config, TENANT, draft(weight)) for weight in (1, 2, 1)]
    assert labels(config) == ["default v1", "default v2"]
    assert (stored[2].form.version, stored[2].is_new, stored[2].latest) == (1, False, 2)


def test_a_version_that_a_file_names_is_stored_under_it(config: SqliteCatalog) -> None:
    assert put_form(config, TENANT, draft(version=5)).form.version == 5
    assert put_form(config, TENANT, draft(version=5)).is_new is False
    assert put_form(config, TENANT, draft(2)).form.version == 6


def test_a_version_that_is_there_never_changes(config: SqliteCatalog) -> None:
    put_form(config, TENANT, draft(1, version=1))
    put_form(config, TENANT, draft(2, version=2))
    before = list_forms(config, TENANT)
    with pytest.raises(ImmutableVersionError) as caught:
        put_form(config, TENANT, draft(9, version=1))
    assert str(caught.value) == (
        "form default v1 of demo-tenant has other content, and a version never changes; "
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


def test_a_form_that_was_changed_in_the_store_is_refused_and_hides_no_other(
    config: SqliteCatalog,
) -> None:
    put_form(config, TENANT, draft(1))
    put_form(config, TENANT, draft(1, name="sales"))
    item = config.get(KEY, sort_key("default", 1))
    assert item is not None
    item["criteria"][0]["weight"] = "100"
    config.put(KEY, sort_key("default", 1), item)
    for version in (None, 1):
        with pytest.raises(FormError, match=r"^content_hash: "):
            get_form(config, TENANT, "default", version)
    with pytest.raises(FormError, match=r"^content_hash: "):
        put_form(config, TENANT, draft(1, version=1))
    assert labels(config) == ["sales v1"]
    [broken] = tenant_forms(config, TENANT).broken
    assert (broken.label, broken.key) == ("default v1", sort_key("default", 1))


def test_the_version_of_a_broken_form_is_taken(config: SqliteCatalog) -> None:
    config.put(KEY, sort_key("default", 3), {"name": "default", "version": 3})
    assert put_form(config, TENANT, draft(1)).form.version == 4


def test_what_was_put_is_there_when_the_catalogue_is_opened_again(tmp_path: Path) -> None:
    first = SqliteCatalog(tmp_path)
    put_tenant(first, Tenant(tenant_id=TENANT, name="Demo"))
    stored = put_form(first, TENANT, draft(0.5, name="sales")).form
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


# --- activation ---------------------------------------------------------------------------------

AT = dt.datetime(2025, 11, 5, 9, 30, tzinfo=dt.UTC)


def activations(config: SqliteCatalog) -> list[tuple[str, str]]:
    return [(each.queue, each.label) for each in list_activations(config, TENANT)]


def test_activating_a_form_twice_changes_nothing(config: SqliteCatalog) -> None:
    put_form(config, TENANT, draft(1))
    first = activate_form(config, TENANT, "default", at=AT)
    assert (first.is_new, first.before, first.activation.queue) == (True, None, "*")
    again = activate_form(config, TENANT, "default", 1, at=AT + dt.timedelta(days=1))
    assert again == ActivatedForm(first.activation, "default v1", is_new=False)
    assert [each.activated_at for each in list_activations(config, TENANT)] == [AT]


def test_the_latest_version_is_activated_and_later_ones_wait(config: SqliteCatalog) -> None:
    for weight in (1, 2):
        put_form(config, TENANT, draft(weight))
    activate_form(config, TENANT, "default", at=AT)
    put_form(config, TENANT, draft(3))
    assert activations(config) == [("*", "default v2")]
    back = activate_form(config, TENANT, "default", 1, at=AT)
    assert (back.before, back.activation.label) == ("default v2", "default v1")


def test_each_queue_has_its_own_form(config: SqliteCatalog) -> None:
    put_form(config, TENANT, draft(1))
    put_form(config, TENANT, draft(1, name="sales"))
    assert active_form(config, TENANT, "sales-de", "QA_TEMPLATE#sales#v2") is None
    activate_form(config, TENANT, "sales", queue="sales-de", at=AT)
    assert activations(config) == [("sales-de", "sales v1")]
    for queue, label in (("sales-de", "sales v1"), ("other", "default v1"), (None, "default v1")):
        form = active_form(config, TENANT, queue, "QA_TEMPLATE#v1")
        assert form is not None
        assert form.label == label


@pytest.mark.parametrize("queue", ["", " ", "a\nb"], ids=["empty", "blank", "two lines"])
def test_what_is_no_queue_never_stands_for_all_of_them(config: SqliteCatalog, queue: str) -> None:
    put_form(config, TENANT, draft(1))
    with pytest.raises(FormError, match=r"^queue: "):
        activate_form(config, TENANT, "default", queue=queue, at=AT)
    assert activations(config) == []


@pytest.mark.parametrize(("name", "version"), [("sales", None), ("default", 2)])
def test_only_a_form_that_is_there_is_activated(
    config: SqliteCatalog, name: str, version: int | None
) -> None:
    put_form(config, TENANT, draft(1))
    with pytest.raises(NotFoundError, match=r"^tenant demo-tenant has no form "):
        activate_form(config, TENANT, name, version, at=AT)
    with pytest.raises(NotFoundError, match=r"^no tenant 'nobody'; "):
        activate_form(config, "nobody", "default", at=AT)
    assert activations(config) == []


# --- broken tenants -----------------------------------------------------------------------------


def test_a_tenant_that_cannot_be_read_hides_no_other(config: SqliteCatalog) -> None:
    config.put("TENANT#broken", META_SORT_KEY, {"name": "B", "time_zone": "Mars"})
    config.put("TENANT#copied", META_SORT_KEY, {"tenant_id": TENANT, "name": "Demo"})
    assert [tenant.tenant_id for tenant in list_tenants(config)] == [TENANT]
    assert {name: problem.path for name, problem in broken_tenants(config).items()} == {
        "broken": "time_zone",
        "copied": "tenant_id",
    }
    with pytest.raises(
        TenantError,
        match=r"^settings of broken, time_zone: .*; fix it with: cci-lite tenants add broken$",
    ):
        get_tenant(config, "broken")
    with pytest.raises(NotFoundError, match=r"did you mean broken\?"):
        get_tenant(config, "broke")


# --- warnings -----------------------------------------------------------------------------------

TODAY = dt.date(2026, 6, 1)


@pytest.mark.parametrize(
    ("settings", "today", "warnings"),
    [
        ({}, TODAY, []),
        ({"model": "haiku"}, dt.date(2026, 7, 16), []),
        (
            {"model": "haiku"},
            dt.date(2026, 7, 17),
            ["model haiku ends on 2026-10-15; give the tenant another model"],
        ),
        (
            {"model": "haiku"},
            dt.date(2026, 10, 15),
            ["model_end_of_life: haiku ended on 2026-10-15; give the tenant another model"],
        ),
        (
            {"model": "gone"},
            TODAY,
            ["model: expected one of nova-lite, sonnet, haiku, found 'gone'"],
        ),
        (
            {"language_code": "en-GB"},
            TODAY,
            ["Transcribe does not redact en-GB: calls are refused"],
        ),
        (
            {"language_code": "en-GB", "unredacted": "mask"},
            TODAY,
            ["Transcribe does not redact en-GB: calls are masked after transcription"],
        ),
        (
            {"language_code": "en-GB", "unredacted": "mask", "nlp": "none"},
            TODAY,
            [
                "Transcribe does not redact en-GB: calls are refused, because names to be "
                "masked cannot be found"
            ],
        ),
        (
            {"language_code": "nl-NL", "unredacted": "mask"},
            TODAY,
            [
                "Transcribe does not redact nl-NL: calls are refused, because names to be "
                "masked cannot be found"
            ],
        ),
        (
            {"language_code": "de-DE"},
            TODAY,
            ["it is not verified that Transcribe redacts de-DE in every Region"],
        ),
        (
            {"language_code": "xx-XX"},
            TODAY,
            [
                "language_code: expected a language of batch transcription, like en-US or de-DE, "
                "found 'xx-XX'"
            ],
        ),
    ],
    ids=[
        "none",
        "91 days",
        "90 days",
        "ended",
        "no model",
        "refused",
        "masked",
        "no names wanted",
        "no names found",
        "unverified",
        "xx",
    ],
)
def test_problems_with_settings_are_listed_as_warnings(
    settings: dict[str, str], today: dt.date, warnings: list[str]
) -> None:
    tenant = parse_tenant({"tenant_id": TENANT, **settings})
    assert tenant_warnings(tenant, today) == warnings


# --- removal ------------------------------------------------------------------------------------


def nothing(prefix: str) -> bool:
    return False


def test_a_tenant_goes_with_all_its_items_and_alone(config: SqliteCatalog) -> None:
    put_tenant(config, Tenant(tenant_id="demo-tenant-2", name="Other"))
    put_form(config, TENANT, draft(1))
    activate_form(config, TENANT, "default", queue="q", at=AT)
    config.put(KEY, "ZZ#unknown", {})
    removal = plan_removal(config, TENANT, nothing)
    # The settings go last: until then the removal can be repeated.
    assert removal.sort_keys == (
        "QA_ACTIVE#q", "QA_TEMPLATE#default#v000001", "ZZ#unknown", META_SORT_KEY
    )  # fmt: skip
    assert len(config.query(KEY, "")) == 4
    for _ in range(2):
        apply_removal(config, removal)
        assert config.partition_keys() == ["TENANT#demo-tenant-2"]
    with pytest.raises(NotFoundError, match=r"^no tenant 'demo-tenant'; "):
        plan_removal(config, TENANT, nothing)


def test_a_tenant_that_cannot_be_read_can_be_removed(config: SqliteCatalog) -> None:
    config.put(KEY, META_SORT_KEY, {"time_zone": "Mars"})
    apply_removal(config, plan_removal(config, TENANT, nothing))
    assert config.partition_keys() == []


@pytest.mark.parametrize(
    "held",
    [
        "demo-tenant/calls/",
        "work/demo-tenant/",
        "unified/demo-tenant/",
        "quarantine/demo-tenant/",
        "curated/demo-tenant/",
    ],
)
def test_a_tenant_whose_data_is_there_stays(config: SqliteCatalog, held: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan_removal(config, TENANT, lambda prefix: prefix == held)
    assert str(caught.value) == (
        f"tenant demo-tenant still has data below {held}; to take no more calls in: "
        "cci-lite tenants add demo-tenant --status suspended"
    )
