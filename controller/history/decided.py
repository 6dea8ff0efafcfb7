"""What was decided on each commit? Those of a branch with their verdicts, and the ranges that have none."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.errors import ConflictError, NotFoundError
from controller.history import rows
from controller.history.read import FEW, SHORTEST_PREFIX, only
from controller.history.store import Store
from controller.history.tables import CommitRow, RangeRow, VerdictRow
from controller.model.record import CommitRange, CommitRecord


def commits(store: Store, repository: str, before: str | None = None, limit: int = 50) -> list[CommitRecord]:
    """Commits of a repository with their verdicts, newest first; `before` as in `deployments`."""
    query = sa.select(CommitRow).where(CommitRow.repository == repository)
    with store.reading() as session:
        if before is not None:
            query = query.where(CommitRow.position < _commit(session, before, repository).position)
        found = list(session.scalars(query.order_by(CommitRow.position.desc()).limit(limit)))
        verdicts = _verdicts(session, repository, [row.id for row in found])
        return [rows.commit(row, verdicts.get(row.id, ())) for row in found]


def commit(store: Store, id: str) -> CommitRecord:
    """One commit with its verdicts; a unique beginning of its id, of 7 digits at least, will do.

    Where several repositories have it, as where one is watched twice, it is that of the one in which it means most.
    """
    with store.reading() as session:
        row = _commit(session, id, None)
        return rows.commit(row, _verdicts(session, row.repository, [row.id]).get(row.id, ()))


def find_commit(store: Store, repository: str, id: str) -> CommitRecord | None:
    """A commit of a repository that was decided on, by a unique beginning of its id; None where there is none."""
    query = sa.select(CommitRow).where(
        CommitRow.repository == repository, CommitRow.id >= id, CommitRow.id < id + "\x7f"
    )
    with store.reading() as session:
        found = list(session.scalars(query.order_by(CommitRow.position).limit(FEW)))
        if len(found) > 1:
            names = ", ".join(row.id[: len(id) + 4] for row in found)
            raise ConflictError(f"commit `{id}` is not the beginning of one id alone ({names}); give more of it")
        if not found:
            return None
        verdicts = _verdicts(session, repository, [found[0].id])
        return rows.commit(found[0], verdicts.get(found[0].id, ()))


def last_change(store: Store, environment_uuid: str, repository: str, commit: str) -> str | None:
    """The newest commit up to this one that wanted something else of an environment than the one before it."""
    with store.reading() as session:
        position = session.get_one(CommitRow, (repository, commit)).position
        query = (
            sa.select(VerdictRow.commit)
            .join(CommitRow, sa.and_(CommitRow.repository == VerdictRow.repository, CommitRow.id == VerdictRow.commit))
            .where(
                VerdictRow.environment_uuid == environment_uuid,
                VerdictRow.repository == repository,
                VerdictRow.changed,
                CommitRow.on_branch,
                CommitRow.position <= position,
            )
            .order_by(CommitRow.position.desc())
            .limit(1)
        )
        return session.scalars(query).one_or_none()


def ranges(store: Store, repository: str) -> list[CommitRange]:
    """Ranges of commits without verdicts, newest first."""
    query = sa.select(RangeRow).where(RangeRow.repository == repository).order_by(RangeRow.number.desc())
    with store.reading() as session:
        return [CommitRange(row.after, row.until, row.why) for row in session.scalars(query)]


def _commit(session: Session, id: str, repository: str | None) -> CommitRow:
    query = sa.select(CommitRow).where(CommitRow.id >= id, CommitRow.id < id + "\x7f").order_by(CommitRow.id)
    if repository is not None:
        query = query.where(CommitRow.repository == repository)
    if len(id) < SHORTEST_PREFIX:
        raise NotFoundError(f"commit `{id}` cannot be looked up; give 7 digits of its id at least")
    found = list(session.scalars(query.limit(FEW)))
    if len(found) > 1 and len({row.id for row in found}) == 1:
        return _most_told(session, found[0].id)
    return only(found, "commit", id)


def _most_told(session: Session, id: str) -> CommitRow:
    """Of the repositories that have a commit, the one that has most verdicts on it, and the first of those."""
    same = sa.and_(VerdictRow.repository == CommitRow.repository, VerdictRow.commit == CommitRow.id)
    query = (
        sa.select(CommitRow)
        .outerjoin(VerdictRow, same)
        .where(CommitRow.id == id)
        .group_by(*CommitRow.__table__.c)
        .order_by(sa.func.count(VerdictRow.commit).desc(), CommitRow.repository)
        .limit(1)
    )
    return session.scalars(query).one()


def _verdicts(session: Session, repository: str, ids: list[str]) -> dict[str, tuple[VerdictRow, ...]]:
    query = sa.select(VerdictRow).where(VerdictRow.repository == repository, VerdictRow.commit.in_(ids))
    found: dict[str, tuple[VerdictRow, ...]] = {}
    for row in session.scalars(query.order_by(VerdictRow.project, VerdictRow.environment)):
        found[row.commit] = (*found.get(row.commit, ()), row)
    return found
