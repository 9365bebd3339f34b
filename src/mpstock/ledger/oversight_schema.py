"""The tables of what people decide and of what is kept to answer them; see `mpstock.ledger.schema`."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Float, ForeignKey, Index, Integer, Table, Text, text

from mpstock.ledger.log_schema import metadata

__all__ = ["metadata"]

Table(
    "interventions",
    metadata,
    # stop, zero or pin, of whatever the scope names; what is NULL in it stands for all
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("marketplace", Text),
    Column("warehouse_code", Text),
    Column("brand", Text),
    Column("product_id", Integer, ForeignKey("products.id")),
    Column("quantity", Integer),
    Column("actor", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    # what made it: by hand (''), or the rollback of a run
    Column("origin", Text, nullable=False, server_default=""),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime),
    Column("ended_at", DateTime),
    Column("ended_by", Text),
    # rises with each beginning and end
    Column("revision", Integer, nullable=False),
    Index("ix_interventions_revision", "revision"),
    Index("ix_interventions_open", "product_id", sqlite_where=text("ended_at IS NULL")),
)

Table(
    "leases",
    metadata,
    # who may send to a sink, and until when
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", Integer, nullable=False),
    Column("acquired_at", DateTime, nullable=False),
    Column("renewed_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    # the longest that one of its requests may take, in seconds, and what runs there, for people
    Column("deadline", Float, nullable=False, server_default="0"),
    Column("command", Text, nullable=False, server_default=""),
)

Table(
    "drifts",
    metadata,
    # a listing showed something else than was known; kind: why, as far as it could be told
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, nullable=False),
    Column("marketplace", Text, nullable=False),
    Column("warehouse_code", Text, nullable=False),
    Column("kind", Text),
    Column("expected", Integer),
    Column("observed", Integer, nullable=False),
    Column("replaced", Integer),
    Column("run_id", Integer, nullable=False),
    Column("at", DateTime, nullable=False),
    # when it was last known to show what was expected, and whether that was a write of ours
    Column("since", DateTime, nullable=False),
    Column("written", Boolean(create_constraint=False), nullable=False),
    # an order had made it doubtful what it shows
    Column("voided", Boolean(create_constraint=False), nullable=False),
    Index("ix_drifts_listing", "product_id", "marketplace", "warehouse_code"),
    Index("ix_drifts_recent", "marketplace", "at"),
    Index("ix_drifts_run", "run_id"),
)

Table(
    "explanation_settings",
    metadata,
    # the settings of the whole shop that explanations share
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("body", Text, nullable=False),
)

Table(
    "explanations",
    metadata,
    # the inputs of the formula for one product, as they were when its numbers were sent
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, nullable=False),
    Column("settings_id", Integer, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("facts", Text, nullable=False),
    Index(None, "product_id", "at"),
)
