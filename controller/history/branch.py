"""What is known of the line that a watched branch went along?"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from controller.history.store import Store
from controller.history.tables import CommitRow, VerdictRow

_WITH_COMMIT = sa.and_(CommitRow.repository == VerdictRow.repository, CommitRow.id == VerdictRow.commit)


def on_branch(store: Store, repository: str, commits: Sequence[str]) -> str | None:
    """The newest of `commits` that is known and on the branch: where a rewritten history parted from the old one."""
    query = (
        sa.select(CommitRow.id)
        .where(CommitRow.repository == repository, CommitRow.on_branch, CommitRow.id.in_(commits))
        .order_by(CommitRow.position.desc())
        .limit(1)
    )
    with store.reading() as session:
        return session.scalars(query).one_or_none()


def wanted_at(store: Store, repository: str, commit: str) -> dict[str, tuple[str, str]]:
    """What Git wanted of each environment (by uuid) at a commit: the digest, and the commit that brought it."""
    with store.reading() as session:
        query = (
            sa.select(VerdictRow.environment_uuid, VerdictRow.desired, VerdictRow.commit)
            .join(CommitRow, _WITH_COMMIT)
            .where(
                VerdictRow.repository == repository,
                VerdictRow.desired.is_not(None),
                VerdictRow.changed,
                CommitRow.on_branch,
                CommitRow.position <= session.get_one(CommitRow, (repository, commit)).position,
            )
            .order_by(CommitRow.position)
        )
        return {uuid: (str(digest), brought) for uuid, digest, brought in session.execute(query)}


def declared_at(store: Store, repository: str, commit: str) -> frozenset[str]:
    """Uuids of the environments that a commit has a verdict on."""
    query = sa.select(VerdictRow.environment_uuid).where(
        VerdictRow.repository == repository, VerdictRow.commit == commit
    )
    with store.reading() as session:
        return frozenset(session.scalars(query))


def up_to(store: Store, repository: str, commit: str) -> int:
    """Where a commit stands on the line: those before it have smaller numbers."""
    with store.reading() as session:
        return session.get_one(CommitRow, (repository, commit)).position
