"""What is wrong with a form beyond the types of its fields."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from decimal import Decimal

import re2

from cci_lite.contract.form import Condition, Criterion, FormFile, Rule
from cci_lite.errors import FormError, show_value

MOST_DECIMALS = 4
# What a YAML file gives for a backslash and this letter within double quotes.
_ESCAPES = {
    "\a": "a",
    "\b": "b",
    "\t": "t",
    "\n": "n",
    "\v": "v",
    "\f": "f",
    "\r": "r",
    "\x1b": "e",
}
# Bidirectional control characters. They change the order in which text is displayed, so that a
# pattern would match something else than what its author sees (Unicode TR36, "Trojan Source").
_TURNING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)))


def content_problems(file: FormFile) -> Iterator[FormError]:
    """What makes a form unusable for judging or scoring; checked for stored versions too."""
    seen: set[str] = set()
    for position, criterion in enumerate(file.criteria):
        path = f"criteria[{position}]"
        if criterion.id in seen:
            yield FormError(
                f"{path}.id", "an id used once in the form", f"{show_value(criterion.id)} again"
            )
        seen.add(criterion.id)
        if not (_is_short(criterion.weight) and 0 < criterion.weight <= 1000):
            yield FormError(
                f"{path}.weight",
                f"a number above 0, at most 1000, with at most {MOST_DECIMALS} decimals",
                show_value(str(criterion.weight)),
            )
        if criterion.rule is not None:
            yield from _rule_problems(f"{path}.rule", criterion.rule)
    threshold = file.scoring.pass_threshold
    if not (_is_short(threshold) and 0 <= threshold <= 1):
        yield FormError(
            "scoring.pass_threshold",
            f"a number from 0 to 1, with at most {MOST_DECIMALS} decimals",
            show_value(str(threshold)),
        )


def wording_problems(file: FormFile) -> Iterator[FormError]:
    """Control characters that nobody intends, such as a backspace where a pattern has `\\b`."""
    yield from _unseen("description", file.description, is_prose=True)
    for position, criterion in enumerate(file.criteria):
        yield from _criterion_wording(f"criteria[{position}]", criterion)
    yield from _unseen("scoring.notes", file.scoring.notes, is_prose=True)


def _criterion_wording(path: str, criterion: Criterion) -> Iterator[FormError]:
    yield from _unseen(f"{path}.text", criterion.question, is_prose=True)
    rule = criterion.rule
    places: list[tuple[str, Condition | Rule]] = []
    if rule is not None:
        places.append((f"{path}.rule", rule))
        if rule.applies_when is not None:
            places.append((f"{path}.rule.applies_when", rule.applies_when))
    for place, condition in places:
        yield from _unseen(f"{place}.pattern", condition.pattern or "")
        for position, phrase in enumerate(condition.phrases):
            yield from _unseen(f"{place}.phrases[{position}]", phrase)


def _unseen(path: str, text: str, *, is_prose: bool = False) -> Iterator[FormError]:
    for sign in text:
        if is_prose and sign in "\n\t":
            continue
        if unicodedata.category(sign) == "Cc" or sign in _TURNING:
            yield FormError(path, "text without control characters", _cure(sign))
            return


def _cure(sign: str) -> str:
    code = f"U+{ord(sign):04X}"
    if (letter := _ESCAPES.get(sign)) is None:
        return f"{code}; remove it"
    return (
        f"{code}, which \\{letter} within double quotes stands for; "
        "write it in single quotes, or in none"
    )


def _is_short(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -MOST_DECIMALS


def _rule_problems(path: str, rule: Rule) -> Iterator[FormError]:
    yield from _condition_problems(path, rule)
    if rule.applies_when is not None:
        yield from _condition_problems(f"{path}.applies_when", rule.applies_when)
    if rule.within is not None:
        names = rule.within.__struct_fields__
        given = sum(getattr(rule.within, name) is not None for name in names)
        if given != 1:
            yield FormError(
                f"{path}.within", f"exactly one of {', '.join(names)}", f"{given} of them"
            )


def _condition_problems(path: str, condition: Condition | Rule) -> Iterator[FormError]:
    phrases, pattern = condition.phrases, condition.pattern
    if bool(phrases) == bool(pattern):
        yield FormError(path, "either phrases or a pattern", "both" if phrases else "neither")
    for position, phrase in enumerate(phrases):
        # A phrase of punctuation alone would be compared as an empty text, which is in every turn.
        if not any(character.isalnum() for character in phrase):
            yield FormError(f"{path}.phrases[{position}]", "words", show_value(phrase))
    if pattern is not None:
        try:
            re2.compile(pattern, _quiet())
        except re2.error as problem:
            reason = problem.args[0]
            text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            # RE2 decides in linear time, so no form can stall the calls of another tenant.
            yield FormError(
                f"{path}.pattern",
                "a regular expression that RE2 understands (no look-around, no back-references)",
                text,
            )


def _quiet() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    return options
