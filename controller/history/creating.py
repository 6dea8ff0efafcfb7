"""How does an environment come into being that Git does not declare, and when does it end by itself?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from controller.errors import ConflictError
from controller.history import audit, drifting, rows
from controller.history.audit import Act
from controller.history.store import Store
from controller.history.tables import EnvironmentRow
from controller.model.deployment import EnvironmentStatus, Origin
from controller.model.record import Environment


@dataclass(frozen=True, slots=True)
class NewEnvironment:
    uuid: str
    project: str
    name: str
    type: str
    repository: str  # whose catalogue it uses
    expires_at: datetime | None
    drift_every: int | None = None
    drift_heal: bool = False


def created(store: Store, new: NewEnvironment, act: Act) -> Environment:
    """Make it; refused where the project has one of that name."""
    slug = f"{new.project}/{new.name}"
    with store.writing() as session:
        query = sa.select(EnvironmentRow).where(
            EnvironmentRow.project == new.project, EnvironmentRow.name == new.name, EnvironmentRow.removed_at.is_(None)
        )
        known = session.scalars(query).one_or_none()
        if known is not None:
            whose = "Git declares it" if known.origin == Origin.GIT else f"{known.created_by} has made it"
            raise ConflictError(f"environment `{slug}` exists already, {whose}; choose another name")
        row = EnvironmentRow(
            uuid=new.uuid,
            project=new.project,
            name=new.name,
            type=new.type,
            origin=Origin.CLI,
            status=EnvironmentStatus.ACTIVE,
            repository=new.repository,
            declared=False,
            problems=[],
            note="",
            created_at=act.now,
            created_by=act.actor,
            expires_at=new.expires_at,
        )
        drifting.scheduled(row, new.drift_every, new.drift_heal, act.now)
        session.add(row)
        session.flush()
        after = {"type": new.type, "expires_at": _told(new.expires_at)}
        audit.line(session, act, "create environment", slug, after=after)
        return rows.environment(row, ())


def extended(store: Store, uuid: str, act: Act, expires_at: datetime | None) -> None:
    """Say anew when it ends by itself; None: never."""
    with store.writing() as session:
        row = session.get_one(EnvironmentRow, uuid)
        before = {"expires_at": _told(row.expires_at)}
        row.expires_at = expires_at
        slug = f"{row.project}/{row.name}"
        audit.line(session, act, "extend environment", slug, before=before, after={"expires_at": _told(expires_at)})


def expired(store: Store, now: datetime) -> list[tuple[str, str]]:
    """Environments whose time is over: project and name."""
    query = (
        sa.select(EnvironmentRow.project, EnvironmentRow.name)
        .where(EnvironmentRow.removed_at.is_(None), EnvironmentRow.expires_at <= now)
        .order_by(EnvironmentRow.expires_at)
    )
    with store.reading() as session:
        return [(project, name) for project, name in session.execute(query)]


def _told(moment: datetime | None) -> str:
    return moment.isoformat() if moment else "never"
