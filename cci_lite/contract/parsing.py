"""Turns msgspec's complaints into ContractError: path, expected, found."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from cci_lite.errors import ContractError, describe_value

T = TypeVar("T")

_MESSAGE = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?$", re.DOTALL)
_EXPECTED = re.compile(r"^Expected (?P<type>.+?)(?:, got .+)?$", re.DOTALL)
_STEP = re.compile(r"\.?(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]")
_TYPE_NAMES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "date": "a date like 2025-11-05",
    "datetime": "a time like 2025-11-05T09:30:00Z",
}


def convert(value: object, to: type[T], error: type[ContractError] = ContractError) -> T:
    """`value` (JSON-like) as a `to`; raises `error` with path, expected and found.

    Numbers and booleans written as text are read as what they say (`strict=False`).
    """
    try:
        return msgspec.convert(value, to, strict=False)
    except msgspec.ValidationError as problem:
        raise contract_error(problem, value, error) from None


def contract_error(
    problem: msgspec.ValidationError, value: object, error: type[ContractError] = ContractError
) -> ContractError:
    """msgspec's complaint about `value` as an error of the contract."""
    match = _MESSAGE.match(str(problem))
    what = match["what"] if match else str(problem)
    path = ((match["path"] or "") if match else "").removeprefix(".")
    return error(path, _expected(what), describe_value(_value_at(value, path)))


def _expected(what: str) -> str:
    if match := _EXPECTED.match(what):
        names = [name.strip() for name in match["type"].replace("`", "").split("|")]
        # "or null" says nothing to the person who must mend a value.
        wanted = [_TYPE_NAMES.get(name, name) for name in names if name != "null"] or ["null"]
        return " or ".join(wanted)
    if what.startswith("Object missing required field"):
        return f"the field {what.partition('`')[2].rstrip('`')}"
    if what.startswith("Object contains unknown field"):
        return f"no field {what.partition('`')[2].rstrip('`')}"
    return {
        "Number out of range": "a number within range",
        "Invalid date": _TYPE_NAMES["date"],
        "Invalid RFC3339 encoded datetime": _TYPE_NAMES["datetime"],
    }.get(what, f"a valid value ({what[:1].lower()}{what[1:]})")


def _value_at(value: Any, path: str) -> object:
    for step in _STEP.finditer(path):
        try:
            value = value[int(step["index"])] if step["index"] else value[step["name"]]
        except (KeyError, IndexError, TypeError):
            return None
    return value
