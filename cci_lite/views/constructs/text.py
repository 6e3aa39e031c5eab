"""The constructs for text and regular expressions."""

from __future__ import annotations

import re

from sqlglot import exp

from cci_lite.views import corrections as correct
from cci_lite.views import patterns
from cci_lite.views.constructs.construct import Analysis, Constructs, arguments, is_whole_literal
from cci_lite.views.corrections import set_type
from cci_lite.views.relations import Scope
from cci_lite.views.types import BIGINT, BOOLEAN, INTEGER, TEXT, VARCHAR, WHOLE, SqlType, array_of

RULES = Constructs()


RULES.function(exp.Lower, "lower", {"this": TEXT}, VARCHAR)
RULES.function(exp.Upper, "upper", {"this": TEXT}, VARCHAR, correction=correct.upper_case)
RULES.function(exp.Length, "length", {"this": TEXT}, BIGINT)
RULES.function(
    exp.Trim,
    "trim",
    {"this": TEXT},
    VARCHAR,
    flags=("position",),
    correction=correct.trimmed,
    also=("ltrim", "rtrim"),
)
RULES.function(exp.DPipe, "||", {"this": TEXT, "expression": TEXT}, VARCHAR, flags=("safe",))
RULES.function(
    exp.Concat,
    "concat",
    {"expressions": TEXT},
    VARCHAR,
    flags=("safe", "coalesce"),
    at_least=2,
)
RULES.function(
    exp.ConcatWs,
    "concat_ws",
    {"expressions": TEXT},
    VARCHAR,
    flags=("safe", "coalesce"),
    at_least=2,
)
RULES.function(exp.StrPosition, "strpos", {"this": TEXT, "substr": TEXT}, BIGINT)
RULES.function(exp.StartsWith, "starts_with", {"this": TEXT, "expression": TEXT}, BOOLEAN)
RULES.function(
    exp.Replace,
    "replace",
    {"this": TEXT, "expression": TEXT, "replacement": TEXT},
    VARCHAR,
    literals=("expression",),
)
RULES.function(
    exp.SplitPart,
    "split_part",
    {"this": TEXT, "delimiter": TEXT, "part_index": WHOLE},
    VARCHAR,
    literals=("delimiter", "part_index"),
    correction=correct.part_of_text,
)
RULES.function(
    exp.Split,
    "split",
    {"this": TEXT, "expression": TEXT},
    array_of(VARCHAR),
    literals=("expression",),
)


@RULES.construct(exp.Substring, "substr", "this", "start", "length", also=("substring",))
def _substring(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.this, scope, TEXT, "substr expects text")
    for key in ("start", "length"):
        for argument in arguments(node, key):
            set_type(argument, INTEGER)
            if not is_whole_literal(argument) or (key == "start" and argument.name == "0"):
                analysis.report(argument, f"substr takes a literal {key} only, from 1")
    return VARCHAR


def _pattern(analysis: Analysis, node: exp.Expr, scope: Scope) -> None:
    name = analysis.spelled(node)
    analysis.expect(node.this, scope, TEXT, f"{name} expects text")
    pattern = node.expression
    set_type(pattern, VARCHAR)
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        analysis.report(pattern, f"{name} takes a literal pattern only")
    elif reason := patterns.refusal(pattern.name):
        analysis.report(pattern, reason)


@RULES.construct(
    exp.RegexpLike, "regexp_like", "this", "expression", correction=correct.regexp_matched
)
def _regexp_like(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    _pattern(analysis, node, scope)
    return BOOLEAN


@RULES.construct(
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
        analysis.report(group, "regexp_extract takes a literal group only")
    elif int(group.name) > patterns.groups(node.expression.name):
        analysis.report(group, f"the pattern has no group {group.name}")
    elif group.name != "0" and re.search(r"\)[?*{|]|\|", node.expression.name):
        analysis.report(
            node.expression, "a group that may be missing is NULL on one engine, empty on the other"
        )
    return VARCHAR


@RULES.construct(
    exp.RegexpReplace,
    "regexp_replace",
    "this",
    "expression",
    "replacement",
    correction=correct.regexp_replaced,
)
def _regexp_replace(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    _pattern(analysis, node, scope)
    for replacement in arguments(node, "replacement"):
        set_type(replacement, VARCHAR)
        if not isinstance(replacement, exp.Literal) or "\\" in replacement.name:
            analysis.report(replacement, "regexp_replace takes a plain literal only")
        elif unknown := _unknown_group(replacement.name, patterns.groups(node.expression.name)):
            analysis.report(
                replacement, f"'{unknown}' names no group of the pattern; $1 is its first group"
            )
    if patterns.has_end(node.expression.name):
        analysis.report(
            node.expression,
            "regexp_replace with $ differs where text ends with a line end; "
            "write rtrim or split_part",
        )
    return VARCHAR


def _unknown_group(replacement: str, groups: int) -> str:
    """The first `$` of a replacement that Athena would refuse; empty when there is none."""
    for found in re.finditer(r"\$([0-9]?)", replacement):
        if not found[1] or int(found[1]) > groups:
            return found[0]
    return ""
