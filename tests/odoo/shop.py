"""A double of Odoo and a source that reads it; and a server that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx

from mpstock import Finding, Secret
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_odoo.plugin import mpstock_sources
from mpstock_odoo.settings import OdooSettings
from mpstock_odoo.simulator import OdooSimulator
from tests.reading import Repeating, findings, walk

(SPEC,) = mpstock_sources()
URL = "http://odoo.local"
KEY = "0123456789abcdef0123456789abcdef01234567"
VERSIONS = (13, 17, 18, 19)
"""Before 18 goods are tracked by their type and warehouses go by another key; before 19 no JSON-2."""


def settings(**changed: Any) -> OdooSettings:
    """Settings with defaults that work."""
    return OdooSettings(
        **{"base_url": URL, "api_key": Secret(KEY), "database": "shop", "user": "robot", **changed}
    )


class Shop:
    """A source over a double (or over an httpx transport), on a clock that jumps."""

    def __init__(
        self,
        levels: Mapping[tuple[str, str], float] | None = None,
        *,
        version: int = 19,
        double: Mapping[str, Any] | None = None,
        **changed: Any,
    ) -> None:
        self.clock = VirtualClock()
        self.odoo = OdooSimulator(levels, version=version, key=KEY, clock=self.clock, **(double or {}))
        self.world = self.odoo.world
        self.renew(**changed)

    def renew(self, **changed: Any) -> None:
        """Another source over the same double, as after a restart with other settings."""
        context = adapter_context(self.odoo, "erp", self.clock, secrets=(KEY,))
        self.source = build_adapter(SPEC, settings(**changed), context)

    def read(self, cursor: str | None = None) -> Repeating:
        """Read to the end."""
        return Repeating(walk(self.source, cursor).readings)

    def later(self, **length: float) -> None:
        """Let time pass, ten minutes if nothing else is said: more than the overlap."""
        self.clock.advance(timedelta(**(length or {"minutes": 10})).total_seconds())

    def check(self) -> list[Finding]:
        """Check to the end."""
        return findings(self.source)

    def asked(self, model: str, method: str = "search_read") -> list[dict[str, Any]]:
        """The named arguments of each call of a model's method, over whichever protocol."""
        found: list[dict[str, Any]] = []
        for seen in self.odoo.requests:
            if seen.path == f"/json/2/{model}/{method}":
                found.append(seen.json())
            elif seen.path == "/jsonrpc":
                args = seen.json()["params"]["args"]
                if args[3:5] == [model, method]:
                    found.append(args[6])
        return found


class Reader(Shop):
    """A source over a server that answers whatever `answer` says of each request."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response], **changed: Any) -> None:
        super().__init__()
        self.requests: list[httpx.Request] = []

        def answered(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return answer(request)

        context = adapter_context(httpx.MockTransport(answered), "erp", self.clock, secrets=(KEY,))
        self.source = build_adapter(SPEC, settings(**changed), context)


def page(title: str, status: int = 404, **headers: str) -> httpx.Response:
    """A page of a web server."""
    content = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>…</body></html>".encode()
    return httpx.Response(status, content=content, headers={"content-type": "text/html", **headers})


def answered_by_method(answers: Mapping[str, Any]) -> Callable[[httpx.Request], httpx.Response]:
    """Answer JSON-2 calls by the end of their path; a callable gets the request's body."""

    def answer(request: httpx.Request) -> httpx.Response:
        for ending, found in answers.items():
            if request.url.path.endswith(ending):
                if callable(found):
                    found = found(json.loads(request.content))
                if isinstance(found, httpx.Response):
                    return found
                # Written by hand: httpx refuses NaN, which Python's own server side would let through.
                return httpx.Response(200, content=json.dumps(found).encode())
        raise AssertionError(f"nothing is set for {request.url.path}")

    return answer
