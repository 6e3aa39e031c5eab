"""Rewrites constructs for DuckDB so that they give Athena's result: one function per construct.

Each takes a node whose arguments are rewritten and typed, and returns what stands in its place.
"""

from __future__ import annotations

import re
from typing import cast

from sqlglot import exp

from cci_lite.views import patterns
from cci_lite.views.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DAY,
    DOUBLE,
    TEXT,
    TIMESTAMP,
    UNKNOWN,
    WHOLE,
    ZONED,
    SqlType,
    duckdb_node,
)

_TYPE = "athena_type"
_DATE_TEXT = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME_TEXT = "([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
_ZONE_TEXT = "(Z|[+-][0-9]{2}:?[0-9]{2})?"
TEXT_FORMS = {
    BIGINT: " *[+-]?[0-9]+ *",
    DOUBLE: " *([+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?|[+-]?Infinity) *",
    DATE: _DATE_TEXT,
    TIMESTAMP: f"{_DATE_TEXT}( {_TIME_TEXT})?",
    BOOLEAN: "(?i)true|false|t|f|1|0",
    ZONED: f"{_DATE_TEXT}T{_TIME_TEXT}{_ZONE_TEXT}",
}
# Spellings of ISO 8601 that Athena accepts and DuckDB does not, and the full spelling of each.
_ISO_SPELLINGS = {
    "([0-9]{4})": r"\1-01-01",
    "([0-9]{4}-[0-9]{2})": r"\1-01",
    f"({_DATE_TEXT})T?": r"\1T00:00",
    f"({_DATE_TEXT}T[0-9]{{2}}){_ZONE_TEXT}": r"\1:00\2",
    f"({_DATE_TEXT}T[0-9:]+[.][0-9]{{3}})[0-9]+{_ZONE_TEXT}": r"\1\2",
}
# The white space that Athena's trim removes; DuckDB's removes spaces only.
_WHITE_SPACE = (
    " \t\n\v\f\r\x1c\x1d\x1e\x1f\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u2028\u2029\u205f\u3000"
)
_PRIVATE = "\ue000"


def set_type(node: exp.Expr, kind: SqlType) -> None:
    """Attach a type to a node."""
    node.meta[_TYPE] = kind


def type_of(node: exp.Expr) -> SqlType:
    """The type that was attached to a node."""
    return cast(SqlType, node.meta.get(_TYPE, UNKNOWN))


def call(name: str, *arguments: exp.Expr | str | int) -> exp.Expr:
    """A call of one of DuckDB's functions."""
    return exp.Anonymous(this=name, expressions=[_value(argument) for argument in arguments])


def _value(value: exp.Expr | str | int) -> exp.Expr:
    if isinstance(value, exp.Expr):
        return value
    return exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(value)


def cast_to(node: exp.Expr, kind: SqlType) -> exp.Expr:
    """`CAST(node AS kind)` in DuckDB's types."""
    return exp.Cast(this=node, to=duckdb_node(kind))


def _case(*branches: tuple[exp.Expr, exp.Expr], default: exp.Expr | None = None) -> exp.Expr:
    ifs = [exp.If(this=condition, true=value) for condition, value in branches]
    return exp.Case(ifs=ifs, default=default)


def _is_null(node: exp.Expr) -> exp.Expr:
    return exp.Is(this=node.copy(), expression=exp.Null())


def typed(node: exp.Expr) -> exp.Expr:
    """The node, cast to the type that Athena gives it."""
    return cast_to(node, type_of(node))


def aggregated(node: exp.Expr) -> exp.Expr:
    """An aggregate, with its FILTER and OVER, cast to the type that Athena gives it."""
    if isinstance(node.parent, (exp.Filter, exp.Window)):
        return node
    inner = node
    while isinstance(inner, (exp.Filter, exp.Window)):
        inner = inner.this
    return typed(node) if isinstance(inner, exp.Sum) else node


def count_of_true(node: exp.Expr) -> exp.Expr:
    """`count_if` is 0, not NULL, where every value is NULL."""
    return exp.Count(this=_case((node.this, exp.Literal.number(1))))


def divided(node: exp.Expr) -> exp.Expr:
    """Whole numbers divide without remainder."""
    whole = all(type_of(side).kind in WHOLE for side in (node.this, node.expression))
    kind = exp.IntDiv if whole else exp.Div
    return kind(this=node.this, expression=node.expression)


def dated(node: exp.Expr) -> exp.Expr:
    """A day plus an interval of days is a day."""
    return cast_to(exp.paren(node, copy=False), DATE) if type_of(node).kind in DAY else node


def truncated_time(node: exp.Expr) -> exp.Expr:
    """`date_trunc` of a day is a day."""
    return dated_call(node, call("date_trunc", node.text("unit").lower(), node.this))


def added_time(node: exp.Expr) -> exp.Expr:
    """`date_add` of a day is a day."""
    unit = node.text("unit").lower()
    interval = call(f"to_{unit}s", cast_to(node.expression, BIGINT))
    return dated_call(node, exp.Paren(this=exp.Add(this=node.this, expression=interval)))


def dated_call(node: exp.Expr, rewritten: exp.Expr) -> exp.Expr:
    """`rewritten`, as a day where Athena says day."""
    return cast_to(rewritten, DATE) if type_of(node).kind in DAY else rewritten


def whole_units(node: exp.Expr) -> exp.Expr:
    """`date_diff` counts complete units, not boundaries."""
    return call("date_sub", node.text("unit").lower(), node.expression, node.this)


def at_zone(node: exp.Expr) -> exp.Expr:
    """The wall clock in a zone; a timestamp without one is UTC."""
    instant = node.this
    if type_of(instant) == TIMESTAMP:
        instant = exp.AtTimeZone(this=exp.paren(instant), zone=exp.Literal.string("UTC"))
    return exp.AtTimeZone(this=exp.paren(instant), zone=node.args["zone"])


def cast_value(node: exp.Expr) -> exp.Expr:
    """A cast that takes what Athena's takes and rounds as it does."""
    source, target = type_of(node.this), type_of(node)
    to = duckdb_node(target)
    kind = type(node)
    if source.kind in TEXT and target in TEXT_FORMS:
        return text_in_form(node.this, target, strict=kind is exp.Cast and not _tried(node))
    if target.kind in WHOLE and source.kind in ("double", "decimal"):
        return kind(this=call("round", node.this), to=to)
    return kind(this=node.this, to=to)


def _tried(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.Try)


def text_in_form(text: exp.Expr, target: SqlType, *, strict: bool) -> exp.Expr:
    """Text cast to a type; where Athena would not accept its spelling, an error (or NULL)."""
    if isinstance(text, exp.Literal) and re.fullmatch(TEXT_FORMS[target], text.name):
        return cast_to(text, target) if strict else exp.TryCast(this=text, to=duckdb_node(target))
    fits = call("regexp_full_match", text.copy(), TEXT_FORMS[target])
    if not strict:
        value: exp.Expr = exp.TryCast(this=text.copy(), to=duckdb_node(target))
        if target == DOUBLE:
            is_nan = exp.EQ(this=call("trim", text.copy()), expression=exp.Literal.string("NaN"))
            return _case((is_nan, _no_number("a cast of the text NaN")), (fits, value))
        return _case((fits, value))
    value = cast_to(text.copy(), target)
    # The text itself is not repeated: it may be personal.
    complaint = call("error", f"Cannot cast text to {target}: it is not written as one")
    return _case((_is_null(text), exp.Null()), (fits, value), default=complaint)


def iso_timestamp(node: exp.Expr) -> exp.Expr:
    """`from_iso8601_timestamp`: a date alone is its midnight; a `T` separates date and time."""
    text = node.this
    for spelling, whole in _ISO_SPELLINGS.items():
        if isinstance(text, exp.Literal):
            text = exp.Literal.string(re.sub(f"^{spelling}$", whole, text.name))
        else:
            text = call("regexp_replace", text, f"^{spelling}$", whole)
    return text_in_form(text, ZONED, strict=not _tried(node))


def iso_date(node: exp.Expr) -> exp.Expr:
    """`from_iso8601_date`."""
    return text_in_form(node.this, DATE, strict=not _tried(node))


def _no_number(what: str) -> exp.Expr:
    """An error where Athena returns NaN, which every engine compares differently."""
    return call("error", f"{what} is NaN, which compares with nothing; leave such rows out")


def square_root(node: exp.Expr) -> exp.Expr:
    """Refused below zero."""
    below = exp.LT(this=node.this.copy(), expression=exp.Literal.number(0))
    return _case((below, _no_number("sqrt of a negative number")), default=call("sqrt", node.this))


def raised(node: exp.Expr) -> exp.Expr:
    """Refused where the result is no number; Infinity for a negative power of zero."""
    base, exponent = node.this, node.expression
    zero = exp.EQ(this=base.copy(), expression=exp.Literal.number(0))
    negative = exp.LT(this=exponent.copy(), expression=exp.Literal.number(0))
    value = call("power", base, exponent)
    return _case(
        (exp.And(this=zero, expression=negative), _literal_number("inf")),
        (call("isnan", value.copy()), _no_number("this power")),
        default=value,
    )


def logarithm(node: exp.Expr) -> exp.Expr:
    """-Infinity at zero, where DuckDB raises; refused below."""
    value = node.expression if isinstance(node, exp.Log) else node.this
    name = "log10" if isinstance(node, exp.Log) else "ln"
    zero = exp.EQ(this=value.copy(), expression=exp.Literal.number(0))
    below = exp.LT(this=value.copy(), expression=exp.Literal.number(0))
    refused = _no_number(f"{name} of a negative number")
    return _case((zero, _literal_number("-inf")), (below, refused), default=call(name, value))


def _literal_number(text: str) -> exp.Expr:
    return cast_to(exp.Literal.string(text), DOUBLE)


def trimmed(node: exp.Expr) -> exp.Expr:
    """White space of every kind is trimmed, not spaces only."""
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(node.text("position"), "trim")
    return call(name, node.this, _WHITE_SPACE)


def upper_case(node: exp.Expr) -> exp.Expr:
    """The letter ß has no capital in Athena; DuckDB makes it ẞ."""
    # Hide ß behind a private-use character while DuckDB's upper() is at work.
    hidden = call("replace", node.this, "ß", _PRIVATE)
    return call("replace", call("upper", hidden), _PRIVATE, "ß")


def part_of_text(node: exp.Expr) -> exp.Expr:
    """NULL past the last part, where DuckDB gives empty text."""
    parts = call("string_split", node.this, node.args["delimiter"])
    return call("list_extract", parts, node.args["part_index"])


def regexp_matched(node: exp.Expr) -> exp.Expr:
    """In Athena `$` also matches before a line end at the end of the text."""
    return call("regexp_matches", node.this, patterns.for_re2_search(node.expression.name))


def regexp_found(node: exp.Expr) -> exp.Expr:
    """NULL without a match, where DuckDB gives empty text; `$` also matches before a line end."""
    text, pattern = node.this, patterns.for_re2(node.expression.name)
    if patterns.has_end(pattern):
        text = call("regexp_replace", text, r"\n\z", "")
    found = call("regexp_matches", text.copy(), pattern)
    return _case((found, call("regexp_extract", text, pattern, node.args["group"])))


def regexp_replaced(node: exp.Expr) -> exp.Expr:
    """Every match is replaced; groups are written `\\1` instead of `$1`."""
    replacement = node.args.get("replacement")
    text = re.sub(r"\$([0-9])", r"\\\1", replacement.name) if replacement is not None else ""
    return call("regexp_replace", node.this, patterns.for_re2(node.expression.name), text, "g")


def sliced(node: exp.Expr) -> exp.Expr:
    """The third argument is a length, in DuckDB it is the last place."""
    start, length = node.args["start"], node.args["end"]
    last = exp.Sub(this=exp.Add(this=start.copy(), expression=length), expression=_value(1))
    return call("array_slice", node.this, start, last)


def contained(node: exp.Expr) -> exp.Expr:
    """NULL when the value is not there but a NULL is."""
    array, value = node.this, node.expression
    nulls = exp.LT(this=call("list_count", array.copy()), expression=call("len", array.copy()))
    return _case(
        (exp.Or(this=_is_null(array), expression=_is_null(value)), exp.Null()),
        (call("list_contains", array, value), exp.true()),
        (nulls, exp.Null()),
        default=exp.false(),
    )


def extracted(node: exp.Expr) -> exp.Expr:
    """A field of a row, written so that DuckDB cannot take it for a column of a relation."""
    return call("struct_extract", node.this, node.expression.name)


def renamed(node: exp.Expr) -> exp.Expr:
    """A lambda with its variable renamed, so that it cannot shadow a relation or column."""
    # No column of a table or view has a name with a space.
    variable = node.expressions[0].name
    own = exp.to_identifier(f"lambda {variable}", quoted=True)
    for name in list(node.find_all(exp.Identifier)):
        if name.name == variable and not isinstance(name.parent, exp.Column):
            replaced = own.copy()
            set_type(replaced, type_of(name))
            name.replace(replaced)
    return node


def joined(node: exp.Expr) -> exp.Expr:
    """Empty text, not NULL, when there is nothing to join."""
    text = call("array_to_string", node.this, node.expression)
    return _case(
        (_is_null(node.this), exp.Null()), default=exp.Coalesce(this=text, expressions=[_value("")])
    )


def best(node: exp.Expr) -> exp.Expr:
    """The value in the row with the extreme, even when that value is NULL."""
    name = "arg_max_null" if isinstance(node, exp.ArgMax) else "arg_min_null"
    return call(name, node.this, node.expression)


def series(node: exp.Expr) -> exp.Expr:
    """A sequence: whole numbers go up or down, days only up, each counted from the first.

    DuckDB counts each month from the one before it: after 28 February it stays at the 28th.
    """
    start, end, step = node.args["start"], node.args["end"], node.args.get("step")
    if step is None:
        downwards = exp.GT(this=start.copy(), expression=end.copy())
        by = _case((downwards, exp.Literal.number(-1)), default=exp.Literal.number(1))
        return call("generate_series", start, end, by)
    unit, count = step.text("unit").lower(), step.this.name
    each = exp.to_identifier("step", quoted=True)
    # The number of units between the ends is an upper bound of the steps.
    longest = call("datediff", unit, start.copy(), end.copy())
    times = exp.Mul(this=each.copy(), expression=exp.Literal.number(count))
    day = cast_to(
        exp.paren(exp.Add(this=start.copy(), expression=call(f"to_{unit}s", times))), DATE
    )
    every = exp.Lambda(this=day, expressions=[each])
    until = exp.LTE(this=each.copy(), expression=end.copy())
    days = call("list_transform", call("generate_series", 0, longest), every)
    kept = call("list_filter", days, exp.Lambda(this=until, expressions=[each.copy()]))
    backwards = exp.GT(this=start.copy(), expression=end.copy())
    return _case(
        (backwards, call("error", "a sequence of days has to end after it starts")), default=kept
    )


def unnested(node: exp.Expr) -> exp.Expr:
    """Arrays side by side, short ones filled with NULL."""
    arrays = node.expressions
    columns = [call("unnest", array) for array in arrays]
    names = [name.copy() for name in node.args["alias"].columns]
    if offset := node.args.get("offset"):
        lengths = [call("len", array.copy()) for array in arrays]
        longest = lengths[0] if len(lengths) == 1 else call("greatest", *lengths)
        columns.append(call("unnest", call("generate_series", 1, longest)))
        if isinstance(offset, exp.Identifier):
            names.append(offset.copy())
    alias = exp.TableAlias(this=node.args["alias"].this, columns=names)
    select = exp.select(*columns)
    if isinstance(node.parent, exp.From):
        return exp.Subquery(this=select, alias=alias)
    return exp.Lateral(this=exp.Subquery(this=select), alias=alias)
