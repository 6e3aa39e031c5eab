"""Chance that is the same for a seed on every machine and version of Python."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Shared = TypeVar("Shared", bound=Any)


class Dice:
    """A stream of choices, one for each name.

    Everything is derived from `random()`, the one method whose sequence Python promises to keep.
    Streams do not disturb each other: a change in one call leaves all others as they were.
    """

    def __init__(self, *name: object) -> None:
        digest = hashlib.sha256("/".join(map(str, name)).encode()).digest()
        self.roll = random.Random(int.from_bytes(digest[:8], "big")).random

    def chance(self, share: float) -> bool:
        """True in `share` of the cases."""
        return self.roll() < share

    def below(self, end: int) -> int:
        """A whole number from 0 to `end` - 1."""
        return int(self.roll() * end)

    def pick(self, choices: Sequence[T]) -> T:
        """One of `choices`."""
        return choices[self.below(len(choices))]

    def pick_weighted(self, choices: Sequence[T], weights: Sequence[float]) -> T:
        """One of `choices`, each as often as its weight says."""
        # Unlike sum(), fsum() gives the same on every version of Python.
        rest = self.roll() * math.fsum(weights)
        for choice, weight in zip(choices, weights, strict=True):
            rest -= weight
            if rest < 0:
                return choice
        return choices[-1]

    def pick_by_share(self, choices: Sequence[Shared]) -> Shared:
        """One of `choices`, each as often as its share says."""
        return self.pick_weighted(choices, [choice.share for choice in choices])

    def pick_some(self, choices: Sequence[T], count: int) -> list[T]:
        """At most `count` different ones of `choices`, in the order given."""
        left = list(range(len(choices)))
        chosen = [left.pop(self.below(len(left))) for _ in range(min(count, len(left)))]
        return [choices[index] for index in sorted(chosen)]
