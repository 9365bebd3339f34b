"""A small warehouse system and a small marketplace, each with a good adapter: what the kit is tried on."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from mpstock import (
    Change,
    Clock,
    Context,
    Finding,
    Level,
    Limits,
    Listing,
    ListingPage,
    Observation,
    Order,
    OrderPage,
    OrderStage,
    Outcome,
    OutcomeStatus,
    Problem,
    Rate,
    Reading,
    Secret,
    SinkSpec,
    SourceSpec,
)
from mpstock.errors import RejectedError, UnexpectedResponseError
from mpstock.simulation import Answer, RateWindow, Request, SinkSimulator, SourceSimulator

TOKEN = "a-token-nobody-may-see"
PAGE = 10
RATE = Rate("all", requests=60, period=60.0)


@frozen
class ToySettings:
    """The table of either."""

    url: str
    token: Secret


@frozen
class OpenSettings:
    """A table that shows its token to everybody."""

    url: str
    token: str


def refused(request: Request) -> Answer | None:
    if request.headers.get("authorization") != TOKEN:
        return Answer.json({"error": "unknown token"}, 401)
    return None


class ToyWarehouse(SourceSimulator):
    """`GET /stock?since=&page=` answers rows, ten a page."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.twice: list[tuple[str, str]] = []
        self.revision = 0
        self.route("GET", "/stock", self._stock)

    def set_level(self, sku: str, quantity: Any, warehouse: str = "main") -> None:
        self.revision += 1
        row = {"sku": sku, "warehouse": warehouse, "quantity": quantity, "reserved": 0, "at": self.revision}
        self.rows[sku, warehouse] = row

    def remove(self, sku: str, warehouse: str = "main") -> None:
        del self.rows[sku, warehouse]

    def settings(self, url: str) -> dict[str, Any]:
        return {"plugin": "toy", "url": url, "token": TOKEN}

    async def guard(self, request: Request) -> Answer | None:
        return refused(request)

    async def _stock(self, request: Request) -> Answer:
        since, page = int(request.query.get("since", 0)), int(request.query.get("page", 0))
        rows = [row for row in self.rows.values() if row["at"] > since]
        rows += [self.rows[key] for key in self.twice]
        more = len(rows) > (page + 1) * PAGE
        found = rows[page * PAGE : (page + 1) * PAGE]
        return Answer.json({"rows": found, "revision": self.revision, "next": page + 1 if more else None})


class ToySource:
    """A good source; its mutants in the tests change one method each."""

    rates: Sequence[Rate] = (RATE,)

    def __init__(self, settings: Any, context: Context) -> None:
        self.url = settings.url
        self.token = settings.token if isinstance(settings.token, str) else settings.token.reveal()
        self.context = context

    async def ask(self, since: int, page: int) -> Any:
        answer = await self.context.transport.request(
            "GET",
            f"{self.url}/stock",
            scopes=["all"],
            headers={"Authorization": self.token},
            params={"since": str(since), "page": str(page)},
        )
        return self.decoded(answer)

    def decoded(self, answer: Any) -> Any:
        data = decoded(answer, self.context.name)
        if not isinstance(data, dict) or not {"rows", "revision"} <= data.keys():
            raise UnexpectedResponseError("the answer has no rows", adapter=self.context.name)
        return data

    def since(self, cursor: str | None) -> int:
        return int(cursor) if cursor is not None and cursor.isascii() and cursor.isdecimal() else 0

    def quantity(self, value: Any) -> int | None:
        if isinstance(value, int | float) and abs(value) < 10**15:
            return math.floor(value)
        return None

    def sku(self, value: str) -> str:
        return value.strip()

    def kept(self, row: Mapping[str, Any], since: int) -> bool:
        return True

    def merged(self, levels: list[Level]) -> list[Level]:
        return list({(one.sku, one.warehouse): one for one in levels}.values())

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        since, page, levels, problems = self.since(cursor), 0, list[Level](), list[Problem]()
        as_of = self.context.clock.now()
        revision = 0
        while page is not None:
            data = await self.ask(since, page)
            revision = data["revision"]
            for number, row in enumerate(data["rows"]):
                if not self.kept(row, since):
                    continue
                sku, quantity = self.sku(row["sku"]), self.quantity(row["quantity"])
                if quantity is None:
                    problems.append(Problem(f"row {number}", "quantity", "is no number", sku))
                levels.append(Level(sku, row["warehouse"], quantity, row["reserved"]))
            page = data["next"]
        empty = not levels and not since
        yield Reading(
            self.merged(levels),
            as_of,
            complete=not since,
            cursor=str(revision),
            absent="unknown" if empty else "zero",
            problems=problems,
        )

    async def check(self) -> AsyncIterator[Finding]:
        await self.ask(0, 0)
        yield Finding("ok", "account", "it answers")


class ToyMarket(SinkSimulator):
    """`GET /goods`, `PUT /goods`, `GET /orders`; 60 requests a minute, one pair once in 10 s."""

    def __init__(self, clock: Clock, skus: Sequence[str], codes: Sequence[str] = ("1", "2")) -> None:
        super().__init__(clock=clock)
        self.ids = {str(100 + number): sku for number, sku in enumerate(skus)}
        self.codes = tuple(codes)
        self.left = {(number, code): 0 for number in self.ids for code in codes}
        self.orders: dict[str, dict[str, Any]] = {}
        self.written: dict[tuple[str, str], float] = {}
        self.window = RateWindow("leaky", 60, 60.0)
        self._numbers = itertools.count(1)
        self.route("GET", "/goods", self._list)
        self.route("PUT", "/goods", self._set)
        self.route("GET", "/orders", self._orders)

    def shown(self) -> Mapping[tuple[str, str], int]:
        return {(self.ids[number], code): left for (number, code), left in self.left.items()}

    def set_shown(self, sku: str, warehouse_code: str, quantity: int) -> None:
        self.left[self._id(sku), warehouse_code] = quantity

    def settings(self, url: str) -> dict[str, Any]:
        return {"plugin": "toy", "url": url, "token": TOKEN}

    def warehouse_codes(self) -> Sequence[str]:
        return self.codes

    def buy(self, sku: str, warehouse_code: str, quantity: int = 1) -> list[str]:
        pair = (self._id(sku), warehouse_code)
        if self.left[pair] < quantity:
            return []
        self.left[pair] -= quantity
        key = f"T-{next(self._numbers)}"
        at = self.clock.now().isoformat()
        self.orders[key] = {
            "key": key, "id": pair[0], "code": pair[1], "units": quantity, "at": at, "stage": "placed"
        }  # fmt: skip
        return [key]

    def assemble(self, key: str) -> None:
        self.orders[key]["stage"] = "assembled"

    def ship(self, key: str) -> None:
        self.orders[key]["stage"] = "shipped"

    def cancel(self, key: str) -> None:
        order = self.orders[key]
        order["stage"] = "returned" if order["stage"] == "shipped" else "cancelled"

    async def guard(self, request: Request) -> Answer | None:
        wait = self.window.admit(self.clock.monotonic())
        if wait:
            return Answer.json({"error": "too fast"}, 429, {"retry-after": str(math.ceil(wait))})
        return refused(request)

    def _id(self, sku: str) -> str:
        return next(number for number, own in self.ids.items() if own == sku)

    async def _list(self, request: Request) -> Answer:
        return Answer.json(
            [
                {"id": number, "code": code, "article": self.ids[number], "left": left}
                for (number, code), left in self.left.items()
            ]
        )

    async def _orders(self, request: Request) -> Answer:
        return Answer.json(list(self.orders.values()))

    async def _set(self, request: Request) -> Answer:
        told, now = [], self.clock.monotonic()
        for row in request.json():
            pair = (row["id"], row["code"])
            if pair not in self.left:
                told.append("unknown")
            elif now - self.written.get(pair, -math.inf) < 10:
                told.append("wait")
            else:
                self.left[pair] = row["left"]
                self.written[pair] = now
                told.append("ok")
        return Answer.json({"told": told})


class ToySink:
    """A good sink; its mutants in the tests change one method each."""

    rate = Rate("all", requests=60, period=60.0)

    def __init__(self, settings: Any, context: Context) -> None:
        self.url = settings.url
        self.token = settings.token if isinstance(settings.token, str) else settings.token.reveal()
        self.context = context
        self.limits = Limits(
            account=f"toy:{settings.url}",
            batch=50,
            maximum=9999,
            rates=[self.rate],
            push_scopes=("all",),
            pair_cooldown=10.0,
            observe_whole=True,
            self_decrements="yes",
            orders="each",
        )

    async def get(self, path: str) -> Any:
        answer = await self.context.transport.request(
            "GET", f"{self.url}{path}", scopes=["all"], headers={"Authorization": self.token}
        )
        data = decoded(answer, self.context.name)
        if not isinstance(data, list):
            raise UnexpectedResponseError("the answer is no list", adapter=self.context.name)
        return data

    def external_id(self, row: Mapping[str, Any]) -> str:
        return str(row["id"])

    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        yield ListingPage(
            [
                Listing(self.external_id(one), one["code"], (one["article"],))
                for one in await self.get("/goods")
            ],
            complete=True,
        )

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        left = {(str(one["id"]), one["code"]): one["left"] for one in await self.get("/goods")}
        pairs = list(left) if listings is None else [(one.external_id, one.warehouse) for one in listings]
        yield [Observation(number, code, left.get((number, code), 0)) for number, code in pairs]

    def stage(self, word: str) -> OrderStage:
        return OrderStage.SHIPPED if word == "returned" else OrderStage(word)

    def key(self, row: Mapping[str, Any]) -> str:
        return str(row["key"])

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        as_of = self.context.clock.now()
        yield OrderPage(
            [
                Order(
                    self.key(row),
                    row["id"],
                    row["units"],
                    datetime.fromisoformat(row["at"]),
                    row["code"],
                    self.stage(row["stage"]),
                )
                for row in await self.get("/orders")
            ],
            as_of,
            complete=True,
        )

    def refuse_misuse(self, changes: Sequence[Change]) -> None:
        if len(changes) > self.limits.batch:
            raise ValueError(f"at most {self.limits.batch} changes, not {len(changes)}")

    def outcome(self, word: str) -> Outcome:
        if word == "wait":
            return Outcome(OutcomeStatus.WAIT, word, "written a moment ago", retry_after=10.0)
        return Outcome(OutcomeStatus.OK) if word == "ok" else Outcome(OutcomeStatus.ERROR, word, word)

    async def send(self, rows: Sequence[Mapping[str, Any]]) -> Any:
        return await self.context.transport.request(
            "PUT",
            f"{self.url}/goods",
            scopes=["all"],
            push=True,
            json=rows,
            headers={"Authorization": self.token},
        )

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        self.refuse_misuse(changes)
        outcomes: dict[int, Outcome] = {
            number: Outcome(OutcomeStatus.ERROR, message=f"from 0 to {self.limits.maximum}")
            for number, one in enumerate(changes)
            if not 0 <= one.new <= self.limits.maximum
        }
        sent = [number for number in range(len(changes)) if number not in outcomes]
        rows = [
            {"id": one.listing.external_id, "code": one.listing.warehouse, "left": one.new}
            for one in (changes[number] for number in sent)
        ]
        if rows:
            outcomes |= dict(zip(sent, self.told(await self.send(rows), len(rows)), strict=True))
        return [outcomes[number] for number in range(len(changes))]

    def told(self, answer: Any, count: int) -> list[Outcome]:
        try:
            words = decoded(answer, self.context.name)["told"]
            if len(words) != count:
                raise UnexpectedResponseError(f"{len(words)} words for {count} rows")
        except (UnexpectedResponseError, KeyError, TypeError) as error:
            return [Outcome(OutcomeStatus.DOUBT, message=f"nobody knows: {error}")] * count
        return [self.outcome(word) for word in words]

    async def check(self) -> AsyncIterator[Finding]:
        await self.get("/goods")
        yield Finding("ok", "account", "it answers")


def decoded(answer: Any, name: str) -> Any:
    if answer.status_code >= 400:
        raise RejectedError(f"refused with {answer.status_code}", adapter=name)
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise UnexpectedResponseError(f"no JSON: {error}", adapter=name) from None


def source_spec(cls: Callable[[Any, Context], Any] = ToySource, settings: type = ToySettings) -> SourceSpec:
    return SourceSpec("toy", "a toy", settings, lambda settings, context: cls(settings, context))


def sink_spec(cls: Callable[[Any, Context], Any] = ToySink, settings: type = ToySettings) -> SinkSpec:
    return SinkSpec("toy", "a toy", settings, lambda settings, context: cls(settings, context))
