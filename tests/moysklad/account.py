"""A double of МойСклад, a source that reads it, and answers that are written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from mpstock import Finding, Secret
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_moysklad.plugin import mpstock_sources
from mpstock_moysklad.settings import MoyskladSettings
from mpstock_moysklad.simulator import MoyskladSimulator
from tests.reading import Read, findings, walk

(SPEC,) = mpstock_sources()
URL = "https://api.moysklad.ru"
BASE = f"{URL}/api/remap/1.2"
TOKEN = "a-secret-token"


def settings(**changed: Any) -> MoyskladSettings:
    """Settings with defaults that work."""
    if "login" not in changed:
        changed = {"token": Secret(TOKEN), **changed}
    return MoyskladSettings(**{"base_url": BASE, **changed})


class Reader:
    """One source, on a clock that jumps."""

    def __init__(self, way: Any, clock: VirtualClock, **changed: Any) -> None:
        self.clock = clock
        self.context = adapter_context(way, name="ms", clock=clock, secrets=(TOKEN,))
        self.source = build_adapter(SPEC, settings(**changed), self.context)

    def read(self, cursor: str | None = None) -> Read:
        """Read to the end."""
        return walk(self.source, cursor)

    def check(self) -> dict[str, Finding]:
        """Check to the end; by subject."""
        return {finding.subject: finding for finding in findings(self.source)}


class World(Reader):
    """A double and a source that reads it."""

    def __init__(self, levels: Mapping[tuple[str, str], Any] | None = None, **changed: Any) -> None:
        clock = VirtualClock()
        self.double = MoyskladSimulator(levels, token=TOKEN, clock=clock)
        self.double.settings(URL)
        super().__init__(self.double, clock, **changed)

    def another(self, **changed: Any) -> Reader:
        """Another process that reads the same account."""
        return Reader(self.double, self.clock, **changed)

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, with what matters of their queries; then forgotten."""
        told = [
            request.path.removeprefix("/api/remap/1.2/")
            + "".join(
                f" {name}={request.query[name]}"
                for name in ("stockType", "changedSince", "filter", "offset")
                if name in request.query
            )
            for request in self.double.requests
        ]
        self.double.requests.clear()
        return told


Route = Callable[[httpx.Request], Any]


class Told(Reader):
    """A source over answers that are written by hand.

    `report` are the rows of the short report, a body, a response, or a function of the request; `goods`
    and `stores` are rows of the lists.
    """

    def __init__(
        self,
        report: Any = (),
        goods: Sequence[Mapping[str, Any]] = (),
        stores: Sequence[Mapping[str, Any]] = (),
        bundles: Sequence[Mapping[str, Any]] = (),
        /,
        **changed: Any,
    ) -> None:
        self.routes: dict[str, Any] = {
            "/report/stock/bystore/current": report,
            "/report/stock/all/current": report,
            "/entity/assortment": page(goods),
            "/entity/store": page(stores),
            "/entity/bundle": page(bundles),
        }
        self.requests: list[httpx.Request] = []
        super().__init__(httpx.MockTransport(self._answer), VirtualClock(), **changed)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.routes[request.url.path.removeprefix("/api/remap/1.2")]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        if not isinstance(answer, bytes):
            answer = json.dumps(answer, ensure_ascii=False).encode()
        return httpx.Response(200, content=answer, headers={"content-type": "application/json;charset=utf-8"})


def page(rows: Sequence[Mapping[str, Any]], **meta: Any) -> dict[str, Any]:
    """A page of a list."""
    return {
        "context": {},
        "meta": {"size": len(rows), "limit": 1000, "offset": 0, **meta},
        "rows": list(rows),
    }


def good(id_: str, article: str | None, kind: str = "product", **more: Any) -> dict[str, Any]:
    """A row of the assortment."""
    row = {"meta": {"type": kind}, "id": id_, "name": f"Товар {article}", "updated": "2026-01-01 00:00:00"}
    return {**row, **({} if article is None else {"article": article}), **more}


def store(id_: str, name: str, **more: Any) -> dict[str, Any]:
    """A row of the list of stores."""
    return {"id": id_, "name": name, "archived": False, **more}


def row(id_: str, number: Any, store_id: str | None = "s1", key: str = "freeStock") -> dict[str, Any]:
    """A row of the short report by store."""
    return {"assortmentId": id_, "storeId": store_id, key: number}


def refusal(status: int, code: int | None, words: str, **headers: str) -> httpx.Response:
    """An error as МойСклад writes it."""
    body = {"errors": [{"error": words, **({} if code is None else {"code": code}), "moreInfo": "https://x"}]}
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx.Response(status, json=body, headers=named)
