"""What does whoever carries a deployment through have to know of it, and how is the next one to carry found?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from controller.errors import NotFoundError
from controller.history import rows
from controller.history.columns import Instant
from controller.history.standing import provider_pins
from controller.history.store import Store
from controller.history.tables import (
    DeploymentRow,
    EnvironmentRow,
    EventRow,
    HoldRow,
    LogChunkRow,
    RepositoryRow,
    WaitRow,
)
from controller.model.bundle import Binding, ProviderPin
from controller.model.deployment import Mode, Rank, Status
from controller.model.record import Deployment, Environment

_BUSY = (Status.PLANNING, Status.AWAITING_APPROVAL, Status.APPLYING, Status.INTERRUPTED)
_OUTSIDE = (Mode.PLAN_ONLY, Mode.DRIFT)  # not in the line of an environment


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
    follow_up_of: str | None
    tries: int
    approved_fingerprint: str | None
    commit_email: str | None
    fingerprint: str | None
    apply_started_at: datetime | None
    attempts: int
    replans: int
    not_before: datetime | None
    log_closed: bool
    cleared: bool
    events: int  # number of the last one that is recorded
    chunks: int


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
            follow_up_of=row.follow_up_of,
            tries=row.tries,
            approved_fingerprint=row.approved_fingerprint,
            commit_email=row.commit_email,
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
    query = sa.select(DeploymentRow.id).where(
        DeploymentRow.environment_uuid == environment_uuid, DeploymentRow.apply_started_at.is_not(None)
    )
    with store.reading() as session:
        first: list[str] = []
        if success is not None:
            row = session.scalars(sa.select(DeploymentRow).where(DeploymentRow.id == success)).one()
            query, first = query.where(DeploymentRow.number > row.number), [success]
        return [*first, *session.scalars(query.order_by(DeploymentRow.number))]


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


def claim_queued(store: Store, controller: str, now: datetime, lease: timedelta) -> str | None:
    """Take the next deployment that may begin to plan: its line is free, and nothing has to go before it."""
    with store.reading() as session:
        # Asked many times a second, and nearly always answered with no: a writer that finds nothing is in the way.
        if session.scalars(_queued(), {"at": now}).one_or_none() is None:
            return None
    update = (
        sa.update(DeploymentRow)
        .where(DeploymentRow.id.in_(_queued().scalar_subquery()), DeploymentRow.status == Status.QUEUED)
        .values(status=Status.PLANNING, started_at=now, worker=controller, lease_until=now + lease)
        .returning(DeploymentRow.id)
    )
    with store.writing() as session:
        return session.scalars(update, {"at": now}).one_or_none()


def claim_open(store: Store, controller: str, now: datetime, lease: timedelta) -> list[str]:
    """Take over every deployment that goes on and that nobody carries: after a restart, an approval, a pause."""
    with store.reading() as session:
        found = session.scalars(
            sa.select(DeploymentRow.id).where(_left(), DeploymentRow.cleared.is_(False)), {"at": now}
        )
        if found.first() is None:
            return []
    update = sa.update(DeploymentRow).where(DeploymentRow.cleared.is_(False), _left())
    claim = update.values(worker=controller, lease_until=now + lease).returning(DeploymentRow.id)
    with store.writing() as session:
        return sorted(session.scalars(claim, {"at": now}))


def renew(store: Store, id: str, controller: str, until: datetime) -> bool:
    """Keep a claim; False where somebody else has taken it over."""
    update = (
        sa.update(DeploymentRow)
        .where(DeploymentRow.id == id, DeploymentRow.worker == controller)
        .values(lease_until=until)
        .returning(DeploymentRow.id)
    )
    with store.writing() as session:
        return session.scalars(update).one_or_none() is not None


def release(store: Store, controller: str, id: str | None = None) -> None:
    """Give claims back: one, or all of a controller that starts anew and so carries none."""
    update = sa.update(DeploymentRow).where(DeploymentRow.worker == controller)
    if id is not None:
        update = update.where(DeploymentRow.id == id)
    with store.writing() as session:
        session.execute(update.values(worker=None, lease_until=None))


_AT = sa.bindparam("at", type_=Instant)


@cache
def _queued() -> sa.Select[Any]:
    """The deployment that begins next."""
    row = aliased(DeploymentRow)
    query = sa.select(row.id).where(
        row.cleared.is_(False),
        row.status == Status.QUEUED,
        sa.or_(row.not_before.is_(None), row.not_before <= _AT),
        sa.or_(row.mode.in_(_OUTSIDE), ~_line_is_taken(row)),
        ~_has_to_wait(row),
    )
    return query.order_by(_order(row.rank), row.number).limit(1)


@cache
def _left() -> sa.ColumnElement[bool]:
    """Whether a deployment goes on, now, and nobody carries it."""
    needs_a_look = sa.or_(
        DeploymentRow.approved_by.is_not(None),
        DeploymentRow.cancelled_by.is_not(None),
        DeploymentRow.approval_expires_at <= _AT,
    )
    goes_on = sa.or_(
        DeploymentRow.status.in_((Status.PLANNING, Status.APPLYING, Status.INTERRUPTED)),
        sa.and_(DeploymentRow.status == Status.AWAITING_APPROVAL, needs_a_look),
        DeploymentRow.completed_at.is_not(None),
    )
    return sa.and_(
        sa.or_(DeploymentRow.worker.is_(None), DeploymentRow.lease_until < _AT),
        goes_on,
        sa.or_(DeploymentRow.not_before.is_(None), DeploymentRow.not_before <= _AT),
    )


def _line_is_taken(row: type[DeploymentRow]) -> sa.ColumnElement[bool]:
    """Another one of the environment is at work, or its run is not cleared away yet."""
    other = aliased(DeploymentRow)
    return (
        sa.select(other.id)
        .where(
            other.cleared.is_(False),
            other.environment_uuid == row.environment_uuid,
            other.id != row.id,
            other.mode.not_in(_OUTSIDE),
            sa.or_(
                other.status.in_(_BUSY),
                other.completed_at.is_not(None),
                # Of two that are queued the higher rank goes first, then the older one.
                sa.and_(other.status == Status.QUEUED, _order(other.rank) < _order(row.rank)),
                sa.and_(other.status == Status.QUEUED, other.rank == row.rank, other.number < row.number),
            ),
        )
        .exists()
    )


def _has_to_wait(row: type[DeploymentRow]) -> sa.ColumnElement[bool]:
    """Environments that go first are being deployed from Git, or it is not decided yet what follows from them."""
    other = aliased(DeploymentRow)
    first = sa.select(WaitRow.environment_uuid).where(WaitRow.deployment == row.id).correlate(row)
    at_work = sa.select(other.id).where(
        other.cleared.is_(False),
        other.environment_uuid.in_(first),
        other.rank == Rank.GIT,
        other.mode.not_in(_OUTSIDE),
        other.completed_at.is_(None),
    )
    undecided = sa.select(RepositoryRow.id).where(
        RepositoryRow.id == row.repository, RepositoryRow.wake > RepositoryRow.woken, first.exists()
    )
    return sa.or_(at_work.exists(), undecided.exists())


def _order(rank: InstrumentedAttribute[str]) -> sa.ColumnElement[int]:
    return sa.case({str(name): place for place, name in enumerate(Rank)}, value=rank, else_=len(Rank))


def _last(session: Session, table: type[EventRow] | type[LogChunkRow], id: str) -> int:
    return session.scalar(sa.select(sa.func.max(table.n)).where(table.deployment == id)) or 0
