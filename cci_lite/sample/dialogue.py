"""From the plan of a call to its words, each with time and confidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple

from cci_lite.sample.company import Moment
from cci_lite.sample.dice import Dice
from cci_lite.sample.planning import CallPlan
from cci_lite.sample.script import Exchange, SpokenLine, read_script

REDACTED = "[PII]"

_TOKEN = re.compile(r"(?P<word>[^\s.,?!]+(?:[.,][^\s.,?!]+)*)(?P<mark>[.,?!]?)")


class TimedWord(NamedTuple):
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
    words: tuple[TimedWord, ...]

    @property
    def text(self) -> str:
        """The turn as it is written in a transcript."""
        return " ".join(word.text + word.mark for word in self.words)


def speak(plan: CallPlan, dice: Dice) -> list[SpokenTurn]:
    """The turns of the planned call; none when its recording is empty."""
    lines: Sequence[SpokenLine] = ()
    if plan.kind == "no_agent":
        lines = dice.pick(read_script(plan.company.profile.nobody_answers))
    elif plan.kind == "talk":
        lines = _write_talk(plan, dice)
    return _with_times(lines, dice)


def _write_talk(plan: CallPlan, dice: Dice) -> list[SpokenLine]:
    dialogue, topic, profile = plan.form_in_use.dialogue, plan.topic, plan.company.profile
    words = {name: dice.pick(choices) for name, choices in profile.words.items()}
    opening, middle, closing = (
        [_said_at(moment, plan, dice) for moment in part]
        for part in (dialogue.opening, dialogue.middle, dialogue.closing)
    )
    about_topic = dice.pick_some(_exchanges(profile.exchanges, topic.talk), 2 + dice.below(3))
    talk = [*opening, dice.pick(read_script(topic.begins))]
    for pair in zip_longest(middle, about_topic, fillvalue=()):
        talk += pair
    end = [dice.pick(_exchanges(profile.exchanges, topic.ends)), *closing]
    first, last = ([line for each in part for line in each] for part in (talk, end))
    lines = [line for line in first if not line.late]
    lines += [line for line in first + last if line.late]
    lines += [line for line in last if not line.late]
    return [line._replace(text=line.text.format_map(words)) for line in lines]


def _exchanges(scripts: Mapping[str, str], names: Iterable[str]) -> list[Exchange]:
    return [exchange for name in names for exchange in read_script(scripts[name])] or [()]


def _said_at(moment: Moment, plan: CallPlan, dice: Dice) -> Exchange:
    if moment.criterion is None:
        script = moment.always
    elif moment.criterion in plan.topic.not_applicable:
        script = moment.not_applicable
    else:
        script = moment.passed if plan.does_well[moment.criterion] else moment.failed
    return dice.pick(read_script(script))


@lru_cache(maxsize=4096)
def _tokens(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((match["word"], match["mark"]) for match in _TOKEN.finditer(text))


def _with_times(lines: Iterable[SpokenLine], dice: Dice) -> list[SpokenTurn]:
    turns: list[SpokenTurn] = []
    words: list[TimedWord] = []
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
            words.append(TimedWord(text, mark, now, end, confidence))
            now = end + (int(90 + 260 * roll()) if mark else 20)
    if words:
        turns.append(SpokenTurn(who, tuple(words)))
    return turns
