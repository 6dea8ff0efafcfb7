"""Who changed what, when, why and from where, and how was it before? Lines written in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.history.store import Store
from controller.history.tables import AuditRow, DeploymentRow, EnvironmentRow, HoldRow
from controller.model.deployment import CHANGES, OPEN
from controller.model.document import Json

Picture: TypeAlias = Callable[[], Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Act:
    """Who does it, when, why, and from where: an address and a program; empty: the controller by itself."""

    actor: str
    now: datetime
    reason: str = ""
    origin: str = ""


@contextmanager
def changing(
    session: Session, act: Act, action: str, subject: str, picture: Picture, details: Mapping[str, Json] | None = None
) -> Iterator[None]:
    """Add a line on what is done within: of the picture before and after it, what differs is kept."""
    before = dict(picture())
    yield
    session.flush()
    after = dict(picture())
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    line(
        session,
        act,
        action,
        subject,
        before={key: before.get(key) for key in changed},
        after={key: after.get(key) for key in changed},
        details=details,
    )


def line(
    session: Session,
    act: Act,
    action: str,
    subject: str,
    *,
    before: Mapping[str, Json] | None = None,
    after: Mapping[str, Json] | None = None,
    details: Mapping[str, Json] | None = None,
) -> None:
    """Add a line, in the transaction of the change that it tells of. `before` None: there was nothing to change."""
    row = AuditRow(
        at=act.now,
        actor=act.actor,
        action=action,
        subject=subject,
        origin=act.origin,
        reason=act.reason,
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        details=dict(details or {}),
    )
    session.add(row)


def note(store: Store, act: Act, action: str, subject: str, details: Mapping[str, Json] | None = None) -> None:
    """Add a line on what leaves no row of its own."""
    with store.writing() as session:
        line(session, act, action, subject, details=details)


def environment(session: Session, uuid: str) -> Picture:
    """What an act may change of an environment: what is applied, what holds it, what is open in its line."""
    return lambda: _environment(session, uuid)


def deployment(row: DeploymentRow) -> Picture:
    """What a person may change of a deployment."""
    return lambda: {
        "status": row.status,
        "approved_by": row.approved_by,
        "cancelled_by": row.cancelled_by,
        "imports": row.imports,
    }


def hold(row: HoldRow) -> str:
    """A hold in few words."""
    until = f" until {row.until.isoformat()}" if row.until else ""
    return f"{row.kind} by {row.who}{until}"


def _environment(session: Session, uuid: str) -> Mapping[str, Json]:
    row = session.get(EnvironmentRow, uuid)
    if row is None:
        return {}
    scope = f"{row.project}/{row.name}"
    holds = sa.select(HoldRow).where(HoldRow.ended_at.is_(None), HoldRow.scope == scope).order_by(HoldRow.number)
    return {
        "status": "removed" if row.removed_at is not None else row.status,
        "applied": row.applied,
        "holds": [hold(found) for found in session.scalars(holds)],
        "line": _line(session, uuid),
    }


def _line(session: Session, uuid: str) -> list[str]:
    opened = (
        sa.select(DeploymentRow.id, DeploymentRow.mode, DeploymentRow.status)
        .where(
            DeploymentRow.environment_uuid == uuid,
            DeploymentRow.request.is_(None),
            DeploymentRow.mode.in_(CHANGES),
            DeploymentRow.cleared.is_(False),
            DeploymentRow.status.in_(OPEN),
        )
        .order_by(DeploymentRow.number)
    )
    return [f"{mode} {id} {status}" for id, mode, status in session.execute(opened)]
