"""A million levels through the source: memory is that of a page, whatever the catalogue."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

_SERVER = """
import sys
from mpstock.simulation import serve
from mpstock_odoo.simulator import OdooSimulator
numbers = range(1, int(sys.argv[1]) + 1)
levels = {(f"SKU-{n:07d}", code): n % rest for n in numbers for code, rest in (("main", 97), ("msk", 89))}
odoo = OdooSimulator(levels)
with serve(odoo) as (url,):
    print(url, flush=True)
    sys.stdin.readline()
"""

_READER = """
import asyncio, json, resource, sys, time
import httpx
from mpstock import Secret, SystemClock
from mpstock.testing import adapter_context, build_adapter
from mpstock_odoo.plugin import mpstock_sources
from mpstock_odoo.settings import OdooSettings

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

async def main(url, protocol):
    settings = OdooSettings(
        url, Secret("0123456789abcdef0123456789abcdef01234567"), "shop", "robot", protocol=protocol
    )
    context = adapter_context(httpx.AsyncHTTPTransport(), "erp", SystemClock())
    (spec,) = mpstock_sources()
    source = build_adapter(spec, settings, context)
    levels = total = pages = unknown = 0
    early, began = 0.0, time.perf_counter()
    async for reading in source.read(None):
        levels += len(reading.levels)
        total += sum(level.quantity for level in reading.levels if level.quantity is not None)
        unknown += sum(level.quantity is None for level in reading.levels)
        pages += 1
        if pages == 20:
            early = peak()
    seconds = time.perf_counter() - began
    print(json.dumps({"levels": levels, "total": total, "unknown": unknown, "pages": pages, "early": early,
                      "peak": peak(), "seconds": seconds, "complete": reading.complete}))

asyncio.run(main(*sys.argv[1:]))
"""


def _measured(protocol: str, products: int) -> dict[str, Any]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1"}
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(products)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
        encoding="utf-8",
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        done = subprocess.run(
            [sys.executable, "-c", _READER, url, protocol],
            env=environ,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found
    finally:
        server.communicate("\n", timeout=30)


@pytest.mark.slow
@pytest.mark.parametrize(("protocol", "products"), [("json2", 500_000), ("jsonrpc", 50_000)])
def test_a_million_levels_take_the_memory_of_a_page(protocol: str, products: int) -> None:
    """Half a million products in two warehouses: every level is right, and memory stops growing early."""
    found = _measured(protocol, products)
    numbers = range(1, products + 1)
    assert found["levels"] == 2 * products
    assert found["total"] == sum(n % 97 + n % 89 for n in numbers)
    assert (found["unknown"], found["complete"]) == (0, True)
    print(f"\n{protocol}: {found['seconds']:.0f} s, peak {found['peak']:.0f} MB")
    assert found["peak"] - found["early"] < 15
    assert found["peak"] < 150
