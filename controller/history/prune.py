"""What is not kept for ever? Logs, outputs and plans, by age; never what something that lives still needs.

Rows stay: what was deployed when, by whom, with which manifest and which plan's summary can be told for ever. An
environment needs the deployment that succeeded last there, and every attempt since: of those nothing is removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from controller.history.columns import Instant
from controller.history.opening import drop_unused
from controller.history.store import Store
from controller.history.tables import (
    DeploymentRow,
    EnvironmentRow,
    LogChunkRow,
    OutputsRow,
    PartRow,
)

_FEW = 50  # deployments that one transaction is about
_PLAN = "plan"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long after the end of a deployment things are kept; None: for ever."""

    logs: timedelta | None = None
    outputs: timedelta | None = None
    plans: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Pruned:
    """Of how many deployments something was removed."""

    logs: int = 0
    outputs: int = 0
    plans: int = 0

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Pruned)))


def prune(store: Store, retention: Retention, now: datetime, *, most: int | None = None) -> Pruned:
    """Remove what is older than it is to be kept, in small transactions; of `most` deployments of each kind at most."""
    done = Pruned()
    for found in _due(store, retention, now, most):
        with store.writing() as session:
            done += _remove(session, found, now)
    return done


def prunable(store: Store, retention: Retention, now: datetime) -> Pruned:
    """How much `prune` would remove."""
    done = Pruned()
    for found in _due(store, retention, now, None):
        done += found.counted()
    return done


@dataclass(frozen=True, slots=True)
class _Due:
    """Deployments whose logs, outputs or plans are old enough, by id."""

    logs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    plans: Sequence[str] = ()

    def counted(self) -> Pruned:
        return Pruned(len(self.logs), len(self.outputs), len(self.plans))


def _due(store: Store, retention: Retention, now: datetime, most: int | None) -> Iterator[_Due]:
    for name, query in (("logs", _old_logs()), ("outputs", _old_outputs()), ("plans", _old_plans())):
        age = getattr(retention, name)
        if age is None:
            continue
        with store.reading() as session:
            ids = list(session.scalars(query.limit(most), {"before": now - age}))
        for start in range(0, len(ids), _FEW):
            yield _Due(**{name: ids[start : start + _FEW]})


def _ended() -> sa.ColumnElement[bool]:
    """Long ago, and nothing stands on it."""
    return sa.and_(
        DeploymentRow.cleared.is_(True),
        DeploymentRow.completed_at < sa.bindparam("before", type_=Instant),
        DeploymentRow.id.not_in(_needed()),
    )


def _old_logs() -> sa.Select[Any]:
    """Of deployments that have one; the conditions are those of the index `kept_logs`."""
    has_log = sa.and_(
        DeploymentRow.log_closed.is_(True),
        DeploymentRow.log_recipient.is_not(None),
        DeploymentRow.log_removed_at.is_(None),
    )
    return sa.select(DeploymentRow.id).where(_ended(), has_log).order_by(DeploymentRow.completed_at)


def _old_outputs() -> sa.Select[Any]:
    has_outputs = sa.and_(
        DeploymentRow.outputs_recipient.is_not(None),
        DeploymentRow.outputs_removed_at.is_(None),
        sa.exists().where(OutputsRow.deployment == DeploymentRow.id),
    )
    return sa.select(DeploymentRow.id).where(_ended(), has_outputs).order_by(DeploymentRow.completed_at)


def _old_plans() -> sa.Select[Any]:
    joined = sa.select(DeploymentRow.id).join(PartRow, PartRow.deployment == DeploymentRow.id)
    return joined.where(_ended(), PartRow.name == sa.literal_column(f"'{_PLAN}'")).order_by(DeploymentRow.completed_at)


def _needed() -> sa.CompoundSelect[Any]:
    """Deployments that environments stand on: the last success of each, and every attempt since."""
    row, last = aliased(DeploymentRow), aliased(DeploymentRow)
    since = (
        sa.select(row.id)
        .join(EnvironmentRow, EnvironmentRow.uuid == row.environment_uuid)
        .outerjoin(last, last.id == EnvironmentRow.last_success)
        .where(
            EnvironmentRow.removed_at.is_(None),
            row.apply_started_at.is_not(None),
            row.number > sa.func.coalesce(last.number, 0),
        )
    )
    successes = sa.select(EnvironmentRow.last_success).where(
        EnvironmentRow.removed_at.is_(None), EnvironmentRow.last_success.is_not(None)
    )
    return successes.union_all(since)


def _remove(session: Session, found: _Due, now: datetime) -> Pruned:
    if found.logs:
        session.execute(sa.delete(LogChunkRow).where(LogChunkRow.deployment.in_(found.logs)))
        _mark(session, found.logs, log_removed_at=now)
    if found.outputs:
        session.execute(sa.delete(OutputsRow).where(OutputsRow.deployment.in_(found.outputs)))
        _mark(session, found.outputs, outputs_removed_at=now)
    if found.plans:
        _remove_plans(session, found.plans)
    return found.counted()


def _mark(session: Session, ids: Sequence[str], **values: datetime) -> None:
    session.execute(sa.update(DeploymentRow).where(DeploymentRow.id.in_(ids)).values(**values))


def _remove_plans(session: Session, ids: Sequence[str]) -> None:
    """The parts, then the artifacts that no other part is made of."""
    gone = sa.delete(PartRow).where(PartRow.deployment.in_(ids), PartRow.name == _PLAN)
    drop_unused(
        session, {(row.digest, row.sealed) for row in session.execute(gone.returning(PartRow.digest, PartRow.sealed))}
    )
