"""What every use case of the lake works with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from cci_lite.nightly.problems import describe_problem
from cci_lite.ports import Catalog, Store

Result = TypeVar("Result")


class Clock(Protocol):
    """What time it is."""

    def __call__(self) -> dt.datetime:
        """Now, in UTC."""


@dataclass(frozen=True)
class NightlyLake:
    """What a run works with."""

    store: Store
    catalog: Catalog
    clock: Clock


def each_tenant(
    tenants: Iterable[str], action: Callable[[str], Result]
) -> tuple[dict[str, Result], dict[str, str]]:
    """The results of an action by tenant; and by tenant why it failed, which stops no other."""
    done: dict[str, Result] = {}
    failed: dict[str, str] = {}
    for tenant_id in tenants:
        try:
            done[tenant_id] = action(tenant_id)
        except Exception as problem:
            failed[tenant_id] = describe_problem(problem)
    return done, failed
