"""Finds a model's quotes in the transcript, so that a verdict rests on real words of a speaker."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cci_lite.contract.conversation import Role, Turn
from cci_lite.contract.document import Evidence
from cci_lite.evaluation.evidence import evidence_of
from cci_lite.language.comparison import Comparison, comparison_of
from cci_lite.language.heard import WORD_BY_WORD, count_words, heard, span_of_words

# Fewer words occur in every call, and prove nothing.
FEWEST_WORDS = 3
# At least this many of them must be real words, not placeholders of redacted ones.
FEWEST_SPOKEN = 2
# Of a quote with words left out ("…"), at least one part must have this many words.
FEWEST_WORDS_OF_A_PART = 2
# Placeholders of redacted words, however a model writes them: [NAME], [name], <NAME>, ***.
_WITHHELD = re.compile(r"\[[^\[\]]*\]|<[^<>]*>|\*+")
_LEFT_OUT = re.compile(r"[\[(]?(?:…|\.\s?\.\s?\.)[….\s]*[\])]?")


@dataclass(frozen=True, slots=True)
class HeardTurn:
    """A turn made ready for searching: its words, and how they are compared."""

    turn: Turn
    heard: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of a quote without omissions, spelled as the turns are that it is searched in."""

    heard: str
    spoken: int

    @property
    def count(self) -> int:
        return len(self.heard.split())

    @property
    def size(self) -> int:
        """How many words it has; in scripts without spaces, an estimate from its characters."""
        return count_words(self.heard)

    @property
    def is_proof(self) -> bool:
        """Whether it is long enough to prove something wherever it is found."""
        return self.size >= FEWEST_WORDS and self.spoken >= FEWEST_SPOKEN


@dataclass(frozen=True, slots=True)
class _Hit:
    """Where a part was found in a turn."""

    where: HeardTurn
    place: int
    part: _Part


def heard_turns(turns: Iterable[Turn], language_code: str | None = None) -> tuple[HeardTurn, ...]:
    """The turns made ready for searching, those of the agent first.

    Where both speakers say the same words, the agent's count as the source.
    """
    comparison = comparison_of(language_code)
    ready = [HeardTurn(turn, heard(turn.text, comparison), comparison) for turn in turns]
    return tuple(sorted(ready, key=lambda each: each.turn.role is not Role.AGENT))


def find_quote(quote: str, turns: Sequence[HeardTurn]) -> tuple[Evidence, ...]:
    """The evidence for a quote: real words of one speaker, with times; empty without any.

    Case, punctuation and white space do not matter, nor a speaker's name before the words. A quote
    has at least FEWEST_WORDS words, or is all that is said in a turn; what stands for redacted
    words proves nothing. Where words were left out ("good morning … how can I help"), all parts
    occur in order: in one turn, or, where each would do as a quote, in turns of one speaker.
    """
    comparison = turns[0].comparison if turns else WORD_BY_WORD
    # The strictest reading first: the whole quote in one turn, then with words left out in one
    # turn, then in turns of one speaker.
    for wording in _wordings(quote, turns):
        pieces = (_part(each, comparison) for each in _LEFT_OUT.split(wording))
        parts = [part for part in pieces if part.count]
        found = _within_one_turn(_part(wording, comparison), turns) or _in_one_turn(parts, turns)
        if found := found or _in_turns_of_one(parts, turns):
            return _evidence(found)
    return ()


def _part(text: str, comparison: Comparison) -> _Part:
    spoken = count_words(heard(_WITHHELD.sub(" ", text), comparison))
    return _Part(heard(text, comparison), spoken)


def _within_one_turn(part: _Part, turns: Iterable[HeardTurn]) -> list[_Hit] | None:
    if not part.spoken:
        return None
    for each in turns:
        if not part.is_proof and each.heard != part.heard:
            continue
        if found := _parts_in_order([part], [each]):
            return found
    return None


# --- words left out -------------------------------------------------------------------------------


def _in_one_turn(parts: Sequence[_Part], turns: Iterable[HeardTurn]) -> list[_Hit] | None:
    is_enough = (
        len(parts) > 1
        and all(part.spoken for part in parts)
        and sum(part.size for part in parts) >= FEWEST_WORDS
        and max(part.size for part in parts) >= FEWEST_WORDS_OF_A_PART
    )
    return next(filter(None, (_parts_in_order(parts, [each]) for each in turns if is_enough)), None)


def _in_turns_of_one(parts: Sequence[_Part], turns: Iterable[HeardTurn]) -> list[_Hit] | None:
    if len(parts) < 2 or not all(part.is_proof for part in parts):
        return None
    by_speaker: dict[tuple[Role, str | None], list[HeardTurn]] = {}
    for each in turns:
        by_speaker.setdefault((each.turn.role, each.turn.label), []).append(each)
    return next(
        filter(None, (_parts_in_order(parts, spoken) for spoken in by_speaker.values())), None
    )


def _parts_in_order(parts: Iterable[_Part], turns: Sequence[HeardTurn]) -> list[_Hit] | None:
    """The first places of all parts, each behind the one before."""
    hits: list[_Hit] = []
    number, start = 0, 0
    for part in parts:
        while (place := turns[number].heard.find(part.heard, start)) < 0:
            number, start = number + 1, 0
            if number == len(turns):
                return None
        hits.append(_Hit(turns[number], place, part))
        # The space between two words is the end of one and the beginning of the other.
        start = place + len(part.heard) - 1
    return hits


def _evidence(hits: Sequence[_Hit]) -> tuple[Evidence, ...]:
    """One for each turn, of everything from its first hit to its last."""
    by_turn: dict[int, list[_Hit]] = {}
    for hit in hits:
        by_turn.setdefault(id(hit.where), []).append(hit)
    return tuple(_evidence_in_turn(found) for found in by_turn.values())


def _evidence_in_turn(hits: Sequence[_Hit]) -> Evidence:
    where, text = hits[0].where, hits[0].where.turn.text
    spans = [
        span_of_words(text, first, hit.part.count, where.comparison)
        for hit in hits
        for first in [where.heard.count(" ", 0, hit.place + 1) - 1]
    ]
    return evidence_of(where.turn, spans[0][0], spans[-1][1])


# --- a speaker's name before the words ------------------------------------------------------------

_NAMED = re.compile(r"[^\w\[(<]*(?P<label>[^:：]{1,60})[:：](?P<rest>.+)", re.DOTALL)  # noqa: RUF001
_BRACKETED = re.compile(
    r"\W*[\[(<](?P<label>[^\[\]()<>]{1,60})[\])>]\s*[-–—]?(?P<rest>.+)",  # noqa: RUF001
    re.DOTALL,
)
_DASHED = re.compile(r"\W*(?P<label>\w{1,60})\s+[-–—]\s(?P<rest>.+)", re.DOTALL)  # noqa: RUF001
_LABEL_WORD = re.compile(r"[\w.'’-]+")  # noqa: RUF001
_MOST_LABEL_WORDS = 4


def _wordings(quote: str, turns: Sequence[HeardTurn]) -> Iterator[str]:
    """The quote, and the quote without what may be a speaker's name or label before it."""
    yield quote
    labels = {*Role, "turn"} | {each.turn.label for each in turns if each.turn.label}
    for form in (_NAMED, _BRACKETED, _DASHED):
        match = form.fullmatch(quote)
        if match is None:
            continue
        words = _LABEL_WORD.findall(match["label"])
        unknown = [word for word in words if not word.isdigit() and word.lower() not in labels]
        # A name begins with a capital, where there are any; a word before a dash may do so too.
        is_name = form is not _DASHED and not any(word[0].islower() for word in unknown)
        if 0 < len(words) <= _MOST_LABEL_WORDS and (not unknown or is_name):
            yield match["rest"]
