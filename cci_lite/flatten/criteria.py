"""Rows of `qa_criteria`. What they repeat of their forms, Arrow takes from a table of the forms."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cci_lite.contract.arrow import arrow_schema
from cci_lite.contract.document import CriterionResult
from cci_lite.contract.form import Form
from cci_lite.contract.scored_evaluation import ScoredEvaluation
from cci_lite.contract.scoring import Verdict
from cci_lite.flatten.columns import repeat_of_calls

_VERDICTS = tuple(Verdict)
_CODE_OF_VERDICT = {verdict: code for code, verdict in enumerate(_VERDICTS)}


class CriterionRows:
    """The criteria of scored calls, in the order of their forms."""

    def __init__(self) -> None:
        self._call: list[int] = []
        self._criterion: list[int] = []
        self._verdict: list[int] = []
        self._said: collections.defaultdict[str, list[Any]] = collections.defaultdict(list)
        self._forms: dict[tuple[str, int], tuple[int, Form]] = {}
        self._form_criteria = 0

    def add(self, call: int, scored: ScoredEvaluation) -> None:
        """Add one row for each criterion of the call's form."""
        first = self._first_criterion(scored.form)
        count = len(scored.form.criteria)
        self._call.extend(repeat(call, count))
        self._criterion.extend(range(first, first + count))
        self._verdict.extend(_CODE_OF_VERDICT[verdict] for verdict in scored.verdicts)
        for name, values in _said(scored.results).items():
            self._said[name].extend(values)

    def table(self, calls: pa.Table) -> pa.Table:
        """The rows as Arrow, with the columns that they take from their forms and calls."""
        if not self._call:
            return arrow_schema("qa_criteria").empty_table()
        form = self._form_table().take(pa.array(self._criterion, pa.int64()))
        verdict = pa.array(self._verdict, pa.int64())
        passed = pc.equal(verdict, _CODE_OF_VERDICT[Verdict.PASS])
        failed = pc.equal(verdict, _CODE_OF_VERDICT[Verdict.FAIL])
        evaluated = pc.or_(passed, failed)
        no_score = pa.scalar(None, pa.float64())
        judged = {
            "verdict": pa.array([one.value for one in _VERDICTS]).take(verdict),
            "passed": pc.if_else(evaluated, passed, pa.scalar(None, pa.bool_())),
            "is_passed": passed.cast(pa.int64()),
            "is_failed": failed.cast(pa.int64()),
            "is_evaluated": evaluated.cast(pa.int64()),
            "score": pc.if_else(passed, form["weight"], pc.if_else(failed, 0.0, no_score)),
        }
        of_form = {name: form[name] for name in form.column_names}
        return repeat_of_calls("qa_criteria", of_form | judged | self._said, self._call, calls)

    def _first_criterion(self, form: Form) -> int:
        """The position of the form's first criterion among all criteria of the forms met so far."""
        named = (form.name, form.version)
        if named not in self._forms:
            self._forms[named] = (self._form_criteria, form)
            self._form_criteria += len(form.criteria)
        return self._forms[named][0]

    def _form_table(self) -> pa.Table:
        """One row per criterion of the forms met so far, in the order of their positions."""
        criteria = [
            (position, criterion)
            for _, form in self._forms.values()
            for position, criterion in enumerate(form.criteria, start=1)
        ]
        columns: dict[str, list[Any]] = {
            "criterion_id": [criterion.id for _, criterion in criteria],
            "position": [position for position, _ in criteria],
            "question": [criterion.question for _, criterion in criteria],
            "weight": [float(criterion.weight) for _, criterion in criteria],
            "required": [criterion.required for _, criterion in criteria],
        }
        schema = arrow_schema("qa_criteria")
        return pa.table(
            {name: pa.array(values, schema.field(name).type) for name, values in columns.items()}
        )


def _said(results: Sequence[CriterionResult | None]) -> dict[str, list[Any]]:
    """What the document says of each criterion, as columns; nothing where it has no result."""
    evidence = [result.evidence[0] if result and result.evidence else None for result in results]
    return {
        "reason": [result and result.reason for result in results],
        "evidence": [one and one.quote for one in evidence],
        "evidence_at_seconds": [one and one.start_seconds for one in evidence],
        "confidence": [result and result.confidence for result in results],
        "evaluator": [
            result.evaluator.value if result and result.evaluator else None for result in results
        ],
    }
