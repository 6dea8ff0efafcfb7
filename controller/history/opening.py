"""What is a deployment made of when it opens? Its row, its parts, and what it takes the place of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.history import rows
from controller.history.dialect import insert
from controller.history.store import Store
from controller.history.tables import ArtifactRow, DeploymentRow, EnvironmentRow, PartRow, WaitRow
from controller.model.bundle import Binding
from controller.model.deployment import REPLACEABLE, EnvironmentStatus, Mode, Rank, Status
from controller.model.tree import Commit


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
    supersede(session, new.superseded, now, by=new.id)
    environment = session.get(EnvironmentRow, new.environment_uuid)
    if environment is not None and environment.binding is None and new.request is None:
        environment.binding = rows.binding_document(new.binding)
        environment.version += 1
    if environment is not None and new.mode is Mode.DESTROY:
        environment.status = EnvironmentStatus.DELETING
        environment.expires_at = None  # it ends now, once; what comes of that is for a person to look at
    row = _row(new, now)
    session.add(row)
    session.flush()
    session.add_all(WaitRow(deployment=new.id, environment_uuid=uuid) for uuid in new.waits_for)
    keep_parts(session, new.id, new.parts)
    return row


def supersede(session: Session, ids: Sequence[str], now: datetime, *, by: str | None, message: str = "") -> None:
    """End those of `ids` that can still be replaced; a plan that is running is stopped by whoever carries it."""
    if not ids:
        return
    query = sa.select(DeploymentRow).where(DeploymentRow.id.in_(ids), DeploymentRow.status.in_(REPLACEABLE))
    for row in session.scalars(query):
        row.cleared = row.started_at is None
        row.status = Status.SUPERSEDED
        row.completed_at = now
        row.superseded_by = by
        row.message = message or (f"superseded by deployment {by}" if by else "Git wants what is applied")


def keep_parts(session: Session, deployment: str, parts: Mapping[str, Part]) -> None:
    """Keep documents of a deployment; one that it had under the same name is replaced."""
    had = sa.select(PartRow.digest, PartRow.sealed).where(PartRow.deployment == deployment, PartRow.name.in_(parts))
    before = {(digest, sealed) for digest, sealed in session.execute(had)}
    artifacts = [
        {"digest": part.digest, "sealed": part.sealed, "content": part.content} for _, part in sorted(parts.items())
    ]
    kept = [
        {"deployment": deployment, "name": name, "digest": part.digest, "sealed": part.sealed}
        for name, part in sorted(parts.items())
    ]
    if kept:  # two statements, executed for all of them: a push may open a thousand deployments
        found = insert(session, ArtifactRow.__table__).on_conflict_do_nothing()
        session.connection().execute(found, artifacts)
        named = insert(session, PartRow.__table__)
        changed = {column: named.excluded[column] for column in ("digest", "sealed")}
        session.connection().execute(
            named.on_conflict_do_update(index_elements=["deployment", "name"], set_=changed), kept
        )
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


def _row(new: NewDeployment, now: datetime) -> DeploymentRow:
    commit = new.commit
    return DeploymentRow(
        id=new.id,
        project=new.project,
        environment=new.environment,
        environment_uuid=new.environment_uuid,
        mode=new.mode,
        status=Status.QUEUED,
        rank=new.rank,
        no_changes=False,
        repository=new.repository,
        commit=commit.id if commit else None,
        commit_author=commit.author_name if commit else None,
        commit_email=commit.author_email if commit else None,
        committer_email=commit.committer_email if commit else None,
        commit_subject=commit.subject if commit else None,
        source_commit=new.source_commit,
        ref=new.ref,
        request=new.request,
        created_at=now,
        created_by=new.created_by,
        reason=new.reason,
        message="",
        warnings=list(new.warnings),
        desired_digest=new.desired_digest,
        binding=rows.binding_document(new.binding),
        must_approve=new.must_approve,
        follow_up_of=new.follow_up_of,
        source_deployment=new.source_deployment,
        hold_until=new.hold_until,
        log_level=new.log_level,
        tries=new.tries,
        not_before=new.not_before,
        attempts=0,
        replans=0,
        log_recipient=new.log_recipient,
        log_key=new.log_key,
        outputs_recipient=new.outputs_recipient,
        outputs_key=new.outputs_key,
        log_closed=False,
        cleared=False,
    )
