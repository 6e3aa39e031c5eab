"""Results of criteria that have no rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cci_lite.contract.document import CriterionResult, Evaluator, Evidence
from cci_lite.contract.form import Criterion
from cci_lite.contract.scoring import Verdict
from cci_lite.contract.service_answers import Judgement

_PASSED = {Verdict.PASS: True, Verdict.FAIL: False}


def unscored(criterion: Criterion) -> CriterionResult:
    """The result of a criterion that nobody decided."""
    return CriterionResult(
        id=criterion.id,
        question=criterion.question,
        verdict=Verdict.UNSCORED,
        weight=float(criterion.weight),
        required=criterion.required,
    )


def judged_by_model(
    criterion: Criterion,
    verdict: Verdict,
    *,
    reason: str | None,
    evidence: Sequence[Evidence],
    confidence: float | None,
) -> CriterionResult:
    """The result of a criterion that a model decided."""
    weight = float(criterion.weight)
    passed = _PASSED.get(verdict)
    return CriterionResult(
        id=criterion.id,
        question=criterion.question,
        passed=passed,
        verdict=verdict,
        score=None if passed is None else weight * passed,
        weight=weight,
        required=criterion.required,
        reason=reason,
        evidence=list(evidence),
        confidence=confidence,
        evaluator=Evaluator.MODEL,
    )


def undecided(criteria: Iterable[Criterion], *review_reasons: str) -> Judgement:
    """A judgement that decides nothing, and why."""
    return Judgement(
        results=[unscored(criterion) for criterion in criteria],
        review_reasons=list(review_reasons),
    )
