"""The tables of the service that is always on; see `mpstock.ledger.schema`."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, Table, Text

from mpstock.ledger.oversight_schema import metadata

__all__ = ["metadata"]

Table(
    "receipts",
    metadata,
    # what was brought to the service under a key of the sender's: brought again, it is answered again
    Column("sender", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("received_at", DateTime, nullable=False),
    Index("ix_receipts_received_at", "received_at"),
)
