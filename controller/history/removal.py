"""What becomes of an environment when a destroy of it opens, ends, or was not needed? Within a transaction."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.history import holding
from controller.history.opening import supersede
from controller.history.standing import lines
from controller.history.tables import DeploymentRow, EnvironmentRow
from controller.model.deployment import CHANGES, OPEN, EnvironmentStatus, Mode, Origin, Status

_DELETES = (EnvironmentStatus.DELETING, EnvironmentStatus.DELETE_FAILED)


def settle(session: Session, environment: EnvironmentRow) -> None:
    """Say whether it is being deleted, failed to be, or neither.

    It is being deleted as long as a destroy of it is open, whatever queues behind that. Else the newest that wanted to
    change it tells.
    """
    last = _last_change(session, environment)
    if _is_being_destroyed(session, environment):
        environment.status = EnvironmentStatus.DELETING
    elif last is not None and last.mode == Mode.DESTROY and last.status != Status.SUCCEEDED:
        environment.status = EnvironmentStatus.DELETE_FAILED
    elif environment.status in _DELETES:
        # A decision, which follows, knows better where many environments vanished at once.
        stays = environment.declared or environment.origin != Origin.GIT
        environment.status = EnvironmentStatus.ACTIVE if stays else EnvironmentStatus.MARKED_FOR_REMOVAL


def emptied(session: Session, environment: EnvironmentRow, now: datetime, by: str) -> None:
    """Nothing of it is left. Where Git declares it no more, it is forgotten, and whoever queued for it is told."""
    environment.applied = environment.applied_deployment = None
    environment.last_success = environment.live_commit = environment.adoption = None
    if environment.declared:
        return
    environment.removed_at = now
    holding.end_all(session, environment, now, by)
    waiting = [opened.id for opened in lines(session, [environment.uuid]).get(environment.uuid, ())]
    supersede(session, waiting, now, by=None, message=f"the environment was removed by {by}")


def revived(environment: EnvironmentRow) -> None:
    """An identity that comes back after its removal: nothing of what was counts any more."""
    environment.removed_at = environment.binding = None
    environment.status, environment.declared, environment.note = EnvironmentStatus.ACTIVE, True, ""
    environment.decided_digest = environment.decided_deployment = environment.decided_ended = None
    environment.desired = environment.desired_commit = environment.valid_desired = None


def _is_being_destroyed(session: Session, environment: EnvironmentRow) -> bool:
    query = sa.select(DeploymentRow.id).where(
        DeploymentRow.environment_uuid == environment.uuid,
        DeploymentRow.mode == Mode.DESTROY,
        DeploymentRow.cleared.is_(False),
        DeploymentRow.completed_at.is_(None),
    )
    return session.scalars(query.limit(1)).first() is not None


def _last_change(session: Session, environment: EnvironmentRow) -> DeploymentRow | None:
    """The newest deployment that changes it, began to, or could not; those that were dropped before say nothing."""
    query = (
        sa.select(DeploymentRow)
        .where(
            DeploymentRow.environment_uuid == environment.uuid,
            DeploymentRow.request.is_(None),
            DeploymentRow.mode.in_(CHANGES),
            sa.or_(
                DeploymentRow.status.in_((*OPEN, Status.FAILED)),
                DeploymentRow.apply_started_at.is_not(None),
            ),
        )
        .order_by(DeploymentRow.number.desc())
        .limit(1)
    )
    return session.scalars(query).one_or_none()
