"""A shop whose truth is kept here, and a judge who looks at each request that a marketplace accepts.

The truth is what the warehouse has and what buyers have ordered. The ledger is never asked for it.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attrs import define, field

from mpstock.simulation import Answer, Request, Simulator
from tests import ledgers
from tests.acceptance.play import OZON_CODE, OZON_WRITES, WB_CODE, Play, shop
from tests.byhand import by_hand

__all__ = ["World", "world"]

_BOTH = ("ozon", "wb")


@define
class World:
    """What there is, what is ordered, and what the marketplaces were seen to accept.

    `accepted` counts by marketplace the numbers that it took, `wrong` names those that were above what could
    be sold at that moment, and `twice` those that it had been sent before, nothing else and no order between.
    """

    play: Play
    stock: dict[str, int]
    chance: random.Random
    ordered: Counter[str] = field(factory=Counter[str])
    orders: dict[tuple[str, str], str] = field(factory=dict[tuple[str, str], str])
    accepted: dict[str, Counter[tuple[str, int]]] = field(factory=lambda: {name: Counter() for name in _BOTH})
    requests: int = 0
    wrong: list[str] = field(factory=list[str])
    twice: list[str] = field(factory=list[str])
    sent: dict[tuple[str, str], int] = field(factory=dict[tuple[str, str], int])
    before: dict[str, int] = field(factory=dict[str, int])

    def __attrs_post_init__(self) -> None:
        keys = {size.chrt_id: key for key, size in self.play.wb.catalogue.by_key.items()}
        ozon, wb = self.play.ozon, self.play.wb

        def of_ozon(request: Request) -> list[tuple[str, int, int]]:
            rows = request.json()["stocks"] if request.path == OZON_WRITES else []
            return [
                (row["offer_id"], row["stock"], _free(ozon.account.stock(row["offer_id"], int(OZON_CODE))))
                for row in rows
            ]

        def of_wb(request: Request) -> list[tuple[str, int, int]]:
            rows = request.json()["stocks"] if request.method == "PUT" else []
            return [
                (keys[row["chrtId"]], row["amount"], wb.stocks.amount(int(WB_CODE), row["chrtId"]) or 0)
                for row in rows
            ]

        self._watch("ozon", ozon, of_ozon)
        self._watch("wb", wb, of_wb)

    def _watch(
        self, name: str, double: Simulator, rows: Callable[[Request], list[tuple[str, int, int]]]
    ) -> None:
        finish = double.finish

        def finished(request: Request, answer: Answer) -> Answer:
            # Of a client that died on the way the double may have half a request: it refuses that.
            self._judge(name, rows(request) if answer.status < 300 else [])
            return finish(request, answer)

        double.finish = finished  # type: ignore[method-assign]

    def _judge(self, name: str, rows: list[tuple[str, int, int]]) -> None:
        self.requests += bool(rows)
        for sku, sent, shows in rows:
            if shows != sent:
                # Refused by name: it shows what it showed.
                continue
            self.accepted[name][sku, sent] += 1
            if self.sent.get((name, sku)) == sent:
                self.twice.append(f"{name} was sent {sent} of {sku}, and had been sent it before")
            self.sent[name, sku] = sent
            if sent > self.available(sku):
                self.wrong.append(f"{name} took {sent} of {sku}, of which there are {self.available(sku)}")

    def available(self, sku: str) -> int:
        """What may be sold of a product now: what the warehouse has, less what was ordered."""
        return max(self.stock[sku] - self.ordered[sku], 0)

    def wanted(self) -> dict[str, int]:
        """What every listing must show when all is done."""
        return {sku: self.available(sku) for sku in self.stock}

    # -- what happens in the world, between two processes --------------------------------------------

    def move(self, count: int) -> None:
        """Let the warehouse have other numbers of some products: more, fewer, none."""
        chosen = self.chance.sample(sorted(self.stock), count)
        self.before = {sku: self.stock[sku] for sku in chosen}
        self.set({sku: self._other(self.stock[sku]) for sku in chosen})

    def move_back(self) -> None:
        """Let some of what moved last return to what it was, and some of it go on elsewhere."""
        self.set(
            {
                sku: old if self.chance.random() < 0.6 else self._other(self.stock[sku])
                for sku, old in self.before.items()
                if self.chance.random() < 0.8
            }
        )

    def _other(self, quantity: int) -> int:
        return self.chance.choice((0, 1, quantity // 2, quantity + 1, quantity + 5, 3 * quantity + 2)) % 200

    def set(self, levels: dict[str, int]) -> None:
        """Let the warehouse have these numbers."""
        self.play.onec.call(self.stock.update, levels)
        self.play.set_levels(levels)

    def trade(self, count: int) -> None:
        """Let buyers order some of what is shown, and take back an order here and there."""
        for name, key in [order for order in self.orders if self.chance.random() < 0.3]:
            sku = self.orders.pop((name, key))
            self.ordered[sku] -= 1
            self.sent.pop((name, sku), None)
            getattr(self.play, name).cancel(key)
        for sku in self.chance.sample(sorted(self.stock), count):
            name = self.chance.choice(_BOTH)
            code = OZON_CODE if name == "ozon" else WB_CODE
            if self.available(sku) > 0:
                for key in getattr(self.play, name).buy(sku, code):
                    self.ordered[sku] += 1
                    self.orders[name, key] = sku
                    self.sent.pop((name, sku), None)

    def quiet(self) -> None:
        """Wait until the doubles have done what a process that is gone has asked of them."""
        # What is in their sockets by now they have read after some turns of their loop.
        for _ in range(30):
            self.play.onec.call(lambda: None)
        over = time.monotonic() + 20
        while any(double.under_way for double in (self.play.onec, self.play.ozon, self.play.wb)):
            assert time.monotonic() < over, "a double goes on for ever"
            time.sleep(0.002)

    # -- what must hold ------------------------------------------------------------------------------

    def check(self, said: str = "") -> None:
        """The marketplaces show what the formula says, nothing was too much, nothing is lost."""
        wanted = self.wanted()
        for name in _BOTH:
            shown = self.play.shown(name)
            differ = {sku: (shown[sku], wanted[sku]) for sku in wanted if shown[sku] != wanted[sku]}
            assert not differ, f"{name} shows, and should: {differ}; {said}"
        assert not self.wrong, self.wrong[:5]
        assert not self.twice, f"{self.twice[:5]}; {said}"
        assert self.play.refused() == 0, "a limit was passed"
        self._check_ledger()

    def _check_ledger(self) -> None:
        with by_hand(self.play.ledger) as ledger:
            (flying,) = ledger.execute(
                "SELECT count(*) FROM marketplace_stocks WHERE in_flight IS NOT NULL"
            ).fetchone()
            (unended,) = ledger.execute("SELECT count(*) FROM pushes WHERE finished_at IS NULL").fetchone()
            assert (flying, unended) == (0, 0)
            told = Counter(
                {
                    (name, sku, quantity): count
                    for name, sku, quantity, count in ledger.execute(
                        "SELECT g.marketplace, p.sku, g.new_qty, count(*) FROM stock_sync_log AS g "
                        "JOIN products AS p ON p.id = g.product_id GROUP BY 1, 2, 3"
                    )
                }
            )
            if not ledgers.ON_POSTGRES:
                assert ledger.execute("PRAGMA quick_check").fetchone() == ("ok",)
        silent = {
            (name, sku, quantity): count
            for name in _BOTH
            for (sku, quantity), count in self.accepted[name].items()
            if told[name, sku, quantity] < count
        }
        assert not silent, f"accepted, and not in the log: {silent}"


def _free(stock: Any) -> int:
    return 0 if stock is None else stock.free


@contextlib.contextmanager
def world(folder: Path, products: int, *, seed: int = 0, speed: float = 200.0) -> Iterator[World]:
    """Open a shop of so many products, on doubles with their limits, served over HTTP."""
    chance = random.Random(seed)
    levels = {
        f"SKU-{number:05}": chance.choice((0, 1, 2, 3, 8, 20, 75, 120)) for number in range(1, products + 1)
    }
    with shop(folder, levels, limits=True, speed=speed) as play:
        for name in _BOTH:
            play.sink(name)["buffer"] = {"policy": "all"}
        play.tables["guards"] = {"zeroing": {"share": 1, "count": 1_000_000}}
        play.write()
        yield World(play, dict(levels), chance)
