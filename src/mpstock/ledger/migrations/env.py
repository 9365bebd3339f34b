"""Run by Alembic: applies the migrations on the connection that `mpstock.ledger.migrating` opened."""

from __future__ import annotations

from alembic import context

from mpstock.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
