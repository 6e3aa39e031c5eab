"""From verdicts to a score: a table of cases."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cci_lite.contract.form import Criterion, RequiredPolicy, Scoring
from cci_lite.contract.scoring import CallScore, Outcome, Verdict, score_call

VERDICTS = {"P": Verdict.PASS, "F": Verdict.FAIL, "N": Verdict.NA, "U": Verdict.UNSCORED}


def score(
    verdicts: str,
    weights: str = "1 1 1 0.5 1",
    required: str = "YYYnY",
    threshold: str = "0.7",
    policy: RequiredPolicy = RequiredPolicy.FAIL_CALL,
) -> CallScore:
    """The score of a call whose verdicts are written as P, F, N and U."""
    criteria = [
        Criterion(id=f"c_{n}", question="Question?", weight=Decimal(weight), required=is_it == "Y")
        for n, (weight, is_it) in enumerate(zip(weights.split(), required, strict=True), start=1)
    ]
    scoring = Scoring(pass_threshold=Decimal(threshold), required_policy=policy)
    return score_call(criteria, [VERDICTS[letter] for letter in verdicts], scoring)


def test_the_guides_example() -> None:
    assert score("PFPPF") == CallScore(
        Decimal("2.5"), Decimal("4.5"), Decimal("55.56"), Outcome.FAIL, ("c_2", "c_5"), ()
    )


@pytest.mark.parametrize(
    ("verdicts", "total", "maximum", "percentage", "outcome"),
    [
        ("PPPPP", "4.5", "4.5", "100.00", Outcome.PASS),
        ("PPPFP", "4", "4.5", "88.89", Outcome.PASS),
        ("FPPPP", "3.5", "4.5", "77.78", Outcome.FAIL),
        ("FFFFF", "0", "4.5", "0.00", Outcome.FAIL),
        ("PNNNN", "1", "1", "100.00", Outcome.PASS),
        ("NNNFN", "0", "0.5", "0.00", Outcome.FAIL),
        ("PPPUP", "4", "4", "100.00", Outcome.PASS),
        ("PPPUU", "3", "3", "100.00", Outcome.REVIEW),
        ("FFFFU", "0", "3.5", "0.00", Outcome.REVIEW),
        ("UUUUU", "0", "0", None, Outcome.REVIEW),
        ("NNNNN", "0", "0", None, Outcome.NONE),
        ("NNNUN", "0", "0", None, Outcome.NONE),
    ],
)
def test_points_percentage_and_outcome(
    verdicts: str, total: str, maximum: str, percentage: str | None, outcome: Outcome
) -> None:
    scored = score(verdicts)
    assert (scored.total, scored.max) == (Decimal(total), Decimal(maximum))
    assert scored.percentage == (None if percentage is None else Decimal(percentage))
    assert scored.outcome is outcome


@pytest.mark.parametrize(
    ("outcome", "passed"),
    [("PPPPP", True), ("FFFFF", False), ("UUUUU", None), ("NNNNN", None)],
    ids=["pass", "fail", "review", "none"],
)
def test_passed_is_true_false_or_unknown(outcome: str, passed: bool | None) -> None:
    assert score(outcome).passed is passed


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [(RequiredPolicy.FAIL_CALL, Outcome.FAIL), (RequiredPolicy.FLAG_ONLY, Outcome.PASS)],
)
def test_the_policy_says_whether_a_failed_required_criterion_fails_the_call(
    policy: RequiredPolicy, outcome: Outcome
) -> None:
    scored = score("FPPPP", policy=policy)
    assert scored.outcome is outcome
    assert scored.failed_required == ("c_1",)


def test_flagging_only_does_not_lift_the_threshold() -> None:
    assert score("FFPPP", policy=RequiredPolicy.FLAG_ONLY).outcome is Outcome.FAIL


@pytest.mark.parametrize("policy", RequiredPolicy)
def test_a_required_criterion_without_verdict_means_review_under_every_policy(
    policy: RequiredPolicy,
) -> None:
    scored = score("PUPFF", policy=policy)
    assert scored.outcome is Outcome.REVIEW
    assert scored.unscored_required == ("c_2",)
    assert scored.failed_required == ("c_5",)


def test_failed_and_unscored_required_criteria_stand_in_the_forms_order() -> None:
    scored = score("FUFUF", required="YYYYY")
    assert scored.failed_required == ("c_1", "c_3", "c_5")
    assert scored.unscored_required == ("c_2", "c_4")


@pytest.mark.parametrize(
    ("weights", "percentage"),
    [
        ("1 2", "33.33"),
        ("2 1", "66.67"),
        ("1 799", "0.13"),
        ("1 7", "12.50"),
        ("0.0001 1.9999", "0.01"),
        ("0.0001 2.0001", "0.00"),
        ("0.1 0.2", "33.33"),
        ("0.0001 1000", "0.00"),
        ("1000 0.0001", "100.00"),
    ],
)
def test_the_percentage_is_rounded_half_up_to_two_decimals(weights: str, percentage: str) -> None:
    # 1 of 800 is 0.125: rounding to even would give 0.12.
    scored = score("PF", weights=weights, required="nn")
    assert str(scored.percentage) == percentage


@pytest.mark.parametrize(
    ("weights", "threshold", "outcome"),
    [
        ("7 3", "0.7", Outcome.PASS),
        ("6999 3001", "0.7", Outcome.FAIL),
        ("69.995 30.005", "0.7", Outcome.PASS),
        ("69.9949 30.0051", "0.7", Outcome.FAIL),
        ("2 1", "0.6667", Outcome.PASS),
        ("2 1", "0.6668", Outcome.FAIL),
        ("1 1", "0", Outcome.PASS),
    ],
    ids=["at", "just below", "rounded up to it", "not rounded up", "2/3", "above 2/3", "zero"],
)
def test_the_rounded_percentage_reaches_the_threshold_or_does_not(
    weights: str, threshold: str, outcome: Outcome
) -> None:
    # The percentage that people see is the one that decides.
    assert score("PF", weights=weights, required="nn", threshold=threshold).outcome is outcome


def test_a_threshold_of_nothing_passes_nothing_and_of_all_needs_all() -> None:
    assert score("FF", weights="1 1", required="nn", threshold="0").outcome is Outcome.PASS
    assert score("PP", weights="1 1", required="nn", threshold="1").outcome is Outcome.PASS
    assert score("PF", weights="999 1", required="nn", threshold="1").outcome is Outcome.FAIL


def test_points_are_exact_where_binary_fractions_are_not() -> None:
    scored = score("PPP", weights="0.1 0.1 0.1", required="nnn")
    assert (scored.total, scored.percentage) == (Decimal("0.3"), Decimal("100.00"))


def test_each_criterion_needs_a_verdict() -> None:
    criteria = [Criterion(id="aa", question="Question?", weight=Decimal(1))]
    with pytest.raises(ValueError, match="shorter"):
        score_call(criteria, [], Scoring())
