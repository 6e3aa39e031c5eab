"""Shapes of data as trees: of the contract, of a JSON value, of a type in the Glue catalogue.

Two of them are compared, which tells how documents, and the tables that a crawler made of them,
differ from the contract. A difference names a place and types, never a value.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import inspect

from cci_lite.contract.document import Entities, KeyPhrases, Sentiment, UnifiedDocument
from cci_lite.contract.reading import shown_name

_FIELD_OF_STRUCT = re.compile(r"\s*`?([^:`]+)`?\s*:")
_NAME_OF_TYPE = re.compile(r"\s*(\w+)\s*")


class Kind(StrEnum):
    """What a value is."""

    TEXT = "text"
    WHOLE = "a whole number"
    NUMBER = "a number with decimals"
    FLAG = "true or false"
    OBJECT = "an object"
    LIST = "a list"
    NULL = "null"
    OTHER = "another type"


class DriftClaim(StrEnum):
    """In what way data differs from the contract."""

    NEW_FIELD = "new field"
    MISSING_FIELD = "missing field"
    OTHER_TYPE = "other type"
    EMPTY_LISTS = "empty lists only"
    SEVERAL_LINES = "several lines"
    UNREADABLE = "unreadable"
    OTHER_VALUE = "other value"
    OTHER_LAYOUT = "other layout"
    OTHER_TABLE = "other table"
    PARTITION_KEYS = "partition keys"
    SAME_NAME = "same name twice"


@dataclass(frozen=True)
class Shape:
    """What stands in a place: its kinds, an object's fields, a list's elements.

    `always` are the fields that every such object has (or, in the contract, must have). An object
    that is `open` may have fields that are not listed.
    """

    kinds: frozenset[Kind]
    fields: Mapping[str, Shape] = field(default_factory=dict)
    always: frozenset[str] = frozenset()
    element: Shape | None = None
    open: bool = False


@dataclass(frozen=True, order=True)
class Difference:
    """One difference; `path` is a JSON path with `[]` for any element of a list."""

    claim: DriftClaim
    path: str
    expected: str
    found: str


NOTHING = Shape(frozenset())
# What Comprehend answers is stored as it came: fields that AWS adds are no difference.
_OPEN = (Sentiment, KeyPhrases, Entities)


@functools.cache
def document_shape() -> Shape:
    """The shape of a unified document."""
    return _shape_of_type(inspect.type_info(UnifiedDocument), is_open=False)


def json_shape(value: object) -> Shape:
    """The shape of a JSON value; the elements of a list are merged into one."""
    if isinstance(value, dict):
        fields = {name: json_shape(each) for name, each in value.items()}
        return Shape(frozenset({Kind.OBJECT}), fields, frozenset(fields))
    if isinstance(value, list):
        element = functools.reduce(_merged, map(json_shape, value)) if value else None
        return Shape(frozenset({Kind.LIST}), element=element)
    return Shape(frozenset({_kind_of(value)}))


def glue_shape(text: str) -> Shape:
    """The shape that a type of the Glue catalogue describes: `array<struct<id:string>>`."""
    return _glue_type(text, 0)[0]


def columns_shape(columns: Iterable[tuple[str, str]]) -> Shape:
    """The shape of a table's rows, from the names and Glue types of its columns."""
    fields = {name: glue_shape(kind) for name, kind in columns}
    return Shape(frozenset({Kind.OBJECT}), fields, frozenset(fields))


def lower_case(shape: Shape) -> Shape:
    """The shape as a catalogue keeps it, which knows names in lower case only."""
    return Shape(
        shape.kinds,
        {name.lower(): lower_case(inner) for name, inner in shape.fields.items()},
        frozenset(map(str.lower, shape.always)),
        shape.element and lower_case(shape.element),
        shape.open,
    )


def differences(expected: Shape, found: Shape, path: str = "") -> Iterator[Difference]:
    """How what was found differs from what is expected; nothing when it does not."""
    for kind in sorted(found.kinds - expected.kinds):
        yield Difference(DriftClaim.OTHER_TYPE, path, _in_words(expected.kinds), kind)
    if Kind.OBJECT in expected.kinds & found.kinds:
        yield from _differences_of_fields(expected, found, path)
    if expected.element and found.element:
        yield from differences(expected.element, found.element, f"{path}[]")


def is_widened(difference: Difference) -> bool:
    """Whether a whole number stands for one with decimals, which loses nothing."""
    kinds = (difference.expected, difference.found)
    return difference.claim is DriftClaim.OTHER_TYPE and kinds == (Kind.NUMBER, Kind.WHOLE)


def _differences_of_fields(expected: Shape, found: Shape, path: str) -> Iterator[Difference]:
    for name in sorted(expected.always - found.always):
        place = f"{path}.{name}".removeprefix(".")
        kinds = expected.fields[name].kinds
        yield Difference(DriftClaim.MISSING_FIELD, place, _in_words(kinds), "nothing")
    for name, inner in found.fields.items():
        place = f"{path}.{shown_name(name)}".removeprefix(".")
        if name in expected.fields:
            yield from differences(expected.fields[name], inner, place)
        elif not expected.open:
            yield Difference(DriftClaim.NEW_FIELD, place, "no such field", _in_words(inner.kinds))


def _in_words(kinds: Iterable[Kind]) -> str:
    return " or ".join(sorted(kind for kind in kinds if kind is not Kind.NULL)) or Kind.NULL


def _merged(one: Shape, other: Shape) -> Shape:
    fields = {
        name: _merged(one.fields.get(name, NOTHING), other.fields.get(name, NOTHING))
        for name in (*one.fields, *other.fields)
    }
    # A field is always there when every object has it; what is no object says nothing about that.
    objects = [shape.always for shape in (one, other) if Kind.OBJECT in shape.kinds]
    always = frozenset.intersection(*objects) if objects else frozenset()
    elements = [shape.element for shape in (one, other) if shape.element]
    element = functools.reduce(_merged, elements) if elements else None
    return Shape(one.kinds | other.kinds, fields, always, element, one.open or other.open)


def _kind_of(value: object) -> Kind:
    match value:
        case None:
            return Kind.NULL
        case bool():
            return Kind.FLAG
        case int():
            return Kind.WHOLE
        case float():
            return Kind.NUMBER
        case _:
            return Kind.TEXT


# --- The contract's types -------------------------------------------------------------------------


def _shape_of_type(kind: inspect.Type, *, is_open: bool) -> Shape:
    match kind:
        case inspect.UnionType(types):
            return functools.reduce(_merged, (_shape_of_type(x, is_open=is_open) for x in types))
        case inspect.StructType(cls=cls, fields=fields):
            is_open = is_open or cls in _OPEN
            return Shape(
                frozenset({Kind.OBJECT}),
                {each.encode_name: _shape_of_type(each.type, is_open=is_open) for each in fields},
                frozenset(each.encode_name for each in fields if each.required),
                open=is_open,
            )
        case inspect.ListType(item_type=item):
            return Shape(frozenset({Kind.LIST}), element=_shape_of_type(item, is_open=is_open))
        case _:
            return Shape(frozenset({_KINDS[type(kind)]}))


_KINDS: Mapping[type[inspect.Type], Kind] = {
    inspect.StrType: Kind.TEXT,
    inspect.EnumType: Kind.TEXT,
    inspect.LiteralType: Kind.TEXT,
    inspect.DateType: Kind.TEXT,
    inspect.DateTimeType: Kind.TEXT,
    inspect.IntType: Kind.WHOLE,
    inspect.FloatType: Kind.NUMBER,
    inspect.BoolType: Kind.FLAG,
    inspect.NoneType: Kind.NULL,
}


# --- Types of the Glue catalogue ------------------------------------------------------------------

_GLUE: Mapping[str, Kind] = {
    **dict.fromkeys(("string", "varchar", "char"), Kind.TEXT),
    **dict.fromkeys(("tinyint", "smallint", "int", "integer", "bigint"), Kind.WHOLE),
    **dict.fromkeys(("float", "double", "decimal"), Kind.NUMBER),
    "boolean": Kind.FLAG,
    "array": Kind.LIST,
    "struct": Kind.OBJECT,
    "map": Kind.OBJECT,
}


def _glue_type(text: str, at: int) -> tuple[Shape, int]:
    """The type that begins at a place, and where it ends."""
    name = _NAME_OF_TYPE.match(text, at)
    if name is None:
        return Shape(frozenset({Kind.OTHER})), len(text)
    kind, at = _GLUE.get(name[1].lower(), Kind.OTHER), name.end()
    if text.startswith("(", at):  # decimal(10,2), varchar(20)
        at = text.find(")", at) + 1 or len(text)
    if not text.startswith("<", at):
        return Shape(frozenset({kind})), at
    parts: list[tuple[str, Shape]] = []
    while at < len(text) and text[at] != ">":
        at += 1  # the bracket, or the comma before the next one
        label = _FIELD_OF_STRUCT.match(text, at) if name[1].lower() == "struct" else None
        inner, at = _glue_type(text, label.end() if label else at)
        parts.append((label[1].strip() if label else "", inner))
    return _nested(kind, name[1].lower(), parts), at + 1


def _nested(kind: Kind, name: str, parts: Sequence[tuple[str, Shape]]) -> Shape:
    if name == "array" and parts:
        return Shape(frozenset({kind}), element=parts[0][1])
    if name == "struct":
        return Shape(frozenset({kind}), dict(parts), frozenset(label for label, _ in parts))
    return Shape(frozenset({kind}))
