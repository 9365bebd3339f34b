"""Indexes for what every run asks of orders and holds, however many are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the indexes."""
    for name, table, columns, where in (
        ("ix_holds_expires_at", "holds", ["expires_at"], "expires_at IS NOT NULL"),
        ("ix_holds_shipped_at", "holds", ["shipped_at"], "shipped_at IS NOT NULL"),
        ("ix_holds_reaching", "holds", ["origin", "sink_warehouse"], "reach IS NULL"),
        ("ix_orders_ending", "orders", ["shipped_at", "cancelled_at"], "settled = 0"),
        ("ix_orders_unknown", "orders", ["marketplace", "external_id"], "product_id IS NULL AND settled = 0"),
    ):
        op.create_index(name, table, columns, sqlite_where=sa.text(where))
