"""Finds the evaluation in a model's answer, which often is wrapped in another object or in text.

Known wrappings are opened; anything that could be read in two ways is doubtful.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from cci_lite.evaluation.by_model.answer.json_text import (
    DoubtfulError,
    exact_value,
    is_deep,
    only_one,
    repaired_value,
    structure,
)
from cci_lite.evaluation.by_model.answer.members import (
    ENTRY_FIELDS,
    EVALUATION_FIELDS,
    SUMMARY_FIELDS,
    is_idle,
    is_wrapper,
)

_MOST_WRAPPERS = 3


def evaluation_in(value: object) -> dict[str, Any] | None:
    """The evaluation: the value itself, or the single value under a known name or in a list.

    Text is read when it is the exact JSON of an object. None where there is no object; raises
    DoubtfulError for a value that is too deep, or that says more than the evaluation.
    """
    found = _unwrapped(value, _MOST_WRAPPERS)
    return found if isinstance(found, dict) else None


def evaluation_in_text(text: str) -> dict[str, Any] | None:
    """The complete evaluation in a text; None where the text holds another object.

    A tool call is complete once the model stops; text may be an excerpt of one. Raises
    DoubtfulError for broken text that could be read in more than one way.
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
    if not isinstance(value, dict):
        return value
    told = {name: each for name, each in value.items() if not is_idle(name, each)}
    around = [name for name, each in told.items() if is_wrapper(name, each)]
    # Exactly one known wrapper: with two it would be open which of them is the answer.
    if "criteria" not in told and len(around) == 1 and wrappers:
        inner = _unwrapped(told.pop(around[0]), wrappers - 1)
        told = _merged_fields(told, inner if isinstance(inner, dict) else {})
    if not told.keys() <= EVALUATION_FIELDS:
        raise DoubtfulError("it held more than criteria and summary")
    return told


def _merged_fields(outer: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    """The fields beside a wrapper and those in it; a field in both must be equal in both."""
    for name in outer.keys() & inner.keys():
        only_one([structure(outer[name]), structure(inner[name])])
    return outer | inner


def _is_whole(value: dict[str, Any]) -> bool:
    """Whether all fields that were asked for are there."""
    summary, criteria = structure(value.get("summary")), structure(value.get("criteria"))
    entries = [structure(each) for each in criteria] if isinstance(criteria, list) else [None]
    return (
        isinstance(summary, dict)
        and summary.keys() >= SUMMARY_FIELDS
        and all(isinstance(each, dict) and each.keys() >= ENTRY_FIELDS for each in entries)
    )


def _made(criteria: Sequence[Any]) -> list[tuple[Any, Any] | None]:
    """Ids and verdicts as they were read."""
    return [
        (each.get("id"), each.get("verdict")) if isinstance(each, dict) else None
        for each in criteria
    ]


# A key and its value, however they are quoted. Something must follow the value, because the end of
# the text could have cut it off.
_STATED = re.compile(
    r"""(?<![A-Za-z0-9_])(?P<key>id|verdict)["']?\s{0,20}:\s{0,20}["']?"""
    r"""(?P<word>[A-Za-z0-9_]{1,80})(?=["',}\]\s])"""
)


def _stated(text: str) -> list[tuple[str, str]] | None:
    """Ids and verdicts as they are written in the text; None unless each id has its verdict.

    A reason or a quote that imitates such a pair makes the text doubtful, as it should.
    """
    found = [(match["key"], match["word"]) for match in _STATED.finditer(text)]
    ids, verdicts = found[::2], found[1::2]
    if [key for key, _ in found] != ["id", "verdict"] * len(ids):
        return None
    return [(name, verdict) for (_, name), (_, verdict) in zip(ids, verdicts, strict=True)]
