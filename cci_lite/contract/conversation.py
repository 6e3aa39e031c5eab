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


class Word(msgspec.Struct, frozen=True, gc=False):
    """When one word of a turn is spoken; `offset` is where it begins in the turn's text."""

    offset: int
    start_seconds: float
    end_seconds: float


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
    """A transcribed call. `turns` are in the order of their start and overlap where both spoke."""

    job_name: str
    language_code: str | None
    redaction: Redaction
    duration_seconds: float
    turns: tuple[Turn, ...]

    @property
    def roles_known(self) -> bool:
        """True when it is known of every turn whether the agent or the customer speaks."""
        return all(turn.role is not Role.UNKNOWN for turn in self.turns)
