"""How is Git kept from an environment, a project or everything for a while, and let in again?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.errors import ConflictError
from controller.history import audit, rows
from controller.history.audit import Act, Picture
from controller.history.dialect import batches
from controller.history.opening import supersede
from controller.history.store import Store
from controller.history.tables import DeploymentRow, EnvironmentRow, HoldRow, RepositoryRow, VerdictRow
from controller.model.deployment import REPLACEABLE, HoldKind, Mode, Rank, VerdictKind
from controller.model.record import Hold

ALL = "*"


def suspended(store: Store, scope: str, act: Act, until: datetime | None) -> Hold:
    """Let nothing from Git begin in a scope (P/E, P, or `*`) until it is resumed. Said again, the new reason counts.

    What from Git is queued, planned or waits there ends, and its commits are held: they are decided again afterwards.
    A running apply ends as it would.
    """
    with store.writing() as session:
        with audit.changing(session, act, "suspend", scope, _picture(session, scope)):
            found = _open(session, scope)
            if found is None:
                found = HoldRow(kind=HoldKind.SUSPENDED, scope=scope, since=act.now)
                session.add(found)
            found.who, found.why, found.until = act.actor, act.reason, until
            session.flush()
            _stop(session, scope, act)
            _decide_again(session, scope)
        return rows.hold(found)


def resumed(store: Store, scope: str, act: Act) -> None:
    """End the suspension of a project, or that of everything."""
    with store.writing() as session:
        found = _open(session, scope)
        if found is None:
            what = "nothing is suspended as a whole" if scope == ALL else f"project `{scope}` is not suspended"
            raise ConflictError(f"{what}; `lockstep get holds` lists what is held")
        with audit.changing(session, act, "resume", scope, _picture(session, scope)):
            found.ended_at, found.ended_by = act.now, act.actor
            _decide_again(session, scope)


def expired(store: Store, now: datetime) -> int:
    """End the holds that have run out by `now`, and have whatever they held decided again; how many there were."""
    query = sa.select(HoldRow).where(HoldRow.ended_at.is_(None), HoldRow.until <= now)
    with store.reading() as session:
        if session.scalars(query.limit(1)).first() is None:
            return 0
    with store.writing() as session:
        found = list(session.scalars(query.order_by(HoldRow.number)))
        for hold in found:
            act = Act("lockstep", now, f"{hold.kind} until {hold.until:%Y-%m-%d %H:%M} UTC")
            with audit.changing(session, act, "resume", hold.scope, _picture(session, hold.scope)):
                hold.ended_at, hold.ended_by = now, "expiry"
                _decide_again(session, hold.scope)
        return len(found)


def _stop(session: Session, scope: str, act: Act) -> None:
    within = sa.select(EnvironmentRow.uuid).where(*_within(scope))
    query = sa.select(DeploymentRow.id).where(
        DeploymentRow.environment_uuid.in_(within),
        DeploymentRow.status.in_(REPLACEABLE),
        DeploymentRow.rank.in_((Rank.GIT, Rank.HEAL)),
        DeploymentRow.mode.in_((Mode.DEPLOY, Mode.ROLLBACK)),
        DeploymentRow.request.is_(None),
        DeploymentRow.follow_up_of.is_(None),  # what an interruption left is kept, and begins when it may
    )
    ids = list(session.scalars(query))
    said = f"suspended by {act.actor}" + (f": {act.reason}" if act.reason else "")
    supersede(session, ids, act.now, by=None, message=said)
    held = {"kind": VerdictKind.HELD, "reason": f"suspended by {act.actor}", "deployment": None}
    for batch in batches(ids):
        session.execute(sa.update(VerdictRow).where(VerdictRow.deployment.in_(batch)).values(held))


def _decide_again(session: Session, scope: str) -> None:
    within = _within(scope)
    session.execute(sa.update(EnvironmentRow).where(*within).values(version=EnvironmentRow.version + 1))
    concerned = sa.select(EnvironmentRow.repository).where(*within)
    woken = sa.update(RepositoryRow).where(RepositoryRow.id.in_(concerned))
    session.execute(woken.values(wake=RepositoryRow.wake + 1))


def _within(scope: str) -> Sequence[sa.ColumnElement[bool]]:
    project, _, name = scope.partition("/")
    conditions: list[sa.ColumnElement[bool]] = [EnvironmentRow.removed_at.is_(None)]
    if scope != ALL:
        conditions.append(EnvironmentRow.project == project)
    if name:
        conditions.append(EnvironmentRow.name == name)
    return conditions


def _open(session: Session, scope: str) -> HoldRow | None:
    query = sa.select(HoldRow).where(
        HoldRow.ended_at.is_(None), HoldRow.scope == scope, HoldRow.kind == HoldKind.SUSPENDED
    )
    return session.scalars(query).one_or_none()


def _picture(session: Session, scope: str) -> Picture:
    query = sa.select(HoldRow).where(HoldRow.ended_at.is_(None), HoldRow.scope == scope).order_by(HoldRow.number)
    return lambda: {"holds": [audit.hold(row) for row in session.scalars(query)]}
