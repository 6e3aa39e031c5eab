"""From the plan of a call to its words, each with time and confidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import zip_longest
from typing import NamedTuple

from cci_lite.sample.company import Moment
from cci_lite.sample.dice import Dice
from cci_lite.sample.planning import CallPlan, Kind

AGENT = "AGENT"
CUSTOMER = "CUSTOMER"

REDACTED = "[PII]"

_LINE = re.compile(r"(?P<who>[AC])(?:\((?P<silence>\d+)\))?: (?P<text>.+)")
_TOKEN = re.compile(r"(?P<word>[^\s.,?!]+(?:[.,][^\s.,?!]+)*)(?P<mark>[.,?!]?)")
_ALONE = (
    "C: Hello? | C(4): Hello, is anybody there? | C(6): I can't hear you, I will try again.",
    "C: Hello? Can you hear me? | C(8): No. It must be the line.",
    "C: Yes, hello. | C(5): It only rings on my side. | C(3): I'll call back tomorrow.",
)


class Line(NamedTuple):
    """A sentence or two of one speaker, after a silence."""

    who: str
    silence_ms: int
    text: str


class Exchange(NamedTuple):
    """What is said now and what is said late in the call."""

    now: tuple[Line, ...]
    late: tuple[Line, ...]


class Word(NamedTuple):
    """One spoken word; `confidence` is None when it was redacted."""

    text: str
    mark: str
    start_ms: int
    end_ms: int
    confidence: float | None


@dataclass(frozen=True)
class SpokenTurn:
    """What one speaker says before the other one speaks."""

    who: str
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """The turn as it is written in a transcript."""
        return " ".join(word.text + word.mark for word in self.words)


def speak(plan: CallPlan, dice: Dice) -> list[SpokenTurn]:
    """The turns of the planned call; none when its recording is empty."""
    match plan.kind:
        case Kind.EMPTY:
            lines: Sequence[Line] = ()
        case Kind.NO_AGENT:
            lines = _read_exchange(dice.pick(_ALONE)).now
        case Kind.TALK:
            lines = _write_talk(plan, dice)
    return _with_times(lines, dice)


def _write_talk(plan: CallPlan, dice: Dice) -> list[Line]:
    form, topic = plan.form, plan.topic
    words = {name: dice.pick(choices) for name, choices in plan.company.words.items()}
    opening = [_said_at(moment, plan, dice) for moment in form.opening]
    middle = [_said_at(moment, plan, dice) for moment in form.middle]
    closing = [_said_at(moment, plan, dice) for moment in form.closing]
    body = dice.pick_some(topic.body, 2 + dice.below(3))
    talk = [*opening, dice.pick(topic.needs)]
    for said, about_topic in zip_longest(middle, body, fillvalue=""):
        talk += [said, about_topic]
    end = [dice.pick(topic.endings), *closing]
    lines = [line for exchange in talk for line in _read_exchange(exchange).now]
    lines += [line for exchange in talk + end for line in _read_exchange(exchange).late]
    lines += [line for exchange in end for line in _read_exchange(exchange).now]
    return [_filled(line, words) for line in lines]


def _said_at(moment: Moment, plan: CallPlan, dice: Dice) -> str:
    if moment.criterion_id is None:
        choices = moment.passed
    elif moment.criterion_id in plan.topic.not_applicable:
        choices = moment.na
    else:
        choices = moment.passed if plan.does_well[moment.criterion_id] else moment.failed
    return dice.pick(choices)


@cache
def _read_exchange(exchange: str) -> Exchange:
    now, _, late = exchange.partition("||")
    return Exchange(_read_lines(now), _read_lines(late))


def _read_lines(text: str) -> tuple[Line, ...]:
    lines = []
    for part in filter(str.strip, text.split("|")):
        match = _LINE.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"not a line of a dialogue: {part.strip()}")
        who = AGENT if match["who"] == "A" else CUSTOMER
        lines.append(Line(who, 1000 * int(match["silence"] or 0), match["text"]))
    return tuple(lines)


def _filled(line: Line, words: Mapping[str, str]) -> Line:
    return line._replace(text=line.text.format_map(words)) if "{" in line.text else line


@lru_cache(maxsize=4096)
def _tokens(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((match["word"], match["mark"]) for match in _TOKEN.finditer(text))


def _with_times(lines: Iterable[Line], dice: Dice) -> list[SpokenTurn]:
    turns: list[SpokenTurn] = []
    words: list[Word] = []
    who = ""
    roll = dice.roll
    now = 400 + dice.below(1500)
    for line in lines:
        if line.who != who:
            if words:
                turns.append(SpokenTurn(who, tuple(words)))
            who, words = line.who, []
            now += 200 + int(1100 * roll())
        now += line.silence_ms
        for text, mark in _tokens(line.text):
            end = now + 130 + 42 * len(text) + int(60 * roll())
            doubt = roll()
            confidence = None if text == REDACTED else 1 - 0.3 * doubt * doubt * doubt
            words.append(Word(text, mark, now, end, confidence))
            now = end + (int(90 + 260 * roll()) if mark else 20)
    if words:
        turns.append(SpokenTurn(who, tuple(words)))
    return turns
