"""The tables of what needs a person, and of what people are told of it; see `mpstock.ledger.schema`."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text

from mpstock.ledger.oversight_schema import metadata

__all__ = ["metadata"]

Table(
    "alerts",
    metadata,
    # what needs a person, now or lately; a subject is one trouble, however often it is seen
    Column("subject", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("sink", Text, nullable=False),
    Column("sku", Text, nullable=False),
    # how much of it there is, as its kind counts: listings, units, days
    Column("size", Integer, nullable=False),
    Column("data", Text, nullable=False),
    Column("first_seen_at", DateTime, nullable=False),
    Column("last_seen_at", DateTime, nullable=False),
    # in how many looks it was seen since then
    Column("times", Integer, nullable=False),
    # how often it has come back lately: the more, the longer it has to be away to count as over
    Column("returns", Integer, nullable=False),
    Column("gone_at", DateTime),
    Column("recovered_at", DateTime),
    Column("told_at", DateTime),
    Column("told_severity", Text),
    Column("told_size", Integer),
    Column("silenced_until", DateTime),
    Column("silenced_by", Text),
    Index("ix_alerts_recovered_at", "recovered_at"),
)

Table(
    "notices",
    metadata,
    # what people are still to be told
    Column("id", Integer, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("due_at", DateTime, nullable=False),
    # the ways by which it was told already, without their secrets
    Column("served", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    # a process is telling it until then at most
    Column("claimed_until", DateTime),
    Index("ix_notices_due_at", "due_at"),
)

Table(
    "shown_zeros",
    metadata,
    # listings that show nothing although something is to be shown, since when that is known
    Column("state_id", Integer, primary_key=True),
    Column("since", DateTime, nullable=False),
)

Table(
    "oversold_orders",
    metadata,
    # what a sink says it sold, or had to cancel, although there was no stock
    Column("marketplace", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("external_id", Text, nullable=False),
    # in the sink's units
    Column("quantity", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", DateTime, nullable=False),
    Index("ix_oversold_orders_at", "at"),
)
