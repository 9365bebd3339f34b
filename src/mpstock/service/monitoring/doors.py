"""Counts what is answered at each address of the application, and makes each request a span."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.routing import BaseRoute, Mount, Route

from mpstock.tracing import span

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mpstock.clock import Clock
    from mpstock.service.monitoring.metrics import Metrics
    from mpstock.service.service import Service

__all__ = ["watched"]

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def watched(routes: Sequence[BaseRoute], service: Service) -> Sequence[BaseRoute]:
    """Let the metrics of the service know of every request to these routes, by the route's own path.

    What no route answers to is not counted: its path is whatever somebody makes up.
    """
    for route in routes:
        if isinstance(route, (Route, Mount)):
            route.app = _Watched(route.app, route.path or "/", service)
    return routes


class _Watched:
    def __init__(self, app: ASGIApp, door: str, service: Service) -> None:
        self._app = app
        self._door = door
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        clock: Clock = self._service.engine.clock
        metrics: Metrics = self._service.metrics
        begun = clock.monotonic()
        # Where the application fails nobody sends an answer but the server, and that is 500.
        status = 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with span("mpstock.request", {"door": self._door}, _Headers(scope)) as current:
                await self._app(scope, receive, sent)
                if current is not None:
                    current.set_attribute("http.response.status_code", status)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            metrics.answered(self._door, method, status, clock.monotonic() - begun)


class _Headers(dict[str, str]):
    """The headers of a request, read only where somebody traces."""

    def __init__(self, scope: Any) -> None:
        super().__init__()
        self._scope = scope

    def get(self, key: str, default: Any = None) -> Any:
        wanted = key.lower().encode("latin-1")
        return next(
            (value.decode("latin-1") for name, value in self._scope["headers"] if name == wanted), default
        )
