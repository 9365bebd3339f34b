"""A million rows through the source: memory is that of one answer and of the sums, and no more."""

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
from mpstock_onec.simulator_odata import OdataSimulator
numbers, places = range(1, int(sys.argv[1]) + 1), [f"w{n}" for n in range(10)]
levels = {(f"SKU-{n:07d}", w): n % 97 + 1 for n in numbers for w in places}
base = OdataSimulator(levels, configuration=sys.argv[2])
base.compress = False
with serve(base) as (url,):
    print(url, flush=True)
    sys.stdin.readline()
"""

_READER = """
import asyncio, json, resource, sys, time
from datetime import timedelta
import httpx
from mpstock import Secret, SystemClock
from mpstock.testing import adapter_context
from mpstock.transport import TransportSettings
from mpstock_onec.odata_settings import OdataSettings
from mpstock_onec.odata_source import OdataSource

async def main(url, preset, split):
    settings = OdataSettings(
        url, "Робот", Secret("Пароль 1С"), preset=preset, split=split, timeout=timedelta(minutes=10)
    )
    patient = TransportSettings(timeout=600, deadline=3600)
    context = adapter_context(httpx.AsyncHTTPTransport(), "erp", SystemClock(), settings=patient)
    source = OdataSource(settings, context)
    levels = total = problems = 0
    began, worked = time.perf_counter(), time.process_time()
    async for reading in source.read(None):
        levels += len(reading.levels)
        total += sum(level.quantity for level in reading.levels)
        problems += len(reading.problems)
    print(json.dumps({"levels": levels, "total": total, "problems": problems, "complete": reading.complete,
                      "absent": reading.absent, "seconds": time.perf_counter() - began,
                      "cpu": time.process_time() - worked,
                      "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))

asyncio.run(main(*sys.argv[1:]))
"""


def read_many(products: int, preset: str, split: str) -> dict[str, Any]:
    """Serve so many products in ten warehouses in one process, read them in another."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(products), preset],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    ) as server:  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            done = subprocess.run(
                [sys.executable, "-c", _READER, url, preset, split],
                capture_output=True, text=True, env=environment, check=False, timeout=900,
            )  # fmt: skip
        finally:
            server.stdin.write("\n")
            server.stdin.close()
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "split", "most"), [("ut11", "none", 600), ("unf", "warehouse", 300)])
def test_a_million_rows_take_bounded_memory(preset: str, split: str, most: int) -> None:
    """100,000 products in ten warehouses; the peak holds one answer's bytes beside the sums, in MB."""
    found = read_many(100_000, preset, split)
    print(found)
    assert found["levels"] == 1_000_000
    assert found["total"] == 10 * sum(number % 97 + 1 for number in range(1, 100_001))
    assert (found["problems"], found["complete"], found["absent"]) == (0, True, "zero")
    assert found["peak"] < most
