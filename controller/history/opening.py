"""What is a deployment made of when it opens? Its row, its parts, and what it takes the place of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Insert
from sqlalchemy.orm import Session

from controller.history import rows
from controller.history.dialect import batches, insert_of
from controller.history.store import Store
from controller.history.tables import ArtifactRow, DeploymentRow, EnvironmentRow, PartRow, WaitRow
from controller.model.bundle import Binding
from controller.model.deployment import REPLACEABLE, EnvironmentStatus, Mode, Rank, Status
from controller.model.tree import Commit

_IN_STEP = "Git wants what is applied"  # of what was superseded by nothing


@dataclass(frozen=True, slots=True)
class Part:
    """A document or file of a deployment; `content` is sealed already where `sealed` says so.

    `digest` is of what it says, not of how it is sealed: the same document is kept once.
    """

    digest: str
    content: bytes
    sealed: bool = False

    @classmethod
    def public(cls, content: bytes) -> Part:
        return cls(sha256(content).hexdigest(), content)

    @classmethod
    def closed(cls, sealed: bytes, plain: bytes | None = None) -> Part:
        """A sealed one. `plain` is given where its digest tells nobody a secret; then the same is kept once."""
        return cls(sha256(sealed if plain is None else plain).hexdigest(), sealed, sealed=True)


@dataclass(frozen=True, slots=True)
class NewDeployment:
    """Everything that is known of a deployment before its plan."""

    id: str
    project: str
    environment: str
    environment_uuid: str
    mode: Mode
    rank: Rank
    desired_digest: str
    binding: Binding
    created_by: str
    reason: str
    parts: Mapping[str, Part]
    repository: str | None = None
    commit: Commit | None = None
    source_commit: str | None = None
    ref: str | None = None
    request: str | None = None
    warnings: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()  # uuids of environments that go first
    must_approve: str = ""
    follow_up_of: str | None = None
    source_deployment: str | None = None
    hold_until: datetime | None = None
    log_level: str = "info"
    tries: int = 0
    not_before: datetime | None = None
    log_recipient: str | None = None
    log_key: bytes | None = None
    outputs_recipient: str | None = None
    outputs_key: bytes | None = None
    superseded: tuple[str, ...] = field(default=())  # ids that it takes the place of, if they can still be replaced


def insert_deployment(session: Session, new: NewDeployment, now: datetime) -> DeploymentRow:
    """Open a deployment within a transaction: supersede, bind the environment at its first one, keep the parts."""
    insert_deployments(session, [new], now)
    return session.scalars(sa.select(DeploymentRow).where(DeploymentRow.id == new.id)).one()


def insert_deployments(
    session: Session,
    many: Sequence[NewDeployment],
    now: datetime,
    environments: Mapping[str, EnvironmentRow] | None = None,
) -> None:
    """The same for many at once, in their order: a push may open ten thousand. `environments` are theirs, if known."""
    if not many:
        return
    _replace(session, {id: new.id for new in many for id in new.superseded}, now, "")
    if environments is None:
        environments = environments_of(session, [new.environment_uuid for new in many])
    for new in many:
        if (environment := environments.get(new.environment_uuid)) is not None:
            _opens(environment, new)
    session.flush()
    session.execute(sa.insert(DeploymentRow), [_values(new, now) for new in many])
    if waits := [{"deployment": new.id, "environment_uuid": uuid} for new in many for uuid in new.waits_for]:
        session.execute(sa.insert(WaitRow), waits)
    _keep(session, [(new.id, new.parts) for new in many])


def environments_of(session: Session, uuids: Sequence[str]) -> dict[str, EnvironmentRow]:
    """The rows of these environments, by uuid, those that there are."""
    found = {}
    for batch in batches(uuids):
        query = sa.select(EnvironmentRow).where(EnvironmentRow.uuid.in_(batch))
        found.update({row.uuid: row for row in session.scalars(query)})
    return found


def supersede(session: Session, ids: Sequence[str], now: datetime, *, by: str | None, message: str = "") -> None:
    """End those of `ids` that can still be replaced; a plan that is running is stopped by whoever carries it."""
    _replace(session, dict.fromkeys(ids, by), now, message)


def keep_parts(session: Session, deployment: str, parts: Mapping[str, Part]) -> None:
    """Keep documents of a deployment; one that it had under the same name is replaced."""
    had = sa.select(PartRow.digest, PartRow.sealed).where(PartRow.deployment == deployment, PartRow.name.in_(parts))
    before = {(digest, sealed) for digest, sealed in session.execute(had)}
    _keep(session, [(deployment, parts)])
    drop_unused(session, before)


def drop_unused(session: Session, artifacts: Iterable[tuple[str, bool]]) -> None:
    """Remove those of these artifacts, by digest and whether it is sealed, that no part is made of any more."""
    used = sa.exists().where(PartRow.digest == ArtifactRow.digest, PartRow.sealed == ArtifactRow.sealed)
    for digest, sealed in sorted(artifacts):
        session.execute(
            sa.delete(ArtifactRow).where(ArtifactRow.digest == digest, ArtifactRow.sealed.is_(sealed), ~used)
        )


def parts(store: Store, deployment: str, names: Sequence[str]) -> dict[str, Part]:
    """The parts of a deployment with these names, as far as it has them."""
    query = (
        sa.select(PartRow.name, PartRow.digest, PartRow.sealed, ArtifactRow.content)
        .join(ArtifactRow, sa.and_(PartRow.digest == ArtifactRow.digest, PartRow.sealed == ArtifactRow.sealed))
        .where(PartRow.deployment == deployment, PartRow.name.in_(names))
    )
    with store.reading() as session:
        return {name: Part(digest, content, sealed) for name, digest, sealed, content in session.execute(query)}


def _replace(session: Session, by: Mapping[str, str | None], now: datetime, message: str) -> None:
    for batch in batches(list(by)):
        query = sa.select(DeploymentRow).where(DeploymentRow.id.in_(batch), DeploymentRow.status.in_(REPLACEABLE))
        for row in session.scalars(query):
            successor = by[row.id]
            row.cleared = row.started_at is None
            row.status = Status.SUPERSEDED
            row.completed_at = now
            row.superseded_by = successor
            row.message = message or (f"superseded by deployment {successor}" if successor else _IN_STEP)


def _opens(environment: EnvironmentRow, new: NewDeployment) -> None:
    if environment.binding is None and new.request is None:
        environment.binding = rows.binding_document(new.binding)
        environment.version += 1
    if new.mode is Mode.DESTROY:
        environment.status = EnvironmentStatus.DELETING
        environment.expires_at = None  # it ends now, once; what comes of that is for a person to look at


def _keep(session: Session, many: Sequence[tuple[str, Mapping[str, Part]]]) -> None:
    """Two statements, executed for all parts of all of them."""
    kept = [(deployment, name, part) for deployment, parts in many for name, part in sorted(parts.items())]
    if not kept:
        return
    artifacts = {(part.digest, part.sealed): part.content for _, _, part in kept}
    of_artifact, of_part = _statements(session.get_bind().dialect.name)
    connection = session.connection()
    connection.execute(
        of_artifact,
        [{"digest": digest, "sealed": sealed, "content": content} for (digest, sealed), content in artifacts.items()],
    )
    connection.execute(
        of_part,
        [
            {"deployment": deployment, "name": name, "digest": part.digest, "sealed": part.sealed}
            for deployment, name, part in kept
        ],
    )


@cache
def _statements(dialect: str) -> tuple[Insert, Insert]:
    """What keeps an artifact, and what names it as a part: made once: to make them takes longer than to run them."""
    artifact, part = insert_of(dialect, ArtifactRow.__table__), insert_of(dialect, PartRow.__table__)
    changed = {column: part.excluded[column] for column in ("digest", "sealed")}
    return (
        artifact.on_conflict_do_nothing(),
        part.on_conflict_do_update(index_elements=["deployment", "name"], set_=changed),
    )


def _values(new: NewDeployment, now: datetime) -> dict[str, Any]:
    commit = new.commit
    return {
        "id": new.id,
        "project": new.project,
        "environment": new.environment,
        "environment_uuid": new.environment_uuid,
        "mode": new.mode,
        "status": Status.QUEUED,
        "rank": new.rank,
        "no_changes": False,
        "repository": new.repository,
        "commit": commit.id if commit else None,
        "commit_author": commit.author_name if commit else None,
        "commit_email": commit.author_email if commit else None,
        "committer_email": commit.committer_email if commit else None,
        "commit_subject": commit.subject if commit else None,
        "source_commit": new.source_commit,
        "ref": new.ref,
        "request": new.request,
        "created_at": now,
        "created_by": new.created_by,
        "reason": new.reason,
        "message": "",
        "warnings": list(new.warnings),
        "desired_digest": new.desired_digest,
        "binding": rows.binding_document(new.binding),
        "must_approve": new.must_approve,
        "follow_up_of": new.follow_up_of,
        "source_deployment": new.source_deployment,
        "hold_until": new.hold_until,
        "log_level": new.log_level,
        "tries": new.tries,
        "not_before": new.not_before,
        "attempts": 0,
        "replans": 0,
        "log_recipient": new.log_recipient,
        "log_key": new.log_key,
        "outputs_recipient": new.outputs_recipient,
        "outputs_key": new.outputs_key,
        "log_closed": False,
        "cleared": False,
    }
