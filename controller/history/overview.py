"""What does the list of environments show? A page of it at a time, in a few questions however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.history import rows
from controller.history.columns import Text
from controller.history.store import Store
from controller.history.tables import CommitRow, DeploymentRow, EnvironmentRow, HoldRow
from controller.model.deployment import OPEN, EngineKind, Mode
from controller.model.record import CommitRecord, Deployment, Environment

_LOOKS = (Mode.PLAN_ONLY, Mode.DRIFT)  # those that change nothing in their environment


@dataclass(frozen=True, slots=True)
class Counts:
    """Of all environments that may be seen. `at_work`: deployments that have not ended."""

    environments: int
    projects: int
    in_step: int
    at_work: int


@dataclass(frozen=True, slots=True)
class Line:
    """One environment with what is shown beside it; `live` without its verdicts; `queue` oldest first."""

    environment: Environment
    live: CommitRecord | None
    latest: Deployment | None
    queue: tuple[Deployment, ...]


def counts(store: Store, projects: Sequence[str] | None) -> Counts:
    """`projects` None: all of them."""
    exists = EnvironmentRow.removed_at.is_(None)
    in_step = sa.case((EnvironmentRow.applied == EnvironmentRow.desired, 1), else_=0)
    query = sa.select(
        sa.func.count(), sa.func.count(sa.distinct(EnvironmentRow.project)), sa.func.coalesce(sa.func.sum(in_step), 0)
    ).where(exists, *_of(EnvironmentRow.project, projects))
    work = sa.select(sa.func.count()).where(*_at_work(), *_of(DeploymentRow.project, projects))
    with store.reading() as session:
        many, in_projects, good = session.execute(query).one()
        return Counts(many, in_projects, good, session.scalar(work) or 0)


def lines(store: Store, projects: Sequence[str] | None, after: str, limit: int) -> list[Line]:
    """Environments by project and name, from the one that follows `after` (P/E) on."""
    with store.reading() as session:
        found = _environments(session, projects, after, limit)
        uuids = [one.uuid for one in found]
        live = _commits(session, [one.live_commit for one in found if one.live_commit])
        latest, queues = _latest(session, uuids), _queues(session, uuids)
        return [
            Line(one, live.get(one.live_commit or ""), latest.get(one.uuid), queues.get(one.uuid, ())) for one in found
        ]


def environments(store: Store, projects: Sequence[str] | None, after: str, limit: int) -> list[Environment]:
    """The same, without what is beside them."""
    with store.reading() as session:
        return _environments(session, projects, after, limit)


def bound_to(store: Store, engine: EngineKind) -> list[str]:
    """P/E of all environments that are bound to this kind of engine, sorted."""
    query = (
        sa.select(EnvironmentRow.project, EnvironmentRow.name)
        .where(EnvironmentRow.removed_at.is_(None), EnvironmentRow.binding["engine"].as_string() == engine)
        .order_by(EnvironmentRow.project, EnvironmentRow.name)
    )
    with store.reading() as session:
        return [f"{project}/{name}" for project, name in session.execute(query)]


def _environments(session: Session, projects: Sequence[str] | None, after: str, limit: int) -> list[Environment]:
    project, _, name = after.partition("/")
    query = (
        sa.select(EnvironmentRow)
        .where(
            EnvironmentRow.removed_at.is_(None),
            sa.tuple_(EnvironmentRow.project, EnvironmentRow.name)
            > sa.tuple_(sa.literal(project, Text), sa.literal(name, Text)),
            *_of(EnvironmentRow.project, projects),
        )
        .order_by(EnvironmentRow.project, EnvironmentRow.name)
        .limit(limit)
    )
    held = sa.select(HoldRow).where(HoldRow.ended_at.is_(None)).order_by(HoldRow.since, HoldRow.number)
    holds = [rows.hold(row) for row in session.scalars(held)]
    return [rows.environment(row, holds) for row in session.scalars(query)]


def _of(column: sa.ColumnElement[Any] | Any, projects: Sequence[str] | None) -> list[sa.ColumnElement[bool]]:
    return [] if projects is None else [column.in_(projects)]


def _at_work() -> list[sa.ColumnElement[bool]]:
    # What is open is never cleared: there is an index of those that are not, which are few.
    return [DeploymentRow.cleared.is_(False), DeploymentRow.status.in_(OPEN), DeploymentRow.mode.not_in(_LOOKS)]


def _commits(session: Session, ids: Sequence[str]) -> dict[str, CommitRecord]:
    query = sa.select(CommitRow).where(CommitRow.id.in_(set(ids)))
    return {row.id: rows.commit(row, ()) for row in session.scalars(query)}


def _latest(session: Session, uuids: Sequence[str]) -> dict[str, Deployment]:
    """The newest of each: looked up one by one within one statement, for some have thousands."""
    newest = (
        sa.select(DeploymentRow.number)
        .where(DeploymentRow.environment_uuid == EnvironmentRow.uuid, DeploymentRow.mode.not_in(_LOOKS))
        .order_by(DeploymentRow.number.desc())
        .limit(1)
        .correlate(EnvironmentRow)
        .scalar_subquery()
    )
    numbers = sa.select(newest).select_from(EnvironmentRow).where(EnvironmentRow.uuid.in_(uuids))
    query = sa.select(DeploymentRow).where(DeploymentRow.number.in_(numbers))
    return {row.environment_uuid: rows.deployment(row) for row in session.scalars(query)}


def _queues(session: Session, uuids: Sequence[str]) -> dict[str, tuple[Deployment, ...]]:
    query = sa.select(DeploymentRow).where(*_at_work(), DeploymentRow.environment_uuid.in_(uuids))
    found: dict[str, tuple[Deployment, ...]] = {}
    for row in session.scalars(query.order_by(DeploymentRow.number)):
        found[row.environment_uuid] = (*found.get(row.environment_uuid, ()), rows.deployment(row))
    return found
