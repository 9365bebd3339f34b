"""The double of МойСклад's JSON API 1.2: goods, stores, bundles and stock of one account.

Written from the vendor's documents (general part, restrictions, errors, report «Остатки», assortment,
bundles). Run alone: `python -m mpstock_moysklad.simulator --port 8080`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from mpstock import Clock
from mpstock.simulation import Answer, Request, SourceSimulator, main
from mpstock_moysklad import simulator_entities, simulator_reports
from mpstock_moysklad.simulator_account import Account, Good, Kind, Stock, make_id
from mpstock_moysklad.simulator_gate import Gate, RateModel
from mpstock_moysklad.simulator_wire import API, error

__all__ = ["MoyskladSimulator"]

Number = int | str | Decimal


class MoyskladSimulator(SourceSimulator):
    """An account of МойСклад.

    `levels` gives what is on the shelf by (article, store's name); it is a day old.

    Switches, all settable at any time:

    `gate`        credentials, limits, weights, bans, rights: see `Gate`.
    `delay`       seconds until an answer of a report, of the double's clock.
    `cut_at`      an expanded bundle shows at most so many of its components; None = all.
    `report_too_large`  the short report is refused as too large unless it is filtered.
    `reserves_show`  whether a change of a reserve alone counts as a change for `changedSince`: the
                  documents do not say.
    """

    def __init__(
        self,
        levels: Mapping[tuple[str, str], Number] | None = None,
        *,
        token: str = "0cbfc512618efa7d5fa306250bca064c1169b37c",
        login: str = "admin@mpstock",
        password: str = "Пароль МС",
        clock: Clock | None = None,
        rate_model: RateModel = "fixed",
    ) -> None:
        super().__init__(clock=clock)
        self.gate = Gate(self.clock, token, login, password, rate_model)
        self.account = Account()
        self._public = ""
        self.delay = 0.0
        self.cut_at: int | None = None
        self.report_too_large = False
        self._injected: list[tuple[str, str, Any]] = []
        self.reserves_show = False
        old = self.clock.now() - timedelta(days=2)
        for (sku, store), number in (levels or {}).items():
            good, place = self.account.good(sku, old), self.account.store(store, old)
            self.account.stock[good.id, place.id] = Stock(old, _decimal(number))
        for report in ("all", "bystore"):
            self.route("GET", f"{API}/report/stock/{report}/current", self._current)
            self.route("GET", f"{API}/report/stock/{report}", self._full)
        self.route("GET", f"{API}/entity/assortment", self._assortment)
        self.route("GET", f"{API}/entity/store", self._stores)
        self.route("GET", f"{API}/entity/bundle", self._bundles)
        self.route("GET", f"{API}/entity/bundle/{{bundle}}", self._bundle)
        self.route("GET", f"{API}/entity/bundle/{{bundle}}/components", self._components)

    # -- the world -----------------------------------------------------------------------

    @property
    def levels(self) -> dict[tuple[str, str], Decimal]:
        """What is on the shelf, by article and store's name."""
        found: dict[tuple[str, str], Decimal] = {}
        for (good, store), stock in self.account.stock.items():
            article = self.account.goods[good].article
            if article is not None and store is not None:
                found[article, self.account.stores[store].name] = stock.stock
        return found

    def set_level(self, sku: str, quantity: Number, warehouse: str = "main") -> None:
        """Let the account have `quantity` on the shelf. The same quantity again is no change."""
        stock = self._stock(sku, warehouse)
        if stock.stock != _decimal(quantity):
            stock.stock, stock.changed_at = _decimal(quantity), self.clock.now()

    def reserve(self, sku: str, quantity: Number, warehouse: str | None = "main") -> None:
        """Let the account's orders keep so much; `warehouse` None = orders that name no store."""
        stock = self._stock(sku, warehouse)
        if stock.reserve != _decimal(quantity):
            stock.reserve = _decimal(quantity)
            if self.reserves_show:
                stock.changed_at = self.clock.now()

    def expect(self, sku: str, quantity: Number, warehouse: str | None = "main") -> None:
        """Let so much be in transit, by orders to suppliers."""
        stock = self._stock(sku, warehouse)
        stock.in_transit, stock.changed_at = _decimal(quantity), self.clock.now()

    def remove(self, sku: str, warehouse: str = "main") -> None:
        """Let the good never have been in that store; no answer says so."""
        good, store = self.account.find(sku), self.account.store(warehouse, self.clock.now())
        if good is not None:
            self.account.stock.pop((good.id, store.id), None)

    def add_good(
        self,
        name: str,
        *,
        kind: Kind = "product",
        article: str | None = None,
        code: str = "",
        external_code: str = "",
        barcodes: Sequence[str] = (),
        stock: Mapping[str, Number] | None = None,
    ) -> str:
        """Let the account have a good, told apart by its name; returns its id. `stock` is by store's name."""
        now = self.clock.now()
        good = Good(
            make_id("named", kind, name),
            kind,
            name,
            article,
            code,
            external_code or make_id("external", name)[:22],
            [{"ean13": barcode} for barcode in barcodes],
            now,
        )
        self.account.add(good)
        for store, number in (stock or {}).items():
            self.account.stock[good.id, self.account.store(store, now).id] = Stock(now, _decimal(number))
        return good.id

    def add_bundle(self, sku: str, components: Mapping[str, Number], *, article: bool = True) -> str:
        """Let the account have a bundle of goods, by their ids or articles; returns its id."""
        id_ = self.add_good(f"Комплект {sku}", kind="bundle", article=sku if article else None, code=sku)
        self.compose(id_, components)
        return id_

    def compose(self, bundle: str, components: Mapping[str, Number]) -> None:
        """Let a bundle be made of these, by their ids or articles."""
        good = self.account.goods[bundle]
        good.components = []
        for given, number in components.items():
            found = self.account.find(given)
            good.components.append((found.id if found else given, _decimal(number)))
        good.updated = self.clock.now()

    def rename(self, sku: str, article: str) -> None:
        """Give the good of that article another one."""
        good = self.account.find(sku)
        if good is None:
            raise KeyError(sku)
        good.article, good.updated = article, self.clock.now()
        self.account.add(good)

    def archive(self, sku: str, archived: bool = True) -> None:
        """Put a good into the archive, or take it out: what changed tells 0 of it, lists leave it out."""
        good = self.account.find(sku)
        if good is None:
            raise KeyError(sku)
        now = self.clock.now()
        good.archived, good.updated = archived, now
        for (id_, _), stock in self.account.stock.items():
            if id_ == good.id:
                stock.changed_at = now

    def delete(self, sku: str) -> None:
        """Delete a good."""
        good = self.account.find(sku)
        if good is not None:
            self.account.drop(good.id, self.clock.now())

    def recalculate(self, *skus: str, done: bool = False) -> None:
        """Let the stock of these be reckoned anew; `done` ends it. Nothing says when that was."""
        ids = {good.id for sku in skus if (good := self.account.find(sku))}
        if done:
            self.account.recalculating -= ids
        else:
            self.account.recalculating |= ids

    def inject(self, sku: str, number: Any, warehouse: str = "main") -> None:
        """Put a row of a good into every unfiltered report by store, text for a number, say."""
        good = self.account.good(sku, self.clock.now())
        store = self.account.store(warehouse, self.clock.now())
        self._injected.append((good.id, store.id, number))

    def settings(self, url: str) -> dict[str, Any]:
        self._public = f"{url.rstrip('/')}{API}"
        return {"plugin": "moysklad", "base_url": self._public, "token": self.gate.token}

    # -- the service ---------------------------------------------------------------------

    async def guard(self, request: Request) -> Answer | None:
        self.gate.under_way += 1
        return self.gate.enter(request, request.path.removeprefix(API))

    def finish(self, request: Request, answer: Answer) -> Answer:
        self.gate.under_way -= 1
        if answer.status == 200:
            kind = {"content-type": "application/json;charset=utf-8"}
            answer = Answer(answer.status, answer.body, {**answer.headers, **kind})
        return self.gate.leave(request, answer)

    async def not_found(self, request: Request) -> Answer:
        return error(404, 1002)

    async def _current(self, request: Request) -> Answer:
        if self.delay > 0:
            await self.clock.sleep(self.delay)
        if not self.gate.stock_right:
            return error(403, 13004)
        if self.report_too_large and "filter" not in request.query:
            return error(413, 13005)
        by_store = "/bystore/" in request.path
        injected = self._injected if by_store and "filter" not in request.query else ()
        return simulator_reports.current(
            request, self.account, self.clock.now(), by_store=by_store, more=injected
        )

    async def _full(self, request: Request) -> Answer:
        answer = simulator_reports.full_bystore if "/bystore" in request.path else simulator_reports.full_all
        return answer(request, self.account, self._base(request))

    async def _assortment(self, request: Request) -> Answer:
        return simulator_entities.assortment(request, self.account, self._base(request))

    async def _stores(self, request: Request) -> Answer:
        return simulator_entities.stores(request, self.account, self._base(request))

    async def _bundles(self, request: Request) -> Answer:
        return simulator_entities.bundles(request, self.account, self._base(request), cut_at=self.cut_at)

    async def _bundle(self, request: Request, bundle: str) -> Answer:
        return simulator_entities.one_bundle(self.account, self._base(request), bundle)

    async def _components(self, request: Request, bundle: str) -> Answer:
        return simulator_entities.components(request, self.account, self._base(request), bundle)

    def _base(self, request: Request) -> str:
        return self._public or f"http://{request.headers.get('host', 'localhost')}{API}"

    def _stock(self, sku: str, warehouse: str | None) -> Stock:
        now = self.clock.now()
        good = self.account.good(sku, now)
        store = None if warehouse is None else self.account.store(warehouse, now).id
        found = self.account.stock.get((good.id, store))
        if found is None:
            found = self.account.stock[good.id, store] = Stock(now)
        return found


def _decimal(quantity: Number) -> Decimal:
    number = Decimal(quantity)
    if not number.is_finite():
        raise ValueError(f"{quantity!r} is no quantity")
    return number


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=int, default=100, help="products: SKU-00001, SKU-00002, …")
    parser.add_argument("--warehouse", action="append", help="a store; repeatable (default: main)")
    parser.add_argument("--weight", type=int, help="units that a request costs (default: as on this day)")


def _build(args: argparse.Namespace) -> MoyskladSimulator:
    levels = {
        (f"SKU-{number:05d}", store): number * 37 % 101
        for store in args.warehouse or ("main",)
        for number in range(1, args.products + 1)
    }
    double = MoyskladSimulator(levels, clock=args.clock)
    double.gate.weight = args.weight
    return double


if __name__ == "__main__":
    main(_build, add_arguments=_add_arguments)
