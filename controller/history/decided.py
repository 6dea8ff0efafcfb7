"""What was decided on each commit? Those of a branch with their verdicts, and the ranges that have none."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.errors import ConflictError, NotFoundError
from controller.history import rows
from controller.history.read import FEW, SHORTEST_PREFIX, only
from controller.history.store import Store
from controller.history.tables import CommitRow, RangeRow, VerdictRow
from controller.model.deployment import VerdictKind
from controller.model.record import CommitRange, CommitRecord, Verdict


def commits(
    store: Store,
    repository: str,
    before: str | None = None,
    limit: int = 50,
    *,
    most: int | None = None,
    projects: Collection[str] | None = None,
) -> list[CommitRecord]:
    """Commits of a repository with their verdicts, newest first; `before` as in `deployments`.

    `most`: of each only so many of the verdicts that are not `unchanged`. `projects`: only verdicts of these.
    """
    query = sa.select(CommitRow).where(CommitRow.repository == repository)
    with store.reading() as session:
        if before is not None:
            query = query.where(CommitRow.position < _commit(session, before, repository).position)
        found = list(session.scalars(query.order_by(CommitRow.position.desc()).limit(limit)))
        mine = _of(repository, [row.id for row in found], projects)
        return _with_verdicts(session, mine, found, most)


def commit(store: Store, id: str, *, most: int | None = None, projects: Collection[str] | None = None) -> CommitRecord:
    """One commit with its verdicts; a unique beginning of its id, of 7 digits at least, will do.

    Where several repositories have it, as where one is watched twice, it is that of the one in which it means most.
    `most`: where it has more verdicts, only so many of those that are not `unchanged`. `projects` as in `commits`.
    """
    with store.reading() as session:
        row = _commit(session, id, None)
        mine = _of(row.repository, [row.id], projects)
        many = session.scalar(sa.select(sa.func.count()).select_from(VerdictRow).where(*mine)) or 0
        return _with_verdicts(session, mine, [row], most if most is not None and many > most else None)[0]


def described(store: Store, id: str) -> CommitRecord:
    """The same without its verdicts, of which there may be thousands."""
    with store.reading() as session:
        return rows.commit(_commit(session, id, None))


def verdict(store: Store, repository: str, commit: str, project: str, environment: str) -> Verdict | None:
    """What a commit means for one environment, by its name then."""
    query = sa.select(VerdictRow).where(
        VerdictRow.repository == repository,
        VerdictRow.commit == commit,
        VerdictRow.project == project,
        VerdictRow.environment == environment,
    )
    with store.reading() as session:
        row = session.scalars(query.limit(1)).one_or_none()
        return rows.verdict(row) if row else None


def find_commit(store: Store, repository: str, id: str) -> CommitRecord | None:
    """A commit of a repository that was decided on, by a unique beginning of its id, without its verdicts, or None."""
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
        return rows.commit(found[0])


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


def _of(repository: str, ids: Sequence[str], projects: Collection[str] | None) -> list[sa.ColumnElement[bool]]:
    of_commits = [VerdictRow.repository == repository, VerdictRow.commit.in_(ids)]
    return of_commits if projects is None else [*of_commits, VerdictRow.project.in_(projects)]


def _with_verdicts(
    session: Session, mine: Sequence[sa.ColumnElement[bool]], found: Sequence[CommitRow], most: int | None
) -> list[CommitRecord]:
    counts = _counts(session, mine)
    query = sa.select(VerdictRow).where(*mine)
    if most is not None:
        place = sa.func.row_number().over(
            partition_by=VerdictRow.commit, order_by=(VerdictRow.project, VerdictRow.environment)
        )
        told = sa.select(VerdictRow.environment_uuid, VerdictRow.commit, place.label("place"))
        first = told.where(*mine, VerdictRow.kind != VerdictKind.UNCHANGED).subquery()
        is_first = sa.and_(VerdictRow.environment_uuid == first.c.environment_uuid, VerdictRow.commit == first.c.commit)
        query = query.join(first, is_first).where(first.c.place <= most)
    verdicts: dict[str, list[VerdictRow]] = {row.id: [] for row in found}
    for row in session.scalars(query.order_by(VerdictRow.project, VerdictRow.environment)):
        verdicts[row.commit].append(row)
    return [rows.commit(row, verdicts[row.id], counts.get(row.id)) for row in found]


def _counts(session: Session, mine: Sequence[sa.ColumnElement[bool]]) -> dict[str, dict[VerdictKind, int]]:
    columns = VerdictRow.commit, VerdictRow.kind
    query = sa.select(*columns, sa.func.count()).where(*mine).group_by(*columns).order_by(*columns)
    found: dict[str, dict[VerdictKind, int]] = {}
    for id, kind, count in session.execute(query):
        found.setdefault(id, {})[VerdictKind(kind)] = count
    return found
