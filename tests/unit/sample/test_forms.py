"""The forms of the sample world, and the examples that are given to people."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cci_lite.contract.form import FormDraft
from cci_lite.contract.form_reading import parse_draft
from cci_lite.sample import World, build_world

FORMS = Path(__file__).resolve().parents[3] / "examples" / "forms"


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(1, days=30, calls=300, last_day=dt.date(2026, 3, 31))


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


@pytest.mark.parametrize(
    ("file", "tenant_id"),
    [("support.yaml", "maple-outfitters"), ("sales.yaml", "lindental-energie")],
    ids=["support", "sales"],
)
def test_the_example_forms_are_the_latest_forms_of_the_sample_world(
    world: World, file: str, tenant_id: str
) -> None:
    latest = [form.template for form in world.forms if form.tenant_id == tenant_id][-1]

    draft = draft_of(FORMS / file)

    assert draft.name == latest.name
    assert draft.content_hash == latest.content_hash


def test_one_form_changes_its_wording_and_its_weight_but_no_criterion(world: World) -> None:
    first, second = [form for form in world.forms if form.tenant_id == "maple-outfitters"]

    changed = [
        (before.id, before.question != after.question, before.weight != after.weight)
        for before, after in zip(first.template.criteria, second.template.criteria, strict=True)
        if before != after
    ]

    assert (first.template.label, second.template.label) == ("support v1", "support v2")
    assert changed == [("recorded_02", True, True)]
    assert second.active_from.weekday() == 0


def test_one_criterion_has_no_rule_and_is_not_required(world: World) -> None:
    without_rule = [
        (form.template.label, criterion.id, criterion.required)
        for form in world.forms
        for criterion in form.template.criteria
        if criterion.rule is None
    ]

    assert without_rule == [("sales v1", "clarity_08", False)]
