"""How does Alembic reach the database? Over the connection that `store.upgrade` hands it."""

from __future__ import annotations

from alembic import context

from controller.history import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.DeploymentRow.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
