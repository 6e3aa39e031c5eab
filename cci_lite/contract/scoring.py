"""From verdicts to points, percentage and outcome: the only place where a call is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from cci_lite.contract.form import Criterion, RequiredPolicy, Scoring

_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)


class Verdict(StrEnum):
    """Of one criterion on one call."""

    PASS = "pass"
    FAIL = "fail"
    NA = "na"
    UNSCORED = "unscored"


class Outcome(StrEnum):
    """Of one call."""

    PASS = "pass"
    FAIL = "fail"
    REVIEW = "review"
    NONE = "none"


_PASSED = {Outcome.PASS: True, Outcome.FAIL: False}
_VERDICT_PASSED = {Verdict.PASS: True, Verdict.FAIL: False}


def passed_of(verdict: Verdict) -> bool | None:
    """A verdict as true (pass), false (fail) or None."""
    return _VERDICT_PASSED.get(verdict)


@dataclass(frozen=True)
class CallScore:
    """The score of one call. `percentage` is None when no criterion passed or failed."""

    total: Decimal
    max: Decimal
    percentage: Decimal | None
    outcome: Outcome
    failed_required: tuple[str, ...]
    unscored_required: tuple[str, ...]

    @property
    def passed(self) -> bool | None:
        """The outcome as true, false or None."""
        return _PASSED.get(self.outcome)


def score_call(
    criteria: Sequence[Criterion], verdicts: Sequence[Verdict], scoring: Scoring
) -> CallScore:
    """The score of a call, given one verdict for each criterion, in the same order.

    total = weights of the passed; max = weights of the passed and failed; percentage = 100 total /
    max, rounded half up to 2 decimals. The outcome is `review` when a required criterion is
    unscored, `none` when nothing was evaluated, `pass` when percentage / 100 reaches the threshold
    and (policy `fail_call`) no required criterion failed, otherwise `fail`.
    """
    total = maximum = Decimal(0)
    failed_required: list[str] = []
    unscored_required: list[str] = []
    for criterion, verdict in zip(criteria, verdicts, strict=True):
        if verdict is Verdict.PASS:
            total += criterion.weight
            maximum += criterion.weight
        elif verdict is Verdict.FAIL:
            maximum += criterion.weight
            if criterion.required:
                failed_required.append(criterion.id)
        elif verdict is Verdict.UNSCORED and criterion.required:
            unscored_required.append(criterion.id)
    percentage = (
        (_HUNDRED * total / maximum).quantize(_CENT, rounding=ROUND_HALF_UP) if maximum else None
    )
    return CallScore(
        total,
        maximum,
        percentage,
        _outcome(percentage, bool(failed_required), bool(unscored_required), scoring),
        tuple(failed_required),
        tuple(unscored_required),
    )


def _outcome(
    percentage: Decimal | None, has_failed: bool, has_unscored: bool, scoring: Scoring
) -> Outcome:
    # The order of these tests is part of the contract: review comes first, because a missing
    # verdict on a required criterion could turn a pass into a fail.
    if has_unscored:
        return Outcome.REVIEW
    if percentage is None:
        return Outcome.NONE
    fails_call = has_failed and scoring.required_policy is RequiredPolicy.FAIL_CALL
    # The rounded percentage is compared, so that a report never shows 70.00 % beside a fail at 0.7.
    reached = percentage / _HUNDRED >= scoring.pass_threshold
    return Outcome.PASS if reached and not fails_call else Outcome.FAIL
