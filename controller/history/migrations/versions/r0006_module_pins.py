"""Keep what the tags and branches of modules were, when they were asked for, and why that was in vain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.history.columns import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_PINS = "module_pins"


def upgrade() -> None:
    # No release has ever written to the table that was there.
    op.drop_table(_PINS)
    _create(
        sa.Column("commit", _name(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("moved_at", Instant(), nullable=True),
        sa.Column("checked_at", Instant(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", _name(), nullable=True),
    )


def downgrade() -> None:
    op.drop_table(_PINS)
    _create(
        sa.Column("commit", _name(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
    )


def _create(*columns: sa.Column) -> None:  # type: ignore[type-arg]
    op.create_table(
        _PINS,
        sa.Column("repository", _name(), nullable=False),
        sa.Column("source", _name(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["repository"], ["repositories.id"], name=op.f("fk_module_pins_repository")),
        sa.PrimaryKeyConstraint("repository", "source", name=op.f("pk_module_pins")),
    )


def _name() -> sa.types.TypeEngine[str]:
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")
