"""Tenants and forms as the functions see them: fresh enough, never another tenant's."""

from __future__ import annotations

from typing import Any

import pytest

from cci_lite.contract.configuration import activation_key, partition_key
from cci_lite.contract.form import GUIDE_FORM_KEY, META_SORT_KEY, sort_key
from cci_lite.contract.form_reading import item_of, parse_draft
from cci_lite.errors import PipelineError, UsageError
from cci_lite.pipeline.tenant_directory import TenantDirectory
from cci_lite.testing.memory import ManualClock, MemoryConfig

TENANT, OTHER = "demo-tenant", "demo-tenant-2"


class CountingConfig(MemoryConfig):
    """Counts what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        self.reads.append(pk)
        return super().get(pk, sk)

    def query(self, pk: str, sk_prefix: str) -> list[dict[str, Any]]:
        self.reads.append(pk)
        return super().query(pk, sk_prefix)


@pytest.fixture
def config() -> CountingConfig:
    config = CountingConfig()
    for tenant_id in (TENANT, OTHER):
        config.put(partition_key(tenant_id), META_SORT_KEY, {"name": f"Name of {tenant_id}"})
        put_form(config, tenant_id, "default", text=f"Was it {tenant_id}?")
    return config


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def tenants(config: CountingConfig, clock: ManualClock) -> TenantDirectory:
    return TenantDirectory(config, clock, form_key=GUIDE_FORM_KEY)


def put_form(
    config: MemoryConfig, tenant_id: str, name: str, version: int = 1, text: str = "Was it said?"
) -> None:
    value = {"name": name, "criteria": [{"id": "a_01", "text": text, "weight": 1}]}
    item = item_of(parse_draft(value).as_version(version))
    config.put(partition_key(tenant_id), sort_key(name, version), item)


def activate(config: MemoryConfig, queue: str, name: str, version: int = 1) -> None:
    at = "2025-11-05T09:30:00Z"
    item = {"queue": queue, "name": name, "version": version, "activated_at": at}
    config.put(partition_key(TENANT), activation_key(queue), item)


def label(tenants: TenantDirectory, queue: str | None = None) -> str | None:
    found = tenants.form_for(TENANT, queue)
    return found.label if found else None


def test_a_tenant_is_read_once_a_minute(
    config: CountingConfig, clock: ManualClock, tenants: TenantDirectory
) -> None:
    for _ in range(3):
        tenant = tenants.tenant(TENANT)
        assert tenant is not None
        assert tenant.name == "Name of demo-tenant"
    assert len(config.reads) == 1
    config.put(partition_key(TENANT), META_SORT_KEY, {"name": "New"})
    clock.wait(59.9)
    assert tenants.tenant(TENANT) == tenant
    clock.wait(0.1)
    changed = tenants.tenant(TENANT)
    assert changed is not None
    assert changed.name == "New"


def test_the_age_counts_from_before_the_reading(config: CountingConfig, clock: ManualClock) -> None:
    class Slow(CountingConfig):
        def get(self, pk: str, sk: str) -> dict[str, Any] | None:
            clock.wait(50)
            return super().get(pk, sk)

    slow = Slow()
    slow.items = config.items
    tenants = TenantDirectory(slow, clock, form_key=GUIDE_FORM_KEY)
    tenants.tenant(TENANT)
    clock.wait(10)
    tenants.tenant(TENANT)
    assert len(slow.reads) == 2


def test_a_tenant_that_is_not_there_is_looked_for_again_after_five_seconds(
    config: CountingConfig, clock: ManualClock, tenants: TenantDirectory
) -> None:
    assert tenants.tenant("new-tenant") is tenants.tenant("new-tenant") is None
    assert len(config.reads) == 1
    config.put(partition_key("new-tenant"), META_SORT_KEY, {"name": "New"})
    clock.wait(5)
    assert tenants.tenant("new-tenant") is not None


@pytest.mark.parametrize("tenant_id", ["", "../x", "Demo", "shared", "demo-tenant\n"])
def test_what_is_no_tenant_id_is_no_tenant(
    config: CountingConfig, tenants: TenantDirectory, tenant_id: str
) -> None:
    assert tenants.tenant(tenant_id) is None
    assert config.reads == []


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"time_zone": "Mars/Canary"}, "time_zone"),
        ({"tenant_id": OTHER, "name": "Canary"}, "tenant_id"),
        ({"audio": {"agent_channel": "canary"}}, "audio.agent_channel"),
    ],
    ids=["zone", "another tenant", "audio"],
)
def test_settings_that_cannot_be_read_say_where_and_are_read_again_soon(
    config: CountingConfig,
    clock: ManualClock,
    tenants: TenantDirectory,
    item: dict[str, Any],
    path: str,
) -> None:
    config.put(partition_key(TENANT), META_SORT_KEY, item)
    for _ in range(2):
        with pytest.raises(PipelineError) as caught:
            tenants.tenant(TENANT)
        assert caught.value.code == "tenant_unreadable"
        assert str(caught.value) == f"tenant_unreadable: tenant demo-tenant, at {path}"
        assert caught.value.__cause__ is None
    assert len(config.reads) == 1
    assert tenants.tenant(OTHER) is not None
    assert tenants.tenant_ids() == [TENANT, OTHER]
    config.put(partition_key(TENANT), META_SORT_KEY, {"name": "Mended"})
    clock.wait(5)
    assert tenants.tenant(TENANT) is not None


def test_the_ids_are_those_of_tenants(config: CountingConfig, tenants: TenantDirectory) -> None:
    put_form(config, "forms-only", "default")
    config.put("SETTINGS", META_SORT_KEY, {})
    assert tenants.tenant_ids() == [TENANT, OTHER]


# --- forms --------------------------------------------------------------------------------------


def test_a_queues_form_then_that_of_all_queues_then_the_installations(
    config: CountingConfig, clock: ManualClock, tenants: TenantDirectory
) -> None:
    for name in ("sales", "support"):
        put_form(config, TENANT, name)
    assert label(tenants, "sales-de") == "default v1"
    activate(config, "*", "support")
    activate(config, "sales-de", "sales")
    assert label(tenants, "sales-de") == "default v1"
    clock.wait(60)
    assert label(tenants, "sales-de") == "sales v1"
    assert label(tenants, "other") == label(tenants) == "support v1"


def test_forms_are_read_once_a_minute(config: CountingConfig, tenants: TenantDirectory) -> None:
    for queue in ("a", "b", None):
        label(tenants, queue)
    assert tenants.form(TENANT, "default", 1) is not None
    assert config.reads == [partition_key(TENANT)] * 2


def test_a_tenants_forms_are_its_own(tenants: TenantDirectory) -> None:
    for tenant_id in (TENANT, OTHER, TENANT):
        found = tenants.form_for(tenant_id, None)
        assert found is not None
        assert found.criteria[0].question == f"Was it {tenant_id}?"


def test_a_tenant_without_the_installations_form_has_none(config: CountingConfig) -> None:
    tenants = TenantDirectory(config, ManualClock(), form_key="QA_TEMPLATE#sales")
    assert tenants.form_for(TENANT, "any") is None
    assert tenants.form_for("no-tenant", None) is None


def test_a_version_that_another_container_judged_by_already_is_found(
    config: CountingConfig, clock: ManualClock, tenants: TenantDirectory
) -> None:
    assert tenants.form(TENANT, "default", 2) is None
    put_form(config, TENANT, "default", 2)
    assert tenants.form(TENANT, "default", 2) is None
    clock.wait(5)
    found = tenants.form(TENANT, "default", 2)
    assert found is not None
    assert found.label == "default v2"


def test_a_form_that_is_active_and_gone_stops_its_calls_alone(
    config: CountingConfig, clock: ManualClock, tenants: TenantDirectory
) -> None:
    activate(config, "canary queue", "sales", 3)
    with pytest.raises(PipelineError) as caught:
        tenants.form_for(TENANT, "canary queue")
    assert str(caught.value) == "form_unreadable: tenant demo-tenant, at activation"
    assert label(tenants, "other") == "default v1"
    put_form(config, TENANT, "sales", 3)
    clock.wait(5)
    assert label(tenants, "canary queue") == "sales v3"


def test_a_broken_form_stops_its_calls_alone(
    config: CountingConfig, tenants: TenantDirectory
) -> None:
    put_form(config, TENANT, "sales")
    item = config.items[partition_key(TENANT), sort_key("sales", 1)]
    item["criteria"][0]["text"] = "Canary, was it said?"
    for ask in (
        lambda: tenants.form(TENANT, "sales", 1),
        lambda: TenantDirectory(config, ManualClock(), form_key="QA_TEMPLATE#sales").form_for(
            TENANT, None
        ),
    ):
        with pytest.raises(PipelineError) as caught:
            ask()
        assert str(caught.value) == "form_unreadable: tenant demo-tenant, at content_hash"
    assert label(tenants) == "default v1"


@pytest.mark.parametrize("key", ["", "v1", "QA_TEMPLATE#", "QA_TEMPLATE#A#v1"])
def test_an_installation_whose_form_has_no_name_does_not_start(key: str) -> None:
    with pytest.raises(UsageError, match=r"^QA_TEMPLATE_KEY: sk: expected "):
        TenantDirectory(MemoryConfig(), ManualClock(), form_key=key)


def test_ids_that_anybody_makes_up_do_not_fill_the_memory(tenants: TenantDirectory) -> None:
    for number in range(2_500):
        assert tenants.tenant(f"made-up-{number}") is None
    assert len(tenants._tenants) <= 1_000
