"""What the scripts of today keep: one table of what was sent last, one of what was sent when."""

from __future__ import annotations

import sqlite3
from pathlib import Path

__all__ = ["MARKETPLACES", "connect"]

MARKETPLACES = ("ozon", "wb", "yandex")

_TABLES = """
CREATE TABLE IF NOT EXISTS synced (marketplace TEXT NOT NULL, sku TEXT NOT NULL, quantity INTEGER NOT NULL,
    synced_at TEXT NOT NULL, PRIMARY KEY (marketplace, sku)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, marketplace TEXT NOT NULL, sku TEXT NOT NULL,
    old INTEGER, new INTEGER NOT NULL, at TEXT NOT NULL);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the script's database, and make its tables where they are missing."""
    database = sqlite3.connect(path)
    database.executescript(_TABLES)
    database.execute("PRAGMA journal_mode = WAL")
    return database
