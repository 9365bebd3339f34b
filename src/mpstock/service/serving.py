"""Serves the application by itself, with uvicorn, until the process is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn

from mpstock.errors import ConfigurationError, Interrupted
from mpstock.facade.opening import aopen
from mpstock.service.app import create_app
from mpstock.service.logs import LogFormat, set_up_logs
from mpstock.service.service import Service
from mpstock.service.systemd import notify

__all__ = ["serve"]

_logger = logging.getLogger("mpstock.service")


def serve(
    config: Path,
    *,
    host: str | None = None,
    port: int | None = None,
    schedule: bool = True,
    log: LogFormat = "auto",
) -> str:
    """Run the service of a settings file until SIGTERM or SIGINT; returns the address that it had.

    Requests that were begun are answered, the batch in flight is answered and recorded before it ends; a
    second signal ends it at once, and what was in flight counts as doubtful.

    Raises:
        ConfigurationError: the settings are wrong, or it cannot listen there.
        Interrupted: it was told to stop twice.
        MpstockError: the shop cannot be opened.
    """
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        return runner.run(_serve(config, host, port, schedule, log))


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes uvloop's loop, where there is one: not on Windows. Each request costs it less."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


class _Server(uvicorn.Server):
    """A server that leaves the signals to us: a service that was told to stop ends with code 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Stop:
    """What the signals say: the first asks for an end, the second for one at once."""

    def __init__(self) -> None:
        self.asked = 0
        self.service: Service | None = None
        self.server: _Server | None = None

    def ask(self) -> None:
        """Pass on what a signal says to what is up by now."""
        self.asked += 1
        if self.asked == 1:
            _logger.info("stopping; what is on its way is answered and recorded first")
            notify("STOPPING=1")
        self.pass_on()

    def pass_on(self) -> None:
        if not self.asked:
            return
        if self.service is not None:
            self.service.begin_stop()
            if self.asked > 1:
                self.service.abandon()
        if self.server is not None:
            self.server.should_exit = True
            # Connections are not waited for any more. What follows is not left out: we do it ourselves.
            self.server.force_exit = self.asked > 1


@contextmanager
def _signals(stop: _Stop) -> Iterator[None]:
    wanted = (signal.SIGINT, signal.SIGTERM)
    loop = asyncio.get_running_loop()
    before: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in wanted}
    for number in wanted:
        try:
            loop.add_signal_handler(number, stop.ask)
        except NotImplementedError:
            # Windows has no such thing on its event loop.
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.ask))
    try:
        yield
    finally:
        for number in wanted:
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, before[number])


async def _serve(config: Path, host: str | None, port: int | None, schedule: bool, log: LogFormat) -> str:
    shop = aopen(config)
    set_up_logs(log, shop.config.secrets)
    stop = _Stop()
    service: Service | None = None
    try:
        with _signals(stop):
            # What is wrong with the shop is told before anything listens.
            await shop.build()
            settings = shop.config.service
            app = create_app(shop, schedule=schedule)
            server = _Server(
                uvicorn.Config(
                    app,
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
            made: Service = app.state.service
            service = made
            await made.start()
            # What is loaded by now stays to the end: a collection that walks it all stops everybody.
            gc.collect()
            gc.freeze()
            stop.service, stop.server = made, server
            stop.pass_on()
            # uvicorn listens a moment later; who heard of us and comes at once is not to be refused.
            socket.listen(server.config.backlog)
            _logger.info("mpstock listens on %s; stop it with Ctrl-C", url, extra={"url": url})
            notify("READY=1", f"STATUS=listens on {url}")
            await server.serve(sockets=[socket])
            await made.stop()
            if stop.asked > 1:
                raise Interrupted
            _logger.info("stopped; all that was sent is recorded")
            return url
    finally:
        if service is not None:
            await service.stop()
        await shop.aclose()


def _bind(config: uvicorn.Config) -> Any:
    try:
        return config.bind_socket()
    except SystemExit as error:
        raise ConfigurationError(
            f"cannot listen on {config.host}:{config.port}: the port is taken or not ours; give another",
            place="[service] port",
        ) from error
