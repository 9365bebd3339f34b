"""What people decide, who may send, what was found out of step, and why each number was what it was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TRIGGERS = (
    """
CREATE TRIGGER stock_sync_log_is_kept BEFORE UPDATE ON stock_sync_log
BEGIN SELECT RAISE(ABORT, 'the sync log is only added to'); END""",
    """
CREATE TRIGGER stock_sync_log_is_whole BEFORE DELETE ON stock_sync_log
WHEN OLD.id > coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'log.unsealed'), 0)
AND (SELECT pruned_at FROM log_seals WHERE subject = 'log' AND first_id <= OLD.id
ORDER BY first_id DESC LIMIT 1) IS NULL
BEGIN SELECT RAISE(ABORT, 'the sync log is only added to'); END""",
    """
CREATE TRIGGER log_seals_are_kept BEFORE UPDATE ON log_seals
WHEN OLD.pruned_at IS NOT NULL OR NEW.pruned_at IS NULL OR NEW.subject <> 'log'
OR OLD.id <> NEW.id OR OLD.subject <> NEW.subject OR OLD.first_id <> NEW.first_id
OR OLD.last_id <> NEW.last_id OR OLD.digest <> NEW.digest OR OLD.previous <> NEW.previous
BEGIN SELECT RAISE(ABORT, 'the seals of the log are never changed'); END""",
    """
CREATE TRIGGER log_seals_are_whole BEFORE DELETE ON log_seals
BEGIN SELECT RAISE(ABORT, 'the seals of the log are never removed'); END""",
    """
CREATE TRIGGER actions_are_kept BEFORE UPDATE ON actions
BEGIN SELECT RAISE(ABORT, 'the actions of people are only added to'); END""",
    """
CREATE TRIGGER actions_are_whole BEFORE DELETE ON actions
BEGIN SELECT RAISE(ABORT, 'the actions of people are only added to'); END""",
    """
CREATE TRIGGER runs_say_who BEFORE UPDATE OF id, kind, cause, started_at, actor, reason, plan_id ON runs
BEGIN SELECT RAISE(ABORT, 'who asked for a run, and why, is never changed'); END""",
    """
CREATE TRIGGER runs_are_named BEFORE DELETE ON runs
WHEN EXISTS (SELECT 1 FROM stock_sync_log WHERE run = OLD.id)
BEGIN SELECT RAISE(ABORT, 'the sync log tells of this run'); END""",
)

_POSTGRES_TRIGGERS = (
    """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'integrity_constraint_violation'; END $$""",
    """
CREATE TRIGGER stock_sync_log_is_kept BEFORE UPDATE ON stock_sync_log
FOR EACH ROW EXECUTE FUNCTION refuse('the sync log is only added to')""",
    """
CREATE FUNCTION stock_sync_log_is_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.id > coalesce((SELECT CAST(value AS bigint) FROM meta WHERE key = 'log.unsealed'), 0)
  AND (SELECT pruned_at FROM log_seals WHERE subject = 'log' AND first_id <= OLD.id
  ORDER BY first_id DESC LIMIT 1) IS NULL THEN
    RAISE EXCEPTION 'the sync log is only added to' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$""",
    """
CREATE TRIGGER stock_sync_log_is_whole BEFORE DELETE ON stock_sync_log
FOR EACH ROW EXECUTE FUNCTION stock_sync_log_is_whole()""",
    """
CREATE TRIGGER log_seals_are_kept BEFORE UPDATE ON log_seals FOR EACH ROW
WHEN (OLD.pruned_at IS NOT NULL OR NEW.pruned_at IS NULL OR NEW.subject <> 'log'
OR OLD.id <> NEW.id OR OLD.subject <> NEW.subject OR OLD.first_id <> NEW.first_id
OR OLD.last_id <> NEW.last_id OR OLD.digest <> NEW.digest OR OLD.previous <> NEW.previous)
EXECUTE FUNCTION refuse('the seals of the log are never changed')""",
    """
CREATE TRIGGER log_seals_are_whole BEFORE DELETE ON log_seals
FOR EACH ROW EXECUTE FUNCTION refuse('the seals of the log are never removed')""",
    """
CREATE TRIGGER actions_are_kept BEFORE UPDATE ON actions
FOR EACH ROW EXECUTE FUNCTION refuse('the actions of people are only added to')""",
    """
CREATE TRIGGER actions_are_whole BEFORE DELETE ON actions
FOR EACH ROW EXECUTE FUNCTION refuse('the actions of people are only added to')""",
    """
CREATE TRIGGER runs_say_who BEFORE UPDATE OF id, kind, cause, started_at, actor, reason, plan_id ON runs
FOR EACH ROW EXECUTE FUNCTION refuse('who asked for a run, and why, is never changed')""",
    """
CREATE FUNCTION runs_are_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM stock_sync_log WHERE run = OLD.id) THEN
    RAISE EXCEPTION 'the sync log tells of this run' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$""",
    """
CREATE TRIGGER runs_are_named BEFORE DELETE ON runs
FOR EACH ROW EXECUTE FUNCTION runs_are_named()""",
)


def upgrade() -> None:
    """Add the columns and the tables."""
    op.add_column("products", sa.Column("brand", sa.Text(), server_default="", nullable=False))
    op.create_index("ix_products_brand", "products", ["brand"], sqlite_where=sa.text("brand <> ''"))
    op.add_column("stock_levels", sa.Column("confirmed_at", sa.DateTime(), nullable=True))
    op.add_column("listings", sa.Column("left_showing", sa.Integer(), nullable=True))
    op.create_index(
        "ix_listings_left_showing", "listings", ["marketplace"], sqlite_where=sa.text("left_showing > 0")
    )
    stocks = "marketplace_stocks"
    op.add_column(stocks, sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.add_column(stocks, sa.Column("rests_until", sa.DateTime(), nullable=True))
    op.add_column(stocks, sa.Column("replaced", sa.Integer(), nullable=True))
    op.add_column(stocks, sa.Column("stopped", sa.Integer(), nullable=True))
    op.create_index(
        "ix_marketplace_stocks_stopped", stocks, ["stopped"], sqlite_where=sa.text("stopped IS NOT NULL")
    )
    op.add_column(stocks, sa.Column("explanation_id", sa.Integer(), nullable=True))
    op.add_column(stocks, sa.Column("lowered_at", sa.DateTime(), nullable=True))
    waits = sa.Boolean(create_constraint=False)
    op.add_column("dirty", sa.Column("waits", waits, server_default="0", nullable=False))
    op.create_index("ix_dirty_due", "dirty", ["product_id"], sqlite_where=sa.text("waits = 0"))
    op.create_index(
        "ix_marketplace_stocks_failing",
        "marketplace_stocks",
        ["marketplace", "id"],
        sqlite_where=sa.text("failures > 0"),
    )
    op.add_column("runs", sa.Column("actor", sa.Text(), server_default="", nullable=False))
    op.add_column("runs", sa.Column("reason", sa.Text(), server_default="", nullable=False))
    op.add_column("runs", sa.Column("plan_id", sa.Integer(), nullable=True))
    op.add_column("stock_sync_log", sa.Column("explanation_id", sa.Integer(), nullable=True))
    op.create_index("ix_stock_sync_log_run", "stock_sync_log", ["run"])
    # Nothing has ever been kept in it.
    op.drop_table("plans")
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("applied_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("plan", "digest", name=op.f("uq_plans_plan_digest")),
    )
    op.create_table(
        "log_seals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("push_id", sa.Integer(), nullable=True),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("pruned_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_seals")),
    )
    op.create_index("ix_log_seals_first", "log_seals", ["subject", "first_id"])
    op.create_table(
        "actions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), server_default="{}", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
    )
    op.create_table(
        "interventions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("marketplace", sa.Text(), nullable=True),
        sa.Column("warehouse_code", sa.Text(), nullable=True),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("origin", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_interventions_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interventions")),
    )
    op.create_index(
        "ix_interventions_open", "interventions", ["product_id"], sqlite_where=sa.text("ended_at IS NULL")
    )
    op.create_index("ix_interventions_revision", "interventions", ["revision"])
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("acquired_at", sa.DateTime(), nullable=False),
        sa.Column("renewed_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("deadline", sa.Float(), server_default="0", nullable=False),
        sa.Column("command", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "drifts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("warehouse_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("expected", sa.Integer(), nullable=True),
        sa.Column("observed", sa.Integer(), nullable=False),
        sa.Column("replaced", sa.Integer(), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("written", sa.Boolean(), nullable=False),
        sa.Column("voided", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drifts")),
    )
    op.create_index("ix_drifts_listing", "drifts", ["product_id", "marketplace", "warehouse_code"])
    op.create_index("ix_drifts_recent", "drifts", ["marketplace", "at"])
    op.create_index("ix_drifts_run", "drifts", ["run_id"])
    op.create_table(
        "explanation_settings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_explanation_settings")),
        sa.UniqueConstraint("digest", name=op.f("uq_explanation_settings_digest")),
    )
    op.create_table(
        "explanations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("settings_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_explanations")),
    )
    op.create_index(op.f("ix_explanations_product_id_at"), "explanations", ["product_id", "at"])
    if op.get_context().dialect.name != "sqlite":
        for statement in _POSTGRES_TRIGGERS:
            op.execute(statement)
        return
    # What was logged by earlier versions is under no seal.
    op.execute(
        "INSERT INTO meta (key, value) SELECT 'log.unsealed', coalesce(max(id), 0) FROM stock_sync_log"
    )
    for trigger in _TRIGGERS:
        op.execute(trigger)
