"""What the service that is always on keeps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables and columns."""
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
