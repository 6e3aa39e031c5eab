"""Where in a model's answer the evaluation is: odd wrappings are opened, doubtful ones are not.

What a model was asked for often comes inside another object, or as the JSON text of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from cci_lite.contract.document import AiSummary
from cci_lite.evaluation.json_text import (
    DoubtfulError,
    exact_value,
    is_deep,
    repaired_value,
    structure,
)
from cci_lite.evaluation.prompt import TOOL

_MOST_WRAPPERS = 3
_SUMMARY_FIELDS = frozenset(AiSummary.__struct_fields__)
_CRITERION_FIELDS = frozenset({"id", "verdict", "confidence", "reason", "evidence"})
_PARTS = frozenset({"criteria", "summary"})


def evaluation_in(value: object) -> dict[str, Any] | None:
    """The evaluation: the value itself, or what stands alone in an object or list around it.

    Text is read when it is the exact JSON of an object. None where there is no object; raises
    DoubtfulError for a value that is too deep, or that says more than the evaluation.
    """
    found = _unwrapped(value, _MOST_WRAPPERS)
    if not isinstance(found, dict):
        return None
    if any(_says_something(each) for name, each in found.items() if name not in _PARTS):
        raise DoubtfulError("there were words beside the evaluation")
    return found


def evaluation_in_text(text: str) -> dict[str, Any] | None:
    """The evaluation that a text holds whole; None where it holds another object.

    A call of the tool is whole when the model stops; text may be an excerpt of one. Raises
    DoubtfulError where it is broken so that it could be read in more than one way.
    """
    try:
        found = evaluation_in(exact_value(text))
    except json.JSONDecodeError:
        found = evaluation_in(repaired_value(text))
        criteria = found.get("criteria") if found else None
        if not isinstance(criteria, list) or _made(criteria) != _stated(text):
            raise DoubtfulError("it was broken JSON") from None
    return found if found is not None and _is_whole(found) else None


def _unwrapped(value: object, wrappers: int) -> object:
    if is_deep(value):
        raise DoubtfulError("it was nested too deep")
    value = structure(value)
    if isinstance(value, list) and len(value) == 1:
        value = structure(value[0])
    if not isinstance(value, dict) or "criteria" in value or not wrappers:
        return value
    around = [each for name, each in value.items() if name != "summary" and _says_something(each)]
    inner = _unwrapped(around[0], wrappers - 1) if len(around) == 1 else None
    if not isinstance(inner, dict) or "criteria" not in inner:
        return value
    return {"summary": value.get("summary"), **inner}


def _says_something(value: object) -> bool:
    """Whether a member could contradict the evaluation: words or structures can, a figure cannot.

    Neither can the name of the tool, which stands beside the input when a call is written down.
    """
    return isinstance(value, (str, list, dict)) and bool(value) and value != TOOL.name


def _is_whole(value: dict[str, Any]) -> bool:
    """Whether the structure that was asked for is there with all its fields."""
    summary, criteria = structure(value.get("summary")), structure(value.get("criteria"))
    entries = [structure(each) for each in criteria] if isinstance(criteria, list) else [None]
    return (
        isinstance(summary, dict)
        and summary.keys() >= _SUMMARY_FIELDS
        and all(isinstance(each, dict) and each.keys() >= _CRITERION_FIELDS for each in entries)
    )


def _made(criteria: Sequence[Any]) -> list[tuple[Any, Any] | None]:
    """Ids and verdicts as they were read."""
    return [
        (each.get("id"), each.get("verdict")) if isinstance(each, dict) else None
        for each in criteria
    ]


# A key and its word, however they are quoted. The word must be followed by something: the end of
# the text could have cut it.
_STATED = re.compile(
    r"""(?<![A-Za-z0-9_])(?P<key>id|verdict)["']?\s{0,20}:\s{0,20}["']?"""
    r"""(?P<word>[A-Za-z0-9_]{1,80})(?=["',}\]\s])"""
)


def _stated(text: str) -> list[tuple[str, str]] | None:
    """Ids and verdicts as they stand in the text, in order; None unless each id has its verdict.

    A reason or a quote that imitates such a pair makes the text doubtful, as it should.
    """
    found = [(match["key"], match["word"]) for match in _STATED.finditer(text)]
    ids, verdicts = found[::2], found[1::2]
    if [key for key, _ in found] != ["id", "verdict"] * len(ids):
        return None
    return [(name, verdict) for (_, name), (_, verdict) in zip(ids, verdicts, strict=True)]
