"""The tables of the service that is always on; see `mpstock.ledger.schema`."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text

from mpstock.ledger.alert_schema import metadata

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

Table(
    "schedule",
    metadata,
    # what is done by itself: when it is due next, by which settings
    Column("job", Text, primary_key=True),
    Column("recurs", Text, nullable=False),
    Column("due_at", DateTime, nullable=False),
    # when it was due as it was last taken
    Column("taken_for", DateTime),
    Column("begun_at", DateTime),
    Column("ended_at", DateTime),
    Column("status", Text, nullable=False),
    Column("error", Text, nullable=False, server_default=""),
    Column("failures", Integer, nullable=False, server_default="0"),
    # the process that runs it, and when it last said that it does
    Column("owner", Text, nullable=False, server_default=""),
    Column("alive_at", DateTime),
)
