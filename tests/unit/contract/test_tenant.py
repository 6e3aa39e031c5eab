"""Tenants as they are stored and as they come in files."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cci_lite.contract.services import Language, language_of
from cci_lite.contract.tenant import (
    Audio,
    Tenant,
    TenantStatus,
    check_services,
    is_masked,
    item_of_tenant,
    parse_tenant,
    why_not_masked,
)
from cci_lite.errors import ContractError, TenantError, TenantIdError


def refusal(**fields: Any) -> str:
    with pytest.raises(ContractError) as caught:
        parse_tenant({"tenant_id": "demo-tenant", "name": "Demo", **fields})
    return str(caught.value)


def test_the_guides_item_is_a_tenant() -> None:
    item = {
        "pk": "TENANT#demo-tenant",
        "sk": "META#v1",
        "name": "Demo Tenant",
        "bedrockModel": "anthropic.claude-3-haiku-20240307",
    }
    assert parse_tenant(item) == Tenant(
        tenant_id="demo-tenant", name="Demo Tenant", model="anthropic.claude-3-haiku-20240307"
    )


def test_a_tenant_needs_an_id_only() -> None:
    tenant = parse_tenant({"tenant_id": "demo-tenant"})
    assert tenant == Tenant(
        tenant_id="demo-tenant",
        name="demo-tenant",
        time_zone="UTC",
        language_code="en-US",
        audio=Audio(),
        status=TenantStatus.ACTIVE,
    )


@pytest.mark.parametrize(
    "tenant",
    [
        Tenant(tenant_id="ab", name="A B"),
        Tenant(
            tenant_id="ab",
            name="Größe",
            time_zone="Europe/Berlin",
            language_code="de-DE",
            audio=Audio(agent_channel="ch_1", agent_speaker="spk_12"),
            status=TenantStatus.SUSPENDED,
        ),
    ],
    ids=["plain", "full"],
)
def test_a_stored_tenant_is_the_same_tenant(tenant: Tenant) -> None:
    assert parse_tenant(json.loads(json.dumps(item_of_tenant(tenant)))) == tenant


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"name": 5}, "name: expected text, found 5"),
        ({"status": "gone"}, "status: expected active or suspended, found 'gone'"),
        (
            {"audio": {"agent_channel": "left"}},
            "audio.agent_channel: expected a channel from ch_0 to ch_9, found 'left'",
        ),
        (
            {"audio": {"agent_channel": "ch_0\n"}},
            "audio.agent_channel: expected a channel from ch_0 to ch_9, found text of 5 characters",
        ),
        (
            {"audio": {"agent_speaker": "spk_100"}},
            "audio.agent_speaker: expected a speaker from spk_0 to spk_99, found 'spk_100'",
        ),
        (
            {"audio": {"channel": "ch_0"}},
            "audio: expected only the fields agent_channel, agent_speaker and max_speakers, found 'channel'",
        ),
        (
            {"time_zone": "Berlin"},
            "time_zone: expected an IANA time zone like Europe/Berlin, found 'Berlin'",
        ),
        (
            {"time_zone": "CEST+2"},
            "time_zone: expected an IANA time zone like Europe/Berlin, found text of 6 characters",
        ),
    ],
    ids=str,
)
def test_a_tenant_that_is_wrong_is_named_with_its_place(fields: dict[str, Any], text: str) -> None:
    assert refusal(**fields) == text


@pytest.mark.parametrize(
    "time_zone", ["", "Europe", "/etc/passwd", "../../etc/passwd", "Europe/\0", "zone.tab", "."]
)
def test_what_is_no_time_zone_is_refused_whatever_file_it_leads_to(time_zone: str) -> None:
    assert refusal(time_zone=time_zone).startswith("time_zone: expected an IANA time zone")


@pytest.mark.parametrize(
    "item", [{}, {"pk": "TENANT#"}, {"pk": "TENANT#../x"}, {"tenant_id": "shared"}], ids=str
)
def test_a_tenant_without_a_proper_id_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises((TenantIdError, ContractError)):
        parse_tenant({"name": "Demo", **item})


def test_the_zone_gives_the_tenants_own_time() -> None:
    assert Tenant(tenant_id="ab", name="A", time_zone="Europe/Berlin").zone.key == "Europe/Berlin"


# --- masking --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "masked"),
    [
        ({"language_code": "en-GB", "unredacted": "mask"}, True),
        ({"language_code": "en-GB", "unredacted": "refuse"}, False),
        ({"language_code": "en-GB", "unredacted": "mask", "nlp": "none"}, False),
        ({"language_code": "nl-NL", "unredacted": "mask"}, False),
    ],
    ids=["masked", "refused", "nobody asked", "nobody knows"],
)
def test_what_is_not_redacted_is_masked_only_where_somebody_finds_the_names(
    settings: dict[str, str], masked: bool
) -> None:
    tenant = parse_tenant({"tenant_id": "demo-tenant", **settings})
    assert is_masked(tenant, language_of(tenant.language_code)) is masked


def test_a_language_in_which_masking_was_not_measured_is_not_masked() -> None:
    tenant = parse_tenant({"tenant_id": "demo-tenant", "unredacted": "mask"})
    language = Language(redaction=False, verified=True, comprehend="ko")
    assert not is_masked(tenant, language)
    assert why_not_masked(tenant, language) == "masking has not been measured"
    assert is_masked(tenant, msgspec.structs.replace(language, masking=True))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {"language_code": "en-GB", "nlp": "none"},
            "unredacted: expected refuse, because with nlp none names to be masked cannot be "
            "found, found 'mask'",
        ),
        (
            {"language_code": "en-US", "nlp": "none"},
            "unredacted: expected refuse, because with nlp none names to be masked cannot be "
            "found, found 'mask'",
        ),
        (
            {"language_code": "nl-NL"},
            "unredacted: expected refuse, because with language nl-NL names to be masked cannot be "
            "found, found 'mask'",
        ),
    ],
    ids=["nlp none", "nlp none, redacted language", "language without Comprehend"],
)
def test_settings_that_mask_where_names_cannot_be_found_are_not_stored(
    settings: dict[str, str], text: str
) -> None:
    tenant = parse_tenant({"tenant_id": "demo-tenant", "unredacted": "mask", **settings})
    with pytest.raises(TenantError) as caught:
        check_services(tenant)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "settings",
    [
        {"language_code": "en-GB", "unredacted": "mask"},
        {"language_code": "en-US", "unredacted": "mask"},
        {"language_code": "nl-NL"},
        {"language_code": "en-GB", "nlp": "none"},
    ],
    ids=str,
)
def test_settings_that_mask_where_names_are_found_or_not_at_all_are_stored(
    settings: dict[str, str],
) -> None:
    check_services(parse_tenant({"tenant_id": "demo-tenant", **settings}))
