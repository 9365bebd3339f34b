"""One shop with every kind of source: 1C by OData, МойСклад, Odoo, a supplier's XLSX, open carts, orders.

Each is a double over real HTTP, the commands are typed as their user does, and every number is worked out
here by hand.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from attrs import define, field

from mpstock import ScaledClock
from mpstock.simulation import (
    Answer,
    Demand,
    Market,
    Outlet,
    Request,
    Simulator,
    SourceSimulator,
    serve,
)
from mpstock_files.simulator import SupplierSimulator, Writing
from mpstock_moysklad.simulator import MoyskladSimulator
from mpstock_odoo.simulator import OdooSimulator
from mpstock_onec.simulator_odata import OdataSimulator
from mpstock_ozon.simulator import OzonSimulator
from mpstock_wb.simulator import WbSimulator
from tests import ledgers
from tests.acceptance.play import OZON_CODE, WB_CODE, Result, command, toml

SPEED = 300.0


class CartService(Simulator):
    """The seller's own shop: `GET /carts` tells all that are open."""

    def __init__(self, clock: ScaledClock) -> None:
        super().__init__(clock=clock)
        self.carts: list[dict[str, Any]] = []
        self.route("GET", "/carts", self._list)

    async def _list(self, request: Request) -> Answer:
        return Answer.json({"carts": self.carts})


class Warehouses(SourceSimulator):
    """Every warehouse system of the seller as one: each own warehouse is kept by one of them."""

    def __init__(self, kept_by: Mapping[str, SourceSimulator]) -> None:
        super().__init__()
        self.kept_by = kept_by

    def set_level(self, sku: str, quantity: Any, warehouse: str = "main") -> None:
        system = self.kept_by[warehouse]
        system.call(system.set_level, sku, quantity, warehouse)

    def remove(self, sku: str, warehouse: str = "main") -> None:
        system = self.kept_by[warehouse]
        system.call(system.remove, sku, warehouse)

    def settings(self, url: str) -> dict[str, Any]:
        return {}


@define
class Stage:
    """The shop with its doubles."""

    folder: Path
    clock: ScaledClock
    warehouses: Warehouses
    carts: CartService
    ozon: OzonSimulator
    wb: WbSimulator
    tables: dict[str, Any] = field(factory=dict[str, Any])

    def run(self, *arguments: str) -> Result:
        """Type a command."""
        config = self.folder / "mpstock.toml"
        config.write_text(toml(self.tables), encoding="utf-8")
        return command(*arguments, "--config", str(config))

    def shown(self) -> tuple[dict[str, int], dict[str, int]]:
        """What Ozon and Wildberries show."""
        return (
            {sku: n for (sku, code), n in self.ozon.call(self.ozon.shown).items() if code == OZON_CODE},
            {sku: n for (sku, code), n in self.wb.call(self.wb.shown).items() if code == WB_CODE},
        )


@contextlib.contextmanager
def stage(folder: Path, levels: Mapping[tuple[str, str], int], skus: Sequence[str]) -> Iterator[Stage]:
    """Serve the doubles, and write settings that name them all."""
    clock = ScaledClock(SPEED)
    of = {
        name: {(sku, where): n for (sku, where), n in levels.items() if where == name}
        for name in ("main", "msk", "spb", "sup")
    }
    erp = OdataSimulator(of["main"], clock=clock)
    ms = MoyskladSimulator(of["msk"], clock=clock)
    odoo = OdooSimulator(of["spb"], clock=clock)
    supplier = SupplierSimulator(of["sup"], clock=clock, writing=Writing(format="xlsx"))
    carts = CartService(clock)
    ozon = OzonSimulator(skus, [OZON_CODE], clock=clock)
    wb = WbSimulator(skus, [int(WB_CODE)], clock=clock)
    warehouses = Warehouses({"main": erp, "msk": ms, "spb": odoo, "sup": supplier})
    with serve(erp, ms, odoo, supplier, carts, ozon, wb) as urls:
        booked = {name: {"books_at": "order", "lag": "10m"} for name in ("ozon", "wb")}
        common = {"absorbs": booked}
        tables = {
            "ledger": ledgers.settings_of(folder / "mpstock.db"),
            "clock": {"speed": SPEED, "anchor": clock.anchor.isoformat()},
            "sharing": {"between_sinks": "exclusive"},
            "sources": {
                "erp": {**erp.settings(urls[0]), **common},
                "ms": {**ms.settings(urls[1]), **common},
                "odoo": {**odoo.settings(urls[2]), **common},
                "supplier": {**supplier.settings(urls[3]), **common, "share": 0.5, "lead_time": "3d"},
                # A quarter of an hour is three seconds here, and a busy machine takes that long.
                "carts": {"plugin": "carts", "url": f"{urls[4]}/carts", "max_per_sku": 5, "ttl": "1d"},
            },
            "sinks": {
                "ozon": {
                    **ozon.settings(urls[5]),
                    "priority": 1,
                    "warehouses": [
                        {"code": OZON_CODE, "feeds": ["main", "msk"], "pick_order": ["main", "msk"]}
                    ],
                    "buffer": {"policy": "all", "cap": 6},
                },
                "wb": {
                    **wb.settings(urls[6]),
                    "priority": 2,
                    "warehouses": [{"code": WB_CODE, "feeds": ["main", "msk", "spb", "sup"]}],
                    "buffer": {"policy": "all"},
                },
            },
        }
        yield Stage(folder, clock, warehouses, carts, ozon, wb, tables)


def test_every_term_of_every_source_is_in_the_number_and_is_told(tmp_path: Path) -> None:
    """1C 5, МойСклад 3, Odoo 4, half of the supplier's 9; a cart of 2; two sold on Ozon and one on WB."""
    levels = {("SKU-1", "main"): 5, ("SKU-1", "msk"): 3, ("SKU-1", "spb"): 4, ("SKU-1", "sup"): 9}
    with stage(tmp_path, levels, ["SKU-1"]) as shop:
        shop.run("sync").ok()
        # Ozon is served first, up to its cap; WB gets the rest of 5 + 3 + 4 + 4.
        assert shop.shown() == ({"SKU-1": 6}, {"SKU-1": 10})
        (ozon_order,) = shop.ozon.call(shop.ozon.buy, "SKU-1", OZON_CODE, 2)
        shop.wb.call(shop.wb.buy, "SKU-1", WB_CODE, 1)
        shop.carts.carts = [{"key": "cart-1", "sku": "SKU-1", "quantity": 2, "warehouse": "spb"}]
        shop.run("sync").ok()
        # Ozon: 5 − 2 of main, 3 of msk, and the one from WB may be one of these: 5. WB gets what is left of
        # 16 − 2 − 1 − 2 = 11.
        assert shop.shown() == ({"SKU-1": 5}, {"SKU-1": 11 - 5})
        told = shop.run("explain", "SKU-1", "--json").ok().json
        terms = {(term["source"], term["warehouse"]): term for term in told["terms"]}
        assert {key: term["quantity"] for key, term in terms.items()} == {
            ("erp", "main"): 5,
            ("ms", "msk"): 3,
            ("odoo", "spb"): 4,
            ("supplier", "sup"): 9,
        }
        assert {key: term["amount"] for key, term in terms.items()} == {
            ("erp", "main"): 3,
            ("ms", "msk"): 3,
            ("odoo", "spb"): 2,
            ("supplier", "sup"): 4,
        }
        assert all(0 <= term["age"] < timedelta(hours=6).total_seconds() for term in terms.values())
        holds = {hold["origin"]: hold for hold in told["holds"]}
        assert holds["ozon"]["key"] == ozon_order
        assert (holds["ozon"]["quantity"], holds["ozon"]["warehouses"]) == (2, ["main"])
        assert (holds["ozon"]["subtracted_from"], holds["ozon"]["booked_by"]) == (["erp"], [])
        assert sorted(holds["wb"]["warehouses"]) == ["main", "msk", "spb", "sup"]
        assert (holds["carts"]["quantity"], holds["carts"]["warehouses"]) == (2, ["spb"])
        # 1C books Ozon's order; from the reading after its lag on it is subtracted no more.
        shop.warehouses.set_level("SKU-1", 3, "main")
        for double in (shop.ozon, shop.wb):
            double.requests.clear()
        _until_later(shop, minutes=11)
        shop.run("sync").ok()
        text = shop.run("explain", "SKU-1").ok().stdout
        assert "booked by erp: not subtracted from it" in text
        assert "a share of 0.5 counts" in text
        told = shop.run("explain", "SKU-1", "--json").ok().json
        assert {term["source"]: term["held"] for term in told["terms"]}["erp"] == 0


def _until_later(shop: Stage, minutes: float) -> None:
    """Let so many minutes of the doubles' time pass: parts of a second."""
    over = shop.clock.now() + timedelta(minutes=minutes)
    while shop.clock.now() < over:
        shop.run("status")


def test_a_market_sells_cancels_and_ships_while_it_runs_and_nothing_is_oversold(tmp_path: Path) -> None:
    """Hours of buyers on both marketplaces, every system booking late: not a unit beyond what is there."""
    skus = [f"SKU-{number}" for number in range(1, 25)]
    stock = Market.assortment(skus, ("main", "msk", "spb"), seed=7)
    with stage(tmp_path, stock, skus) as shop:
        # The supplier's stock is not the seller's own: it is out of this play.
        del shop.tables["sources"]["supplier"]
        shop.tables["sinks"]["wb"]["warehouses"][0]["feeds"] = ["main", "msk", "spb"]
        shop.wb.stocks.self_decrements = True
        shop.run("sync").ok()
        outlets = [
            Outlet(shop.ozon, {OZON_CODE: ["main", "msk"]}),
            Outlet(shop.wb, {WB_CODE: ["main", "msk", "spb"]}),
        ]
        demand = Demand(per_item=3.0, cancel_share=0.2, cancelled=(60.0, 7200.0))
        market = Market(
            shop.clock, stock, outlets, source=shop.warehouses, demand=demand, seed=3,
            books_at="order", book_lag=240.0,
        )  # fmt: skip
        with market.running():
            over = shop.clock.now() + timedelta(hours=1)
            runs = 0
            while shop.clock.now() < over or runs < 8:
                result = shop.run("sync", "--json")
                assert result.code in (0, 1), result.said
                runs += 1
        report = market.report()
        assert report.sold > 20, report
        assert report.oversold == 0, report
        refused = [one for double in (shop.ozon, shop.wb) for one in double.requests if one.status == 429]
        assert refused == []
