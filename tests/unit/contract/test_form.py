"""Forms: what is accepted, what is refused in which words, and when two forms are the same."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cci_lite.contract.form import (
    Form,
    FormDraft,
    RequiredPolicy,
    SaidBy,
    Within,
    parse_version,
    sort_key,
)
from cci_lite.contract.form_reading import form_of_item, item_of, parse_draft
from cci_lite.errors import FormError

GUIDE_TEMPLATE: dict[str, Any] = json.loads(
    """
{
  "pk": "TENANT#demo-tenant",
  "sk": "QA_TEMPLATE#v1",
  "criteria": [
    {"id":"greet_01","text":"Did the agent greet the customer politely at the start?","weight":1,"required":true},
    {"id":"empathy_02","text":"Did the agent acknowledge or empathize with the customer\u2019s issue?","weight":1,"required":true},
    {"id":"resolve_03","text":"Did the agent provide a clear resolution or next step?","weight":1,"required":true},
    {"id":"confirm_04","text":"Did the agent confirm customer satisfaction before closing?","weight":0.5,"required":false},
    {"id":"compliance_05","text":"Was the required compliance statement read?","weight":1,"required":true}
  ],
  "scoring": {"pass_threshold": 0.7, "notes": "Weights sum may differ from required items."}
}
"""
)


def form(**criterion: Any) -> dict[str, Any]:
    return {
        "criteria": [{"id": "greet_01", "text": "Was there a greeting?", "weight": 1} | criterion]
    }


def with_rule(**rule: Any) -> dict[str, Any]:
    return form(rule=rule)


def refusal(value: object, **options: Any) -> str:
    with pytest.raises(FormError) as caught:
        parse_draft(value, **options)
    return str(caught.value)


def hash_of(value: dict[str, Any]) -> str:
    return parse_draft(value).content_hash


# --- the guide's template -----------------------------------------------------------------------


def test_the_guides_template_is_accepted_as_it_is_printed(shared: Path) -> None:
    guide = "".join(file.read_text(encoding="utf-8") for file in (shared / "guide").glob("*.txt"))
    printed = next(
        json.loads(block.partition("```")[0])
        for block in guide.split("```json\n")[1:]
        if '"sk": "QA_TEMPLATE#v1"' in block
    )
    assert printed == GUIDE_TEMPLATE


def test_the_guides_template_is_the_first_version_of_the_default_form() -> None:
    draft = parse_draft(GUIDE_TEMPLATE, tenant_id="demo-tenant")
    assert (draft.name, draft.version) == ("default", 1)
    assert [criterion.id for criterion in draft.criteria] == [
        "greet_01",
        "empathy_02",
        "resolve_03",
        "confirm_04",
        "compliance_05",
    ]
    assert [criterion.weight for criterion in draft.criteria] == [1, 1, 1, Decimal("0.5"), 1]
    assert [criterion.required for criterion in draft.criteria] == [True, True, True, False, True]
    assert draft.scoring.pass_threshold == Decimal("0.7")
    assert draft.scoring.required_policy is RequiredPolicy.FAIL_CALL


# --- names and versions -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "name", "version"),
    [
        ({}, "default", None),
        ({"name": "sales"}, "sales", None),
        ({"name": "sales", "version": 3}, "sales", 3),
        ({"version": "3"}, "default", 3),
        ({"version": "v3"}, "default", 3),
        ({"sk": "QA_TEMPLATE#v2"}, "default", 2),
        ({"sk": "QA_TEMPLATE#sales"}, "sales", 1),
        ({"sk": "QA_TEMPLATE#sales", "version": 4}, "sales", 4),
        ({"sk": "QA_TEMPLATE#sales#v2"}, "sales", 2),
        ({"sk": "QA_TEMPLATE#sales#v000002", "name": "sales", "version": 2}, "sales", 2),
    ],
    ids=str,
)
def test_name_and_version_come_from_the_file_or_its_key(
    fields: dict[str, Any], name: str, version: int | None
) -> None:
    draft = parse_draft(form() | fields)
    assert (draft.name, draft.version) == (name, version)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"version": "two"}, "version: expected a version like 3 or v3, found 'two'"),
        ({"version": 0}, "version: expected a version like 3 or v3, found 0"),
        ({"version": -1}, "version: expected a version like 3 or v3, found -1"),
        ({"version": "v1.5"}, "version: expected a version like 3 or v3, found 'v1.5'"),
        ({"version": 1.5}, "version: expected a whole number or text, found 1.5"),
        ({"version": True}, "version: expected a whole number or text, found true"),
        (
            {"version": 10_000_000},
            "version: expected a version like 3 or v3, found a number of 8 characters",
        ),
        (
            {"name": "Sales"},
            "name: expected lower-case letters, digits, '_' and '-', found 'Sales'",
        ),
        (
            {"name": "a#b"},
            "name: expected lower-case letters, digits, '_' and '-', found 'a#b'",
        ),
        (
            {"name": "sales\n"},
            "name: expected lower-case letters, digits, '_' and '-', found text of 6 characters",
        ),
        (
            {"sk": "META#v1"},
            "sk: expected QA_TEMPLATE#<name>#v<N> or QA_TEMPLATE#v<N>, found 'META#v1'",
        ),
        (
            {"sk": "QA_TEMPLATE#a#v1#x"},
            "sk: expected QA_TEMPLATE#<name>#v<N> or QA_TEMPLATE#v<N>, found 'QA_TEMPLATE#a#v1#x'",
        ),
        ({"sk": "QA_TEMPLATE#a#two"}, "sk: expected a version like 3 or v3, found 'two'"),
        (
            {"sk": "QA_TEMPLATE#a#v1", "name": "b"},
            "sk: expected the same name and version as in the file, found others",
        ),
        (
            {"sk": "QA_TEMPLATE#a#v1", "version": 2},
            "sk: expected the same name and version as in the file, found others",
        ),
        ({"pk": "TENANT#other"}, "pk: expected TENANT#demo-tenant, found another tenant's key"),
    ],
    ids=str,
)
def test_a_name_version_or_key_that_cannot_be_is_refused(fields: dict[str, Any], text: str) -> None:
    assert refusal(form() | fields, tenant_id="demo-tenant") == text


@pytest.mark.parametrize("pk", ["TENANT#demo-tenant", "TENANT#{tenant_id}", None])
def test_the_tenants_own_key_and_the_placeholder_are_accepted(pk: str | None) -> None:
    assert parse_draft(form() | {"pk": pk}, tenant_id="demo-tenant").name == "default"


def test_a_version_may_be_missing() -> None:
    assert parse_version(None) is None


def test_sort_keys_sort_as_names_and_versions_do() -> None:
    names = [("default", 2), ("default", 10), ("sales", 1), ("sales-b", 1), ("sales_c", 1)]
    keys = [sort_key(*name) for name in names]
    assert keys == sorted(keys)
    assert keys[0] == "QA_TEMPLATE#default#v000002"


# --- criteria -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "criterion_id", ["ab", "greet_01", "a1", "a_", "a" * 64], ids=["2", "usual", "digit", "_", "64"]
)
def test_an_id_of_the_right_form_is_accepted(criterion_id: str) -> None:
    assert parse_draft(form(id=criterion_id)).criteria[0].id == criterion_id


@pytest.mark.parametrize(
    "criterion_id",
    ["", "a", "a" * 65, "Greet", "1st", "_a", "a-b", "a b", "ä1", "a.b", "ab\n", "a\u0661"],
)
def test_an_id_of_another_form_is_refused(criterion_id: str) -> None:
    assert refusal(form(id=criterion_id)).startswith(
        "criteria[0].id: expected 2 to 64 lower-case letters, digits and '_', "
        "starting with a letter, found "
    )


@pytest.mark.parametrize(
    "weight",
    [0.0001, "0.0001", 1, 1000, "1e3", 0.1],
    ids=["least", "text", "1", "most", "1e3", ".1"],
)
def test_a_weight_within_bounds_is_exact(weight: Any) -> None:
    assert parse_draft(form(weight=weight)).criteria[0].weight == Decimal(str(weight))


@pytest.mark.parametrize(
    ("weight", "found"),
    [
        (0, "'0'"),
        (-1, "'-1'"),
        (1000.0001, "text of 9 characters"),
        ("0.00001", "text of 7 characters"),
        ("1E-999999999", "text of 12 characters"),
        (float("nan"), "'NaN'"),
        ("Infinity", "'Infinity'"),
    ],
)
def test_a_weight_out_of_bounds_is_refused(weight: Any, found: str) -> None:
    assert refusal(form(weight=weight)) == (
        "criteria[0].weight: expected a number above 0, at most 1000, with at most 4 decimals, "
        f"found {found}"
    )


@pytest.mark.parametrize("count", [1, 100])
def test_a_form_has_up_to_100_criteria(count: int) -> None:
    criteria = [{"id": f"c_{n}", "text": "Question?", "weight": 1} for n in range(count)]
    assert len(parse_draft({"criteria": criteria}).criteria) == count


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "expected an object with criteria and scoring, found a list of 0"),
        (None, "expected an object with criteria and scoring, found null"),
        ("criteria", "expected an object with criteria and scoring, found 'criteria'"),
        ({}, "expected the field criteria, found an object with 0 fields"),
        ({"criteria": []}, "criteria: expected at least 1 item, found a list of 0"),
        (
            {"criteria": [{"id": f"c_{n}", "text": "Question?", "weight": 1} for n in range(101)]},
            "criteria: expected at most 100 items, found a list of 101",
        ),
        (
            {"criteria": form()["criteria"] * 2},
            "criteria[1].id: expected an id used once in the form, found 'greet_01' again",
        ),
        (
            form() | {"treshold": 1},
            "expected only the fields pk, sk, name, version, description, criteria and scoring, "
            "found 'treshold'",
        ),
        ({"criteria": [{"id": "ab", "weight": 1}]},
         "criteria[0]: expected the field text, found an object with 2 fields"),
    ],
    ids=["list", "null", "text", "empty", "none", "101", "twice", "typing error", "no text"],
)  # fmt: skip
def test_a_form_of_another_shape_is_refused(value: object, text: str) -> None:
    assert refusal(value) == text


# --- scoring ------------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0, 1, 0.7, "0.7", 0.6667])
def test_a_threshold_from_0_to_1_is_exact(threshold: Any) -> None:
    draft = parse_draft(form() | {"scoring": {"pass_threshold": threshold}})
    assert draft.scoring.pass_threshold == Decimal(str(threshold))


@pytest.mark.parametrize(
    "threshold", [70, -0.1, 1.0001, "NaN", "Infinity", "1E-999999999", 0.66667]
)
def test_a_threshold_out_of_bounds_is_refused(threshold: Any) -> None:
    assert refusal(form() | {"scoring": {"pass_threshold": threshold}}).startswith(
        "scoring.pass_threshold: expected a number from 0 to 1, with at most 4 decimals, found "
    )


def test_a_policy_that_is_none_is_refused() -> None:
    assert refusal(form() | {"scoring": {"required_policy": "strict"}}) == (
        "scoring.required_policy: expected fail_call or flag_only, found 'strict'"
    )


# --- rules --------------------------------------------------------------------------------------


def test_a_rule_listens_to_the_agent_everywhere_unless_it_says_otherwise() -> None:
    rule = parse_draft(with_rule(phrases=["hello"])).criteria[0].rule
    assert rule is not None
    assert (rule.said_by, rule.within, rule.must) == (SaidBy.AGENT, None, "say")
    assert rule.applies_when is None


def test_a_rule_may_say_where() -> None:
    rule = parse_draft(with_rule(pattern="hi+", within={"first_seconds": 30})).criteria[0].rule
    assert rule is not None
    assert rule.within == Within(first_seconds=30)


_WITHIN = "first_turns, last_turns, after_turns, first_seconds, last_seconds"
_RE2 = "a regular expression that RE2 understands (no look-around, no back-references)"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({}, ": expected either phrases or a pattern, found neither"),
        ({"phrases": []}, ": expected either phrases or a pattern, found neither"),
        ({"phrases": ["a"], "pattern": "a"}, ": expected either phrases or a pattern, found both"),
        ({"phrases": ["hi", "..."]}, ".phrases[1]: expected words, found text of 3 characters"),
        ({"phrases": [" "]}, ".phrases[0]: expected words, found text of 1 characters"),
        ({"pattern": "(a"}, f".pattern: expected {_RE2}, found missing ): (a"),
        ({"pattern": "(?=a)"}, f".pattern: expected {_RE2}, found invalid perl operator: (?="),
        ({"pattern": r"(a)\1"}, rf".pattern: expected {_RE2}, found invalid escape sequence: \1"),
        (
            {"phrases": ["a"], "within": {}},
            f".within: expected exactly one of {_WITHIN}, found 0 of them",
        ),
        (
            {"phrases": ["a"], "within": {"first_turns": 1, "last_seconds": 5}},
            f".within: expected exactly one of {_WITHIN}, found 2 of them",
        ),
        (
            {"phrases": ["a"], "applies_when": {}},
            ".applies_when: expected either phrases or a pattern, found neither",
        ),
        (
            {"phrases": ["a"], "applies_when": {"phrases": ["a"], "within": {"first_turns": 1}}},
            ".applies_when: expected only the fields phrases, pattern and said_by, found 'within'",
        ),
        (
            {"phrases": ["a"], "applies_when": {"pattern": "["}},
            f".applies_when.pattern: expected {_RE2}, found missing ]: [",
        ),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)
def test_a_rule_that_cannot_decide_is_refused(rule: dict[str, Any], text: str) -> None:
    assert refusal(with_rule(**rule)) == f"criteria[0].rule{text}"


def test_a_broken_pattern_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    refusal(with_rule(pattern="(a"))
    assert capfd.readouterr() == ("", "")


# --- the same and not the same ------------------------------------------------------------------


@pytest.mark.parametrize("weight", [1, 1.0, "1", "1.0", "1.00", "1e0"], ids=repr)
def test_the_spelling_of_a_number_does_not_make_another_form(weight: Any) -> None:
    assert hash_of(form(weight=weight)) == hash_of(form(weight=1))


def test_what_is_said_explicitly_and_what_is_meant_anyway_is_the_same_form() -> None:
    assert hash_of(form(required=False, rule=None)) == hash_of(form())
    assert hash_of(form() | {"scoring": {"pass_threshold": "0.70"}}) == hash_of(form())
    plain = with_rule(phrases=["a"])
    assert hash_of(with_rule(phrases=["a"], said_by="agent", must="say", within=None)) == (
        hash_of(plain)
    )


def test_names_versions_and_descriptions_do_not_make_another_form() -> None:
    named = form() | {"name": "sales", "version": 7, "description": "For sales."}
    assert hash_of(named) == hash_of(form())


@pytest.mark.parametrize(
    "other",
    [
        form(weight=2),
        form(weight=1.0001),
        form(required=True),
        form(text="Was there a greetinG?"),
        form(id="greet_02"),
        with_rule(phrases=["a"]),
        with_rule(phrases=["b"]),
        with_rule(pattern="a"),
        with_rule(phrases=["a"], said_by="customer"),
        with_rule(phrases=["a"], must="not_say"),
        with_rule(phrases=["a"], within={"first_turns": 1}),
        with_rule(phrases=["a"], within={"first_seconds": 1}),
        with_rule(phrases=["a"], applies_when={"phrases": ["a"]}),
        form() | {"scoring": {"pass_threshold": 0.71}},
        form() | {"scoring": {"required_policy": "flag_only"}},
    ],
    ids=str,
)
def test_whatever_decides_a_verdict_or_a_score_makes_another_form(other: dict[str, Any]) -> None:
    assert hash_of(other) != hash_of(form())


def test_the_order_of_criteria_makes_another_form() -> None:
    first, second = GUIDE_TEMPLATE["criteria"][:2]
    assert hash_of({"criteria": [first, second]}) != hash_of({"criteria": [second, first]})


def test_the_hash_of_a_form_never_changes() -> None:
    # Stored versions are compared by it.
    assert hash_of(GUIDE_TEMPLATE) == "b819db83d0a874d2392700b8c1689dd2"


# --- stored -------------------------------------------------------------------------------------


STORED: dict[str, dict[str, Any]] = {
    "the guide's": GUIDE_TEMPLATE,
    "small weights": form(weight="0.0001"),
    "rule": with_rule(
        phrases=["hello", "good morning"],
        said_by="anyone",
        within={"first_seconds": 30},
        must="not_say",
        applies_when={"pattern": r"\brefund\b", "said_by": "customer"},
    ),
    "pattern": with_rule(pattern="[a-z]+", within={"last_turns": 2}),
    "flag only": form() | {"scoring": {"required_policy": "flag_only", "notes": "x"}},
}


@pytest.mark.parametrize("name", STORED)
def test_a_stored_form_is_the_same_form(name: str) -> None:
    form = parse_draft(STORED[name]).as_version(3)
    item = json.loads(json.dumps(item_of(form)))
    assert form_of_item(item) == form


def test_a_stored_form_that_was_tampered_with_is_refused() -> None:
    item = item_of(parse_draft(GUIDE_TEMPLATE).as_version(1))
    item["criteria"] = [*item["criteria"][:-1], {**item["criteria"][-1], "required": False}]
    with pytest.raises(FormError) as caught:
        form_of_item(item)
    assert str(caught.value) == (
        "content_hash: expected the hash of the stored content, found another hash"
    )


def test_a_draft_becomes_the_version_that_it_is_given() -> None:
    draft = parse_draft(form() | {"name": "sales"})
    assert isinstance(draft, FormDraft)
    version = draft.as_version(2)
    assert isinstance(version, Form)
    assert (version.label, version.content_hash) == ("sales v2", draft.content_hash)
