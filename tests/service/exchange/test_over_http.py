"""The programs as people start them: `mpstock run` as the site, and the double of 1C as 1C, over HTTP."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from mpstock_onec.simulator_exchange import ExchangeClient
from tests.acceptance.play import toml
from tests.byhand import by_hand
from tests.ledgers import settings_of
from tests.programs import SRC
from tests.service.exchange.sites import CATALOGUE, SETTINGS, stock

pytestmark = pytest.mark.slow

USER, PASSWORD = "other", "other-secret"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def _service(folder: Path, port: int, more: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run `mpstock run` in a folder until it is killed, or ends with SIGTERM."""
    ledger = toml({"ledger": settings_of(folder / "ledger.db")})
    settings = SETTINGS.replace('[ledger]\nurl = "sqlite:///ledger.db"\n', ledger)
    (folder / "mpstock.toml").write_text(settings + more, encoding="utf-8")
    arguments = ["run", "--config", str(folder / "mpstock.toml"), "--port", str(port), "--no-schedule"]
    program = subprocess.Popen(
        [sys.executable, "-m", "mpstock", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(SRC), "PYTHONUTF8": "1"},
        encoding="utf-8",
    )
    try:
        printed = ""
        while "listens on" not in printed:
            assert program.stdout is not None
            line = program.stdout.readline()
            assert line, printed
            printed += line
        yield program
    finally:
        if program.poll() is None:
            program.send_signal(signal.SIGTERM)
        program.communicate(timeout=60)


def _levels(folder: Path) -> dict[str, int]:
    query = "SELECT p.sku, s.quantity FROM stock_levels s JOIN products p ON p.id = s.product_id"
    with by_hand(folder / "ledger.db") as database:
        return dict(database.execute(query).fetchall())


def test_a_folder_is_sent_as_1c_sends_it(tmp_path: Path) -> None:
    """Both programs, one command each: what lies in the folder is in the ledger afterwards."""
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    (exchange / "import.xml").write_text(CATALOGUE, encoding="utf-8")
    (exchange / "offers.xml").write_bytes(stock(5, 0, 7))
    port = _free_port()
    with _service(tmp_path, port):
        url = f"http://127.0.0.1:{port}/exchange/erp"
        command = ["-m", "mpstock_onec.simulator_exchange", url, str(exchange), "--user", USER]
        sent = subprocess.run(
            [sys.executable, *command],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(SRC), "EXCHANGE_PASSWORD": PASSWORD},
            encoding="utf-8",
            timeout=60,
        )
        assert sent.returncode == 0, sent.stderr
        assert "complete : 200 success" in sent.stdout
        assert _levels(tmp_path) == {"A-1": 5, "A-2": 0, "A-3": 7}


def _large(products: int) -> Iterator[bytes]:
    yield "<?xml version='1.0'?><КоммерческаяИнформация><ПакетПредложений><Предложения>".encode()
    for at in range(products):
        name = f"Товар {at} " + "с длинным названием, как оно бывает в выгрузке " * 4
        yield (
            f"<Предложение><Ид>{at:036d}</Ид><Артикул>A-{at}</Артикул><Наименование>{name}</Наименование>"
            f"<Количество>{at % 50}</Количество></Предложение>\n"
        ).encode()
    yield "</Предложения></ПакетПредложений></КоммерческаяИнформация>".encode()


def _peak(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the memory of a process")
def test_a_hundred_megabytes_survive_kills_and_stay_out_of_memory(tmp_path: Path) -> None:
    """100 MB in portions of 1 MB, the service killed every thirty of them: all arrives, memory is bounded."""
    body = tmp_path / "offers.xml"
    with body.open("wb") as stream:
        stream.writelines(_large(190_000))
    size = body.stat().st_size
    assert size > 100_000_000
    port = _free_port()

    async def send(client: ExchangeClient, start: int, end: int) -> None:
        with body.open("rb") as stream:
            stream.seek(start)
            while stream.tell() < end:
                await client.portion("offers.xml", stream.read(client.file_limit))

    async def play() -> None:
        async with httpx.AsyncClient(timeout=300) as http:
            onec = ExchangeClient(http, f"http://127.0.0.1:{port}/exchange/erp", USER, PASSWORD, pause=1)
            step, at, peak = 30_000_000, 0, 0.0
            began = time.monotonic()
            while at < size:
                with _service(tmp_path, port, "[service.exchange]\nzip = false\n") as program:
                    if not at:
                        await onec.check_in()
                        await onec.init()
                    elif at >= step:
                        # What was on its way when the process died comes again.
                        await send(onec, at - 1_000_000, at)
                    await send(onec, at, min(at + step, size))
                    at += step
                    peak = max(peak, _peak(program.pid))
                    program.kill()
            sent = time.monotonic() - began
            with _service(tmp_path, port, "[service.exchange]\nzip = false\n") as program:
                idle = _peak(program.pid)
                began = time.monotonic()
                asked = await onec.take("offers.xml")
                taken = time.monotonic() - began
                whole = _peak(program.pid)
                await onec.command("complete")
            print(
                f"\n{size / 1e6:.0f} MB sent in {sent:.0f} s, taken in {taken:.0f} s ({asked} questions); ",
                end="",
            )
            print(f"memory {idle:.0f} MB idle, {peak:.0f} MB receiving, {whole:.0f} MB reading")
            assert peak < idle + 40
            assert whole < idle + 250
        assert _levels(tmp_path) == {f"A-{at}": at % 50 for at in range(190_000)}

    asyncio.run(play())
