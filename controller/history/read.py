"""What does the history tell? Values of `model.record`, newest first where there is an order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.errors import ConflictError, NotFoundError, near
from controller.history import rows
from controller.history.store import Store
from controller.history.tables import (
    ArtifactRow,
    AuditRow,
    DeploymentRow,
    EnvironmentRow,
    EventRow,
    HoldRow,
    LogChunkRow,
    OutputsRow,
    PartRow,
    ProjectRow,
    RepositoryRow,
    RequestRow,
)
from controller.model.access import AuditRecord
from controller.model.deployment import Status
from controller.model.document import Json
from controller.model.record import (
    Deployment,
    Details,
    Environment,
    Hold,
    Repository,
    RequestRecord,
    ResourceRow,
)

SHORTEST_PREFIX = 7
FEW = 5  # that are named where several fit
_Row = TypeVar("_Row")


def repositories(store: Store) -> list[Repository]:
    """Every connection that was ever polled, by id."""
    with store.reading() as session:
        return [rows.repository(row) for row in session.scalars(sa.select(RepositoryRow).order_by(RepositoryRow.id))]


def projects(store: Store) -> list[str]:
    """Ids of all projects, sorted."""
    with store.reading() as session:
        return list(session.scalars(sa.select(ProjectRow.id).order_by(ProjectRow.id)))


def owner(store: Store, project: str) -> str | None:
    """The repository that declares a project; None where none does."""
    with store.reading() as session:
        row = session.get(ProjectRow, project)
        return row.repository if row else None


def environments(store: Store, project: str | None = None) -> list[Environment]:
    """Environments that exist, by project and name."""
    query = sa.select(EnvironmentRow).where(EnvironmentRow.removed_at.is_(None))
    if project is not None:
        query = query.where(EnvironmentRow.project == project)
    with store.reading() as session:
        if project is not None and session.get(ProjectRow, project) is None:
            raise _no_project(session, project)
        held = _holds(session)
        found = session.scalars(query.order_by(EnvironmentRow.project, EnvironmentRow.name))
        return [rows.environment(row, held) for row in found]


def require_project(store: Store, project: str) -> None:
    """NotFoundError names a near one."""
    with store.reading() as session:
        if session.get(ProjectRow, project) is None:
            raise _no_project(session, project)


def environment(store: Store, project: str, name: str) -> Environment:
    """One environment; NotFoundError names a near one."""
    with store.reading() as session:
        return rows.environment(_environment(session, project, name), _holds(session))


def deployments(  # noqa: PLR0913  (one per question that a page asks)
    store: Store,
    *,
    project: str | None = None,
    environment: str | None = None,
    repository: str | None = None,
    commit: str | None = None,
    status: Status | None = None,
    request: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Deployment]:
    """Deployments, newest first; `before` is the id of the last one of the page before."""
    wanted = {
        DeploymentRow.project: project,
        DeploymentRow.environment: environment,
        DeploymentRow.repository: repository,
        DeploymentRow.commit: commit,
        DeploymentRow.status: status,
        DeploymentRow.request: request,
    }
    query = sa.select(DeploymentRow).order_by(DeploymentRow.number.desc()).limit(limit)
    query = query.where(*(column == value for column, value in wanted.items() if value is not None))
    with store.reading() as session:
        if before is not None:
            query = query.where(DeploymentRow.number < _deployment(session, before).number)
        return [rows.deployment(row) for row in session.scalars(query)]


def deployment(store: Store, id: str) -> Deployment:
    """One deployment; a unique beginning of its id, of 7 characters at least, will do."""
    with store.reading() as session:
        return rows.deployment(_deployment(session, id))


def deployed_commits(store: Store, repository: str) -> list[tuple[str, str]]:
    """Every deployment of a repository that has a commit, oldest first: its id, and the commit's."""
    query = sa.select(DeploymentRow.id, DeploymentRow.commit).where(
        DeploymentRow.repository == repository, DeploymentRow.commit.is_not(None)
    )
    with store.reading() as session:
        found = session.execute(query.order_by(DeploymentRow.number))
        return [(id, commit) for id, commit in found if commit is not None]


def details(store: Store, id: str) -> Details:
    """The larger parts of a deployment; none of them is secret, outside manifests."""
    with store.reading() as session:
        row = _deployment(session, id)
        parts = _public_parts(session, row.id)
        events = session.scalars(sa.select(EventRow).where(EventRow.deployment == row.id).order_by(EventRow.n))
        return Details(
            manifest=parts.get("manifest"),
            desired=parts.get("desired") or {},
            summary=parts.get("summary"),
            diagnostics=tuple(parts.get("diagnostics") or ()),
            events=tuple(event.document for event in events),
            log_key=row.log_key,
            outputs_key=row.outputs_key,
        )


def log_chunks(store: Store, id: str, after: int = 0) -> list[tuple[int, bytes]]:
    """Encrypted chunks of a deployment's log with a number above `after`, in order."""
    with store.reading() as session:
        row = _deployment(session, id)
        query = sa.select(LogChunkRow).where(LogChunkRow.deployment == row.id, LogChunkRow.n > after)
        return [(chunk.n, chunk.content) for chunk in session.scalars(query.order_by(LogChunkRow.n))]


def outputs(store: Store, id: str) -> bytes | None:
    """The outputs of a deployment as one age message; None where there are none."""
    with store.reading() as session:
        row = session.get(OutputsRow, _deployment(session, id).id)
        return row.content if row else None


def holds(store: Store) -> list[Hold]:
    """Holds that were not ended, oldest first. One whose `until` has passed ends at the next decision."""
    with store.reading() as session:
        return _holds(session)


def audit(
    store: Store,
    before: int | None = None,
    limit: int = 50,
    *,
    subject: str | None = None,
    actor: str | None = None,
    action: str | None = None,
) -> list[AuditRecord]:
    """Who changed what, newest first; `before` is the number of the last one of the page before."""
    query = sa.select(AuditRow).order_by(AuditRow.number.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditRow.number < before)
    for column, value in ((AuditRow.subject, subject), (AuditRow.actor, actor), (AuditRow.action, action)):
        if value is not None:
            query = query.where(column == value)
    with store.reading() as session:
        return [rows.audit(row) for row in session.scalars(query)]


def catalogue(store: Store, repository: str) -> Json:
    """The catalogue of the decided tip: modules, resource_types, environment_types, providers, runners; or None."""
    with store.reading() as session:
        row = session.get(RepositoryRow, repository)
        if row is None:
            known = session.scalars(sa.select(RepositoryRow.id))
            raise NotFoundError(_unknown("repository", repository, known))
        return row.catalogue


def resources(store: Store, project: str, environment: str) -> list[ResourceRow]:
    """The nodes of what was deployed last, with their metadata, by coordinate."""
    with store.reading() as session:
        row = _environment(session, project, environment)
        if row.last_success is None:
            return []
        parts = _public_parts(session, row.last_success)
        return rows.resources(parts.get("desired") or {}, parts.get("metadata") or {}, row.last_success)


def request(store: Store, id: str) -> RequestRecord:
    """What planning a ref found, and which deployments plan it."""
    with store.reading() as session:
        row = session.scalars(sa.select(RequestRow).where(RequestRow.id == id)).one_or_none()
        if row is None:
            raise NotFoundError(f"request `{id}` is unknown; plan a ref with `lockstep plan --ref REF`")
        query = sa.select(DeploymentRow.id).where(DeploymentRow.request == id).order_by(DeploymentRow.number)
        return rows.request(row, tuple(session.scalars(query)))


def _environment(session: Session, project: str, name: str) -> EnvironmentRow:
    query = sa.select(EnvironmentRow).where(EnvironmentRow.project == project, EnvironmentRow.removed_at.is_(None))
    found = {row.name: row for row in session.scalars(query)}
    if name in found:
        return found[name]
    if not found and session.get(ProjectRow, project) is None:
        raise _no_project(session, project)
    raise NotFoundError(_unknown(f"project `{project}` has no environment", name, found, joined=True))


def _no_project(session: Session, project: str) -> NotFoundError:
    return NotFoundError(_unknown("project", project, session.scalars(sa.select(ProjectRow.id))))


def _unknown(what: str, word: str, known: Iterable[str], *, joined: bool = False) -> str:
    names = sorted(known)
    guess = near(word, names)
    remedy = f"did you mean `{guess}`?" if guess else f"there is {', '.join(names) or 'none'}"
    return f"{what} `{word}`; {remedy}" if joined else f"{what} `{word}` is unknown; {remedy}"


def _deployment(session: Session, id: str) -> DeploymentRow:
    query = sa.select(DeploymentRow).where(DeploymentRow.id == id)
    if len(id) >= SHORTEST_PREFIX:
        query = sa.select(DeploymentRow).where(DeploymentRow.id >= id, DeploymentRow.id < id + "\x7f").limit(2)
    found = list(session.scalars(query))
    exact = [row for row in found if row.id == id]
    return only(exact or found, "deployment", id)


def only(found: list[_Row], what: str, id: str) -> _Row:
    if not found:
        raise NotFoundError(f"{what} `{id}` is unknown; look at `lockstep get deployments`")
    if len(found) > 1:
        raise ConflictError(f"{what} `{id}` is not the beginning of one id alone; give more of it")
    return found[0]


def _holds(session: Session) -> list[Hold]:
    query = sa.select(HoldRow).where(HoldRow.ended_at.is_(None)).order_by(HoldRow.since, HoldRow.number)
    return [rows.hold(row) for row in session.scalars(query)]


def _public_parts(session: Session, deployment: str) -> dict[str, Json]:
    query = (
        sa.select(PartRow.name, ArtifactRow.content)
        .join(ArtifactRow, sa.and_(PartRow.digest == ArtifactRow.digest, PartRow.sealed == ArtifactRow.sealed))
        .where(PartRow.deployment == deployment, PartRow.sealed.is_(False))
    )
    return {name: json.loads(content) for name, content in session.execute(query)}
