"""Finding what a model quotes in the transcript."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cci_lite.contract.conversation import Role, Turn
from cci_lite.contract.document import Evidence
from cci_lite.contract.languages import Comparison, comparison_of
from cci_lite.evaluation.phrases import count_words, find_words, heard, span_of_words
from cci_lite.evaluation.quotes import evidence_of

# Fewer words are said in every call, and prove nothing.
FEWEST_WORDS = 3
# Of these, as many must be words that stand in the transcript, not for redacted ones.
FEWEST_SPOKEN = 2
_WITHHELD = re.compile(r"\[[A-Z]+(?:[_-][A-Z]+)*\]")


@dataclass(frozen=True, slots=True)
class HeardTurn:
    """A turn and its words, and how they are compared."""

    turn: Turn
    heard: str
    comparison: Comparison


def heard_turns(turns: Iterable[Turn], language_code: str | None = None) -> tuple[HeardTurn, ...]:
    """The turns made ready for searching, those of the agent first.

    Where both say the same words, it is true that the agent said them.
    """
    comparison = comparison_of(language_code)
    ready = [HeardTurn(turn, heard(turn.text, comparison), comparison) for turn in turns]
    return tuple(sorted(ready, key=lambda each: each.turn.role is not Role.AGENT))


def find_quote(quote: str, turns: Iterable[HeardTurn]) -> Evidence | None:
    """The evidence for a quote: real words of one turn, with times and speaker; None without one.

    Case, punctuation and white space do not matter. A quote has at least FEWEST_WORDS words, or is
    all that is said in a turn; what stands for redacted words proves nothing.
    """
    ready = tuple(turns)
    spoken = count_words(heard(_WITHHELD.sub(" ", quote)))
    if not ready or not spoken:
        return None
    comparison = ready[0].comparison
    wanted = heard(quote, comparison)
    is_short = count_words(wanted) < FEWEST_WORDS or spoken < FEWEST_SPOKEN
    for each in ready:
        if is_short and each.heard != wanted:
            continue
        if found := find_words(each.heard, wanted, comparison):
            return evidence_of(each.turn, *span_of_words(each.turn.text, *found, comparison))
    return None
