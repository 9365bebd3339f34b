"""The ledger's tables as SQLAlchemy Core knows them; migrations create them, a test holds the two equal.

Times are UTC, as text `YYYY-MM-DD HH:MM:SS.ffffff` on SQLite, so that they sort and compare as they stand.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from mpstock.ledger.shadow_schema import metadata

__all__ = ["metadata"]


Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

Table(
    "products",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sku", Text, nullable=False, unique=True),
    Column("settings", Text, nullable=False, server_default=""),
    Column("first_seen_at", DateTime, nullable=False),
    Column("brand", Text, nullable=False, server_default=""),
    Index("ix_products_brand", "brand", sqlite_where=text("brand <> ''")),
    Index("ix_products_settings", "sku", sqlite_where=text("settings <> ''")),
)

Table(
    "warehouses",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
)

Table(
    "stock_levels",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("product_id", Integer, ForeignKey("products.id"), nullable=False),
    Column("warehouse_id", Integer, ForeignKey("warehouses.id"), nullable=False),
    Column("quantity", Integer),
    Column("reserved", Integer, nullable=False, server_default="0"),
    Column("available", Integer, Computed("quantity - reserved", persisted=False)),
    Column("updated_at", DateTime, nullable=False),
    Column("as_of", DateTime, nullable=False),
    Column("unknown_since", DateTime),
    Column("unknown_why", Text),
    # as_of is the row's own time, not that of the reading
    Column("dated", Boolean(create_constraint=False), nullable=False, server_default="0"),
    # a lower number (quantity less reserve) that was pushed to us since; nobody knows as of when it is
    Column("heard", Integer),
    Column("heard_at", DateTime),
    # of what became unknown: as of when a reading had confirmed it last
    Column("confirmed_at", DateTime),
    UniqueConstraint("product_id", "source", "warehouse_id"),
    Index(None, "source"),
    Index("ix_stock_levels_heard", "source", sqlite_where=text("heard_at IS NOT NULL")),
)

Table(
    "holds",
    metadata,
    Column("id", Integer, primary_key=True),
    # the source or sink that told it
    Column("origin", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("product_id", Integer, ForeignKey("products.id"), nullable=False),
    # the own warehouse that loses the units, where that is known
    Column("warehouse_id", Integer, ForeignKey("warehouses.id")),
    # the sink warehouse that an order came through
    Column("sink_warehouse", Text),
    # in units of this product: an order of a kit holds each of its components
    Column("quantity", Integer, nullable=False),
    Column("taken_at", DateTime, nullable=False),
    Column("assembled_at", DateTime),
    # handed over, or gone without a word: it ends with a later reading of the source
    Column("shipped_at", DateTime),
    Column("expires_at", DateTime),
    # what each own warehouse has lost by it, as its pick order said when it came: {warehouse id: units}
    Column("picked", Text),
    # the own warehouses that fed its listing when it came, by code; NULL: not settled yet, '*': all
    Column("reach", Text),
    UniqueConstraint("origin", "key", "product_id"),
    Index(None, "product_id"),
    # every run asks what has come to its end: the few that have, among all of a season
    Index("ix_holds_expires_at", "expires_at", sqlite_where=text("expires_at IS NOT NULL")),
    Index("ix_holds_shipped_at", "shipped_at", sqlite_where=text("shipped_at IS NOT NULL")),
    Index("ix_holds_reaching", "origin", "sink_warehouse", sqlite_where=text("reach IS NULL")),
)

Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("marketplace", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("warehouse_code", Text),
    # in the sink's units
    Column("quantity", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("placed_at", DateTime, nullable=False),
    Column("assembled_at", DateTime),
    Column("shipped_at", DateTime),
    Column("cancelled_at", DateTime),
    Column("note", Text, nullable=False, server_default=""),
    # the listing's product; NULL: nobody knows what was ordered
    Column("product_id", Integer, ForeignKey("products.id")),
    # what one of it takes, by product id: never less than when it came, whatever becomes of the pack or kit
    Column("takes", Text),
    # as of the last reading that told it
    Column("told_at", DateTime, nullable=False),
    # its holds have ended for good
    Column("settled", Boolean(create_constraint=False), nullable=False, server_default="0"),
    UniqueConstraint("marketplace", "key"),
    Index("ix_orders_open", "marketplace", "external_id", sqlite_where=text("settled = 0")),
    Index("ix_orders_ending", "shipped_at", "cancelled_at", sqlite_where=text("settled = 0")),
    Index(
        "ix_orders_unknown",
        "marketplace",
        "external_id",
        sqlite_where=text("product_id IS NULL AND settled = 0"),
    ),
)

Table(
    "recipes",
    metadata,
    # what one unit of a listing takes: a pack of six, a kit; for one sink, or for all ('')
    Column("product_id", Integer, ForeignKey("products.id"), primary_key=True),
    Column("marketplace", Text, primary_key=True),
    Column("component_id", Integer, ForeignKey("products.id"), primary_key=True),
    Column("units", Integer, nullable=False),
    Index(None, "component_id"),
)

Table(
    "listings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("marketplace", Text, nullable=False),
    Column("warehouse_code", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("product_id", Integer, ForeignKey("products.id")),
    Column("skus", Text, nullable=False),
    Column("keys", Text, nullable=False),
    Column("problem", Text, nullable=False, server_default=""),
    Column("trouble", Text, nullable=False, server_default=""),
    Column("gone_at", DateTime),
    # what it showed last when it was taken from its product, and nobody has served it since
    Column("left_showing", Integer),
    UniqueConstraint("marketplace", "external_id", "warehouse_code"),
    Index("ix_listings_left_showing", "marketplace", sqlite_where=text("left_showing > 0")),
    Index("ix_listings_unmatched", "marketplace", sqlite_where=text("product_id IS NULL")),
)

Table(
    "marketplace_stocks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, ForeignKey("products.id"), nullable=False),
    Column("marketplace", Text, nullable=False),
    Column("warehouse_code", Text, nullable=False),
    Column("listing_id", Integer, ForeignKey("listings.id"), nullable=False, unique=True),
    # confirmed: what the sink last accepted from us
    Column("synced_quantity", Integer),
    Column("last_synced_at", DateTime),
    Column("sync_status", Text, nullable=False, server_default="pending"),
    Column("error_code", Text),
    Column("error_message", Text),
    # what the listing shows now as far as we know; NULL = not known
    Column("base", Integer),
    Column("wanted", Integer),
    Column("sent", Integer),
    Column("attempted_at", DateTime),
    Column("observed", Integer),
    Column("observed_at", DateTime),
    Column("observed_reserved", Integer, nullable=False, server_default="0"),
    # own orders since the accepted write; kept for the sinks that tell them
    Column("expected", Integer),
    # what is to be pushed: 0 zeros, 1 falls, 2 raises; NULL = nothing
    Column("lane", Integer),
    Column("ready", Boolean(create_constraint=False), nullable=False, server_default="0"),
    Column("held", Text),
    Column("held_reason", Text),
    Column("cause", Text, nullable=False, server_default=""),
    Column("planned_by", Integer),
    Column("in_flight", Integer),
    # the earliest moment of the next write: the cooldown, or what the sink asked for
    Column("not_before", DateTime),
    # 1: something may still be on its way to it. Until its rest is over not even a read-back tells, and after
    # it a look comes before the next write; 2: that look could not tell
    Column("doubtful", Boolean(create_constraint=False), nullable=False, server_default="0"),
    # refusals in a row; a listing that was refused too often rests until then
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("rests_until", DateTime),
    # what it showed before the last write
    Column("replaced", Integer),
    # the number of the intervention by which nothing is sent to it; NULL = none
    Column("stopped", Integer),
    # what the wanted quantity was reckoned from; NULL: that is kept when it is sent
    Column("explanation_id", Integer),
    # since when it is to fall and has not; NULL: it is not to
    Column("lowered_at", DateTime),
    UniqueConstraint("product_id", "marketplace", "warehouse_code"),
    Index("ix_marketplace_stocks_failing", "marketplace", "id", sqlite_where=text("failures > 0")),
    Index("ix_marketplace_stocks_ready", "marketplace", "lane", "id", sqlite_where=text("ready = 1")),
    Index(
        "ix_marketplace_stocks_ready_warehouse",
        "marketplace",
        "warehouse_code",
        "lane",
        "id",
        sqlite_where=text("ready = 1"),
    ),
    Index("ix_marketplace_stocks_open", "marketplace", "lane", sqlite_where=text("lane IS NOT NULL")),
    Index("ix_marketplace_stocks_in_flight", "in_flight", sqlite_where=text("in_flight IS NOT NULL")),
    Index("ix_marketplace_stocks_stopped", "stopped", sqlite_where=text("stopped IS NOT NULL")),
    Index("ix_marketplace_stocks_unknown", "marketplace", "id", sqlite_where=text("base IS NULL")),
    Index("ix_marketplace_stocks_in_doubt", "marketplace", "id", sqlite_where=text("doubtful = 1")),
)

Table(
    "dirty",
    metadata,
    Column("product_id", Integer, ForeignKey("products.id"), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("cause", Text, nullable=False),
    # since when it has not been planned
    Column("marked_at", DateTime, nullable=False),
    # it was planned, and waits for a quantity that is unknown
    Column("waits", Boolean(create_constraint=False), nullable=False, server_default="0"),
    # it does not wait for the end of a long run
    Column("urgent", Boolean(create_constraint=False), nullable=False, server_default="0"),
    Index("ix_dirty_due", "product_id", sqlite_where=text("waits = 0")),
    Index("ix_dirty_urgent", "revision", "product_id", sqlite_where=text("urgent = 1")),
)

Table(
    "cursors",
    metadata,
    Column("name", Text, primary_key=True),
    Column("cursor", Text),
    Column("settings", Text, nullable=False, server_default=""),
    Column("read_at", DateTime),
    Column("full_at", DateTime),
    Column("rows", Integer),
    Column("failed_at", DateTime),
    Column("error", Text),
    Column("problems", Text),
)

Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("started_at", DateTime, nullable=False),
    Column("finished_at", DateTime),
    Column("status", Text, nullable=False),
    Column("exit_code", Integer),
    Column("summary", Text, nullable=False, server_default="{}"),
    # who asked for it and why, and the saved plan that it carries out
    Column("actor", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("plan_id", Integer),
)

Table(
    "plans",
    metadata,
    # those that were carried out; one that was edited in between is here with each of its digests
    Column("id", Integer, primary_key=True),
    Column("plan", Text, nullable=False),
    Column("run_id", Integer, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("digest", Text, nullable=False),
    Column("applied_at", DateTime, nullable=False),
    UniqueConstraint("plan", "digest"),
)

Table(
    "pushes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, ForeignKey("runs.id"), nullable=False),
    Column("marketplace", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("started_at", DateTime, nullable=False),
    Column("finished_at", DateTime),
    Column("outcomes", Text),
)

Table(
    "stock_sync_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, nullable=False),
    Column("marketplace", Text, nullable=False),
    Column("warehouse_code", Text, nullable=False),
    Column("old_qty", Integer),
    Column("new_qty", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("run", Integer, nullable=False),
    Column("push", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("synced_at", DateTime, nullable=False),
    Column("explanation_id", Integer),
    Index("ix_stock_sync_log_run", "run"),
    Index(None, "product_id"),
    Index(
        "ix_stock_sync_log_zeros",
        "marketplace",
        "warehouse_code",
        "synced_at",
        sqlite_where=text("new_qty = 0"),
    ),
)

Table(
    "rate_limits",
    metadata,
    Column("key", Text, primary_key=True),
    Column("state", Text, nullable=False),
)
