"""What becomes of an environment when a destroy of it opens, ends, or was not needed? Within a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from controller.history import holding
from controller.history.dialect import batches
from controller.history.opening import supersede
from controller.history.standing import lines
from controller.history.tables import DeploymentRow, EnvironmentRow
from controller.history.watching import wake_others
from controller.model.deployment import CHANGES, OPEN, EnvironmentStatus, Mode, Origin, Status

_DELETES = (EnvironmentStatus.DELETING, EnvironmentStatus.DELETE_FAILED)


def settle(session: Session, environments: Sequence[EnvironmentRow]) -> None:
    """Say of each whether it is being deleted, failed to be, or neither.

    It is being deleted as long as a destroy of it is open, whatever queues behind that. Else the newest that wanted to
    change it tells.
    """
    if not environments:
        return
    session.flush()
    uuids = [environment.uuid for environment in environments]
    destroyed, failed = _being_destroyed(session, uuids), _failed_to_be(session, uuids)
    for environment in environments:
        if environment.uuid in destroyed:
            environment.status = EnvironmentStatus.DELETING
        elif environment.uuid in failed:
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
    if not _others_of_project(session, environment):
        wake_others(session, environment.repository)  # its project may be theirs now
    holding.end_all(session, environment, now, by)
    waiting = [opened.id for opened in lines(session, [environment.uuid]).get(environment.uuid, ())]
    supersede(session, waiting, now, by=None, message=f"the environment was removed by {by}")


def revived(environment: EnvironmentRow) -> None:
    """An identity that comes back after its removal: nothing of what was counts any more."""
    environment.removed_at = environment.binding = None
    environment.status, environment.declared, environment.note = EnvironmentStatus.ACTIVE, True, ""
    environment.decided_digest = environment.decided_deployment = environment.decided_ended = None
    environment.desired = environment.desired_commit = environment.valid_desired = None


def _others_of_project(session: Session, environment: EnvironmentRow) -> bool:
    query = sa.select(EnvironmentRow.uuid).where(
        EnvironmentRow.project == environment.project,
        EnvironmentRow.uuid != environment.uuid,
        EnvironmentRow.removed_at.is_(None),
    )
    return session.scalars(query.limit(1)).first() is not None


def _being_destroyed(session: Session, uuids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for batch in batches(uuids):
        query = sa.select(DeploymentRow.environment_uuid).where(
            DeploymentRow.environment_uuid.in_(batch),
            DeploymentRow.mode == Mode.DESTROY,
            DeploymentRow.cleared.is_(False),
            DeploymentRow.completed_at.is_(None),
        )
        found.update(session.scalars(query))
    return found


def _failed_to_be(session: Session, uuids: Sequence[str]) -> set[str]:
    """Those whose newest deployment that changes them, began to, or could not, is a destroy that did not succeed.

    Deployments that were dropped before they began say nothing.
    """
    change = aliased(DeploymentRow)
    newest = (  # of each by itself: the search ends with the first that counts, however many there are before
        sa.select(change.number)
        .where(
            change.environment_uuid == EnvironmentRow.uuid,
            change.request.is_(None),
            change.mode.in_(CHANGES),
            sa.or_(change.status.in_((*OPEN, Status.FAILED)), change.apply_started_at.is_not(None)),
        )
        .order_by(change.number.desc())
        .limit(1)
        .correlate(EnvironmentRow)
        .scalar_subquery()
    )
    found: set[str] = set()
    for batch in batches(uuids):
        query = (
            sa.select(EnvironmentRow.uuid)
            .join(DeploymentRow, DeploymentRow.number == newest)
            .where(
                EnvironmentRow.uuid.in_(batch),
                DeploymentRow.mode == Mode.DESTROY,
                DeploymentRow.status != Status.SUCCEEDED,
            )
        )
        found.update(session.scalars(query))
    return found
