"""What did forges deliver, and what did it come to? One insert each, and the repository is to be asked."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from controller.history.dialect import insert, insert_of
from controller.history.store import Store
from controller.history.tables import RepositoryRow, WebhookDeliveryRow
from controller.model.record import WebhookDelivery

KEPT = timedelta(days=7)  # as long as forges deliver something again
_REFUSED = "refused"  # the id of all that are not from the forge: who they say they are counts for nothing


# Made once: forges may deliver a hundred in a second, and whoever writes lets nobody else write.
_HINTED = (
    sa.update(RepositoryRow)
    .where(RepositoryRow.id == sa.bindparam("asked"))
    .values(hints=RepositoryRow.hints + 1, hinted_at=sa.bindparam("now"))
)


@functools.cache
def _noting(dialect: str) -> Any:
    """The insert of a delivery, which gives how often it came until now."""
    table = WebhookDeliveryRow.__table__
    return (
        insert_of(dialect, table)
        .on_conflict_do_update(index_elements=["repository", "id"], set_={"times": table.c.times + 1})
        .returning(table.c.times)
    )


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery that is really from the forge. `moves`: a ref may be elsewhere now."""

    repository: str
    id: str
    event: str
    said: str
    origin: str
    moves: bool


def accept(store: Store, received: Received, now: datetime) -> bool:
    """Note a delivery, and have the repository asked where a ref may have moved; False where it came before."""
    values = {
        "repository": received.repository,
        "id": received.id,
        "received_at": now,
        "event": received.event,
        "said": received.said,
        "origin": received.origin,
        "times": 1,
        "accepted": True,
    }
    with store.writing() as session:
        connection = session.connection()
        is_new = bool(connection.scalar(_noting(connection.dialect.name), values) == 1)
        if is_new and received.moves:
            connection.execute(_HINTED, {"asked": received.repository, "now": now})
        return is_new


def refuse(store: Store, repository: str, said: str, origin: str, now: datetime) -> None:
    """Note that something came that is not from the forge: in one row, however often."""
    given = {"received_at": now, "said": said, "origin": origin}
    values = {"repository": repository, "id": _REFUSED, "event": "", "times": 1, "accepted": False, **given}
    with store.writing() as session:
        statement = insert(session, WebhookDeliveryRow).values(values)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["repository", "id"], set_={**given, "times": WebhookDeliveryRow.times + 1}
            )
        )


def newest(store: Store, repository: str | None = None, limit: int = 50) -> list[WebhookDelivery]:
    """What came last, of one repository or of all, newest first."""
    query = sa.select(WebhookDeliveryRow).order_by(WebhookDeliveryRow.received_at.desc(), WebhookDeliveryRow.id)
    if repository is not None:
        query = query.where(WebhookDeliveryRow.repository == repository)
    with store.reading() as session:
        return [
            WebhookDelivery(
                repository=row.repository,
                id=row.id,
                received_at=row.received_at,
                event=row.event,
                said=row.said,
                origin=row.origin,
                times=row.times,
                is_accepted=row.accepted,
            )
            for row in session.scalars(query.limit(limit))
        ]


def forget(store: Store, now: datetime) -> int:
    """Remove those that are too old to come again; how many there were."""
    old = WebhookDeliveryRow.received_at < now - KEPT
    with store.reading() as session:
        if session.scalar(sa.select(WebhookDeliveryRow.id).where(old).limit(1)) is None:
            return 0
    with store.writing() as session:
        gone = session.execute(sa.delete(WebhookDeliveryRow).where(old).returning(WebhookDeliveryRow.id))
        return len(gone.all())


def hinted(store: Store) -> list[str]:
    """Repositories that have to be asked because somebody said that a ref has moved."""
    query = sa.select(RepositoryRow.id).where(RepositoryRow.hints > RepositoryRow.answered).order_by(RepositoryRow.id)
    with store.reading() as session:
        return list(session.scalars(query))


def hint(store: Store, repository: str, now: datetime) -> None:
    """Have a repository asked as soon as may be."""
    with store.writing() as session:
        session.connection().execute(_HINTED, {"asked": repository, "now": now})


def answer(store: Store, repository: str) -> None:
    """Note that a poll begins: it answers all that was said until now, and nothing that is said from now on."""
    with store.writing() as session:
        session.execute(
            sa.update(RepositoryRow)
            .where(RepositoryRow.id == repository, RepositoryRow.hints > RepositoryRow.answered)
            .values(answered=RepositoryRow.hints)
        )
