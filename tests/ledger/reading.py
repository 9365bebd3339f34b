"""Levels on their way into a ledger."""

from __future__ import annotations

from mpstock import Reading
from mpstock.ledger import Ledger
from mpstock.model import Level
from mpstock.testing import VirtualClock

NOW = VirtualClock().now()


def read(ledger: Ledger, *levels: Level) -> None:
    """Take in one page of the source `erp`."""
    with ledger.transaction():
        ledger.levels.begin_read("erp").ingest(Reading(levels, NOW), NOW)
