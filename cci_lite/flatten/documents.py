"""Many unified documents at once: lines of JSON to Arrow columns, and which of them hold.

Arrow's JSON reader refuses a field that the contract does not know, one that stands there twice,
and a value of another type. What it does not look at (ranges, words, NaN, required fields) is
checked here, column by column, as the types of `contract/document.py` say. Whatever is unusual is
left to `contract/reading.py`, which reads one document, leniently, and says what is wrong with it.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from msgspec import inspect

from cci_lite.contract.document import UnifiedDocument
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES
from cci_lite.flatten.columns import Flags, field_at, flags_of, items_of

# A time as msgspec writes it, in the years that a call can be from (see `parsing.check_time`).
_WRITTEN_TIME = re.compile(
    r"(19[7-9]\d|2\d{3})-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?Z", re.ASCII
)
_ANY = (None, None)
_WHITE_SPACE = b" \t\r\n"  # of JSON; Python knows more
_BEFORE_A_VALUE = b": \t"


def usual_line(data: bytes) -> bytes | None:
    """The document as one line with its end; None when it is not written as usual."""
    line = data if data.endswith(b"}\n") else data.rstrip(_WHITE_SPACE) + b"\n"
    is_usual = (
        line.startswith(b"{")
        and line.endswith(b"}\n")
        and len(data) <= MAX_DOCUMENT_BYTES
        and line.find(b"\n") == len(line) - 1
        and b"\r" not in line
        # Escapes by number can spell a field's name in another way, or half of a character. (Most
        # documents have no escapes at all, and one byte is found much faster than two.)
        and not (b"\\" in line and b"\\u" in line)
        and not _has_null_field(line)
    )
    return line if is_usual else None


def read_lines(lines: Sequence[bytes]) -> pa.StructArray | None:
    """The documents as columns; None when Arrow refuses one of them, without saying which.

    Each line begins and ends with a brace (`usual_line`). After `}` JSON wants a comma or the end,
    so no object reaches into the next line: as many objects as lines are one object in each.
    """
    if not lines:
        return pa.array([], _arrow_type(_document_type()))  # Arrow finds no JSON in an empty text
    text = b"".join(lines)
    try:
        _check_utf8(text)
        table = pyarrow.json.read_json(
            pa.BufferReader(text),
            # One block: a piece of work has a processor of its own, and one chunk for each column.
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(text)),
            parse_options=_parse_options(),
        )
    except pa.ArrowException:
        return None
    return table.to_struct_array().combine_chunks() if len(table) == len(lines) else None


def _has_null_field(line: bytes) -> bool:
    """Whether a field may be null, for which Arrow gives the same as for one that is left out.

    The contract does not always take the former. (A text can look like one: that only costs time.)
    """
    place = line.find(b"null")
    while place >= 0:
        if line[place - 1] in _BEFORE_A_VALUE and line[:place].rstrip().endswith(b":"):
            return True
        place = line.find(b"null", place + 1)
    return False


def _check_utf8(text: bytes) -> None:
    """Raise ArrowInvalid for a text that is not UTF-8, which the JSON reader takes as it is."""
    places = pa.py_buffer(np.array([0, len(text)], np.int32))
    pa.Array.from_buffers(pa.binary(), 1, [None, places, pa.py_buffer(text)]).cast(pa.string())


def which_hold(documents: pa.StructArray) -> Flags:
    """Which documents hold to the types of the contract."""
    faults = _document_rule()(documents)
    return np.ones(len(documents), bool) if faults is None else ~faults


# Says which values break a rule; None when none does, as nearly always. Null breaks no rule.
_Rule: TypeAlias = Callable[[Any], Flags | None]


@functools.cache
def _document_type() -> inspect.StructType:
    kind = inspect.type_info(UnifiedDocument)
    assert isinstance(kind, inspect.StructType)
    return kind


@functools.cache
def _parse_options() -> Any:
    return pyarrow.json.ParseOptions(
        explicit_schema=pa.schema(list(_arrow_type(_document_type()))),
        unexpected_field_behavior="error",
    )


@functools.cache
def _document_rule() -> _Rule:
    rule = _rule_of(_document_type())
    assert rule is not None
    return rule


def _kind(kind: inspect.Type) -> inspect.Type:
    """A type without null; of several, the one in which documents are written today."""
    return kind.types[0] if isinstance(kind, inspect.UnionType) else kind


def _arrow_type(kind: inspect.Type) -> pa.DataType:
    match _kind(kind):
        case inspect.StructType(fields=fields):
            return pa.struct([(field.encode_name, _arrow_type(field.type)) for field in fields])
        case inspect.ListType(item_type=item):
            return pa.list_(_arrow_type(item))
        case inspect.IntType():
            return pa.int64()
        case inspect.FloatType():
            return pa.float64()
        case inspect.BoolType():
            return pa.bool_()
        case _:
            return pa.string()


def _rule_of(kind: inspect.Type) -> _Rule | None:
    """What a type requires beyond what Arrow has looked at."""
    match kind := _kind(kind):
        case inspect.StructType(fields=fields):
            rules = [(field, _rule_of(field.type)) for field in fields]
            ruled = [(field, rule) for field, rule in rules if rule or field.required]
            return functools.partial(_faults_of_fields, ruled) if ruled else None
        case inspect.ListType(item_type=item):
            return functools.partial(_faults_of_items, _rule_of(item))
        case inspect.FloatType(ge=least, le=most):
            return functools.partial(_no_numbers, least, most)
        case inspect.IntType(ge=least, le=most):
            return functools.partial(_outside, least, most) if (least, most) != _ANY else None
        case inspect.StrType(min_length=least, max_length=most):
            return functools.partial(_outside_length, least, most) if least or most else None
        case inspect.EnumType(cls=words):
            return functools.partial(_others, [str(word.value) for word in words])
        case inspect.LiteralType(values=values):
            return functools.partial(_others, [str(value) for value in values])
        case inspect.DateTimeType():
            return _no_times
    return None


def _faults_of_fields(
    ruled: Sequence[tuple[inspect.Field, _Rule | None]], values: pa.StructArray
) -> Flags | None:
    found = []
    for field, rule in ruled:
        inner = field_at(values, field.encode_name)
        if rule is not None:
            found.append(rule(inner))
        if field.required and inner.null_count > values.null_count:
            found.append(flags_of(pc.and_(pc.is_valid(values), pc.is_null(inner))))
    faults = [each for each in found if each is not None]
    return np.any(faults, axis=0) if faults else None


def _faults_of_items(rule: _Rule | None, lists: pa.ListArray) -> Flags | None:
    items = lists.flatten()
    faults = rule(items) if rule is not None else None
    if items.null_count:  # nowhere in a document null may be an item
        is_null = flags_of(pc.is_null(items))
        faults = is_null if faults is None else faults | is_null
    if faults is None:
        return None
    parent, _, _ = items_of(lists)
    return np.bincount(parent[faults], minlength=len(lists)) > 0


def _no_numbers(least: float | None, most: float | None, values: pa.Array) -> Flags | None:
    """Which values are outside of bounds, or NaN, a word that Arrow takes for a number."""
    is_nan = pc.is_nan(values).fill_null(False)
    if not is_nan.true_count:
        return _outside(least, most, values)
    outside = _outside(least, most, values)
    return flags_of(is_nan) if outside is None else flags_of(is_nan) | outside


def _outside(least: float | None, most: float | None, values: pa.Array) -> Flags | None:
    extremes = pc.min_max(values)
    low, high = extremes["min"].as_py(), extremes["max"].as_py()
    if low is None or ((least is None or low >= least) and (most is None or high <= most)):
        return None
    below = pc.less(values, low if least is None else least)
    above = pc.greater(values, high if most is None else most)
    return flags_of(pc.or_(below, above).fill_null(False))


def _outside_length(least: int | None, most: int | None, texts: pa.StringArray) -> Flags | None:
    return _outside(least, most, pc.utf8_length(texts))


def _others(words: list[str], texts: pa.StringArray) -> Flags | None:
    is_known = pc.is_in(texts, value_set=pa.array([*words, None], pa.string()))
    return ~flags_of(is_known) if is_known.false_count else None


def _no_times(texts: pa.StringArray) -> Flags | None:
    return np.array([not (text is None or _is_time(text)) for text in texts.to_pylist()], bool)


def _is_time(text: str) -> bool:
    try:
        return bool(_WRITTEN_TIME.fullmatch(text) and dt.datetime.fromisoformat(text))
    except ValueError:
        return False
