"""A tenant: who it is, its time zone, who speaks where, and what may be done with its calls."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from cci_lite.contract.parsing import convert
from cci_lite.contract.services import Language, Residency, check_model, language_of
from cci_lite.errors import TenantError, show_value
from cci_lite.tenancy import check_tenant_id


class TenantStatus(StrEnum):
    """Whether calls of the tenant are taken in."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


# Python's `$` matches before a final line end too, which `(?!\n)` keeps out.
_Channel = Annotated[
    str, msgspec.Meta(pattern=r"^ch_[0-9](?!\n)$", description="a channel from ch_0 to ch_9")
]
_Speaker = Annotated[
    str,
    msgspec.Meta(pattern=r"^spk_[0-9]{1,2}(?!\n)$", description="a speaker from spk_0 to spk_99"),
]


class Audio(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Which channel (`ch_0`, `ch_1`) or speaker (`spk_0`, …) of a recording is the agent.

    None means that it cannot be known from that label: the speakers' roles are then unknown. With
    `agent_channel` each channel is transcribed by itself; otherwise up to `max_speakers` voices are
    told apart.
    """

    agent_channel: _Channel | None = None
    agent_speaker: _Speaker | None = None
    max_speakers: Annotated[int, msgspec.Meta(ge=2, le=30)] = 2


class UnredactedPolicy(StrEnum):
    """What becomes of a call that Transcribe does not redact."""

    REFUSE = "refuse"
    MASK = "mask"


class NlpChoice(StrEnum):
    """Who finds sentiment, key phrases and entities."""

    COMPREHEND = "comprehend"
    NONE = "none"


class EvaluatorChoice(StrEnum):
    """Who decides the criteria that have no rule."""

    BEDROCK = "bedrock"
    RULES = "rules"


DEFAULT_MODEL = "nova-lite"


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A company that uses the product. Unknown fields of a stored item are left alone.

    `model` is an alias of `services.toml`; the guide's `bedrockModel` is read as one. At most
    `max_open_calls` of the tenant's calls are transcribed at a time, the others wait: Transcribe's
    queue is shared by all tenants of an account.
    """

    tenant_id: str
    name: str
    time_zone: str = "UTC"
    language_code: str = "en-US"
    audio: Audio = msgspec.field(default_factory=Audio)
    status: TenantStatus = TenantStatus.ACTIVE
    data_residency: Residency = Residency.EU
    model: str = DEFAULT_MODEL
    unredacted: UnredactedPolicy = UnredactedPolicy.REFUSE
    nlp: NlpChoice = NlpChoice.COMPREHEND
    evaluator: EvaluatorChoice = EvaluatorChoice.BEDROCK
    max_open_calls: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The tenant's time zone."""
        return zoneinfo.ZoneInfo(self.time_zone)


def parse_tenant(value: Mapping[str, Any]) -> Tenant:
    """A tenant from an item or a file; raises TenantError with the path of what is wrong.

    The guide's item (`pk`, `sk`, `name`, `bedrockModel`) is accepted: its id is in `pk`.
    """
    fields = dict(value)
    if "tenant_id" not in fields and isinstance(pk := fields.get("pk"), str):
        # Items written after the guide carry the id in their key only.
        fields["tenant_id"] = pk.removeprefix("TENANT#")
    fields.setdefault("name", fields.get("tenant_id"))
    if "model" not in fields and "bedrockModel" in fields:
        fields["model"] = fields["bedrockModel"]
    tenant = convert(fields, Tenant, TenantError)
    check_tenant_id(tenant.tenant_id)
    try:
        zoneinfo.ZoneInfo(tenant.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise TenantError(
            "time_zone", "an IANA time zone like Europe/Berlin", show_value(tenant.time_zone)
        ) from None
    return tenant


def is_masked(tenant: Tenant, language: Language) -> bool:
    """Whether a call that Transcribe does not redact is masked instead of refused.

    The tenant says so, somebody finds the names in it, and how much masking finds was measured.
    """
    return tenant.unredacted is UnredactedPolicy.MASK and not why_not_masked(tenant, language)


def why_not_masked(tenant: Tenant, language: Language) -> str | None:
    """Why calls in a language cannot be masked for a tenant; None where they can."""
    if tenant.nlp is not NlpChoice.COMPREHEND or language.comprehend is None:
        return "names to be masked cannot be found"
    return None if language.masking else "masking has not been measured"


def check_services(tenant: Tenant) -> None:
    """Raise TenantError when a tenant wants what the services do not have.

    That is a model, a language, or masking where names cannot be found. Checked before settings
    are stored. A stored tenant whose model was withdrawn later stays readable: only its
    evaluations wait for a person.
    """
    check_model(tenant.model)
    language = language_of(tenant.language_code)
    reason = why_not_masked(tenant, language)
    if tenant.unredacted is UnredactedPolicy.MASK and reason:
        who = "nlp none" if tenant.nlp is NlpChoice.NONE else f"language {tenant.language_code}"
        raise TenantError(
            "unredacted",
            f"refuse, because with {who} {reason}",
            show_value(tenant.unredacted.value),
        )


def item_of_tenant(tenant: Tenant) -> dict[str, Any]:
    """A tenant as it is stored, without its keys."""
    item: dict[str, Any] = msgspec.to_builtins(tenant)
    return item
