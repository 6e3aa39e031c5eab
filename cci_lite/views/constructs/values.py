"""The constructs for values, conditions and numbers."""

from __future__ import annotations

import re

from sqlglot import exp

from cci_lite.views import corrections as correct
from cci_lite.views.constructs.construct import (
    CLOCK_UNITS,
    Analysis,
    Constructs,
    arguments,
    comparable,
    is_whole_literal,
    one_type,
)
from cci_lite.views.corrections import set_type
from cci_lite.views.relations import Scope
from cci_lite.views.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLAG,
    INTEGER,
    INTERVAL,
    NUMBER,
    TEXT,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    ZONED,
    SqlType,
    array_of,
    common_type,
    decimal,
)

RULES = Constructs()
_DECIMAL_PLACES = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)


@RULES.construct(exp.Literal, "literal", "this", "is_string")
def _literal(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    del scope
    if node.is_string:
        return VARCHAR
    text = node.name.lower()
    # Trino: a whole literal is an integer where it fits, a literal with an exponent a double, and
    # one with a decimal point a decimal of exactly its digits.
    if text.isdecimal():
        return INTEGER if int(text) < 2**31 else BIGINT
    if "e" in text:
        return DOUBLE
    place = node.parent
    while isinstance(place, (exp.Neg, exp.Paren)):
        place = place.parent
    if not isinstance(place, (*_DECIMAL_PLACES, exp.Cast)):
        analysis.report(
            node, f"{text} is a decimal and rounds what is computed with it; write {text}e0"
        )
    digits = text.replace(".", "").lstrip("0")
    scale = len(text.partition(".")[2])
    return decimal(max(len(digits), scale, 1), scale)


@RULES.construct(exp.Null, "NULL")
def _null(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    del analysis, node, scope
    return UNKNOWN


@RULES.construct(exp.Boolean, "true", "this")
def _boolean(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    del analysis, node, scope
    return BOOLEAN


@RULES.construct(exp.Column, "column", "this", "table", "db", "catalog")
def _column(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    assert isinstance(node, exp.Column)
    return analysis.column(node, scope)


@RULES.construct(exp.Dot, "field", "this", "expression", correction=correct.extracted)
def _dot(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    assert isinstance(node, exp.Dot)
    return analysis.field(node, scope)


@RULES.construct(exp.Identifier, "variable", "this", "quoted")
def _identifier(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    assert isinstance(node, exp.Identifier)
    return analysis.variable(node, scope)


@RULES.construct(exp.Paren, "parentheses", "this")
def _paren(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    return analysis.expression(node.this, scope)


@RULES.construct(exp.Interval, "INTERVAL", "this", "unit")
def _interval(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    del scope
    if node.text("unit").lower() not in ("day", "month", "year", "hour", "minute", "second"):
        analysis.report(node, "INTERVAL is in DAY, MONTH, YEAR, HOUR, MINUTE or SECOND")
    if not (isinstance(node.this, exp.Literal) and re.fullmatch(r"\d{1,6}", node.this.name)):
        analysis.report(node, "INTERVAL takes a whole number in quotes: INTERVAL '7' DAY")
    return INTERVAL


@RULES.construct(exp.Array, "ARRAY", "expressions", "value_constructor")
def _array(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [analysis.expression(item, scope) for item in list(node.expressions)]
    kind = common_type(kinds)
    if kind is None:
        analysis.refuse(node, f"ARRAY mixes {' and '.join(sorted({str(k) for k in kinds}))}")
    return array_of(kind)


def _both_boolean(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    for key in ("this", "expression"):
        for side in arguments(node, key):
            analysis.expect(side, scope, FLAG, f"{node.key.upper()} expects boolean")
    return BOOLEAN


RULES.construct(exp.And, "AND", "this", "expression")(_both_boolean)
RULES.construct(exp.Or, "OR", "this", "expression")(_both_boolean)
RULES.construct(exp.Not, "NOT", "this")(_both_boolean)


def _compare(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [
        analysis.expression(argument, scope)
        for key in ("this", "expression", "low", "high")
        for argument in arguments(node, key)
    ]
    return comparable(analysis, node, kinds)


_node: type[exp.Expr]
for _node, _name in (
    (exp.EQ, "="),
    (exp.NEQ, "<>"),
    (exp.GT, ">"),
    (exp.GTE, ">="),
    (exp.LT, "<"),
    (exp.LTE, "<="),
    (exp.NullSafeEQ, "IS NOT DISTINCT FROM"),
    (exp.NullSafeNEQ, "IS DISTINCT FROM"),
):
    RULES.construct(_node, _name, "this", "expression")(_compare)
RULES.construct(exp.Between, "BETWEEN", "this", "low", "high")(_compare)


@RULES.construct(exp.Is, "IS NULL", "this", "expression")
def _is(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expression(node.this, scope)
    if not isinstance(node.expression, exp.Null):
        analysis.report(node, "IS takes NULL; compare with = or IS NOT DISTINCT FROM")
    return BOOLEAN


@RULES.construct(exp.In, "IN", "this", "expressions", "query")
def _in(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [analysis.expression(node.this, scope)]
    kinds += [analysis.expression(item, scope) for item in list(node.expressions)]
    if (query := node.args.get("query")) is not None:
        kinds.append(_single_column(analysis, query, scope))
    return comparable(analysis, node, kinds)


@RULES.construct(exp.Exists, "EXISTS", "this")
def _exists(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.query(node.this, scope.inside())
    return BOOLEAN


@RULES.construct(exp.Subquery, "subquery", "this")
def _subquery(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    return _single_column(analysis, node, scope)


def _single_column(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    columns = analysis.query(node, scope.inside())
    if len(columns) > 1:
        analysis.report(node, f"a subquery of one column is needed, this one has {len(columns)}")
    return columns[0][1] if columns else UNKNOWN


RULES.function(exp.Like, "LIKE", {"this": TEXT, "expression": TEXT}, BOOLEAN, flags=("negate",))


@RULES.construct(exp.Case, "CASE", "this", "ifs", "default")
def _case(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    subject = None if node.this is None else analysis.expression(node.this, scope)
    results = []
    for branch in node.args["ifs"]:
        if subject is None:
            analysis.expect(branch.this, scope, FLAG, "WHEN expects boolean")
        else:
            comparable(analysis, branch, [subject, analysis.expression(branch.this, scope)])
        results.append(analysis.expression(branch.args["true"], scope))
    results += [analysis.expression(value, scope) for value in arguments(node, "default")]
    return one_type(analysis, node, results)


@RULES.construct(exp.If, "IF", "this", "true", "false")
def _if(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.this, scope, FLAG, "IF expects boolean")
    results = [
        analysis.expression(value, scope)
        for key in ("true", "false")
        for value in arguments(node, key)
    ]
    return one_type(analysis, node, results)


def _same_type(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    values = [*arguments(node, "this"), *list(node.expressions)]
    return one_type(analysis, node, [analysis.expression(value, scope) for value in values])


@RULES.construct(exp.Coalesce, "coalesce", "this", "expressions")
def _coalesce(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    if not node.expressions:
        analysis.report(node, "coalesce takes 2 values or more")
    return _same_type(analysis, node, scope)


RULES.construct(exp.Greatest, "greatest", "this", "expressions")(_same_type)
RULES.construct(exp.Least, "least", "this", "expressions")(_same_type)


@RULES.construct(exp.Nullif, "nullif", "this", "expression")
def _nullif(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = analysis.expression(node.this, scope)
    comparable(analysis, node, [kind, analysis.expression(node.expression, scope)])
    return kind


def _arithmetic(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [analysis.expression(side, scope) for side in (node.this, node.expression)]
    dates = [kind for kind in kinds if kind in (DATE, TIMESTAMP, ZONED)]
    if INTERVAL in kinds and dates and (kinds[1] == INTERVAL or isinstance(node, exp.Add)):
        if dates == [DATE] and _interval_unit(node) in CLOCK_UNITS:
            analysis.report(node, "a date takes DAY, MONTH and YEAR; cast it to timestamp first")
        return dates[0]
    if len(dates) == 2:
        analysis.refuse(
            node, "the difference of two times is an interval; write date_diff('day', a, b)"
        )
    for side, kind in zip((node.this, node.expression), kinds, strict=True):
        if kind.kind == "decimal":
            analysis.report(side, "decimals round what is computed with them; cast to double")
        elif kind != UNKNOWN and kind.kind not in NUMBER:
            analysis.report(side, f"{_OPERATORS[type(node)]} expects numbers, found {kind}")
    return common_type(kinds) or UNKNOWN


def _interval_unit(node: exp.Expr) -> str:
    interval = node.find(exp.Interval)
    return interval.text("unit").lower() if interval is not None else ""


_OPERATORS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
}
RULES.construct(exp.Add, "+", "this", "expression", correction=correct.dated)(_arithmetic)
RULES.construct(exp.Sub, "-", "this", "expression", correction=correct.dated)(_arithmetic)
RULES.construct(exp.Mul, "*", "this", "expression")(_arithmetic)
RULES.construct(exp.Div, "/", "this", "expression", "typed", correction=correct.divided)(
    _arithmetic
)
RULES.construct(exp.Mod, "%", "this", "expression")(_arithmetic)
RULES.function(exp.Neg, "-", {"this": NUMBER})
RULES.function(exp.Abs, "abs", {"this": NUMBER})
RULES.function(exp.Floor, "floor", {"this": NUMBER}, correction=correct.typed)
RULES.function(exp.Ceil, "ceil", {"this": NUMBER}, correction=correct.typed, also=("ceiling",))
RULES.function(exp.Sign, "sign", {"this": NUMBER}, correction=correct.typed)
RULES.function(exp.Sqrt, "sqrt", {"this": NUMBER}, DOUBLE, correction=correct.square_root)
RULES.function(exp.Exp, "exp", {"this": NUMBER}, DOUBLE)
RULES.function(
    exp.Pow,
    "power",
    {"this": NUMBER, "expression": NUMBER},
    DOUBLE,
    correction=correct.raised,
    also=("pow",),
)
RULES.function(exp.Ln, "ln", {"this": NUMBER}, DOUBLE, correction=correct.logarithm)


@RULES.construct(
    exp.Log, "log10", "this", "expression", correction=correct.logarithm, also=("log", "log2")
)
def _log(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    if node.this.name != "10":
        analysis.refuse(
            node, "only the logarithms ln and log10 are supported; others differ in the last digit"
        )
    set_type(node.this, INTEGER)
    analysis.expect(node.expression, scope, NUMBER, "log10 expects a whole number or double")
    return DOUBLE


@RULES.construct(exp.Round, "round", "this", "decimals", correction=correct.typed)
def _round(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    for places in arguments(node, "decimals"):
        count = places.this if isinstance(places, exp.Neg) else places
        if not is_whole_literal(count):
            analysis.report(places, "round takes a literal number of places only")
        set_type(count, INTEGER)
        set_type(places, INTEGER)
    return analysis.expect(node.this, scope, NUMBER, "round expects a whole number or double")
