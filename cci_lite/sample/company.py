"""What a company of the sample world is made of: people, forms, reasons to call, and what is said.

What is said is written down as exchanges: `A:` is the agent, `C:` the customer, `|` the next turn,
`A(60):` a turn after a silence of 60 seconds. What follows `||` is said late in the call instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from cci_lite.contract.form import Form
from cci_lite.contract.tenant import Tenant

NOTHING = ("",)


class Layout(StrEnum):
    """How a transcript is laid out."""

    CHANNELS = "channels"
    CHANNELS_UNLABELLED = "channels_unlabelled"
    SPEAKERS = "speakers"
    CALL_ANALYTICS = "call_analytics"


@dataclass(frozen=True)
class Moment:
    """A step of a call. Which of its exchanges is said depends on the verdict of its criterion.

    A moment without a criterion is always said as `passed`.
    """

    criterion_id: str | None
    passed: tuple[str, ...]
    failed: tuple[str, ...] = NOTHING
    na: tuple[str, ...] = NOTHING


@dataclass(frozen=True)
class SampleForm:
    """One version of the company's form and the moments that its criteria are about.

    `begins_at` is the share of the period after which calls are judged by it.
    """

    template: Form
    opening: tuple[Moment, ...]
    middle: tuple[Moment, ...]
    closing: tuple[Moment, ...]
    begins_at: float = 0.0


@dataclass(frozen=True)
class Topic:
    """A reason to call: its queue, what the customer says first, which criteria do not apply."""

    queue: str
    share: float
    needs: tuple[str, ...]
    body: tuple[str, ...]
    endings: tuple[str, ...]
    not_applicable: frozenset[str] = frozenset()
    direction: Literal["inbound", "outbound"] = "inbound"


@dataclass(frozen=True)
class SampleAgent:
    """An agent. `factors` multiply the chance to fail a criterion, `factor` is for the others.

    `calls` fixes the number of calls of somebody who hardly takes any; `twin` is an agent with
    exactly the same verdicts on every day.
    """

    agent_id: str
    name: str
    team: str
    share: float = 0.0
    factor: float = 1.0
    factors: Mapping[str, float] = field(default_factory=dict)
    calls: int | None = None
    twin: SampleAgent | None = None


@dataclass(frozen=True)
class TurningPoint:
    """From `at` (share of the period) on, a criterion is failed `factor` times as often."""

    at: float
    criterion_id: str
    factor: float
    because: str


@dataclass(frozen=True)
class Company:
    """A tenant of the sample world with everything that makes its calls."""

    tenant: Tenant
    share: float
    forms: tuple[SampleForm, ...]
    topics: tuple[Topic, ...]
    agents: tuple[SampleAgent, ...]
    layouts: Mapping[Layout, float]
    fail_chance: Mapping[str, float]
    queue_factors: Mapping[str, float]
    turning_points: tuple[TurningPoint, ...]
    open_minutes: tuple[int, int]
    weekend: float
    words: Mapping[str, tuple[str, ...]]
