"""A stock service that answers as it is told, and a source that reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from attrs import define, field

from mpstock import Finding, Secret
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_onec.plugin import mpstock_sources
from mpstock_onec.settings import OnecSettings
from tests.reading import Read, findings, walk

SPEC = next(spec for spec in mpstock_sources() if spec.name == "onec")
URL = "http://erp.local/trade"
USER, PASSWORD = "Робот", "Пароль 1С"
START = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
NBSP = "\u00a0"


class Json(str):
    """A row as it stands in the body, for what Python would write otherwise."""


@define
class Service:
    """The last answer of `answers` repeats; each is a body, a list of rows or a whole response."""

    answers: list[Any] = field(factory=list)
    requests: list[httpx.Request] = field(factory=list[httpx.Request])
    during: Callable[[], None] = lambda: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.during()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        if isinstance(answer, list):
            answer = body(*answer)
        return httpx.Response(200, content=answer, headers={"content-type": "application/json"})

    @property
    def asked(self) -> list[str | None]:
        """`changedAfter` of each request."""
        return [request.url.params.get("changedAfter") for request in self.requests]


def body(*rows: Any) -> bytes:
    """Write rows as a service does."""
    texts = [row if isinstance(row, Json) else json.dumps(row, ensure_ascii=False) for row in rows]
    return f'{{"stocks": [{", ".join(texts)}]}}'.encode()


def page(title: str, status: int = 200, **headers: str) -> httpx.Response:
    """A page of a web server."""
    content = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>…</body></html>".encode()
    return httpx.Response(status, content=content, headers={"content-type": "text/html", **headers})


def settings(**changed: Any) -> OnecSettings:
    """Settings with defaults that work."""
    return OnecSettings(**{"base_url": URL, "user": USER, "password": Secret(PASSWORD), **changed})


class Reader:
    """One source over one service, on a clock that jumps."""

    def __init__(self, *answers: Any, **changed: Any) -> None:
        self.service = Service(list(answers))
        self.clock = VirtualClock()
        context = adapter_context(
            httpx.MockTransport(self.service), name="erp", clock=self.clock, secrets=(PASSWORD,)
        )
        self.source = build_adapter(SPEC, settings(**changed), context)
        self.requests = self.service.requests

    def read(self, cursor: str | None = None) -> Read:
        """Read to the end."""
        return walk(self.source, cursor)

    def check(self) -> list[Finding]:
        """Check to the end."""
        return findings(self.source)


def read(*rows: Any, **changed: Any) -> Read:
    """Read everything from a service that answers these rows."""
    return Reader(list(rows), **changed).read()


def row(sku: Any = "A-1", quantity: Any = 5, **more: Any) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity, **more}
