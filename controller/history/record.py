"""What happened to a deployment? Each function is one step of its life and one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.errors import ConflictError
from controller.history import drifting, holding, removal, rows
from controller.history.decide import live_commit
from controller.history.dialect import insert
from controller.history.opening import NewDeployment, Part, insert_deployment, keep_parts
from controller.history.store import Store
from controller.history.tables import (
    DeploymentRow,
    EnvironmentRow,
    EventRow,
    LogChunkRow,
    OutputsRow,
)
from controller.history.watching import wake_within
from controller.model.bundle import Binding
from controller.model.deployment import CHANGES, FINAL, Mode, Rank, Status
from controller.model.document import Json
from controller.model.record import Counts, Deployment

_RANKS = tuple(Rank)  # highest first


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan found."""

    plan_digest: str
    engine_version: str
    fingerprint: str | None
    counts: Counts
    no_changes: bool
    parts: Mapping[str, Part]  # summary, plan, diagnostics


@dataclass(frozen=True, slots=True)
class Finish:
    """How a deployment ended; `applied`: what it wants is what is there now."""

    status: Status
    message: str
    applied: bool = False
    binding: Binding | None = None  # what the environment is bound to from now on
    untouched: bool = False  # the apply that began did nothing: what was applied before is so still
    parts: Mapping[str, Part] = field(default_factory=dict)
    outputs: bytes | None = None
    follow_up: NewDeployment | None = None


def progressed(store: Store, id: str, events: Sequence[Json], chunks: Sequence[tuple[int, bytes]]) -> None:
    """Keep what a run said since the last time; what is known already is passed over."""
    if not events and not chunks:
        return
    with store.writing() as session:
        for event in events:
            values = {"deployment": id, "n": event["n"], "document": event}
            session.execute(insert(session, EventRow).values(values).on_conflict_do_nothing())
        for n, content in chunks:
            values = {"deployment": id, "n": n, "content": content}
            session.execute(insert(session, LogChunkRow).values(values).on_conflict_do_nothing())


def attempted(store: Store, id: str, status: Status, controller: str) -> int | None:
    """Count an attempt right before it is made; how many there are with it.

    None where it went on meanwhile, or is carried by another controller: this one stood still, and makes no attempt.
    """
    with store.writing() as session:
        row = _row(session, id)
        if row.status != status or row.worker not in (None, controller):
            return None
        row.attempts += 1
        row.not_before = None
        return row.attempts


def postponed(store: Store, id: str, until: datetime, message: str, *, attempts: int | None = None) -> None:
    """Try again later, and say why. `attempts`: how many there were, where the last one does not count."""
    with store.writing() as session:
        row = _row(session, id)
        row.not_before, row.message = until, message
        if attempts is not None:
            row.attempts = attempts


def bundled(store: Store, id: str, digest: str, parts: Mapping[str, Part], warnings: Sequence[str]) -> None:
    """Keep what the engine is going to read."""
    with store.writing() as session:
        row = _in(_row(session, id), Status.PLANNING)
        row.bundle_digest, row.warnings = digest, list(warnings)
        keep_parts(session, id, parts)


def kept(store: Store, id: str, parts: Mapping[str, Part]) -> None:
    """Keep something more of a deployment, whether it has ended or not."""
    with store.writing() as session:
        keep_parts(session, id, parts)


def planned(store: Store, id: str, plan: Planned) -> None:
    """Keep a plan; nothing is decided by it yet."""
    with store.writing() as session:
        row = _in(_row(session, id), Status.PLANNING)
        row.plan_digest, row.fingerprint, row.engine_version = plan.plan_digest, plan.fingerprint, plan.engine_version
        row.counts, row.no_changes = asdict(plan.counts), plan.no_changes
        keep_parts(session, id, plan.parts)


def awaits_approval(store: Store, id: str, message: str, expires_at: datetime) -> None:
    """Stop before the apply until somebody has looked at the plan."""
    with store.writing() as session:
        row = _in(_row(session, id), Status.PLANNING)
        row.status, row.message, row.approval_expires_at = Status.AWAITING_APPROVAL, message, expires_at
        row.worker = row.lease_until = None


def begin_apply(store: Store, id: str, now: datetime) -> None:
    """Say that an apply begins, before it does: from here on nobody knows what is applied until it has succeeded."""
    with store.writing() as session:
        row = _in(_row(session, id), Status.PLANNING, Status.AWAITING_APPROVAL)
        if row.status == Status.AWAITING_APPROVAL and row.approved_by is None:
            raise ConflictError(f"deployment {id} was not approved; run `lockstep approve {id}`")
        if row.cancelled_by is not None:
            raise ConflictError(f"deployment {id} was cancelled by {row.cancelled_by}")
        row.status, row.apply_started_at, row.attempts, row.message = Status.APPLYING, now, 0, ""
        environment = session.get_one(EnvironmentRow, row.environment_uuid)
        environment.version += 1
        row.applied_before = environment.applied
        environment.applied = environment.live_commit = None
        holding.hold(session, row, environment, now)


def begin_move(store: Store, id: str) -> None:
    """Say that an environment is being moved, which changes nothing of what is applied."""
    with store.writing() as session:
        row = _in(_row(session, id), Status.PLANNING)
        if row.cancelled_by is not None:
            raise ConflictError(f"deployment {id} was cancelled by {row.cancelled_by}")
        row.status, row.attempts, row.message = Status.APPLYING, 0, "its state is being moved"


def not_begun(store: Store, id: str, now: datetime) -> None:
    """The plan was of an older state and nothing was done: it is planned again, what was applied is so still."""
    with store.writing() as session:
        row = _in(_row(session, id), Status.APPLYING, Status.INTERRUPTED)
        row.status, row.attempts, row.plan_digest = Status.PLANNING, 0, None
        row.replans += 1
        row.message = "the state has changed since the plan was made; planning again"
        _as_before(session, row, now)


def planned_again(store: Store, id: str, message: str) -> None:
    """The plan cannot be applied any more, and was not: another one is made; who approved it need not do so again."""
    with store.writing() as session:
        row = _in(_row(session, id), Status.PLANNING, Status.AWAITING_APPROVAL)
        row.status, row.message, row.attempts, row.plan_digest = Status.PLANNING, message, 0, None
        row.replans += 1


def lost(store: Store, id: str, message: str) -> None:
    """The runner of an apply is gone, and what it did is being found out."""
    with store.writing() as session:
        row = _in(_row(session, id), Status.APPLYING)
        row.status, row.message, row.attempts = Status.INTERRUPTED, message, 0


def finished(store: Store, id: str, finish: Finish, now: datetime) -> Deployment:
    """End a deployment, and with it what was decided for its environment; whoever waits for it is woken."""
    with store.writing() as session:
        row = _row(session, id)
        if Status(row.status) in FINAL:
            raise ConflictError(f"deployment {id} has ended already, {row.status}")
        row.cleared = row.started_at is None
        row.status, row.message, row.completed_at, row.not_before = finish.status, finish.message, now, None
        keep_parts(session, id, finish.parts)
        if finish.outputs is not None:
            session.merge(OutputsRow(deployment=id, content=finish.outputs))
        environment = session.get(EnvironmentRow, row.environment_uuid)
        if environment is not None and row.request is None:
            _ended(session, row, environment, finish, now)
            if row.mode == Mode.DRIFT:
                drifting.looked(session, row, environment)
        follow_up = finish.follow_up
        if follow_up is not None and not _only_observes(row, environment) and not _has_successor(session, row):
            insert_deployment(session, follow_up, now)
            if environment is not None and environment.decided_deployment == row.id:
                environment.decided_deployment, environment.decided_ended = follow_up.id, None
        if environment is not None and row.request is None:
            removal.settle(session, [environment])
        wake_within(session, environment.repository if environment else None)
        return rows.deployment(row)


def log_closed(store: Store, id: str, chunk: tuple[int, bytes] | None) -> None:
    """Keep the last chunk of a log, if it was not the run that wrote it."""
    with store.writing() as session:
        _row(session, id).log_closed = True
        if chunk is not None:
            values = {"deployment": id, "n": chunk[0], "content": chunk[1]}
            session.execute(insert(session, LogChunkRow).values(values).on_conflict_do_nothing())


def cleared(store: Store, id: str) -> None:
    """Nothing of its run is left: the line of its environment is free."""
    with store.writing() as session:
        row = _row(session, id)
        row.cleared, row.worker, row.lease_until = True, None, None


def _ended(session: Session, row: DeploymentRow, environment: EnvironmentRow, finish: Finish, now: datetime) -> None:
    environment.version += 1
    if environment.decided_deployment == row.id:
        environment.decided_ended = finish.status
    if finish.untouched and row.apply_started_at is not None:
        _as_before(session, row, now)
    if finish.binding is not None:
        environment.binding, environment.last_success = rows.binding_document(finish.binding), row.id
    if not finish.applied:
        return
    holding.hold_on(session, row, environment, now)
    if row.mode == Mode.DESTROY:
        removal.emptied(session, environment, now, f"deployment {row.id}")
        return
    environment.applied, environment.applied_deployment = row.desired_digest, row.id
    environment.last_success = row.id
    drifting.in_step(row, environment)
    environment.adoption = None
    environment.live_commit = live_commit(session, environment)
    holding.in_step(session, row, environment, now)


def _only_observes(row: DeploymentRow, environment: EnvironmentRow | None) -> bool:
    """Whether what opened by itself may not go on by itself, for the environment was told to observe meanwhile."""
    return environment is not None and environment.observes and Rank(row.rank) in (Rank.GIT, Rank.HEAL)


def _has_successor(session: Session, row: DeploymentRow) -> bool:
    """Whether something waits in the line that goes first anyway: it makes of the environment what is wanted now."""
    ranks = _RANKS[: _RANKS.index(Rank(row.rank)) + 1]
    query = sa.select(DeploymentRow.id).where(
        DeploymentRow.environment_uuid == row.environment_uuid,
        DeploymentRow.cleared.is_(False),
        DeploymentRow.completed_at.is_(None),
        DeploymentRow.mode.in_(CHANGES),
        DeploymentRow.rank.in_(ranks),
        DeploymentRow.id != row.id,
    )
    return session.scalars(query.limit(1)).first() is not None


def _as_before(session: Session, row: DeploymentRow, now: datetime) -> None:
    environment = session.get_one(EnvironmentRow, row.environment_uuid)
    environment.version += 1
    holding.take_back(session, row, environment, now)
    environment.applied = row.applied_before
    environment.live_commit = live_commit(session, environment)


def _row(session: Session, id: str) -> DeploymentRow:
    return session.scalars(sa.select(DeploymentRow).where(DeploymentRow.id == id)).one()


def _in(row: DeploymentRow, *statuses: Status) -> DeploymentRow:
    if row.status not in statuses:
        raise ConflictError(f"deployment {row.id} is {row.status}, not {' or '.join(statuses)}; look at it again")
    return row
