"""Told to stop, the service ends in time: what is on its way is recorded, or counts as doubtful."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from mpstock.errors import Interrupted
from mpstock.inmemory import InMemorySink
from mpstock.service import Service
from mpstock.service.runner import Job
from mpstock.service.systemd import notify
from mpstock.testing import VirtualClock, run_virtual
from tests.acceptance.play import toml
from tests.byhand import by_hand
from tests.ledgers import settings_of
from tests.service.scheduled import never, shop_of

ROOT = Path(__file__).resolve().parents[2]

TOML = """
[sources.erp]
plugin = "memory"
levels = {{ A = 10 }}
[sinks.shop]
plugin = "memory"
skus = ["A"]
[[sinks.shop.warehouses]]
code = "w"
[schedule]
every = "15m"
full = "never"
[service]
stop_within = "{within}"
"""


@contextmanager
def _pushing(folder: Path, *, seconds: float, within: str = "25s", **environ: str) -> Iterator[Any]:
    """A service, as a process of its own, whose first batch is on the wire."""
    config = folder / "mpstock.toml"
    ledger = toml({"ledger": settings_of(folder / "mpstock.db")})
    config.write_text(ledger + TOML.format(within=within), encoding="utf-8")
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.service.slow_program", str(config), str(seconds), "--log", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", **environ},
        encoding="utf-8",
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == "pushing\n", program.communicate()
        yield program
    finally:
        program.kill()
        program.communicate()


def _log(program: Any) -> list[str]:
    return [json.loads(line)["message"] for line in program.stderr.read().splitlines()]


def _state(folder: Path) -> tuple[Any, ...]:
    with by_hand(folder / "mpstock.db") as database:
        found: tuple[Any, ...] = database.execute(
            "SELECT synced_quantity, in_flight IS NOT NULL, sync_status FROM marketplace_stocks"
        ).fetchone()
    return found


def test_a_signal_lets_the_batch_on_its_way_be_answered_and_recorded(tmp_path: Path) -> None:
    """The process ends with code 0 once the marketplace has answered and the ledger has it; systemd, if it
    has started it, hears that it is up, lives, and is about to end.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        told: list[str] = []
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        with _pushing(tmp_path, seconds=0.7, **environ) as program:
            while told.count("WATCHDOG=1") < 2 or not any("READY=1" in one for one in told):
                told.append(systemd.recv(1000).decode())
            program.terminate()
            while told[-1] != "STOPPING=1":
                told.append(systemd.recv(1000).decode())
            assert program.wait(timeout=20) == 0
            assert _log(program)[-1] == "stopped; all that was sent is recorded"
    (ready,) = [one for one in told if "READY=1" in one]
    assert "STATUS=listens on http://127.0.0.1:" in ready
    assert _state(tmp_path) == (8, 0, "ok")


def test_a_systemd_that_does_not_listen_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its queue is short: what does not fit into it is left out, and the service goes on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        told = [notify("WATCHDOG=1") for _ in range(2_000)]
        assert told[0]
        assert not told[-1]
        systemd.recv(1000)
        assert notify("STOPPING=1")


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """Who presses Ctrl-C twice does not wait for the marketplace; the exit code says so."""
    with _pushing(tmp_path, seconds=60) as program:
        program.send_signal(signal.SIGINT)
        time.sleep(0.3)
        program.send_signal(signal.SIGINT)
        assert program.wait(timeout=10) == 130
    assert _state(tmp_path)[:2] == (None, 1)


@pytest.mark.slow
def test_what_takes_too_long_is_left_in_doubt(tmp_path: Path) -> None:
    """After `stop_within` the process ends, still with 0: the next run looks at what it had sent."""
    with _pushing(tmp_path, seconds=60, within="1s") as program:
        asked = time.monotonic()
        program.terminate()
        assert program.wait(timeout=20) == 0
        assert time.monotonic() - asked < 6
        assert any("not waited for any longer" in message for message in _log(program))
    assert _state(tmp_path)[:2] == (None, 1)


class _Slow(InMemorySink):
    """Takes an hour for each batch."""

    async def push(self, changes: Any) -> Any:
        await asyncio.sleep(3600)
        return await super().push(changes)


def test_a_stop_that_comes_before_a_run_has_begun_is_not_lost(tmp_path: Path) -> None:
    """A run that was asked for, and still opens the ledger or waits for its turn, heeds a stop."""

    async def play() -> None:
        shop = shop_of(tmp_path, never(), VirtualClock())
        run = asyncio.create_task(shop.sync())
        await asyncio.sleep(0)
        shop.interrupt()
        assert (await run).status == "interrupted"
        # It was for that run alone, and one that is asked for while nothing runs is for none.
        shop.interrupt()
        assert (await shop.sync()).status == "done"
        shop.interrupt(for_good=True)
        with pytest.raises(Interrupted):
            await shop.sync()
        await shop.aclose()

    asyncio.run(play())


def test_a_stop_is_for_the_run_whose_turn_it_is(tmp_path: Path) -> None:
    """Of two runs that were asked for the first one stops, and the second one goes on."""

    async def play() -> None:
        shop = shop_of(tmp_path, never(), VirtualClock())
        runs = [asyncio.create_task(shop.sync()) for _ in range(2)]
        await asyncio.sleep(0)
        shop.interrupt()
        assert [(await run).status for run in runs] == ["interrupted", "done"]
        await shop.aclose()

    asyncio.run(play())


def test_a_job_that_has_not_come_to_its_run_yet_does_not_begin_one(tmp_path: Path) -> None:
    """A job of several steps that is told to stop between them makes no run of an hour any more."""
    clock = VirtualClock()

    async def play() -> float:
        shop = shop_of(tmp_path, never(), clock, sink=_Slow(["A"]))
        service = Service(shop)
        await service.start()
        gate = asyncio.Event()

        async def work(shop: Any, _progress: Any) -> None:
            await gate.wait()
            await shop.sync()

        asked = service.runner.ask(Job("by hand", work))
        await asyncio.sleep(60)
        assert service.runner.running is not None
        service.begin_stop()
        gate.set()
        before = clock.monotonic()
        await service.stop()
        assert isinstance(asked.exception(), Interrupted)
        return clock.monotonic() - before

    assert run_virtual(play, clock=clock) < 1


def test_the_wait_for_what_is_on_its_way_counts_from_the_first_word(tmp_path: Path) -> None:
    """A marketplace that does not answer holds the service up for `stop_within`, and no longer."""
    clock = VirtualClock()

    async def play() -> float:
        shop = shop_of(tmp_path, never(every="1h"), clock, sink=_Slow(["A"]))
        config = shop._assembly.config
        service_settings = evolve(config.service, stop_within=timedelta(seconds=40))
        shop._assembly.config = evolve(config, service=service_settings)
        service = Service(shop)
        await service.start()
        await asyncio.sleep(60)
        assert service.runner.running is not None
        before = clock.monotonic()
        service.begin_stop()
        await asyncio.sleep(15)
        await service.stop()
        return clock.monotonic() - before

    assert 40 <= run_virtual(play, clock=clock) < 42
