"""The result of one criterion: decided by a rule or a model, or unscored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cci_lite.contract.document import CriterionResult, Evaluator, Evidence
from cci_lite.contract.form import Criterion
from cci_lite.contract.scored_evaluation import points_of
from cci_lite.contract.scoring import Verdict, passed_of
from cci_lite.contract.service_answers import Judgement


def unscored(criterion: Criterion) -> CriterionResult:
    """The result of a criterion that nobody decided."""
    return CriterionResult(
        id=criterion.id,
        question=criterion.question,
        verdict=Verdict.UNSCORED,
        weight=float(criterion.weight),
        required=criterion.required,
    )


def decided(
    criterion: Criterion,
    verdict: Verdict,
    *,
    evaluator: Evaluator,
    reason: str | None,
    evidence: Sequence[Evidence],
    confidence: float | None,
) -> CriterionResult:
    """The result of a criterion that was decided."""
    return CriterionResult(
        id=criterion.id,
        question=criterion.question,
        passed=passed_of(verdict),
        verdict=verdict,
        score=points_of(criterion.weight, verdict),
        weight=float(criterion.weight),
        required=criterion.required,
        reason=reason,
        evidence=list(evidence),
        confidence=confidence,
        evaluator=evaluator,
    )


def undecided(criteria: Iterable[Criterion], *review_reasons: str) -> Judgement:
    """A judgement that decides nothing, and why."""
    return Judgement(
        results=[unscored(criterion) for criterion in criteria],
        review_reasons=list(review_reasons),
    )
