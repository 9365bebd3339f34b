"""Doubles over real HTTP: several in one thread (`serve`), or one as a program of its own (`main`)."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from mpstock.clock import ScaledClock, SystemClock
from mpstock.errors import ConfigurationError
from mpstock.simulation.application import Simulator, SinkSimulator, SourceSimulator

if TYPE_CHECKING:
    from mpstock.simulation.server import SimulatorServer

__all__ = ["main", "serve"]


@contextlib.contextmanager
def serve(
    *apps: Simulator, host: str = "127.0.0.1", ports: Sequence[int] | None = None
) -> Iterator[list[str]]:
    """Serve the doubles over HTTP, all in one event loop of one thread; yields their base URLs.

    `ports` are as many as the apps; 0, and None for all, takes a free one.

    Raises:
        ConfigurationError: uvicorn is not installed (the extra `mpstock[simulation]`), or a port is taken.
    """
    wanted = list(ports) if ports is not None else [0] * len(apps)
    if len(wanted) != len(apps):
        raise ValueError(f"{len(apps)} simulators need {len(apps)} ports, not {len(wanted)}")
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_bind(host, port)) for port in wanted]
        servers = [_server(app) for app in apps]
        loops: list[asyncio.AbstractEventLoop] = []
        failures: list[BaseException] = []

        async def run() -> None:
            loops.append(asyncio.get_running_loop())
            await asyncio.gather(
                *(server.serve(sockets=[one]) for server, one in zip(servers, sockets, strict=True))
            )

        def end() -> None:
            for server in servers:
                server.end()

        def thread_main() -> None:
            try:
                asyncio.run(run())
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=thread_main, name="mpstock-simulation", daemon=True)
        thread.start()
        try:
            while not all(server.started for server in servers):
                thread.join(0.005)
                if not thread.is_alive():
                    raise RuntimeError("the simulators did not start") from next(iter(failures), None)
            yield [f"http://{host}:{one.getsockname()[1]}" for one in sockets]
        finally:
            # From here on cancelled requests are no news.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            for loop in loops:
                # It may have ended by itself.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(end)
            thread.join(10)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms for its second half.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; give another port"
        ) from error
    return bound


def _server(app: Simulator) -> SimulatorServer:
    try:
        from mpstock.simulation.server import SimulatorServer
    except ImportError as error:
        raise ConfigurationError(
            "serving a simulator needs uvicorn: pip install 'mpstock[simulation]'"
        ) from error
    return SimulatorServer(app)


def main(
    build: Callable[[argparse.Namespace], Simulator],
    *,
    add_arguments: Callable[[argparse.ArgumentParser], None] | None = None,
    argv: Sequence[str] | None = None,
) -> None:
    """Run one double as a program until Ctrl-C: `--host`, `--port`, `--speed`, `--anchor`.

    `build` gets the parsed arguments; `args.clock` is the clock to give to the double.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="run so many times as fast: with 50 a minute passes in 1.2 s"
    )
    parser.add_argument(
        "--anchor",
        type=datetime.fromisoformat,
        help="moment with offset from which time runs faster; the same for all programs of one play",
    )
    if add_arguments is not None:
        add_arguments(parser)
    args = parser.parse_args(argv)
    if args.speed <= 0:
        parser.error(f"--speed must be above 0, not {args.speed:g}")
    if args.anchor is not None and args.anchor.tzinfo is None:
        parser.error("--anchor needs an offset, as in 2026-01-01T00:00:00+00:00")
    args.clock = SystemClock() if args.speed == 1.0 else ScaledClock(args.speed, anchor=args.anchor)
    app = build(args)
    try:
        with serve(app, host=args.host, ports=[args.port]) as (url,):
            sys.stdout.write(_greeting(app, url, args.speed))
            sys.stdout.flush()
            threading.Event().wait()
    except ConfigurationError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    except KeyboardInterrupt:
        sys.stdout.write("\n")


def _greeting(app: Simulator, url: str, speed: float) -> str:
    lines = [f"{type(app).__name__} listens on {url}. Stop it with Ctrl-C."]
    if speed != 1.0:
        lines.append(f"Time runs {speed:g} times as fast here, limits included.")
    if isinstance(app, SourceSimulator | SinkSimulator):
        table = "sources" if isinstance(app, SourceSimulator) else "sinks"
        settings = app.settings(url)
        name = f"{table}.{settings['plugin']}"
        lines += ["", "In mpstock.toml:", "", f"[{name}]"]
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]
        if isinstance(app, SinkSimulator):
            for code in app.warehouse_codes():
                lines += [f"[[{name}.warehouses]]", f'code = "{code}"']
    return "\n".join(lines) + "\n"
