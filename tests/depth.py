"""What `make test` leaves to the slow suite: more of the same, never a behaviour of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest
from hypothesis import HealthCheck, settings


def mostly_slow(cases: Collection[Any], quick: Collection[Any]) -> list[Any]:
    """The cases as parameters: `make test` runs the quick ones, the slow suite all others."""
    parameters = [
        pytest.param(case, marks=() if case in quick else pytest.mark.slow) for case in cases
    ]
    assert sum(case in quick for case in cases) == len(quick), "a quick case is none of them"
    return parameters


def one_in(number: int) -> Callable[[Any], Any]:
    """A share of the examples that the profile says, for a law whose examples cost more."""
    return settings(
        max_examples=max(1, settings.default.max_examples // number),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
