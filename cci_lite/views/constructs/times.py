"""The constructs for dates, times and casts."""

from __future__ import annotations

import re

from sqlglot import exp

from cci_lite.views import corrections as correct
from cci_lite.views.constructs.construct import CLOCK_UNITS, WORDS, Analysis, Constructs
from cci_lite.views.corrections import set_type, type_of
from cci_lite.views.relations import Scope
from cci_lite.views.types import (
    BIGINT,
    CLOCK,
    DATE,
    DAY,
    DOUBLE,
    FLAG,
    INSTANT,
    NUMBER,
    NUMERIC,
    TEXT,
    TIME,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    WHOLE,
    ZONED,
    SqlType,
    common_type,
)

RULES = Constructs()
_UNITS = ("day", "week", "month", "quarter", "year")
_TIME_FORMATS = frozenset(
    {"%Y", "%y", "%m", "%d", "%H", "%i", "%S", "%s", "%j", "%b", "%M", "%a", "%W"}
)
_DATE_LITERAL = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME_LITERAL = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2}(\.\d{1,3})?)?", re.ASCII)


def _unit(analysis: Analysis, node: exp.Expr, kind: SqlType) -> None:
    unit = node.text("unit").lower()
    allowed = _UNITS if kind == DATE else (*_UNITS, *CLOCK_UNITS)
    if kind != UNKNOWN and unit not in allowed:
        analysis.report(node, f"unit '{unit}' of {kind}: expected one of {', '.join(allowed)}")


# sqlglot calls it DateTrunc where it sees that the value is a date, and TimestampTrunc elsewhere.
@RULES.construct(exp.DateTrunc, "date_trunc", "this", "unit", correction=correct.truncated_time)
@RULES.construct(
    exp.TimestampTrunc, "date_trunc", "this", "unit", correction=correct.truncated_time
)
def _date_trunc(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = analysis.expect(node.this, scope, TIME, "date_trunc expects a date or timestamp")
    _unit(analysis, node, kind)
    return kind


@RULES.construct(
    exp.DateAdd, "date_add", "this", "expression", "unit", correction=correct.added_time
)
def _date_add(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = analysis.expect(node.this, scope, TIME, "date_add expects a date or timestamp")
    analysis.expect(node.expression, scope, WHOLE, "date_add expects a whole number")
    _unit(analysis, node, kind)
    return kind


@RULES.construct(
    exp.DateDiff, "date_diff", "this", "expression", "unit", correction=correct.whole_units
)
def _date_diff(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kinds = [
        analysis.expect(side, scope, TIME, "date_diff expects a date or timestamp")
        for side in (node.expression, node.this)
    ]
    _unit(analysis, node, common_type(kinds) or UNKNOWN)
    return BIGINT


_node: type[exp.Expr]
_also: tuple[str, ...]
for _node, _name, _also in (
    (exp.Year, "year", ()),
    (exp.Quarter, "quarter", ()),
    (exp.Month, "month", ()),
    (exp.WeekOfYear, "week", ("week_of_year",)),
    (exp.YearOfWeek, "year_of_week", ("yow",)),
    (exp.Day, "day", ()),
    (exp.DayOfMonth, "day_of_month", ()),
    (exp.DayOfWeekIso, "day_of_week", ("dow",)),
    (exp.DayOfYear, "day_of_year", ("doy",)),
):
    RULES.function(_node, _name, {"this": TIME}, BIGINT, also=_also)
for _node, _name in ((exp.Hour, "hour"), (exp.Minute, "minute"), (exp.Second, "second")):
    RULES.function(_node, _name, {"this": CLOCK}, BIGINT)
RULES.function(exp.LastDay, "last_day_of_month", {"this": TIME}, DATE)
RULES.function(exp.UnixToTime, "from_unixtime", {"this": NUMBER}, ZONED)
RULES.function(exp.TimeToUnix, "to_unixtime", {"this": CLOCK | INSTANT}, DOUBLE)
RULES.function(
    exp.FromISO8601Date, "from_iso8601_date", {"this": TEXT}, DATE, correction=correct.iso_date
)
RULES.function(
    exp.FromISO8601Timestamp,
    "from_iso8601_timestamp",
    {"this": TEXT},
    ZONED,
    correction=correct.iso_timestamp,
)
RULES.function(exp.CurrentDate, "current_date", {}, DATE)
RULES.function(exp.CurrentTimestamp, "now", {}, ZONED, also=("current_timestamp",))


def _formatted(analysis: Analysis, node: exp.Expr) -> list[str]:
    """The parts of a format as Athena writes them; sqlglot has replaced them by Python's."""
    pattern = node.args["format"]
    set_type(pattern, VARCHAR)
    name = analysis.spelled(node)
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        analysis.refuse(node, f"{name} takes a literal format only")
    parts = re.findall("%.?", analysis.written_literal(node, 1) or "", re.DOTALL)
    if unknown := sorted(set(parts) - _TIME_FORMATS):
        analysis.report(node, f"{name}: {unknown[0]} is not known to mean the same on every engine")
    return parts


@RULES.construct(exp.TimeToStr, "date_format", "this", "format")
def _date_format(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.this, scope, TIME, "date_format expects a date or timestamp")
    _formatted(analysis, node)
    return VARCHAR


@RULES.construct(exp.StrToTime, "date_parse", "this", "format")
def _date_parse(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.this, scope, TEXT, "date_parse expects text")
    if "%Y" not in _formatted(analysis, node):
        analysis.report(node, "date_parse needs a year of four digits: %Y")
    return TIMESTAMP


@RULES.construct(exp.AtTimeZone, "AT TIME ZONE", "this", "zone", correction=correct.at_zone)
def _at_time_zone(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.this, scope, CLOCK | INSTANT, "AT TIME ZONE expects a timestamp")
    set_type(node.args["zone"], VARCHAR)
    if not isinstance(node.args["zone"], exp.Literal):
        analysis.report(node, "AT TIME ZONE takes a literal zone only")
    if not (isinstance(node.parent, exp.Cast) and node.parent.to.this in _CLOCKS):
        analysis.report(
            node, "AT TIME ZONE is supported in CAST(… AS date) and CAST(… AS timestamp(3)) only"
        )
    return ZONED


_CLOCKS = (exp.DType.DATE, exp.DType.TIMESTAMP)


@RULES.construct(exp.Extract, "extract", "this", "expression")
def _extract(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    part = node.name.lower()
    if part not in ("year", "quarter", "month", "week", "day", "hour", "minute", "second"):
        analysis.report(
            node, f"extract({part} …) differs between engines; use the function instead"
        )
    kinds = CLOCK if part in CLOCK_UNITS else TIME
    analysis.expect(node.expression, scope, kinds, f"extract expects {WORDS[kinds]}")
    return BIGINT


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
        analysis.refuse(node, f"CAST AS {target} is not known to mean the same on every engine")
    if isinstance(node.this, exp.AtTimeZone):
        return target
    if isinstance(node.this, exp.Literal) and node.this.is_string:
        form = {DATE: _DATE_LITERAL, TIMESTAMP: _TIME_LITERAL}.get(target)
        if form is not None:
            if not form.fullmatch(node.this.name):
                analysis.report(
                    node, f"'{node.this.name}' is not a {target.kind}: YYYY-MM-DD[ HH:MM:SS[.fff]]"
                )
            return target
    if source == VARCHAR and target in (DATE, TIMESTAMP):
        # Athena reads '7' as the year 7.
        analysis.report(
            node, f"CAST(varchar AS {target}) takes surprising text; use date_parse(x, '%Y-%m-%d')"
        )
    elif source == ZONED:
        analysis.report(node, f"say in which zone: CAST(… AT TIME ZONE 'UTC' AS {target})")
    elif source != UNKNOWN and source.kind not in _CASTS[target.kind]:
        hint = {"double": "; use round", "timestamp(3)": "; use date_format"}.get(source.kind, "")
        analysis.report(node, f"CAST({source} AS {target}) differs between engines{hint}")
    return target


RULES.construct(exp.Cast, "CAST", "this", "to", correction=correct.cast_value)(_cast)
RULES.construct(exp.TryCast, "TRY_CAST", "this", "to", "safe", correction=correct.cast_value)(_cast)


@RULES.construct(exp.Try, "TRY", "this")
def _try(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    kind = analysis.expression(node.this, scope)
    for inner in node.this.find_all(exp.Cast, exp.FromISO8601Date, exp.FromISO8601Timestamp):
        # DuckDB's TRY does not catch error(), which corrections of casts use. Under TRY they give
        # NULL instead, which works only for the cast that TRY is applied to directly.
        if inner is not node.this and type_of(inner.this) == VARCHAR and not inner.this.is_string:
            analysis.report(inner, "TRY is supported directly around a cast of text; use TRY_CAST")
    return kind
