"""The way in to this room: a model's reply as verdicts, all of them or none.

How an answer is wrapped does not matter as long as it can be read in one way only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cci_lite.contract.document import AiSummary
from cci_lite.contract.scoring import Verdict
from cci_lite.contract.service_answers import (
    MAX_ACTION_ITEM,
    MAX_ACTION_ITEMS,
    MAX_EVIDENCE,
    MAX_REASON,
    MAX_SENTENCES,
    ModelUsage,
    cut_raw,
    cut_text,
)
from cci_lite.evaluation.by_model.answer.framing import is_closing, is_lead_in
from cci_lite.evaluation.by_model.answer.json_text import DoubtfulError, structure
from cci_lite.evaluation.by_model.answer.members import entry_says_more, summary_says_more
from cci_lite.evaluation.by_model.answer.wrapping import evaluation_in, evaluation_in_text

# Bedrock's stop reasons (API reference, Converse, stopReason). With any other one the model did not
# end by itself, or the reason is new: such an answer is never read.
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
# Asking again would only cost again and end in the same way.
FINAL_REASONS = frozenset({"call_too_long", "answer_blocked"})
_VERDICTS = {verdict.value: verdict for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.NA)}
_NO_CALL = "it was not a call of the tool"


@dataclass(frozen=True)
class ModelReply:
    """What a language model answered. `tool_input` is None when it did not call the one tool.

    `foreword` is what it wrote before calling it, `afterword` what it wrote from then on.
    """

    stop_reason: str
    tool_input: object | None
    text: str
    usage: ModelUsage
    foreword: str = ""
    afterword: str = ""


class GivenVerdict(msgspec.Struct, frozen=True):
    """What the model says about one criterion; its quotes are not yet looked up."""

    verdict: Verdict
    reason: str | None
    confidence: float | None
    quotes: tuple[str, ...]


class ModelAnswer(msgspec.Struct, frozen=True, tag="answer"):
    """A complete answer: a verdict for exactly the criteria that were asked."""

    verdicts: dict[str, GivenVerdict]
    summary: AiSummary | None


class Unusable(msgspec.Struct, frozen=True, tag="unusable"):
    """An answer that is not used. `problems` are in our words and name asked criteria only."""

    reason: str
    problems: tuple[str, ...]
    raw: str


class PaidAnswer(msgspec.Struct, frozen=True):
    """The outcome of one request to a model, as a checkpoint keeps it."""

    content: ModelAnswer | Unusable
    usage: ModelUsage


def read_answer(reply: ModelReply, asked: Sequence[str]) -> ModelAnswer | Unusable:
    """The model's answer on the criteria of these ids, or why it is not used.

    Text without a call of the tool is read when it ended properly, and repaired only when nothing
    was cut off and every verdict stands beside its id. Words and fields beside what was asked for
    must be known to be harmless.
    """
    if reply.stop_reason not in _ENDED:
        reason = _REASONS.get(reply.stop_reason, "answer_unusable")
        return _unusable(reply, reason, _ADVICE.get(reason, "it did not end by itself"))
    try:
        value = _evaluation_of(reply)
    except DoubtfulError as doubt:
        no_call = [_NO_CALL] if reply.tool_input is None else []
        return _unusable(reply, "answer_unusable", *dict.fromkeys([*no_call, str(doubt)]))
    verdicts, problems = _verdicts(value.get("criteria"), asked)
    summary = structure(value.get("summary"))
    if summary_says_more(summary):
        problems += ("more than was asked for in the summary",)
    if problems:
        return _unusable(reply, "answer_unusable", *problems)
    return ModelAnswer(verdicts, _summary(summary))


def _evaluation_of(reply: ModelReply) -> dict[str, Any]:
    """The object that holds the evaluation; raises DoubtfulError."""
    if reply.tool_input is None:
        value = None if reply.stop_reason == "tool_use" else evaluation_in_text(reply.text)
    elif not is_lead_in(reply.foreword):
        raise DoubtfulError("there were words before the call of the tool")
    elif not is_closing(reply.afterword):
        raise DoubtfulError("there were words after the call of the tool")
    else:
        value = evaluation_in(reply.tool_input)
    if value is None:
        raise DoubtfulError(_NO_CALL)
    return value


def _unusable(reply: ModelReply, reason: str, *problems: str) -> Unusable:
    raw = reply.text if reply.tool_input is None else _raw_text(reply.tool_input)
    return Unusable(reason, problems, cut_raw(_ESCAPE.sub(_unescaped, raw)))


def _raw_text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        # Nested too deeply, or a number with too many digits: nothing that a person could read.
        return ""


# Escaped letters would hide a name from masking.
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|[nrtbf])")


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else " "


# --- verdicts and summary -------------------------------------------------------------------------


# What can be wrong with the entry of a criterion, in the order in which the model is told.
_MISSING = "no entry for"
_REPEATED = "more than one entry for"
_UNCLEAR = "a verdict other than pass, fail or na for"
_GROUNDLESS = "no reason, or evidence that is no list of quotes, for"
_QUALIFIED = "more than was asked for in the entry for"
_PROBLEMS = (_MISSING, _REPEATED, _UNCLEAR, _GROUNDLESS, _QUALIFIED)


def _verdicts(
    items: object, asked: Sequence[str]
) -> tuple[dict[str, GivenVerdict], tuple[str, ...]]:
    """The verdicts by id, in the order asked; or what is wrong with them.

    All problems are collected, because the model gets them in a single correction.
    """
    items = structure(items)
    entries = [structure(item) for item in items] if isinstance(items, list) else [None]
    given: dict[str, GivenVerdict] = {}
    seen: dict[str, dict[str, Any]] = {}
    wrong: dict[str, set[str]] = {what: set() for what in _PROBLEMS}
    unknown = 0
    for entry in entries:
        if not isinstance(entry, dict):
            return {}, ("criteria was not a list of objects",)
        name = entry.get("id")
        if not isinstance(name, str) or name not in asked:
            unknown += 1
        elif name in seen:
            # The same entry again says nothing new; another one for the same id is a contradiction.
            wrong[_REPEATED] |= {name} if entry != seen[name] else set()
        elif isinstance(found := _read_entry(entry), str):
            wrong[found].add(name)
        else:
            given[name] = found
        if isinstance(name, str):
            seen.setdefault(name, entry)
    wrong[_MISSING] = set(asked) - seen.keys()
    problems = [
        f"{what} {', '.join(name for name in asked if name in names)}"
        for what, names in wrong.items()
        if names
    ]
    if unknown:
        problems.append("entries with ids that are not in the criteria")
    return {name: given[name] for name in asked if name in given}, tuple(problems)


def _read_entry(entry: dict[str, Any]) -> GivenVerdict | str:
    """The verdict in an entry, or which of _PROBLEMS it has."""
    verdict = entry.get("verdict")
    if not isinstance(verdict, str) or verdict not in _VERDICTS:
        return _UNCLEAR
    found = _given(_VERDICTS[verdict], entry)
    if found is None:
        return _GROUNDLESS
    return _QUALIFIED if entry_says_more(entry) else found


def _given(verdict: Verdict, entry: dict[str, Any]) -> GivenVerdict | None:
    """The verdict, when a reason is given, and evidence as quotes that can be looked up."""
    reason = _limited_text(entry.get("reason"), MAX_REASON)
    quotes = structure(entry.get("evidence"))
    if reason is None or not isinstance(quotes, list):
        return None
    if not all(isinstance(each, str) for each in quotes):
        return None
    texts = [text for each in quotes if (text := _limited_text(each, MAX_SENTENCES)) is not None]
    return GivenVerdict(
        verdict, reason, _limited_number(entry.get("confidence"), 1), tuple(texts[:MAX_EVIDENCE])
    )


def _summary(value: object) -> AiSummary | None:
    if not isinstance(value, dict) or not value:
        return None
    given = structure(value.get("action_items"))
    items = given if isinstance(given, list) else []
    texts = [text for item in items if (text := _limited_text(item, MAX_ACTION_ITEM)) is not None]
    return AiSummary(
        issue=_limited_text(value.get("issue"), MAX_SENTENCES),
        resolution=_limited_text(value.get("resolution"), MAX_SENTENCES),
        outcome=_limited_text(value.get("outcome"), MAX_SENTENCES),
        action_items=texts[:MAX_ACTION_ITEMS],
        tone_score=_limited_number(value.get("tone_score"), 100),
        sentiment_summary=_limited_text(value.get("sentiment_summary"), MAX_SENTENCES),
    )


def _limited_text(value: object, limit: int) -> str | None:
    return (cut_text(value, limit) or None) if isinstance(value, str) else None


def _limited_number(value: object, limit: int) -> float | None:
    # Compared before it is converted: a whole number may be too large for a float. The comparison
    # is false for NaN, and `abs` turns -0.0 into 0.0.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= limit:
        return None
    return abs(float(value))
