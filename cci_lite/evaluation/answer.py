"""Reading what a language model answered: all of it is there and well-formed, or none is used."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import json_repair

from cci_lite.contract.document import AiSummary
from cci_lite.contract.judgement import ModelUsage
from cci_lite.contract.scoring import Verdict
from cci_lite.evaluation.limits import (
    MAX_ACTION_ITEM,
    MAX_ACTION_ITEMS,
    MAX_EVIDENCE,
    MAX_REASON,
    MAX_SENTENCES,
    cut_raw,
    cut_text,
)

# Bedrock's words (Converse, stopReason). One that is not listed says that the model did not end
# by itself, or is new: such an answer is never read.
_ENDED = frozenset({"tool_use", "end_turn", "stop_sequence"})
_REASONS = {
    "max_tokens": "answer_truncated",
    "model_context_window_exceeded": "call_too_long",
    "guardrail_intervened": "answer_blocked",
    "content_filtered": "answer_blocked",
}
_ADVICE = {
    "answer_truncated": "it was too long: reasons of a few words, one quote for each criterion",
}
# Asking the same again would only be paid for again.
FINAL_REASONS = frozenset({"call_too_long", "answer_blocked"})
_VERDICTS = {verdict.value: verdict for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.NA)}
_SUMMARY_FIELDS = frozenset(AiSummary.__struct_fields__)
_CRITERION_FIELDS = frozenset({"id", "verdict", "confidence", "reason", "evidence"})


@dataclass(frozen=True)
class ModelReply:
    """What a language model answered. `tool_input` is None when it did not call the one tool."""

    stop_reason: str
    tool_input: object | None
    text: str
    usage: ModelUsage


@dataclass(frozen=True, slots=True)
class GivenVerdict:
    """What the model says about one criterion; its quotes are not yet looked up."""

    verdict: Verdict
    reason: str | None
    confidence: float | None
    quotes: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """A whole answer: a verdict for exactly the criteria that were asked."""

    verdicts: dict[str, GivenVerdict]
    summary: AiSummary | None


@dataclass(frozen=True)
class Unusable:
    """An answer that is not used. `problems` are in our words and name asked criteria only."""

    reason: str
    problems: tuple[str, ...]
    raw: str


def read_answer(reply: ModelReply, asked: Sequence[str]) -> Answer | Unusable:
    """The model's answer on the criteria of these ids, or why it is not used.

    Text without a call of the tool is read when it ended properly, and repaired only when nothing
    was cut off and every verdict stands in it beside its id.
    """
    if reply.stop_reason not in _ENDED:
        reason = _REASONS.get(reply.stop_reason, "answer_unusable")
        return _unusable(reply, reason, _ADVICE.get(reason, "it did not end by itself"))
    value = reply.tool_input
    if value is None:
        value = None if reply.stop_reason == "tool_use" else _value_of_text(reply.text)
    if not isinstance(value, dict):
        return _unusable(reply, "answer_unusable", "it was not a call of the tool")
    verdicts, problems = _verdicts(value.get("criteria"), asked)
    if problems:
        return _unusable(reply, "answer_unusable", *problems)
    return Answer(verdicts, _summary(value.get("summary")))


def _unusable(reply: ModelReply, reason: str, *problems: str) -> Unusable:
    raw = reply.text
    if reply.tool_input is not None:
        raw = json.dumps(reply.tool_input, ensure_ascii=False, default=str)
    return Unusable(reason, problems, cut_raw(_ESCAPE.sub(_unescaped, raw)))


# What is escaped could not be recognised, and masked, as a name.
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|[nrtbf])")


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else " "


def _verdicts(
    items: object, asked: Sequence[str]
) -> tuple[dict[str, GivenVerdict], tuple[str, ...]]:
    """The verdicts by id, in the order asked; or what is wrong with them."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return {}, ("criteria was not a list of objects",)
    given: dict[str, GivenVerdict] = {}
    repeated: list[str] = []
    unclear: list[str] = []
    groundless: list[str] = []
    unknown = 0
    for item in items:
        name = item.get("id")
        verdict = item.get("verdict")
        if not isinstance(name, str) or name not in asked:
            unknown += 1
        elif name in {*given, *unclear, *groundless}:
            repeated.append(name)
        elif not isinstance(verdict, str) or verdict not in _VERDICTS:
            unclear.append(name)
        elif not _has_grounds(item):
            groundless.append(name)
        else:
            given[name] = _given(_VERDICTS[verdict], item)
    answered = {*given, *unclear, *groundless}
    missing = [name for name in asked if name not in answered]
    found = (
        ("no entry for", missing),
        ("more than one entry for", repeated),
        ("a verdict other than pass, fail or na for", unclear),
        ("no reason, or evidence that is no list of quotes, for", groundless),
    )
    problems = [f"{what} {', '.join(names)}" for what, names in found if names]
    if unknown:
        problems.append("entries with ids that are not in the criteria")
    return {name: given[name] for name in asked if name in given}, tuple(problems)


def _has_grounds(item: dict[str, Any]) -> bool:
    """Whether a reason is given, and evidence as quotes: what is no quote cannot be looked up."""
    quotes = item.get("evidence")
    is_list = isinstance(quotes, list) and all(isinstance(each, str) for each in quotes)
    return is_list and _text(item.get("reason"), MAX_REASON) is not None


def _given(verdict: Verdict, item: dict[str, Any]) -> GivenVerdict:
    texts = [text for each in item["evidence"] if (text := _text(each, MAX_SENTENCES)) is not None]
    return GivenVerdict(
        verdict,
        _text(item.get("reason"), MAX_REASON),
        _number(item.get("confidence"), 1),
        tuple(texts[:MAX_EVIDENCE]),
    )


def _summary(value: object) -> AiSummary | None:
    if not isinstance(value, dict) or not _SUMMARY_FIELDS & value.keys():
        return None
    given = value.get("action_items")
    items = given if isinstance(given, list) else []
    texts = [text for item in items if (text := _text(item, MAX_ACTION_ITEM)) is not None]
    return AiSummary(
        issue=_text(value.get("issue"), MAX_SENTENCES),
        resolution=_text(value.get("resolution"), MAX_SENTENCES),
        outcome=_text(value.get("outcome"), MAX_SENTENCES),
        action_items=texts[:MAX_ACTION_ITEMS],
        tone_score=_number(value.get("tone_score"), 100),
        sentiment_summary=_text(value.get("sentiment_summary"), MAX_SENTENCES),
    )


def _text(value: object, limit: int) -> str | None:
    return (cut_text(value, limit) or None) if isinstance(value, str) else None


def _number(value: object, limit: int) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if not math.isnan(value) and 0 <= value <= limit else None


# --- text instead of a call of the tool -----------------------------------------------------------


class _DoubtfulError(ValueError):
    """Text that could be read in more than one way."""


def _value_of_text(text: str) -> object | None:
    """The JSON value of a text that holds a whole evaluation; None when in doubt."""
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError:
        value = _repaired(text)
    except (ValueError, RecursionError):
        return None
    return value if _is_whole(value) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise _DoubtfulError
    return content


def _no_constant(name: str) -> float:  # noqa: ARG001
    raise _DoubtfulError


def _is_whole(value: object) -> bool:
    """Whether the structure that was asked for is there with all its fields.

    A call of the tool is whole when the model stops; text may be an excerpt of one.
    """
    if not isinstance(value, dict):
        return False
    summary, criteria = value.get("summary"), value.get("criteria")
    return (
        isinstance(summary, dict)
        and summary.keys() >= _SUMMARY_FIELDS
        and isinstance(criteria, list)
        and all(isinstance(each, dict) and each.keys() >= _CRITERION_FIELDS for each in criteria)
    )


def _repaired(text: str) -> object | None:
    """What the library makes of a text from which nothing is missing; None when in doubt."""
    if not _is_closed(text) or _AFTERTHOUGHT.search(text):
        return None
    try:
        value = json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None
    criteria = value.get("criteria") if isinstance(value, dict) else None
    if not isinstance(criteria, list):
        return None
    made = [
        (each.get("id"), each.get("verdict")) if isinstance(each, dict) else None
        for each in criteria
    ]
    return value if made == _stated(text) else None


# Words after the evaluation that may take back what stands in it.
_AFTERTHOUGHT = re.compile(
    r"[}\]][^}\]]*\b(?:actually|correct\w*|fail\w*|instead|mistake\w*|n/?a|pass\w*|should|sorry|wrong)\b"
    r"[^}\]]*$",
    re.IGNORECASE,
)


def _is_closed(text: str) -> bool:
    """Whether all that is opened is closed again: a repair would otherwise make up the end."""
    depth = 0
    quoted = escaped = False
    for character in text[max(text.find("{"), 0) :]:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = quoted
        elif character == '"':
            quoted = not quoted
        elif not quoted and character in "{[":
            depth += 1
        elif not quoted and character in "}]":
            depth -= 1
    return not quoted and depth == 0


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
