"""How does an environment go on under another name? One transaction; whoever asks for the old name finds none."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.errors import ConflictError, NotFoundError
from controller.history import audit, holding, rows
from controller.history.audit import Act
from controller.history.opening import supersede
from controller.history.standing import lines
from controller.history.store import Store
from controller.history.tables import (
    DeploymentRow,
    EnvironmentKeyRow,
    EnvironmentRow,
    HoldRow,
    ProviderPinRow,
    VerdictRow,
    WaitRow,
)
from controller.history.watching import wake_within
from controller.history.work import attempts_within
from controller.model.deployment import REPLACEABLE, EnvironmentStatus, Origin
from controller.model.document import Json
from controller.model.record import Environment


def renamed(store: Store, uuid: str, project: str, name: str, act: Act, *, by_git: bool = False) -> None:
    """Give an environment that is gone from Git the name of one that Git declares and for which nothing was begun.

    Its identity, state and history stay, and its holds; the commits that were decided for the other one are its own.
    `by_git`: a commit says so that is being decided: neither that the one is gone is noted yet, nor that the other is.
    """
    with store.writing() as session:
        environment = session.get_one(EnvironmentRow, uuid)
        old, new = holding.scope(environment), f"{project}/{name}"
        _check_old(session, environment, old, by_git=by_git)
        other = _named(session, project, name)
        if other is None and not by_git:
            raise NotFoundError(f"Git declares no environment {new}; push its directory first, and then move {old}")
        if other is not None:
            _check_new(session, environment, other, old, new)
        with audit.changing(session, act, "move", new, lambda: _picture(session, uuid)):
            _end_line(session, uuid, act, f"{old} is {new} now")
            if other is not None:
                _absorb(session, environment, other, act)
            environment.version += 1
            environment.project, environment.name = project, name
            environment.declared, environment.status, environment.note = True, EnvironmentStatus.ACTIVE, ""
            for table in (DeploymentRow, VerdictRow):
                named = sa.update(table).where(table.environment_uuid == uuid)
                session.execute(named.values(project=project, environment=name))
            session.execute(
                sa.update(HoldRow).where(HoldRow.scope == old, HoldRow.ended_at.is_(None)).values(scope=new)
            )
            wake_within(session, environment.repository)


def declined(store: Store, uuid: str, other: str, act: Act) -> None:
    """Note that a new environment is not the one that is gone: both are decided on their own."""
    with store.writing() as session:
        old, new = session.get_one(EnvironmentRow, uuid), session.get_one(EnvironmentRow, other)
        if new.renamed_from != uuid:
            raise ConflictError(
                f"nobody asks whether {holding.scope(new)} is {holding.scope(old)}; there is nothing to decline"
            )
        with audit.changing(session, act, "decline move", holding.scope(new), lambda: {"asked": new.renamed_from}):
            new.renamed_from = None
            new.version += 1
            old.version += 1
            wake_within(session, new.repository)


def asked(store: Store, uuid: str) -> tuple[Environment, Environment] | None:
    """The environment that is gone and the one that may be it, where this is one of the two and nobody has said so."""
    query = sa.select(EnvironmentRow).where(
        EnvironmentRow.renamed_from.is_not(None),
        EnvironmentRow.removed_at.is_(None),
        sa.or_(EnvironmentRow.uuid == uuid, EnvironmentRow.renamed_from == uuid),
    )
    with store.reading() as session:
        new = session.scalars(query.limit(1)).first()
        old = session.get(EnvironmentRow, new.renamed_from) if new is not None else None
        return (rows.environment(old, ()), rows.environment(new, ())) if old and new else None


def _check_old(session: Session, environment: EnvironmentRow, slug: str, *, by_git: bool) -> None:
    if environment.origin != Origin.GIT:
        raise ConflictError(f"{slug} was made by hand and Git does not name it; only what follows Git can be moved")
    if environment.declared and not by_git:
        raise ConflictError(f"Git declares {slug} still; rename its directory first, and then move it")
    running = [one for one in lines(session, [environment.uuid]).get(environment.uuid, ()) if _is_running(one.status)]
    if running:
        raise ConflictError(f"deployment {running[0].id} of {slug} is {running[0].status}; wait for its end")


def _check_new(session: Session, environment: EnvironmentRow, other: EnvironmentRow, old: str, new: str) -> None:
    if not other.declared or other.origin != Origin.GIT:
        raise ConflictError(f"Git does not declare {new}; only one that it declares can be what {old} becomes")
    if other.repository != environment.repository:
        raise ConflictError(
            f"{new} is declared by repository `{other.repository}` and {old} by `{environment.repository}`; "
            f"bring it over with `lockstep adopt`"
        )
    running = [one for one in lines(session, [other.uuid]).get(other.uuid, ()) if _is_running(one.status)]
    if running or attempts_within(session, other.uuid, other.last_success) or other.last_success:
        raise ConflictError(
            f"{new} was deployed already, as an environment of its own: delete one of the two, "
            f"with `lockstep delete environment`"
        )


def _is_running(status: str) -> bool:
    return status not in REPLACEABLE


def _named(session: Session, project: str, name: str) -> EnvironmentRow | None:
    query = sa.select(EnvironmentRow).where(
        EnvironmentRow.project == project, EnvironmentRow.name == name, EnvironmentRow.removed_at.is_(None)
    )
    return session.scalars(query).one_or_none()


def _end_line(session: Session, uuid: str, act: Act, message: str) -> None:
    """End what was on its way under either name: it is decided again."""
    supersede(session, [one.id for one in lines(session, [uuid]).get(uuid, ())], act.now, by=None, message=message)


def _absorb(session: Session, environment: EnvironmentRow, other: EnvironmentRow, act: Act) -> None:
    """Let everything that was noted of the new name be noted of the environment; the rest of it goes."""
    _end_line(session, other.uuid, act, f"{holding.scope(other)} is what was {holding.scope(environment)}")
    mine = sa.select(VerdictRow.commit).where(
        VerdictRow.environment_uuid == environment.uuid, VerdictRow.repository == environment.repository
    )
    theirs = VerdictRow.environment_uuid == other.uuid
    session.execute(
        sa.delete(VerdictRow).where(theirs, VerdictRow.commit.in_(mine)).execution_options(synchronize_session=False)
    )
    session.execute(sa.update(VerdictRow).where(theirs).values(environment_uuid=environment.uuid))
    planned = sa.update(DeploymentRow).where(DeploymentRow.environment_uuid == other.uuid)
    session.execute(planned.values(environment_uuid=environment.uuid))
    for table in (WaitRow, ProviderPinRow, EnvironmentKeyRow):
        session.execute(sa.delete(table).where(table.environment_uuid == other.uuid))
    _end_holds(session, environment, other, act)
    environment.type, environment.folder, environment.problems = other.type, other.folder, other.problems
    environment.desired = other.desired
    session.delete(other)
    session.flush()


def _end_holds(session: Session, environment: EnvironmentRow, other: EnvironmentRow, act: Act) -> None:
    """One hold of a kind is enough: the older of the two is the one of the environment itself."""
    kinds = sa.select(HoldRow.kind).where(HoldRow.scope == holding.scope(environment), HoldRow.ended_at.is_(None))
    doubled = sa.select(HoldRow).where(
        HoldRow.scope == holding.scope(other), HoldRow.ended_at.is_(None), HoldRow.kind.in_(kinds)
    )
    for row in session.scalars(doubled):
        row.ended_at, row.ended_by = act.now, act.actor


def _picture(session: Session, uuid: str) -> dict[str, Json]:
    row = session.get_one(EnvironmentRow, uuid)
    return {"environment": holding.scope(row), "status": row.status, "declared": row.declared, "uuid": row.uuid}
