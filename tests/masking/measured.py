"""How much of what is personal masking finds, and how much of what it masks is personal.

    python -m tests.masking.measured              the three parts, as tables
    python -m tests.masking.measured --misses     with each sentence in which something went wrong

Recall is the share of labels of which nothing is left to read; precision the share of masked places
that have something of a label in them. Each sentence is a call of its own, of an unknown person.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cci_lite.contract.conversation import Conversation, Turn
from cci_lite.contract.document import Redaction
from cci_lite.masking.introductions import introduced_names
from cci_lite.masking.mask import masked_conversation
from tests.model_examples import CUSTOMER

PARTS = ("labelled", "labelled_held_out", "labelled_later")
KINDS = ("name", "card", "iban", "id", "phone", "mail", "birth", "number", "address")
_LABEL = re.compile(r"«(\w+):([^»]*)»")
_PLACEHOLDER = re.compile(r"\[[A-Z_]+\]")


class Sentence(NamedTuple):
    """A sentence, and where which kind of personal data stands in it."""

    text: str
    labels: tuple[tuple[str, int, int], ...]


class Measured(NamedTuple):
    """What masking did with the sentences of a language: counts by kind and by placeholder."""

    labels: Counter[str]
    found: Counter[str]
    masked: Counter[str]
    right: Counter[str]
    misses: list[str]

    def recall(self) -> dict[str, int]:
        """By kind, the share of labels of which nothing is left, in percent, rounded down."""
        return {kind: 100 * self.found[kind] // total for kind, total in self.labels.items()}

    def precision(self) -> dict[str, int]:
        """By placeholder, the share of masked places that are personal, in percent."""
        return {each: 100 * self.right[each] // total for each, total in self.masked.items()}


def measure(part: str) -> dict[str, Measured]:
    """Every language of a part, masked and counted."""
    file = Path(__file__).with_name(f"{part}.toml")
    languages = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        language: measure_sentences([*content["personal"], *content["nothing"]], content["code"])
        for language, content in languages.items()
    }


def read_sentence(marked: str) -> Sentence:
    """The sentence without its marks."""
    text, labels, end = "", [], 0
    for found in _LABEL.finditer(marked):
        text += marked[end : found.start()]
        labels.append((found[1], len(text), len(text) + len(found[2])))
        text += found[2]
        end = found.end()
    return Sentence(text + marked[end:], tuple(labels))


def measure_sentences(sentences: Sequence[str], code: str) -> Measured:
    """The sentences, each masked as a call of its own, and counted."""
    measured = Measured(Counter(), Counter(), Counter(), Counter(), [])
    for marked in sentences:
        text, labels = read_sentence(marked)
        masked = _masked(text, code)
        places = list(_places(text, masked))
        hidden = {index for _, start, end in places for index in range(start, end)}
        for kind, start, end in labels:
            measured.labels[kind] += 1
            letters = {index for index in range(start, end) if text[index].isalnum()}
            measured.found[kind] += letters <= hidden
            if not letters <= hidden:
                measured.misses.append(f"left     {marked}\n         {masked}")
        for placeholder, start, end in places:
            is_right = any(start < other and one < end for _, one, other in labels)
            measured.masked[placeholder] += 1
            measured.right[placeholder] += is_right
            if not is_right:
                measured.misses.append(f"wrongly  {marked}\n         {masked}")
    return measured


def _masked(text: str, code: str) -> str:
    turn = Turn(CUSTOMER, "ch_1", 0.0, 1.0, text)
    call = Conversation("x", code, Redaction.NONE, 1.0, (turn,))
    (masked,) = masked_conversation(call, introduced_names(call)).turns
    return masked.text


def _places(text: str, masked: str) -> Iterator[tuple[str, int, int]]:
    """Which places of a text were masked, and as what."""
    kept = map(re.escape, _PLACEHOLDER.split(masked))
    found = re.fullmatch("(.+?)".join(kept), text, re.DOTALL)
    assert found is not None, masked
    for number, placeholder in enumerate(_PLACEHOLDER.findall(masked), 1):
        yield placeholder, *found.span(number)


def _table(title: str, rows: list[str], measured: dict[str, Measured], of: str, all_: str) -> str:
    lines = ["", f"{title:16}" + "".join(f"{language:>16}" for language in measured)]
    for row in rows:
        line = f"{row:16}"
        for each in measured.values():
            count, total = getattr(each, of)[row], getattr(each, all_)[row]
            line += f"{f'{count} of {total} {count / total:4.0%}' if total else '-':>16}"
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    """Print what was measured."""
    for part in PARTS:
        measured = measure(part)
        masked = sorted({each for language in measured.values() for each in language.masked})
        print(f"\n{part}.toml")
        print(_table("found of", list(KINDS), measured, "found", "labels"))
        print(_table("personal of", masked, measured, "right", "masked"))
        if "--misses" in sys.argv:
            print(*(miss for each in measured.values() for miss in each.misses), sep="\n")


if __name__ == "__main__":
    main()
