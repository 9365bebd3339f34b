"""The least that PostgreSQL could do: one statement plans everything, COPY and one merge write it.

As `benchmarks.peers.bare` on a file: at the moment at which the engine is about to do the same to the same
rows, rolled back, without guards and promises. Its seconds are those of the wall: the work is the server's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mpstock.ledger.opening import DEFAULT_TENANT

__all__ = ["plan", "record"]

_MOMENT = "2026-01-12 09:00:00.000000"

PLAN = """
UPDATE marketplace_stocks AS s SET wanted = w.quantity, cause = 'erp',
    lane = CASE WHEN w.quantity IS NOT DISTINCT FROM s.base THEN NULL WHEN w.quantity = 0 THEN 0
        WHEN s.base IS NULL OR w.quantity < s.base THEN 1 ELSE 2 END,
    ready = CASE WHEN w.quantity IS DISTINCT FROM s.base THEN 1 ELSE 0 END,
    sync_status = CASE WHEN w.quantity IS NOT DISTINCT FROM s.base THEN 'ok' ELSE 'pending' END
FROM (SELECT l.product_id, greatest(sum(l.quantity - l.reserved) - 2, 0) AS quantity FROM stock_levels AS l
    WHERE l.product_id IN (SELECT product_id FROM dirty WHERE waits = 0) GROUP BY l.product_id) AS w
WHERE s.product_id = w.product_id
"""

READY = "SELECT id, product_id, marketplace, base, wanted FROM marketplace_stocks WHERE ready = 1"
INTENT = (
    "UPDATE marketplace_stocks AS s SET in_flight = 1, sent = c.quantity, ready = 0, attempted_at = c.at, "
    "not_before = c.at FROM copied AS c WHERE s.id = c.id"
)
OUTCOME = (
    "UPDATE marketplace_stocks AS s SET in_flight = NULL, base = c.quantity, synced_quantity = c.quantity, "
    "expected = c.quantity, last_synced_at = c.at, lane = NULL, sync_status = 'ok' FROM copied AS c "
    "WHERE s.id = c.id"
)
LOG = (
    "INSERT INTO stock_sync_log (id, product_id, marketplace, warehouse_code, old_qty, new_qty, source, run, "
    "push, status, synced_at) SELECT c.*, 'erp', 1, 1, 'ok', '2026-01-12 09:00:00.000000' FROM copied AS c"
)


def plan(ledger: str) -> float:
    """Return the seconds of one statement that plans all products which are marked."""
    with _rolled_back(ledger) as server:
        return _seconds(lambda: server.execute(PLAN))


def record(ledger: str) -> float:
    """Return the seconds of writing the intent, the outcome and the log of all that is ready to be sent.

    The rows are at hand, as the engine's are when it has composed its batches. One transaction.
    """
    with _rolled_back(ledger) as server:
        ready = server.execute(READY).fetchall()
        changes = [(row, wanted, _MOMENT) for row, _, _, _, wanted in ready]
        told = [
            (1_000_000_000 + row, product, sink, "main", old, new) for row, product, sink, old, new in ready
        ]

        def write() -> None:
            for statement, columns, rows in (
                (INTENT, "id bigint, quantity bigint, at text", changes),
                (OUTCOME, "id bigint, quantity bigint, at text", changes),
                (LOG, "id bigint, product bigint, sink text, place text, old bigint, new bigint", told),
            ):
                # Into a table with row-level security PostgreSQL copies nothing.
                server.execute(f"CREATE TEMP TABLE copied ({columns}) ON COMMIT DROP")
                with server.cursor().copy("COPY copied FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
                server.execute("ANALYZE copied")
                server.execute(statement)
                server.execute("DROP TABLE copied")

        return _seconds(write)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def _rolled_back(ledger: str) -> Iterator[Any]:
    import psycopg

    with psycopg.connect(ledger, autocommit=True) as server:
        server.execute("BEGIN")
        found = server.execute("SELECT id FROM tenants WHERE name = %s", (DEFAULT_TENANT,)).fetchone()
        assert found is not None
        server.execute(f"SET LOCAL mpstock.tenant = '{found[0]}'")
        try:
            yield server
        finally:
            server.execute("ROLLBACK")
            # What was rolled back would be in the way of the engine, which does the same next.
            server.execute("VACUUM (ANALYZE) marketplace_stocks")
            server.execute("VACUUM stock_sync_log")
