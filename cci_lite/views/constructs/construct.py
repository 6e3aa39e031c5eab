"""The type of a construct's entry, and the helpers that the entries share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol

from sqlglot import exp

from cci_lite.views.relations import Columns, Scope
from cci_lite.views.types import (
    ARRAY,
    BOOLEAN,
    CLOCK,
    DATE,
    DAY,
    FLAG,
    INSTANT,
    NUMBER,
    NUMERIC,
    ORDERED,
    TEXT,
    TIME,
    TIMESTAMP,
    VARCHAR,
    WHOLE,
    SqlType,
    common_type,
)

Check = Callable[["Analysis", exp.Expr, Scope], SqlType]
Correction = Callable[[exp.Expr], exp.Expr]

CLOCK_UNITS = ("second", "minute", "hour")
# How messages name a group of types.
WORDS = {
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


class Analysis(Protocol):
    """What a construct may ask of `QueryAnalysis`: types, and to report what is wrong.

    A Protocol, so that the constructs need not import the analysis, which imports them.
    """

    def report(self, node: exp.Expr, message: str) -> None:
        """Note that something is wrong at `node`."""
        ...

    def refuse(self, node: exp.Expr, message: str) -> NoReturn:
        """Note that `node` is refused, and give up on it."""
        ...

    def expression(self, node: exp.Expr, scope: Scope) -> SqlType:
        """The type of an expression, which its node then carries."""
        ...

    def expect(self, node: exp.Expr, scope: Scope, kinds: frozenset[str], wanted: str) -> SqlType:
        """The type of an expression that has to be one of `kinds`; reports `wanted` otherwise."""
        ...

    def spelled(self, node: exp.Expr) -> str:
        """The name of a function as it was written, or its name in Athena where that is lost."""
        ...

    def written_literal(self, call: exp.Expr, number: int) -> str | None:
        """An argument of a call as it is written, where it is one literal; counted from 0.

        For arguments that sqlglot translates while parsing, such as time formats.
        """
        ...

    def named_type(self, node: exp.DataType) -> SqlType:
        """The type that a cast names."""
        ...

    def query(self, node: exp.Expr, scope: Scope) -> Columns:
        """What a query yields."""
        ...

    def column(self, node: exp.Column, scope: Scope) -> SqlType:
        """Resolve `column`, `relation.column` or either followed by fields of rows."""
        ...

    def field(self, node: exp.Dot, scope: Scope) -> SqlType:
        """The type of a row's field."""
        ...

    def variable(self, node: exp.Identifier, scope: Scope) -> SqlType:
        """The type of a lambda's variable."""
        ...


@dataclass(frozen=True)
class Construct:
    """One construct: the arguments that it may have, its type, and its correction if any.

    `also` are a function's other names in Athena; sqlglot knows further ones of other engines.
    """

    name: str
    arguments: frozenset[str]
    check: Check
    correction: Correction | None = None
    also: tuple[str, ...] = ()


class Constructs(dict[type[exp.Expr], Construct]):
    """The constructs of one kind, by the class of their node."""

    def function(
        self,
        node: type[exp.Expr],
        name: str,
        takes: Mapping[str, frozenset[str]],
        gives: SqlType | None = None,
        *,
        literals: tuple[str, ...] = (),
        flags: tuple[str, ...] = (),
        correction: Correction | None = None,
        also: tuple[str, ...] = (),
        at_least: int = 0,
    ) -> None:
        """Add a function. Without `gives` it has its arguments' type; the parser sets `flags`."""

        def check(analysis: Analysis, call: exp.Expr, scope: Scope) -> SqlType:
            found: list[SqlType] = []
            for key, kinds in takes.items():
                for argument in arguments(call, key):
                    found.append(
                        analysis.expect(argument, scope, kinds, f"{name} expects {WORDS[kinds]}")
                    )
            if len(found) < at_least:
                analysis.report(call, f"{name} takes {at_least} values or more")
            for key in literals:
                for argument in arguments(call, key):
                    if not isinstance(argument, exp.Literal):
                        analysis.report(argument, f"{name} takes a literal here only")
            if gives is not None:
                return gives
            kind = common_type(found)
            if kind is None:
                analysis.refuse(call, f"{name} mixes {' and '.join(map(str, found))}; cast one")
            return kind

        self[node] = Construct(name, frozenset({*takes, *flags}), check, correction, also)

    def construct(
        self,
        node: type[exp.Expr],
        name: str,
        *arguments: str,
        correction: Correction | None = None,
        also: tuple[str, ...] = (),
    ) -> Callable[[Check], Check]:
        """Add a construct whose types need a function of their own."""

        def add(check: Check) -> Check:
            self[node] = Construct(name, frozenset(arguments), check, correction, also)
            return check

        return add


def implied_name(node: exp.Expr) -> str:
    """The name that a column of SELECT has without AS; empty when it has none."""
    if isinstance(node, (exp.Column, exp.Dot)):
        return str(node.name if isinstance(node, exp.Column) else node.expression.name)
    return ""


def is_whole_literal(node: exp.Expr) -> bool:
    """Whether a node is a whole number written out."""
    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdecimal()


def is_ordinal(node: exp.Expr, width: int) -> bool:
    """Whether a node is the number of one of `width` columns."""
    return is_whole_literal(node) and 1 <= int(node.name) <= width


def arguments(node: exp.Expr, key: str) -> list[exp.Expr]:
    """The arguments of a node under a key: none, one or a list."""
    value = node.args.get(key)
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def comparable(analysis: Analysis, node: exp.Expr, kinds: list[SqlType]) -> SqlType:
    """Boolean, after a report when Athena would not compare values of these types."""
    if common_type(kinds) is None:
        names = [str(kind) for kind in kinds]
        hint = ""
        if VARCHAR in kinds and any(kind in (DATE, TIMESTAMP) for kind in kinds):
            hint = "; write DATE 'YYYY-MM-DD' or TIMESTAMP 'YYYY-MM-DD HH:MM:SS'"
        analysis.report(node, f"cannot compare {' with '.join(dict.fromkeys(names))}{hint}")
    return BOOLEAN


def one_type(analysis: Analysis, node: exp.Expr, kinds: list[SqlType]) -> SqlType:
    """The type that results share; refuses the node when they share none."""
    kind = common_type(kinds)
    if kind is None:
        mixed = " and ".join(dict.fromkeys(map(str, kinds)))
        analysis.refuse(node, f"the results are {mixed}; cast them to one type")
    return kind
