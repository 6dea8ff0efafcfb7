"""Which hold does a deployment by a person make, and which does it end?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.history.tables import DeploymentRow, EnvironmentRow, HoldRow
from controller.model.deployment import HoldKind, Mode, Origin, Rank

# Of these an environment has one at most: the last thing that a person did to it.
_MADE = (HoldKind.PINNED, HoldKind.DESTROYED)


def hold(session: Session, row: DeploymentRow, environment: EnvironmentRow, now: datetime) -> None:
    """Hold an environment where what a person does to it is not what Git wants, as soon as it may be in effect.

    What goes on after an interruption holds nothing that was resumed since that began.
    """
    kind = _kind(row, environment)
    if kind is not None and not _was_ended(session, _interrupted_at(session, row), environment, kind):
        _hold(session, environment, kind, row.created_by, row.reason, now, row.hold_until)


def hold_on(session: Session, row: DeploymentRow, environment: EnvironmentRow, now: datetime) -> None:
    """Hold it at its end as well, for Git may want something else since; what was resumed meanwhile stays so."""
    kind = _kind(row, environment)
    began = _interrupted_at(session, row) or row.apply_started_at
    if kind is not None and not _was_ended(session, began, environment, kind):
        _hold(session, environment, kind, row.created_by, row.reason, now, row.hold_until)


def hold_destroyed(session: Session, environment: EnvironmentRow, who: str, why: str, now: datetime) -> None:
    """Hold an environment that was deleted and had nothing."""
    _hold(session, environment, HoldKind.DESTROYED, who, why, now, None)


def in_step(session: Session, row: DeploymentRow, environment: EnvironmentRow, now: datetime) -> None:
    """End what held an environment to something else, when a person has deployed just what Git wants."""
    if _is_by_person(row) and row.desired_digest == environment.valid_desired:
        _end(_open(session, environment, _MADE), now, f"deployment {row.id}")


def take_back(session: Session, row: DeploymentRow, environment: EnvironmentRow, now: datetime) -> None:
    """End the hold of a deployment that in the end did nothing."""
    began = row.apply_started_at
    made = [found for found in _open(session, environment, _MADE) if began is not None and found.since >= began]
    _end(made, now, f"deployment {row.id}")


def end_all(session: Session, environment: EnvironmentRow, now: datetime, by: str) -> None:
    """End every hold of this environment alone."""
    _end(_open(session, environment, tuple(HoldKind)), now, by)


def scope(environment: EnvironmentRow) -> str:
    return f"{environment.project}/{environment.name}"


def _kind(row: DeploymentRow, environment: EnvironmentRow) -> HoldKind | None:
    if environment.origin != Origin.GIT or not _is_by_person(row):
        return None
    if row.mode == Mode.DESTROY:
        return HoldKind.DESTROYED if environment.declared else None
    return HoldKind.PINNED if row.desired_digest != environment.valid_desired else None


def _hold(
    session: Session,
    environment: EnvironmentRow,
    kind: HoldKind,
    who: str,
    why: str,
    now: datetime,
    until: datetime | None,
) -> None:
    """One hold of a kind that is there already tells of the new reason; one of the other kind is over."""
    kinds = {found.kind: found for found in _open(session, environment, _MADE)}
    found = kinds.pop(kind, None) or HoldRow(scope=scope(environment), kind=kind)
    found.who, found.why, found.since, found.until = who, why, found.since or now, until
    found.desired_digest = environment.valid_desired
    session.add(found)
    _end(kinds.values(), now, f"{who}, who has {kind} it")


def _interrupted_at(session: Session, row: DeploymentRow) -> datetime | None:
    """When the apply began that was interrupted, and that this one goes on with."""
    if row.follow_up_of is None:
        return None
    query = sa.select(DeploymentRow.apply_started_at).where(DeploymentRow.id == row.follow_up_of)
    return session.scalars(query).first()


def _was_ended(session: Session, began: datetime | None, environment: EnvironmentRow, kind: HoldKind) -> bool:
    """Whether its hold was ended, by somebody or by its time, since an apply began."""
    if began is None or _open(session, environment, (kind,)):
        return False
    query = sa.select(HoldRow.number).where(
        HoldRow.scope == scope(environment), HoldRow.kind == kind, HoldRow.ended_at >= began
    )
    return session.scalars(query.limit(1)).first() is not None


def _is_by_person(row: DeploymentRow) -> bool:
    changes = row.mode in (Mode.DEPLOY, Mode.DESTROY, Mode.ROLLBACK)
    return changes and Rank(row.rank) in (Rank.PERSON, Rank.ROLLBACK, Rank.DESTROY)


def _open(session: Session, environment: EnvironmentRow, kinds: Sequence[HoldKind]) -> list[HoldRow]:
    query = sa.select(HoldRow).where(
        HoldRow.scope == scope(environment), HoldRow.kind.in_(kinds), HoldRow.ended_at.is_(None)
    )
    return list(session.scalars(query))


def _end(holds: Iterable[HoldRow], now: datetime, by: str) -> None:
    for found in holds:
        found.ended_at, found.ended_by = now, by
