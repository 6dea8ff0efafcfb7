"""Who begins next, and who goes on? Claims of deployments, fair between projects, and what the others wait for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from controller.history.columns import Instant
from controller.history.dialect import insert
from controller.history.store import Store
from controller.history.tables import DeploymentRow, HoldRow, RepositoryRow, TurnRow, WaitRow
from controller.model.deployment import HoldKind, Mode, Rank, Status

_BUSY = (Status.PLANNING, Status.AWAITING_APPROVAL, Status.APPLYING, Status.INTERRUPTED)
_AT_WORK = (Status.PLANNING, Status.APPLYING, Status.INTERRUPTED)
_OUTSIDE = (Mode.PLAN_ONLY, Mode.DRIFT)  # not in the line of an environment
# No pause and no lease is as long: a time that is further off was written while the clock was ahead.
_LONGEST = timedelta(minutes=10)
_AT, _FAR = sa.bindparam("at", type_=Instant), sa.bindparam("far", type_=Instant)
_BATCH = sa.bindparam("batch", type_=sa.Integer)
_FEW = 500  # rows that one transaction writes
_EVERY = 2**31 - 1  # more than any commit has environments
_Condition: TypeAlias = sa.ColumnElement[bool]


def claim_queued(
    store: Store, controller: str, now: datetime, lease: timedelta, *, batch: int | None = None
) -> str | None:
    """Take the next deployment that may begin to plan: its line is free, and nothing has to go before it.

    Projects take turns, so that one that opened many keeps no other waiting. Of one commit no more than `batch` are at
    work at a time; those that wait for an approval do not count.
    """
    given = _times(now) | {"batch": batch or _EVERY}
    while True:
        with store.reading() as session:
            # Asked many times a second, and nearly always answered with no: a writer that finds nothing is in the way.
            found: str | None = session.scalars(_next(), given).one_or_none()
        if found is None:
            return None
        with store.writing() as session:
            if _claimed(session, found, controller, given, now + lease):
                return found


def claim_open(store: Store, controller: str, now: datetime, lease: timedelta) -> list[str]:
    """Take over every deployment that goes on and that nobody carries: after a restart, an approval, a pause."""
    with store.reading() as session:
        found = session.scalars(
            sa.select(DeploymentRow.id).where(_left(), DeploymentRow.cleared.is_(False)), _times(now)
        )
        if found.first() is None:
            return []
    update = sa.update(DeploymentRow).where(DeploymentRow.cleared.is_(False), _left())
    claim = update.values(worker=controller, lease_until=now + lease).returning(DeploymentRow.id)
    with store.writing() as session:
        return sorted(session.scalars(claim, _times(now)))


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


def say_why_queued(store: Store, now: datetime, room: str, *, batch: int | None = None) -> int:
    """Write into the message of each queued deployment what it waits for, where it does not stand there already.

    `room`: for what those wait that could begin; "" where there is room. How many messages were changed.
    """
    given = _times(now) | {"batch": batch or _EVERY}
    with store.reading() as session:
        found: dict[str, str] = {row.id: row[1] for row in session.execute(_silent(room, batch), given)}
    if not found:
        return 0
    for message in sorted(set(found.values())):
        ids = [id for id, wanted in found.items() if wanted == message]
        for start in range(0, len(ids), _FEW):
            with store.writing() as session:
                some = sa.update(DeploymentRow).where(DeploymentRow.id.in_(ids[start : start + _FEW]))
                session.execute(some.where(DeploymentRow.status == Status.QUEUED).values(message=message))
    return len(found)


def say(store: Store, id: str, message: str) -> None:
    """Write what a deployment waits for whose plan is made."""
    waiting = DeploymentRow.status.in_((Status.PLANNING, Status.AWAITING_APPROVAL))
    with store.writing() as session:
        session.execute(sa.update(DeploymentRow).where(DeploymentRow.id == id, waiting).values(message=message))


def _times(now: datetime) -> dict[str, Any]:
    return {"at": now, "far": now + _LONGEST}


def _claimed(session: Session, id: str, controller: str, given: Mapping[str, Any], until: datetime) -> bool:
    """Claim it if it may still begin; its project has had its turn then."""
    update = (
        sa.update(DeploymentRow)
        .where(DeploymentRow.id.in_(_may_begin().scalar_subquery()), DeploymentRow.status == Status.QUEUED)
        .values(status=Status.PLANNING, started_at=given["at"], worker=controller, lease_until=until, message="")
        .returning(DeploymentRow.project)
    )
    project = session.scalars(update, {**given, "asked": id}).one_or_none()
    if project is None:
        return False
    turn = (session.scalar(sa.select(sa.func.max(TurnRow.turn))) or 0) + 1
    statement = insert(session, TurnRow).values(project=project, turn=turn)
    session.execute(statement.on_conflict_do_update(index_elements=["project"], set_={"turn": turn}))
    return True


@cache
def _next() -> sa.Select[Any]:
    """The deployment that begins next: of the project whose turn is longest ago, the first in rank, then in age."""
    row = aliased(DeploymentRow)
    query = sa.select(row.id).outerjoin(TurnRow, TurnRow.project == row.project).where(*_begins(row))
    return query.order_by(sa.func.coalesce(TurnRow.turn, 0), _order(row.rank), row.number).limit(1)


@cache
def _may_begin() -> sa.Select[Any]:
    row = aliased(DeploymentRow)
    return sa.select(row.id).where(row.id == sa.bindparam("asked"), *_begins(row))


def _begins(row: type[DeploymentRow]) -> tuple[_Condition, ...]:
    return (
        row.cleared.is_(False),
        row.status == Status.QUEUED,
        _is_due(row),
        sa.or_(row.mode.in_(_OUTSIDE), ~_line_is_taken(row)),
        ~_has_to_wait(row),
        ~_batch_is_full(row),
        ~_is_suspended(row),
    )


def _silent(room: str, batch: int | None) -> sa.Select[Any]:
    """Ids of queued deployments whose message says something else than what they wait for, with what it should say."""
    row = aliased(DeploymentRow)
    wanted = sa.case(
        (
            sa.and_(row.mode.not_in(_OUTSIDE), _line_is_taken(row)),
            sa.literal("waits for another deployment of its environment"),
        ),
        (_is_suspended(row), sa.literal("is suspended; `lockstep why` says by whom, and until when")),
        (_has_to_wait(row), sa.literal("waits for deployments of environments that go first")),
        (_batch_is_full(row), sa.literal(f"waits for others of its commit: {batch} of them are at work at a time")),
        else_=sa.literal(room),
    )
    return sa.select(row.id, wanted).where(
        row.cleared.is_(False), row.status == Status.QUEUED, _is_due(row), row.message != wanted
    )


@cache
def _left() -> _Condition:
    """Whether a deployment goes on, now, and nobody carries it."""
    needs_a_look = sa.or_(
        DeploymentRow.approved_by.is_not(None),
        DeploymentRow.cancelled_by.is_not(None),
        DeploymentRow.approval_expires_at <= _AT,
    )
    goes_on = sa.or_(
        DeploymentRow.status.in_(_AT_WORK),
        sa.and_(DeploymentRow.status == Status.AWAITING_APPROVAL, needs_a_look),
        DeploymentRow.completed_at.is_not(None),
    )
    lease = DeploymentRow.lease_until
    return sa.and_(sa.or_(DeploymentRow.worker.is_(None), lease < _AT, lease > _FAR), goes_on, _is_due(DeploymentRow))


def _is_due(row: type[DeploymentRow]) -> _Condition:
    return sa.or_(row.not_before.is_(None), row.not_before <= _AT, row.not_before > _FAR)


def _line_is_taken(row: type[DeploymentRow]) -> _Condition:
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


def _has_to_wait(row: type[DeploymentRow]) -> _Condition:
    """Environments that go first are being deployed from Git, or it is not decided yet what follows from them."""
    other = aliased(DeploymentRow)
    first = sa.select(WaitRow.environment_uuid).where(WaitRow.deployment == row.id).correlate(row)
    # Counted, for that is asked of each of the few that go first. Whether one exists PostgreSQL may ask the other way
    # round, of everything that is open, as long as it does not know yet how much that has become.
    at_work = (
        sa.select(sa.func.count())
        .where(
            other.cleared.is_(False),
            other.environment_uuid == WaitRow.environment_uuid,
            other.rank == Rank.GIT,
            other.mode.not_in(_OUTSIDE),
            other.completed_at.is_(None),
        )
        .correlate(WaitRow)
        .scalar_subquery()
    )
    undecided = sa.select(RepositoryRow.id).where(
        RepositoryRow.id == row.repository, RepositoryRow.wake > RepositoryRow.woken, first.exists()
    )
    return sa.or_(first.where(at_work > 0).exists(), undecided.exists())


def _batch_is_full(row: type[DeploymentRow]) -> _Condition:
    """As many deployments of its commit are at work as may be."""
    other = aliased(DeploymentRow)
    full = (
        sa.select(other.repository, other.commit)
        .where(
            other.status.in_(_AT_WORK),
            other.rank == Rank.GIT,
            other.mode.not_in(_OUTSIDE),
            other.commit.is_not(None),
        )
        .group_by(other.repository, other.commit)
        .having(sa.func.count() >= _BATCH)
        .cte("full")
        .prefix_with("MATERIALIZED")  # once, not for each that is queued
    )
    same = sa.select(full.c.commit).where(full.c.repository == row.repository, full.c.commit == row.commit)
    return sa.and_(row.rank == Rank.GIT, row.mode.not_in(_OUTSIDE), same.exists())


def _is_suspended(row: type[DeploymentRow]) -> _Condition:
    """Somebody keeps Git from its environment, its project or everything; what a person wants may begin."""
    hold = (
        sa.select(HoldRow.number)
        .where(
            HoldRow.ended_at.is_(None),
            HoldRow.kind == HoldKind.SUSPENDED,
            sa.or_(HoldRow.until.is_(None), HoldRow.until > _AT),
            HoldRow.scope.in_((row.project + "/" + row.environment, row.project, "*")),
        )
        .exists()
    )
    return sa.and_(row.rank.in_((Rank.GIT, Rank.HEAL)), row.mode.not_in(_OUTSIDE), hold)


def _order(rank: InstrumentedAttribute[str]) -> sa.ColumnElement[int]:
    return sa.case({str(name): place for place, name in enumerate(Rank)}, value=rank, else_=len(Rank))
