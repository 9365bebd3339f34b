"""What is in doubt is looked at before it is sent again: it is not ready, and an index finds it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the index, and let what is in doubt wait for a look."""
    op.create_index(
        "ix_marketplace_stocks_in_doubt",
        "marketplace_stocks",
        ["marketplace", "id"],
        sqlite_where=sa.text("doubtful = 1"),
    )
    walled = op.get_bind().dialect.name != "sqlite"
    if walled:
        # Of all tenants, by the tables' owner.
        op.execute("ALTER TABLE marketplace_stocks NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE marketplace_stocks SET ready = 0 WHERE doubtful = 1 AND base IS NULL AND ready = 1")
    if walled:
        op.execute("ALTER TABLE marketplace_stocks FORCE ROW LEVEL SECURITY")
