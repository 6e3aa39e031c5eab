"""A document's evaluation against the tenant's form."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cci_lite.contract.document import (
    CriterionResult,
    Evaluator,
    Evidence,
    QaEvaluation,
    ReportedScore,
    Review,
    UnifiedDocument,
    encode_document,
)
from cci_lite.contract.form import Form
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scored_evaluation import (
    ScoredEvaluation,
    form_named_by,
    score_document,
    score_evaluation,
    with_evaluation,
)
from cci_lite.contract.scoring import Outcome, Verdict
from cci_lite.errors import ContractError

GUIDE_EXAMPLE = (
    Path(__file__).resolve().parents[3] / "examples" / "documents" / "guide-example.json"
)
FORM = parse_draft(
    {
        "criteria": [
            {"id": "greet_01", "text": "Greeted the customer?", "weight": 1, "required": True},
            {"id": "empathy_02", "text": "Showed empathy?", "weight": 1, "required": True},
            {"id": "resolve_03", "text": "Gave a resolution?", "weight": 1, "required": True},
            {"id": "confirm_04", "text": "Confirmed satisfaction?", "weight": 0.5},
            {"id": "compliance_05", "text": "Read the statement?", "weight": 1, "required": True},
        ]
    }
).as_version(1)
TEMPLATES = {("default", 1): FORM}


def evaluation(verdicts: str = "PFPPF", **fields: Any) -> QaEvaluation:
    """Verdicts on the form's criteria, written as P, F, N, U; `.` leaves the criterion out."""
    letters = {"P": Verdict.PASS, "F": Verdict.FAIL, "N": Verdict.NA, "U": Verdict.UNSCORED}
    criteria = [
        CriterionResult(id=criterion.id, verdict=letters[letter])
        for criterion, letter in zip(FORM.criteria, verdicts, strict=True)
        if letter != "."
    ]
    return QaEvaluation(criteria=criteria, **fields)


def document(**fields: Any) -> UnifiedDocument:
    return UnifiedDocument(
        tenant_id="demo-tenant", call_id="c1", call_date=dt.date(2025, 11, 5), **fields
    )


def refusal(found: QaEvaluation, form: Form = FORM) -> str:
    with pytest.raises(ContractError) as caught:
        score_evaluation(found, form)
    return str(caught.value)


# --- the guide's example ------------------------------------------------------------------------


@pytest.fixture
def guide_example() -> ScoredEvaluation:
    found = decode_document(GUIDE_EXAMPLE.read_bytes(), one_line=False).document
    scored = score_document(found, TEMPLATES)
    assert scored is not None
    return scored


def test_the_guides_example_is_a_fail_with_2_5_of_4_5_points(
    guide_example: ScoredEvaluation,
) -> None:
    score = guide_example.score
    assert (score.total, score.max) == (Decimal("2.5"), Decimal("4.5"))
    assert score.percentage == Decimal("55.56")
    assert score.outcome is Outcome.FAIL
    assert score.failed_required == ("empathy_02", "compliance_05")


def test_the_guides_example_claimed_something_else(guide_example: ScoredEvaluation) -> None:
    assert guide_example.reported == ReportedScore(total_score=2.5, max_score=3.5, percentage=71)
    assert guide_example.reported_differs is True


# --- which form ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "template_id", "version", "named"),
    [
        ({}, None, None, ("default", 1)),
        ({"qa_template_version": 2}, None, None, ("default", 2)),
        ({"qa_template_version": "v2"}, None, None, ("default", 2)),
        ({}, "sales", None, ("sales", 1)),
        ({"qa_template_version": 9}, "sales", 3, ("sales", 3)),
        ({"schema_version": "1.3"}, None, "3", ("default", 3)),
    ],
    ids=["none", "1.2 field", "1.2 text", "name only", "both", "1.3"],
)
def test_the_form_is_the_one_that_the_document_names(
    fields: dict[str, Any], template_id: str | None, version: Any, named: tuple[str, int]
) -> None:
    found = evaluation(template_id=template_id, template_version=version)
    assert form_named_by(document(qa_evaluation=found, **fields)) == named


def test_a_document_of_version_1_3_has_to_name_the_version_of_the_form() -> None:
    with pytest.raises(ContractError) as caught:
        form_named_by(document(schema_version="1.3", qa_evaluation=evaluation()))
    assert str(caught.value) == (
        "qa_evaluation.template_version: expected the version of the form, found none"
    )


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"qa_evaluation": evaluation(template_version="new")}, "qa_evaluation.template_version"),
        (
            {"qa_evaluation": evaluation(), "qa_template_version": "new"},
            "qa_template_version",
        ),
    ],
    ids=["evaluation", "document"],
)
def test_a_version_that_is_none_is_refused_where_it_stands(
    fields: dict[str, Any], path: str
) -> None:
    with pytest.raises(ContractError) as caught:
        form_named_by(document(**fields))
    assert str(caught.value) == f"{path}: expected a version like 3 or v3, found 'new'"


def test_a_document_without_evaluation_has_no_score() -> None:
    assert score_document(document(), TEMPLATES) is None


def test_a_form_that_the_tenant_does_not_have_is_refused() -> None:
    found = document(qa_evaluation=evaluation(template_id="sales", template_version=2))
    with pytest.raises(ContractError) as caught:
        score_document(found, TEMPLATES)
    assert str(caught.value) == (
        "qa_evaluation.template_id: expected a form of this tenant "
        "(add it with: cci-lite forms put), found 'sales' v2"
    )


@pytest.mark.parametrize("template_hash", ["0" * 32, ""])
def test_a_form_of_the_same_name_with_other_content_is_refused(template_hash: str) -> None:
    assert refusal(evaluation(template_hash=template_hash)) == (
        "qa_evaluation.template_hash: expected the hash of default v1, found another hash"
    )
    assert score_evaluation(evaluation(template_hash=FORM.content_hash), FORM).form is FORM


# --- criteria -----------------------------------------------------------------------------------


def test_a_criterion_that_the_document_does_not_mention_is_unscored() -> None:
    scored = score_evaluation(evaluation("PP.P."), FORM)
    assert scored.verdicts[2] is scored.verdicts[4] is Verdict.UNSCORED
    assert scored.results[2] is scored.results[4] is None
    assert scored.score.outcome is Outcome.REVIEW
    assert scored.review_reasons == [
        "unscored_required:resolve_03",
        "unscored_required:compliance_05",
    ]


def test_a_criterion_of_another_form_is_refused_at_its_place() -> None:
    found = evaluation()
    found.criteria.insert(1, CriterionResult(id="other_09", passed=True))
    assert refusal(found) == (
        "qa_evaluation.criteria[1].id: expected a criterion of default v1, found 'other_09'"
    )


def test_results_are_put_into_the_forms_order() -> None:
    found = evaluation()
    found.criteria.reverse()
    scored = score_evaluation(found, FORM)
    assert [result.id for result in scored.results if result] == [
        criterion.id for criterion in FORM.criteria
    ]
    assert scored.score == score_evaluation(evaluation(), FORM).score


def test_what_a_document_says_of_weights_scores_and_duty_does_not_count() -> None:
    found = evaluation()
    for result in found.criteria:
        result.score, result.weight, result.required = 100, 100, False
    assert score_evaluation(found, FORM).score == score_evaluation(evaluation(), FORM).score


# --- claims -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "differs"),
    [
        ({"percentage": 56}, False),
        ({"percentage": 55.6}, False),
        ({"percentage": 55.56}, False),
        ({"percentage": 55.5556}, False),
        ({"percentage": 55.55555555555556}, False),
        ({"percentage": 55}, True),
        ({"percentage": 55.5}, True),
        ({"percentage": 55.55}, True),
        ({"percentage": 55.57}, True),
        ({"percentage": 71}, True),
        ({"percentage": 60}, True),
        ({"percentage": 0.5556}, True),
        ({"percentage": 5e-324}, True),
        ({"percentage": -1e12}, True),
        ({"total_score": 2.5}, False),
        ({"total_score": 2.5000000000000004}, False),
        ({"total_score": 2.4}, True),
        ({"max_score": 4.5}, False),
        ({"max_score": 3.5}, True),
        ({"total_score": 2.5, "max_score": 4.5, "percentage": 55.56}, False),
        ({"total_score": 2.5, "max_score": 4.5, "percentage": 55.5}, True),
    ],
    ids=str,
)
def test_a_claim_is_compared_as_precisely_as_it_is_written(
    claim: dict[str, Any], differs: bool
) -> None:
    assert score_evaluation(evaluation(**claim), FORM).reported_differs is differs


def test_a_claim_is_compared_with_the_ratio_and_not_with_what_was_rounded_from_it() -> None:
    # 64.446 % is 64.45 and is 64.4; rounding 64.45 once more would give 64.5.
    form = parse_draft(
        {
            "criteria": [
                {"id": "aa", "text": "Question?", "weight": "64.446"},
                {"id": "bb", "text": "Question?", "weight": "35.554"},
            ]
        }
    ).as_version(1)
    criteria = [CriterionResult(id="aa", passed=True), CriterionResult(id="bb", passed=False)]
    for claim, differs in ((64.4, False), (64.5, True), (64.45, False), (64, False)):
        found = QaEvaluation(criteria=criteria, percentage=claim)
        assert score_evaluation(found, form).reported_differs is differs


@pytest.mark.parametrize(
    ("claim", "differs"),
    [
        ({"percentage": 63}, False),
        ({"percentage": 62}, True),
        ({"percentage": 62.5}, False),
        ({"total_score": 2.50005}, True),
        ({"total_score": 2.50004}, False),
    ],
    ids=str,
)
def test_a_half_is_rounded_up_in_a_claim_and_in_what_it_is_compared_with(
    claim: dict[str, float], differs: bool
) -> None:
    form = parse_draft(
        {
            "criteria": [
                {"id": "aa", "text": "Question?", "weight": "2.5"},
                {"id": "bb", "text": "Question?", "weight": "1.5"},
            ]
        }
    ).as_version(1)
    criteria = [CriterionResult(id="aa", passed=True), CriterionResult(id="bb", passed=False)]
    found = QaEvaluation(criteria=criteria, **claim)
    assert score_evaluation(found, form).reported_differs is differs


def test_without_a_claim_nothing_differs() -> None:
    scored = score_evaluation(evaluation(), FORM)
    assert scored.reported is None
    assert scored.reported_differs is None


def test_a_percentage_claimed_where_there_is_none_differs() -> None:
    assert score_evaluation(evaluation("NNNNN", percentage=0), FORM).reported_differs is True


def test_a_claim_that_was_kept_beside_is_the_claim() -> None:
    kept = ReportedScore(percentage=71)
    scored = score_evaluation(evaluation(percentage=55.56, reported=kept), FORM)
    assert scored.reported == kept
    assert scored.reported_differs is True


# --- written back -------------------------------------------------------------------------------


def test_the_document_becomes_one_of_version_1_3() -> None:
    found = decode_document(GUIDE_EXAMPLE.read_bytes(), one_line=False).document
    scored = score_document(found, TEMPLATES)
    assert scored is not None
    written = with_evaluation(found, scored)
    result = written.qa_evaluation
    assert result is not None
    assert written.schema_version == "1.3"
    assert (result.template_id, result.template_version) == ("default", 1)
    assert result.template_hash == FORM.content_hash
    assert (result.total_score, result.max_score, result.percentage) == (2.5, 4.5, 55.56)
    assert (result.outcome, result.passed) == ("fail", False)
    assert result.failed_required == ["empathy_02", "compliance_05"]
    assert [(failed.id, failed.reason) for failed in result.failed] == [
        ("empathy_02", "No empathy statement"),
        ("compliance_05", "No compliance script"),
    ]
    assert result.reported == ReportedScore(total_score=2.5, max_score=3.5, percentage=71)
    assert written.review == Review(needed=False, reasons=[])


def test_every_criterion_of_the_form_is_written_with_its_own_points() -> None:
    found = evaluation("PF.NU")
    found.criteria[0].evidence = [Evidence(quote="Hello")]
    found.criteria[0].evaluator = Evaluator.HUMAN
    result = with_evaluation(document(), score_evaluation(found, FORM)).qa_evaluation
    assert result is not None
    assert [
        (each.id, each.verdict, each.passed, each.score, each.weight, each.required)
        for each in result.criteria
    ] == [
        ("greet_01", Verdict.PASS, True, 1.0, 1.0, True),
        ("empathy_02", Verdict.FAIL, False, 0.0, 1.0, True),
        ("resolve_03", Verdict.UNSCORED, None, None, 1.0, True),
        ("confirm_04", Verdict.NA, None, None, 0.5, False),
        ("compliance_05", Verdict.UNSCORED, None, None, 1.0, True),
    ]
    assert result.criteria[0].evidence == [Evidence(quote="Hello")]
    assert result.criteria[0].evaluator is Evaluator.HUMAN


def test_reasons_for_review_are_added_to_those_that_are_there() -> None:
    before = document(review=Review(needed=True, reasons=["model_truncated"]))
    scored = score_evaluation(evaluation("PPPPU"), FORM)
    written = with_evaluation(before, scored)
    reasons = ["model_truncated", "unscored_required:compliance_05"]
    assert written.review == Review(needed=True, reasons=reasons)
    assert with_evaluation(written, scored).review == written.review


@pytest.mark.parametrize("needed", [True, False])
def test_a_call_that_somebody_wanted_reviewed_stays_so_whatever_its_score(needed: bool) -> None:
    before = document(review=Review(needed=needed, reasons=["low_confidence"]))
    written = with_evaluation(before, score_evaluation(evaluation("PPPPP"), FORM))
    assert written.review == Review(needed=needed, reasons=["low_confidence"])


def test_scoring_what_was_scored_changes_no_verdict_and_no_point() -> None:
    scored = score_evaluation(evaluation("PFPNU", percentage=71), FORM)
    written = with_evaluation(document(), scored)
    again = decode_document(encode_document(written)).document
    rescored = score_document(again, TEMPLATES)
    assert rescored is not None
    assert rescored.score == scored.score
    assert rescored.verdicts == scored.verdicts
    assert rescored.reported == scored.reported
    assert with_evaluation(again, rescored) == written


def test_the_document_that_was_given_stays_as_it_is() -> None:
    found = document(qa_evaluation=evaluation())
    before = msgspec.json.encode(found)
    scored = score_document(found, TEMPLATES)
    assert scored is not None
    with_evaluation(found, scored)
    assert msgspec.json.encode(found) == before
