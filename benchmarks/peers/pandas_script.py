"""A script with pandas, straightforward: read the feed, group, merge with what was sent last, compare, write.

It writes what it has sent in one of two ways: the whole table anew, as `to_sql(if_exists="replace")` does, or
only the rows that have changed, which takes SQL of one's own.

    python -m benchmarks.peers.pandas_script FEED DATABASE [--write all|changed]

Prints JSON: seconds, changes, peak memory. Needs pandas; nothing else here does.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from benchmarks.measuring import peak_mb
from benchmarks.peers.state import MARKETPLACES, connect

__all__ = ["sync"]

KEPT_BACK = 2


def sync(feed: Path, database: sqlite3.Connection, *, write_all: bool) -> int:
    """Bring every marketplace level with the feed; return how many numbers were sent."""
    stock = pd.read_csv(feed).groupby("sku", as_index=False)["quantity"].sum()
    stock["quantity"] = (stock["quantity"] - KEPT_BACK).clip(lower=0)
    wanted = stock.merge(pd.DataFrame({"marketplace": MARKETPLACES}), how="cross")
    synced = pd.read_sql("SELECT marketplace, sku, quantity AS old, synced_at FROM synced", database)
    merged = wanted.merge(synced, on=["marketplace", "sku"], how="left")
    # What a marketplace has never been told is zero there.
    differs = merged["quantity"] != merged["old"].fillna(0)
    now = datetime.now(UTC).isoformat()
    merged.loc[differs, "synced_at"] = now
    changed = merged[differs]
    log = changed.rename(columns={"quantity": "new", "synced_at": "at"})
    log[["marketplace", "sku", "old", "new", "at"]].to_sql("log", database, if_exists="append", index=False)
    if write_all:
        columns = ["marketplace", "sku", "quantity", "synced_at"]
        merged[columns].to_sql("synced", database, if_exists="replace", index=False)
    else:
        database.executemany(
            "INSERT INTO synced (marketplace, sku, quantity, synced_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (marketplace, sku) DO UPDATE SET quantity = excluded.quantity, "
            "synced_at = excluded.synced_at",
            changed[["marketplace", "sku", "quantity", "synced_at"]].itertuples(index=False),
        )
    database.commit()
    return len(changed)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("feed", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("--write", choices=("all", "changed"), default="all")
    options = parser.parse_args(argv)
    database = connect(options.database)
    wall, cpu = time.perf_counter(), time.process_time()
    changes = sync(options.feed, database, write_all=options.write == "all")
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    database.close()
    print(json.dumps({"wall": wall, "cpu": cpu, "changes": changes, "memory_mb": {"peak": peak_mb()}}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
