"""Orders of the sinks, the holds that they make, and what a pack or kit takes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables. What `holds` had was never written: it is made anew."""
    op.drop_table("holds")
    op.create_table(
        "holds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("warehouse_id", sa.Integer(), nullable=True),
        sa.Column("sink_warehouse", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=False),
        sa.Column("assembled_at", sa.DateTime(), nullable=True),
        sa.Column("shipped_at", sa.DateTime(), nullable=True),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("picked", sa.Text(), nullable=True),
        sa.Column("reach", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_holds_product_id")),
        sa.ForeignKeyConstraint(["warehouse_id"], ["warehouses.id"], name=op.f("fk_holds_warehouse_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
        sa.UniqueConstraint("origin", "key", "product_id", name=op.f("uq_holds_origin_key_product_id")),
    )
    op.create_index(op.f("ix_holds_product_id"), "holds", ["product_id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("warehouse_code", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(), nullable=False),
        sa.Column("assembled_at", sa.DateTime(), nullable=True),
        sa.Column("shipped_at", sa.DateTime(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("takes", sa.Text(), nullable=True),
        sa.Column("told_at", sa.DateTime(), nullable=False),
        sa.Column("settled", sa.Boolean(create_constraint=False), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_orders_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("marketplace", "key", name=op.f("uq_orders_marketplace_key")),
    )
    op.create_index(
        "ix_orders_open",
        "orders",
        ["marketplace", "external_id"],
        unique=False,
        sqlite_where=sa.text("settled = 0"),
    )
    op.create_table(
        "recipes",
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_recipes_product_id")),
        sa.ForeignKeyConstraint(["component_id"], ["products.id"], name=op.f("fk_recipes_component_id")),
        sa.PrimaryKeyConstraint("product_id", "marketplace", "component_id", name=op.f("pk_recipes")),
    )
    op.create_index(op.f("ix_recipes_component_id"), "recipes", ["component_id"], unique=False)
    op.add_column(
        "stock_levels",
        sa.Column("dated", sa.Boolean(create_constraint=False), server_default="0", nullable=False),
    )
    op.add_column("stock_levels", sa.Column("heard", sa.Integer(), nullable=True))
    op.add_column("stock_levels", sa.Column("heard_at", sa.DateTime(), nullable=True))
    op.create_index(
        "ix_stock_levels_heard",
        "stock_levels",
        ["source"],
        unique=False,
        sqlite_where=sa.text("heard_at IS NOT NULL"),
    )
    op.add_column(
        "marketplace_stocks",
        sa.Column("doubtful", sa.Boolean(create_constraint=False), server_default="0", nullable=False),
    )


def downgrade() -> None:
    """Take the tables away; what they held is lost."""
    op.drop_column("marketplace_stocks", "doubtful")
    op.drop_index("ix_stock_levels_heard", "stock_levels")
    op.drop_column("stock_levels", "heard_at")
    op.drop_column("stock_levels", "heard")
    op.drop_column("stock_levels", "dated")
    op.drop_table("recipes")
    op.drop_table("orders")
    op.drop_table("holds")
    op.create_table(
        "holds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("warehouse_id", sa.Integer(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_holds_product_id")),
        sa.ForeignKeyConstraint(["warehouse_id"], ["warehouses.id"], name=op.f("fk_holds_warehouse_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
        sa.UniqueConstraint("origin", "key", "product_id", name=op.f("uq_holds_origin_key_product_id")),
    )
    op.create_index(op.f("ix_holds_product_id"), "holds", ["product_id"], unique=False)
