"""Every construct that a query may use: what it takes, what it gives, and how DuckDB is told.

A construct without a correction means the same on Athena and DuckDB as it is written. What is not listed
is refused. `tests/engines/expressions.yaml` holds an example of each against both engines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from cci_lite.views import corrections as correct
from cci_lite.views.corrections import set_type, type_of
from cci_lite.views.types import (
    ARRAY,
    BIGINT,
    BOOLEAN,
    CLOCK,
    DATE,
    DAY,
    DOUBLE,
    FLAG,
    INSTANT,
    INTEGER,
    INTERVAL,
    NUMBER,
    NUMERIC,
    ORDERED,
    SqlType,
    TEXT,
    TIME,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    WHOLE,
    ZONED,
    array_of,
    common_type,
    decimal,
)

if TYPE_CHECKING:
    from cci_lite.views.analysis import _Analysis as Analysis
    from cci_lite.views.relations import Scope

Check = Callable[["Analysis", exp.Expr, "Scope"], SqlType]
Correction = Callable[[exp.Expr], exp.Expr]

_UNITS = ("day", "week", "month", "quarter", "year")
_CLOCK_UNITS = ("second", "minute", "hour")
_DECIMAL_PLACES = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
_TIME_FORMATS = frozenset({"%Y", "%y", "%m", "%d", "%H", "%M", "%S", "%j", "%b", "%B", "%a", "%A"})
_DATE_LITERAL = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME_LITERAL = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2}(\.\d{1,3})?)?", re.ASCII)
_WORDS = {
    ARRAY: "an array",
    CLOCK: "a timestamp",
    DAY: "a date",
    FLAG: "boolean",
    NUMBER: "a whole number or double",
    NUMERIC: "a number",
    ORDERED: "a value that has an order",
    TEXT: "text",
    TIME: "a date or timestamp",
    TIME | INSTANT: "a date or timestamp",
    CLOCK | INSTANT: "a timestamp",
    WHOLE: "a whole number",
}


@dataclass(frozen=True)
class Rule:
    """One construct: the arguments that are understood, its type, and its correction if it needs one."""

    name: str
    arguments: frozenset[str]
    check: Check
    correction: Correction | None = None


RULES: dict[type[exp.Expr], Rule] = {}


def rule_for(node: exp.Expr) -> Rule | None:
    """The rule of a node, or None when it is refused."""
    return RULES.get(type(node))


def correction_for(node: exp.Expr) -> Correction | None:
    """How DuckDB is told what a node means; None when it means the same as it is."""
    rule = RULES.get(type(node))
    return rule.correction if rule else None


def suggestion_for(node: exp.Expr) -> str:
    """What to write instead of a refused node; empty when there is no advice."""
    if isinstance(node, exp.Anonymous):
        return _INSTEAD_OF_NAMES.get(node.name.lower(), "")
    return _INSTEAD.get(type(node), "")


def implied_name(node: exp.Expr) -> str:
    """The name that a column of SELECT has without AS; empty when it has none."""
    if isinstance(node, (exp.Column, exp.Dot)):
        return str(node.name if isinstance(node, exp.Column) else node.expression.name).lower()
    return ""


def is_whole_literal(node: exp.Expr) -> bool:
    """Whether a node is a whole number written out."""
    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdecimal()


def is_ordinal(node: exp.Expr, width: int) -> bool:
    """Whether a node is the number of one of `width` columns."""
    return is_whole_literal(node) and 1 <= int(node.name) <= width


def _arguments(node: exp.Expr, key: str) -> list[exp.Expr]:
    value = node.args.get(key)
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def _function(
    node: type[exp.Expr],
    name: str,
    takes: Mapping[str, frozenset[str]],
    gives: SqlType | None = None,
    *,
    literals: tuple[str, ...] = (),
    flags: tuple[str, ...] = (),
    correction: Correction | None = None,
) -> None:
    """Add a function. Without `gives` it has the type of its arguments. `flags` come from the parser."""

    def check(analysis: Analysis, call: exp.Expr, scope: Scope) -> SqlType:
        found: list[SqlType] = []
        for key, kinds in takes.items():
            for argument in _arguments(call, key):
                found.append(analysis.expect(argument, scope, kinds, f"{name} expects {_WORDS[kinds]}"))
        for key in literals:
            for argument in _arguments(call, key):
                if not isinstance(argument, exp.Literal):
                    analysis.report(argument, f"{name} is known with a literal here only")
        if gives is not None:
            return gives
        kind = common_type(found)
        if kind is None:
            analysis.refuse(call, f"{name} mixes {' and '.join(map(str, found))}; cast one")
        return kind

    RULES[node] = Rule(name, frozenset({*takes, *flags}), check, correction)


def _construct(
    node: type[exp.Expr], name: str, *arguments: str, correction: Correction | None = None
) -> Callable[[Check], Check]:
    """Add a construct whose types need a function of their own."""

    def add(check: Check) -> Check:
        RULES[node] = Rule(name, frozenset(arguments), check, correction)
        return check

    return add


# ---- values -----------------------------------------------------------------------------------


@_construct(exp.Literal, "literal", "this", "is_string")
def _literal(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    del scope
    if node.is_string:
        return VARCHAR
    text = node.name.lower()
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


@_construct(exp.Null, "NULL")
def _null(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    del analysis, node, scope
    return UNKNOWN


@_construct(exp.Boolean, "true", "this")
def _boolean(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    del analysis, node, scope
    return BOOLEAN


@_construct(exp.Column, "column", "this", "table", "db", "catalog")
def _column(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    assert isinstance(node, exp.Column)
    return analysis.column(node, scope)


@_construct(exp.Dot, "field", "this", "expression")
def _dot(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    assert isinstance(node, exp.Dot)
    return analysis.field(node, scope)


@_construct(exp.Identifier, "variable", "this", "quoted")
def _identifier(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    assert isinstance(node, exp.Identifier)
    return analysis.variable(node, scope)


@_construct(exp.Paren, "parentheses", "this")
def _paren(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    return analysis.expression(node.this, scope)


@_construct(exp.Interval, "INTERVAL", "this", "unit")
def _interval(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    del scope
    if node.text("unit").lower() not in ("day", "month", "year", "hour", "minute", "second"):
        analysis.report(node, "INTERVAL is in DAY, MONTH, YEAR, HOUR, MINUTE or SECOND")
    if not (isinstance(node.this, exp.Literal) and re.fullmatch(r"\d{1,6}", node.this.name)):
        analysis.report(node, "INTERVAL takes a whole number in quotes: INTERVAL '7' DAY")
    return INTERVAL


@_construct(exp.Array, "ARRAY", "expressions", "value_constructor")
def _array(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [analysis.expression(item, scope) for item in list(node.expressions)]
    kind = common_type(kinds)
    if kind is None:
        analysis.refuse(node, f"ARRAY mixes {' and '.join(sorted({str(k) for k in kinds}))}")
    return array_of(kind)


# ---- conditions -------------------------------------------------------------------------------


def _both_boolean(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    for key in ("this", "expression"):
        for side in _arguments(node, key):
            analysis.expect(side, scope, FLAG, f"{node.key.upper()} expects boolean")
    return BOOLEAN


_construct(exp.And, "AND", "this", "expression")(_both_boolean)
_construct(exp.Or, "OR", "this", "expression")(_both_boolean)
_construct(exp.Not, "NOT", "this")(_both_boolean)


def _comparable(analysis: Analysis, node: exp.Expr, kinds: list[SqlType]) -> SqlType:
    if common_type(kinds) is None:
        names = [str(kind) for kind in kinds]
        hint = ""
        if VARCHAR in kinds and any(kind in (DATE, TIMESTAMP) for kind in kinds):
            hint = "; write DATE 'YYYY-MM-DD' or TIMESTAMP 'YYYY-MM-DD HH:MM:SS'"
        analysis.report(node, f"cannot compare {' with '.join(dict.fromkeys(names))}{hint}")
    return BOOLEAN


def _compare(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [
        analysis.expression(argument, scope)
        for key in ("this", "expression", "low", "high")
        for argument in _arguments(node, key)
    ]
    return _comparable(analysis, node, kinds)


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
    _construct(_node, _name, "this", "expression")(_compare)
_construct(exp.Between, "BETWEEN", "this", "low", "high")(_compare)


@_construct(exp.Is, "IS NULL", "this", "expression")
def _is(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expression(node.this, scope)
    if not isinstance(node.expression, exp.Null):
        analysis.report(node, "IS takes NULL; compare with = or IS NOT DISTINCT FROM")
    return BOOLEAN


@_construct(exp.In, "IN", "this", "expressions", "query")
def _in(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [analysis.expression(node.this, scope)]
    kinds += [analysis.expression(item, scope) for item in list(node.expressions)]
    if (query := node.args.get("query")) is not None:
        kinds.append(_single_column(analysis, query, scope))
    return _comparable(analysis, node, kinds)


@_construct(exp.Exists, "EXISTS", "this")
def _exists(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.query(node.this, scope.inside())
    return BOOLEAN


@_construct(exp.Subquery, "subquery", "this")
def _subquery(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    return _single_column(analysis, node, scope)


def _single_column(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    columns = analysis.query(node, scope.inside())
    if len(columns) > 1:
        analysis.report(node, f"a subquery of one column is needed, this one has {len(columns)}")
    return columns[0][1] if columns else UNKNOWN


_function(exp.Like, "LIKE", {"this": TEXT, "expression": TEXT}, BOOLEAN, flags=("negate",))


@_construct(exp.Case, "CASE", "this", "ifs", "default")
def _case(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    subject = None if node.this is None else analysis.expression(node.this, scope)
    results = []
    for branch in node.args["ifs"]:
        if subject is None:
            analysis.expect(branch.this, scope, FLAG, "WHEN expects boolean")
        else:
            _comparable(analysis, branch, [subject, analysis.expression(branch.this, scope)])
        results.append(analysis.expression(branch.args["true"], scope))
    results += [analysis.expression(value, scope) for value in _arguments(node, "default")]
    return _one_type(analysis, node, results)


@_construct(exp.If, "IF", "this", "true", "false")
def _if(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.this, scope, FLAG, "IF expects boolean")
    results = [
        analysis.expression(value, scope)
        for key in ("true", "false")
        for value in _arguments(node, key)
    ]
    return _one_type(analysis, node, results)


def _one_type(analysis: Analysis, node: exp.Expr, kinds: list[SqlType]) -> SqlType:
    kind = common_type(kinds)
    if kind is None:
        mixed = " and ".join(dict.fromkeys(map(str, kinds)))
        analysis.refuse(node, f"the results are {mixed}; cast them to one type")
    return kind


def _same_type(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    arguments = [*_arguments(node, "this"), *_arguments(node, "expression"), *list(node.expressions)]
    return _one_type(analysis, node, [analysis.expression(item, scope) for item in arguments])


_construct(exp.Coalesce, "coalesce", "this", "expressions")(_same_type)
_construct(exp.Greatest, "greatest", "this", "expressions")(_same_type)
_construct(exp.Least, "least", "this", "expressions")(_same_type)


@_construct(exp.Nullif, "nullif", "this", "expression")
def _nullif(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = analysis.expression(node.this, scope)
    _comparable(analysis, node, [kind, analysis.expression(node.expression, scope)])
    return kind


# ---- numbers ----------------------------------------------------------------------------------


def _arithmetic(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [analysis.expression(side, scope) for side in (node.this, node.expression)]
    dates = [kind for kind in kinds if kind in (DATE, TIMESTAMP, ZONED)]
    if INTERVAL in kinds and dates and (kinds[1] == INTERVAL or isinstance(node, exp.Add)):
        if dates == [DATE] and _interval_unit(node) in _CLOCK_UNITS:
            analysis.report(node, "a date takes DAY, MONTH and YEAR; cast it to timestamp first")
        return dates[0]
    if len(dates) == 2:
        analysis.refuse(node, "the difference of two times is an interval; write date_diff('day', a, b)")
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
_construct(exp.Add, "+", "this", "expression", correction=correct.dated)(_arithmetic)
_construct(exp.Sub, "-", "this", "expression", correction=correct.dated)(_arithmetic)
_construct(exp.Mul, "*", "this", "expression")(_arithmetic)
_construct(exp.Div, "/", "this", "expression", "typed", correction=correct.divided)(_arithmetic)
_construct(exp.Mod, "%", "this", "expression")(_arithmetic)
_function(exp.Neg, "-", {"this": NUMBER})
_function(exp.Abs, "abs", {"this": NUMBER})
_function(exp.Floor, "floor", {"this": NUMBER}, correction=correct.typed)
_function(exp.Ceil, "ceil", {"this": NUMBER}, correction=correct.typed)
_function(exp.Sign, "sign", {"this": NUMBER}, correction=correct.typed)
_function(exp.Sqrt, "sqrt", {"this": NUMBER}, DOUBLE, correction=correct.square_root)
_function(exp.Exp, "exp", {"this": NUMBER}, DOUBLE)
_function(exp.Pow, "power", {"this": NUMBER, "expression": NUMBER}, DOUBLE)
_function(exp.Ln, "ln", {"this": NUMBER}, DOUBLE, correction=correct.logarithm)


@_construct(exp.Log, "log10", "this", "expression", correction=correct.logarithm)
def _log(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    if node.this.name not in ("2", "10"):
        analysis.refuse(node, "log is known as log2 and log10 only")
    set_type(node.this, INTEGER)
    analysis.expect(node.expression, scope, NUMBER, "a logarithm expects a whole number or double")
    return DOUBLE


@_construct(exp.Round, "round", "this", "decimals", correction=correct.typed)
def _round(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    for places in _arguments(node, "decimals"):
        if not is_whole_literal(places):
            analysis.report(places, "round is known with a literal number of places only")
        set_type(places, INTEGER)
    return analysis.expect(node.this, scope, NUMBER, "round expects a whole number or double")


# ---- text -------------------------------------------------------------------------------------

_function(exp.Lower, "lower", {"this": TEXT}, VARCHAR)
_function(exp.Upper, "upper", {"this": TEXT}, VARCHAR, correction=correct.upper_case)
_function(exp.Length, "length", {"this": TEXT}, BIGINT)
_function(exp.Trim, "trim", {"this": TEXT}, VARCHAR, flags=("position",), correction=correct.trimmed)
_function(exp.DPipe, "||", {"this": TEXT, "expression": TEXT}, VARCHAR, flags=("safe",))
_function(exp.Concat, "concat", {"expressions": TEXT}, VARCHAR, flags=("safe", "coalesce"))
_function(exp.ConcatWs, "concat_ws", {"expressions": TEXT}, VARCHAR, flags=("safe", "coalesce"))
_function(exp.StrPosition, "strpos", {"this": TEXT, "substr": TEXT}, BIGINT)
_function(exp.StartsWith, "starts_with", {"this": TEXT, "expression": TEXT}, BOOLEAN)
_function(
    exp.Replace,
    "replace",
    {"this": TEXT, "expression": TEXT, "replacement": TEXT},
    VARCHAR,
    literals=("expression",),
)
_function(
    exp.SplitPart,
    "split_part",
    {"this": TEXT, "delimiter": TEXT, "part_index": WHOLE},
    VARCHAR,
    literals=("delimiter", "part_index"),
    correction=correct.part_of_text,
)
_function(
    exp.Split, "split", {"this": TEXT, "expression": TEXT}, array_of(VARCHAR), literals=("expression",)
)


@_construct(exp.Substring, "substr", "this", "start", "length")
def _substring(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.this, scope, TEXT, "substr expects text")
    for key in ("start", "length"):
        for argument in _arguments(node, key):
            set_type(argument, INTEGER)
            if not is_whole_literal(argument) or (key == "start" and argument.name == "0"):
                analysis.report(argument, f"substr is known with a literal {key} only, from 1")
    return VARCHAR


# RE2 and Athena's engine agree on these; \w, \d, \s and \b differ beyond ASCII, (?= is unknown to RE2.
_PLAIN_PATTERN = re.compile(r"(?:[^\\(]|\\[^A-Za-z0-9]|\((?!\?)|\(\?:|\(\?i\))*")


def _pattern(analysis: Analysis, node: exp.Expr, scope: Scope) -> None:
    name = analysis.spelled(node)
    analysis.expect(node.this, scope, TEXT, f"{name} expects text")
    pattern = node.expression
    set_type(pattern, VARCHAR)
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        analysis.report(pattern, f"{name} is known with a literal pattern only")
    elif not _PLAIN_PATTERN.fullmatch(pattern.name):
        analysis.report(
            pattern,
            "patterns with \\d, \\w, \\s, \\b or (?…) differ between engines; write classes: [0-9]",
        )


@_construct(exp.RegexpLike, "regexp_like", "this", "expression")
def _regexp_like(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    _pattern(analysis, node, scope)
    return BOOLEAN


@_construct(
    exp.RegexpExtract,
    "regexp_extract",
    "this",
    "expression",
    "group",
    "null_if_pos_overflow",
    correction=correct.regexp_found,
)
def _regexp_extract(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    _pattern(analysis, node, scope)
    group = node.args["group"]
    set_type(group, INTEGER)
    if not is_whole_literal(group):
        analysis.report(group, "regexp_extract is known with a literal group only")
    elif group.name != "0" and re.search(r"\)[?*{|]|\|", node.expression.name):
        analysis.report(
            node.expression, "a group that may be missing is NULL on one engine, empty on the other"
        )
    return VARCHAR


@_construct(
    exp.RegexpReplace,
    "regexp_replace",
    "this",
    "expression",
    "replacement",
    correction=correct.regexp_replaced,
)
def _regexp_replace(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    _pattern(analysis, node, scope)
    for replacement in _arguments(node, "replacement"):
        set_type(replacement, VARCHAR)
        if not isinstance(replacement, exp.Literal) or "\\" in replacement.name:
            analysis.report(replacement, "regexp_replace is known with a plain literal only")
    return VARCHAR


# ---- dates and times --------------------------------------------------------------------------


def _unit(analysis: Analysis, node: exp.Expr, kind: SqlType) -> None:
    unit = node.text("unit").lower()
    allowed = _UNITS if kind == DATE else (*_UNITS, *_CLOCK_UNITS)
    if kind != UNKNOWN and unit not in allowed:
        analysis.report(node, f"unit '{unit}' of {kind}: expected one of {', '.join(allowed)}")


@_construct(exp.TimestampTrunc, "date_trunc", "this", "unit", correction=correct.truncated_time)
def _date_trunc(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = analysis.expect(node.this, scope, TIME, "date_trunc expects a date or timestamp")
    _unit(analysis, node, kind)
    return kind


@_construct(exp.DateAdd, "date_add", "this", "expression", "unit", correction=correct.added_time)
def _date_add(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = analysis.expect(node.this, scope, TIME, "date_add expects a date or timestamp")
    analysis.expect(node.expression, scope, WHOLE, "date_add expects a whole number")
    _unit(analysis, node, kind)
    return kind


@_construct(exp.DateDiff, "date_diff", "this", "expression", "unit", correction=correct.whole_units)
def _date_diff(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [
        analysis.expect(side, scope, TIME, "date_diff expects a date or timestamp")
        for side in (node.expression, node.this)
    ]
    _unit(analysis, node, common_type(kinds) or UNKNOWN)
    return BIGINT


for _node, _name in (
    (exp.Year, "year"),
    (exp.Quarter, "quarter"),
    (exp.Month, "month"),
    (exp.WeekOfYear, "week"),
    (exp.YearOfWeek, "year_of_week"),
    (exp.Day, "day"),
    (exp.DayOfMonth, "day_of_month"),
    (exp.DayOfWeekIso, "day_of_week"),
    (exp.DayOfYear, "day_of_year"),
):
    _function(_node, _name, {"this": TIME}, BIGINT)
for _node, _name in ((exp.Hour, "hour"), (exp.Minute, "minute"), (exp.Second, "second")):
    _function(_node, _name, {"this": CLOCK}, BIGINT)
_function(exp.LastDay, "last_day_of_month", {"this": TIME}, DATE)
_function(exp.UnixToTime, "from_unixtime", {"this": NUMBER}, ZONED)
_function(exp.TimeToUnix, "to_unixtime", {"this": CLOCK | INSTANT}, DOUBLE)
_function(exp.FromISO8601Date, "from_iso8601_date", {"this": TEXT}, DATE, correction=correct.iso_date)
_function(
    exp.FromISO8601Timestamp,
    "from_iso8601_timestamp",
    {"this": TEXT},
    ZONED,
    correction=correct.iso_timestamp,
)
_function(exp.CurrentDate, "current_date", {}, DATE)
_function(exp.CurrentTimestamp, "now", {}, ZONED)


def _formatted(analysis: Analysis, node: exp.Expr) -> None:
    pattern = node.args["format"]
    set_type(pattern, VARCHAR)
    name = analysis.spelled(node)
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        analysis.report(node, f"{name} is known with a literal format only")
    elif unknown := sorted(set(re.findall(r"%-?.", pattern.name)) - _TIME_FORMATS):
        analysis.report(node, f"{name}: {unknown[0]} is not known to mean the same everywhere")


@_construct(exp.TimeToStr, "date_format", "this", "format")
def _date_format(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.this, scope, TIME, "date_format expects a date or timestamp")
    _formatted(analysis, node)
    return VARCHAR


@_construct(exp.StrToTime, "date_parse", "this", "format")
def _date_parse(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.this, scope, TEXT, "date_parse expects text")
    _formatted(analysis, node)
    return TIMESTAMP


@_construct(exp.AtTimeZone, "AT TIME ZONE", "this", "zone", correction=correct.at_zone)
def _at_time_zone(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.this, scope, CLOCK | INSTANT, "AT TIME ZONE expects a timestamp")
    set_type(node.args["zone"], VARCHAR)
    if not isinstance(node.args["zone"], exp.Literal):
        analysis.report(node, "AT TIME ZONE is known with a literal zone only")
    if not (isinstance(node.parent, exp.Cast) and node.parent.to.this in _CLOCKS):
        analysis.report(
            node, "AT TIME ZONE is known inside CAST(… AS date) and CAST(… AS timestamp(3)) only"
        )
    return ZONED


_CLOCKS = (exp.DType.DATE, exp.DType.TIMESTAMP)


@_construct(exp.Extract, "extract", "this", "expression")
def _extract(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    part = node.name.lower()
    if part not in ("year", "quarter", "month", "week", "day", "hour", "minute", "second"):
        analysis.report(node, f"extract({part} …) differs between engines; use the function instead")
    kinds = CLOCK if part in _CLOCK_UNITS else TIME
    analysis.expect(node.expression, scope, kinds, f"extract expects {_WORDS[kinds]}")
    return BIGINT


# ---- casts ------------------------------------------------------------------------------------

_CASTS: dict[str, frozenset[str]] = {
    "boolean": FLAG | TEXT,
    "integer": WHOLE,
    "bigint": NUMERIC | TEXT,
    "double": NUMERIC | TEXT,
    "decimal": NUMERIC,
    "varchar": TEXT | WHOLE | FLAG | DAY,
    "date": TIME,
    "timestamp(3)": TIME,
}


def _cast(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    source = analysis.expression(node.this, scope)
    target = analysis.named_type(node.args["to"])
    if target.kind not in _CASTS:
        analysis.refuse(node, f"CAST AS {target} is not known to mean the same everywhere")
    if isinstance(node.this, exp.AtTimeZone):
        return target
    if isinstance(node.this, exp.Literal) and node.this.is_string:
        form = {DATE: _DATE_LITERAL, TIMESTAMP: _TIME_LITERAL}.get(target)
        if form is not None:
            if not form.fullmatch(node.this.name):
                analysis.report(node, f"'{node.this.name}' is not a {target.kind}: YYYY-MM-DD[ HH:MM:SS[.fff]]")
            return target
    if source == VARCHAR and target in (DATE, TIMESTAMP):
        # Athena reads '7' as the year 7.
        analysis.report(node, f"CAST(varchar AS {target}) takes surprising text; use date_parse(x, '%Y-%m-%d')")
    elif source == ZONED:
        analysis.report(node, f"say in which zone: CAST(… AT TIME ZONE 'UTC' AS {target})")
    elif source != UNKNOWN and source.kind not in _CASTS[target.kind]:
        hint = {"double": "; use round", "timestamp(3)": "; use date_format"}.get(source.kind, "")
        analysis.report(node, f"CAST({source} AS {target}) differs between engines{hint}")
    return target


_construct(exp.Cast, "CAST", "this", "to", correction=correct.cast_value)(_cast)
_construct(exp.TryCast, "TRY_CAST", "this", "to", "safe", correction=correct.cast_value)(_cast)


@_construct(exp.Try, "TRY", "this")
def _try(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = analysis.expression(node.this, scope)
    for inner in node.this.find_all(exp.Cast, exp.FromISO8601Date, exp.FromISO8601Timestamp):
        # DuckDB has no TRY around what raises on purpose; such a value is NULL by itself under TRY.
        if inner is not node.this and type_of(inner.this) == VARCHAR and not inner.this.is_string:
            analysis.report(inner, "TRY is known around a cast of text itself; write TRY_CAST")
    return kind


# ---- arrays -----------------------------------------------------------------------------------


def _lambda(analysis: Analysis, node: exp.Expr, scope: Scope, element: SqlType) -> SqlType:
    """The type of a lambda's body, whose one variable is an element."""
    if not isinstance(node, exp.Lambda) or len(node.expressions) != 1:
        analysis.refuse(node, "expected a lambda of one variable: x -> …")
    variable = node.expressions[0].name.lower()
    set_type(node, UNKNOWN)
    return analysis.expression(node.this, scope.with_variables({variable: element}))


def _element(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = analysis.expect(node, scope, ARRAY, f"{analysis.spelled(node.parent or node)} expects an array")
    return kind.of[0] if kind.kind == "array" else UNKNOWN


@_construct(exp.Transform, "transform", "this", "expression")
def _transform(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    element = _element(analysis, node.this, scope)
    return array_of(_lambda(analysis, node.expression, scope, element))


@_construct(exp.ArrayFilter, "filter", "this", "expression")
def _filter_array(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    element = _element(analysis, node.this, scope)
    kind = _lambda(analysis, node.expression, scope, element)
    if kind not in (BOOLEAN, UNKNOWN):
        analysis.report(node.expression, f"filter expects a boolean lambda, found {kind}")
    return array_of(element)


@_construct(exp.ArraySize, "cardinality", "this")
def _cardinality(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    _element(analysis, node.this, scope)
    return BIGINT


@_construct(exp.ArrayContains, "contains", "this", "expression", correction=correct.contained)
def _contains(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    element = _element(analysis, node.this, scope)
    return _comparable(analysis, node, [element, analysis.expression(node.expression, scope)])


@_construct(exp.Bracket, "element_at", "this", "expressions", "offset", "safe")
def _element_at(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    if not node.args.get("safe"):
        analysis.refuse(node, "a[n] fails past the end in Athena and is NULL in DuckDB; use element_at(a, n)")
    element = _element(analysis, node.this, scope)
    place = node.expressions[0]
    set_type(place, INTEGER)
    if not is_whole_literal(place) or place.name == "0":
        analysis.report(place, "element_at is known with a literal place from 1 only")
    return element


@_construct(exp.ArraySlice, "slice", "this", "start", "end", correction=correct.sliced)
def _slice(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    element = _element(analysis, node.this, scope)
    for key in ("start", "end"):
        set_type(node.args[key], INTEGER)
        if not is_whole_literal(node.args[key]) or (key == "start" and node.args[key].name == "0"):
            analysis.report(node.args[key], "slice is known with literal numbers only, from 1")
    return array_of(element)


@_construct(exp.ArrayToString, "array_join", "this", "expression")
def _array_join(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    element = _element(analysis, node.this, scope)
    if element not in (VARCHAR, UNKNOWN):
        analysis.report(node, f"array_join expects an array of text, found array({element})")
    analysis.expect(node.expression, scope, TEXT, "array_join expects text")
    return VARCHAR


@_construct(exp.GenerateSeries, "sequence", "start", "end", "step", correction=correct.days)
def _sequence(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [analysis.expression(node.args[key], scope) for key in ("start", "end")]
    step = node.args.get("step")
    if kinds == [DATE, DATE]:
        if not isinstance(step, exp.Interval):
            analysis.refuse(node, "a sequence of dates needs its step: INTERVAL '1' DAY")
        analysis.expression(step, scope)
        return array_of(DATE)
    if step is not None or not all(is_whole_literal(node.args[key]) for key in ("start", "end")):
        analysis.refuse(node, "sequence is known for dates and for two literal numbers")
    return array_of(BIGINT)


# ---- aggregates and windows -------------------------------------------------------------------


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
    return analysis.expect(argument, scope, kinds, f"{name} expects {_WORDS[kinds]}")


@_construct(exp.Count, "count", "this", "big_int")
def _count(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    if not isinstance(node.this, exp.Star):
        _aggregated(analysis, node, scope, None, "count")
    return BIGINT


@_construct(exp.Sum, "sum", "this", correction=correct.aggregated)
def _sum(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = _aggregated(analysis, node, scope, NUMERIC, "sum")
    if kind.scale is not None:
        return decimal(38, kind.scale[1])
    return BIGINT if kind.kind in WHOLE else DOUBLE


@_construct(exp.Avg, "avg", "this")
def _avg(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = _aggregated(analysis, node, scope, None, "avg")
    if kind.kind == "decimal":
        analysis.report(node, f"avg of {kind} is rounded to its scale; cast to double")
    elif kind == BOOLEAN:
        analysis.report(node, "avg of boolean is refused by Athena; average is_passed or a CASE of 1e0 and 0e0")
    elif kind != UNKNOWN and kind.kind not in NUMBER:
        analysis.report(node, f"avg expects a whole number or double, found {kind}")
    return DOUBLE


def _extreme(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    return _aggregated(analysis, node, scope, ORDERED, analysis.spelled(node))


_construct(exp.Min, "min", "this")(_extreme)
_construct(exp.Max, "max", "this")(_extreme)


def _best(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    name = analysis.spelled(node)
    analysis.expect(node.expression, scope, ORDERED, f"{name} expects {_WORDS[ORDERED]}")
    return analysis.expression(node.this, scope)


_construct(exp.ArgMax, "max_by", "this", "expression", correction=correct.best)(_best)
_construct(exp.ArgMin, "min_by", "this", "expression", correction=correct.best)(_best)
_function(exp.CountIf, "count_if", {"this": FLAG}, BIGINT, correction=correct.counted)
_function(exp.LogicalAnd, "bool_and", {"this": FLAG}, BOOLEAN)
_function(exp.LogicalOr, "bool_or", {"this": FLAG}, BOOLEAN)
for _node, _name in (
    (exp.Stddev, "stddev"),
    (exp.StddevSamp, "stddev_samp"),
    (exp.StddevPop, "stddev_pop"),
    (exp.Variance, "variance"),
    (exp.VariancePop, "var_pop"),
):
    _function(_node, _name, {"this": NUMBER}, DOUBLE)


@_construct(exp.ArrayAgg, "array_agg", "this")
def _array_agg(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    ordered = node.this
    if not isinstance(ordered, exp.Order):
        analysis.refuse(node, "array_agg needs ORDER BY inside: without, each run orders differently")
    set_type(ordered, UNKNOWN)
    _ordering(analysis, ordered, scope)
    return array_of(analysis.expression(ordered.this, scope))


def _ordering(analysis: Analysis, order: exp.Expr, scope: Scope) -> None:
    for ordered in order.expressions:
        set_type(ordered, UNKNOWN)
        analysis.expression(ordered.this, scope)


@_construct(exp.Filter, "FILTER", "this", "expression", correction=correct.aggregated)
def _filtered(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.expression.this, scope, FLAG, "FILTER expects boolean")
    return analysis.expression(node.this, scope)


for _node, _name in (
    (exp.RowNumber, "row_number"),
    (exp.Rank, "rank"),
    (exp.DenseRank, "dense_rank"),
):
    _function(_node, _name, {}, BIGINT)
_function(exp.PercentRank, "percent_rank", {}, DOUBLE)
_function(exp.CumeDist, "cume_dist", {}, DOUBLE)
_function(exp.Ntile, "ntile", {"this": WHOLE}, BIGINT, literals=("this",))


def _shifted(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [analysis.expression(node.this, scope)]
    for offset in _arguments(node, "offset"):
        set_type(offset, INTEGER)
        if not is_whole_literal(offset):
            analysis.report(offset, f"{analysis.spelled(node)} is known with a literal offset only")
    kinds += [analysis.expression(value, scope) for value in _arguments(node, "default")]
    return _one_type(analysis, node, kinds)


_construct(exp.Lag, "lag", "this", "offset", "default")(_shifted)
_construct(exp.Lead, "lead", "this", "offset", "default")(_shifted)
_construct(exp.FirstValue, "first_value", "this")(_shifted)
_construct(exp.LastValue, "last_value", "this")(_shifted)
_construct(exp.NthValue, "nth_value", "this", "offset")(_shifted)


@_construct(exp.IgnoreNulls, "IGNORE NULLS", "this")
def _ignore_nulls(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    if not isinstance(node.this, (exp.FirstValue, exp.LastValue, exp.Lag, exp.Lead)):
        analysis.refuse(node, "IGNORE NULLS is known with first_value, last_value, lag and lead")
    return analysis.expression(node.this, scope)


@_construct(
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
    for part in _arguments(node, "partition_by"):
        analysis.expression(part, scope)
    if (order := node.args.get("order")) is not None:
        set_type(order, UNKNOWN)
        _ordering(analysis, order, scope)
    if (frame := node.args.get("spec")) is not None:
        set_type(frame, UNKNOWN)
        for key in ("start", "end"):
            bound = frame.args.get(key)
            if isinstance(bound, exp.Expr) and not (is_whole_literal(bound) and frame.text("kind") == "ROWS"):
                analysis.report(node, "a frame is known with ROWS and a number, UNBOUNDED or CURRENT ROW")
        if frame.args.get("exclude"):
            analysis.report(node, "EXCLUDE is not understood in a frame")
    return analysis.expression(node.this, scope)


# ---- advice -----------------------------------------------------------------------------------

_USE_FIELDS = "columns are typed: write ai_summary.tone_score, or transform(a, x -> x.field) in UNNEST"
_INSTEAD: dict[type[exp.Expr], str] = {
    exp.JSONExtract: _USE_FIELDS,
    exp.JSONExtractScalar: _USE_FIELDS,
    exp.ParseJSON: _USE_FIELDS,
    exp.JSONFormat: _USE_FIELDS,
    exp.ApproxDistinct: "it estimates; write count(DISTINCT …)",
    exp.ApproxQuantile: "it estimates, and each engine otherwise",
    exp.AnyValue: "it may give any row's value; write min, max or max_by",
    exp.ArrayDistinct: "the order of its result differs; write count(DISTINCT …) or GROUP BY",
    exp.Reverse: "it reverses letters with accents differently",
    exp.GroupConcat: "write array_join(array_agg(x ORDER BY x), ',')",
    exp.Format: "write concat, or date_format for times",
    exp.ILike: "write lower(x) LIKE 'text%'",
    exp.Rand: "a number that changes on every run",
    exp.Struct: "write the fields as columns",
    exp.Tuple: "compare one column at a time",
    exp.ArrayMax: "it differs when an element is NULL",
    exp.ArrayMin: "it differs when an element is NULL",
    exp.Anonymous: "",
}
_MATCHES = "write cardinality(filter(a, x -> …)) > 0"
_INSTEAD_OF_NAMES = {
    "any_match": _MATCHES,
    "none_match": "write cardinality(filter(a, x -> …)) = 0",
    "all_match": "write cardinality(filter(a, x -> NOT …)) = 0",
    "arrays_overlap": "write cardinality(filter(a, x -> contains(b, x))) > 0",
    "format_datetime": "write date_format(t, '%Y-%m-%d')",
    "parse_datetime": "write date_parse(x, '%Y-%m-%d')",
    "at_timezone": "write CAST(t AT TIME ZONE 'Europe/Berlin' AS timestamp(3))",
    "with_timezone": "write CAST(t AT TIME ZONE 'UTC' AS timestamp(3))",
    "json_query": _USE_FIELDS,
    "json_value": _USE_FIELDS,
    "json_exists": _USE_FIELDS,
    "json_array_get": _USE_FIELDS,
    "map_agg": "write one row per key",
    "multimap_agg": "write one row per key",
    "yow": "write year_of_week",
    "every": "write bool_and",
}
