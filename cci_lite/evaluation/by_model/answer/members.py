"""Lists the field names that an answer may use: asked for, wrapping it, or without meaning.

A name has a meaning, too: `draft`, `not_valid` and `corrected_verdict` take something back whatever
their value is. So no name is ignored unless it is listed here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from cci_lite.evaluation.by_model.answer.json_text import structure
from cci_lite.evaluation.by_model.prompt import TOOL

_PARTS: Mapping[str, Any] = TOOL.input_schema["properties"]
_ENTRY: Mapping[str, Any] = _PARTS["criteria"]["items"]["properties"]
_SUMMARY: Mapping[str, Any] = _PARTS["summary"]["properties"]
EVALUATION_FIELDS = frozenset(_PARTS)
ENTRY_FIELDS = frozenset(_ENTRY)
SUMMARY_FIELDS = frozenset(_SUMMARY)

# Names by which models wrap a tool call or call the whole. None says what kind of evaluation it is,
# or whether it is valid.
_WRAPPERS = frozenset(
    {
        TOOL.name,
        *("arguments", "args", "function", "function_call", "input", "parameter", "parameters"),
        *("tool_call", "tool_input", "tool_use", "toolUse"),
        *("answer", "assessment", "call_evaluation", "evaluation", "json", "output", "qa"),
        *("qa_assessment", "qa_evaluation", "qa_result", "response", "result", "results"),
    }
)
# Figures that models add unasked. They are ignored: points are computed from the verdicts.
_FIGURES = frozenset(
    {
        *("score", "max_score", "overall_score", "total_score", "qa_score", "total", "points"),
        *("percentage", "overall_percentage", "score_percentage", "percent"),
        *("criteria_count", "total_criteria", "fail_count", "na_count", "pass_count"),
    }
)
# Fields beside the arguments of a written-out tool call, with the only values that they may have.
_CALL_NAMES: Mapping[str, Collection[str]] = {
    **{key: {TOOL.name} for key in ("name", "tool", "tool_name", "function", "function_name")},
    "type": {"function", "function_call", "tool_call", "tool_use"},
}


def is_wrapper(name: str, value: object) -> bool:
    """Whether the value of this name may be the evaluation."""
    return name in _WRAPPERS and isinstance(value, (dict, list, str)) and not is_idle(name, value)


def is_idle(name: str, value: object) -> bool:
    """Whether a field beside an evaluation cannot change its meaning."""
    if name in _FIGURES:
        return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
    return isinstance(value, str) and value in _CALL_NAMES.get(name, ())


def entry_says_more(entry: Mapping[str, object]) -> bool:
    """Whether an entry for a criterion holds anything that was not asked for."""
    return _says_more(entry, _ENTRY)


def summary_says_more(summary: object) -> bool:
    """Whether a summary holds anything that was not asked for; what is empty holds nothing."""
    return _says_more(summary, _SUMMARY) if isinstance(summary, dict) else bool(summary)


def _says_more(value: Mapping[str, object], fields: Mapping[str, Any]) -> bool:
    return not value.keys() <= fields.keys() or any(
        _is_beyond(each, fields[name]["type"]) for name, each in value.items()
    )


# "0.9", "85 %", "7/10": a figure in quotes is of the wrong type, and says nothing else.
_FIGURE = re.compile(r"[\d\s.,/%+-]*", re.ASCII)


def _is_beyond(value: object, kind: str) -> bool:
    """Whether a value is more than its kind allows: nested fields, words for a figure or list."""
    if kind == "array":
        items = structure(value)
        return any(map(_is_filled, items)) if isinstance(items, list) else bool(items)
    if kind == "number" and isinstance(value, str):
        return _FIGURE.fullmatch(value) is None
    return _is_filled(value)


def _is_filled(value: object) -> bool:
    return isinstance(value, (dict, list)) and bool(value)
