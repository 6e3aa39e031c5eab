"""List prices of the services that process a call, in US dollars, for eu-central-1.

`call_costs` carries the same rows. A price that changes gets a second row with the day it holds
from; the oldest row of an item also covers the days before, for which no other price is known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

# Bounds that Athena's and DuckDB's DATE can both hold.
_SINCE_EVER = dt.date(2000, 1, 1)
_STILL = dt.date(9999, 12, 31)
_MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """What `per` units of an item cost, and how sure that is.

    `verified` says that the figure was seen in a price list (the price page or the Price List API),
    not in a second-hand table and not from memory.
    """

    item: str
    usd: float
    per: int
    unit: str
    valid_from: dt.date
    verified: bool
    source: str


@dataclass(frozen=True)
class PricePeriod:
    """A price and the days on which it holds: from `valid_from` to the day before `valid_until`."""

    price: Price
    valid_from: dt.date
    valid_until: dt.date


def _model(model_id: str, input_usd: float, output_usd: float) -> tuple[Price, Price]:
    """The two prices of a language model, given per million tokens."""
    source = "LiteLLM's table of model prices, eu inference profiles, read 2026-09"
    return (
        Price(f"{model_id} input", input_usd, _MILLION, "token", _SINCE_EVER, False, source),
        Price(f"{model_id} output", output_usd, _MILLION, "token", _SINCE_EVER, False, source),
    )


PRICES: tuple[Price, ...] = (
    # Until some day before 2026-09 it was 0.024 a minute; that day is not known, so no second row.
    Price(
        "transcribe",
        0.006,
        60,
        "second of audio",
        _SINCE_EVER,
        True,
        "AWS Price List API, standard batch, read 2026-09-22",
    ),
    Price(
        "transcribe redaction",
        0.0024,
        60,
        "second of audio",
        _SINCE_EVER,
        False,
        "from memory (0.0024 a minute); the price page has the line, the amount was not found",
    ),
    Price(
        "comprehend",
        0.0001,
        1,
        "unit of 100 characters",
        _SINCE_EVER,
        False,
        "second-hand; the unit itself is from Amazon Comprehend's price page",
    ),
    *_model("eu.anthropic.claude-haiku-4-5-20251001-v1:0", 1.10, 5.50),
    *_model("eu.anthropic.claude-sonnet-4-6", 3.30, 16.50),
    *_model("eu.amazon.nova-2-lite-v1:0", 0.429, 3.597),
    *_model("eu.amazon.nova-lite-v1:0", 0.078, 0.312),
)


def price_periods(prices: Iterable[Price] = PRICES) -> tuple[PricePeriod, ...]:
    """Each price with the days it holds, by item and day."""
    ordered = sorted(prices, key=lambda price: (price.item, price.valid_from))
    periods: list[PricePeriod] = []
    for _, group in groupby(ordered, key=lambda price: price.item):
        of_item = list(group)
        ends = [price.valid_from for price in of_item[1:]]
        periods += [
            PricePeriod(price, price.valid_from, end)
            for price, end in zip(of_item, [*ends, _STILL], strict=True)
        ]
    return tuple(periods)
