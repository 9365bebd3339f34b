"""What the service that is always on keeps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables and columns."""
    _alerts()
    _shadow()
    urgent = sa.Boolean(create_constraint=False)
    op.add_column("dirty", sa.Column("urgent", urgent, server_default="0", nullable=False))
    op.create_index(
        "ix_dirty_urgent", "dirty", ["revision", "product_id"], sqlite_where=sa.text("urgent = 1")
    )
    op.create_table(
        "receipts",
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "key", name="pk_receipts"),
    )
    op.create_index("ix_receipts_received_at", "receipts", ["received_at"])
    op.create_table(
        "schedule",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("recurs", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("taken_for", sa.DateTime()),
        sa.Column("begun_at", sa.DateTime()),
        sa.Column("ended_at", sa.DateTime()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("alive_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("job", name="pk_schedule"),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("gone_at", sa.DateTime()),
        sa.Column("recovered_at", sa.DateTime()),
        sa.Column("told_at", sa.DateTime()),
        sa.Column("told_severity", sa.Text()),
        sa.Column("told_size", sa.Integer()),
        sa.Column("silenced_until", sa.DateTime()),
        sa.Column("silenced_by", sa.Text()),
        sa.PrimaryKeyConstraint("subject", name="pk_alerts"),
    )
    op.create_index("ix_alerts_recovered_at", "alerts", ["recovered_at"])
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("served", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_until", sa.DateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_index("ix_notices_due_at", "notices", ["due_at"])
    op.create_table(
        "shown_zeros",
        sa.Column("state_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("state_id", name="pk_shown_zeros"),
    )
    op.create_table(
        "oversold_orders",
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("marketplace", "key", name="pk_oversold_orders"),
    )
    op.create_index("ix_oversold_orders_at", "oversold_orders", ["at"])


def _shadow() -> None:
    op.create_table(
        "sink_modes",
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("marketplace", name="pk_sink_modes"),
    )
    op.create_table(
        "shadow_watches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("looks", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_shadow_watches"),
    )
    op.create_index("ix_shadow_watches_marketplace", "shadow_watches", ["marketplace", "id"])
    op.create_table(
        "shadow_points",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("watch_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("warehouse_code", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("ours", sa.Integer(), nullable=False),
        sa.Column("held", sa.Text()),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["watch_id"], ["shadow_watches.id"], name="fk_shadow_points_watch_id_shadow_watches"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_shadow_points"),
    )
    op.create_index(
        "ix_shadow_points_listing", "shadow_points", ["watch_id", "product_id", "warehouse_code", "id"]
    )
