from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cci_lite.contract.document import CriterionResult
from cci_lite.contract.form import Form
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.scoring import Verdict
from cci_lite.evaluation.by_rules import evaluate_rules
from cci_lite.transcripts import read_transcript

FORM = Path(__file__).resolve().parents[3] / "examples" / "forms" / "star.yaml"
RULES = ("greet_01", "else_06", "close_07")

Judged = list[tuple[dict[str, Any], list[CriterionResult]]]


@pytest.fixture(scope="module")
def star_form() -> Form:
    return parse_draft(YAML(typ="safe").load(FORM.read_text(encoding="utf-8"))).as_version(1)


@pytest.fixture(scope="module")
def judged(calls: list[Any], star_form: Form) -> Judged:
    return [
        (call.truth, evaluate_rules(star_form, read_transcript(call.transcript, call.audio)))
        for call in calls
    ]


def test_the_form_asks_what_the_tenants_form_asks(shared: Path, star_form: Form) -> None:
    guide = (shared / "data" / "calls" / "qa_form.json").read_text(encoding="utf-8")
    asked = parse_draft(YAML(typ="safe").load(guide))
    assert [(c.id, c.question, c.weight, c.required) for c in star_form.criteria] == [
        (c.id, c.question, c.weight, c.required) for c in asked.criteria
    ]
    assert star_form.scoring == asked.scoring
    assert tuple(c.id for c in star_form.criteria if c.rule is not None) == RULES


@pytest.mark.parametrize("criterion_id", RULES)
def test_rules_agree_with_the_truth(judged: Judged, criterion_id: str) -> None:
    compared, disagreements = 0, []
    for truth, results in judged:
        true = next(c for c in truth["qa"]["criteria"] if c["id"] == criterion_id)
        result = next(result for result in results if result.id == criterion_id)
        if true["passed"] is None or result.passed is None:
            continue
        compared += 1
        if true["passed"] != result.passed:
            disagreements.append(f"{truth['job_name']}: {result.verdict}, but {true['basis']}")
    assert compared > 0.4 * len(judged)
    assert len(disagreements) <= compared * 0.01, "\n".join(disagreements)


def test_agent_rules_are_not_applicable_where_the_agent_is_not_known(judged: Judged) -> None:
    reasons: Counter[str | None] = Counter()
    silent: Counter[bool] = Counter()
    for truth, results in judged:
        for result in results:
            if result.id not in RULES:
                assert result.verdict is Verdict.UNSCORED
                continue
            known = truth["layout"] != "speaker" or not truth["turns"]
            spoke = any(turn["role"] == "AGENT" for turn in truth["turns"])
            assert (result.verdict is not Verdict.NA) == (known and spoke), truth["job_name"]
            if result.verdict is Verdict.NA:
                reasons[result.reason] += 1
                silent[known] += 1
    assert reasons == {
        "it is not known who the agent is": silent[False],
        "the agent did not speak": silent[True],
    }


def test_every_quote_stands_in_the_turn_of_its_time(calls: list[Any], judged: Judged) -> None:
    quoted = 0
    for call, (_, results) in zip(calls, judged, strict=True):
        turns = read_transcript(call.transcript, call.audio).turns
        for result in results:
            for evidence in result.evidence:
                start, end = evidence.start_seconds or 0, evidence.end_seconds or 0
                (turn,) = (t for t in turns if t.start_seconds <= start < t.end_seconds)
                assert evidence.quote in turn.text
                assert start < end <= turn.end_seconds
                assert evidence.said_by == turn.role
                quoted += 1
    assert quoted > 0.8 * len(judged)
