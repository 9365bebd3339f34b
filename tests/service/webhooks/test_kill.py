"""Kill -9 under load: whatever was answered is in the ledger, and the next process acts on it."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.webhook_load import Connection, start
from tests.acceptance.play import toml
from tests.byhand import by_hand
from tests.ledgers import settings_of

CONNECTIONS, RATE = 8, 400


def _stored(folder: Path, sql: str) -> dict[str, int]:
    with by_hand(folder / "load.db") as database:
        return dict(database.execute(sql).fetchall())


async def _until_it_dies(connections: list[Connection], process: subprocess.Popen[str], after: float) -> None:
    every = CONNECTIONS / RATE
    begin = time.perf_counter()
    sending = [
        asyncio.ensure_future(connection.play(begin + number * every / CONNECTIONS, every, 100_000))
        for number, connection in enumerate(connections)
    ]
    await asyncio.sleep(after)
    process.kill()
    for task in sending:
        # Cut off in the middle, each of them: its last request has no answer.
        with suppress(OSError, EOFError):
            await task


@pytest.mark.slow
def test_what_was_answered_outlives_the_process(tmp_path: Path) -> None:
    """Killed again and again in the middle of it, the ledger has the last number that each was told is taken.

    It may have the one after that, whose answer nobody got; an older one it never has.
    """
    chance = random.Random(1)
    skus = [sku for number in range(CONNECTIONS) for sku in Connection(number, "", 0).skus]
    ledger = toml({"ledger": settings_of(tmp_path / "load.db")})
    last: dict[str, int] = {}
    accepted = 0
    for life in range(5):
        process, host, port = start(tmp_path, skus, sink=True, ledger=ledger)
        connections = [Connection(number, host, port, life * 1_000) for number in range(CONNECTIONS)]
        try:
            asyncio.run(_until_it_dies(connections, process, chance.uniform(0.5, 2.5)))
        finally:
            process.kill()
            process.communicate(timeout=30)
        for connection in connections:
            accepted += connection.statuses["accepted"]
            assert set(connection.statuses) <= {"accepted"}
            last |= connection.last
        stored = _stored(
            tmp_path, "SELECT sku, quantity FROM stock_levels JOIN products ON products.id = product_id"
        )
        lost = {sku: units for sku, units in last.items() if stored[sku] < units}
        assert lost == {}
        ahead = [sku for sku, units in last.items() if stored[sku] > units]
        assert len(ahead) <= CONNECTIONS
    assert accepted > 100
    process, _, _ = start(tmp_path, skus, sink=True, ledger=ledger)
    try:
        for _ in range(600):
            if not _stored(tmp_path, "SELECT product_id, 1 FROM dirty"):
                break
            time.sleep(0.1)
        else:
            pytest.fail("nobody has acted on what was taken before the end")
    finally:
        process.terminate()
        process.communicate(timeout=60)
