"""What was decided? Commits, verdicts, openings and the state of environments, written down at one stroke."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.history import drifting, removal, verdicts
from controller.history.decision import Decided, DecidedRepository
from controller.history.dialect import batches
from controller.history.opening import environments_of, insert_deployments, supersede
from controller.history.store import Store
from controller.history.tables import (
    CommitRow,
    EnvironmentRow,
    HoldRow,
    ProjectRow,
    RangeRow,
    RepositoryRow,
    VerdictRow,
)
from controller.model.deployment import EnvironmentStatus, HoldKind, Origin


def record(store: Store, decision: DecidedRepository) -> bool:
    """Write a decision down; False, and nothing written, where what it looked at has changed meanwhile."""
    with store.writing() as session:
        row = session.get_one(RepositoryRow, decision.id)
        if row.decided_tip != decision.before or not _are_current(session, decision):
            return False
        first_sight = row.first_commit is None
        row.decided_tip, row.woken, row.release = decision.tip, decision.woken, decision.release
        row.problems = list(decision.problems)
        if first_sight:
            row.first_commit = decision.tip
        if decision.catalogue is not None:
            row.catalogue = decision.catalogue
        _commits(session, decision)
        _projects(session, decision)
        changed = [decided for decided in decision.environments if decided.uuid not in decision.standing]
        environments = _environments(session, decision, changed)
        _pins(session, decision, changed)
        openings = [decided.opening for decided in changed if decided.opening]
        insert_deployments(session, openings, decision.now, environments)
        verdicts.write(session, decision)
        _supersede(session, decision, changed)
        live = _live_commits(session, list(environments))
        for uuid, environment in environments.items():
            environment.live_commit = live.get(uuid)
        removal.settle(session, [environments[decided.uuid] for decided in changed if decided.superseded])
        for decided in changed:
            if decided.forgotten:
                removal.emptied(session, environments[decided.uuid], decision.now, "git")
        return True


def live_commit(session: Session, environment: EnvironmentRow) -> str | None:
    """The last commit on the walk whose digest differs from its predecessor's and equals the applied one."""
    return _live_commits(session, [environment.uuid]).get(environment.uuid)


def _live_commits(session: Session, uuids: Sequence[str]) -> dict[str, str]:
    """The same of many environments at once, those that have one."""
    session.flush()  # what is applied may have been set just now
    found = {}
    for batch in batches(uuids):
        query = (
            sa.select(VerdictRow.environment_uuid, VerdictRow.commit)
            .join(CommitRow, sa.and_(CommitRow.repository == VerdictRow.repository, CommitRow.id == VerdictRow.commit))
            .join(EnvironmentRow, EnvironmentRow.uuid == VerdictRow.environment_uuid)
            .where(
                VerdictRow.environment_uuid.in_(batch),
                VerdictRow.desired == EnvironmentRow.applied,
                VerdictRow.changed,
                CommitRow.on_branch,
            )
            .order_by(CommitRow.position)
        )
        found.update({row.environment_uuid: row.commit for row in session.execute(query)})
    return found


def _are_current(session: Session, decision: DecidedRepository) -> bool:
    columns = (EnvironmentRow.uuid, EnvironmentRow.version, EnvironmentRow.project, EnvironmentRow.name)
    found = session.execute(sa.select(*columns).where(EnvironmentRow.removed_at.is_(None))).all()
    versions = {uuid: version for uuid, version, _, _ in found}
    names = {(project, name) for _, _, project, name in found}
    return all(
        versions.get(decided.uuid) == decided.version
        and (decided.version is not None or (decided.project, decided.name) not in names)
        for decided in decision.environments
    )


def _commits(session: Session, decision: DecidedRepository) -> None:
    if decision.rewritten:
        _leave_branch(session, decision.id, decision.ancestor)
    last = session.scalar(sa.select(sa.func.max(CommitRow.position)).where(CommitRow.repository == decision.id)) or 0
    ids = [commit.id for commit in decision.commits]
    query = sa.select(CommitRow).where(CommitRow.repository == decision.id, CommitRow.id.in_(ids))
    before = {row.id: row for row in session.scalars(query)}
    for position, commit in enumerate(decision.commits, last + 1):
        row = before.get(commit.id) or CommitRow(repository=decision.id, id=commit.id)
        row.position, row.on_branch = position, True
        row.author_name, row.author_email = commit.author_name, commit.author_email
        row.committer_email = commit.committer_email
        row.committed_at, row.message = commit.committed_at, commit.message
        session.add(row)
    for found in decision.ranges:
        row_of = RangeRow(repository=decision.id, after=found.after, until=found.until, why=found.why)
        row_of.created_at = decision.now
        session.add(row_of)
    session.flush()


def _leave_branch(session: Session, repository: str, ancestor: str | None) -> None:
    stays = session.get(CommitRow, (repository, ancestor)) if ancestor else None
    session.execute(
        sa.update(CommitRow)
        .where(CommitRow.repository == repository, CommitRow.position > (stays.position if stays else -1))
        .values(on_branch=False)
    )


def _projects(session: Session, decision: DecidedRepository) -> None:
    columns = ProjectRow.id, ProjectRow.repository, ProjectRow.display_name
    known = {row.id: row for row in session.execute(sa.select(*columns))}
    for id, name in sorted(decision.projects.items()):
        if id not in known:
            session.add(ProjectRow(id=id, repository=decision.id, display_name=name, created_at=decision.now))
        elif known[id] != (id, decision.id, name):
            row = session.get_one(ProjectRow, id)
            row.display_name = name
            row.repository = decision.id  # another's before, which has nothing of it any more
    session.flush()


def _environments(
    session: Session, decision: DecidedRepository, changed: Sequence[Decided]
) -> dict[str, EnvironmentRow]:
    """The rows of environments as they are decided, by uuid; those that are new are there when this returns."""
    found = environments_of(session, [decided.uuid for decided in changed])
    for decided in changed:
        row = found.get(decided.uuid)
        if row is None:
            row = found[decided.uuid] = _new(decision, decided)
            session.add(row)
        _set(row, decision, decided)
    session.flush()
    return found


def _set(row: EnvironmentRow, decision: DecidedRepository, decided: Decided) -> None:
    if row.removed_at is not None:
        removal.revived(row)
        row.project, row.name = decided.project, decided.name
    row.version += 1
    row.type, row.origin, row.repository = decided.type, Origin.GIT, decision.id
    row.status, row.declared = _status(row, decided), decided.declared
    row.desired, row.problems, row.note = decided.tip, list(decided.problems), decided.note
    row.on_removal = decided.on_removal
    if decided.desired is not None:
        row.valid_desired, row.desired_commit = decided.desired, decided.desired_commit
    if decided.decided is not None:
        row.decided_digest = decided.decided.digest
        row.decided_deployment = decided.decided.deployment
        row.decided_ended = decided.decided.ended
    if decided.opening is not None:
        row.decided_deployment = decided.opening.id
    lasting = decided.lasting
    row.observes, row.after = lasting.observes, list(lasting.after)
    row.folder, row.renamed_from = decided.folder, decided.renamed_from
    drifting.scheduled(row, lasting.drift_every, lasting.drift_heal, decision.now)


def _supersede(session: Session, decision: DecidedRepository, changed: Sequence[Decided]) -> None:
    """End what a decision ends without putting anything in its place; whatever opens does that itself."""
    said: dict[str, list[str]] = {}
    for decided in changed:
        if decided.opening is None:
            said.setdefault("" if decided.declared else decided.note, []).extend(decided.superseded)
    for message, ids in said.items():
        supersede(session, ids, decision.now, by=None, message=message)


def _new(decision: DecidedRepository, decided: Decided) -> EnvironmentRow:
    return EnvironmentRow(
        uuid=decided.uuid,
        project=decided.project,
        name=decided.name,
        type=decided.type,
        origin=Origin.GIT,
        status=EnvironmentStatus.ACTIVE,
        repository=decision.id,
        version=0,
        problems=[],
        note="",
        created_at=decision.now,
    )


def _status(row: EnvironmentRow, decided: Decided) -> str:
    if row.status in (EnvironmentStatus.DELETING, EnvironmentStatus.DELETE_FAILED):
        return row.status
    return EnvironmentStatus.MARKED_FOR_REMOVAL if decided.marked else EnvironmentStatus.ACTIVE


def _pins(session: Session, decision: DecidedRepository, changed: Sequence[Decided]) -> None:
    """Let go of those pins that the walk has reached what they waited for, or ended."""
    let_go = {f"{one.project}/{one.name}": one for one in changed if one.ends_pin or one.releases_pin}
    for batch in batches(list(let_go)):
        query = sa.select(HoldRow).where(
            HoldRow.scope.in_(batch), HoldRow.kind == HoldKind.PINNED, HoldRow.ended_at.is_(None)
        )
        for row in session.scalars(query):
            decided = let_go[row.scope]
            row.released_by = decided.ends_pin or decided.releases_pin
            if decided.ends_pin:
                row.ended_at, row.ended_by = decision.now, f"commit {decided.ends_pin}"
