"""Keep who made an environment and until when, what a look for drift found, and what each act changed, from where."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.history.columns import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    for column in (
        sa.Column("created_by", name, nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("folder", name, nullable=True),
        sa.Column("drift_every", sa.Integer(), nullable=True),
        sa.Column("drift_heal", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("drift_due_at", Instant(), nullable=True),
        sa.Column("on_removal", name, nullable=True),
        sa.Column("drifted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("drift_deployment", name, nullable=True),
        sa.Column("drift_checked_at", Instant(), nullable=True),
        sa.Column("heals", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("heal_not_before", Instant(), nullable=True),
        sa.Column("adoption", sa.JSON(), nullable=True),
    ):
        op.add_column("environments", column)
    op.create_index(op.f("ix_environments_drift_due_at"), "environments", ["drift_due_at"], unique=False)
    op.add_column("deployments", sa.Column("hold_until", Instant(), nullable=True))
    op.add_column("audit", sa.Column("origin", name, nullable=False, server_default=""))
    op.add_column("audit", sa.Column("before", sa.JSON(), nullable=True))
    op.add_column("audit", sa.Column("after", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_index(op.f("ix_environments_drift_due_at"), "environments")
    op.drop_column("deployments", "hold_until")
    for column in ("after", "before", "origin"):
        op.drop_column("audit", column)
    for column in (
        "adoption",
        "heal_not_before",
        "heals",
        "drift_checked_at",
        "drift_deployment",
        "drifted",
        "drift_due_at",
        "drift_heal",
        "drift_every",
        "on_removal",
        "folder",
        "expires_at",
        "created_by",
    ):
        op.drop_column("environments", column)
