"""Translates a query from Athena's SQL to DuckDB's, so that both give the same result."""

from __future__ import annotations

from sqlglot import exp

from cci_lite.errors import SqlError
from cci_lite.views.analysis import CheckedQuery, analyse
from cci_lite.views.constructs import correction_for
from cci_lite.views.constructs.construct import Correction
from cci_lite.views.corrections import renamed, set_type, type_of, unnested
from cci_lite.views.relations import Schema

_OF_CLAUSES: dict[type[exp.Expr], Correction] = {exp.Unnest: unnested, exp.Lambda: renamed}


def check_query(sql: str, schema: Schema) -> CheckedQuery:
    """The one SELECT in `sql`, read as Athena does; raises SqlError at the first thing wrong."""
    query = analyse(sql, schema)
    if query.findings:
        first = min(query.findings, key=lambda finding: (finding.line, finding.column))
        raise SqlError(first.message, line=first.line, column=first.column)
    return query


def to_duckdb(sql: str, schema: Schema) -> str:
    """The same query for DuckDB; raises SqlError for what is not known to give the same result."""
    return translate(check_query(sql, schema))


def translate(query: CheckedQuery) -> str:
    """A checked query for DuckDB."""
    tree = query.tree.copy()
    # Innermost first, so that a correction finds its arguments corrected.
    for node in reversed(list(tree.dfs())):
        correction = _OF_CLAUSES.get(type(node)) or correction_for(node)
        if correction is None or node.parent is None:
            continue
        # A correction may move the node into another one, so its place is read before.
        parent, key, index = node.parent, node.arg_key, node.index
        kind = type_of(node)
        corrected = correction(node)
        set_type(corrected, kind)
        if corrected is not node:
            parent.set(str(key), corrected, index)
    return tree.sql("duckdb", pretty=True, comments=False)
