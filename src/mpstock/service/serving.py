"""Serves the application by itself, with uvicorn, until the process is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from mpstock.errors import ConfigurationError
from mpstock.facade.opening import aopen
from mpstock.service.app import create_app

__all__ = ["serve"]


def serve(
    config: Path,
    *,
    host: str | None = None,
    port: int | None = None,
    schedule: bool = True,
    listening: Callable[[str], None] = lambda _text: None,
) -> str:
    """Run the service of a settings file until SIGTERM or SIGINT; returns the address that it had.

    The batch in flight is answered and recorded before it ends.

    Raises:
        ConfigurationError: the settings are wrong, or it cannot listen there.
        MpstockError: the shop cannot be opened.
    """
    return asyncio.run(_serve(config, host, port, schedule, listening))


async def _serve(
    config: Path, host: str | None, port: int | None, schedule: bool, listening: Callable[[str], None]
) -> str:
    shop = aopen(config)
    try:
        # What is wrong with the shop is told before anything listens.
        await shop.build()
        settings = shop.config.service
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(shop, schedule=schedule),
                host=host or settings.host,
                port=settings.port if port is None else port,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.proxies),
                forwarded_allow_ips=list(settings.proxies),
                timeout_graceful_shutdown=5,
            )
        )
        socket = _bind(server.config)
        bound: Any = socket.getsockname()
        name = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        url = f"http://{name}:{bound[1]}"
        listening(f"mpstock listens on {url}; stop it with Ctrl-C")
        await server.serve(sockets=[socket])
        return url
    finally:
        await shop.aclose()


def _bind(config: uvicorn.Config) -> Any:
    try:
        return config.bind_socket()
    except SystemExit as error:
        raise ConfigurationError(
            f"cannot listen on {config.host}:{config.port}: the port is taken or not ours; give another",
            place="[service] port",
        ) from error
