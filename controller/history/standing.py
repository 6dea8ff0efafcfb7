"""Where does everything stand before a decision? One consistent picture of a repository and its environments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.errors import NotFoundError
from controller.history import rows
from controller.history.dialect import batches
from controller.history.pending import Pending, base_before, pending_changes
from controller.history.store import Store
from controller.history.tables import (
    DeploymentRow,
    EnvironmentRow,
    HoldRow,
    ModulePinRow,
    ProviderPinRow,
    RepositoryRow,
)
from controller.model.bundle import Pins, ProviderPin
from controller.model.deployment import Mode, Origin, Rank, Status
from controller.model.record import Deployment, Environment, Hold, OpenDeployment, Repository

_FEW = 100  # rows that are asked for one by one


class _Known(NamedTuple):
    """What is looked at of every environment, in every repository: there may be thousands."""

    uuid: str
    project: str
    name: str
    version: int
    repository: str | None
    origin: str

    @property
    def slug(self) -> str:
        return f"{self.project}/{self.name}"


_KNOWN = (
    sa.select(*(getattr(EnvironmentRow, name) for name in _Known._fields))
    .where(EnvironmentRow.removed_at.is_(None))
    .order_by(EnvironmentRow.project, EnvironmentRow.name)
)


@dataclass(frozen=True, slots=True)
class Standing:
    """An environment as a decision finds it; `version` tells whether it changed meanwhile."""

    environment: Environment
    version: int
    desired: str | None  # of the newest valid commit
    desired_commit: str | None
    base: str | None  # what Git wanted before the first of `pending`
    pending: tuple[Pending, ...]  # changes whose verdict can still change, oldest first
    open: tuple[OpenDeployment, ...]
    holds: tuple[Hold, ...]
    released: str | None
    providers: Mapping[str, ProviderPin]


@dataclass(frozen=True, slots=True)
class RepositoryStanding:
    repository: Repository
    wake: int
    release: str | None
    environments: Mapping[str, Standing]  # by P/E
    owners: Mapping[str, str]  # project -> repository that declared it first, and has something of it still
    modules: Mapping[str, str]  # pinned sources
    unresolved: Mapping[str, str]  # sources that never were, and why
    uuids: Mapping[str, str]  # of all environments that were not removed -> P/E
    by_hand: frozenset[str] = frozenset()  # P/E that a person has made: nothing is decided for them


def standing(
    store: Store, repository: str, now: datetime, known: Mapping[str, Standing] | None = None
) -> RepositoryStanding:
    """The picture as of one moment; holds that have run out by `now` are left out.

    `known`: environments of an earlier picture; those whose version is the same are taken from it.
    """
    with store.reading() as session:
        row = session.get(RepositoryRow, repository)
        if row is None:
            raise NotFoundError(f"repository `{repository}` is unknown; list it under `connections` in the settings")
        modules = _module_pins(session, repository)
        everywhere = [_Known(*found) for found in session.execute(_KNOWN)]
        return RepositoryStanding(
            repository=rows.repository(row),
            wake=row.wake,
            release=row.release,
            environments=_standings(session, repository, now, everywhere, known or {}),
            owners={one.project: one.repository for one in everywhere if one.repository},
            modules=modules.commits,
            unresolved=modules.unresolved,
            uuids={one.uuid: one.slug for one in everywhere},
            by_hand=frozenset(one.slug for one in everywhere if one.origin != Origin.GIT),
        )


def last_from_git(store: Store, project: str, environment: str, *, pinned_too: bool) -> Deployment | None:
    """The newest deployment of an environment that succeeded: from Git, or any where `pinned_too`."""
    query = (
        sa.select(DeploymentRow)
        .join(EnvironmentRow, EnvironmentRow.uuid == DeploymentRow.environment_uuid)
        .where(
            EnvironmentRow.project == project,
            EnvironmentRow.name == environment,
            EnvironmentRow.removed_at.is_(None),
            EnvironmentRow.last_success.is_not(None),  # else all of it was destroyed since
            DeploymentRow.status == Status.SUCCEEDED,
            DeploymentRow.mode.in_((Mode.DEPLOY, Mode.ROLLBACK)),
        )
        .order_by(DeploymentRow.number.desc())
        .limit(1)
    )
    if not pinned_too:
        query = query.where(DeploymentRow.rank == Rank.GIT)
    with store.reading() as session:
        row = session.scalars(query).one_or_none()
        return rows.deployment(row) if row else None


def recorded_pins(store: Store, environment_uuid: str, repository: str) -> tuple[Pins, Mapping[str, str]]:
    """The pins of one environment; and those sources of modules that were never resolved, with the reason."""
    with store.reading() as session:
        modules = _module_pins(session, repository)
        providers = provider_pins(session, [environment_uuid]).get(environment_uuid, {})
        return Pins(providers, modules.commits), modules.unresolved


class _ModulePins(NamedTuple):
    commits: Mapping[str, str]
    unresolved: Mapping[str, str]


def _module_pins(session: Session, repository: str) -> _ModulePins:
    rows = session.scalars(sa.select(ModulePinRow).where(ModulePinRow.repository == repository)).all()
    commits = {row.source: row.commit for row in rows if row.commit is not None}
    return _ModulePins(commits, {row.source: row.error or "" for row in rows if row.commit is None})


def provider_pins(session: Session, uuids: Sequence[str]) -> dict[str, dict[str, ProviderPin]]:
    """The recorded lock file of each environment that has one."""
    pins: dict[str, dict[str, ProviderPin]] = defaultdict(dict)
    for batch in batches(uuids):
        for row in session.scalars(sa.select(ProviderPinRow).where(ProviderPinRow.environment_uuid.in_(batch))):
            pins[row.environment_uuid][row.address] = ProviderPin(row.version, row.constraints, tuple(row.hashes))
    return pins


def lines(session: Session, uuids: Sequence[str] | sa.Select[Any]) -> dict[str, tuple[OpenDeployment, ...]]:
    """Deployments in the line of each environment: all that have not ended, but for plans of requests and drift."""
    query = sa.select(DeploymentRow).where(
        DeploymentRow.environment_uuid.in_(uuids),
        DeploymentRow.cleared.is_(False),
        DeploymentRow.completed_at.is_(None),
        DeploymentRow.request.is_(None),
        sa.or_(DeploymentRow.mode != Mode.PLAN_ONLY, DeploymentRow.rank == Rank.GIT),
        DeploymentRow.mode != Mode.DRIFT,
    )
    found: dict[str, tuple[OpenDeployment, ...]] = {}
    for row in session.scalars(query.order_by(DeploymentRow.number)):
        opened = OpenDeployment(
            id=row.id,
            digest=row.desired_digest,
            rank=Rank(row.rank),
            status=Status(row.status),
            who=row.created_by,
            must_approve=row.must_approve,
            plan_only=row.mode == Mode.PLAN_ONLY,
        )
        found[row.environment_uuid] = (*found.get(row.environment_uuid, ()), opened)
    return found


def _standings(
    session: Session, repository: str, now: datetime, everywhere: Sequence[_Known], known: Mapping[str, Standing]
) -> dict[str, Standing]:
    is_git = EnvironmentRow.origin == Origin.GIT
    mine = sa.and_(EnvironmentRow.repository == repository, EnvironmentRow.removed_at.is_(None), is_git)
    opened = lines(session, sa.select(EnvironmentRow.uuid).where(mine))
    query = sa.select(HoldRow).where(HoldRow.ended_at.is_(None)).order_by(HoldRow.since, HoldRow.number)
    holds = [row for row in session.scalars(query) if row.until is None or row.until > now]
    pending = pending_changes(session, repository, opened)
    here = [one for one in everywhere if one.repository == repository and one.origin == Origin.GIT]
    versions = {one.uuid: one.version for one in here if one.uuid not in opened and one.uuid not in pending}
    same = {} if holds else _unchanged(known, versions)
    moved = [one.uuid for one in here if one.uuid not in same]
    pins = provider_pins(session, moved)
    made = {
        row.uuid: _standing(
            session, row, opened.get(row.uuid, ()), pending.get(row.uuid, ()), holds, pins.get(row.uuid, {})
        )
        for row in _rows(session, mine, moved)
    }
    return {one.slug: same.get(one.uuid) or made[one.uuid] for one in here}


def _unchanged(known: Mapping[str, Standing], versions: Mapping[str, int]) -> dict[str, Standing]:
    """By uuid those of which all that was known stood in their own row, and so changes with its version alone."""
    return {
        one.environment.uuid: one
        for one in known.values()
        if versions.get(one.environment.uuid) == one.version
        and not (one.open or one.holds or one.pending or one.released)
    }


def _rows(session: Session, mine: sa.ColumnElement[bool], uuids: Sequence[str]) -> Sequence[sa.Row[Any]]:
    """Plain rows: there may be thousands, and nothing of them is changed here."""
    query = sa.select(EnvironmentRow.__table__).where(mine)
    if len(uuids) <= _FEW:
        return session.execute(query.where(EnvironmentRow.uuid.in_(uuids))).all() if uuids else ()
    wanted = set(uuids)
    return [row for row in session.execute(query) if row.uuid in wanted]


def _standing(
    session: Session,
    row: sa.Row[Any],
    opened: Sequence[OpenDeployment],
    pending: Sequence[Pending],
    holds: Sequence[HoldRow],
    providers: Mapping[str, ProviderPin],
) -> Standing:
    mine = [hold for hold in holds if hold.scope in (f"{row.project}/{row.name}", row.project, "*")]
    return Standing(
        environment=rows.environment(row, [rows.hold(hold) for hold in mine]),
        version=row.version,
        desired=row.valid_desired,
        desired_commit=row.desired_commit,
        base=base_before(session, row, pending[0].position) if pending else None,
        pending=tuple(pending),
        open=tuple(opened),
        holds=tuple(rows.hold(hold) for hold in mine),
        released=next((hold.released_by for hold in mine if hold.released_by), None),
        providers=providers,
    )
