"""uvicorn for doubles: as tests start and end hundreds of them, it waits for nothing that is not there."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mpstock.clock import SystemClock
from mpstock.simulation.application import ABORT, Simulator

__all__ = ["SimulatorServer"]

GRACE = 0.1
"""Seconds that the requests under way have to be answered when the server is to end."""


class _Protocol(H11Protocol):
    """Lets the application close the connection under a request, which ASGI has no word for."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner: Any = self.app

        async def abortable(scope: Any, receive: Any, send: Any) -> None:
            await inner({**scope, "extensions": {ABORT: transport.abort}}, receive, send)

        self.app = abortable


class SimulatorServer(uvicorn.Server):
    """A server of one double that ends when it is told to.

    uvicorn itself looks ten times a second whether it should end, and then waits as long for connections
    that may be gone: 0.2 s for each test that serves a double.
    """

    def __init__(self, app: Simulator) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                timeout_graceful_shutdown=0,
                timeout_keep_alive=30,
            )
        )
        self._pause: asyncio.Future[None] | None = None

    def end(self) -> None:
        """End soon; called in the server's own event loop."""
        self.should_exit = True
        if self._pause is not None:
            self._pause.cancel()

    async def main_loop(self) -> None:
        # A tick writes the date that the answers bear.
        while not await self.on_tick(0):
            self._pause = asyncio.ensure_future(SystemClock().sleep(1.0))
            await asyncio.wait({self._pause})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for one in sockets or ():
            one.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        # These are real connections, however fast the double's own time runs.
        clock = SystemClock()
        over = clock.monotonic() + GRACE
        # uvicorn tells nobody that a connection has gone.
        while self.server_state.connections and clock.monotonic() < over:
            await clock.sleep(0.001)
        # What is still under way is cancelled with the loop, which ends with its servers.
        for task in self.server_state.tasks:
            task.cancel()
