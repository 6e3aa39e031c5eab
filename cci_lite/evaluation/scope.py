"""Where in a call a rule looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cci_lite.contract.conversation import Turn, Word
from cci_lite.contract.languages import Comparison
from cci_lite.contract.template import Within
from cci_lite.evaluation.phrases import heard_plain, plain

# Transcripts give times in milliseconds; sums of them are off by less than that.
_MILLISECOND = 0.001


@dataclass(frozen=True, slots=True)
class Stretch:
    """A turn of which only what begins from `begin` up to, not including, `end` counts.

    `plain` and `heard` are the whole turn in the forms in which patterns and phrases are searched.
    """

    turn: Turn
    plain: str
    heard: str
    begin: int
    end: int


def whole_turn(turn: Turn, comparison: Comparison) -> Stretch:
    """All of a turn."""
    text = plain(turn.text)
    return Stretch(turn, text, heard_plain(text, comparison), 0, len(turn.text) + 1)


def stretches_within(
    stretches: Sequence[Stretch], within: Within | None, *, start: float, end: float
) -> Sequence[Stretch]:
    """The part of one speaker's turns that `within` names, in a call spoken from `start` to `end`.

    What is said belongs to the second in which its first word begins.
    """
    if within is None:
        return stretches
    if within.first_turns is not None:
        return stretches[: within.first_turns]
    if within.last_turns is not None:
        return stretches[-within.last_turns :]
    if within.after_turns is not None:
        return stretches[within.after_turns :]
    if within.first_seconds is not None:
        return _until(stretches, start + within.first_seconds)
    if within.last_seconds is not None:
        return _since(stretches, end - within.last_seconds)
    return stretches


def _until(stretches: Sequence[Stretch], limit: float) -> list[Stretch]:
    cut = ((stretch, _offset_from(stretch, limit + _MILLISECOND)) for stretch in stretches)
    return [replace(stretch, end=offset) for stretch, offset in cut if offset > 0]


def _since(stretches: Sequence[Stretch], limit: float) -> list[Stretch]:
    cut = ((stretch, _offset_from(stretch, limit)) for stretch in stretches)
    return [replace(stretch, begin=offset) for stretch, offset in cut if offset < stretch.end]


def _offset_from(stretch: Stretch, limit: float) -> int:
    """Where the first word is that begins at `limit` or later; the stretch's end without one."""
    words = stretch.turn.words or (Word(0, stretch.turn.start_seconds, stretch.turn.end_seconds),)
    late = (word.offset for word in words if word.start_seconds > limit - _MILLISECOND / 2)
    return next(late, stretch.end)
