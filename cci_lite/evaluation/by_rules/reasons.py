"""The reason beside a rule's verdict, in plain words and without a word of the transcript.

Only the rule's own phrase is repeated: reasons are shown and exported where quotes are not.
"""

from __future__ import annotations

from cci_lite.contract.form import Condition, Rule, SaidBy, Within

TURNS_NOT_KNOWN = "the transcript does not show where one turn ends and the next begins"
TIME_NOT_KNOWN = "it was said, but the transcript does not show when"

_SAID = {
    SaidBy.AGENT: "the agent said",
    SaidBy.CUSTOMER: "the customer said",
    SaidBy.ANYONE: "somebody said",
}
_NOT_SAID = {
    SaidBy.AGENT: "the agent did not say",
    SaidBy.CUSTOMER: "the customer did not say",
    SaidBy.ANYONE: "nobody said",
}


def said(rule: Rule, phrase: str | None) -> str:
    """The rule's phrase (None: its pattern) was found."""
    what = "what the rule's pattern describes" if phrase is None else f'"{phrase}"'
    forbidden = ", which must not be said" if rule.must == "not_say" else ""
    return f"{_SAID[rule.said_by]} {what}{_place_in_call(rule.within)}{forbidden}"


def not_said(rule: Rule) -> str:
    """Nothing that the rule looks for was found."""
    return f"{_NOT_SAID[rule.said_by]} {_wanted(rule)}{_place_in_call(rule.within)}"


def not_applicable(condition: Condition) -> str:
    """What the rule depends on was not found."""
    return f"does not apply: {_NOT_SAID[condition.said_by]} {_wanted(condition)}"


def not_known(said_by: SaidBy) -> str:
    """Which turns are this speaker's is not known."""
    return f"it is not known who the {said_by} is"


def is_not_known(reason: str | None) -> bool:
    """Whether a criterion was not applicable because its speaker is not known."""
    return reason in _NOT_KNOWN


_NOT_KNOWN = frozenset(map(not_known, SaidBy))


def silent(said_by: SaidBy) -> str:
    """There is no turn of this speaker."""
    return "nobody spoke" if said_by is SaidBy.ANYONE else f"the {said_by} did not speak"


def _wanted(searched: Rule | Condition) -> str:
    if searched.pattern is not None:
        return "what the rule's pattern describes"
    if len(searched.phrases) == 1:
        return f'"{searched.phrases[0]}"'
    return f"any of the rule's {len(searched.phrases)} phrases"


def _place_in_call(within: Within | None) -> str:
    if within is None:
        return ""
    if within.first_turns is not None:
        return f" in the first {_turns(within.first_turns)}"
    if within.last_turns is not None:
        return f" in the last {_turns(within.last_turns)}"
    if within.after_turns is not None:
        return f" after the first {_turns(within.after_turns)}"
    if within.first_seconds is not None:
        return f" in the first {within.first_seconds:g} seconds"
    return f" in the last {within.last_seconds:g} seconds"


def _turns(count: int) -> str:
    return "turn" if count == 1 else f"{count} turns"
