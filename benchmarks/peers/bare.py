"""The least that a database could do: one statement plans everything, one `executemany` a table writes it.

Both run on the ledger itself, at the moment at which the engine is about to do the same to the same rows, and
are rolled back. They keep two units back, and no promise: no other policy, no guard, no order is looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.measuring import cpu_of

__all__ = ["plan", "record"]

_MOMENT = "2026-01-12 09:00:00.000000"

PLAN = """
UPDATE marketplace_stocks AS s SET wanted = w.quantity, cause = 'erp',
    lane = CASE WHEN w.quantity IS s.base THEN NULL WHEN w.quantity = 0 THEN 0
        WHEN s.base IS NULL OR w.quantity < s.base THEN 1 ELSE 2 END,
    ready = w.quantity IS NOT s.base,
    sync_status = CASE WHEN w.quantity IS s.base THEN 'ok' ELSE 'pending' END
FROM (SELECT l.product_id, max(sum(l.quantity - l.reserved) - 2, 0) AS quantity FROM stock_levels AS l
    WHERE l.product_id IN (SELECT product_id FROM dirty WHERE waits = 0) GROUP BY l.product_id) AS w
WHERE s.product_id = w.product_id
"""

READY = "SELECT id, product_id, marketplace, base, wanted FROM marketplace_stocks WHERE ready = 1"
INTENT = (
    "UPDATE marketplace_stocks SET in_flight = 1, sent = ?, ready = 0, attempted_at = ?, not_before = ? "
    "WHERE id = ?"
)
OUTCOME = (
    "UPDATE marketplace_stocks SET in_flight = NULL, base = ?, synced_quantity = ?, expected = ?, "
    "last_synced_at = ?, lane = NULL, sync_status = 'ok' WHERE id = ?"
)
LOG = (
    "INSERT INTO stock_sync_log (product_id, marketplace, warehouse_code, old_qty, new_qty, source, run, "
    "push, status, synced_at) VALUES (?, ?, 'main', ?, ?, 'erp', 1, 1, 'ok', ?)"
)


def plan(ledger: str) -> float:
    """Return the seconds of one statement that plans all products which are marked."""
    with _rolled_back(ledger) as database:
        return cpu_of(lambda: database.execute(PLAN))[1]


def record(ledger: str) -> float:
    """Return the seconds of writing the intent, the outcome and the log of all that is ready to be sent.

    The rows are at hand, as the engine's are when it has composed its batches. One transaction.
    """
    with _rolled_back(ledger) as database:
        ready = database.execute(READY).fetchall()
        intents = [(wanted, _MOMENT, _MOMENT, row) for row, _, _, _, wanted in ready]
        outcomes = [(wanted, wanted, wanted, _MOMENT, row) for row, _, _, _, wanted in ready]
        told = [(product, sink, old, new, _MOMENT) for _, product, sink, old, new in ready]

        def write() -> None:
            database.executemany(INTENT, intents)
            database.executemany(OUTCOME, outcomes)
            database.executemany(LOG, told)

        return cpu_of(write)[1]


@contextmanager
def _rolled_back(ledger: str) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(ledger.removeprefix("sqlite:///"), isolation_level=None)
    try:
        # As the ledger's own connection has it.
        for pragma in ("foreign_keys = ON", "cache_size = -65536", "temp_store = MEMORY"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("BEGIN IMMEDIATE")
        yield database
        database.execute("ROLLBACK")
    finally:
        database.close()
