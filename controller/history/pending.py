"""Which changes are not settled? Those that are held, or whose deployment can still be replaced by a newer one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.history.dialect import batches
from controller.history.tables import CommitRow, VerdictRow
from controller.model.deployment import REPLACEABLE, VerdictKind
from controller.model.record import OpenDeployment


@dataclass(frozen=True, slots=True)
class Pending:
    """A change whose verdict can still change; `digest` None: it waits for something to be known."""

    position: int
    commit: str
    digest: str | None
    reason: str


def pending_changes(
    session: Session, repository: str, opened: Mapping[str, Sequence[OpenDeployment]]
) -> dict[str, tuple[Pending, ...]]:
    """Changes that are held, or whose deployment can still be replaced, and what was taken back since the first."""
    ids = [one.id for line in opened.values() for one in line if one.status in REPLACEABLE]
    is_held = VerdictRow.kind == VerdictKind.HELD
    found = _changes(session, repository, is_held)
    for batch in batches(ids):
        for uuid, more in _changes(session, repository, sa.and_(~is_held, VerdictRow.deployment.in_(batch))).items():
            found[uuid] = tuple(sorted((*found.get(uuid, ()), *more), key=_position))
    if not found:
        return {}
    first = min(changes[0].position for changes in found.values())
    later = sa.and_(VerdictRow.kind == VerdictKind.REVERTED, CommitRow.position > first)
    reverted = _changes(session, repository, later)
    return {
        uuid: tuple(
            sorted(
                (*changes, *(one for one in reverted.get(uuid, ()) if one.position > changes[0].position)),
                key=_position,
            )
        )
        for uuid, changes in found.items()
    }


def _position(change: Pending) -> int:
    return change.position


def _changes(session: Session, repository: str, which: sa.ColumnElement[bool]) -> dict[str, tuple[Pending, ...]]:
    """Changes of a kind on the branch by environment, oldest first."""
    query = (
        sa.select(
            VerdictRow.environment_uuid, CommitRow.position, VerdictRow.commit, VerdictRow.desired, VerdictRow.reason
        )
        .join(CommitRow, sa.and_(CommitRow.repository == VerdictRow.repository, CommitRow.id == VerdictRow.commit))
        .where(VerdictRow.repository == repository, VerdictRow.changed, CommitRow.on_branch, which)
        .order_by(CommitRow.position)
    )
    found: dict[str, tuple[Pending, ...]] = {}
    for uuid, position, commit, digest, reason in session.execute(query):
        found[uuid] = (*found.get(uuid, ()), Pending(position, commit, digest, reason))
    return found


def base_before(session: Session, row: sa.Row[Any], position: int) -> str | None:
    """What Git wanted of an environment before the commit at this position."""
    query = (
        sa.select(VerdictRow.desired)
        .join(CommitRow, sa.and_(CommitRow.repository == VerdictRow.repository, CommitRow.id == VerdictRow.commit))
        .where(
            VerdictRow.environment_uuid == row.uuid,
            VerdictRow.desired.is_not(None),
            CommitRow.repository == row.repository,
            CommitRow.on_branch,
            CommitRow.position < position,
        )
        .order_by(CommitRow.position.desc())
        .limit(1)
    )
    return session.scalars(query).one_or_none()
