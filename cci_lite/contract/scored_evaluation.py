"""Scores a document's evaluation with the tenant's form, and compares the scores it claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from cci_lite.contract.document import (
    GUIDE_SCHEMA_VERSION,
    SCHEMA_VERSION,
    CriterionResult,
    FailedCriterion,
    QaEvaluation,
    ReportedScore,
    Review,
    UnifiedDocument,
    verdict_of,
)
from cci_lite.contract.form import (
    DEFAULT_FORM,
    Criterion,
    Form,
    is_form_name,
    parse_version,
)
from cci_lite.contract.form_checks import MOST_DECIMALS
from cci_lite.contract.scoring import CallScore, Outcome, Verdict, passed_of, score_call
from cci_lite.errors import ContractError, describe_value, show_value

_NO_CLAIM = ReportedScore()

Forms = Mapping[tuple[str, int], Form]

_FINEST_CLAIM = Decimal(1).scaleb(-MOST_DECIMALS)


@dataclass(frozen=True, slots=True)
class ScoredEvaluation:
    """An evaluation after scoring: `results` and `verdicts` are in the form's order.

    A criterion that the document does not mention has no result and is unscored.
    """

    form: Form
    results: tuple[CriterionResult | None, ...]
    verdicts: tuple[Verdict, ...]
    score: CallScore
    reported: ReportedScore | None
    reported_differs: bool | None

    @property
    def review_reasons(self) -> list[str]:
        """Why the score alone sends the call to review."""
        return [f"unscored_required:{name}" for name in self.score.unscored_required]


def form_named_by(document: UnifiedDocument) -> tuple[str, int]:
    """Name and version of the form that the document was judged against.

    A 1.2 document that names no form was judged by the guide's pipeline, which knew only
    `QA_TEMPLATE#v1`: the form `default`, version 1. Raises ContractError when a 1.3 document names
    no version.
    """
    evaluation = document.qa_evaluation
    if evaluation is None:
        raise ContractError("qa_evaluation", "an evaluation", "none")
    path = "qa_evaluation.template_version"
    version = parse_version(evaluation.template_version, path)
    version = version or parse_version(document.qa_template_version, "qa_template_version")
    if version is None:
        if document.schema_version != GUIDE_SCHEMA_VERSION:
            raise ContractError(path, "the version of the form", "none")
        version = 1
    return evaluation.template_id or DEFAULT_FORM, version


def score_document(document: UnifiedDocument, forms: Forms) -> ScoredEvaluation | None:
    """The document's evaluation scored with the tenant's form that it names; None without one.

    Raises ContractError when the tenant has no such form, the form is not the one that was used, or
    a criterion is not in it.
    """
    evaluation = document.qa_evaluation
    if evaluation is None:
        return None
    named = form_named_by(document)
    form = forms.get(named)
    if form is None:
        raise ContractError(
            "qa_evaluation.template_id",
            "a form of this tenant (add it with: cci-lite forms put)",
            f"{show_value(named[0]) if is_form_name(named[0]) else 'another'} v{named[1]}",
        )
    return score_evaluation(evaluation, form)


def score_evaluation(evaluation: QaEvaluation, form: Form) -> ScoredEvaluation:
    """The evaluation scored with `form`; raises ContractError when it is of another form."""
    if evaluation.template_hash not in (None, form.content_hash):
        raise ContractError(
            "qa_evaluation.template_hash", f"the hash of {form.label}", "another hash"
        )
    # Results are matched by id and put into the form's order. A document may list them in any
    # order, and what it says about weights or "required" does not count.
    by_id = {result.id: result for result in evaluation.criteria}
    results = tuple(by_id.pop(criterion.id, None) for criterion in form.criteria)
    if by_id:
        _refuse_unknown_criterion(evaluation, form)
    verdicts = tuple(
        Verdict.UNSCORED if result is None else verdict_of(result, index)
        for index, result in enumerate(results)
    )
    score = score_call(form.criteria, verdicts, form.scoring)
    reported, differs = _reported(evaluation, score)
    return ScoredEvaluation(form, results, verdicts, score, reported, differs)


def with_evaluation(document: UnifiedDocument, scored: ScoredEvaluation) -> UnifiedDocument:
    """The document in version 1.3: all criteria of the form, computed totals, claims beside."""
    # Reasons of earlier steps (masking, transcript) stay; those of the score are added once.
    reasons = list(document.review.reasons) if document.review else []
    reasons += [reason for reason in scored.review_reasons if reason not in reasons]
    needed = scored.score.outcome is Outcome.REVIEW or (
        document.review is not None and document.review.needed
    )
    return msgspec.structs.replace(
        document,
        schema_version=SCHEMA_VERSION,
        qa_evaluation=written_evaluation(scored),
        qa_template_version=None,
        review=Review(needed=needed, reasons=reasons),
    )


def written_evaluation(scored: ScoredEvaluation) -> QaEvaluation:
    """The evaluation as version 1.3 writes it."""
    form, score = scored.form, scored.score
    criteria = [
        _written_criterion(*each)
        for each in zip(form.criteria, scored.results, scored.verdicts, strict=True)
    ]
    return QaEvaluation(
        template_id=form.name,
        template_version=form.version,
        template_hash=form.content_hash,
        criteria=criteria,
        total_score=float(score.total),
        max_score=float(score.max),
        percentage=None if score.percentage is None else float(score.percentage),
        passed=score.passed,
        outcome=score.outcome.value,
        failed=[
            FailedCriterion(id=result.id, reason=result.reason)
            for result in criteria
            if result.verdict is Verdict.FAIL
        ],
        failed_required=list(score.failed_required),
        reported=scored.reported,
    )


def _written_criterion(
    criterion: Criterion, result: CriterionResult | None, verdict: Verdict
) -> CriterionResult:
    """One criterion with the form's wording and weight, and the document's grounds."""
    return msgspec.structs.replace(
        result or CriterionResult(id=criterion.id, question=criterion.question),
        question=criterion.question,
        passed=passed_of(verdict),
        verdict=verdict,
        score=points_of(criterion.weight, verdict),
        weight=float(criterion.weight),
        required=criterion.required,
    )


def points_of(weight: Decimal, verdict: Verdict) -> float | None:
    """The points of one criterion: its weight, nothing, or None without a pass or fail."""
    if verdict is Verdict.PASS:
        return float(weight)
    return 0.0 if verdict is Verdict.FAIL else None


def _reported(
    evaluation: QaEvaluation, score: CallScore
) -> tuple[ReportedScore | None, bool | None]:
    """What the document's evaluator claimed, and whether it differs from the score.

    The totals of a document that carries its form's hash were computed by this code: they are a
    claim only when they differ.
    """
    if evaluation.reported is not None:
        return evaluation.reported, claim_differs(evaluation.reported, score.total, score.max)
    claimed = ReportedScore(
        total_score=evaluation.total_score,
        max_score=evaluation.max_score,
        percentage=evaluation.percentage,
    )
    ours = ReportedScore(
        total_score=float(score.total),
        max_score=float(score.max),
        percentage=None if score.percentage is None else float(score.percentage),
    )
    if claimed == _NO_CLAIM or (evaluation.template_hash is not None and claimed == ours):
        return None, None
    return claimed, claim_differs(claimed, score.total, score.max)


def claim_differs(reported: ReportedScore, total: Decimal, most: Decimal) -> bool:
    """Whether a figure that was claimed is not the computed one, as coarsely as it is written."""
    pairs = (
        (reported.total_score, total),
        (reported.max_score, most),
        (reported.percentage, 100 * total / most if most else None),
    )
    return any(claim is not None and not _agrees(claim, computed) for claim, computed in pairs)


def _agrees(claim: float, computed: Decimal | None) -> bool:
    """Whether the computed figure, rounded as coarsely as the claim is written, is the claim.

    Digits beyond the decimals that a weight can have are floating-point noise.
    """
    if computed is None:
        return False
    # A claim of 71 is compared with the computed figure rounded to whole numbers, one of 71.4 with
    # the figure rounded to one decimal: the claim's own precision decides.
    claimed = Decimal(repr(claim)).quantize(_FINEST_CLAIM, rounding=ROUND_HALF_UP).normalize()
    exponent = claimed.as_tuple().exponent
    step = Decimal(1).scaleb(min(int(exponent), 0))
    return computed.quantize(step, rounding=ROUND_HALF_UP) == claimed


def _refuse_unknown_criterion(evaluation: QaEvaluation, form: Form) -> None:
    known = {criterion.id for criterion in form.criteria}
    for index, result in enumerate(evaluation.criteria):
        if result.id not in known:
            raise ContractError(
                f"qa_evaluation.criteria[{index}].id",
                f"a criterion of {form.label}",
                describe_value(result.id),
            )
