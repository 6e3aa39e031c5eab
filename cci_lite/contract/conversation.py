"""A transcribed call as turns: what a transcript becomes and what an evaluation is made from."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from cci_lite.contract.document import Redaction


class Role(StrEnum):
    """Who speaks."""

    AGENT = "agent"
    CUSTOMER = "customer"
    UNKNOWN = "unknown"


class UnknownAgent(StrEnum):
    """Why it is not known who the agent of a call is."""

    CHANNEL = "channel"
    SPEAKER = "speaker"
    NO_LABELS = "no_labels"
    CHANNELS_ALIKE = "channels_alike"


# gc=False: these structs hold no reference cycles, and a long call has tens of thousands of words
# that the garbage collector would visit again and again.
class Word(msgspec.Struct, frozen=True, gc=False):
    """When one word of a turn is spoken; `offset` is where it begins in the turn's text.

    The times are None where the transcript gives none, or an impossible one.
    """

    offset: int
    start_seconds: float | None
    end_seconds: float | None


class Turn(msgspec.Struct, frozen=True, gc=False):
    """What one speaker says until another takes over.

    `label` is the transcript's own name of the speaker, None when it names none. `confidence` is
    the mean over the words that have one. Without `words` only the turn's own times are known.
    """

    role: Role
    label: str | None
    start_seconds: float
    end_seconds: float
    text: str
    confidence: float | None = None
    words: tuple[Word, ...] = ()


class Conversation(msgspec.Struct, frozen=True, gc=False):
    """A transcribed call. `turns` are in the order of their start and overlap where both spoke.

    Every turn contains a word; punctuation alone is no turn. `turns_known` is false where the
    transcript does not tell one speaker's words from another's. `wordless` are the roles of
    speakers of whom only punctuation was transcribed. `channels_alike`: both channels carry the
    same speech.
    """

    job_name: str
    language_code: str | None
    redaction: Redaction
    duration_seconds: float
    turns: tuple[Turn, ...]
    turns_known: bool = True
    wordless: frozenset[Role] = frozenset()
    untimed_words: int = 0
    channels_alike: bool = False

    @property
    def roles_known(self) -> bool:
        """True when it is known of every turn whether the agent or the customer speaks."""
        return all(turn.role is not Role.UNKNOWN for turn in self.turns)

    @property
    def unknown_labels(self) -> list[str]:
        """The transcript's own names of those whose role is not known."""
        unknown = (turn.label for turn in self.turns if turn.role is Role.UNKNOWN)
        return sorted({label for label in unknown if label is not None})

    @property
    def unknown_agent(self) -> UnknownAgent | None:
        """Why the agent is not known; None when the agent is known, or the role of everybody."""
        agents = {*self.wordless, *(turn.role for turn in self.turns)}
        if self.roles_known or Role.AGENT in agents:
            return None
        if self.channels_alike:
            return UnknownAgent.CHANNELS_ALIKE
        labels = self.unknown_labels
        if len(labels) < 2 and not self.turns_known:
            return UnknownAgent.NO_LABELS
        by_channel = labels[0].startswith("ch_")
        return UnknownAgent.CHANNEL if by_channel else UnknownAgent.SPEAKER

    @property
    def review_reasons(self) -> list[str]:
        """Why a person has to look at what was judged, in words of a fixed vocabulary."""
        return [
            *(["channels_alike"] if self.channels_alike else []),
            *(["word_times"] if self.untimed_words else []),
        ]
