"""List prices of the services that process a call, in US dollars, for eu-central-1.

A language model's prices are those of its profile: `eu.` or `us.`, wherever it is called from. They
stand in `services.toml`; `call_costs` carries the same rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from cci_lite.contract.document import Redaction, Usage
from cci_lite.contract.services import service_facts

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


def _prices() -> tuple[Price, ...]:
    facts = service_facts()
    plain = [
        Price(
            price.item,
            price.usd,
            price.per,
            price.unit,
            price.valid_from or _SINCE_EVER,
            price.verified,
            price.source,
        )
        for price in facts.prices
    ]
    of_models = [
        Price(
            f"{price.model_id} {kind}",
            usd,
            _MILLION,
            "token",
            price.valid_from or _SINCE_EVER,
            price.verified,
            price.source,
        )
        for price in facts.model_prices
        for kind, usd in (
            ("input", price.input_usd_per_million),
            ("output", price.output_usd_per_million),
        )
    ]
    return (*plain, *of_models)


PRICES: tuple[Price, ...] = _prices()


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


def cost_of(
    usage: Usage, redaction: Redaction | None, model_id: str | None, day: dt.date
) -> float | None:
    """What a call cost in US dollars, as `call_costs` computes it; None when a price is missing."""
    amounts = {
        "transcribe": usage.audio_seconds,
        "transcribe redaction": usage.audio_seconds if redaction is Redaction.TRANSCRIBE else None,
        "comprehend": usage.comprehend_units,
        f"{model_id} input": usage.input_tokens,
        f"{model_id} output": usage.output_tokens,
    }
    unit_prices = {
        period.price.item: period.price.usd / period.price.per
        for period in price_periods()
        if period.valid_from <= day < period.valid_until
    }
    # A cost with a missing price would be too low: unknown is better than wrong.
    used = {item: amount for item, amount in amounts.items() if amount}
    if not used.keys() <= unit_prices.keys():
        return None
    return sum(amount * unit_prices[item] for item, amount in used.items())
