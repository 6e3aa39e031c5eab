"""Many evaluations scored at once, in whole numbers.

`contract/scoring.py` says what a score is, for one call and in decimals; a property test holds both
together. Weights and thresholds have at most four decimals: their ten thousandths are whole.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cci_lite.contract.document import ReportedScore
from cci_lite.contract.form import Form, RequiredPolicy
from cci_lite.contract.form_checks import MOST_DECIMALS
from cci_lite.contract.scored_evaluation import Forms, claim_differs
from cci_lite.contract.scoring import Outcome, Verdict
from cci_lite.flatten.columns import Flags, Places, field_at, flags_of, items_of

VERDICTS = pa.array([verdict.value for verdict in Verdict])
OUTCOMES = pa.array([outcome.value for outcome in Outcome])
PASS, FAIL, NA, UNSCORED = range(len(VERDICTS))

_CALL_PASSES, _CALL_FAILS, _CALL_IN_REVIEW, _CALL_NOT_SCORED = range(len(OUTCOMES))
POINT = 10**MOST_DECIMALS  # in the whole numbers that are added up


class FormColumns:
    """A tenant's forms as columns: one row per form, and one per criterion of each.

    Both end with a row for no form, so that the place -1 is that one.
    """

    def __init__(self, forms: Forms) -> None:
        self.forms: list[Form] = list(forms.values())
        self._place_of = {named: place for place, named in enumerate(forms)}
        criteria = [criterion for form in self.forms for criterion in form.criteria]
        sizes = [len(form.criteria) for form in self.forms]
        self.size = np.array([*sizes, 0])
        self.first_criterion = np.array([0, *itertools.accumulate(sizes)])
        self.fails_call = np.array(
            [form.scoring.required_policy is RequiredPolicy.FAIL_CALL for form in self.forms]
            + [False]
        )
        self.threshold = np.array(
            [*(_whole(form.scoring.pass_threshold) for form in self.forms), 0]
        )
        self.weight = np.array([*(_whole(criterion.weight) for criterion in criteria), 0])
        self.required = np.array([*(criterion.required for criterion in criteria), False])
        self.criterion_id = pa.array([*(each.id for each in criteria), None], pa.string())
        self.question = pa.array([*(each.question for each in criteria), None], pa.string())

    def identity(self, form: Places) -> dict[str, pa.Array]:
        """What names each of these forms, as columns; null for no form."""
        columns = {
            "template_id": pa.array([*(each.name for each in self.forms), None], pa.string()),
            "template_version": pa.array(
                [*(each.version for each in self.forms), None], pa.int64()
            ),
            "template_hash": pa.array(
                [*(each.content_hash for each in self.forms), None], pa.string()
            ),
        }
        place = pa.array(form % len(self.size))
        return {name: values.take(place) for name, values in columns.items()}

    def places_of(self, evaluations: pa.StructArray) -> Places:
        """The form that each evaluation names: -1 for none, an unknown one and another hash."""
        names = ("template_id", "template_version", "template_hash")
        columns = [field_at(evaluations, name).to_pylist() for name in names]
        named = [*zip(*columns, strict=True)]
        places = {each: self._place(*each) for each in set(named)}
        return np.array([places[each] for each in named], np.int64)

    def _place(self, name: str, version: int, content_hash: str | None) -> int:
        place = self._place_of.get((name, version))
        if place is None or content_hash not in (None, self.forms[place].content_hash):
            return -1
        return place


def _whole(number: Decimal) -> int:
    """A number in ten thousandths, which is whole."""
    return int(number * POINT)


@dataclass(frozen=True)
class Evaluations:
    """The evaluations of documents beside their forms.

    `said` is what each document says, `form` the place of its form (-1: none). Of each criterion:
    the place of its `call`, its `position` in the form, its place among the `criteria` of all
    forms, its result in the document, and its verdict as a place in VERDICTS.
    """

    forms: FormColumns
    said: pa.StructArray
    form: Places
    call: Places
    position: Places
    criterion: Places
    result: pa.StructArray
    verdict: Places


def evaluations_of(documents: pa.StructArray, forms: FormColumns) -> tuple[Evaluations, Flags]:
    """The evaluations, and which are not exactly as their form has them.

    Those may be right all the same, or wrong: `contract/scored_evaluation.py` finds out.
    """
    said = field_at(documents, "qa_evaluation")
    form = forms.places_of(said)
    call, position, result = items_of(field_at(said, "criteria"))
    odd = flags_of(pc.is_valid(said)) & (form < 0)
    odd |= np.bincount(call, minlength=len(form)) != forms.size[form]
    criterion = np.where(odd[call], -1, forms.first_criterion[form][call] + position - 1)
    criterion %= len(forms.weight)
    word = field_at(result, "verdict")
    claimed = pc.if_else(field_at(result, "passed"), VERDICTS[PASS], VERDICTS[FAIL])
    is_its_own = pc.equal(field_at(result, "id"), forms.criterion_id.take(pa.array(criterion)))
    agrees = pc.fill_null(pc.equal(claimed, word), pc.is_valid(word))
    odd[call[~flags_of(pc.and_(is_its_own.fill_null(False), agrees))]] = True
    verdict = pc.index_in(word, value_set=VERDICTS).fill_null(UNSCORED)
    return Evaluations(
        forms, said, form, call, position, criterion, result, verdict.to_numpy().astype(np.int64)
    ), odd


class Scores:
    """The scores of calls, in the order of the calls."""

    def __init__(self, evaluations: Evaluations) -> None:
        self._evaluations = evaluations
        forms, form, verdict = evaluations.forms, evaluations.form, evaluations.verdict
        weight = forms.weight[evaluations.criterion]
        required = forms.required[evaluations.criterion]
        self._is_judged = form >= 0
        self._total = self._sums(weight * (verdict == PASS))
        self._max = self._total + self._sums(weight * (verdict == FAIL))
        # In hundredths of a per cent, rounded half up; without points it has no meaning.
        self._percentage = (2 * 10_000 * self._total + self._max) // np.maximum(2 * self._max, 1)
        self._failed_required = required & (verdict == FAIL)
        self._unscored_required = required & (verdict == UNSCORED)
        fails_call = (self._sums(self._failed_required) > 0) & forms.fails_call[form]
        # Hundredths of a per cent are parts of the whole as small as the threshold's.
        reaches = self._percentage >= forms.threshold[form]
        self.outcome = np.select(
            [self._sums(self._unscored_required) > 0, self._max == 0, reaches & ~fails_call],
            [_CALL_IN_REVIEW, _CALL_NOT_SCORED, _CALL_PASSES],
            _CALL_FAILS,
        )
        self._points = {
            "total_score": pa.array(self._total / POINT, mask=~self._is_judged),
            "max_score": pa.array(self._max / POINT, mask=~self._is_judged),
            "percentage": pa.array(self._percentage / 100, mask=self._max == 0),
        }

    @property
    def sends_to_review(self) -> Flags:
        """Which calls a person has to look at."""
        flags: Flags = self.outcome == _CALL_IN_REVIEW
        return flags

    @property
    def outcome_word(self) -> pa.Array:
        """The outcome of each call, as it is stored."""
        return OUTCOMES.take(pa.array(self.outcome))

    def columns(self) -> dict[str, Any]:
        """The columns of `calls` that come from the evaluation."""
        forms, form = self._evaluations.forms, self._evaluations.form
        reported = field_at(self._evaluations.said, "reported")
        failed = [",".join(ids) or None for ids in self._criteria_of_calls(self._failed_required)]
        return {
            **forms.identity(form),
            "qa_outcome": self.outcome_word,
            "qa_passed": pa.array(self.outcome == _CALL_PASSES, mask=self.outcome > _CALL_FAILS),
            **{f"qa_{name}": points for name, points in self._points.items()},
            "qa_failed_required": failed,
            "qa_criteria": pa.array(forms.size[form]),
            "qa_criteria_passed": self._count(PASS),
            "qa_criteria_failed": self._count(FAIL),
            "qa_criteria_na": self._count(NA),
            "qa_criteria_unscored": self._count(UNSCORED),
            **{f"qa_reported_{name}": field_at(reported, name) for name in self._points},
            "qa_reported_differs": self._reported_differs(reported),
        }

    def review_reasons(self) -> list[list[str]]:
        """Why the score alone sends each call to review."""
        return [
            [f"unscored_required:{criterion_id}" for criterion_id in ids]
            for ids in self._criteria_of_calls(self._unscored_required)
        ]

    def hides_claim(self) -> Flags:
        """Which documents may claim scores, other than these, in the place of computed ones."""
        said = self._evaluations.said
        totals = {name: field_at(said, name) for name in self._points}
        is_same = [flags_of(_is_same(totals[name], self._points[name])) for name in totals]
        is_given = [flags_of(pc.is_valid(totals[name])) for name in totals]
        has_hash = flags_of(pc.is_valid(field_at(said, "template_hash")))
        is_reported = flags_of(pc.is_valid(field_at(said, "reported")))
        flags: Flags = (
            ~is_reported & np.any(is_given, axis=0) & ~(has_hash & np.all(is_same, axis=0))
        )
        return flags

    def _reported_differs(self, reported: pa.StructArray) -> pa.Array:
        """Whether each claim differs from the score, which for nearly all shows at a glance."""
        claims = {name: field_at(reported, name) for name in self._points}
        is_same = [flags_of(_is_same_or_none(claims[name], self._points[name])) for name in claims]
        is_reported = flags_of(pc.is_valid(reported))
        differs = np.zeros(len(reported), bool)
        for place in np.flatnonzero(is_reported & ~np.all(is_same, axis=0)):
            total, most = (
                Decimal(int(parts[place])).scaleb(-MOST_DECIMALS)
                for parts in (self._total, self._max)
            )
            claim = ReportedScore(**{name: claims[name][place].as_py() for name in claims})
            differs[place] = claim_differs(claim, total, most)
        return pa.array(differs, mask=~is_reported)

    def _criteria_of_calls(self, chosen: Flags) -> list[list[str]]:
        """The ids of the chosen criteria of each call, in the form's order."""
        evaluations = self._evaluations
        ids: list[list[str]] = [[] for _ in evaluations.form]
        rows = np.flatnonzero(chosen)
        names = evaluations.forms.criterion_id.take(pa.array(evaluations.criterion[rows]))
        for call, name in zip(evaluations.call[rows].tolist(), names.to_pylist(), strict=True):
            ids[call].append(name)
        return ids

    def _count(self, verdict: int) -> pa.Array:
        return pa.array(self._sums(self._evaluations.verdict == verdict))

    def _sums(self, values: npt.NDArray[Any]) -> Places:
        """Sums per call; exact, because a double holds whole numbers far above any of these."""
        evaluations = self._evaluations
        sums = np.bincount(evaluations.call, weights=values, minlength=len(evaluations.form))
        return sums.astype(np.int64)


def _is_same(claims: pa.Array, points: pa.Array) -> pa.Array:
    both_none = pc.and_(pc.is_null(claims), pc.is_null(points))
    return pc.or_(both_none, pc.fill_null(pc.equal(claims, points), False))


def _is_same_or_none(claims: pa.Array, points: pa.Array) -> pa.Array:
    return pc.or_(pc.is_null(claims), pc.fill_null(pc.equal(claims, points), False))
