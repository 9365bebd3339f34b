"""The double of a 1C stock service: `GET {publication}/hs/stocks/list?format=json[&changedAfter=…]`.

No configuration of 1C brings such a service; shops write it, by the contract that mpstock documents. So the
double has a switch for each habit that such services were seen to have. Run alone:
`python -m mpstock_onec.simulator --port 8080`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args

from attrs import evolve

from mpstock import Clock
from mpstock.simulation import Answer, Request, SourceSimulator, main
from mpstock_onec.simulator_body import Row, Style, body
from mpstock_onec.simulator_login import is_login
from mpstock_onec.simulator_quantity import decimal
from mpstock_onec.simulator_troubles import Troubles

__all__ = ["OnecSimulator", "Style", "Trouble"]

Trouble = Literal["html", "error", "licence", "unpublished", "empty", "no_rows", "no_stocks", "cut"]
"""How the service fails: `html` a page with 200; `error` 500 in plain Russian; `licence` 503, no licence is
free; `unpublished` the web server's 404; `empty` 200 without a body; `no_rows` 200 with an empty list;
`no_stocks` JSON of something else; `cut` the right body, cut off in the middle."""

_JSON = {"content-type": "application/json; charset=utf-8"}
_TEXT = {"content-type": "text/plain; charset=utf-8"}
_HTML = {"content-type": "text/html; charset=utf-8"}

_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


class OnecSimulator(SourceSimulator):
    """A 1C infobase with a stock service.

    `levels` gives quantities by (sku, warehouse): whole, decimal or negative; they are a day old.

    Switches, all settable at any time:

    `style`                  how rows are written, see `Style`; `write(...)` changes some of it.
    `ignores_changed_after`  every answer has everything.
    `delay`                  seconds until an answer, of the double's clock.
    `fail(trouble, times)`   see `Trouble`.
    """

    def __init__(
        self,
        levels: Mapping[tuple[str, str], int | str | Decimal] | None = None,
        *,
        user: str = "Робот",
        password: str = "Пароль 1С",
        clock: Clock | None = None,
        ignores_changed_after: bool = False,
        style: Style | None = None,
    ) -> None:
        super().__init__(clock=clock)
        self.user = user
        self.password = password
        self.ignores_changed_after = ignores_changed_after
        self.delay = 0.0
        self._style = style or Style()
        self._troubles = Troubles(get_args(Trouble))
        self._injected: list[tuple[int | None, str]] = []
        # Rows stand in the order of their last change, so that an incremental answer is their tail.
        self._rows: dict[tuple[str, str], Row] = {}
        self._written: dict[tuple[str, str], str] = {}
        self._body: bytes | None = None
        old = self.clock.now() - timedelta(days=1)
        for (sku, warehouse), quantity in (levels or {}).items():
            self._rows[sku, warehouse] = Row(sku, warehouse, decimal(quantity), old)
        # A publication may lie at the root, or folders deep.
        for depth in range(4):
            prefix = "".join(f"/{{folder_{number}}}" for number in range(depth))
            self.route("GET", f"{prefix}/hs/stocks/list", self._list)

    # -- the world -----------------------------------------------------------------------

    @property
    def levels(self) -> dict[tuple[str, str], Decimal]:
        """The quantities that the system holds, by (sku, warehouse)."""
        return {key: row.quantity for key, row in self._rows.items()}

    def set_level(self, sku: str, quantity: int | str | Decimal, warehouse: str = "main") -> None:
        """Let the system have `quantity`. The same quantity again is no change."""
        number = decimal(quantity)
        row = self._rows.get((sku, warehouse))
        if row is None or row.quantity != number:
            self._change(Row(sku, warehouse, number, self.clock.now(), row.reserved if row else None))

    def reserve(self, sku: str, quantity: int | str | Decimal | None, warehouse: str = "main") -> None:
        """Let the system keep so much for its own orders; None = its rows say nothing of reserves."""
        row = self._rows[sku, warehouse]
        reserved = None if quantity is None else decimal(quantity)
        if row.reserved != reserved:
            self._change(evolve(row, reserved=reserved, changed_at=self.clock.now()))

    def remove(self, sku: str, warehouse: str = "main") -> None:
        """Let the system know `sku` in `warehouse` no longer; no answer says so."""
        self._rows.pop((sku, warehouse), None)
        self._written.pop((sku, warehouse), None)
        self._body = None

    def settings(self, url: str) -> dict[str, Any]:
        return {"plugin": "onec", "base_url": url, "user": self.user, "password": self.password}

    # -- the habits ----------------------------------------------------------------------

    @property
    def style(self) -> Style:
        """How rows are written."""
        return self._style

    @style.setter
    def style(self, style: Style) -> None:
        self._style = style
        self._written.clear()
        self._body = None

    def write(self, **habits: Any) -> None:
        """Change some of the style: `write(bom=True, numbers="grouped")`."""
        self.style = evolve(self._style, **habits)

    def inject(self, row: Any, *, at: int | None = None) -> None:
        """Put something that is no good row into every answer, before row `at` or at the end."""
        self._injected.append((at, json.dumps(row, ensure_ascii=False)))
        self._body = None

    def fail(self, trouble: Trouble, times: int = -1) -> None:
        """Let the next `times` requests fail so (-1 = until `recover`)."""
        self._troubles.begin(trouble, times)

    def recover(self) -> None:
        """Let it work again, and forget what was injected."""
        self._troubles.end()
        self._injected.clear()
        self._body = None

    # -- the service ---------------------------------------------------------------------

    async def guard(self, request: Request) -> Answer | None:
        if is_login(request.headers.get("authorization", ""), self.user, self.password):
            return None
        return Answer(401, _page("401 - Не авторизован"), {**_HTML, "www-authenticate": 'Basic realm="1C"'})

    async def not_found(self, request: Request) -> Answer:
        return Answer(404, _page("404 - Файл или каталог не найден"), _HTML)

    async def _list(self, request: Request, **folders: str) -> Answer:
        if self.delay > 0:
            await self.clock.sleep(self.delay)
        failed = self._failed()
        if failed is not None:
            return failed
        if request.query.get("format") != "json":
            return Answer(400, "Параметр format: поддерживается только json".encode(), _TEXT)
        asked = request.query.get("changedAfter")
        try:
            after = None if asked is None else self._moment(asked)
        except ValueError:
            return Answer(400, f"Параметр changedAfter: не дата ISO 8601: {asked}".encode(), _TEXT)
        answer = self._everything() if after is None or self.ignores_changed_after else self._since(after)
        if self._troubles.spend("cut"):
            answer = answer[: len(answer) // 2]
        return Answer(200, answer, _JSON)

    def _failed(self) -> Answer | None:
        answers = {
            "html": Answer(200, _page("1С:Предприятие"), _HTML),
            "error": Answer(
                500,
                "Ошибка при выполнении запроса: {Справочник.Номенклатура} поле не найдено".encode(),
                _TEXT,
            ),
            "licence": Answer(503, "Не обнаружено свободной лицензии!".encode(), _TEXT),
            "unpublished": Answer(404, _page("404 - Файл или каталог не найден"), _HTML),
            "empty": Answer(200, b"", _JSON),
            "no_rows": Answer(200, body([], self._style), _JSON),
            "no_stocks": Answer(200, '{"result":false,"error":"Нет данных"}'.encode(), _JSON),
        }
        return next((answer for trouble, answer in answers.items() if self._troubles.spend(trouble)), None)

    def _moment(self, text: str) -> datetime:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=self._style.zone)

    # -- the rows ------------------------------------------------------------------------

    def _change(self, row: Row) -> None:
        key = row.sku, row.warehouse
        self._rows.pop(key, None)
        self._rows[key] = row
        self._written.pop(key, None)
        self._body = None

    def _everything(self) -> bytes:
        if self._body is None:
            self._body = self._written_body(list(self._rows))
        return self._body

    def _since(self, after: datetime) -> bytes:
        keys: list[tuple[str, str]] = []
        for key, row in reversed(self._rows.items()):
            if row.changed_at <= after:
                break
            keys.append(key)
        return self._written_body(keys[::-1])

    def _written_body(self, keys: list[tuple[str, str]]) -> bytes:
        fragments: list[str] = []
        for key in keys:
            fragment = self._written.get(key)
            if fragment is None:
                fragment = self._written[key] = self._style.row(self._rows[key])
            fragments.append(fragment)
        for at, text in self._injected:
            fragments.insert(len(fragments) if at is None else at, text)
        return body(fragments, self._style)


def _page(title: str) -> bytes:
    return _PAGE.format(title).encode()


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=int, default=100, help="products: SKU-00001, SKU-00002, …")
    parser.add_argument(
        "--warehouse", action="append", help="a warehouse of the seller; repeatable (default: main)"
    )
    parser.add_argument("--user", default="Робот", help="user of the infobase (default: %(default)s)")
    parser.add_argument("--password", default="Пароль 1С", help="password (default: %(default)s)")


def _build(args: argparse.Namespace) -> OnecSimulator:
    levels = {
        (f"SKU-{number:05d}", warehouse): number * 37 % 101
        for warehouse in args.warehouse or ("main",)
        for number in range(1, args.products + 1)
    }
    return OnecSimulator(levels, user=args.user, password=args.password, clock=args.clock)


if __name__ == "__main__":
    main(_build, add_arguments=_add_arguments)
