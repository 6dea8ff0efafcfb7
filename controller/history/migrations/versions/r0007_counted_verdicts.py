"""Count what a commit means for its environments without looking at each: there may be ten thousand."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BEFORE, _NOW = "ix_verdicts_repository_commit", "ix_verdicts_repository_commit_kind"


def upgrade() -> None:
    op.create_index(_NOW, "verdicts", ["repository", "commit", "kind"])
    op.drop_index(_BEFORE, "verdicts")


def downgrade() -> None:
    op.create_index(_BEFORE, "verdicts", ["repository", "commit"])
    op.drop_index(_NOW, "verdicts")
