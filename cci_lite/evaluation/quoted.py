"""Finding what a model quotes in the transcript."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cci_lite.contract.conversation import Role, Turn
from cci_lite.contract.document import Evidence
from cci_lite.evaluation.phrases import heard, span_of_words
from cci_lite.evaluation.quotes import evidence_of

# Fewer words are said in every call, and prove nothing.
FEWEST_WORDS = 3
# Of these, as many must be words that stand in the transcript, not for redacted ones.
FEWEST_SPOKEN = 2
_WITHHELD = re.compile(r"\[[A-Z]+(?:[_-][A-Z]+)*\]")


@dataclass(frozen=True, slots=True)
class HeardTurn:
    """A turn and its words."""

    turn: Turn
    heard: str


def heard_turns(turns: Iterable[Turn]) -> tuple[HeardTurn, ...]:
    """The turns made ready for searching, those of the agent first.

    Where both say the same words, it is true that the agent said them.
    """
    ready = [HeardTurn(turn, heard(turn.text)) for turn in turns]
    return tuple(sorted(ready, key=lambda each: each.turn.role is not Role.AGENT))


def find_quote(quote: str, turns: Iterable[HeardTurn]) -> Evidence | None:
    """The evidence for a quote: real words of one turn, with times and speaker; None without one.

    Case, punctuation and white space do not matter. A quote has at least FEWEST_WORDS words, or is
    all that is said in a turn; what stands for redacted words proves nothing.
    """
    wanted = heard(quote)
    count = wanted.count(" ") - 1
    spoken = len(heard(_WITHHELD.sub(" ", quote)).split())
    if not spoken:
        return None
    for each in turns:
        if (count < FEWEST_WORDS or spoken < FEWEST_SPOKEN) and each.heard != wanted:
            continue
        if (place := each.heard.find(wanted)) >= 0:
            first = each.heard.count(" ", 0, place + 1) - 1
            return evidence_of(each.turn, *span_of_words(each.turn.text, first, count))
    return None
