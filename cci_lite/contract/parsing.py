"""Turns msgspec's complaints into ContractError: path, expected, found."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

import msgspec
from msgspec import inspect

from cci_lite.errors import ContractError, FormError, TenantError, describe_value, show_value

T = TypeVar("T")
E = TypeVar("E", bound=ContractError)

# Enough to list: a file with more mistakes was meant to be something else.
MOST_PROBLEMS = 100

# msgspec says what is wrong in text only, such as
# "Expected `int`, got `str` - at `$.criteria[0].weight`". These patterns read its wordings.
_MESSAGE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<key>key` in `)?\$(?P<path>.*)`)?$", re.DOTALL)
_EXPECTED = re.compile(r"^Expected (?P<type>`[^`]+`)(?:, got .+)?$", re.DOTALL)
_RANGE = re.compile(r"^Expected `(?P<type>int|float)` [<>]")
_LENGTH = re.compile(r"^Expected `(?P<type>str|array)` of length (?P<bound>[<>]=) (?P<length>\d+)")
_FIELD = re.compile(
    r"^Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL
)
_STEP = re.compile(r"\.?(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]")
_DATE = "a date like 2025-11-05"
_TIME = "a time like 2025-11-05T09:30:00Z"
_TIME_WITH_ZONE = "a time with its zone, like 2025-11-05T09:30:00Z"
_TYPE_NAMES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "date": _DATE,
    "datetime": _TIME,
}
_FIXED_PHRASES = {
    "Number out of range": "a number within range",
    "Invalid decimal string": "a number",
    "Invalid RFC3339 encoded date": _DATE,
    "Invalid RFC3339 encoded datetime": _TIME,
    "Timestamp is out of range": _TIME,
    "Expected `datetime` with a timezone component": _TIME_WITH_ZONE,
}
_FIRST_YEAR, _LAST_YEAR = 1970, 2999


def convert(value: object, to: type[T], error: type[ContractError] = ContractError) -> T:
    """`value` (JSON-like) as a `to`; raises `error` with path, expected and found.

    Numbers and booleans written as text are read as what they say (`strict=False`).
    """
    try:
        return msgspec.convert(value, to, strict=False)
    except msgspec.ValidationError as problem:
        raise contract_error(problem, value, error, to) from None


def convert_all(
    value: object, to: type[T], error: type[E], stand_in: Callable[[str], object]
) -> tuple[T | None, list[E]]:
    """`value` as a `to` without whatever is wrong in it, and the problems that were found.

    Where something has to stand, `stand_in` gives it for a path (`criteria[2].id`); None means that
    the field can be left out. Without anything that can stand in, the first value is None.
    """
    repaired: Any = copy.deepcopy(value)
    problems: list[E] = []
    while len(problems) < MOST_PROBLEMS:
        try:
            return msgspec.convert(repaired, to, strict=False), problems
        except msgspec.ValidationError as found:
            problem = contract_error(found, repaired, error, to)
            problems.append(cast(E, problem))
            if not _repair(repaired, problem.path, str(found), stand_in):
                break
    return None, problems


def _repair(value: Any, path: str, complaint: str, stand_in: Callable[[str], object]) -> bool:
    """Leave out or replace what msgspec complains of; False when that is the value as a whole."""
    message = _MESSAGE.match(complaint)
    field = _FIELD.match(message["what"]) if message else None
    steps = [*_STEP.finditer(path)]
    key: str | int
    if field is not None:
        place, key = _value_at(value, path), field["name"]
        path = f"{path}.{key}".removeprefix(".")
    elif steps:
        last = steps[-1]
        place = _value_at(value, path[: last.start()])
        key = int(last["index"]) if last["index"] else last["name"]
    else:
        return False
    instead = None if field is not None and "unknown" in field["what"] else stand_in(path)
    if instead is not None and isinstance(place, dict | list):
        place[key] = instead  # type: ignore[index]
    elif isinstance(place, dict) and key in place:
        del place[key]
    else:
        return False
    return True


def contract_error(
    problem: msgspec.ValidationError,
    value: object,
    error: type[ContractError] = ContractError,
    to: Any = object,
) -> ContractError:
    """Msgspec's complaint about `value` as a ContractError.

    The type `to` that the value was to become says which values and bounds were expected.
    """
    match = _MESSAGE.match(str(problem))
    if match is None or match["key"]:
        return error("", "names of fields that are text", "another name")
    path = (match["path"] or "").removeprefix(".")
    types = _types_at(_type_info(to), path)
    if field := _FIELD.match(match["what"]):
        return _field_error(field, error, path, types, _value_at(value, path))
    describe = _describe_for(error)
    return error(path, _expected(match["what"], types), describe(_value_at(value, path)))


def check_time(raw: object, moment: dt.datetime | None, path: str) -> None:
    """Raise ContractError for a time that cannot be right.

    A lenient reader takes a bare number for seconds since 1970: `20251105` would be a day in 1970.
    """
    if moment is None:
        return
    if not (isinstance(raw, str) and ":" in raw and _FIRST_YEAR <= moment.year <= _LAST_YEAR):
        raise ContractError(path, _TIME, describe_value(raw))


def is_possible_year(day: dt.date) -> bool:
    """Whether a call can be from this day's year."""
    return _FIRST_YEAR <= day.year <= _LAST_YEAR


def check_year(day: dt.date, path: str) -> None:
    """Raise ContractError for a day outside the years that a call can be from."""
    if not is_possible_year(day):
        raise ContractError(path, f"a day from {_FIRST_YEAR} to {_LAST_YEAR}", day.isoformat())


def is_not_utf8(problem: Exception) -> bool:
    """Whether decoding failed because of bytes that are not UTF-8.

    msgspec raises UnicodeDecodeError for them up to 0.22, and its own DecodeError since 0.23.
    """
    return isinstance(problem, UnicodeDecodeError) or str(problem).startswith("Invalid UTF-8")


def in_words(items: Sequence[str], conjunction: str = "or") -> str:
    """`a, b or c`."""
    *others, last = items
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def _field_error(
    field: re.Match[str],
    error: type[ContractError],
    path: str,
    types: Sequence[inspect.Type],
    found: object,
) -> ContractError:
    describe = _describe_for(error)
    if field["what"] == "missing required":
        return error(path, f"the field {field['name']}", describe(found))
    names = [
        known.encode_name
        for kind in types
        if isinstance(kind, inspect.StructType)
        for known in kind.fields
    ]
    expected = f"only the fields {in_words(names, 'and')}" if names else "known fields only"
    return error(path, expected, describe(field["name"]))


def _describe_for(error: type[ContractError]) -> Callable[[object], str]:
    """Values of forms and settings may be shown, as the reader typed them; a document's may not."""
    return show_value if issubclass(error, (FormError, TenantError)) else describe_value


def _expected(what: str, types: Sequence[inspect.Type]) -> str:
    if match := _EXPECTED.match(what):
        names = [name.strip() for name in match["type"].strip("`").split("|")]
        # "or null" says nothing to the person who must correct a value.
        wanted = [_TYPE_NAMES.get(name, name) for name in names if name != "null"] or ["null"]
        return " or ".join(wanted)
    if match := _LENGTH.match(what):
        return _length_phrase(match["type"], match["bound"], match["length"])
    if match := _RANGE.match(what):
        ranges = [_range_phrase(kind) for kind in types if isinstance(kind, _NUMBERS)]
        return ranges[0] if ranges else _TYPE_NAMES[match["type"]]
    if what.startswith("Invalid enum value") and (values := [*_values(types)]):
        return in_words(values)
    if what.startswith("Expected `str` matching") and (words := [*_descriptions(types)]):
        return words[0]
    return _FIXED_PHRASES.get(what.rstrip(), "a valid value")


_NUMBERS = (inspect.IntType, inspect.FloatType)


def _range_phrase(kind: inspect.IntType | inspect.FloatType) -> str:
    name = _TYPE_NAMES["int" if isinstance(kind, inspect.IntType) else "float"]
    if kind.gt is not None:
        return f"{name} above {kind.gt:.0f}, at most {kind.le:.0f}"
    return f"{name} from {kind.ge:.0f} to {kind.le:.0f}"


def _length_phrase(kind: str, bound: str, length: str) -> str:
    limit = f"at {'least' if bound == '>=' else 'most'} {length}"
    plural = "" if length == "1" else "s"
    return f"text of {limit} character{plural}" if kind == "str" else f"{limit} item{plural}"


def _values(types: Sequence[inspect.Type]) -> Iterator[str]:
    for kind in types:
        if isinstance(kind, inspect.EnumType):
            yield from (str(member.value) for member in kind.cls)
        elif isinstance(kind, inspect.LiteralType):
            yield from map(str, kind.values)
        elif isinstance(kind, inspect.BoolType):
            yield from ("true", "false")


def _descriptions(types: Sequence[inspect.Type]) -> Iterator[str]:
    for kind in types:
        if isinstance(kind, inspect.Metadata) and kind.extra_json_schema:
            yield kind.extra_json_schema["description"]


@functools.cache
def _type_info(to: Any) -> inspect.Type:
    return inspect.type_info(to)


def _types_at(kind: inspect.Type, path: str) -> list[inspect.Type]:
    """What may stand at a path: the members of a union one by one, without null."""
    kinds = [*_members(kind)]
    for step in _STEP.finditer(path):
        kinds = [
            member for kind in kinds for inner in _inner(kind, step) for member in _members(inner)
        ]
    return kinds


def _members(kind: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.UnionType):
        for member in kind.types:
            yield from _members(member)
    elif not isinstance(kind, inspect.NoneType):
        yield kind
        if isinstance(kind, inspect.Metadata):
            yield from _members(kind.type)


def _inner(kind: inspect.Type, step: re.Match[str]) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.StructType):
        yield from (field.type for field in kind.fields if field.encode_name == step["name"])
    elif isinstance(kind, inspect.ListType | inspect.VarTupleType) and step["index"]:
        yield kind.item_type


def _value_at(value: Any, path: str) -> object:
    for step in _STEP.finditer(path):
        try:
            value = value[int(step["index"])] if step["index"] else value[step["name"]]
        except (KeyError, IndexError, TypeError):
            return None
    return value
