"""Groups words into turns. Text without speech (`is_speech`) is no turn and ends no turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, groupby
from math import inf
from operator import attrgetter

from cci_lite.contract.conversation import Role, Turn, Word
from cci_lite.language.comparison import joint
from cci_lite.transcripts.times import SpokenWord
from cci_lite.transcripts.words import is_speech

_LABEL, _TIMED = attrgetter("label"), attrgetter("timed")
_START = attrgetter("start_seconds")


def consecutive_turns(words: Sequence[SpokenWord], roles: Mapping[str, Role]) -> tuple[Turn, ...]:
    """The turns of a recording taken as one stream: a turn ends where another label begins."""
    return _turns_of((list(run) for _, run in groupby(words, key=_LABEL)), roles)


def segment_turns(
    segments: Iterable[Sequence[SpokenWord]], roles: Mapping[str, Role]
) -> tuple[Turn, ...]:
    """The turns of a recording in segments: those of one speaker in a row are one turn."""
    return _turns_of(sorted(segments, key=lambda words: words[0].start_seconds), roles)


def _turns_of(runs: Iterable[Sequence[SpokenWord]], roles: Mapping[str, Role]) -> tuple[Turn, ...]:
    spoken = chain.from_iterable(run for run in runs if any(is_speech(w.text) for w in run))
    return tuple(_turn(list(words), roles) for _, words in groupby(spoken, key=_LABEL))


def overlapping_turns(words: Sequence[SpokenWord], roles: Mapping[str, Role]) -> tuple[Turn, ...]:
    """The turns of speakers who were transcribed separately and may talk at once, by their start.

    A turn ends when another speaker says a whole word in one of its pauses. What is said *over*
    somebody's words is a turn of its own but does not cut theirs in two: a sentence stays whole
    when the other side says "mm-hm" meanwhile.
    """
    finished: list[Turn] = []
    open_turns: dict[str | None, _OpenTurn] = {}
    for word in words:
        start = word.start_seconds
        turn = open_turns.get(word.label)
        if turn is None or turn.interrupted_until <= start:
            if turn is not None:
                finished.append(_turn(turn.words, roles))
            turn = open_turns[word.label] = _OpenTurn([word])
        else:
            turn.words.append(word)
            turn.interrupted_until = inf
        for other in open_turns.values():
            if (
                other is not turn
                and other.words[-1].end_seconds <= start
                and word.end_seconds < other.interrupted_until
                # Only a word with a believed time can interrupt; its place is a guess otherwise.
                and word.timed
                and is_speech(word.text)
            ):
                other.interrupted_until = word.end_seconds
    finished += (_turn(turn.words, roles) for turn in open_turns.values())
    return tuple(sorted(filter(_is_spoken, finished), key=_START))


def _is_spoken(turn: Turn) -> bool:
    return is_speech(turn.text)


@dataclass(slots=True)
class _OpenTurn:
    words: list[SpokenWord]
    interrupted_until: float = inf


def _turn(words: Sequence[SpokenWord], roles: Mapping[str, Role]) -> Turn:
    label = words[0].label
    confidences = [word.confidence for word in words if word.confidence is not None]
    text, offsets = _joined_words([word.text for word in words])
    return Turn(
        role=Role.UNKNOWN if label is None else roles.get(label, Role.UNKNOWN),
        label=label,
        start_seconds=next(filter(_TIMED, words), words[0]).start_seconds,
        end_seconds=max([word.end_seconds for word in words]),
        text=text,
        confidence=sum(confidences) / len(confidences) if confidences else None,
        words=tuple(
            [
                Word(offset, word.start_seconds, word.end_seconds)
                if word.timed
                else Word(offset, None, None)
                for word, offset in zip(words, offsets, strict=True)
            ]
        ),
    )


def _joined_words(words: Sequence[str]) -> tuple[str, list[int]]:
    """The words as they are written in a row, and where each begins."""
    text = " ".join(words)
    if text.isascii():
        # The usual case, in which `joint` is always a space.
        return text, [0, *accumulate([len(word) + 1 for word in words[:-1]])]
    pieces: list[str] = []
    offsets: list[int] = []
    end = 0
    for number, word in enumerate(words):
        gap = joint(words[number - 1], word) if number else ""
        pieces += (gap, word)
        offsets.append(end + len(gap))
        end = offsets[-1] + len(word)
    return "".join(pieces), offsets
