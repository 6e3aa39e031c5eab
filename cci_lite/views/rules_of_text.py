"""Text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from cci_lite.views import corrections as correct
from cci_lite.views.corrections import set_type
from cci_lite.views.rules import (
    Rules,
    arguments,
    is_whole_literal,
)
from cci_lite.views.types import (
    BIGINT,
    BOOLEAN,
    INTEGER,
    TEXT,
    VARCHAR,
    WHOLE,
    SqlType,
    array_of,
)

if TYPE_CHECKING:
    from cci_lite.views.analysis import Analysis
    from cci_lite.views.relations import Scope

RULES = Rules()


RULES.function(exp.Lower, "lower", {"this": TEXT}, VARCHAR)
RULES.function(exp.Upper, "upper", {"this": TEXT}, VARCHAR, correction=correct.upper_case)
RULES.function(exp.Length, "length", {"this": TEXT}, BIGINT)
RULES.function(
    exp.Trim, "trim", {"this": TEXT}, VARCHAR, flags=("position",), correction=correct.trimmed
)
RULES.function(exp.DPipe, "||", {"this": TEXT, "expression": TEXT}, VARCHAR, flags=("safe",))
RULES.function(exp.Concat, "concat", {"expressions": TEXT}, VARCHAR, flags=("safe", "coalesce"))
RULES.function(
    exp.ConcatWs, "concat_ws", {"expressions": TEXT}, VARCHAR, flags=("safe", "coalesce")
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


@RULES.construct(exp.Substring, "substr", "this", "start", "length")
def _substring(analysis: Analysis, node: exp.Expr, scope: Scope) -> SqlType:
    analysis.expect(node.this, scope, TEXT, "substr expects text")
    for key in ("start", "length"):
        for argument in arguments(node, key):
            set_type(argument, INTEGER)
            if not is_whole_literal(argument) or (key == "start" and argument.name == "0"):
                analysis.report(argument, f"substr is known with a literal {key} only, from 1")
    return VARCHAR


# RE2 and Athena's engine agree on these; \w, \d, \s and \b differ beyond ASCII, RE2 has no (?=.
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


@RULES.construct(exp.RegexpLike, "regexp_like", "this", "expression")
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
        analysis.report(group, "regexp_extract is known with a literal group only")
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
            analysis.report(replacement, "regexp_replace is known with a plain literal only")
    return VARCHAR
