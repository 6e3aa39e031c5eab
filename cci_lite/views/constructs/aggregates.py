"""The constructs for aggregates and window functions."""

from __future__ import annotations

from sqlglot import exp

from cci_lite.views import corrections as correct
from cci_lite.views.constructs.construct import (
    WORDS,
    Analysis,
    Constructs,
    arguments,
    is_whole_literal,
    one_type,
)
from cci_lite.views.corrections import set_type
from cci_lite.views.relations import Scope
from cci_lite.views.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    FLAG,
    INTEGER,
    NUMBER,
    NUMERIC,
    ORDERED,
    UNKNOWN,
    WHOLE,
    SqlType,
    array_of,
    decimal,
)

RULES = Constructs()


def _aggregated(
    analysis: Analysis, node: exp.Expr, scope: Scope, kinds: frozenset[str] | None, name: str
) -> SqlType:
    """The type of an aggregate's argument, with or without DISTINCT."""
    argument = node.this
    if isinstance(argument, exp.Distinct):
        if len(argument.expressions) != 1 or argument.args.get("on"):
            analysis.refuse(argument, f"{name}(DISTINCT …) takes one value")
        set_type(argument, UNKNOWN)
        argument = argument.expressions[0]
    if kinds is None:
        return analysis.expression(argument, scope)
    return analysis.expect(argument, scope, kinds, f"{name} expects {WORDS[kinds]}")


@RULES.construct(exp.Count, "count", "this", "big_int")
def _count(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    if node.this is not None and not isinstance(node.this, exp.Star):
        _aggregated(analysis, node, scope, None, "count")
    return BIGINT


@RULES.construct(exp.Sum, "sum", "this", correction=correct.aggregated)
def _sum(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = _aggregated(analysis, node, scope, NUMERIC, "sum")
    # Trino widens the sum of a decimal to the largest precision and keeps its scale.
    if kind.scale is not None:
        return decimal(38, kind.scale[1])
    return BIGINT if kind.kind in WHOLE else DOUBLE


@RULES.construct(exp.Avg, "avg", "this")
def _avg(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = _aggregated(analysis, node, scope, None, "avg")
    if kind.kind == "decimal":
        analysis.report(node, f"avg of {kind} is rounded to its scale; cast to double")
    elif kind == BOOLEAN:
        analysis.report(
            node, "avg of boolean is refused by Athena; average is_passed or a CASE of 1e0 and 0e0"
        )
    elif kind != UNKNOWN and kind.kind not in NUMBER:
        analysis.report(node, f"avg expects a whole number or double, found {kind}")
    return DOUBLE


def _extreme(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    return _aggregated(analysis, node, scope, ORDERED, analysis.spelled(node))


RULES.construct(exp.Min, "min", "this")(_extreme)
RULES.construct(exp.Max, "max", "this")(_extreme)


def _best(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    name = analysis.spelled(node)
    analysis.expect(node.expression, scope, ORDERED, f"{name} expects {WORDS[ORDERED]}")
    return analysis.expression(node.this, scope)


RULES.construct(exp.ArgMax, "max_by", "this", "expression", correction=correct.best)(_best)
RULES.construct(exp.ArgMin, "min_by", "this", "expression", correction=correct.best)(_best)
RULES.function(exp.CountIf, "count_if", {"this": FLAG}, BIGINT, correction=correct.count_of_true)
RULES.function(exp.LogicalAnd, "bool_and", {"this": FLAG}, BOOLEAN)
RULES.function(exp.LogicalOr, "bool_or", {"this": FLAG}, BOOLEAN)
_node: type[exp.Expr]
for _node, _name in (
    (exp.Stddev, "stddev"),
    (exp.StddevSamp, "stddev_samp"),
    (exp.StddevPop, "stddev_pop"),
    (exp.VariancePop, "var_pop"),
):
    RULES.function(_node, _name, {"this": NUMBER}, DOUBLE)
RULES.function(exp.Variance, "variance", {"this": NUMBER}, DOUBLE, also=("var_samp",))


@RULES.construct(exp.ArrayAgg, "array_agg", "this")
def _array_agg(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    ordered = node.this
    # Both engines read in parallel: without ORDER BY the order is that of the threads.
    if not isinstance(ordered, exp.Order):
        analysis.refuse(
            node, "array_agg needs ORDER BY inside: without, each run orders differently"
        )
    set_type(ordered, UNKNOWN)
    _ordering(analysis, ordered, scope)
    return array_of(analysis.expression(ordered.this, scope))


def _ordering(analysis: Analysis, order: exp.Expr, scope: Scope) -> None:
    for ordered in order.expressions:
        set_type(ordered, UNKNOWN)
        analysis.expression(ordered.this, scope)


@RULES.construct(exp.Filter, "FILTER", "this", "expression", correction=correct.aggregated)
def _filtered(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.expression.this, scope, FLAG, "FILTER expects boolean")
    return analysis.expression(node.this, scope)


for _node, _name in (
    (exp.RowNumber, "row_number"),
    (exp.Rank, "rank"),
    (exp.DenseRank, "dense_rank"),
):
    RULES.function(_node, _name, {}, BIGINT)
RULES.function(exp.PercentRank, "percent_rank", {}, DOUBLE)
RULES.function(exp.CumeDist, "cume_dist", {}, DOUBLE)
RULES.function(exp.Ntile, "ntile", {"this": WHOLE}, BIGINT, literals=("this",))


def _shifted(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [analysis.expression(node.this, scope)]
    for offset in arguments(node, "offset"):
        set_type(offset, INTEGER)
        if not is_whole_literal(offset):
            analysis.report(offset, f"{analysis.spelled(node)} takes a literal offset only")
    kinds += [analysis.expression(value, scope) for value in arguments(node, "default")]
    return one_type(analysis, node, kinds)


RULES.construct(exp.Lag, "lag", "this", "offset", "default")(_shifted)
RULES.construct(exp.Lead, "lead", "this", "offset", "default")(_shifted)
RULES.construct(exp.FirstValue, "first_value", "this")(_shifted)
RULES.construct(exp.LastValue, "last_value", "this")(_shifted)
RULES.construct(exp.NthValue, "nth_value", "this", "offset")(_shifted)


@RULES.construct(exp.IgnoreNulls, "IGNORE NULLS", "this")
def _ignore_nulls(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    if not isinstance(node.this, (exp.FirstValue, exp.LastValue, exp.Lag, exp.Lead)):
        analysis.refuse(node, "IGNORE NULLS is supported in first_value, last_value, lag and lead")
    return analysis.expression(node.this, scope)


@RULES.construct(
    exp.Window,
    "OVER",
    "this",
    "partition_by",
    "order",
    "spec",
    "over",
    correction=correct.aggregated,
)
def _window(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    for part in arguments(node, "partition_by"):
        analysis.expression(part, scope)
    if (order := node.args.get("order")) is not None:
        set_type(order, UNKNOWN)
        _ordering(analysis, order, scope)
    # DuckDB allows it; Trino: "DISTINCT in window function parameters not yet supported".
    if node.this.find(exp.Distinct):
        analysis.report(node, "DISTINCT with OVER is refused by Athena")
    if (frame := node.args.get("spec")) is not None:
        set_type(frame, UNKNOWN)
        for key in ("start", "end"):
            bound = frame.args.get(key)
            if isinstance(bound, exp.Expr) and not (
                is_whole_literal(bound) and frame.text("kind") == "ROWS"
            ):
                analysis.report(node, "a frame takes ROWS with a number, UNBOUNDED or CURRENT ROW")
        if frame.args.get("exclude"):
            analysis.report(node, "EXCLUDE is not understood in a frame")
    return analysis.expression(node.this, scope)
