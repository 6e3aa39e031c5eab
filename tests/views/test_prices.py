"""The prices in `call_costs` are the declared ones."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlglot import exp, parse_one

from cci_lite.assets import asset_folder
from cci_lite.contract.prices import PRICES, Price, price_periods
from cci_lite.contract.services import service_facts
from cci_lite.local.duckdb_engine import open_engine
from cci_lite.local.tenant_files import TenantSnapshot
from cci_lite.views import read_views, to_duckdb


def test_the_view_holds_the_declared_prices() -> None:
    view = next(
        view for view in read_views(asset_folder("sql") / "views") if view.name == "call_costs"
    )
    values = parse_one(view.sql, read="athena").find(exp.Values)
    assert values is not None
    sql = f"SELECT * FROM {values.sql('athena')}"
    with open_engine(TenantSnapshot("acme", {}), {}) as engine:
        rows = engine.query(to_duckdb(sql, {})).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (
            period.price.item,
            period.valid_from,
            period.valid_until,
            period.price.usd,
            float(period.price.per),
        )
        for period in price_periods()
    ]


def test_a_price_holds_until_the_next_one_of_its_item() -> None:
    def price(item: str, day: dt.date) -> Price:
        return Price(item, 1.0, 1, "unit", day, True, "a test")

    periods = price_periods(
        [
            price("b", dt.date(2025, 1, 1)),
            price("a", dt.date(2026, 1, 1)),
            price("a", dt.date(2025, 1, 1)),
        ]
    )
    assert [(p.price.item, p.valid_from, p.valid_until) for p in periods] == [
        ("a", dt.date(2025, 1, 1), dt.date(2026, 1, 1)),
        ("a", dt.date(2026, 1, 1), dt.date(9999, 12, 31)),
        ("b", dt.date(2025, 1, 1), dt.date(9999, 12, 31)),
    ]


@pytest.mark.parametrize("price", PRICES, ids=lambda price: price.item)
def test_every_price_says_where_it_comes_from(price: Price) -> None:
    assert price.usd > 0
    assert price.per > 0
    assert price.source


def test_every_price_of_the_lake_says_where_it_comes_from_too() -> None:
    prices = service_facts().lake_prices
    assert len({price.item for price in prices}) == len(prices)
    assert all(price.usd > 0 and price.per > 0 and price.source for price in prices)


@pytest.mark.parametrize(
    "model_id", [each for model in service_facts().models for each in model.ids.values()]
)
def test_every_model_that_can_be_called_has_its_prices(model_id: str) -> None:
    items = {price.item for price in PRICES}
    assert {f"{model_id} input", f"{model_id} output"} <= items
