"""A script as they are written today: a look-up, an UPDATE and a request for each row.

It sums the feed's warehouses, keeps two units back, looks up what was sent last, and where that differs sends
one request and writes the new number and a line of its log. It commits after each row that it has changed, or
after every thousand. Requests are counted, not sent: `request_cost` measures what one costs.

    python -m benchmarks.peers.row_by_row FEED DATABASE [--commit-every 1000]

Prints JSON: seconds, changes, peak memory.
"""

from __future__ import annotations

import argparse
import csv
import json
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measuring import peak_mb
from benchmarks.peers.state import MARKETPLACES, connect

__all__ = ["sync"]

KEPT_BACK = 2


def read(feed: Path) -> Counter[str]:
    """Return what there is of each article, in all warehouses together."""
    total: Counter[str] = Counter()
    with feed.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            total[row["sku"]] += int(row["quantity"])
    return total


def sync(
    feed: Path, database: sqlite3.Connection, commit_every: int, send: Callable[[str, str, int], None]
) -> int:
    """Bring every marketplace level with the feed; return how many numbers were sent."""
    stock = read(feed)
    changes = 0
    for marketplace in MARKETPLACES:
        for sku, total in stock.items():
            quantity = max(total - KEPT_BACK, 0)
            found = database.execute(
                "SELECT quantity FROM synced WHERE marketplace = ? AND sku = ?", (marketplace, sku)
            ).fetchone()
            # What a marketplace has never been told is zero there.
            old = found[0] if found else None
            if quantity == (old or 0):
                continue
            send(marketplace, sku, quantity)
            now = datetime.now(UTC).isoformat()
            database.execute(
                "INSERT INTO synced (marketplace, sku, quantity, synced_at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (marketplace, sku) DO UPDATE SET quantity = excluded.quantity, "
                "synced_at = excluded.synced_at",
                (marketplace, sku, quantity, now),
            )
            database.execute(
                "INSERT INTO log (marketplace, sku, old, new, at) VALUES (?, ?, ?, ?, ?)",
                (marketplace, sku, old, quantity, now),
            )
            changes += 1
            if changes % commit_every == 0:
                database.commit()
    database.commit()
    return changes


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("feed", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("--commit-every", type=int, default=1_000)
    options = parser.parse_args(argv)
    database = connect(options.database)
    wall, cpu = time.perf_counter(), time.process_time()
    changes = sync(options.feed, database, options.commit_every, lambda _marketplace, _sku, _quantity: None)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    database.close()
    print(json.dumps({"wall": wall, "cpu": cpu, "changes": changes, "memory_mb": {"peak": peak_mb()}}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
