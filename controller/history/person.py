"""What did a person do? Each act is one transaction, with its line in the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.errors import ConflictError
from controller.history import audit, holding, removal, rows
from controller.history.audit import Act
from controller.history.opening import NewDeployment, insert_deployment, insert_deployments, supersede
from controller.history.standing import lines
from controller.history.store import Store
from controller.history.tables import DeploymentRow, EnvironmentRow, HoldRow, RequestRow
from controller.history.watching import wake_within
from controller.history.work import attempts_within
from controller.model.deployment import CHANGES, FINAL, REPLACEABLE, HoldKind, Mode, Rank, Status
from controller.model.document import Json
from controller.model.record import Deployment, OpenDeployment

_AT_REST = (Status.QUEUED, Status.AWAITING_APPROVAL)


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A ref that is planned, and what was found before any engine ran."""

    id: str
    repository: str
    ref: str
    head: str
    base: str
    base_branch: str
    findings: Mapping[str, Json]


Replaces: TypeAlias = Callable[[Sequence[OpenDeployment]], Sequence[str]]


def opened(
    store: Store,
    new: NewDeployment,
    act: Act,
    *,
    action: str = "deploy",
    expect_last: str | None = None,
    replaces: Replaces | None = None,
) -> Deployment:
    """Open a deployment; refused where another one than `expect_last` was the last of the environment.

    `replaces` tells of the open ones in the line which it takes the place of. `action` is the audit trail's word.
    """
    with store.writing() as session:
        if expect_last is not None:
            _expect(session, new, expect_last)
        slug = f"{new.project}/{new.environment}"
        details = {"deployment": new.id, "mode": str(new.mode), "digest": new.desired_digest}
        if new.source_deployment:
            details["source"] = new.source_deployment
        with audit.changing(session, act, action, slug, audit.environment(session, new.environment_uuid), details):
            row = _opened(session, new, act, replaces)
        return rows.deployment(row)


def _opened(session: Session, new: NewDeployment, act: Act, replaces: Replaces | None) -> DeploymentRow:
    environment = session.get(EnvironmentRow, new.environment_uuid)
    if environment is not None and new.mode is not Mode.PLAN_ONLY:
        environment.version += 1
    if replaces is not None:
        line = lines(session, [new.environment_uuid]).get(new.environment_uuid, ())
        new = replace(new, superseded=tuple(replaces(line)))
    row = insert_deployment(session, new, act.now)
    if environment is not None and new.rank is Rank.GIT and new.mode is Mode.DEPLOY:
        # A person asks once more for what Git wants: that is what was decided now.
        environment.decided_digest, environment.decided_deployment = new.desired_digest, new.id
        environment.decided_ended = None
    wake_within(session, new.repository)
    return row


def removed(store: Store, uuid: str, act: Act) -> None:
    """Delete an environment that has nothing: forget it, or hold it where Git declares it."""
    with store.writing() as session:
        environment = session.get_one(EnvironmentRow, uuid)
        opened = lines(session, [uuid]).get(uuid, ())
        is_at_work = any(found.status not in REPLACEABLE for found in opened)
        if is_at_work or attempts_within(session, uuid, environment.last_success) or environment.last_success:
            raise ConflictError(f"{holding.scope(environment)} is being deployed this very moment; delete it again")
        with audit.changing(session, act, "destroy", holding.scope(environment), audit.environment(session, uuid)):
            environment.version += 1
            supersede(session, [found.id for found in opened], act.now, by=None, message=_by("deleted", act))
            if environment.declared:
                holding.hold_destroyed(session, environment, act.actor, act.reason or _by("deleted", act), act.now)
            removal.emptied(session, environment, act.now, act.actor)
            removal.settle(session, [environment])
            wake_within(session, environment.repository)


def requested(store: Store, request: NewRequest, deployments: Sequence[NewDeployment], act: Act) -> list[Deployment]:
    """Open the plans of a ref; older plans of the same ref that still run are of no use any more."""
    with store.writing() as session:
        row = RequestRow(
            id=request.id,
            repository=request.repository,
            ref=request.ref,
            head=request.head,
            base=request.base,
            base_branch=request.base_branch,
            created_by=act.actor,
            created_at=act.now,
            findings=dict(request.findings),
        )
        session.add(row)
        session.flush()
        insert_deployments(session, deployments, act.now)
        details = {"request": request.id, "head": request.head, "base": request.base}
        audit.line(session, act, "plan", request.ref, after={"plans": [new.id for new in deployments]}, details=details)
        opened = sa.select(DeploymentRow).where(DeploymentRow.request == request.id).order_by(DeploymentRow.number)
        return [rows.deployment(found) for found in session.scalars(opened)]


def approved(store: Store, id: str, act: Act) -> Deployment:
    """Let a waiting plan be applied."""
    with store.writing() as session:
        row = _waiting_in_time(session, id, act)
        details = {"plan": row.plan_digest, "bundle": row.bundle_digest}
        with audit.changing(session, act, "approve", id, audit.deployment(row), details):
            row.approved_by, row.approved_fingerprint = act.actor, row.fingerprint
            row.message = f"approved by {act.actor}"
        return rows.deployment(row)


def imported(store: Store, id: str, addresses: Sequence[str], act: Act) -> Deployment:
    """Let a waiting deployment be planned again, to take over what is there already; no plan is approved by that."""
    with store.writing() as session:
        row = _waiting_in_time(session, id, act)
        details = {"plan": row.plan_digest, "bundle": row.bundle_digest, "import": list(addresses)}
        with audit.changing(session, act, "approve", id, audit.deployment(row), details):
            row.status, row.imports, row.plan_digest = Status.PLANNING, True, None
            row.attempts, row.approval_expires_at = 0, None
            row.message = f"{act.actor} lets it import {', '.join(addresses)}; planning again"
        return rows.deployment(row)


def discarded(store: Store, id: str, act: Act, *, message: str = "") -> Deployment:
    """End a waiting deployment: its plan is not applied."""
    with store.writing() as session:
        row = _waiting(session, id)
        with audit.changing(session, act, "discard", id, audit.deployment(row)):
            _end(session, row, Status.DISCARDED, message or _by("discarded", act), act.now)
        return rows.deployment(row)


def cancelled(store: Store, id: str, act: Act) -> Deployment:
    """End a deployment that is at rest; one at work is asked to end, and does so when its engine has stopped."""
    with store.writing() as session:
        row = _deployment(session, id)
        if row.cancelled_by is None:
            with audit.changing(session, act, "cancel", id, audit.deployment(row)):
                row.cancelled_by = act.actor
                _stop(session, row, act)
        else:
            _stop(session, row, act)
        return rows.deployment(row)


def resumed(store: Store, project: str, environment: str, act: Act) -> None:
    """End every hold of one environment. After a pin Git is asked anew, also for what had failed or was discarded."""
    scope = f"{project}/{environment}"
    held = sa.select(HoldRow).where(HoldRow.ended_at.is_(None), HoldRow.scope.in_((scope, project, "*")))
    found = sa.select(EnvironmentRow).where(
        EnvironmentRow.project == project, EnvironmentRow.name == environment, EnvironmentRow.removed_at.is_(None)
    )
    with store.writing() as session:
        row = session.scalars(found).one()
        holds = list(session.scalars(held))
        own = [hold for hold in holds if hold.scope == scope]
        if not own:
            raise ConflictError(_nothing_to_resume(scope, [hold.scope for hold in holds]))
        with audit.changing(session, act, "resume", scope, audit.environment(session, row.uuid)):
            for hold in own:
                hold.ended_at, hold.ended_by = act.now, act.actor
            row.version += 1
            if any(hold.kind != HoldKind.SUSPENDED for hold in own):
                row.decided_digest = row.decided_deployment = row.decided_ended = None
            wake_within(session, row.repository)


def _expect(session: Session, new: NewDeployment, expected: str) -> None:
    query = (
        sa.select(DeploymentRow.id)
        .where(
            DeploymentRow.environment_uuid == new.environment_uuid,
            DeploymentRow.request.is_(None),
            DeploymentRow.mode.in_(CHANGES),
        )
        .order_by(DeploymentRow.number.desc())
        .limit(1)
    )
    last = session.scalars(query).one_or_none()
    if last != expected:
        found = f"is {last}" if last else "does not exist"
        raise ConflictError(
            f"the last deployment of {new.project}/{new.environment} {found}, not {expected}; "
            "look at what was deployed, then deploy again"
        )


def _deployment(session: Session, id: str) -> DeploymentRow:
    row = session.scalars(sa.select(DeploymentRow).where(DeploymentRow.id == id)).one()
    if Status(row.status) in FINAL:
        raise ConflictError(f"deployment {id} has ended, it is {row.status}; there is nothing left to change")
    return row


def _waiting(session: Session, id: str) -> DeploymentRow:
    row = _deployment(session, id)
    if row.status != Status.AWAITING_APPROVAL:
        raise ConflictError(f"deployment {id} is {row.status}; only one that is awaiting_approval can be decided on")
    if row.cancelled_by is not None:
        raise ConflictError(f"deployment {id} was cancelled by {row.cancelled_by}; there is nothing left to change")
    if row.approved_by is not None:
        raise ConflictError(f"deployment {id} was approved by {row.approved_by} already; cancel it to stop it")
    return row


def _waiting_in_time(session: Session, id: str, act: Act) -> DeploymentRow:
    row = _waiting(session, id)
    if row.approval_expires_at is not None and row.approval_expires_at <= act.now:
        raise ConflictError(f"deployment {id} waited for approval too long; deploy it again")
    return row


def _stop(session: Session, row: DeploymentRow, act: Act) -> None:
    """End what is at rest; what is at work ends when its engine has stopped."""
    if row.status in _AT_REST:
        _end(session, row, Status.CANCELLED, _by("cancelled", act), act.now)
    elif row.status == Status.PLANNING:
        row.not_before = None


def _end(session: Session, row: DeploymentRow, status: Status, message: str, now: datetime) -> None:
    row.status, row.message, row.completed_at = status, message, now
    row.cleared = row.started_at is None
    environment = session.get(EnvironmentRow, row.environment_uuid)
    if environment is not None and row.request is None:
        environment.version += 1
        if environment.decided_deployment == row.id:
            environment.decided_ended = status
        removal.settle(session, [environment])
        wake_within(session, environment.repository)


def _by(done: str, act: Act) -> str:
    return f"{done} by {act.actor}" + (f": {act.reason}" if act.reason else "")


def _nothing_to_resume(scope: str, wider: Sequence[str]) -> str:
    if wider:
        command = "lockstep resume --all" if "*" in wider else f"lockstep resume {wider[0]}"
        return f"{scope} is not held by itself, but with others; `{command}` ends that"
    return f"{scope} is not held; it follows Git already"
