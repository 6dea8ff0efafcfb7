"""Keep what forges deliver, what it came to, and which repositories have to be asked because of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.history.columns import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_DELIVERIES, _REPOSITORIES = "webhook_deliveries", "repositories"


def upgrade() -> None:
    name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    for word in ("event", "said", "origin"):
        op.add_column(_DELIVERIES, sa.Column(word, name, nullable=False, server_default=""))
    op.add_column(_DELIVERIES, sa.Column("times", sa.Integer(), nullable=False, server_default="1"))
    op.add_column(_DELIVERIES, sa.Column("accepted", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_index(
        op.f("ix_webhook_deliveries_repository_received_at"), _DELIVERIES, ["repository", "received_at"], unique=False
    )
    for word in ("hints", "answered"):
        op.add_column(_REPOSITORIES, sa.Column(word, sa.Integer(), nullable=False, server_default="0"))
    op.add_column(_REPOSITORIES, sa.Column("hinted_at", Instant(), nullable=True))


def downgrade() -> None:
    for word in ("hinted_at", "answered", "hints"):
        op.drop_column(_REPOSITORIES, word)
    op.drop_index(op.f("ix_webhook_deliveries_repository_received_at"), _DELIVERIES)
    for word in ("accepted", "times", "origin", "said", "event"):
        op.drop_column(_DELIVERIES, word)
