"""The models, languages and prices of the AWS services: `services.toml`, read and checked."""

from __future__ import annotations

import datetime as dt
import functools
import tomllib
from enum import StrEnum
from importlib.resources import files
from typing import Any

import msgspec

from cci_lite.errors import PipelineError, TenantError, show_value


class Residency(StrEnum):
    """The part of the world that a tenant's transcripts may not leave."""

    EU = "eu"
    US = "us"


def residency_of_region(region: str) -> Residency | None:
    """Which part of the world a Region is in, by its prefix; None where no tenant may be."""
    # A Region's name begins with its part of the world: eu-central-1, us-east-1.
    prefix, _, _ = region.partition("-")
    return Residency(prefix) if prefix in set(Residency) else None


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A language model under the alias that settings use."""

    alias: str
    ids: dict[Residency, str]
    regions: dict[Residency, str]
    max_input_tokens: int
    max_output_tokens: int
    sampling: bool
    verified: bool
    source: str
    replaces: tuple[str, ...] = ()
    end_of_life: dt.date | None = None


class Language(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be done with calls in a language.

    `comprehend` is Comprehend's own code for it; `masking` says that it was measured how much of
    the personal data in calls of that language our own masking finds.
    """

    redaction: bool
    verified: bool
    comprehend: str | None = None
    masking: bool = False


class PriceFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price as the file gives it."""

    item: str
    usd: float
    per: int
    unit: str
    verified: bool
    source: str
    valid_from: dt.date | None = None


class ModelPriceFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model's prices as the file gives them."""

    model_id: str
    input_usd_per_million: float
    output_usd_per_million: float
    verified: bool
    source: str
    valid_from: dt.date | None = None


class ServiceFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. `as_of` is the day on which it was last reviewed.

    `prices` are of what processes a call, `lake_prices` of the nightly run and its readers.
    """

    as_of: dt.date
    models: tuple[ModelFacts, ...]
    languages: dict[str, Language]
    prices: tuple[PriceFacts, ...]
    lake_prices: tuple[PriceFacts, ...]
    model_prices: tuple[ModelPriceFacts, ...]


@functools.cache
def service_facts() -> ServiceFacts:
    """What `services.toml` says."""
    text = files("cci_lite.contract").joinpath("services.toml").read_text(encoding="utf-8")
    content: dict[str, Any] = tomllib.loads(text)
    return msgspec.convert(content, ServiceFacts)


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model as it may be called for one tenant: the profile of its residency."""

    model_id: str
    region: str
    max_input_tokens: int
    max_output_tokens: int
    sampling: bool


def check_model(name: str) -> ModelFacts:
    """The model of an alias, or of an id that the alias replaces; raises TenantError."""
    facts = service_facts().models
    for model in facts:
        if name == model.alias or name in model.replaces:
            return model
    known = ", ".join(model.alias for model in facts)
    raise TenantError("model", f"one of {known}", show_value(name))


def model_for(name: str, residency: Residency, today: dt.date) -> Model:
    """The model that a tenant's calls may go to today.

    Raises PipelineError: `model_residency` when the model has no profile that stays in the tenant's
    part of the world, `model_end_of_life` when the service has withdrawn it.
    """
    facts = check_model(name)
    if residency not in facts.ids:
        raise PipelineError(
            "model_residency", f"{facts.alias} cannot be called without leaving {residency}"
        )
    if facts.end_of_life is not None and facts.end_of_life <= today:
        raise PipelineError(
            "model_end_of_life",
            f"{facts.alias} ended on {facts.end_of_life}; give the tenant another model",
        )
    return Model(
        model_id=facts.ids[residency],
        region=facts.regions[residency],
        max_input_tokens=facts.max_input_tokens,
        max_output_tokens=facts.max_output_tokens,
        sampling=facts.sampling,
    )


def language_of(language_code: str) -> Language:
    """What can be done with a language that Transcribe knows; raises TenantError for others."""
    language = service_facts().languages.get(language_code)
    if language is None:
        raise TenantError(
            "language_code",
            "a language of batch transcription, like en-US or de-DE",
            show_value(language_code),
        )
    return language


def known_language(language_code: str) -> str | None:
    """The code of a language as Transcribe spells it, however its case and hyphen are written."""
    wanted = language_code.replace("_", "-").casefold()
    return next((code for code in service_facts().languages if code.casefold() == wanted), None)
