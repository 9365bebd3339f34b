"""The double of 1C's standard OData interface: `{publication}/odata/standard.odata/…`.

Written from 1C:Enterprise 8.3.27, chapter 17.4, and from what people who run against live infobases have
told: a register's balance as a function, catalogues as lists, `$metadata`, errors in three languages. Run
alone: `python -m mpstock_onec.simulator_odata --port 8080`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, get_args
from urllib.parse import quote

from attrs import evolve

from mpstock import Clock
from mpstock.simulation import Answer, Request, SourceSimulator, main
from mpstock_onec.simulator_login import is_login
from mpstock_onec.simulator_odata_answers import BOM, error, page, rows
from mpstock_onec.simulator_odata_lists import ListError, Lists, Query
from mpstock_onec.simulator_odata_metadata import metadata
from mpstock_onec.simulator_odata_world import CONFIGURATIONS, Configuration, Infobase
from mpstock_onec.simulator_quantity import decimal
from mpstock_onec.simulator_troubles import Troubles

__all__ = ["OdataSimulator", "Trouble"]

Trouble = Literal["html", "error", "licence", "unpublished", "empty", "no_rows", "cut"]
"""How it fails: `html` a page with 200; `error` 500 with code -1; `licence` 503, no licence is free;
`unpublished` the web server's 404; `empty` 200 without a body; `no_rows` a balance without rows; `cut` the
right body, cut off in the middle."""

_NOT_FOUND = "404 - Файл или каталог не найден"


class OdataSimulator(SourceSimulator):
    """A 1C infobase that publishes its stock by OData.

    `levels` gives quantities by (sku, warehouse); a sku is the article of a product of its own, unless
    `add_variant` has made it another. `configuration` is one of `CONFIGURATIONS`, by name or as it is.

    Switches, all settable at any time:

    `bom`            every body begins with a byte order mark, not only that of `/$count`.
    `xml_errors`     errors are XML, whatever was asked for.
    `language`       of the errors: `"ru"` or `"en"`.
    `max_url`        the longest address; `long_url` says how a longer one is refused: `"414"` or `"iis"`.
    `restricted`     skus that the user may not see (RLS).
    `published`      names of the lists that are published.
    `fail(trouble, times)`  see `Trouble`.
    """

    def __init__(
        self,
        levels: Mapping[tuple[str, str], int | str | Decimal] | None = None,
        *,
        configuration: str | Configuration = "ut11",
        user: str = "Робот",
        password: str = "Пароль 1С",
        clock: Clock | None = None,
    ) -> None:
        super().__init__(clock=clock)
        self.preset = configuration if isinstance(configuration, str) else ""
        named = CONFIGURATIONS[configuration] if isinstance(configuration, str) else configuration
        self.infobase = Infobase(named)
        self.user = user
        self.password = password
        self.bom = False
        self.xml_errors = False
        self.language: Literal["ru", "en"] = "ru"
        self.max_url: int | None = None
        self.long_url: Literal["414", "iis"] = "414"
        self.restricted: set[str] = set()
        self.published = {
            f"AccumulationRegister_{named.register}",
            "AccumulationRegister_ВыручкаИСебестоимостьПродаж",
            "Catalog_Номенклатура",
            "Catalog_ХарактеристикиНоменклатуры",
            f"Catalog_{named.warehouse[1]}",
            f"InformationRegister_{named.barcodes}",
        }
        self._lists = Lists(self.infobase)
        self._troubles = Troubles(get_args(Trouble))
        for (sku, warehouse), quantity in (levels or {}).items():
            self._put(sku, warehouse, decimal(quantity))
        # A publication may lie at the root, or folders deep.
        for depth in range(4):
            prefix = "".join(f"/{{folder_{number}}}" for number in range(depth))
            self.route("GET", f"{prefix}/odata/standard.odata/{{resource}}", self._resource)
            self.route("GET", f"{prefix}/odata/standard.odata/{{resource}}/{{function}}", self._resource)

    # -- the world -----------------------------------------------------------------------

    @property
    def levels(self) -> dict[tuple[str, str], Decimal]:
        """The quantities that the register holds, by (sku, warehouse's name), of one level for each sku."""
        infobase, names = self.infobase, self.infobase.configuration
        by_ref = {refs: sku for sku, refs in infobase.skus.items()}
        found: dict[tuple[str, str], Decimal] = {}
        for record in infobase.records.values():
            refs = record.dimensions["Номенклатура"], record.dimensions[names.characteristic]
            where = infobase.warehouses.get(record.dimensions[names.warehouse[0]])
            if refs in by_ref and where is not None:
                key = by_ref[refs], where["Description"]
                found[key] = found.get(key, Decimal(0)) + record.resources[names.quantity]
        return found

    def add_variant(self, sku: str, article: str, characteristic: str) -> None:
        """Let `sku` stand for a product in one characteristic (size, colour)."""
        product, _ = self.infobase.of_sku(article)
        self.infobase.skus[sku] = product, self.infobase.add_characteristic(characteristic, product)

    def set_level(self, sku: str, quantity: int | str | Decimal, warehouse: str = "main") -> None:
        """Let the system have `quantity`."""
        self.call(self._put, sku, warehouse, decimal(quantity))

    def set_resource(
        self, sku: str, name: str, quantity: int | str | Decimal, warehouse: str = "main", **other: str
    ) -> None:
        """Set one resource of the register's record, `other` being its further dimensions' references."""
        self.call(self._put_resource, sku, name, decimal(quantity), warehouse, other)

    def remove(self, sku: str, warehouse: str = "main") -> None:
        """Let the register have nothing of `sku` in `warehouse`; its rows are gone with that."""
        self.call(self._remove, sku, warehouse)

    def settings(self, url: str) -> dict[str, Any]:
        found = {"plugin": "onec_odata", "base_url": url, "user": self.user, "password": self.password}
        return found | ({"preset": self.preset} if self.preset else {})

    def fail(self, trouble: Trouble, times: int = -1) -> None:
        """Let the next `times` requests fail so (-1 = until `recover`)."""
        self._troubles.begin(trouble, times)

    def recover(self) -> None:
        """Let it work again."""
        self._troubles.end()

    def warehouse(self, name: str) -> str:
        """Return the reference of a warehouse, a new one if there is none of that name."""
        for ref, one in self.infobase.warehouses.items():
            if one["Description"] == name:
                return ref
        return self.infobase.add_warehouse(name)

    def _put(self, sku: str, warehouse: str, quantity: Decimal) -> None:
        self._put_resource(sku, self.infobase.configuration.quantity, quantity, warehouse, {})

    def _put_resource(
        self, sku: str, name: str, quantity: Decimal, warehouse: str, other: Mapping[str, str]
    ) -> None:
        product, characteristic = self.infobase.of_sku(sku)
        record = self.infobase.record(product, characteristic, self.warehouse(warehouse), **other)
        record.resources[name] = quantity

    def _remove(self, sku: str, warehouse: str) -> None:
        product, characteristic = self.infobase.of_sku(sku)
        names = self.infobase.configuration
        mine = {"Номенклатура": product, names.characteristic: characteristic}
        mine[names.warehouse[0]] = self.warehouse(warehouse)
        for key, record in list(self.infobase.records.items()):
            if all(record.dimensions[name] == ref for name, ref in mine.items()):
                del self.infobase.records[key]

    # -- the service ---------------------------------------------------------------------

    async def guard(self, request: Request) -> Answer | None:
        # First the web server, which knows nothing of 1C's users.
        if self._troubles.spend("unpublished"):
            return page(404, _NOT_FOUND)
        length = len(quote(request.path)) + 1 + len(request.raw_query)
        if self.max_url is not None and length > self.max_url:
            if self.long_url == "iis":
                return page(404, "HTTP Error 404.15 - Not Found: query string too long")
            return page(414, "414 Request-URI Too Large")
        if self._troubles.spend("licence"):
            return Answer(
                503,
                "Не обнаружено свободной лицензии!".encode(),
                {"content-type": "text/plain; charset=utf-8"},
            )
        if not is_login(request.headers.get("authorization", ""), self.user, self.password):
            return page(401, "401 - Не авторизован", **{"www-authenticate": 'Basic realm="1C"'})
        return None

    async def not_found(self, request: Request) -> Answer:
        return page(404, _NOT_FOUND)

    async def _resource(self, request: Request, resource: str, function: str = "", **folders: str) -> Answer:
        query = Query.read(request)
        if self._troubles.spend("html"):
            return page(200, "1С:Предприятие")
        if self._troubles.spend("empty"):
            return Answer(200, b"", {"content-type": "application/json"})
        if self._troubles.spend("error"):
            text = "Произошла внутренняя ошибка OData сервиса. Подробности в технологическом журнале."
            return self._error(500, "-1", text, query)
        if resource == "$metadata":
            if query.json:
                return self._error(406, "3", "Запрошенный тип представления не поддерживается", query)
            body = metadata(self.infobase.configuration, self.published)
            return Answer(200, body, {"content-type": "application/xml;charset=utf-8"})
        if resource not in self.published:
            return self._error(404, "8", f'Тип сущности "{resource}" не найден', query)
        about = f"http://{request.headers.get('host', 'host')}{request.path.partition('/odata/')[0]}"
        about += f"/odata/standard.odata/$metadata#{resource}"
        try:
            values, count = self._lists.answer(resource, function, query, self._hidden())
        except ListError as refused:
            return self._error(refused.status, refused.code, str(refused), query)
        if function == "$count":
            return Answer(200, BOM + str(count).encode(), {"content-type": "text/plain;charset=utf-8"})
        if function and self._troubles.spend("no_rows"):
            values = []
        answer = rows(values, about, count=count if query.wants_count else None, bom=self.bom)
        if self._troubles.spend("cut"):
            return evolve(answer, body=answer.body[: len(answer.body) // 2])
        return answer

    def _error(self, status: int, code: str, text: str, query: Query) -> Answer:
        xml = self.xml_errors or not query.json
        if self.language == "en":
            text = {"8": "Entity type is not found", "20": "Access denied"}.get(code, text)
        return error(status, code, text, xml=xml, language=self.language).answer

    def _hidden(self) -> frozenset[str]:
        return frozenset(self.infobase.of_sku(sku)[0] for sku in self.restricted)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=int, default=100, help="products: SKU-00001, SKU-00002, …")
    parser.add_argument(
        "--warehouse", action="append", help="a warehouse of the seller; repeatable (default: main)"
    )
    parser.add_argument("--configuration", default="ut11", choices=sorted(CONFIGURATIONS))
    parser.add_argument("--user", default="Робот", help="user of the infobase (default: %(default)s)")
    parser.add_argument("--password", default="Пароль 1С", help="password (default: %(default)s)")


def _build(args: argparse.Namespace) -> OdataSimulator:
    levels = {
        (f"SKU-{number:05d}", warehouse): number * 37 % 101
        for warehouse in args.warehouse or ("main",)
        for number in range(1, args.products + 1)
    }
    return OdataSimulator(
        levels,
        configuration=args.configuration,
        user=args.user,
        password=args.password,
        clock=args.clock,
    )


if __name__ == "__main__":
    main(_build, add_arguments=_add_arguments)
