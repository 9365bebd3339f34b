"""The market around the vendors' own doubles: what their buyers were let order is what it counts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mpstock import ScaledClock
from mpstock.simulation import Demand, Market, Oracle, Outlet, serve
from mpstock.testing import VirtualClock, run_virtual
from mpstock_onec.simulator import OnecSimulator
from mpstock_ozon.simulator import OzonSimulator
from mpstock_wb.simulator import WbSimulator

HOUR = 3600.0
SKUS = [f"Кружка {number}" for number in range(24)]
DEMAND = Demand(per_item=0.4, deliveries=2.0, cancel_share=0.2)


def world(clock: Any, cls: type[Market], **options: Any) -> tuple[Market, OnecSimulator, list[Any]]:
    """Return a market around 1C, Ozon with two warehouses and Wildberries with one."""
    base = OnecSimulator(clock=clock)
    ozon = OzonSimulator(SKUS, ("22142605386000", "1020003080073000"), clock=clock)
    wb = WbSimulator(SKUS, (1111,), clock=clock)
    outlets = [Outlet(ozon, feeds={"22142605386000": ["main"], "1020003080073000": ["msk"]}), Outlet(wb)]
    market = cls(
        clock,
        Market.assortment(SKUS, ("main", "msk")),
        outlets,
        source=base,
        demand=DEMAND,
        sample=600.0,
        **options,
    )
    return market, base, [ozon, wb]


def test_the_oracle_sells_by_the_doubles_what_is_there() -> None:
    """Two days of 1C, Ozon and Wildberries with a seller who reacts at once: nothing is sold twice."""
    clock = VirtualClock()
    market, _, doubles = world(clock, Oracle)
    run_virtual(lambda: market.advance(48 * HOUR), clock=clock)
    report = market.report()
    assert report.orders > 100
    assert (report.oversold, report.failed) == (0, 0)
    for outlet, double in zip(market.outlets, doubles, strict=True):
        shown = double.shown()
        for (sku, code), number in shown.items():
            feeds = outlet.feeds.get(code, market.stock.warehouses)
            assert number == max(market.stock.free(sku, feeds), 0)


def test_the_warehouse_system_agrees_with_the_truth_when_all_is_booked() -> None:
    """What 1C holds is what is there, less nothing: shipments are booked when they happen."""
    clock = VirtualClock()
    market, base, _ = world(clock, Oracle)
    run_virtual(lambda: market.advance(48 * HOUR), clock=clock)
    assert {key: int(number) for key, number in base.levels.items()} == market.stock.there


@pytest.mark.parametrize("books_at", ["order", "assembly"])
def test_a_system_that_books_early_shows_what_is_not_spoken_for(books_at: Any) -> None:
    """Booked at the order 1C is never above what is free; at assembly it may be, by what was not packed."""
    clock = VirtualClock()
    market, base, _ = world(clock, Oracle, books_at=books_at)
    run_virtual(lambda: market.advance(48 * HOUR), clock=clock)
    for (sku, warehouse), number in base.levels.items():
        free = market.stock.free(sku, [warehouse])
        if books_at == "order":
            assert int(number) == free
        else:
            assert free <= int(number) <= market.stock.there[sku, warehouse]


def test_numbers_that_stand_still_are_found_out_by_the_doubles() -> None:
    """With numbers of the first hour only, both marketplaces sell the same units, and parcels are missing."""
    clock = VirtualClock()
    market, _, (ozon, wb) = world(clock, Market)
    for sku in SKUS:
        for code in ozon.warehouse_codes():
            ozon.set_shown(sku, code, 40)
        wb.set_shown(sku, "1111", 40)
    run_virtual(lambda: market.advance(48 * HOUR), clock=clock)
    report = market.report()
    assert report.oversold > 10
    assert report.failed > 5
    assert report.sold > report.oversold


def test_it_plays_beside_doubles_that_are_served() -> None:
    """In a thread of its own, while the doubles answer HTTP in another."""
    clock = ScaledClock(7_200)
    market, _, doubles = world(clock, Oracle)
    with serve(*doubles), market.running():
        while market.report().orders < 10:
            asyncio.run(clock.sleep(600.0))
    assert market.report().oversold == 0
