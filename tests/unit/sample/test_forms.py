"""The forms of the sample world, and the examples that are given to people."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cci_lite.contract.form import Form, FormDraft
from cci_lite.contract.form_reading import parse_draft
from cci_lite.sample import Company, World, build_world

FORMS = Path(__file__).resolve().parents[3] / "examples" / "forms"


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(1, days=30, calls=300, last_day=dt.date(2026, 3, 31))


def forms_of(company: Company) -> list[Form]:
    return [each.form for each in company.forms]


def draft_of(path: Path) -> FormDraft:
    value: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return parse_draft(value)


def test_the_default_form_is_the_one_that_the_guide_prints(shared: Path) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (shared / "guide").glob("*.txt"))
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    printed = next(block for block in blocks if block.get("sk") == "QA_TEMPLATE#v1")

    draft = draft_of(FORMS / "default.yaml")

    assert draft.name == parse_draft(printed).name == "default"
    assert draft.content_hash == parse_draft(printed).content_hash


@pytest.mark.parametrize("file", ["support.yaml", "sales.yaml"])
def test_an_example_form_is_one_of_the_sample_world(world: World, file: str) -> None:
    hashes = [form.content_hash for company in world.companies for form in forms_of(company)]

    assert draft_of(FORMS / file).content_hash in hashes


def test_one_form_changes_its_wording_and_its_weight_but_no_criterion(world: World) -> None:
    first, second = world.companies[0].forms[:2]

    changed = [
        (before.id, before.question != after.question, before.weight != after.weight)
        for before, after in zip(first.form.criteria, second.form.criteria, strict=True)
        if before != after
    ]

    assert (first.form.label, second.form.label) == ("support v1", "support v2")
    assert changed == [("recorded_02", True, True)]
    assert world.period.monday_at(second.use.since).weekday() == 0


def test_criteria_without_a_rule_are_required_only_where_a_model_decides_them(
    world: World,
) -> None:
    required = {
        (form.label, criterion.id)
        for company in world.companies
        for form in forms_of(company)
        for criterion in form.criteria
        if criterion.rule is None and criterion.required
    }

    assert required == {("complaints v1", "calm_01"), ("complaints v1", "solve_03")}
