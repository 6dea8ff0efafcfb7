"""Keep what settings said while they could be read, which environment one may be, renamed, and committers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.history.columns import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ENVIRONMENTS = "environments"


def upgrade() -> None:
    name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.add_column(_ENVIRONMENTS, sa.Column("observes", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column(_ENVIRONMENTS, sa.Column("after", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column(_ENVIRONMENTS, sa.Column("renamed_from", name, nullable=True))
    op.add_column(_ENVIRONMENTS, sa.Column("drifted_since", Instant(), nullable=True))
    op.add_column("commits", sa.Column("committer_email", name, nullable=True))
    op.add_column("deployments", sa.Column("committer_email", name, nullable=True))
    op.add_column("deployments", sa.Column("log_level", name, nullable=False, server_default="info"))


def downgrade() -> None:
    op.drop_column("deployments", "log_level")
    op.drop_column("deployments", "committer_email")
    op.drop_column("commits", "committer_email")
    op.drop_column(_ENVIRONMENTS, "drifted_since")
    op.drop_column(_ENVIRONMENTS, "renamed_from")
    op.drop_column(_ENVIRONMENTS, "after")
    op.drop_column(_ENVIRONMENTS, "observes")
