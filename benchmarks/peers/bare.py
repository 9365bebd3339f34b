"""The least that a database could do: one statement plans everything, one `executemany` a table writes it.

Both run on the ledger itself, at the moment at which the engine is about to do the same to the same rows, and
are rolled back. They keep two units back, and no promise: no other policy, no guard, no order is looked at.

    python -m benchmarks.peers.bare LEDGER plan|record

Prints JSON: the seconds. On PostgreSQL they are those of `benchmarks.peers.bare_postgres`.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from benchmarks.measuring import cpu_of
from benchmarks.peers import bare_postgres
from mpstock.ledger.opening import is_postgres

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

READY = (
    # The plus: from row to row, and not through an index that has to be sorted for each page.
    "SELECT id, product_id, marketplace, base, wanted FROM marketplace_stocks WHERE +ready = 1 AND id > ? "
    "ORDER BY id LIMIT ?"
)
Rows = Sequence[tuple[Any, ...]]

AT_ONCE = 10_000
"""Rows that are at hand at a time."""

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
    seconds, last = 0.0, 0
    with _rolled_back(ledger) as database:
        while ready := database.execute(READY, (last, AT_ONCE)).fetchall():
            last = ready[-1][0]
            intents = [(new, _MOMENT, _MOMENT, row) for row, _, _, _, new in ready]
            outcomes = [(new, new, new, _MOMENT, row) for row, _, _, _, new in ready]
            told = [(product, sink, old, new, _MOMENT) for _, product, sink, old, new in ready]
            seconds += cpu_of(partial(_write, database, intents, outcomes, told))[1]
    return seconds


def _write(database: sqlite3.Connection, intents: Rows, outcomes: Rows, told: Rows) -> None:
    database.executemany(INTENT, intents)
    database.executemany(OUTCOME, outcomes)
    database.executemany(LOG, told)


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


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ledger", help="its URL")
    parser.add_argument("what", choices=("plan", "record"))
    options = parser.parse_args(argv)
    ways = {"plan": plan, "record": record}
    if is_postgres(options.ledger):
        ways = {"plan": bare_postgres.plan, "record": bare_postgres.record}
    print(json.dumps({"seconds": ways[options.what](options.ledger)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
