"""Reads a query as Athena would: resolves names, types expressions, refuses unknown constructs.

Nothing is allowed by default. A construct passes when `constructs` lists it, with arguments of
types that Athena takes, and without a clause that is not listed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

import sqlglot
from sqlglot import Token, exp
from sqlglot.errors import ParseError, TokenError

from cci_lite.errors import SqlError
from cci_lite.views import constructs
from cci_lite.views.constructs.construct import (
    Construct,
    implied_name,
    is_ordinal,
    is_whole_literal,
)
from cci_lite.views.corrections import set_type
from cci_lite.views.relations import Columns, Relation, Schema, Scope, did_you_mean
from cci_lite.views.spelling import arguments_of, misspellings
from cci_lite.views.types import BIGINT, UNKNOWN, SqlType, common_type, type_of_node, type_of_text

DIALECT = "athena"


@dataclass(frozen=True)
class SqlFinding:
    """One thing that is wrong with a query, and where."""

    message: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


@dataclass(frozen=True)
class CheckedQuery:
    """A query that was read: its tree with types, what it yields and reads, and what is wrong."""

    tree: exp.Query
    columns: Columns
    reads: frozenset[str]
    findings: tuple[SqlFinding, ...]
    starred: tuple[SqlFinding, ...] = field(default=())
    unnamed: tuple[SqlFinding, ...] = field(default=())


def analyse(sql: str, schema: Schema) -> CheckedQuery:
    """Read one SELECT; raises SqlError when it cannot be parsed at all."""
    try:
        return QueryAnalysis(sql, schema).run()
    except RecursionError:
        raise SqlError("the query is nested too deeply", line=1, column=1) from None


def parse_select(sql: str) -> exp.Query:
    """The tree of exactly one SELECT; raises SqlError."""
    try:
        tokens = sqlglot.tokenize(sql, read=DIALECT)
        start = next((token for token in tokens if token.text not in ("", "(")), None)
        if start is None:
            raise SqlError("expected a SELECT, found nothing", line=1, column=1)
        if start.text.upper() not in ("SELECT", "WITH"):
            # Checked before parsing: sqlglot keeps statements that it does not know as opaque text.
            line, column = _line_and_column(sql, start.start)
            raise SqlError(
                f"expected a SELECT, found {start.text.upper()}", line=line, column=column
            )
        trees = [tree for tree in sqlglot.parse(sql, read=DIALECT) if tree is not None]
    except ParseError as error:
        details = error.errors[0]
        problem = details["description"]
        if problem.startswith("Required keyword"):
            problem = "an argument is missing"
        raise SqlError(
            f"{problem}, at '{details['highlight']}'",
            line=details["line"],
            column=max(1, details["col"] - len(details["highlight"] or "") + 1),
        ) from None
    except TokenError:
        raise SqlError("cannot be read; is a quote or a comment left open?") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise SqlError(f"expected one SELECT, found {len(trees)} statements", line=1, column=1)
    return trees[0]


def _line_and_column(sql: str, offset: int) -> tuple[int, int]:
    before = sql[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


class _RefusedError(Exception):
    """A construct was refused, and what is inside it was not checked."""


class QueryAnalysis:
    """One pass over one query: constructs ask it for types and report what is wrong."""

    def __init__(self, sql: str, schema: Schema) -> None:
        self._sql = sql
        self._schema = schema
        self._tokens: list[Token] = []
        self._reads: set[str] = set()
        self._findings: list[SqlFinding] = []
        self._starred: list[SqlFinding] = []
        self._unnamed: list[SqlFinding] = []

    def run(self) -> CheckedQuery:
        """What was read; raises SqlError when it cannot be parsed."""
        tree = parse_select(self._sql)
        # The tree alone does not show how something was written; the tokens do.
        self._tokens = sqlglot.tokenize(self._sql, read=DIALECT)
        misspelled = tuple(
            SqlFinding(wrong.message, *_line_and_column(self._sql, wrong.offset))
            for wrong in misspellings(self._tokens)
        )
        # Reading the tree also rewrites it: names are resolved, stars written out, USING becomes
        # ON. The translation to DuckDB starts from that tree.
        columns = self.query(tree, Scope({}))
        return CheckedQuery(
            tree,
            columns,
            frozenset(self._reads),
            # A misspelling was parsed as something else, so the other findings follow from it.
            misspelled or tuple(self._findings),
            tuple(self._starred),
            tuple(self._unnamed),
        )

    # ---- what constructs use ------------------------------------------------------------------

    def report(self, node: exp.Expr, message: str) -> None:
        """Note that something is wrong at `node`."""
        self._findings.append(self._finding(node, message))

    def refuse(self, node: exp.Expr, message: str) -> NoReturn:
        """Note that `node` is refused, and give up on it."""
        self.report(node, message)
        raise _RefusedError

    def expression(self, node: exp.Expr, scope: Scope) -> SqlType:
        """The type of an expression, which its node then carries."""
        try:
            kind = self._typed(node, scope)
        except _RefusedError:
            kind = UNKNOWN
        set_type(node, kind)
        return kind

    def expect(self, node: exp.Expr, scope: Scope, kinds: frozenset[str], wanted: str) -> SqlType:
        """The type of an expression that has to be one of `kinds`; reports `wanted` otherwise."""
        kind = self.expression(node, scope)
        if kind != UNKNOWN and kind.kind not in kinds:
            self.report(node, f"{wanted}, found {kind}")
        return kind

    def spelled(self, node: exp.Expr) -> str:
        """The name of a function as it was written, or its name in Athena where that is lost."""
        start, end = node.meta.get("start"), node.meta.get("end")
        if start is not None and end is not None:
            return self._sql[start : end + 1].lower()
        if isinstance(node, exp.Func):
            return node.sql(DIALECT).partition("(")[0].lower()
        return node.key

    def written_literal(self, call: exp.Expr, number: int) -> str | None:
        """An argument of a call as it is written, where it is one literal; counted from 0.

        For arguments that sqlglot translates while parsing, such as time formats.
        """
        written = arguments_of(self._tokens, call.meta.get("start", -1))
        alone = written[number] if number < len(written) else []
        return alone[0].text if len(alone) == 1 else None

    def named_type(self, node: exp.DataType) -> SqlType:
        """The type that a cast names."""
        try:
            return type_of_node(node)
        except SqlError as error:
            self.refuse(node, str(error))

    def query(self, node: exp.Expr, scope: Scope) -> Columns:
        """What a query yields."""
        try:
            if isinstance(node, exp.Subquery):
                self._only(node, {"this", "alias"}, "a query in parentheses")
                return self.query(node.this, scope)
            if isinstance(node, exp.SetOperation):
                return self._set_operation(node, scope)
            if isinstance(node, exp.Select):
                return self._select(node, scope)
            self.refuse(node, f"{node.key} is not understood here, expected a SELECT")
        except _RefusedError:
            return ()

    # ---- names --------------------------------------------------------------------------------

    def column(self, node: exp.Column, scope: Scope) -> SqlType:
        """Resolve `column`, `relation.column` or either followed by fields of rows."""
        if isinstance(node.this, exp.Star):
            self.refuse(node, "* is understood as a column of SELECT only")
        parts = node.parts
        names = [part.name.lower() for part in parts]
        relation = scope.named(names[0]) if len(names) > 1 else None
        if relation is not None and names[1] in scope.shared and relation in scope.relations:
            self.refuse(node, f"USING makes one column of '{names[1]}'; write it alone")
        if relation is not None and (kind := relation.type_of(names[1])) is not None:
            return self._resolved(node, relation, kind, parts[1:])
        if relation is not None and not scope.holding(names[0]):
            known = [name for name, _ in relation.columns]
            self.refuse(
                parts[1],
                f"unknown column '{names[1]}' in '{names[0]}'{did_you_mean(names[1], known)}",
            )
        holding = scope.holding(names[0])
        if len(holding) > 1:
            owners = " and ".join(f"'{owner.name}'" for owner in holding)
            self.refuse(node, f"column '{names[0]}' is in {owners}; say which one")
        if not holding:
            what = "column" if len(names) == 1 else "relation or column"
            if names[0].startswith("$"):
                self.refuse(node, f"hidden column '{names[0]}' exists in Athena's tables only")
            self.refuse(
                node, f"unknown {what} '{names[0]}'{did_you_mean(names[0], scope.column_names())}"
            )
        found = holding[0].type_of(names[0])
        assert found is not None
        return self._resolved(node, holding[0], found, parts)

    def field(self, node: exp.Dot, scope: Scope) -> SqlType:
        """The type of a row's field."""
        return self._field_of(node.expression, self.expression(node.this, scope))

    def variable(self, node: exp.Identifier, scope: Scope) -> SqlType:
        """The type of a lambda's variable."""
        kind = scope.variables.get(node.name.lower())
        if kind is None:
            self.refuse(node, f"unknown variable '{node.name}'")
        return kind

    def _resolved(
        self, node: exp.Column, owner: Relation, kind: SqlType, parts: list[exp.Expr]
    ) -> SqlType:
        """Write the column as `relation.column` and its fields as accesses, each with its type."""
        resolved: exp.Expr = exp.column(
            parts[0].name.lower(), table=owner.name or None, quoted=True
        )
        resolved.meta.update(parts[0].meta)
        set_type(resolved, kind)
        for part in parts[1:]:
            kind = self._field_of(part, kind)
            name = exp.to_identifier(part.name.lower(), quoted=True)
            resolved = exp.Dot(this=resolved, expression=name)
            set_type(resolved, kind)
        node.replace(resolved)
        return kind

    def _field_of(self, part: exp.Expr, row: SqlType) -> SqlType:
        if row == UNKNOWN:
            return UNKNOWN
        name = part.name.lower()
        if row.kind != "row":
            self.refuse(part, f"'.{name}' needs a row on its left, found {row}")
        kind = row.field(name)
        if kind is None:
            self.refuse(part, f"unknown field '{name}'{did_you_mean(name, list(row.fields))}")
        return kind

    # ---- expressions --------------------------------------------------------------------------

    def _typed(self, node: exp.Expr, scope: Scope) -> SqlType:
        rule = constructs.rule_for(node)
        if rule is None:
            hint = constructs.suggestion_for(node)
            self.refuse(
                node,
                f"{self.spelled(node)} is not known to mean the same on every engine"
                + (f"; {hint}" if hint else ""),
            )
        self._call(node, rule)
        self._only(node, rule.arguments, self.spelled(node))
        return rule.check(self, node, scope)

    def _call(self, node: exp.Expr, rule: Construct) -> None:
        """Refuse another engine's name of a function, and arguments that sqlglot dropped."""
        if not isinstance(node, exp.Func) or "start" not in node.meta:
            return
        name = self.spelled(node)
        if name not in (rule.name.lower(), *rule.also):
            self.refuse(node, f"{name} is not a function of Athena; write {rule.name}")
        distinct = node.args.get("this")
        of = distinct.expressions if isinstance(distinct, exp.Distinct) else node.iter_expressions()
        kept = len(list(of))
        if len(arguments_of(self._tokens, node.meta["start"])) > kept:
            self.refuse(node, f"{name} does not take that many arguments")

    def _only(self, node: exp.Expr, allowed: Iterable[str], what: str) -> None:
        """Refuse a node that has a clause other than the allowed ones."""
        for name, value in node.args.items():
            if value and name not in allowed:
                clause = name.strip("_").replace("_", " ").upper()
                at = value if isinstance(value, exp.Expr) else node
                self.refuse(at, f"{clause} is not understood in {what}")

    # ---- queries ------------------------------------------------------------------------------

    def _with(self, node: exp.Query, scope: Scope) -> Scope:
        """The scope of a query whose CTEs have been read."""
        ctes = dict(scope.ctes)
        with_ = node.args.get("with_")
        if with_ is None:
            return Scope(ctes, scope.outer, scope.relations, scope.shared, scope.variables)
        self._only(with_, {"expressions"}, "WITH")
        for cte in with_.expressions:
            self._only(cte, {"this", "alias"}, "WITH")
            columns = self.query(cte.this, Scope(ctes, scope.outer))
            ctes[cte.alias.lower()] = self._renamed(cte, columns)
        return Scope(ctes, scope.outer, scope.relations, scope.shared, scope.variables)

    def _renamed(self, node: exp.Expr, columns: Columns) -> Columns:
        """Columns under the names that `AS t(a, b)` gives them."""
        alias = node.args.get("alias")
        if alias is None or not alias.columns:
            return columns
        names = [name.name.lower() for name in alias.columns]
        if columns and len(names) != len(columns):
            self.report(alias, f"{len(names)} column names for {len(columns)} columns")
        return tuple(zip(names, (kind for _, kind in columns), strict=False))

    def _set_operation(self, node: exp.SetOperation, scope: Scope) -> Columns:
        self._only(
            node,
            {"this", "expression", "distinct", "with_", "order", "limit", "offset"},
            node.key.upper(),
        )
        inner = self._with(node, scope)
        left = self.query(node.this, Scope(inner.ctes, inner.outer))
        right = self.query(node.expression, Scope(inner.ctes, inner.outer))
        if left and right and len(left) != len(right):
            self.report(node.expression, f"{len(right)} columns below {len(left)} columns")
        columns = []
        for (name, above), (_, below) in zip(left, right, strict=False):
            kind = common_type((above, below))
            if kind is None:
                self.report(node.expression, f"column '{name}' is {above} above and {below} below")
            columns.append((name, kind or UNKNOWN))
        outputs = Scope({}, None, [Relation("", tuple(columns))])
        for ordered in self._ordered(node):
            if not is_ordinal(ordered.this, len(columns)):
                self._output_reference(ordered.this, outputs)
        self._bounds(node)
        return tuple(columns)

    def _output_reference(self, node: exp.Expr, outputs: Scope) -> None:
        name = node.name.lower()
        if not isinstance(node, exp.Column) or not outputs.holding(name):
            self.report(node, "ORDER BY of a UNION takes its columns by name or number")

    def _select(self, node: exp.Select, scope: Scope) -> Columns:
        self._only(
            node,
            {
                "expressions",
                "from_",
                "joins",
                "where",
                "group",
                "having",
                "order",
                "limit",
                "offset",
                "distinct",
                "with_",
            },
            "SELECT",
        )
        if distinct := node.args.get("distinct"):
            self._only(distinct, (), "DISTINCT")
        inner = Scope(self._with(node, scope).ctes, scope.outer)
        if from_ := node.args.get("from_"):
            self._relation(from_.this, inner)
        for join in node.args.get("joins") or ():
            self._join(join, inner)
        if where := node.args.get("where"):
            self.expect(where.this, inner, frozenset({"boolean"}), "WHERE expects boolean")
        self._group(node, inner)
        if having := node.args.get("having"):
            self.expect(having.this, inner, frozenset({"boolean"}), "HAVING expects boolean")
        columns = self._outputs(node, inner)
        self._order(node, inner, columns)
        self._bounds(node)
        return columns

    def _outputs(self, node: exp.Select, scope: Scope) -> Columns:
        """The columns of a SELECT, each given its name as an alias and stars written out."""
        columns: list[tuple[str, SqlType]] = []
        written: list[exp.Expr] = []
        for index, item in enumerate(list(node.expressions)):
            if isinstance(item, exp.Star) or (
                isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
            ):
                if not isinstance(node.args["from_"].this, exp.Values):
                    # The parser itself writes VALUES as SELECT * FROM (VALUES …).
                    self._starred.append(self._finding(item, "* hides which columns are read"))
                for name, column, kind in self._starred_columns(item, scope):
                    columns.append((name, kind))
                    written.append(exp.alias_(column, name, quoted=True))
                continue
            value = item.this if isinstance(item, exp.Alias) else item
            name = item.alias if isinstance(item, exp.Alias) else implied_name(value)
            kind = self.expression(value, scope)
            if not name:
                name = f"_col{len(columns)}"
                self._unnamed.append(self._finding(value, "a column without a name"))
            columns.append((name.lower(), kind))
            # Resolving a column replaces its node, so ask the parent for what is there now.
            value = item.this if isinstance(item, exp.Alias) else node.expressions[index]
            written.append(exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True)))
        node.set("expressions", written)
        return tuple(columns)

    def _starred_columns(self, item: exp.Expr, scope: Scope) -> list[tuple[str, exp.Expr, SqlType]]:
        star = item if isinstance(item, exp.Star) else item.this
        self._only(star, (), "*")
        relations = scope.relations
        if isinstance(item, exp.Column):
            wanted = item.table.lower()
            relations = [relation for relation in relations if relation.name == wanted]
            if not relations:
                self.report(item, f"unknown relation '{wanted}'")
        seen: set[str] = set()
        found = []
        for relation in relations:
            for name, kind in relation.columns:
                if name in scope.shared and name in seen:
                    continue
                seen.add(name)
                column = exp.column(name, table=relation.name or None, quoted=True)
                set_type(column, kind)
                found.append((name, column, kind))
        # As SQL has it, * after USING begins with the shared columns.
        return sorted(found, key=lambda column: column[0] not in scope.shared)

    def _group(self, node: exp.Select, scope: Scope) -> None:
        group = node.args.get("group")
        if group is None:
            return
        self._only(group, {"expressions"}, "GROUP BY")
        for item in list(group.expressions):
            if not node.is_star and self._is_no_position(item, "GROUP BY", len(node.expressions)):
                continue
            self._grouping(item, scope, len(node.expressions))

    def _is_no_position(self, item: exp.Expr, clause: str, width: int) -> bool:
        """Whether a number names a column that is not there; then it is reported."""
        if not is_whole_literal(item) or is_ordinal(item, width):
            return False
        self.report(item, f"{clause} position {item.name} is not in the select list")
        return True

    def _grouping(self, item: exp.Expr, scope: Scope, width: int) -> None:
        if is_ordinal(item, width):
            return
        if isinstance(item, (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple)):
            for part in list(item.expressions):
                self._grouping(part, scope, 0)
        elif isinstance(item, exp.Paren):
            self._grouping(item.this, scope, 0)
        else:
            self.expression(item, scope)

    def _ordered(self, node: exp.Query) -> list[exp.Ordered]:
        order = node.args.get("order")
        if order is None:
            return []
        self._only(order, {"expressions"}, "ORDER BY")
        for ordered in order.expressions:
            self._only(ordered, {"this", "desc", "nulls_first"}, "ORDER BY")
        return list(order.expressions)

    def _order(self, node: exp.Select, scope: Scope, columns: Columns) -> None:
        """ORDER BY sees the output's columns first, then those of FROM."""
        outputs = {alias.alias.lower(): alias.this for alias in node.expressions}
        for ordered in self._ordered(node):
            value = ordered.this
            if is_ordinal(value, len(columns)) or self._is_no_position(
                value, "ORDER BY", len(columns)
            ):
                continue
            if (
                isinstance(value, exp.Column)
                and len(value.parts) == 1
                and value.name.lower() in outputs
            ):
                continue
            for column in list(value.find_all(exp.Column)):
                if len(column.parts) == 1 and column.name.lower() in outputs:
                    column.replace(exp.paren(outputs[column.name.lower()].copy()))
            self.expression(ordered.this, scope)
            if node.args.get("distinct") and ordered.this not in outputs.values():
                self.report(ordered, "with DISTINCT, ORDER BY takes columns of SELECT only")

    def _bounds(self, node: exp.Query) -> None:
        for name in ("limit", "offset"):
            bound = node.args.get(name)
            if bound is None:
                continue
            self._only(bound, {"expression"}, name.upper())
            if not is_whole_literal(bound.expression):
                self.report(bound, f"{name.upper()} expects a whole number")

    # ---- relations ----------------------------------------------------------------------------

    def _relation(self, node: exp.Expr, scope: Scope) -> None:
        try:
            relation = self._read_relation(node, scope)
        except _RefusedError:
            relation = Relation(node.alias_or_name.lower(), (), known=False)
        if any(known.name == relation.name for known in scope.relations) and relation.name:
            self.report(node, f"two relations are called '{relation.name}'; give one an alias")
        scope.relations.append(relation)

    def _read_relation(self, node: exp.Expr, scope: Scope) -> Relation:
        if isinstance(node, exp.Table):
            return self._table(node, scope)
        if isinstance(node, exp.Subquery):
            columns = self.query(node, Scope(scope.ctes, scope.outer))
            return Relation(node.alias.lower(), self._renamed(node, columns))
        if isinstance(node, exp.Values):
            self._only(node, {"expressions", "alias"}, "VALUES")
            columns = self._values(node, scope)
            alias = node.args["alias"]
            if not alias.columns:
                alias.set("columns", [exp.to_identifier(name) for name, _ in columns])
            return Relation(node.alias.lower(), self._renamed(node, columns))
        if isinstance(node, exp.Unnest):
            return self._unnest(node, scope)
        return self.refuse(node, f"{node.key} is not understood in FROM")

    def _table(self, node: exp.Table, scope: Scope) -> Relation:
        if not isinstance(node.this, exp.Identifier):
            self.refuse(
                node.this, f"{self.spelled(node.this)} is a function; FROM takes tables and views"
            )
        if node.args.get("db") is not None:
            self.refuse(
                node, f"write '{node.name}' alone: every query runs in its tenant's database"
            )
        self._only(node, {"this", "alias"}, f"FROM {node.name}")
        name = node.name.lower()
        columns = scope.ctes.get(name)
        if columns is None:
            declared = self._schema.get(name)
            if declared is None:
                known = [*self._schema, *scope.ctes]
                self.refuse(node, f"unknown table or view '{name}'{did_you_mean(name, known)}")
            self._reads.add(name)
            columns = tuple((column, type_of_text(kind)) for column, kind in declared.items())
        return Relation(node.alias_or_name.lower(), self._renamed(node, columns))

    def _values(self, node: exp.Values, scope: Scope) -> Columns:
        rows = []
        for row in node.expressions:
            cells = row.expressions if isinstance(row, exp.Tuple) else [row]
            rows.append(tuple(self.expression(cell, scope) for cell in list(cells)))
        if len({len(row) for row in rows}) > 1:
            self.refuse(node, "rows of VALUES differ in length")
        columns = []
        for index, kinds in enumerate(zip(*rows, strict=True)):
            kind = common_type(kinds)
            if kind is None:
                self.report(node, f"column {index + 1} of VALUES mixes {kinds[0]} with other types")
            columns.append((f"_col{index}", kind or UNKNOWN))
        return tuple(columns)

    def _unnest(self, node: exp.Unnest, scope: Scope) -> Relation:
        self._only(node, {"expressions", "alias", "offset"}, "UNNEST")
        kinds = []
        for array in list(node.expressions):
            kind = self.expect(array, scope, frozenset({"array"}), "UNNEST expects an array")
            element = kind.of[0] if kind.kind == "array" else UNKNOWN
            if element.kind == "row":
                self.report(
                    array,
                    "UNNEST of rows differs between engines; unnest their fields: "
                    "UNNEST(transform(a, x -> x.field), …)",
                )
            kinds.append(element)
        alias = node.args.get("alias")
        offset = node.args.get("offset")
        names = [name.name.lower() for name in alias.columns] if alias else []
        if isinstance(offset, exp.Identifier):
            names.append(offset.name.lower())
        if offset:
            kinds.append(BIGINT)
        if len(names) != len(kinds):
            self.refuse(node, f"UNNEST yields {len(kinds)} columns, name them all: AS t(a, …)")
        return Relation(node.alias.lower(), tuple(zip(names, kinds, strict=True)))

    def _join(self, node: exp.Join, scope: Scope) -> None:
        self._only(node, {"this", "side", "kind", "on", "using"}, "JOIN")
        # DuckDB also has SEMI, ANTI, ASOF and POSITIONAL joins.
        if node.kind not in ("", "INNER", "OUTER", "CROSS"):
            self.refuse(
                node.this, f"{node.kind} JOIN is not known to mean the same on every engine"
            )
        self._relation(node.this, scope)
        on = node.args.get("on")
        if isinstance(node.this, exp.Unnest):
            always = isinstance(on, exp.Boolean) and on.this
            if not (node.kind == "CROSS" or always or (on is None and not node.side)):
                self.report(
                    node.this, "UNNEST is joined with CROSS JOIN or with LEFT JOIN … ON TRUE"
                )
            if node.side not in ("", "LEFT"):
                self.report(node.this, f"{node.side} JOIN UNNEST is refused by Athena")
        # The joined relation is in scope by now, so that the condition may name both sides.
        if using := node.args.get("using"):
            self._using(node, using, scope)
        elif on is not None:
            self.expect(on, scope, frozenset({"boolean"}), "ON expects boolean")
        elif node.kind != "CROSS" and (node.side or node.kind):
            self.report(node.this, "JOIN without ON")

    def _using(self, node: exp.Join, using: list[exp.Expr], scope: Scope) -> None:
        """Write USING as ON, which reads the same on every engine."""
        if node.side not in ("", "LEFT"):
            self.refuse(node.this, f"{node.side} JOIN with USING: write ON and COALESCE")
        joined = scope.relations[-1]
        before = Scope({}, None, scope.relations[:-1], scope.shared)
        conditions = []
        for part in using:
            name = part.name.lower()
            left = before.holding(name)
            if len(left) != 1 or joined.type_of(name) is None:
                self.refuse(part, f"USING needs '{name}' once on each side")
            conditions.append(
                exp.EQ(
                    this=exp.column(name, table=left[0].name, quoted=True),
                    expression=exp.column(name, table=joined.name, quoted=True),
                )
            )
        node.set("using", None)
        node.set("on", exp.and_(*conditions))
        self.expression(node.args["on"], scope)
        scope.shared.update(part.name.lower() for part in using)

    # ---- places -------------------------------------------------------------------------------

    def _finding(self, node: exp.Expr, message: str) -> SqlFinding:
        line, column = _line_and_column(self._sql, self._offset(node))
        return SqlFinding(message, line, column)

    def _offset(self, node: exp.Expr) -> int:
        starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
        if starts:
            return int(min(starts))
        return self._offset(node.parent) if node.parent is not None else 0
