"""A line of JSON as Athena's JSON tables read it (OpenX serde, as Trino 476 reads it).

The serde takes much that the contract refuses: names match without case, of a repeated name the
last one counts, whatever follows the first value of a line is ignored, and a value of another type
is converted to the declared type where it can be. `tests/unit/contract/json_table.yaml` holds what
Trino answered in each of these cases. Text that is no JSON is a row of NULLs here; the serde
guesses at some of it (names without quotes), which the contract never lets into a curated table.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from cci_lite.contract.columns import ColumnType
from cci_lite.contract.unified_table import Array, DataType, RawColumn, Row

_BLANKS = "".join(map(chr, range(0x21)))  # what Java's trim takes away
_LEAST, _MOST = -(2**63), 2**63 - 1
_OCTAL = re.compile(r"0[0-7]+")
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")
# Java's whole numbers may be written in the digits of any script, its doubles in ASCII only.
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,9})?")
_DOUBLE = re.compile(rf"([+-]?(NaN|Infinity)|({_DECIMAL.pattern})[dDfF]?)", re.ASCII)
_HEXADECIMAL_DOUBLE = re.compile(
    r"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]{1,9}[dDfF]?"
)
_QUOTED = re.compile(r'["\\\x00-\x1f]|(?<=<)/')
_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


class _Object(list[tuple[str, object]]):
    """An object's names and values in their order, repeated names included."""

    def fields(self) -> dict[str, object]:
        """The values by name in lower case; the last one of a repeated name."""
        return {name.lower(): value for name, value in self}


class _UnreadableError(Exception):
    """The serde fails on this value, and with it the query; the text says what it expected."""


_READER = json.JSONDecoder(
    object_pairs_hook=_Object,
    parse_int=_Number,
    parse_float=_Number,
    parse_constant=str,
    strict=False,
)


@dataclass(frozen=True)
class JsonRow:
    """The values of a line by column; `refused` says what columns that fail a query expected."""

    values: Mapping[str, object]
    refused: Mapping[str, str] = field(default_factory=dict)


def rows_of_json(data: bytes, columns: Sequence[RawColumn]) -> Iterator[JsonRow]:
    """The rows of a file, one for each of its lines."""
    for line in data.removeprefix(codecs.BOM_UTF8).splitlines():
        yield _row_of_line(line.decode("utf-8", "replace"), columns)


def _row_of_line(line: str, columns: Sequence[RawColumn]) -> JsonRow:
    found: Mapping[str, object] = {}
    try:
        value, _ = _READER.raw_decode(line.lstrip(_BLANKS))
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, _Object):
        found = value.fields()
    elif isinstance(value, list):
        found = dict(zip((column.name for column in columns), value, strict=False))
    values: dict[str, object] = {}
    refused: dict[str, str] = {}
    for column in columns:
        try:
            values[column.name] = _convert(found.get(column.name), column.type)
        except _UnreadableError as problem:
            values[column.name] = None
            refused[column.name] = str(problem)
    return JsonRow(values, refused)


def _convert(value: object, kind: DataType) -> object:
    if value is None:
        return None
    match kind:
        case Row(fields):
            return _struct(value, fields)
        case Array(element):
            return _array(value, element)
        case ColumnType.BOOLEAN:
            return _plain(value).lower() == "true"
        case ColumnType.BIGINT:
            return _whole_number(_scalar(value))
        case ColumnType.DOUBLE:
            return _double(_scalar(value))
        case _:
            # Athena cannot keep half of a pair of surrogates.
            return _plain(value).encode("utf-8", "replace").decode()


def _struct(value: object, fields: Sequence[tuple[str, DataType]]) -> dict[str, object]:
    found: Mapping[str, object]
    if isinstance(value, _Object):
        found = value.fields()
    elif isinstance(value, list):
        found = dict(zip((name for name, _ in fields), value, strict=False))
    elif isinstance(value, str) and not value.strip(_BLANKS):
        found = {}
    else:
        raise _UnreadableError("an object")
    return {name: _convert(found.get(name), kind) for name, kind in fields}


def _array(value: object, element: DataType) -> list[object] | None:
    if isinstance(value, list) and not isinstance(value, _Object):
        return [_convert(each, element) for each in value]
    return None if value == "" else [_convert(value, element)]


def _scalar(value: object) -> str:
    if isinstance(value, list):
        raise _UnreadableError("a number")
    return value if isinstance(value, str) else _json(value)


def _whole_number(text: str) -> int | None:
    if _HEXADECIMAL.fullmatch(text):
        number = int(text, 16)
    elif _OCTAL.fullmatch(text):
        number = int(text, 8)
    elif _DECIMAL.fullmatch(text):
        decimal = Decimal(text)
        # Spelling a huge exponent out would take for ever.
        number = int(decimal) if decimal.adjusted() <= 18 else _MOST + 1
    else:
        return None
    return number if _LEAST <= number <= _MOST else None


def _double(text: str) -> float | None:
    text = text.strip(_BLANKS)
    if _DOUBLE.fullmatch(text):
        return float(text.rstrip("dDfF"))
    if _HEXADECIMAL_DOUBLE.fullmatch(text):
        return float.fromhex(text.rstrip("dDfF"))
    return None


def _plain(value: object) -> str:
    """A value as text: text as it is, a number as Java's BigDecimal writes it, all else as JSON."""
    if isinstance(value, str) and not isinstance(value, _Number):
        return value
    return _json(value)


def _json(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _Number():
            return _decimal_text(value)
        case str():
            return f'"{_QUOTED.sub(_escaped, value)}"'
        case _Object():
            pairs = (f"{_json(name)}:{_json(item)}" for name, item in _last_of_each(value))
            return f"{{{','.join(pairs)}}}"
        case list():
            return f"[{','.join(map(_json, value))}]"
        case _:
            raise AssertionError(type(value))


def _last_of_each(pairs: _Object) -> Iterator[tuple[str, object]]:
    last = {name.lower(): number for number, (name, _) in enumerate(pairs)}
    yield from (pair for number, pair in enumerate(pairs) if last[pair[0].lower()] == number)


def _decimal_text(number: str) -> str:
    try:
        decimal = Decimal(number)
    except InvalidOperation:
        return number  # an exponent beyond what Decimal can hold
    # Java's BigDecimal has no negative zero.
    return str(decimal) if decimal else str(decimal).removeprefix("-")


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character in '"\\/':
        return f"\\{character}"
    return _ESCAPES.get(character) or f"\\u{ord(character):04x}"
