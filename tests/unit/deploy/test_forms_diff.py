"""What is different between two forms."""

from __future__ import annotations

from typing import Any

import pytest

from cci_lite.contract.form import FormDraft
from cci_lite.contract.form_reading import parse_draft
from cci_lite.deploy.forms_diff import CriterionChange, FieldChange, FormDiff, diff_forms

FIRST = {"id": "greet_01", "text": "Was there a greeting?", "weight": 1}
SECOND = {"id": "close_02", "text": "Was there a goodbye?", "weight": 0.5}


def draft(*criteria: dict[str, Any], **scoring: Any) -> FormDraft:
    return parse_draft({"criteria": list(criteria), "scoring": scoring})


def test_forms_of_the_same_content_do_not_differ() -> None:
    one = draft(FIRST, {**SECOND, "weight": "0.50", "required": False})
    other = draft(FIRST, SECOND, pass_threshold="0.70").as_version(7)
    assert diff_forms(one, other) == FormDiff()
    assert diff_forms(one, other).is_empty


def test_criteria_come_and_go() -> None:
    found = diff_forms(draft(FIRST), draft(SECOND))
    assert [criterion.id for criterion in found.removed] == ["greet_01"]
    assert [criterion.id for criterion in found.added] == ["close_02"]
    assert (found.changed, found.reordered, found.is_empty) == ((), False, False)


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        (
            {"text": "Was a greeting said?"},
            FieldChange("text", "Was there a greeting?", "Was a greeting said?"),
        ),
        ({"weight": 2}, FieldChange("weight", "1", "2")),
        ({"required": True}, FieldChange("required", False, True)),
        (
            {"rule": {"phrases": ["hello"]}},
            FieldChange("rule", None, {"phrases": ("hello",), "said_by": "agent", "must": "say"}),
        ),
    ],
    ids=["text", "weight", "required", "rule"],
)
def test_a_change_is_told_by_field_in_both_directions(
    fields: dict[str, Any], change: FieldChange
) -> None:
    one, other = draft(FIRST, SECOND), draft({**FIRST, **fields}, SECOND)
    assert diff_forms(one, other) == FormDiff(changed=(CriterionChange("greet_01", (change,)),))
    back = FieldChange(change.field, change.after, change.before)
    assert diff_forms(other, one) == FormDiff(changed=(CriterionChange("greet_01", (back,)),))


def test_scoring_is_told_by_field() -> None:
    found = diff_forms(draft(FIRST), draft(FIRST, pass_threshold=0.8, required_policy="flag_only"))
    assert found == FormDiff(
        scoring=(
            FieldChange("pass_threshold", "0.7", "0.8"),
            FieldChange("required_policy", "fail_call", "flag_only"),
        )
    )


def test_another_order_is_a_difference() -> None:
    assert diff_forms(draft(FIRST, SECOND), draft(SECOND, FIRST)) == FormDiff(reordered=True)


@pytest.mark.parametrize(
    "other",
    [
        draft({**FIRST, "weight": 2}, SECOND),
        draft(SECOND, FIRST),
        draft(FIRST),
        draft(FIRST, SECOND, notes="x"),
        draft(FIRST, SECOND),
    ],
    ids=["weight", "order", "removed", "notes", "same"],
)
def test_forms_differ_exactly_when_their_hashes_do(other: FormDraft) -> None:
    one = draft(FIRST, SECOND)
    assert diff_forms(one, other).is_empty == (one.content_hash == other.content_hash)
