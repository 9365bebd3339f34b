"""The tables that let the log be held to account: its seals, and what people did; and their triggers.

The triggers stop an honest mistake, such as a statement typed into the wrong window; whoever drops them
first is found by the seals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text, event

from mpstock.ledger.metadata import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

__all__ = ["TRIGGERS", "metadata"]

Table(
    "log_seals",
    metadata,
    # one for each batch of the log and for each action: a chain of digests, whose head is in meta as well
    Column("id", Integer, primary_key=True),
    # 'log' or 'actions': the table whose rows it seals
    Column("subject", Text, nullable=False),
    Column("run_id", Integer),
    Column("push_id", Integer),
    Column("first_id", Integer, nullable=False),
    Column("last_id", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("sealed_at", DateTime, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    # its rows were let go by retention
    Column("pruned_at", DateTime),
    Index("ix_log_seals_first", "subject", "first_id"),
)

Table(
    "actions",
    metadata,
    # what people did, append-only
    Column("id", Integer, primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("scope", Text, nullable=False, server_default="{}"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("run_id", Integer),
)

TRIGGERS = {
    "stock_sync_log_is_kept": """
CREATE TRIGGER stock_sync_log_is_kept BEFORE UPDATE ON stock_sync_log
BEGIN SELECT RAISE(ABORT, 'the sync log is only added to'); END""",
    # A row goes when its whole segment does, and one from before the seals when it is old.
    "stock_sync_log_is_whole": """
CREATE TRIGGER stock_sync_log_is_whole BEFORE DELETE ON stock_sync_log
WHEN OLD.id > coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'log.unsealed'), 0)
AND (SELECT pruned_at FROM log_seals WHERE subject = 'log' AND first_id <= OLD.id
ORDER BY first_id DESC LIMIT 1) IS NULL
BEGIN SELECT RAISE(ABORT, 'the sync log is only added to'); END""",
    "log_seals_are_kept": """
CREATE TRIGGER log_seals_are_kept BEFORE UPDATE ON log_seals
WHEN OLD.pruned_at IS NOT NULL OR NEW.pruned_at IS NULL OR NEW.subject <> 'log'
OR OLD.id <> NEW.id OR OLD.subject <> NEW.subject OR OLD.first_id <> NEW.first_id
OR OLD.last_id <> NEW.last_id OR OLD.digest <> NEW.digest OR OLD.previous <> NEW.previous
BEGIN SELECT RAISE(ABORT, 'the seals of the log are never changed'); END""",
    "log_seals_are_whole": """
CREATE TRIGGER log_seals_are_whole BEFORE DELETE ON log_seals
BEGIN SELECT RAISE(ABORT, 'the seals of the log are never removed'); END""",
    "actions_are_kept": """
CREATE TRIGGER actions_are_kept BEFORE UPDATE ON actions
BEGIN SELECT RAISE(ABORT, 'the actions of people are only added to'); END""",
    "actions_are_whole": """
CREATE TRIGGER actions_are_whole BEFORE DELETE ON actions
BEGIN SELECT RAISE(ABORT, 'the actions of people are only added to'); END""",
    "runs_say_who": """
CREATE TRIGGER runs_say_who BEFORE UPDATE OF id, kind, cause, started_at, actor, reason, plan_id ON runs
BEGIN SELECT RAISE(ABORT, 'who asked for a run, and why, is never changed'); END""",
    "runs_are_named": """
CREATE TRIGGER runs_are_named BEFORE DELETE ON runs
WHEN EXISTS (SELECT 1 FROM stock_sync_log WHERE run = OLD.id)
BEGIN SELECT RAISE(ABORT, 'the sync log tells of this run'); END""",
}
"""Each trigger by its name."""


@event.listens_for(metadata, "after_create")
def _make_triggers(_target: MetaData, connection: Connection, **_options: Any) -> None:
    if connection.dialect.name == "sqlite":
        for statement in TRIGGERS.values():
            connection.exec_driver_sql(statement)
