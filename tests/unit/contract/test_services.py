"""services.toml: models by residency with their end of life, languages, prices."""

from __future__ import annotations

import datetime as dt

import pytest

from cci_lite.contract.services import (
    ModelFacts,
    Residency,
    check_model,
    language_of,
    model_for,
    residency_of_region,
    service_facts,
)
from cci_lite.contract.tenant import DEFAULT_MODEL
from cci_lite.errors import PipelineError, TenantError

FACTS = service_facts()
BEFORE_ALL_ENDS = dt.date(2026, 1, 1)

# ContentRedaction's languages: the developer guide, and its document history of 2026-05-01.
REDACTED = {"en-US", "es-US", "de-DE", "de-CH", "fr-FR", "fr-CA", "it-IT", "pt-PT", "pt-BR"}


@pytest.mark.parametrize("alias", [model.alias for model in FACTS.models])
@pytest.mark.parametrize("residency", Residency)
def test_a_model_is_called_by_the_profile_of_the_tenants_part_of_the_world(
    alias: str, residency: Residency
) -> None:
    found = model_for(alias, residency, BEFORE_ALL_ENDS)
    assert found.model_id.startswith(f"{residency}.")
    assert found.region.startswith(f"{residency}-")
    assert found.max_output_tokens < found.max_input_tokens


def test_aliases_and_the_ids_they_replace_name_one_model_each() -> None:
    names = [name for model in FACTS.models for name in (model.alias, *model.replaces)]
    assert len(names) == len(set(names))
    assert all(
        check_model(name).alias in name or name in check_model(name).replaces for name in names
    )


def test_the_guides_model_and_tenants_without_one_have_a_model() -> None:
    assert check_model("anthropic.claude-3-haiku-20240307").alias == DEFAULT_MODEL
    assert check_model(DEFAULT_MODEL).end_of_life is None


def test_a_model_is_not_called_from_the_day_it_ends() -> None:
    last_day = dt.date(2026, 10, 14)
    assert model_for("haiku", Residency.EU, last_day).model_id.startswith("eu.")
    with pytest.raises(
        PipelineError, match="model_end_of_life: haiku ended on 2026-10-15"
    ) as error:
        model_for("haiku", Residency.EU, last_day + dt.timedelta(days=1))
    assert error.value.code == "model_end_of_life"


def test_a_model_without_a_profile_there_is_not_called_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(check_model("sonnet").ids, Residency.EU)
    with pytest.raises(PipelineError, match="cannot be called without leaving eu") as error:
        model_for("sonnet", Residency.EU, BEFORE_ALL_ENDS)
    assert error.value.code == "model_residency"
    assert model_for("sonnet", Residency.US, BEFORE_ALL_ENDS).region == "us-east-1"


@pytest.mark.parametrize(
    ("region", "residency"),
    [
        ("eu-central-1", Residency.EU),
        ("eu-north-1", Residency.EU),
        ("us-east-1", Residency.US),
        ("us-west-2", Residency.US),
        ("ap-south-1", None),
        ("ca-central-1", None),
        ("europe-west1", None),
        ("EU-central-1", None),
        ("", None),
    ],
)
def test_a_region_is_in_the_part_of_the_world_that_its_prefix_names(
    region: str, residency: Residency | None
) -> None:
    assert residency_of_region(region) is residency


@pytest.mark.parametrize("model", FACTS.models, ids=lambda model: model.alias)
def test_a_model_is_called_in_a_region_of_its_residency(model: ModelFacts) -> None:
    assert {residency_of_region(region): key for key, region in model.regions.items()} == {
        key: key for key in model.ids
    }


@pytest.mark.parametrize("name", ["", "gpt", "Haiku", "eu.amazon.nova-2-lite-v1:0"])
def test_a_model_that_is_no_alias_is_refused(name: str) -> None:
    with pytest.raises(TenantError, match="model: expected one of nova-lite, sonnet, haiku"):
        model_for(name, Residency.EU, BEFORE_ALL_ENDS)


def test_exactly_the_languages_that_transcribe_redacts_are_redacted() -> None:
    assert {code for code, language in FACTS.languages.items() if language.redaction} == REDACTED


def test_a_language_that_is_close_to_a_redacted_one_is_not_redacted() -> None:
    assert not language_of("en-GB").redaction


@pytest.mark.parametrize("code", ["", "en", "en-us", "xx-XX", "de_DE"])
def test_a_language_that_transcribe_does_not_know_is_refused(code: str) -> None:
    with pytest.raises(
        TenantError, match="language_code: expected a language of batch transcription"
    ):
        language_of(code)


def test_every_language_of_transcribes_own_list_is_known() -> None:
    # As the service lists them when it is asked for another one, recorded 2023-10-06.
    listed = (
        "en-IE ar-AE te-IN zh-TW en-US ta-IN en-AB en-IN zh-CN ar-SA en-ZA gd-GB th-TH tr-TR ru-RU "
        "pt-PT nl-NL it-IT id-ID fr-FR es-ES de-DE ga-IE af-ZA en-NZ ko-KR hi-IN de-CH vi-VN cy-GB "
        "ms-MY he-IL da-DK en-AU pt-BR en-WL fa-IR sv-SE ja-JP es-US fr-CA en-GB"
    )
    assert set(FACTS.languages) == set(listed.split())


def test_comprehend_is_asked_in_its_own_codes() -> None:
    # LanguageCode of Comprehend's batch operations.
    codes = {"en", "es", "fr", "de", "it", "pt", "ar", "hi", "ja", "ko", "zh", "zh-TW", None}
    assert {language.comprehend for language in FACTS.languages.values()} == codes


def test_what_was_not_seen_with_the_service_says_so_and_where_it_is_from() -> None:
    for facts in (FACTS.models, FACTS.prices, FACTS.model_prices):
        assert all(fact.source for fact in facts)
    assert not all(fact.verified for fact in FACTS.model_prices)
