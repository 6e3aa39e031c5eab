"""Properties of scoring, checked with exact fractions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import floor

import pyarrow as pa
from hypothesis import assume, given
from hypothesis import strategies as st

from cci_lite.contract.document import (
    CriterionResult,
    QaEvaluation,
    ReportedScore,
    UnifiedDocument,
    encode_document,
)
from cci_lite.contract.form import Criterion, Form, RequiredPolicy, Scoring
from cci_lite.contract.scored_evaluation import score_evaluation
from cci_lite.contract.scoring import CallScore, Outcome, Verdict, score_call
from cci_lite.flatten.documents import read_lines
from cci_lite.flatten.scores import FormColumns, Scores, evaluations_of

Line = tuple[Criterion, Verdict]


weights = st.decimals("0.0001", "1000", places=4)
verdicts = st.sampled_from(Verdict)
scorings = st.builds(
    Scoring,
    pass_threshold=st.decimals("0", "1", places=4),
    required_policy=st.sampled_from(RequiredPolicy),
)


@st.composite
def forms(draw: st.DrawFn) -> list[Line]:
    """A form's criteria, each with a verdict."""
    drawn = draw(st.lists(st.tuples(weights, st.booleans(), verdicts), min_size=1, max_size=100))
    return [
        (Criterion(id=f"c_{n}", question="Question?", weight=weight, required=required), verdict)
        for n, (weight, required, verdict) in enumerate(drawn)
    ]


def score(lines: Sequence[Line], scoring: Scoring) -> CallScore:
    return score_call([line[0] for line in lines], [line[1] for line in lines], scoring)


def replace_verdict(lines: Sequence[Line], at: int, verdict: Verdict) -> list[Line]:
    return [(line[0], verdict if n == at else line[1]) for n, line in enumerate(lines)]


@given(lines=forms(), scoring=scorings)
def test_points_and_percentage_stay_within_their_bounds(
    lines: list[Line], scoring: Scoring
) -> None:
    scored = score(lines, scoring)
    assert 0 <= scored.total <= scored.max
    assert (scored.percentage is None) == (scored.max == 0)
    assert scored.percentage is None or 0 <= scored.percentage <= 100


@given(lines=forms(), scoring=scorings)
def test_points_and_percentage_are_exact(lines: list[Line], scoring: Scoring) -> None:
    total = sum(Fraction(each.weight) for each, verdict in lines if verdict is Verdict.PASS)
    maximum = total + sum(
        Fraction(each.weight) for each, verdict in lines if verdict is Verdict.FAIL
    )
    scored = score(lines, scoring)
    assert (Fraction(scored.total), Fraction(scored.max)) == (total, maximum)
    if maximum:
        # Half up: the cent below, and one more from half a cent on.
        cents = floor(total / maximum * 10_000 + Fraction(1, 2))
        assert scored.percentage == Decimal(cents).scaleb(-2)


@given(lines=forms(), scoring=scorings, data=st.data())
def test_the_order_of_criteria_does_not_matter(
    lines: list[Line], scoring: Scoring, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(lines))
    first, second = score(lines, scoring), score(shuffled, scoring)
    assert (first.total, first.max, first.percentage, first.outcome) == (
        second.total,
        second.max,
        second.percentage,
        second.outcome,
    )
    assert set(first.failed_required) == set(second.failed_required)
    assert set(first.unscored_required) == set(second.unscored_required)


@given(lines=forms(), scoring=scorings)
def test_what_does_not_apply_might_as_well_not_be_in_the_form(
    lines: list[Line], scoring: Scoring
) -> None:
    rest = [line for line in lines if line[1] is not Verdict.NA]
    assert score(lines, scoring) == score(rest, scoring)


@given(lines=forms(), scoring=scorings, data=st.data())
def test_a_pass_instead_of_a_fail_never_lowers_anything(
    lines: list[Line], scoring: Scoring, data: st.DataObject
) -> None:
    failed = [n for n, line in enumerate(lines) if line[1] is Verdict.FAIL]
    assume(failed)
    at = data.draw(st.sampled_from(failed))
    before, after = score(lines, scoring), score(replace_verdict(lines, at, Verdict.PASS), scoring)
    assert before.percentage is not None
    assert after.percentage is not None
    assert after.max == before.max
    assert after.total > before.total
    assert after.percentage >= before.percentage
    assert not (before.outcome is Outcome.PASS and after.outcome is not Outcome.PASS)


@given(lines=forms(), scoring=scorings, data=st.data())
def test_one_more_pass_never_lowers_the_percentage(
    lines: list[Line], scoring: Scoring, data: st.DataObject
) -> None:
    outside = [n for n, line in enumerate(lines) if line[1] in (Verdict.NA, Verdict.UNSCORED)]
    assume(outside)
    at = data.draw(st.sampled_from(outside))
    before, after = score(lines, scoring), score(replace_verdict(lines, at, Verdict.PASS), scoring)
    assert after.percentage is not None
    assert before.percentage is None or after.percentage >= before.percentage


@given(lines=forms(), scoring=scorings)
def test_the_outcome_follows_from_its_parts(lines: list[Line], scoring: Scoring) -> None:
    scored = score(lines, scoring)
    unscored = [c.id for c, verdict in lines if c.required and verdict is Verdict.UNSCORED]
    failed = [c.id for c, verdict in lines if c.required and verdict is Verdict.FAIL]
    assert scored.unscored_required == tuple(unscored)
    assert scored.failed_required == tuple(failed)
    assert (scored.outcome is Outcome.REVIEW) == bool(unscored)
    assert (scored.outcome is Outcome.NONE) == (not unscored and scored.percentage is None)
    if scored.outcome in (Outcome.PASS, Outcome.FAIL):
        assert scored.percentage is not None
        reached = Fraction(scored.percentage) / 100 >= Fraction(scoring.pass_threshold)
        fails = bool(failed) and scoring.required_policy is RequiredPolicy.FAIL_CALL
        assert scored.passed is (reached and not fails)
    else:
        assert scored.passed is None


@given(lines=forms(), threshold=st.decimals("0", "1", places=4))
def test_flagging_only_never_fails_a_call_that_passes_otherwise(
    lines: list[Line], threshold: Decimal
) -> None:
    strict = score(lines, Scoring(pass_threshold=threshold))
    lenient = score(
        lines, Scoring(pass_threshold=threshold, required_policy=RequiredPolicy.FLAG_ONLY)
    )
    assert (strict.total, strict.max, strict.percentage, strict.failed_required) == (
        lenient.total,
        lenient.max,
        lenient.percentage,
        lenient.failed_required,
    )
    if strict.outcome is not lenient.outcome:
        assert (strict.outcome, lenient.outcome) == (Outcome.FAIL, Outcome.PASS)
        assert strict.failed_required


@given(
    lines=forms(),
    scoring=scorings,
    factor=st.sampled_from([Decimal("0.5"), Decimal(2), Decimal(10)]),
)
def test_weights_count_in_relation_to_each_other(
    lines: list[Line], scoring: Scoring, factor: Decimal
) -> None:
    scaled = [
        (
            Criterion(
                id=each.id,
                question=each.question,
                weight=each.weight * factor,
                required=each.required,
            ),
            verdict,
        )
        for each, verdict in lines
    ]
    assert score(lines, scoring).percentage == score(scaled, scoring).percentage


@given(weight=weights)
def test_a_hundredth_of_a_percent_is_a_cent(weight: Decimal) -> None:
    criteria = [
        Criterion(id="aa", question="Question?", weight=weight),
        Criterion(id="bb", question="Question?", weight=Decimal(1000)),
    ]
    scored = score_call(criteria, [Verdict.PASS, Verdict.FAIL], Scoring())
    exact = Fraction(weight) / (Fraction(weight) + 1000) * 100
    assert scored.percentage is not None
    assert abs(Fraction(scored.percentage) - exact) <= Fraction(1, 200)
    assert scored.percentage == scored.percentage.quantize(Decimal("0.01"), ROUND_HALF_UP)


# --- many calls at once ---------------------------------------------------------------------------

claims = st.none() | st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from((0.0, 1.0, 33.3, 33.33, 50.0, 66.7, 66.67, 67.0, 100.0))
        for name in ("total_score", "max_score", "percentage")
    },
)


@given(
    lines=forms(),
    scoring=scorings,
    more=st.lists(st.lists(verdicts, min_size=100, max_size=100), max_size=4),
    claim=claims,
)
def test_many_calls_at_once_score_as_each_one_does(
    lines: list[Line], scoring: Scoring, more: list[list[Verdict]], claim: dict[str, float] | None
) -> None:
    criteria = tuple(line[0] for line in lines)
    form = Form("default", 1, criteria, scoring, "hash")
    judged = [[line[1] for line in lines], *(row[: len(lines)] for row in more)]
    said = [
        QaEvaluation(
            template_id="default",
            template_version=1,
            criteria=[
                CriterionResult(id=criterion.id, verdict=verdict)
                for criterion, verdict in zip(criteria, row, strict=True)
            ],
            reported=None if claim is None else ReportedScore(**claim),
        )
        for row in judged
    ]
    documents = read_lines(
        [
            encode_document(
                UnifiedDocument(
                    tenant_id="t", call_id="c", call_date=dt.date(2025, 1, 1), qa_evaluation=one
                )
            )
            for one in said
        ]
    )
    evaluations, is_odd = evaluations_of(documents, FormColumns({("default", 1): form}))
    scores = Scores(evaluations)
    columns = pa.table(scores.columns()).to_pylist()
    assert not is_odd.any()
    for row, evaluation, reasons in zip(columns, said, scores.review_reasons(), strict=True):
        scored = score_evaluation(evaluation, form)
        expected = scored.score
        assert row["qa_outcome"] == expected.outcome.value
        assert row["qa_passed"] == expected.passed
        assert row["qa_total_score"] == float(expected.total)
        assert row["qa_max_score"] == float(expected.max)
        percentage = expected.percentage
        assert row["qa_percentage"] == (None if percentage is None else float(percentage))
        assert row["qa_failed_required"] == (",".join(expected.failed_required) or None)
        assert row["qa_reported_differs"] == scored.reported_differs
        assert reasons == scored.review_reasons
