"""Parses YAML and JSON that people write: forms, settings, the sample's companies."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, SequenceNode

from cci_lite.contract.parsing import convert
from cci_lite.errors import ContractError, TenantError, UsageError

T = TypeVar("T")


def parse_definition(text: str, name: str) -> object:
    """The plain values of a file called `name`; raises UsageError with line and column."""
    try:
        # JSON is YAML, too, and unlike `json` this reader refuses a repeated key.
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = getattr(problem, "problem", None) or "not YAML or JSON"
        raise UsageError(f"{name}{where}: {what}") from None
    except RecursionError:
        raise UsageError(
            f"{name}: expected nesting that can be read, found too many levels"
        ) from None
    except ValueError:
        # YAML reads whatever looks like a date as one, such as 2025-02-30.
        raise UsageError(
            f"{name}: expected YAML or JSON, found a date that does not exist"
        ) from None


def read_described(file: Path, to: type[T]) -> T:
    """What a shipped file describes; raises UsageError with file, line and path."""
    with naming(file) as text:
        return convert(parse_definition(text, str(file)), to, TenantError)


@contextlib.contextmanager
def naming(file: Path) -> Iterator[str]:
    """The text of a shipped file; errors that are raised about it get its name and line."""
    if not file.is_file():
        raise UsageError(f"{file}: expected this file, found none")
    text = file.read_text(encoding="utf-8")
    try:
        yield text
    except ContractError as problem:
        raise UsageError(f"{file}, line {line_in(text, problem.path) or 1}: {problem}") from None


def line_in(text: str, place: str) -> int | None:
    """The line in which a value begins (`criteria[2].weight`).

    Where the value is missing, the line of what should hold it; None where nothing can be found.
    """
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, ValueError, RecursionError):
        return None
    line = None if node is None else node.start_mark.line + 1
    for step in re.finditer(r"([^.\[\]]+)|\[(\d+)\]", place):
        key, node = _below(node, step)
        if node is None:
            break
        line = key.start_mark.line + 1
    return line


def _below(node: Any, step: re.Match[str]) -> tuple[Any, Any]:
    """The node that names a value, and the value; (None, None) where there is none."""
    if step[2] is not None and isinstance(node, SequenceNode):
        items = node.value[int(step[2]) : int(step[2]) + 1]
        return (items[0], items[0]) if items else (None, None)
    if step[1] is not None and isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == step[1]:
                return key, value
    return None, None
