"""What has changed from outside, when was it looked for, and how often was it put right in vain?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from controller.history import audit
from controller.history.audit import Act
from controller.history.opening import NewDeployment, drop_unused, insert_deployment
from controller.history.rows import deployment
from controller.history.store import Store
from controller.history.tables import DeploymentRow, EnvironmentRow, EventRow, HoldRow, LogChunkRow, OutputsRow, PartRow
from controller.model.deployment import CHANGES, OPEN, EnvironmentStatus, Mode, Rank, Status
from controller.model.record import Deployment

# After so many heals that did not last somebody fights, and a person has to look.
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))

_SET_BACK = timedelta(days=1)  # by less, a clock only makes looks late by that much


@dataclass(frozen=True, slots=True)
class Due:
    """An environment that is to be looked at, or healed, and what its last success was when that was found."""

    uuid: str
    project: str
    name: str
    success: str
    seen: datetime | None  # when it was looked at before


def looks_due(store: Store, now: datetime, limit: int) -> list[Due]:
    """Environments whose look is due and in whose line nothing is: the longest waiting first.

    Due is also what was looked at in the future: the clock was set back since.
    """
    is_ahead = sa.and_(EnvironmentRow.drift_due_at.is_not(None), EnvironmentRow.drift_checked_at > now + _SET_BACK)
    query = (
        _quiet()
        .where(sa.or_(EnvironmentRow.drift_due_at <= now, is_ahead))
        .order_by(EnvironmentRow.drift_due_at, EnvironmentRow.uuid)
        .limit(limit)
    )
    with store.reading() as session:
        return [Due(*row) for row in session.execute(query)]


def heals_due(store: Store, now: datetime, limit: int) -> list[Due]:
    """Drifted environments that heal, in whose line nothing is, that nobody holds, and whose heal nobody declined."""
    scopes = (EnvironmentRow.project + "/" + EnvironmentRow.name, EnvironmentRow.project, "*")
    held = sa.select(HoldRow.number).where(HoldRow.ended_at.is_(None), HoldRow.scope.in_(scopes))
    declined = sa.select(DeploymentRow.id).where(
        DeploymentRow.environment_uuid == EnvironmentRow.uuid,
        DeploymentRow.rank == Rank.HEAL,
        DeploymentRow.mode == Mode.DEPLOY,
        DeploymentRow.status.in_((Status.DISCARDED, Status.CANCELLED)),
        DeploymentRow.source_deployment == EnvironmentRow.last_success,
    )
    query = (
        _quiet()
        .where(
            EnvironmentRow.drifted,
            EnvironmentRow.drift_heal,
            EnvironmentRow.heals < len(PAUSES),
            sa.or_(EnvironmentRow.heal_not_before.is_(None), EnvironmentRow.heal_not_before <= now),
            ~held.exists(),
            ~declined.exists(),
        )
        .order_by(EnvironmentRow.uuid)
        .limit(limit)
    )
    with store.reading() as session:
        return [Due(*row) for row in session.execute(query)]


def look_opened(store: Store, new: NewDeployment, due: Due | None, act: Act) -> Deployment | None:
    """Open a look; one that is due only if nobody else has opened it meanwhile."""
    with store.writing() as session:
        environment = session.get_one(EnvironmentRow, new.environment_uuid)
        if due is not None and (environment.drift_checked_at, environment.last_success) != (due.seen, due.success):
            return None
        environment.drift_checked_at = act.now
        if environment.drift_every is not None:
            environment.drift_due_at = act.now + timedelta(seconds=environment.drift_every)
        row = insert_deployment(session, new, act.now)
        if due is None:
            audit.line(session, act, "drift", f"{new.project}/{new.environment}", details={"deployment": new.id})
        return deployment(row)


def heal_opened(store: Store, new: NewDeployment, due: Due, act: Act) -> Deployment | None:
    """Open a heal, if what was found is so still; the next one may come only after a while."""
    with store.writing() as session:
        environment = session.get_one(EnvironmentRow, new.environment_uuid)
        if not environment.drifted or environment.last_success != due.success or _has_line(session, environment.uuid):
            return None
        environment.version += 1
        environment.heal_not_before = act.now + PAUSES[environment.heals]
        environment.heals += 1
        slug = f"{new.project}/{new.environment}"
        with audit.changing(session, act, "heal", slug, audit.environment(session, environment.uuid)):
            row = insert_deployment(session, new, act.now)
        return deployment(row)


def looked(session: Session, row: DeploymentRow, environment: EnvironmentRow) -> None:
    """Note what a look has found, unless something else was deployed meanwhile; one that failed says nothing."""
    if row.status == Status.FAILED:
        _forget(session, row)
    if row.status != Status.PLANNED or environment.last_success != row.source_deployment:
        return
    environment.drift_deployment = row.id
    environment.drifted = any((row.counts or {}).values())
    environment.drifted_since = (environment.drifted_since or row.completed_at) if environment.drifted else None
    if not environment.drifted:
        environment.heals, environment.heal_not_before = 0, None
        _forget(session, row)


def in_step(row: DeploymentRow, environment: EnvironmentRow) -> None:
    """A deployment has made what is wanted: what had drifted has not any more."""
    environment.drifted, environment.drifted_since = False, None
    if row.rank != Rank.HEAL:
        environment.heals, environment.heal_not_before = 0, None


def scheduled(environment: EnvironmentRow, every: int | None, heal: bool, now: datetime) -> None:
    """Take up what is said of drift. The first look is somewhere within the time between two: not all at once."""
    environment.drift_heal = heal
    if environment.drift_every == every:
        return
    environment.drift_every = every
    share = int(environment.uuid.replace("-", "")[:6] or "0", 16) / 16**6 if every else 0
    environment.drift_due_at = now + timedelta(seconds=every * share) if every else None


def _quiet() -> Any:
    """Environments that have what was deployed last, and in whose line nothing is."""
    row = aliased(DeploymentRow)
    at_work = sa.select(row.id).where(
        row.environment_uuid == EnvironmentRow.uuid,
        row.cleared.is_(False),
        sa.or_(row.mode.in_(CHANGES), row.mode == Mode.DRIFT),
    )
    query = sa.select(
        EnvironmentRow.uuid,
        EnvironmentRow.project,
        EnvironmentRow.name,
        EnvironmentRow.last_success,
        EnvironmentRow.drift_checked_at,
    )
    return query.where(
        EnvironmentRow.removed_at.is_(None),
        EnvironmentRow.status == EnvironmentStatus.ACTIVE,
        EnvironmentRow.applied.is_not(None),
        EnvironmentRow.last_success.is_not(None),
        ~at_work.exists(),
    )


def _has_line(session: Session, uuid: str) -> bool:
    query = sa.select(DeploymentRow.id).where(
        DeploymentRow.environment_uuid == uuid, DeploymentRow.mode.in_(CHANGES), DeploymentRow.status.in_(OPEN)
    )
    return session.scalars(query.limit(1)).first() is not None


def _forget(session: Session, newest: DeploymentRow) -> None:
    """Of looks that found nothing, and of those that failed, only the last one is kept: there would be thousands."""
    query = sa.select(DeploymentRow).where(
        DeploymentRow.environment_uuid == newest.environment_uuid,
        DeploymentRow.mode == Mode.DRIFT,
        DeploymentRow.status == newest.status,
        DeploymentRow.cleared.is_(True),
        DeploymentRow.rank == Rank.HEAL,  # what a person asked for stays
        DeploymentRow.id != newest.id,
    )
    old = [row for row in session.scalars(query) if not any((row.counts or {}).values())]
    _remove(session, [row.id for row in old])


def _remove(session: Session, ids: Sequence[str]) -> None:
    if not ids:
        return
    parts = sa.select(PartRow.digest, PartRow.sealed).where(PartRow.deployment.in_(ids))
    artifacts = {(digest, sealed) for digest, sealed in session.execute(parts)}
    for table in (PartRow, EventRow, LogChunkRow, OutputsRow):
        session.execute(sa.delete(table).where(table.deployment.in_(ids)))
    session.execute(sa.delete(DeploymentRow).where(DeploymentRow.id.in_(ids)))
    drop_unused(session, artifacts)
