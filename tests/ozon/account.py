"""A seller account that answers as it is told, a clock that jumps, and a sink on both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
from attrs import define, field

from mpstock import Change, Listing, Secret
from mpstock_ozon.settings import OzonSettings
from mpstock_ozon.sink import OzonSink

T = TypeVar("T")

CLIENT_ID = "12345"
API_KEY = "8f14e45f-ceea-467f-ab21-0123456789ab"
MAIN = "22142605386000"
SPARE = "1020003080073000"

WRITE = "/v2/products/stocks"
BY_OFFER = "/v2/product/info/stocks-by-warehouse/fbs"
OF_WAREHOUSE = "/v1/product/info/warehouse/stocks"
PRODUCTS = "/v3/product/list"
WAREHOUSES = "/v2/warehouse/list"
ROLES = "/v1/roles"
UNFULFILLED = "/v4/posting/fbs/unfulfilled/list"
POSTINGS = "/v4/posting/fbs/list"

Answer = Callable[[dict[str, Any]], httpx.Response]


@define
class JumpingClock:
    """Stands still, and jumps when somebody waits."""

    at: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    passed: float = 0.0
    waits: list[float] = field(factory=list[float])

    def now(self) -> datetime:
        return self.at + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.passed += max(seconds, 0.0)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(None)


@define
class Account:
    """Ozon's side: one function per path turns a request's body into an answer."""

    answers: dict[str, Answer] = field(factory=dict[str, Answer])
    requests: list[httpx.Request] = field(factory=list[httpx.Request])
    clock: JumpingClock = field(factory=JumpingClock)

    def on(self, path: str, *answers: Any) -> Account:
        """Answer `path` with these, one after another, the last one for ever."""
        left = list(answers)

        def answer(body: dict[str, Any]) -> httpx.Response:
            one = left.pop(0) if len(left) > 1 else left[0]
            if callable(one):
                one = one(body)
            return one if isinstance(one, httpx.Response) else httpx.Response(200, json=one)

        self.answers[path] = answer
        return self

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get(request.url.path)
        assert answer is not None, f"nobody expected {request.url}"
        return answer(json.loads(request.content))

    def sent(self, path: str) -> list[Any]:
        """Return the bodies that were sent to `path`, parsed."""
        return [json.loads(request.content) for request in self.requests if request.url.path == path]

    def sink(self, *warehouses: str, **settings: Any) -> OzonSink:
        """Build the sink on this account, through the project's own transport."""
        from mpstock.testing import adapter_context

        options = OzonSettings(client_id=CLIENT_ID, api_key=Secret(API_KEY), **settings)
        context = adapter_context(
            httpx.MockTransport(self),
            name="ozon",
            clock=self.clock,
            warehouses=warehouses or (MAIN,),
            secrets=(API_KEY,),
        )
        sink = OzonSink(options, context)
        context.transport.declare(sink.limits.account, sink.limits.rates)
        return sink


def listing(offer: str, warehouse: str = MAIN) -> Listing:
    return Listing(external_id=offer, warehouse=warehouse, skus=(offer,))


def change(offer: str, new: int, warehouse: str = MAIN) -> Change:
    return Change(listing(offer, warehouse), None, new, "1c")


def taken(offer: str, warehouse: str = MAIN, **other: Any) -> dict[str, Any]:
    """One row of a write's answer: updated, as Ozon's document shows it."""
    row = {"warehouse_id": int(warehouse), "product_id": 118597312, "offer_id": offer}
    return {**row, "updated": True, "errors": [], **other}


def refused(offer: str, code: str, message: str = "", warehouse: str = MAIN) -> dict[str, Any]:
    """One row of a write's answer: refused; the product_id has been seen as 0 there."""
    errors = [{"code": code, "message": message}]
    return taken(offer, warehouse, product_id=0, updated=False, errors=errors)


def stored(offer: str, free: int, reserved: int = 0, warehouse: str = MAIN) -> dict[str, Any]:
    """One row of what Ozon stores."""
    return {
        "sku": 147035011,
        "product_id": 28743,
        "offer_id": offer,
        "warehouse_id": int(warehouse),
        "present": free + reserved,
        "reserved": reserved,
        "free_stock": free,
    }


def posting(
    number: str = "0208245774-0029-1",
    status: str = "awaiting_packaging",
    products: Sequence[tuple[Any, Any]] = (("A", 1),),
    **other: Any,
) -> dict[str, Any]:
    """One posting, with the fields that its stage may hang on."""
    return {
        "posting_number": number,
        "status": status,
        "substatus": "posting_created",
        "delivery_method": {"id": 1, "warehouse_id": int(MAIN), "warehouse": "17023"},
        "in_process_at": "2026-11-22T08:00:00.000Z",
        "shipment_date": "2026-11-23T12:00:00.000Z",
        "delivering_date": None,
        "cancellation": {"cancel_reason": "", "cancelled_after_ship": False},
        "products": [{"offer_id": offer, "sku": 147035011, "quantity": units} for offer, units in products],
        **other,
    }


def postings(*rows: dict[str, Any], cursor: str = "", more: bool = False) -> dict[str, Any]:
    """A page of postings, as both methods answer it."""
    return {"postings": list(rows), "cursor": cursor, "has_next": more}


def paged(*pages: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Answer each page to the cursor of the one before, as often as it is asked for."""
    inner = [page.get("result", page) for page in pages]
    by_cursor = dict(zip(["", *(page.get("cursor", "") for page in inner)], pages, strict=False))
    return lambda body: by_cursor[body["cursor"]]


def everything_taken(body: dict[str, Any]) -> dict[str, Any]:
    return {"result": [taken(row["offer_id"], str(row["warehouse_id"])) for row in body["stocks"]]}


def push(sink: OzonSink, changes: Sequence[Change]) -> list[Any]:
    return list(asyncio.run(_push(sink, changes)))


async def _push(sink: OzonSink, changes: Sequence[Change]) -> Sequence[Any]:
    return await sink.push(changes)


def collect(items: AsyncIterator[T]) -> list[T]:
    async def all_of_it() -> list[T]:
        return [item async for item in items]

    return asyncio.run(all_of_it())
