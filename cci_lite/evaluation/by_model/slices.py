"""Cuts a conversation that is too long for one question to a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from cci_lite.evaluation.by_model.prompt import PromptTurn, turn_line

# English has about 4 bytes of UTF-8 per token, German about 3, Japanese about 2.7 (one character).
# Estimated too low on purpose: the service refuses a question that is too long as a whole.
BYTES_PER_TOKEN = 2.5
_WIDEST_ESCAPE = len("\\u0000")


def estimated_tokens(text: str) -> int:
    """About how many tokens a text has, rather too many than too few."""
    return int(len(text.encode()) / BYTES_PER_TOKEN) + 1


def slices_of(turns: Sequence[PromptTurn], room: int) -> list[tuple[PromptTurn, ...]]:
    """The turns in order, in as few slices as possible of at most about `room` tokens each.

    Cut between turns; a turn that is too long by itself, between words. Nothing is left out.
    """
    slices: list[list[PromptTurn]] = []
    left = 0
    for piece in _fitting_turns(turns, room):
        needed = _tokens(piece)
        if not slices or needed > left:
            slices.append([])
            left = room
        slices[-1].append(piece)
        left -= needed
    return [tuple(each) for each in slices]


def _tokens(turn: PromptTurn) -> int:
    return estimated_tokens(turn_line(turn)) + 1


def _fitting_turns(turns: Iterable[PromptTurn], room: int) -> Iterator[PromptTurn]:
    for turn in turns:
        if _tokens(turn) <= room:
            yield turn
        else:
            yield from _broken(turn, room)


def _broken(turn: PromptTurn, room: int) -> Iterator[PromptTurn]:
    frame = _tokens(replace(turn, text=""))
    space = max(1, room - frame)
    words: list[str] = []
    left = space
    for word in _words_with_spaces(turn.text, space):
        # The escapes of JSON count too.
        needed = _tokens(replace(turn, text=word)) - frame + 1
        if words and needed > left:
            yield replace(turn, text="".join(words).lstrip())
            words, left = [], space
        words.append(word)
        left -= needed
    yield replace(turn, text="".join(words).lstrip())


def _words_with_spaces(text: str, space: int) -> Iterator[str]:
    """The words, each with its space before it; a run without spaces (Japanese) in pieces that fit.

    They fit even when every character of them is escaped in JSON.
    """
    # At least one character, or a tiny space would never be filled.
    length = max(1, int(space * BYTES_PER_TOKEN) // _WIDEST_ESCAPE)
    for word in text.split():
        pieces = (word[start : start + length] for start in range(0, len(word), length))
        yield from (piece if number else f" {piece}" for number, piece in enumerate(pieces))
