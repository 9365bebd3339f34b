"""How many posts a second the service takes, each one row, signed, answered when it is on the disk.

`mpstock run` is started as a process of its own; a client in this one keeps some connections open and sends
so many posts a second, on time whether or not the last one has been answered (what waits is sent late, and
its lateness counts). Each connection has products of its own and gives them rising times, so that afterwards
the ledger must have the very last number of each: none lost, none wrong. What is sent is pushed on to a sink
in memory meanwhile. The service's memory and processor time are read from /proc.

    python benchmarks/webhook_load.py [--rate 2000] [--seconds 30] [--connections 32] [--json] [--no-sink]

Ends with 1 if a post was lost, refused or wrong, or if the rate was not reached.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SECRET = "a secret of the load alone"
SKUS_EACH = 25
LEDGER = '[ledger]\nurl = "sqlite:///load.db"\n'
SETTINGS = """
[sources.erp]
plugin = "memory"
levels = {{ {levels} }}
{sink}
[service]
port = 0
[service.webhooks]
secrets = ["{secret}"]
rate = 0
[guards]
zeroing = {{ share = 1.0, count = 1000000, window = "1h" }}
"""
SINK = """
[sinks.shop]
plugin = "memory"
skus = [{skus}]
[[sinks.shop.warehouses]]
code = "main"
"""


class Connection:
    """One connection that is kept open: one request at a time, with numbers that rise from `least` on."""

    def __init__(self, number: int, host: str, port: int, least: int = 0) -> None:
        self.least = least
        self.skus = [f"SKU-{number:03d}-{each:02d}" for each in range(SKUS_EACH)]
        self.last: dict[str, int] = {}
        self.late: list[float] = []
        self.statuses: Counter[str] = Counter()
        self._host, self._port = host, port

    async def play(self, begin: float, every: float, count: int) -> None:
        """Send so many posts, each at its time, and take the answers."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            for number in range(count):
                due = begin + number * every
                wait = due - time.perf_counter()
                if wait > 0:
                    await asyncio.sleep(wait)
                sku = self.skus[number % len(self.skus)]
                writer.write(self._request(sku, self.least + number))
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
                self.late.append(time.perf_counter() - due)
                right = head.startswith(b"HTTP/1.1 200") and body == b'{"accepted": 1}'
                self.statuses["accepted" if right else head[9:12].decode()] += 1
                if right:
                    self.last[sku] = self.least + number
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _request(self, sku: str, quantity: int) -> bytes:
        now = datetime.now(UTC).isoformat()
        body = json.dumps({"stocks": [{"sku": sku, "quantity": quantity, "updated_at": now}]}).encode()
        stamp = b"%d" % time.time()
        sign = hmac.digest(SECRET.encode(), stamp + b"." + body, hashlib.sha256).hex().encode()
        return (
            b"POST /webhooks/erp/stock HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\n"
            b"Mpstock-Timestamp: " + stamp + b"\r\nMpstock-Signature: v1=" + sign + b"\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        ) + body  # fmt: skip


def start(
    folder: Path, skus: list[str], *, sink: bool, ledger: str = LEDGER
) -> tuple[subprocess.Popen[str], str, int]:
    """Start the service, and return its process and where it listens."""
    (folder / "mpstock.toml").write_text(
        ledger
        + SETTINGS.format(
            levels=", ".join(f'"{sku}" = 1000000' for sku in skus),
            sink=SINK.format(skus=", ".join(f'"{sku}"' for sku in skus)) if sink else "",
            secret=SECRET,
        ),
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "mpstock", "run", "--no-schedule", "--port", "0"],
        cwd=folder, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "listens on http://" in line:
            host, _, port = line.partition("http://")[2].partition(";")[0].rpartition(":")
            wait_for(host, int(port))
            return process, host, int(port)
    raise SystemExit("the service did not start")


def wait_for(host: str, port: int) -> None:
    """Wait until it answers: it says where it will listen a moment before it does."""
    for _ in range(600):
        with suppress(OSError), socket.create_connection((host, port)):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing answers at {host}:{port}")


def usage(pid: int) -> tuple[float, float]:
    """Return the resident memory in MB and the processor seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6, (int(fields[11]) + int(fields[12])) / ticks


async def load(connections: list[Connection], rate: int, seconds: float, pid: int) -> list[float]:
    """Let all connections send; return the service's memory, second by second."""
    memory = [usage(pid)[0]]
    every = len(connections) / rate
    begin = time.perf_counter() + 0.2
    count = round(seconds / every)
    sending = [
        asyncio.ensure_future(connection.play(begin + number * every / len(connections), every, count))
        for number, connection in enumerate(connections)
    ]
    while True:
        _, pending = await asyncio.wait(sending, timeout=1.0)
        memory.append(usage(pid)[0])
        if not pending:
            break
    for done in sending:
        done.result()
    return memory


def measure(rate: int, seconds: float, number: int, folder: Path, *, sink: bool) -> dict[str, Any]:
    """Return what came of it."""
    skus = [sku for each in range(number) for sku in Connection(each, "", 0).skus]
    process, host, port = start(folder, skus, sink=sink)
    try:
        connections = [Connection(each, host, port) for each in range(number)]
        asyncio.run(load(connections, rate=100, seconds=1.0, pid=process.pid))
        connections = [Connection(each, host, port) for each in range(number)]
        before = usage(process.pid)[1]
        began = time.perf_counter()
        memory = asyncio.run(load(connections, rate, seconds, process.pid))
        took = time.perf_counter() - began
        spent = usage(process.pid)[1] - before
    finally:
        process.terminate()
        process.wait(timeout=60)
    statuses = sum((connection.statuses for connection in connections), Counter[str]())
    late = sorted(value for connection in connections for value in connection.late)
    database = sqlite3.connect(folder / "load.db")
    stored = dict(
        database.execute(
            "SELECT sku, quantity FROM stock_levels JOIN products ON products.id = product_id"
        ).fetchall()
    )
    database.close()
    last = {sku: units for connection in connections for sku, units in connection.last.items()}
    posts = sum(statuses.values())
    return {
        "posts": posts,
        "accepted": statuses["accepted"],
        "refused": {status: count for status, count in statuses.items() if status != "accepted"},
        "seconds": round(took, 2),
        "rate": round(posts / took),
        "p50_ms": round(1000 * late[len(late) // 2], 1),
        "p99_ms": round(1000 * late[len(late) * 99 // 100], 1),
        "max_ms": round(1000 * late[-1], 1),
        "cpu_ms_per_post": round(1000 * spent / posts, 3),
        "memory_mb": [round(memory[0]), round(max(memory)), round(memory[-1])],
        "wrong": sum(stored.get(sku) != units for sku, units in last.items()),
        "load_average": os.getloadavg()[0],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--no-sink", action="store_true", help="nothing is pushed on meanwhile")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(
            options.rate, options.seconds, options.connections, Path(folder), sink=not options.no_sink
        )
    if options.json:
        print(json.dumps(found))
    else:
        print(f"{found['accepted']:,} of {found['posts']:,} posts taken in {found['seconds']} s")
        print(f"{found['rate']:,} a second; {found['cpu_ms_per_post']} ms of the service's processor each")
        print(f"answered within {found['p50_ms']} ms (median), {found['p99_ms']} ms (99 %)")
        print(f"memory {' → '.join(map(str, found['memory_mb']))} MB (before, most, after)")
        print(f"refused {found['refused'] or 'none'}, wrong {found['wrong']}")
    bad = found["refused"] or found["wrong"] or found["rate"] < 0.98 * options.rate
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
