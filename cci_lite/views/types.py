"""The types of Athena's SQL that tables and views use, and how they combine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from sqlglot import exp

from cci_lite.errors import SqlError


@dataclass(frozen=True)
class SqlType:
    """A type: `of` holds the element of an array or the fields of a row, which `fields` names."""

    kind: str
    of: tuple[SqlType, ...] = ()
    fields: tuple[str, ...] = ()
    scale: tuple[int, int] | None = None

    def __str__(self) -> str:
        if self.kind == "row":
            named = (f"{name} {kind}" for name, kind in zip(self.fields, self.of, strict=True))
            return f"row({', '.join(named)})"
        if self.kind == "array":
            return f"array({self.of[0]})"
        if self.scale is not None:
            return f"{self.kind}({self.scale[0]}, {self.scale[1]})"
        return self.kind

    def field(self, name: str) -> SqlType | None:
        """The type of a row's field, or None when there is no such field."""
        return dict(zip(self.fields, self.of, strict=True)).get(name)


UNKNOWN = SqlType("unknown")
BOOLEAN = SqlType("boolean")
INTEGER = SqlType("integer")
BIGINT = SqlType("bigint")
DOUBLE = SqlType("double")
VARCHAR = SqlType("varchar")
DATE = SqlType("date")
TIMESTAMP = SqlType("timestamp(3)")
ZONED = SqlType("timestamp(3) with time zone")
INTERVAL = SqlType("interval")

WHOLE = frozenset({"integer", "bigint"})
NUMBER = WHOLE | {"double"}
NUMERIC = NUMBER | {"decimal"}
TEXT = frozenset({"varchar"})
FLAG = frozenset({"boolean"})
DAY = frozenset({"date"})
CLOCK = frozenset({"timestamp(3)"})
INSTANT = frozenset({"timestamp(3) with time zone"})
TIME = DAY | CLOCK
ARRAY = frozenset({"array"})
ORDERED = NUMERIC | TEXT | FLAG | TIME | INSTANT

_NAMES = {
    exp.DType.BOOLEAN: BOOLEAN,
    exp.DType.INT: INTEGER,
    exp.DType.BIGINT: BIGINT,
    exp.DType.DOUBLE: DOUBLE,
    exp.DType.VARCHAR: VARCHAR,
    exp.DType.TEXT: VARCHAR,
    exp.DType.DATE: DATE,
    exp.DType.TIMESTAMP: TIMESTAMP,
    exp.DType.TIMESTAMPTZ: ZONED,
}
_DUCKDB = {
    "boolean": "BOOLEAN",
    "integer": "INT",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "varchar": "TEXT",
    "date": "DATE",
    "timestamp(3)": "TIMESTAMP",
    "timestamp(3) with time zone": "TIMESTAMPTZ",
}


def array_of(element: SqlType) -> SqlType:
    """The type of an array."""
    return SqlType("array", (element,))


def decimal(precision: int, scale: int) -> SqlType:
    """The type of a decimal number."""
    return SqlType("decimal", scale=(precision, scale))


@cache
def type_of_text(text: str) -> SqlType:
    """A type from its spelling in Athena's SQL; raises SqlError for one that is not known here."""
    return type_of_node(exp.DataType.build(text, dialect="athena"))


def type_of_node(node: exp.DataType) -> SqlType:
    """The type that a cast names; raises SqlError for one that is not known here."""
    if node.is_type(exp.DType.ARRAY):
        return array_of(type_of_node(node.expressions[0]))
    if node.is_type(exp.DType.STRUCT):
        fields = tuple(field.name.lower() for field in node.expressions)
        return SqlType("row", tuple(type_of_node(f.args["kind"]) for f in node.expressions), fields)
    if node.is_type(exp.DType.DECIMAL):
        numbers = [int(parameter.name) for parameter in node.expressions]
        precision, scale = (*numbers, *(38, 0)[len(numbers) :])
        return decimal(precision, scale)
    known = _NAMES.get(node.this)
    if known is None or (known is VARCHAR and node.expressions):
        raise SqlError(
            f"type {node.sql('athena').lower()} is not known to mean the same on every engine"
        )
    return known


def duckdb_node(kind: SqlType) -> exp.DataType:
    """The type in DuckDB's spelling."""
    return exp.DataType.build(_duckdb(kind), dialect="duckdb")


def _duckdb(kind: SqlType) -> str:
    if kind.kind == "array":
        return f"{_duckdb(kind.of[0])}[]"
    if kind.kind == "row":
        fields = zip(kind.fields, kind.of, strict=True)
        named = (f'"{name}" {_duckdb(inner)}' for name, inner in fields)
        return f"STRUCT({', '.join(named)})"
    if kind.scale is not None:
        return f"DECIMAL({kind.scale[0]}, {kind.scale[1]})"
    return _DUCKDB[kind.kind]


def common_type(kinds: Iterable[SqlType]) -> SqlType | None:
    """The one type that values of these types share without a cast; None when Athena has none."""
    shared = UNKNOWN
    for kind in kinds:
        joined = _join(shared, kind)
        if joined is None:
            return None
        shared = joined
    return shared


def _join(left: SqlType, right: SqlType) -> SqlType | None:
    if left == right or right == UNKNOWN:
        return left
    if left == UNKNOWN:
        return right
    for order in ((INTEGER, BIGINT, DOUBLE), (DATE, TIMESTAMP, ZONED)):
        if left in order and right in order:
            return order[max(order.index(left), order.index(right))]
    if left.kind == right.kind == "array":
        element = _join(left.of[0], right.of[0])
        return None if element is None else array_of(element)
    if "decimal" in (left.kind, right.kind) and {left.kind, right.kind} & NUMERIC:
        # Decimals meet other numbers in comparisons only, so the exact common type does not matter.
        return DOUBLE if {left.kind, right.kind} <= NUMERIC else None
    return None
