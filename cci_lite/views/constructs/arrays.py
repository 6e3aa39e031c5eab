"""Arrays and lambdas."""

from __future__ import annotations

from sqlglot import exp

from cci_lite.views import corrections as correct
from cci_lite.views.constructs.construct import Analysis, Constructs, comparable, is_whole_literal
from cci_lite.views.corrections import set_type
from cci_lite.views.relations import Scope
from cci_lite.views.types import (
    ARRAY,
    BIGINT,
    BOOLEAN,
    DATE,
    INTEGER,
    TEXT,
    UNKNOWN,
    VARCHAR,
    SqlType,
    array_of,
)

RULES = Constructs()


def _lambda(analysis: Analysis, node: exp.Expr, scope: Scope, element: SqlType) -> SqlType:
    """The type of a lambda's body, whose one variable is an element."""
    if not isinstance(node, exp.Lambda) or len(node.expressions) != 1:
        analysis.refuse(node, "expected a lambda of one variable: x -> …")
    variable = node.expressions[0].name.lower()
    set_type(node, UNKNOWN)
    return analysis.expression(node.this, scope.with_variables({variable: element}))


def _element(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = analysis.expect(
        node, scope, ARRAY, f"{analysis.spelled(node.parent or node)} expects an array"
    )
    return kind.of[0] if kind.kind == "array" else UNKNOWN


@RULES.construct(exp.Transform, "transform", "this", "expression")
def _transform(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    element = _element(analysis, node.this, scope)
    return array_of(_lambda(analysis, node.expression, scope, element))


@RULES.construct(exp.ArrayFilter, "filter", "this", "expression")
def _filter_array(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    element = _element(analysis, node.this, scope)
    kind = _lambda(analysis, node.expression, scope, element)
    if kind not in (BOOLEAN, UNKNOWN):
        analysis.report(node.expression, f"filter expects a boolean lambda, found {kind}")
    return array_of(element)


@RULES.construct(exp.ArraySize, "cardinality", "this")
def _cardinality(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    _element(analysis, node.this, scope)
    return BIGINT


@RULES.construct(exp.ArrayContains, "contains", "this", "expression", correction=correct.contained)
def _contains(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    element = _element(analysis, node.this, scope)
    return comparable(analysis, node, [element, analysis.expression(node.expression, scope)])


@RULES.construct(exp.Bracket, "element_at", "this", "expressions", "offset", "safe")
def _element_at(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    # sqlglot reads both `a[n]` and `element_at(a, n)` as Bracket; only the latter is `safe`.
    if not node.args.get("safe"):
        analysis.refuse(
            node, "a[n] past the end fails in Athena and is NULL in DuckDB; use element_at(a, n)"
        )
    element = _element(analysis, node.this, scope)
    place = node.expressions[0]
    set_type(place, INTEGER)
    if not is_whole_literal(place) or place.name == "0":
        analysis.report(place, "element_at takes a literal place only, from 1")
    return element


@RULES.construct(exp.ArraySlice, "slice", "this", "start", "end", correction=correct.sliced)
def _slice(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    element = _element(analysis, node.this, scope)
    for key in ("start", "end"):
        set_type(node.args[key], INTEGER)
        if not is_whole_literal(node.args[key]) or (key == "start" and node.args[key].name == "0"):
            analysis.report(node.args[key], "slice takes literal numbers only, from 1")
    return array_of(element)


@RULES.construct(exp.ArrayToString, "array_join", "this", "expression", correction=correct.joined)
def _array_join(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    element = _element(analysis, node.this, scope)
    if element not in (VARCHAR, UNKNOWN):
        analysis.report(node, f"array_join expects an array of text, found array({element})")
    analysis.expect(node.expression, scope, TEXT, "array_join expects text")
    return VARCHAR


@RULES.construct(exp.GenerateSeries, "sequence", "start", "end", "step", correction=correct.series)
def _sequence(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [analysis.expression(node.args[key], scope) for key in ("start", "end")]
    step = node.args.get("step")
    if kinds == [DATE, DATE]:
        if not isinstance(step, exp.Interval):
            analysis.refuse(node, "a sequence of dates needs its step: INTERVAL '1' DAY")
        analysis.expression(step, scope)
        if step.text("unit").lower() not in ("day", "month", "year"):
            analysis.report(step, "a sequence of dates goes by DAY, MONTH or YEAR")
        if step.this.name.strip("0") == "":
            analysis.report(step, "the step of a sequence is not 0")
        return array_of(DATE)
    if step is not None or not all(is_whole_literal(node.args[key]) for key in ("start", "end")):
        analysis.refuse(node, "sequence is supported for dates and for two literal numbers only")
    return array_of(BIGINT)
