"""The way in to this room: has a language model decide criteria and summarise a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from cci_lite.contract.conversation import Conversation, Role
from cci_lite.contract.document import AiSummary, CriterionResult, Evaluator, Evidence
from cci_lite.contract.form import Criterion
from cci_lite.contract.scoring import Verdict
from cci_lite.contract.service_answers import Judgement, ModelUsage, step_of
from cci_lite.contract.services import Model
from cci_lite.evaluation.by_model.answer.reading import (
    FINAL_REASONS,
    GivenVerdict,
    ModelAnswer,
    ModelReply,
    PaidAnswer,
    Unusable,
    read_answer,
)
from cci_lite.evaluation.by_model.prompt import (
    PROMPT_VERSION,
    SYSTEM,
    TOOL,
    ModelRequest,
    PromptTurn,
    criteria_block,
    findings_block,
    prompt_turns,
    transcript_block,
    user_message,
)
from cci_lite.evaluation.by_model.prompt_injection import is_dictated
from cci_lite.evaluation.by_model.quotes import HeardTurn, find_quote, heard_turns
from cci_lite.evaluation.by_model.slices import estimated_tokens, slices_of
from cci_lite.evaluation.results import decided, undecided, unscored
from cci_lite.ports import Keep, not_kept

Ask = Callable[[ModelRequest], ModelReply]

# Enough for the longest answer that the tool allows: 300 characters of reason and three quotes for
# each criterion, six sentences of summary.
_TOKENS_FOR_SUMMARY = 1_000
_TOKENS_FOR_CRITERION = 300
# Reserve for the tool definition, tags, closing words and a correction.
_TOKENS_AROUND = 3_000
_SMALLEST_ROOM = 500
_NO_SUMMARY = "the summary is known: leave its texts empty"


@dataclass(frozen=True)
class _Questioning:
    """What is the same in all questions about one call."""

    ask: Ask
    keep: Keep
    model: Model
    turns: tuple[HeardTurn, ...]


@dataclass(frozen=True)
class _Finding:
    """One verdict after its quotes were looked up. `doubt` says why it cannot count."""

    given: GivenVerdict
    evidence: tuple[Evidence, ...]
    doubt: str | None

    @property
    def is_unproven(self) -> bool:
        """Whether it counts although no words of the agent support it."""
        by_customer = all(each.said_by == Role.CUSTOMER for each in self.evidence)
        return self.doubt is None and (self.given.verdict is Verdict.NA or by_customer)


@dataclass(frozen=True)
class _Findings:
    """The outcome of the questions about the same material; `failure` when no answer was usable."""

    usage: ModelUsage
    criteria: Mapping[str, _Finding] = field(default_factory=dict)
    summary: AiSummary | None = None
    failure: Unusable | None = None

    @property
    def doubtful(self) -> list[str]:
        """The ids that cannot count as they are."""
        return [name for name, finding in self.criteria.items() if finding.doubt]


def judge_by_model(
    ask: Ask,
    model: Model,
    criteria: Sequence[Criterion],
    conversation: Conversation,
    keep: Keep = not_kept,
) -> Judgement:
    """One result for each criterion, in their order, and the summary of the call.

    What the model does not answer in full, or cannot quote, is unscored, and `review_reasons` say
    why. A verdict that somebody on the call may have dictated counts, and is named there. Each
    question is asked again at most once, or, where the answer was longer than the model can write,
    in two halves. Each answer goes through `keep` before the next question. It is kept as it was
    read, not as it was written: whatever is kept can be read back. Raises what `ask` raises.
    """
    turns = prompt_turns(conversation.turns)
    if not turns:
        return undecided(criteria, "nobody_spoke")
    heard = heard_turns(conversation.turns, conversation.language_code)
    questioning = _Questioning(ask, keep, model, heard)
    slices = slices_of(turns, _room(model, criteria))
    if len(slices) == 1:
        found = _inquire(questioning, criteria, transcript_block(slices[0]))
    else:
        found = _inquire_in_slices(questioning, criteria, slices)
    reasons = _suspicions(criteria, found, questioning.turns)
    reasons += [] if conversation.roles_known else ["roles_unknown"]
    return msgspec.structs.replace(
        _judgement(criteria, found, reasons),
        usage=found.usage,
        model_id=model.model_id,
        prompt_version=PROMPT_VERSION,
    )


def _judgement(criteria: Sequence[Criterion], found: _Findings, reasons: list[str]) -> Judgement:
    if (failure := found.failure) is not None:
        return msgspec.structs.replace(
            undecided(criteria, failure.reason, *reasons), summary_raw=failure.raw or None
        )
    results = [_result(criterion, found.criteria[criterion.id]) for criterion in criteria]
    doubts = [f"{found.criteria[name].doubt}:{name}" for name in found.doubtful]
    missing = ["summary_missing"] if found.summary is None else []
    return Judgement(
        results=results, summary=found.summary, review_reasons=[*doubts, *missing, *reasons]
    )


def _suspicions(
    criteria: Sequence[Criterion], found: _Findings, turns: Sequence[HeardTurn]
) -> list[str]:
    """Review reasons for verdicts that need no quote, so that prompt injection could cause them."""
    reasons = []
    if is_dictated(turns):
        reasons = [f"dictated:{name}" for name, each in found.criteria.items() if each.is_unproven]
    verdicts = {finding.given.verdict for finding in found.criteria.values()}
    # A single question may well not apply, and none does where only the customer was on the line.
    is_answered = any(
        each.turn.role is not Role.CUSTOMER and not each.heard.isspace() for each in turns
    )
    if verdicts == {Verdict.NA} and len(criteria) > 1 and is_answered:
        reasons.append("na_everything")
    return reasons


def _result(criterion: Criterion, finding: _Finding) -> CriterionResult:
    if finding.doubt is not None:
        return unscored(criterion)
    given = finding.given
    return decided(
        criterion,
        given.verdict,
        evaluator=Evaluator.MODEL,
        reason=given.reason,
        evidence=finding.evidence,
        confidence=given.confidence,
    )


def _room(model: Model, criteria: Sequence[Criterion]) -> int:
    """How many tokens of transcript fit into one question."""
    taken = estimated_tokens(SYSTEM) + estimated_tokens(criteria_block(criteria)) + _TOKENS_AROUND
    return max(_SMALLEST_ROOM, model.max_input_tokens - model.max_output_tokens - taken)


# --- one question, asked once more when its answer is not usable -------------------------------


def _inquire(questioning: _Questioning, criteria: Sequence[Criterion], material: str) -> _Findings:
    first = _question(questioning, criteria, material)
    # At most two paid questions about the same material, whatever the model answers.
    if (failure := first.failure) is not None:
        if failure.reason in FINAL_REASONS:
            return first
        again = _inquire_again(questioning, criteria, material, failure)
        return replace(again, usage=first.usage + again.usage)
    if not first.doubtful and first.summary is not None:
        return first
    # Only criteria in doubt are asked again; the other verdicts stay.
    doubtful = [criterion for criterion in criteria if criterion.id in first.doubtful]
    again = _question(questioning, doubtful, material, _complaints(first))
    return replace(
        first,
        usage=first.usage + again.usage,
        criteria={**first.criteria, **again.criteria},
        summary=first.summary or again.summary,
    )


def _inquire_again(
    questioning: _Questioning, criteria: Sequence[Criterion], material: str, failure: Unusable
) -> _Findings:
    """The same question with a correction, and more room for the answer if it was cut off.

    Where the model cannot write a longer answer, two questions share the criteria.
    """
    longest = questioning.model.max_output_tokens
    is_truncated = failure.reason == "answer_truncated"
    if is_truncated and len(criteria) > 1 and _expected_tokens(criteria) >= longest:
        return _inquire_by_halves(questioning, criteria, material, failure.problems)
    limit = longest if is_truncated else None
    return _question(questioning, criteria, material, failure.problems, limit)


def _inquire_by_halves(
    questioning: _Questioning,
    criteria: Sequence[Criterion],
    material: str,
    correction: Sequence[str],
) -> _Findings:
    """One question about each half of the criteria; both answers count, or none."""
    middle = len(criteria) // 2
    # The summary comes with the smaller half.
    first = _question(questioning, criteria[:middle], material, correction)
    if first.failure is not None:
        return first
    second = _question(questioning, criteria[middle:], material, [*correction, _NO_SUMMARY])
    usage = first.usage + second.usage
    if second.failure is not None:
        return replace(second, usage=usage)
    return replace(first, usage=usage, criteria={**first.criteria, **second.criteria})


def _expected_tokens(criteria: Sequence[Criterion]) -> int:
    return _TOKENS_FOR_SUMMARY + _TOKENS_FOR_CRITERION * len(criteria)


def _question(
    questioning: _Questioning,
    criteria: Sequence[Criterion],
    material: str,
    correction: Sequence[str] = (),
    limit: int | None = None,
) -> _Findings:
    model = questioning.model
    request = ModelRequest(
        system=SYSTEM,
        messages=(user_message(criteria_block(criteria), material, correction),),
        tool=TOOL,
        max_tokens=min(limit or _expected_tokens(criteria), model.max_output_tokens),
        temperature=0.0 if model.sampling else None,
    )
    paid = questioning.keep(
        _checkpoint_name(model, request),
        PaidAnswer,
        lambda: _paid(questioning.ask(request), criteria),
    )
    if isinstance(paid.content, Unusable):
        return _Findings(paid.usage, failure=paid.content)
    return _looked_up(questioning, paid.content, paid.usage)


def _checkpoint_name(model: Model, request: ModelRequest) -> str:
    # Everything that can change the answer is part of the checkpoint's name, so that a changed
    # prompt or model asks again instead of reading an old answer.
    texts = [message.text for message in request.messages]
    return step_of("model", model.model_id, str(request.max_tokens), request.system, *texts)


def _paid(reply: ModelReply, criteria: Sequence[Criterion]) -> PaidAnswer:
    return PaidAnswer(read_answer(reply, [each.id for each in criteria]), reply.usage)


def _complaints(found: _Findings) -> list[str]:
    by_doubt = {
        "evidence_not_found": "no quote was found word for word in one turn for",
        "evidence_not_agent": "no quote is of the agent's own words for",
    }
    complaints = []
    for doubt, words in by_doubt.items():
        names = [name for name in found.doubtful if found.criteria[name].doubt == doubt]
        complaints += [f"{words} {', '.join(names)}"] if names else []
    return complaints if found.summary is not None else [*complaints, "no summary"]


# --- evidence -----------------------------------------------------------------------------------


def _looked_up(questioning: _Questioning, answer: ModelAnswer, usage: ModelUsage) -> _Findings:
    criteria = {name: _finding(given, questioning.turns) for name, given in answer.verdicts.items()}
    return _Findings(usage, criteria, answer.summary)


def _finding(given: GivenVerdict, turns: Sequence[HeardTurn]) -> _Finding:
    evidence: list[Evidence] = []
    for quote in given.quotes:
        evidence += [found for found in find_quote(quote, turns) if found not in evidence]
    return _Finding(given, tuple(evidence), _doubt(given, evidence))


def _doubt(given: GivenVerdict, evidence: Sequence[Evidence]) -> str | None:
    """Why a verdict cannot count; None when it can.

    A fail may mean that something was never said, which cannot be quoted. A pass needs words of the
    agent: words of the customer alone could be prompt injection.
    """
    if given.verdict is Verdict.NA:
        return None
    if not evidence and (given.quotes or given.verdict is Verdict.PASS):
        return "evidence_not_found"
    by_customer = all(each.said_by == Role.CUSTOMER for each in evidence)
    if given.verdict is Verdict.PASS and by_customer:
        return "evidence_not_agent"
    return None


# --- long calls ---------------------------------------------------------------------------------


def _inquire_in_slices(
    questioning: _Questioning,
    criteria: Sequence[Criterion],
    slices: Sequence[Sequence[PromptTurn]],
) -> _Findings:
    """Ask about each slice of a long call, then about all findings; the last answer counts."""
    usage = ModelUsage()
    findings = []
    for part, turns in enumerate(slices, start=1):
        material = transcript_block(turns, part=part, parts=len(slices))
        # A slice that fails ends the whole question: verdicts on a part of the call would be wrong.
        found = _inquire(questioning, criteria, material)
        usage += found.usage
        if found.failure is not None:
            return _Findings(usage, failure=found.failure)
        findings.append(_as_data(part, found))
    material = findings_block(findings)
    if estimated_tokens(material) > _room(questioning.model, criteria):
        return _Findings(usage, failure=Unusable("call_too_long", (), ""))
    last = _inquire(questioning, criteria, material)
    return replace(last, usage=usage + last.usage)


def _as_data(part: int, found: _Findings) -> dict[str, Any]:
    """The findings of a slice as data: verdicts that count, with the quotes that were found."""
    verdicts = [
        {
            "id": name,
            "verdict": finding.given.verdict.value,
            "evidence": [
                {"said_by": each.said_by, "quote": each.quote} for each in finding.evidence
            ],
        }
        for name, finding in found.criteria.items()
        if finding.doubt is None
    ]
    summary = {} if found.summary is None else msgspec.to_builtins(found.summary)
    return {"part": part, "criteria": verdicts, "summary": summary}
