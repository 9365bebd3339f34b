"""The tables of shadow mode; see `mpstock.ledger.schema`."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, Table, Text

from mpstock.ledger.service_schema import metadata

__all__ = ["metadata"]

Table(
    "sink_modes",
    metadata,
    # what a person has decided: 'live' or 'shadow'; it goes before the settings. The history is in actions
    Column("marketplace", Text, primary_key=True),
    Column("mode", Text, nullable=False),
    Column("actor", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("decided_at", DateTime, nullable=False),
)

Table(
    "shadow_watches",
    metadata,
    # a time in which a sink in shadow mode was looked at again and again
    Column("id", Integer, primary_key=True),
    Column("marketplace", Text, nullable=False),
    Column("began_at", DateTime, nullable=False),
    # when all that it shows was read back last
    Column("seen_at", DateTime, nullable=False),
    Column("looks", Integer, nullable=False, server_default="1"),
    Index("ix_shadow_watches_marketplace", "marketplace", "id"),
)

Table(
    "shadow_points",
    metadata,
    # what a listing showed, and what it would have shown, from then on
    Column("id", Integer, primary_key=True),
    Column("watch_id", Integer, ForeignKey("shadow_watches.id"), nullable=False),
    Column("product_id", Integer, nullable=False),
    Column("warehouse_code", Text, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("shown", Integer, nullable=False),
    Column("ours", Integer, nullable=False),
    # the guard that would have held it
    Column("held", Text),
    Column("cause", Text, nullable=False, server_default=""),
    Index("ix_shadow_points_listing", "watch_id", "product_id", "warehouse_code", "id"),
)
