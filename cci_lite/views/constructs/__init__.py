"""Every construct that a query may use: its arguments, its type, and its rewriting for DuckDB.

A construct without a correction gives the same result on Athena and DuckDB as it is written. What
is not listed is refused. `tests/engines/expressions.yaml` compares an example of each on both.
"""

from __future__ import annotations

from sqlglot import exp

from cci_lite.views.constructs import aggregates, arrays, text, times, values
from cci_lite.views.constructs.construct import Construct, Correction

RULES: dict[type[exp.Expr], Construct] = {
    **values.RULES,
    **text.RULES,
    **times.RULES,
    **arrays.RULES,
    **aggregates.RULES,
}


def rule_for(node: exp.Expr) -> Construct | None:
    """The rule of a node, or None when it is refused."""
    return RULES.get(type(node))


def correction_for(node: exp.Expr) -> Correction | None:
    """How a node is rewritten for DuckDB; None when it needs no rewriting."""
    rule = RULES.get(type(node))
    return rule.correction if rule else None


def suggestion_for(node: exp.Expr) -> str:
    """What to write instead of a refused node; empty when there is no advice."""
    if isinstance(node, exp.Anonymous):
        return _INSTEAD_OF_NAMES.get(node.name.lower(), "")
    return _INSTEAD.get(type(node), "")


_USE_FIELDS = (
    "columns are typed: write ai_summary.tone_score, or transform(a, x -> x.field) in UNNEST"
)
_INSTEAD: dict[type[exp.Expr], str] = {
    exp.JSONExtract: _USE_FIELDS,
    exp.JSONExtractScalar: _USE_FIELDS,
    exp.ParseJSON: _USE_FIELDS,
    exp.JSONFormat: _USE_FIELDS,
    exp.ApproxDistinct: "it estimates; write count(DISTINCT …)",
    exp.ApproxQuantile: "it estimates, and each engine differently",
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
