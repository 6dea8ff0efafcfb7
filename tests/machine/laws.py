"""What is true at every moment, whatever was done before? Looked at after each transaction, told by an assertion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from hypothesis import note
from sqlalchemy.orm import Session

from controller.history.store import Store
from controller.history.tables import DeploymentRow, EnvironmentRow, HoldRow
from controller.model.deployment import CHANGES, FINAL, OPEN, REPLACEABLE, EnvironmentStatus, Mode, Rank, Status
from tests.machine.runner import LedgerRunner

_RANKS = tuple(Rank)
_BUSY = OPEN - {Status.QUEUED}
_STOPPED = {Status.SUPERSEDED, Status.CANCELLED}
# DESIGN §5: queued → planning → (awaiting_approval) → applying → succeeded | failed, and the ways out of it.
ALLOWED = {
    Status.QUEUED: {Status.PLANNING} | _STOPPED,
    Status.PLANNING: {
        Status.AWAITING_APPROVAL,
        Status.APPLYING,
        Status.SUCCEEDED,  # nothing to change
        Status.PLANNED,
        Status.FAILED,
        Status.REJECTED,
        *_STOPPED,
    },
    Status.AWAITING_APPROVAL: {Status.APPLYING, Status.DISCARDED, *_STOPPED},
    Status.APPLYING: {
        Status.SUCCEEDED,
        Status.FAILED,
        Status.CANCELLED,
        Status.PLANNING,  # its plan was stale
        Status.INTERRUPTED,
    },
    Status.INTERRUPTED: {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.PLANNING},
}
_ROW = (
    DeploymentRow.number,
    DeploymentRow.id,
    DeploymentRow.project,
    DeploymentRow.environment,
    DeploymentRow.environment_uuid,
    DeploymentRow.mode,
    DeploymentRow.rank,
    DeploymentRow.status,
    DeploymentRow.cleared,
    DeploymentRow.message,
    DeploymentRow.desired_digest,
    DeploymentRow.approved_by,
    DeploymentRow.apply_started_at,
    DeploymentRow.follow_up_of,
    DeploymentRow.source_deployment,
)


class WatchedStore(Store):
    """A store at whose doors somebody stands: before each transaction, and after each that writes."""

    def __init__(self, store: Store, before: Callable[[str], None], after: Callable[[], None]) -> None:
        super().__init__(store.engine, store.written)
        object.__setattr__(self, "_before", before)
        object.__setattr__(self, "_after", after)

    _before: Callable[[str], None]
    _after: Callable[[], None]

    @contextmanager
    def reading(self) -> Iterator[Session]:
        self._before("read")
        with super().reading() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        self._before("write")
        with super().writing() as session:
            yield session
        self._after()


@dataclass
class Laws:
    """Looks at every deployment and environment; remembers what it saw last."""

    store: Store
    runner: LedgerRunner
    seen: dict[str, Any] = field(default_factory=dict)  # deployment -> its row as it was
    transitions: Counter[tuple[Status, Status]] = field(default_factory=Counter)

    def look(self) -> None:
        with self.store.reading() as session:
            rows = session.execute(sa.select(*_ROW).order_by(DeploymentRow.number)).all()
            environments = session.execute(sa.select(EnvironmentRow.__table__)).all()
            holds = session.execute(sa.select(HoldRow.__table__).where(HoldRow.ended_at.is_(None))).all()
        before, self.seen = self.seen, {row.id: row for row in rows}
        if before:
            self._compare(rows, before, holds, {row.uuid: row for row in environments})
        for environment in environments:
            line = [row for row in rows if row.environment_uuid == environment.uuid and _is_in_line(row)]
            self._look_at_line(line)
            self._look_at_environment(environment, line)
        self._look_at_ledger()

    def _compare(self, rows: Any, before: dict[str, Any], holds: Any, environments: Any) -> None:
        for row in rows:
            was = before.get(row.id)
            if was is None:
                note(f"    {_name(row)} opens")
                assert row.status == Status.QUEUED, f"{_name(row)} opened {row.status}"
                self._opens(row, rows)
            elif was.status != row.status:
                self._changes(was, row, before, holds, environments)
            elif was.cleared != row.cleared:
                note(f"    {_name(row)} is cleared")
                assert row.cleared or not was.cleared, f"{_name(row)} is not cleared any more"

    def _opens(self, row: Any, rows: Any) -> None:
        """It takes the place of all that it may; a follow-up goes on with what the others queued behind."""
        if not _is_in_line(row) or row.follow_up_of is not None:
            return
        for other in rows:
            is_older = other.environment_uuid == row.environment_uuid and other.number < row.number
            is_lower = _RANKS.index(Rank(other.rank)) >= _RANKS.index(Rank(row.rank))
            if is_older and is_lower and _is_in_line(other) and other.rank != Rank.DESTROY:
                assert Status(other.status) not in REPLACEABLE, f"{_name(row)} did not replace {_name(other)}"

    def _changes(self, was: Any, row: Any, before: dict[str, Any], holds: Any, environments: Any) -> None:
        change = Status(was.status), Status(row.status)
        self.transitions[change] += 1
        note(f"    {_name(row)} was {was.status}: {row.message}")
        assert change[1] in ALLOWED.get(change[0], ()), f"{_name(row)} was {was.status}"
        if change == (Status.QUEUED, Status.PLANNING):
            self._begins(row, before)
        if change[1] is Status.APPLYING:
            self._applies(row, holds, environments)
        if change[1] is Status.SUPERSEDED and row.rank == Rank.DESTROY:
            assert row.message.startswith(("the environment was removed", "deleted by")), f"{_name(row)}: {row.message}"

    def _begins(self, row: Any, before: dict[str, Any]) -> None:
        """It was the first of its line."""
        for other in before.values():
            if other.environment_uuid != row.environment_uuid or not _is_in_line(row) or not _is_in_line(other):
                continue
            if other.id != row.id and other.status == Status.QUEUED:
                order = [(_RANKS.index(Rank(one.rank)), one.number) for one in (row, other)]
                assert order[0] < order[1], f"{_name(row)} began before {_name(other)}"
            ended = Status(other.status) in FINAL
            assert other.id == row.id or not ended or other.cleared, f"{_name(row)} began beside {_name(other)}"

    def _applies(self, row: Any, holds: Any, environments: Any) -> None:
        """What a person holds is not changed by Git; where Git wants something else, what a person does holds it."""
        assert self.seen[row.id].approved_by is not None or row.status != Status.AWAITING_APPROVAL
        scope = f"{row.project}/{row.environment}"
        held = [hold for hold in holds if hold.scope == scope and hold.kind in ("pinned", "destroyed")]
        assert row.rank != Rank.GIT or not held, f"{_name(row)} applies although {scope} is {held[0].kind}"
        environment = environments[row.environment_uuid]
        is_other = row.desired_digest != environment.valid_desired and environment.declared
        assert row.rank == Rank.GIT or not is_other or held, f"{_name(row)} applies, and nothing holds {scope}"

    def _look_at_line(self, line: list[Any]) -> None:
        busy = [row for row in line if Status(row.status) in _BUSY]
        assert len(busy) <= 1, f"at work at once: {', '.join(_name(row) for row in busy)}"

    def _look_at_environment(self, environment: Any, line: list[Any]) -> None:
        """What is told of it is so."""
        slug = f"{environment.project}/{environment.name}"
        if environment.applied is not None:
            row = self.seen[environment.applied_deployment]
            assert row.desired_digest == environment.applied, f"{slug}: {_name(row)} is not what is applied"
            wanted = self.runner.wanted[row.id]
            there = self.runner.estates[environment.uuid].sizes()
            assert there == wanted, f"{slug}: {_name(row)} is said to be applied; there is {there}, not {wanted}"
        if environment.removed_at is not None:
            assert not [row for row in line if Status(row.status) in OPEN], f"{slug} was removed, but its line goes on"
            return
        destroys = [row for row in line if row.mode == Mode.DESTROY and Status(row.status) in OPEN]
        is_deleting = environment.status == EnvironmentStatus.DELETING
        assert is_deleting is bool(destroys), f"{slug} is {environment.status}; open destroys: {len(destroys)}"
        tried = [
            row
            for row in line
            if row.mode in CHANGES
            and (row.status == Status.FAILED or row.apply_started_at or Status(row.status) in OPEN)
        ]
        last = tried[-1] if tried else None
        has_failed = last is not None and last.mode == Mode.DESTROY and last.status in (Status.FAILED, Status.CANCELLED)
        if last is not None and Status(last.status) in OPEN:
            return  # how it ends tells
        is_failed = environment.status == EnvironmentStatus.DELETE_FAILED
        assert is_failed is has_failed, f"{slug} is {environment.status} after {_name(last)}"

    def _look_at_ledger(self) -> None:
        for id, apply in self.runner.applies.items():
            is_over = self.seen[id].cleared and Status(self.seen[id].status) in FINAL
            assert not is_over or apply.estate.busy != id, f"an engine of {_name(self.seen[id])} is still at work"
        for double in list(self.runner.doubled):
            row = self.seen[double.deployment]
            assert row.approved_by is not None, f"{_name(row)} made {double.address} twice, and nobody approved it"
            self.runner.forgive(double.deployment)


def _is_in_line(row: Any) -> bool:
    return row.mode != Mode.DRIFT and (row.mode != Mode.PLAN_ONLY or row.rank == Rank.GIT)


def _name(row: Any) -> str:
    return f"deployment {row.number} ({row.mode} of {row.project}/{row.environment} by {row.rank}, {row.status})"
