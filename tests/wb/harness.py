"""A scripted Wildberries for the adapter's tests: written down answers over httpx.MockTransport."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx

from mpstock import Change, Clock, Context, Listing, Outcome, Secret, SystemClock
from mpstock.testing import adapter_context
from mpstock_wb.settings import WbSettings
from mpstock_wb.sink import WbSink

T = TypeVar("T")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RIGHTS = 1 << 1 | 1 << 4


class StillClock(SystemClock):
    """Stands where it is put; waiting moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOW).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=max(seconds, 0.0))
        await asyncio.sleep(0)


def token(**claims: Any) -> str:
    """Return a token as Wildberries makes them, with a signature that is nobody's."""

    def part(data: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()

    good = {"exp": int((NOW + timedelta(days=90)).timestamp()), "s": RIGHTS, "oid": 4242, "t": False}
    payload = {name: value for name, value in {**good, **claims}.items() if value is not None}
    return f"{part({'alg': 'ES256', 'typ': 'JWT'})}.{part(payload)}.c2lnbmF0dXJl"


class Vendor:
    """Answers from a script, one for each request, and remembers the requests."""

    def __init__(self, *answers: httpx.Response | Callable[[httpx.Request], httpx.Response]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert self.answers, f"no answer is written down for {request.method} {request.url}"
        answer = self.answers.pop(0)
        return answer(request) if callable(answer) else answer

    @property
    def lines(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]

    def body(self, index: int = 0) -> Any:
        return json.loads(self.requests[index].content)


class Vendors(Vendor):
    """Answers by path, each as often as it is asked: a script for what asks in an order of its own."""

    def __init__(
        self, answers: Mapping[str, httpx.Response | Callable[[httpx.Request], httpx.Response]]
    ) -> None:
        super().__init__()
        self.by_path = dict(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.by_path[request.url.path]
        return answer(request) if callable(answer) else answer


def context(
    vendor: Vendor, warehouses: Sequence[str] = ("1111",), clock: Clock | None = None, name: str = "wb"
) -> Context:
    """Return what the core gives a sink, its network being the script."""
    return adapter_context(
        httpx.MockTransport(vendor), name=name, clock=clock or StillClock(), warehouses=tuple(warehouses)
    )


def sink(
    vendor: Vendor,
    warehouses: Sequence[str] = ("1111",),
    clock: Clock | None = None,
    **settings: Any,
) -> WbSink:
    """Return the sink, its limits declared as the core does."""
    given = context(vendor, warehouses, clock)
    built = WbSink(WbSettings(**{"token": Secret(token()), **settings}), given)
    given.transport.declare(built.limits.account, built.limits.rates)
    return built


def listing(
    chrt_id: int | str, *barcodes: str, warehouse: str = "1111", vendor_code: str | None = None
) -> Listing:
    """Return a size as the ledger gives it back."""
    sku = vendor_code or f"SKU-{chrt_id}"
    keys = {"chrt_id": [str(chrt_id)], "barcode": list(barcodes), "vendor_code": [sku]}
    return Listing(str(chrt_id), warehouse, (sku,), keys)


def change(chrt_id: int | str, new: int, *barcodes: str, warehouse: str = "1111") -> Change:
    """Return a change of one size."""
    return Change(listing(chrt_id, *barcodes, warehouse=warehouse), None, new, "1c")


def push(built: WbSink, *changes: Change) -> Sequence[Outcome]:
    """Push, on a loop of its own."""
    return asyncio.run(_waited(built.push(changes)))


async def _waited(waiting: Any) -> Any:
    return await waiting


def listed(pages: AsyncIterator[T]) -> list[T]:
    """Return everything that an async iterator yields."""

    async def collected() -> list[T]:
        return [page async for page in pages]

    return asyncio.run(collected())


def statuses(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the outcomes' statuses as words."""
    return [outcome.status.value for outcome in outcomes]


def answer(status: int, data: Any) -> httpx.Response:
    """Return an answer with JSON in it."""
    return httpx.Response(status, json=data)


def problem(status: int, title: str, detail: str) -> httpx.Response:
    """Return a problem document, whose `code` is a trace number."""
    body = {
        "title": title,
        "detail": detail,
        "code": "07e4668e-ac2242c5c8c5-[UK-4dx7]",
        "requestId": "9d3c02cc698f8b041c661a7c28bed293",
        "origin": "ag-items",
        "status": status,
        "statusText": title,
        "timestamp": "2026-11-23T12:00:00Z",
    }
    content = json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={"Content-Type": "application/problem+json"})


OK = httpx.Response(204)
