"""Let projects take turns; say what was removed by age, what Git declares, and whose inputs a deployment has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.history.columns import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEPT_LOGS = "log_closed IS {true} AND log_recipient IS NOT NULL AND log_removed_at IS NULL"
_KEPT_OUTPUTS = "outputs_recipient IS NOT NULL AND outputs_removed_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "queue_turns",
        sa.Column("project", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("turn", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("project", name=op.f("pk_queue_turns")),
    )
    op.add_column("environments", sa.Column("declared", sa.Boolean(), nullable=False, server_default=sa.true()))
    name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.add_column("deployments", sa.Column("source_deployment", name, nullable=True))
    op.add_column("deployments", sa.Column("imports", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("deployments", sa.Column("log_removed_at", Instant(), nullable=True))
    op.add_column("deployments", sa.Column("outputs_removed_at", Instant(), nullable=True))
    _index("kept_logs", "deployments", "completed_at", _KEPT_LOGS)
    _index("kept_outputs", "deployments", "completed_at", _KEPT_OUTPUTS)
    _index("kept_plans", "deployment_parts", "deployment", "name = 'plan'")
    op.create_index(op.f("ix_deployment_parts_digest_sealed"), "deployment_parts", ["digest", "sealed"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_deployment_parts_digest_sealed"), "deployment_parts")
    op.drop_index("kept_plans", "deployment_parts")
    for name in ("kept_outputs", "kept_logs"):
        op.drop_index(name, "deployments")
    for name in ("outputs_removed_at", "log_removed_at", "imports", "source_deployment"):
        op.drop_column("deployments", name)
    op.drop_column("environments", "declared")
    op.drop_table("queue_turns")


def _index(name: str, table: str, column: str, where: str) -> None:
    """A partial one, of what is still there to be removed."""
    op.create_index(
        name,
        table,
        [column],
        unique=False,
        sqlite_where=sa.text(where.format(true="1")),
        postgresql_where=sa.text(where.format(true="true")),
    )
