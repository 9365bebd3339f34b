"""The ASGI application: every door of the service under one path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette

from mpstock.service import dashboard, exchange, monitoring, webhooks
from mpstock.service.monitoring.doors import watched
from mpstock.service.service import Service

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from mpstock.clock import Clock
    from mpstock.facade.asynchronous import AsyncShop

__all__ = ["create_app"]

_PARTS: tuple[Callable[[Service], Sequence[BaseRoute]], ...] = (
    monitoring.routes,
    webhooks.routes,
    exchange.routes,
    dashboard.routes,
)
"""What each part of the service answers to."""


def create_app(
    shop: AsyncShop | str | Path = "mpstock.toml", *, schedule: bool = True, clock: Clock | None = None
) -> Starlette:
    """Make the application of one shop, to be served alone or mounted under any path of another.

    Its `state.service` is the `Service`. It starts with the application's lifespan or, where the framework
    that it is mounted in does not tell it of one, with the first request; such a host stops it with
    `await app.state.service.stop()` when it ends.

    Args:
        shop: an open shop, or the settings file of one.
        schedule: whether it reads and verifies by itself; see `Service`.
        clock: what time it is; by default the machine's clock. Not with a shop, which has its own.

    Raises:
        ConfigurationError: the settings are wrong.
    """
    if isinstance(shop, (str, Path)):
        from mpstock.facade.opening import aopen

        shop = aopen(shop, clock=clock)
    service = Service(shop, schedule=schedule)

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        async with service:
            yield

    routes = watched([route for part in _PARTS for route in part(service)], service)
    app = Starlette(routes=routes, lifespan=lifespan)
    app.add_middleware(_Started, service=service)
    app.state.service = service
    return app


class _Started:
    """Starts the service with the first request, where no lifespan has."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to a service that is up."""
        if scope["type"] == "http" and not self._service.up:
            await self._service.start()
        await self._app(scope, receive, send)
