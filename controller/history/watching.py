"""What is known of a watched repository between two decisions: where its head is, and whether to decide again?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.history import audit
from controller.history.audit import Act
from controller.history.store import Store
from controller.history.tables import RepositoryRow

_DELIVERS = timedelta(hours=1)  # after a delivery: so long it is trusted that the next one comes, too
_STRETCH = 5  # by which the pause between two polls is longer then


def ensure_repository(store: Store, id: str, url: str, branch: str) -> None:
    """Know a connection. Where it leads elsewhere than before, its head is unknown until the next poll."""
    with store.writing() as session:
        _ensure(session, id, url, branch)


def reconnected(
    store: Store, known: Iterable[tuple[str, str, str]], act: Act, details: Mapping[str, Sequence[str]]
) -> None:
    """Know these connections, by id, url and branch, with a line in the audit trail on what became of all."""
    with store.writing() as session:
        for id, url, branch in known:
            row = _ensure(session, id, url, branch)
            # What went wrong before was another connection's fault: the next poll is not put off for it.
            row.failures, row.error = 0, None
        audit.line(session, act, "reload", "settings", details={name: list(ids) for name, ids in details.items()})


def _ensure(session: Session, id: str, url: str, branch: str) -> RepositoryRow:
    row = session.get(RepositoryRow, id)
    if row is None:
        row = RepositoryRow(id=id, url=url, branch=branch, failures=0, wake=1, woken=0, problems=[])
        session.add(row)
    elif (row.url, row.branch) != (url, branch):
        row.url, row.branch, row.head, row.wake = url, branch, None, row.wake + 1
    return row


def polled(store: Store, repository: str, now: datetime, *, head: str | None = None, error: str | None = None) -> int:
    """Record how a poll went; the number of polls in a row that failed."""
    with store.writing() as session:
        row = session.get_one(RepositoryRow, repository)
        row.polled_at, row.error = now, error
        row.failures = row.failures + 1 if error else 0
        if head is not None:
            row.head = head
        return row.failures


def failing(store: Store, repository: str, error: str) -> None:
    """Record what keeps a repository from being decided, without a word on how its polls go."""
    with store.reading() as session:
        if session.get_one(RepositoryRow, repository).error == error:
            return
    with store.writing() as session:
        session.get_one(RepositoryRow, repository).error = error


def mended(store: Store, repository: str, error: str) -> None:
    """What was recorded so is over; what a poll has said since stays."""
    with store.writing() as session:
        row = session.get_one(RepositoryRow, repository)
        if row.error == error:
            row.error = None


def is_due(store: Store, repository: str, now: datetime, every: timedelta, patience: timedelta) -> bool:
    """Whether a repository may be polled again.

    One that failed is left in peace, ever longer, up to `patience`; one whose forge delivers is asked less often.
    """
    with store.reading() as session:
        row = session.get_one(RepositoryRow, repository)
        delivers = row.hinted_at is not None and row.hinted_at <= now < row.hinted_at + _DELIVERS
        if row.polled_at is None or (row.failures == 0 and not delivers):
            return True
        longer = 2 ** min(row.failures, 10) if row.failures else _STRETCH
        pause: timedelta = min(every * longer, max(patience, every))
        # A poll that is still to come was recorded by a clock that has been set back since.
        return row.polled_at > now or now - row.polled_at >= pause


def wake(store: Store, repository: str) -> None:
    """Have the repository decided again, also where no ref has moved."""
    with store.writing() as session:
        wake_within(session, repository)


def wake_within(session: Session, repository: str | None) -> None:
    """The same, in the transaction of what may change a decision."""
    session.execute(sa.update(RepositoryRow).where(RepositoryRow.id == repository).values(wake=RepositoryRow.wake + 1))


def wake_others(session: Session, repository: str | None) -> None:
    """The same for all but one: what it has given up may be theirs."""
    session.execute(sa.update(RepositoryRow).where(RepositoryRow.id != repository).values(wake=RepositoryRow.wake + 1))


def undecided(store: Store) -> list[str]:
    """Repositories whose head was not decided, or that were woken since."""
    query = sa.select(RepositoryRow.id).where(
        RepositoryRow.head.is_not(None),
        sa.or_(
            RepositoryRow.decided_tip.is_(None),
            RepositoryRow.decided_tip != RepositoryRow.head,
            RepositoryRow.wake > RepositoryRow.woken,
        ),
    )
    with store.reading() as session:
        return list(session.scalars(query.order_by(RepositoryRow.id)))
