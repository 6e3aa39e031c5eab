"""What every use case of the lake works with."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from cci_lite.ports import Catalog, Store


class Clock(Protocol):
    """What time it is."""

    def __call__(self) -> dt.datetime:
        """Now, in UTC."""


@dataclass(frozen=True)
class Lake:
    """What a run works with."""

    store: Store
    catalog: Catalog
    clock: Clock
