"""The way in to this room: decides each rule by who says (or does not say) what, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cci_lite.contract.conversation import Conversation, Role
from cci_lite.contract.document import CriterionResult, Evaluator
from cci_lite.contract.form import Criterion, Form, Rule, SaidBy
from cci_lite.contract.scoring import Verdict
from cci_lite.evaluation.by_rules import reasons
from cci_lite.evaluation.by_rules.search import Hit, first_hit
from cci_lite.evaluation.by_rules.within import Stretch, counts_turns, scope_of, whole_turn
from cci_lite.evaluation.evidence import evidence_of
from cci_lite.evaluation.results import decided, unscored
from cci_lite.language.comparison import comparison_of

_ROLES = {SaidBy.AGENT: Role.AGENT, SaidBy.CUSTOMER: Role.CUSTOMER}


@dataclass(frozen=True, slots=True)
class _Decision:
    """What a rule says about one call."""

    verdict: Verdict
    reason: str
    hits: tuple[Hit, ...] = ()


def evaluate_rules(form: Form, conversation: Conversation) -> list[CriterionResult]:
    """One result for each criterion, in the form's order; those without a rule are unscored.

    Nothing is guessed: a rule is not applicable when its speaker is not known or does not speak,
    when it counts turns and the transcript does not tell them apart, or when it depends on a word
    whose time is not known.
    Text is compared as it is in the conversation's language.
    """
    comparison = comparison_of(conversation.language_code)
    turns = [whole_turn(turn, comparison) for turn in conversation.turns]
    return [
        unscored(criterion)
        if criterion.rule is None
        else _result(criterion, _decide(criterion.rule, conversation, turns))
        for criterion in form.criteria
    ]


def _result(criterion: Criterion, decision: _Decision) -> CriterionResult:
    return decided(
        criterion,
        decision.verdict,
        evaluator=Evaluator.RULE,
        reason=decision.reason,
        evidence=[evidence_of(hit.turn, hit.start, hit.end) for hit in decision.hits],
        confidence=1.0,
    )


def _decide(rule: Rule, call: Conversation, turns: Sequence[Stretch]) -> _Decision:
    comparison = comparison_of(call.language_code)
    occasion: Hit | None = None
    if (condition := rule.applies_when) is not None:
        if missing := _missing(condition.said_by, turns):
            return _Decision(Verdict.NA, missing)
        spoken = _spoken_by(condition.said_by, turns)
        occasion = first_hit(condition, spoken, comparison)
        if occasion is None:
            return _Decision(Verdict.NA, reasons.not_applicable(condition))
    spoken = _spoken_by(rule.said_by, turns)
    # A speaker of whom only noise was transcribed was on the call, and did not say what must be
    # said.
    missing = _missing(rule.said_by, turns)
    if missing and not (rule.must == "say" and _ROLES.get(rule.said_by) in call.wordless):
        return _Decision(Verdict.NA, missing)
    if counts_turns(rule.within) and not call.turns_known:
        return _Decision(Verdict.NA, reasons.TURNS_NOT_KNOWN)
    start = min((stretch.turn.start_seconds for stretch in turns), default=0.0)
    end = max((stretch.turn.end_seconds for stretch in turns), default=0.0)
    scope = scope_of(spoken, rule.within, start=start, end=end)
    # First where the words lie for certain. If they are found only where a word without a time may
    # lie, the rule depends on a time that is not known.
    hit = first_hit(rule, scope.sure, comparison)
    if (
        hit is None
        and call.untimed_words
        and first_hit(rule, scope.possible, comparison) is not None
    ):
        return _Decision(Verdict.NA, reasons.TIME_NOT_KNOWN)
    passed = (hit is not None) == (rule.must == "say")
    return _Decision(
        Verdict.PASS if passed else Verdict.FAIL,
        reasons.not_said(rule) if hit is None else reasons.said(rule, hit.phrase),
        tuple(found for found in (hit, occasion) if found is not None),
    )


def _spoken_by(said_by: SaidBy, turns: Sequence[Stretch]) -> Sequence[Stretch]:
    if said_by is SaidBy.ANYONE:
        return turns
    role = _ROLES[said_by]
    return [stretch for stretch in turns if stretch.turn.role is role]


def _missing(said_by: SaidBy, turns: Sequence[Stretch]) -> str | None:
    """Why nothing can be said about this speaker; None when something can."""
    if _spoken_by(said_by, turns):
        return None
    if any(stretch.turn.role is Role.UNKNOWN for stretch in turns):
        return reasons.not_known(said_by)
    return reasons.silent(said_by)
