"""What does whoever carries a deployment through have to know of it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from controller.errors import NotFoundError
from controller.history import rows
from controller.history.dialect import batches
from controller.history.queue import claim_open, claim_queued, release, renew
from controller.history.standing import provider_pins
from controller.history.store import Store
from controller.history.tables import (
    DeploymentRow,
    EnvironmentRow,
    EventRow,
    HoldRow,
    LogChunkRow,
    PartRow,
)
from controller.model.bundle import Binding, ProviderPin
from controller.model.deployment import Mode, Status
from controller.model.record import Deployment, Environment

__all__ = [
    "Known",
    "Work",
    "attempts_in_doubt",
    "attempts_since",
    "claim_open",
    "claim_queued",
    "known",
    "last_engine_version",
    "release",
    "renew",
    "unsaved_state",
    "work",
]


@dataclass(frozen=True, slots=True)
class Work:
    """A deployment with what only its carrying through needs."""

    deployment: Deployment
    environment: Environment | None  # None: it was never more than planned
    binding: Binding
    providers: Mapping[str, ProviderPin]  # recorded lock file of the environment
    request: str | None
    must_approve: str
    approved_by: str | None
    approval_expires_at: datetime | None
    cancelled_by: str | None
    imports: bool  # what interrupted applies may have made is to be taken over
    follow_up_of: str | None
    tries: int
    approved_fingerprint: str | None
    commit_email: str | None
    committer_email: str | None
    log_level: str
    fingerprint: str | None
    apply_started_at: datetime | None
    attempts: int
    replans: int
    not_before: datetime | None
    log_closed: bool
    cleared: bool
    events: int  # number of the last one that is recorded
    chunks: int


@dataclass(frozen=True, slots=True)
class Known:
    """What has to be known of a deployment to say whether its run directory is needed."""

    status: Status
    cleared: bool


def known(store: Store, ids: Sequence[str]) -> dict[str, Known]:
    """Those of these deployments that are on record."""
    query = sa.select(DeploymentRow.id, DeploymentRow.status, DeploymentRow.cleared)
    with store.reading() as session:
        return {
            id: Known(Status(status), cleared)
            for batch in batches(ids)
            for id, status, cleared in session.execute(query.where(DeploymentRow.id.in_(batch)))
        }


def work(store: Store, id: str) -> Work:
    """All of it, as of now."""
    with store.reading() as session:
        row = session.scalars(sa.select(DeploymentRow).where(DeploymentRow.id == id)).one_or_none()
        if row is None:
            raise NotFoundError(f"deployment `{id}` is unknown; look at `lockstep get deployments`")
        found = session.get(EnvironmentRow, row.environment_uuid)
        held = [rows.hold(hold) for hold in session.scalars(sa.select(HoldRow).where(HoldRow.ended_at.is_(None)))]
        return Work(
            deployment=rows.deployment(row),
            environment=rows.environment(found, held) if found else None,
            binding=rows.binding(row.binding),
            providers=provider_pins(session, [row.environment_uuid]).get(row.environment_uuid, {}),
            request=row.request,
            must_approve=row.must_approve,
            approved_by=row.approved_by,
            approval_expires_at=row.approval_expires_at,
            cancelled_by=row.cancelled_by,
            imports=row.imports,
            follow_up_of=row.follow_up_of,
            tries=row.tries,
            approved_fingerprint=row.approved_fingerprint,
            commit_email=row.commit_email,
            committer_email=row.committer_email,
            log_level=row.log_level,
            fingerprint=row.fingerprint,
            apply_started_at=row.apply_started_at,
            attempts=row.attempts,
            replans=row.replans,
            not_before=row.not_before,
            log_closed=row.log_closed,
            cleared=row.cleared,
            events=_last(session, EventRow, id),
            chunks=_last(session, LogChunkRow, id),
        )


def attempts_since(store: Store, environment_uuid: str, success: str | None) -> list[str]:
    """Deployments that began to change an environment since its last success, that one first."""
    with store.reading() as session:
        return [*([success] if success else []), *attempts_within(session, environment_uuid, success)]


def attempts_within(session: Session, environment_uuid: str, success: str | None) -> list[str]:
    """Those after its last success. What came before a destroy that succeeded has left nothing behind."""
    row = aliased(DeploymentRow)
    emptied = sa.and_(row.mode == Mode.DESTROY, row.status == Status.SUCCEEDED)
    since = sa.select(sa.func.max(row.number)).where(
        row.environment_uuid == environment_uuid, sa.or_(row.id == success, emptied)
    )
    query = sa.select(DeploymentRow.id).where(
        DeploymentRow.environment_uuid == environment_uuid,
        DeploymentRow.apply_started_at.is_not(None),
        DeploymentRow.number > sa.func.coalesce(since.scalar_subquery(), 0),
    )
    return list(session.scalars(query.order_by(DeploymentRow.number)))


def attempts_in_doubt(store: Store, environment_uuid: str) -> list[tuple[str, bool]]:
    """Deployments that began to change an environment, from the first on that may have left something unknown behind.

    With each whether somebody has looked at its plan. Neither a success nor a destroy since makes it known: the state
    that they know of does not have it.
    """
    orphaned = sa.select(PartRow.name).where(PartRow.deployment == DeploymentRow.id, PartRow.name == "orphans")
    rows = sa.select(DeploymentRow).where(
        DeploymentRow.environment_uuid == environment_uuid, DeploymentRow.apply_started_at.is_not(None)
    )
    first = rows.with_only_columns(sa.func.min(DeploymentRow.number)).where(orphaned.exists())
    since = rows.where(DeploymentRow.number >= first.scalar_subquery()).order_by(DeploymentRow.number)
    with store.reading() as session:
        return [(row.id, row.approved_by is not None or row.imports) for row in session.scalars(since)]


def unsaved_state(store: Store, environment_uuid: str, success: str | None) -> str | None:
    """The newest deployment since the last success that could not save its state, which nobody has put back yet."""
    has = sa.select(PartRow.name).where(PartRow.deployment == DeploymentRow.id).correlate(DeploymentRow)
    query = sa.select(DeploymentRow.id).where(
        DeploymentRow.environment_uuid == environment_uuid,
        has.where(PartRow.name == "unsaved").exists(),
        ~has.where(PartRow.name == "put_back").exists(),
    )
    with store.reading() as session:
        if success is not None:
            last = sa.select(DeploymentRow.number).where(DeploymentRow.id == success).scalar_subquery()
            query = query.where(DeploymentRow.number > last)
        return session.scalars(query.order_by(DeploymentRow.number.desc()).limit(1)).one_or_none()


def last_engine_version(store: Store, environment_uuid: str) -> str | None:
    """Version of the engine that last began to change an environment."""
    query = (
        sa.select(DeploymentRow.engine_version)
        .where(
            DeploymentRow.environment_uuid == environment_uuid,
            DeploymentRow.apply_started_at.is_not(None),
            DeploymentRow.engine_version.is_not(None),
        )
        .order_by(DeploymentRow.number.desc())
        .limit(1)
    )
    with store.reading() as session:
        return session.scalars(query).one_or_none()


def _last(session: Session, table: type[EventRow] | type[LogChunkRow], id: str) -> int:
    return session.scalar(sa.select(sa.func.max(table.n)).where(table.deployment == id)) or 0
