"""A cabinet for the adapter's tests: the double with a sink before it, or answers that are written down."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import httpx

from mpstock import Change, Listing, Secret
from mpstock.testing import VirtualClock, adapter_context, build_adapter, run_virtual
from mpstock_yandex import plugin
from mpstock_yandex.settings import YandexSettings
from mpstock_yandex.simulator import YandexSimulator

T = TypeVar("T")

KEY = "ACMA:test-Zx81:5b2c9d"
BUSINESS = 88001
MAIN, SPARE = "2101", "2102"
WAREHOUSE = 702101

(SPEC,) = plugin.mpstock_sinks()


def settings(**other: Any) -> YandexSettings:
    """Return settings of the cabinet."""
    return YandexSettings(**{"api_key": Secret(KEY), "business_id": BUSINESS, **other})


def cabinet(*skus: str, stores: Sequence[int] = (2101,), **other: Any) -> YandexSimulator:
    """Return a double on virtual time that sells these."""
    return YandexSimulator(skus, stores, clock=VirtualClock(), **other)


def sink_of(double: YandexSimulator, codes: Sequence[str] = (MAIN,), **other: Any) -> Any:
    """Return a sink before the double, its limits declared."""
    double.gate.api_key = KEY
    given = settings(base_url="http://market.test", **other)
    context = adapter_context(double, name="yandex", warehouses=codes, secrets=[given.api_key])
    return build_adapter(SPEC, given, context)


class Script:
    """Answers from a list, one for each request, and remembers the requests."""

    def __init__(self, *answers: httpx.Response | Callable[[httpx.Request], httpx.Response]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.clock = VirtualClock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert self.answers, f"no answer is written down for {request.method} {request.url}"
        answer = self.answers.pop(0)
        return answer(request) if callable(answer) else answer

    def body(self, index: int = -1) -> Any:
        """Return the body of a request."""
        return json.loads(self.requests[index].content)

    def sink(self, codes: Sequence[str] = (MAIN,), **other: Any) -> Any:
        """Return a sink before the script."""
        given = settings(**other)
        context = adapter_context(
            httpx.MockTransport(self),
            name="yandex",
            clock=self.clock,
            warehouses=codes,
            secrets=[given.api_key],
        )
        return build_adapter(SPEC, given, context)


def answer(data: Any, status: int = 200, **headers: str) -> httpx.Response:
    """Return an answer with JSON in it."""
    return httpx.Response(
        status, json=data, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


def refusal(status: int, message: str, code: str = "BAD_REQUEST", **headers: str) -> httpx.Response:
    """Return an error in the Market's envelope."""
    return answer({"status": "ERROR", "errors": [{"code": code, "message": message}]}, status, **headers)


OK = answer({"status": "OK"})


def warehouses(*rows: dict[str, Any]) -> httpx.Response:
    """Return the list of warehouses; without rows, that of the main store's one."""
    found = rows or ({"id": WAREHOUSE, "name": "Главный", "campaignId": int(MAIN), "express": False},)
    return answer({"status": "OK", "result": {"warehouses": list(found), "paging": {}}})


def change(sku: str, new: int, store: str = MAIN) -> Change:
    """Return a change of one listing."""
    return Change(Listing(sku, store, (sku,)), None, new, "test")


def listing(sku: str, store: str = MAIN) -> Listing:
    """Return a listing."""
    return Listing(sku, store, (sku,))


def play(double: YandexSimulator, story: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a story on the double's time."""
    assert isinstance(double.clock, VirtualClock)
    return run_virtual(story, clock=double.clock)


async def everything(pages: AsyncIterator[T]) -> list[T]:
    """Return everything that an async iterator yields."""
    return [page async for page in pages]


async def shown(sink: Any, *listings: Listing) -> dict[str, int | None]:
    """Return what the sink shows, by SKU."""
    pages = await everything(sink.observe(listings or None))
    return {one.external_id: one.quantity for page in pages for one in page}
