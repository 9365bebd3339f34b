"""The double of an Odoo server with its stock, over JSON-2 and JSON-RPC.

Written from Odoo's External JSON-2 API and External RPC API and from what its addons `rpc`, `stock` and `mrp`
do. Run alone: `python -m mpstock_odoo.simulator --port 8069`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from attrs import evolve

from mpstock import Clock
from mpstock.simulation import Answer, RateWindow, Request, SourceSimulator, main
from mpstock_odoo.simulator_errors import OdooError, access_denied, not_found, refused
from mpstock_odoo.simulator_models import models_of
from mpstock_odoo.simulator_orm import Environment
from mpstock_odoo.simulator_protocols import call_json2, call_jsonrpc, jsonrpc_answer, refuse_database
from mpstock_odoo.simulator_tables import ApiKey, Product, User, Warehouse
from mpstock_odoo.simulator_world import World

__all__ = ["OdooSimulator"]

_TOO_MANY = b"<html><head><title>429 Too Many Requests</title></head><body></body></html>"


class OdooSimulator(SourceSimulator):
    """An Odoo server with one user, `robot`, and one API key.

    `levels` gives quantities by (default_code, code of the warehouse); they came in a day ago.

    `version`          of Odoo: below 19 there is no JSON-2; below 18 products have no `is_storable` and
                       warehouses are asked for by the context key `warehouse`, later by `warehouse_id`.
    `databases`        that the server has. The first has the stock; with several each request must name it.
    `mrp`              whether the addon for kits is installed.

    Switches, all settable at any time:

    `denied`           models that the user has no right to read.
    `lists_databases`  whether `db.list` is answered (`list_db` in the server's configuration).
    `serves_rpc`       whether JSON-RPC is served: 19 and later may have it switched off.
    `sees_all_companies`  whether the user may look at companies that it is not let into, as
                       administrators may; of their stock it sees nothing all the same.
    `dust`             taken from each computed quantity, as by sums of binary fractions.
    `clock_skew`       how far the server's clock is ahead.
    """

    def __init__(
        self,
        levels: Mapping[tuple[str, str], float] | None = None,
        *,
        version: int = 19,
        databases: Sequence[str] = ("shop",),
        login: str = "robot",
        key: str = "0123456789abcdef0123456789abcdef01234567",
        mrp: bool = True,
        requests_per_second: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(clock=clock)
        self.version = version
        self.databases = tuple(databases)
        self.denied: set[str] = set()
        self.lists_databases = True
        self.serves_rpc = version < 22
        self.sees_all_companies = False
        self.dust = 0.0
        self.clock_skew = timedelta(0)
        self.world = World(lambda: self.clock.now() + self.clock_skew)
        self._models = models_of(self.world, version, mrp=mrp)
        self.user = User(2, login, "", 1, [1])
        self.world.users[2] = self.user
        self.key = ApiKey(1, "mpstock", 2, key, self.world.three_months())
        self.world.keys[1] = self.key
        self._window = RateWindow("sliding", requests_per_second, 1.0) if requests_per_second else None
        for (sku, warehouse), quantity in (levels or {}).items():
            self._stored(sku, warehouse, quantity)
        self.route("POST", "/json/2/{model}/{method}", self._json2)
        self.route("POST", "/jsonrpc", self._jsonrpc)
        self.route("POST", "/web/webclient/version_info", self._version_info)
        self.route("GET", "/web/version", self._version)
        self.route("POST", "/web/session/authenticate", self._session)
        self.route("POST", "/web/session/destroy", self._session_end)

    # -- the world -----------------------------------------------------------------------

    def product(self, sku: str) -> Product:
        """The product that is on sale under this `default_code`."""
        found = [self.world.products[one] for one in self.world.by_code.get(sku, ())]
        return next(one for one in found if one.default_code == sku and one.active)

    def warehouse(self, code: str) -> Warehouse:
        """The warehouse of this code; a new one where there is none."""
        for warehouse in self.world.warehouses.values():
            if warehouse.code == code:
                return warehouse
        return self.world.add_warehouse(code, f"Warehouse {code}")

    def set_level(self, sku: str, quantity: float, warehouse: str = "main") -> None:
        """Count the stock: an inventory adjustment, with its move."""
        self.call(self._counted, sku, quantity, warehouse)

    def _counted(self, sku: str, quantity: float, warehouse: str) -> None:
        place = self.warehouse(warehouse).lot_stock_id
        try:
            product = self.product(sku)
        except StopIteration:
            product = self.world.add_product(sku)
        self.world.adjust(product, place, float(quantity))

    def remove(self, sku: str, warehouse: str = "main") -> None:
        """Take the product out of the warehouse; when it is in none any more, archive it."""
        self.call(self._removed, sku, warehouse)

    def _removed(self, sku: str, warehouse: str) -> None:
        product = self.product(sku)
        self.world.adjust(product, self.warehouse(warehouse).lot_stock_id, 0)
        stocks = {one.lot_stock_id for one in self.world.warehouses.values()}
        if not any(quant.location_id in stocks for quant in self.world.quants_of(product.id)):
            self.world.write_product(product, active=False)

    def settings(self, url: str) -> dict[str, Any]:
        return {
            "plugin": "odoo",
            "base_url": url,
            "database": self.databases[0],
            "user": self.user.login,
            "api_key": self.key.key,
        }

    def expire_key(self) -> None:
        """Let the API key come to its end."""
        self.key.expiration_date = self.world.now() - timedelta(seconds=1)

    def _stored(self, sku: str, warehouse: str, quantity: float) -> None:
        old = self.world.now() - timedelta(days=1)
        place = self.warehouse(warehouse).lot_stock_id
        known = self.world.by_code.get(sku)
        product = self.world.products[known[0]] if known else self.world.add_product(sku, write_date=old)
        if quantity:
            self.world.put(product, place, float(quantity), old)

    # -- the server ----------------------------------------------------------------------

    async def guard(self, request: Request) -> Answer | None:
        if self._window is not None and self._window.admit(self.clock.monotonic()):
            return Answer(429, _TOO_MANY, {"content-type": "text/html"})
        return None

    async def not_found(self, request: Request) -> Answer:
        return not_found()

    def finish(self, request: Request, answer: Answer) -> Answer:
        date = format_datetime(self.clock.now() + self.clock_skew, usegmt=True)
        return evolve(answer, headers={**answer.headers, "date": date})

    async def _json2(self, request: Request, model: str, method: str) -> Answer:
        wrong = refuse_database(self.databases, request.headers.get("x-odoo-database"))
        if wrong is not None:
            return wrong
        if self.version < 19:
            return not_found()
        return call_json2(request, model, method, self._bearer, self._environment, self._models)

    async def _jsonrpc(self, request: Request) -> Answer:
        if self.version >= 22:
            return not_found()

        async def work(params: Mapping[str, Any]) -> Any:
            service, method, args = params.get("service"), params.get("method"), params.get("args") or []
            if service == "common" and method == "version":
                return self._release()
            if service == "db" and method == "list":
                if self.version >= 20:
                    raise OdooError("builtins.KeyError", "'db'")
                if not self.lists_databases:
                    raise access_denied()
                return list(self.databases)
            if not self.serves_rpc:
                raise refused("The requested URL was not found on the server.", 404, "NotFound")
            return call_jsonrpc(
                str(service), str(method), args, self._login, self._check, self._environment, self._models
            )

        return await jsonrpc_answer(request, work)

    async def _version_info(self, request: Request) -> Answer:
        async def work(params: Mapping[str, Any]) -> Any:
            return self._release()

        return await jsonrpc_answer(request, work)

    async def _version(self, request: Request) -> Answer:
        if self.version < 19:
            return not_found()
        return Answer.json({"version_info": self._numbers(), "version": f"{self.version}.0"})

    async def _session(self, request: Request) -> Answer:
        async def work(params: Mapping[str, Any]) -> Any:
            user = self._login(params.get("db"), params.get("login"), params.get("password"))
            if user is None:
                raise access_denied()
            context = {"lang": user.lang, "tz": "UTC", "uid": user.id}
            return {
                "uid": user.id, "db": params["db"], "username": user.login, "name": user.name,
                "user_context": context, "server_version": f"{self.version}.0",
                "server_version_info": self._numbers(), "is_admin": False, "company_id": user.company_id,
            }  # fmt: skip

        return await jsonrpc_answer(request, work)

    async def _session_end(self, request: Request) -> Answer:
        async def work(params: Mapping[str, Any]) -> Any:
            return None

        return await jsonrpc_answer(request, work)

    def _release(self) -> dict[str, Any]:
        return {
            "server_version": f"{self.version}.0",
            "server_version_info": self._numbers(),
            "server_serie": f"{self.version}.0",
            "protocol_version": 1,
        }

    def _numbers(self) -> list[Any]:
        return [self.version, 0, 0, "final", 0, ""]

    # -- who asks ------------------------------------------------------------------------

    def _environment(self, user: User, context: Mapping[str, Any]) -> Environment:
        return Environment(
            self.world,
            self._models,
            user,
            context,
            warehouse_key="warehouse_id" if self.version >= 18 else "warehouse",
            denied=self.denied,
            dust=self.dust,
            sees_all_companies=self.sees_all_companies,
        )

    def _bearer(self, given: str) -> User:
        user = self._owner(given)
        if user is None:
            raise refused("Invalid apikey", 401, "Unauthorized")
        return user

    def _login(self, database: Any, login: Any, secret: Any) -> User | None:
        self._connect(database)
        user = next((one for one in self.world.users.values() if one.login == login), None)
        good = user is not None and self._is_secret_of(user, secret)
        return user if good else None

    def _check(self, database: Any, uid: Any, secret: Any) -> User:
        self._connect(database)
        user = self.world.users.get(uid)
        if user is None or not self._is_secret_of(user, secret):
            raise access_denied()
        return user

    def _is_secret_of(self, user: User, secret: Any) -> bool:
        return bool(secret) and (secret == user.password or self._owner(str(secret)) is user)

    def _owner(self, given: str) -> User | None:
        for key in self.world.keys.values():
            if key.key == given and not self.world.expired(key):
                return self.world.users[key.user_id]
        return None

    def _connect(self, database: Any) -> None:
        if database not in self.databases:
            raise OdooError(
                "psycopg2.OperationalError",
                'connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  '
                f'database "{database}" does not exist\n',
            )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=int, default=100, help="products: SKU-00001, SKU-00002, …")
    parser.add_argument(
        "--warehouse", action="append", help="code of a warehouse; repeatable (default: main)"
    )
    parser.add_argument("--version", type=int, default=19, help="version of Odoo (default: %(default)s)")


def _build(args: argparse.Namespace) -> OdooSimulator:
    levels = {
        (f"SKU-{number:05d}", warehouse): float(number * 37 % 101)
        for number in range(1, args.products + 1)
        for warehouse in args.warehouse or ("main",)
    }
    return OdooSimulator(levels, version=args.version, clock=args.clock)


if __name__ == "__main__":
    main(_build, add_arguments=_add_arguments)
