"""The scope of names at one place in a query: relations, variables of lambdas, outer queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from cci_lite.views.types import UNKNOWN, SqlType

Columns = tuple[tuple[str, SqlType], ...]
Schema = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Relation:
    """One relation of a FROM clause, under the name it goes by there.

    One that is not `known` was reported already; it counts as having every column.
    """

    name: str
    columns: Columns
    known: bool = True

    def type_of(self, column: str) -> SqlType | None:
        """The column's type, or None when the relation has no such column."""
        return dict(self.columns).get(column) if self.known else UNKNOWN


@dataclass
class Scope:
    """What one SELECT sees. `shared` are the columns that USING makes one of."""

    ctes: Mapping[str, Columns]
    outer: Scope | None = None
    relations: list[Relation] = field(default_factory=list)
    shared: set[str] = field(default_factory=set)
    variables: Mapping[str, SqlType] = field(default_factory=dict)

    def with_variables(self, variables: Mapping[str, SqlType]) -> Scope:
        """The same place inside a lambda."""
        return Scope(
            self.ctes,
            self.outer,
            self.relations,
            self.shared,
            {**self.variables, **variables},
        )

    def inside(self) -> Scope:
        """The place of a subquery in an expression: it sees what is here as its outer query."""
        return Scope(self.ctes, self)

    def named(self, name: str) -> Relation | None:
        """The relation of that name, here or in an outer query."""
        for relation in self.relations:
            if relation.name == name:
                return relation
        return self.outer.named(name) if self.outer else None

    def holding(self, column: str) -> list[Relation]:
        """The relations with such a column in the innermost query that has any."""
        found = [relation for relation in self.relations if relation.type_of(column) is not None]
        found = [relation for relation in found if relation.known] or found[:1]
        if found:
            return found[:1] if column in self.shared else found
        return self.outer.holding(column) if self.outer else []

    def column_names(self) -> list[str]:
        """Every column name in reach, for suggestions."""
        names = [name for relation in self.relations for name, _ in relation.columns]
        return names + (self.outer.column_names() if self.outer else [])


def did_you_mean(name: str, known: list[str]) -> str:
    """A clause that names the closest known name; empty when none is close."""
    close = get_close_matches(name, sorted(set(known)), n=1, cutoff=0.6)
    return f", did you mean '{close[0]}'?" if close else ""
