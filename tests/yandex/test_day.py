"""Some hours of selling on Yandex Market: a whole shop, and buyers who come at random."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpstock.plugins import PluginRegistry
from mpstock.simulation import Demand, Market, MarketReport, Outlet
from mpstock.testing import VirtualClock, run_virtual, shop_in_process
from mpstock_onec import plugin as onec
from mpstock_onec.simulator import OnecSimulator
from mpstock_wb import plugin as wb
from mpstock_wb.simulator import WbSimulator
from mpstock_yandex import plugin
from mpstock_yandex.simulator import YandexSimulator
from tests.yandex.cabinet import MAIN

SKUS = [f"S-{number}" for number in range(24)]
HOURS = 3


def table(settings: dict[str, object]) -> str:
    return "\n".join(f"{key} = {value!r}".replace("'", '"') for key, value in settings.items())


def play(folder: Path, late: float, *, idle: bool = False) -> MarketReport:
    """Let buyers come for some hours; with `idle` nobody looks after the numbers once they are there."""
    clock = VirtualClock()
    erp = OnecSimulator(clock=clock)
    double, other = YandexSimulator(SKUS, (int(MAIN),), clock=clock), WbSimulator(SKUS, (1111,), clock=clock)
    double.cabinet.apply_after = late
    market = Market(
        clock,
        Market.assortment(SKUS, ("main",), seed=3),
        [Outlet(double), Outlet(other)],
        source=erp,
        demand=Demand(per_item=6.0, deliveries=0.5, cancel_share=0.2),
        sample=600.0,
    )
    file = folder / "mpstock.toml"
    file.write_text(
        f"[sources.erp]\n{table(erp.settings('http://erp.test'))}\n"
        f"[sinks.yandex]\n{table(double.settings('http://market.test'))}\n"
        f'[[sinks.yandex.warehouses]]\ncode = "{MAIN}"\n'
        f"[sinks.wb]\n{table(other.settings('http://wb.test'))}\n"
        f'[[sinks.wb.warehouses]]\ncode = "1111"\n',
        encoding="utf-8",
    )
    registry = PluginRegistry(entry_points=[])
    for name, one in (("yandex", plugin), ("onec", onec), ("wb", wb)):
        registry.register(one, name)

    async def day() -> None:
        doubles = {"sources.erp": erp, "sinks.yandex": double, "sinks.wb": other}
        async with shop_in_process(file, doubles, clock, plugins=registry) as shop:
            await shop.sync()
            for minute in range(HOURS * 60):
                await market.advance(60)
                if not idle:
                    await shop.sync(read="everything" if minute % 15 == 0 else "orders")

    run_virtual(day, clock=clock, threads=False)
    assert double.gate.refused == 0
    return market.report()


@pytest.mark.slow
@pytest.mark.parametrize("late", [0.0, 900.0])
def test_nothing_is_sold_twice_however_late_the_market_shows_a_number(tmp_path: Path, late: float) -> None:
    """The same units on two marketplaces, the default buffer, orders read each minute: none is sold twice.

    Yandex Market shows a number up to a quarter of an hour after it has taken it in, while its buyers go on
    buying. Where nobody looks after the numbers, the same buyers are sold what is not there.
    """
    report = play(tmp_path, late)
    assert report.orders > 200
    assert (report.oversold, report.failed) == (0, 0)
    (tmp_path / "idle").mkdir()
    assert play(tmp_path / "idle", late, idle=True).oversold > 0
