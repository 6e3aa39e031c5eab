"""Where in a call a rule looks: the turns, or parts of turns, that its `within` names."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from cci_lite.contract.conversation import Turn, Word
from cci_lite.contract.form import Within
from cci_lite.language.comparison import Comparison
from cci_lite.language.heard import heard_plain, plain_text

# Transcripts give times in milliseconds; sums of them are off by less than that.
_MILLISECOND = 0.001


class TurnText:
    """The text of a whole turn in the forms in which patterns and phrases are searched.

    Each is made when a rule first looks at the turn, and most rules look at few of them.
    """

    def __init__(self, text: str, comparison: Comparison) -> None:
        self._text = text
        self._comparison = comparison

    @cached_property
    def plain(self) -> str:
        """The text that patterns search."""
        return plain_text(self._text)

    @cached_property
    def heard(self) -> str:
        """The text that phrases are searched in."""
        return heard_plain(self.plain, self._comparison)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A turn of which only words count that begin from `begin` up to, not including, `end`."""

    turn: Turn
    text: TurnText
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class WhereToLook:
    """`sure` is what lies there for certain, `possible` also holds what may lie there.

    The two differ only where words have no time of their own.
    """

    sure: Sequence[Stretch]
    possible: Sequence[Stretch]


def whole_turn(turn: Turn, comparison: Comparison) -> Stretch:
    """All of a turn."""
    return Stretch(turn, TurnText(turn.text, comparison), 0, len(turn.text) + 1)


def counts_turns(within: Within | None) -> bool:
    """Whether a rule looks at turns by their number."""
    return within is not None and (
        within.first_turns is not None
        or within.last_turns is not None
        or within.after_turns is not None
    )


def scope_of(
    stretches: Sequence[Stretch], within: Within | None, *, start: float, end: float
) -> WhereToLook:
    """The part of one speaker's turns that `within` names, in a call spoken from `start` to `end`.

    What is said belongs to the second in which its first word begins. A word without a time may
    have been said at any time between the timed words around it, in this turn or the next one.
    """
    if within is None:
        return WhereToLook(stretches, stretches)
    if within.first_turns is not None:
        return _turns_until(stretches, within.first_turns)
    if within.last_turns is not None:
        return _turns_since(stretches, max(len(stretches) - within.last_turns, 0))
    if within.after_turns is not None:
        return _turns_since(stretches, within.after_turns)
    if within.first_seconds is not None:
        return _until(stretches, start + within.first_seconds + _MILLISECOND)
    if within.last_seconds is not None:
        return _since(stretches, end - within.last_seconds)
    return WhereToLook(stretches, stretches)


def _turns_until(stretches: Sequence[Stretch], count: int) -> WhereToLook:
    inside = stretches[:count]
    if count >= len(stretches):
        return WhereToLook(inside, inside)
    return WhereToLook([*inside[:-1], *_ended(inside[-1:], _untimed_end)], inside)


def _turns_since(stretches: Sequence[Stretch], first: int) -> WhereToLook:
    inside = stretches[first:]
    before = stretches[max(first - 1, 0) : first]
    return WhereToLook(inside, [*_begun(before, _untimed_end), *inside])


def _until(stretches: Sequence[Stretch], limit: float) -> WhereToLook:
    return WhereToLook(
        _ended(stretches, lambda each: _earliest(each, limit)),
        _ended(stretches, lambda each: _first_at_or_after(each, limit)),
    )


def _since(stretches: Sequence[Stretch], limit: float) -> WhereToLook:
    return WhereToLook(
        _begun(stretches, lambda each: _first_at_or_after(each, limit)),
        _begun(stretches, lambda each: _earliest(each, limit)),
    )


def _ended(stretches: Iterable[Stretch], cut: Callable[[Stretch], int]) -> list[Stretch]:
    """The part of each stretch before its cut."""
    ended = (replace(stretch, end=cut(stretch)) for stretch in stretches)
    return [stretch for stretch in ended if stretch.end > 0]


def _begun(stretches: Iterable[Stretch], cut: Callable[[Stretch], int]) -> list[Stretch]:
    """The part of each stretch behind its cut."""
    begun = (replace(stretch, begin=cut(stretch)) for stretch in stretches)
    return [stretch for stretch in begun if stretch.begin < stretch.end]


def _first_at_or_after(stretch: Stretch, limit: float) -> int:
    """The place of the first word that begins at `limit` or later, or the stretch's end."""
    return next((word.offset for word in _words_of(stretch) if _is_since(word, limit)), stretch.end)


def _earliest(stretch: Stretch, limit: float) -> int:
    """The place of the first word that may begin at `limit` or later.

    Words without a time right before a word that does may have been said after the limit, too.
    """
    offset = stretch.end
    for word in _words_of(stretch):
        if _is_since(word, limit):
            return min(offset, word.offset)
        offset = min(offset, word.offset) if word.start_seconds is None else stretch.end
    return offset


def _untimed_end(stretch: Stretch) -> int:
    """The place of the words without a time at the end of a stretch; its end without any."""
    return _earliest(stretch, math.inf)


def _is_since(word: Word, limit: float) -> bool:
    return word.start_seconds is not None and word.start_seconds > limit - _MILLISECOND / 2


def _words_of(stretch: Stretch) -> Sequence[Word]:
    turn = stretch.turn
    return turn.words or (Word(0, turn.start_seconds, turn.end_seconds),)
