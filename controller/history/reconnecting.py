"""Under which id is a repository known? Where the settings give it another, all that is recorded goes along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.history import audit
from controller.history.audit import Act
from controller.history.columns import Base
from controller.history.store import Store
from controller.history.tables import CommitRow, RepositoryRow

Connected = Sequence[tuple[str, str, str]]  # id, url, branch of each connection


def take_over(store: Store, connected: Connected, act: Act) -> Mapping[str, str]:
    """Let connections that are new have what was recorded of their repository under an id that is there no more.

    New id -> old one. Only where url and branch are the same, and exactly one can be meant on both sides.
    """
    with store.reading() as session:
        if not _renamed(session, connected):
            return {}
    with store.writing() as session:
        renamed = _renamed(session, connected)
        for new, old in renamed.items():
            _rename(session, old, new)
            audit.line(session, act, "rename connection", new, before={"id": old}, after={"id": new})
        return renamed


def _renamed(session: Session, connected: Connected) -> dict[str, str]:
    rows = session.execute(sa.select(RepositoryRow.id, RepositoryRow.url, RepositoryRow.branch)).all()
    ids = {id for id, _, _ in connected}
    known = {row.id for row in rows}
    found = {}
    for id, *place in connected:
        left = [row.id for row in rows if row.id not in ids and [row.url, row.branch] == place]
        new = [other for other, *there in connected if other not in known and there == place]
        if new == [id] and len(left) == 1:
            found[id] = left[0]
    return found


def _rename(session: Session, old: str, new: str) -> None:
    """Copies first: rows that others refer to are not changed, as no database lets that be in the same way."""
    for kind, key in ((RepositoryRow, "id"), (CommitRow, "repository")):
        columns = kind.__table__.c
        given = [sa.literal(new).label(key) if column.name == key else column for column in columns]
        copied = sa.select(*given).where(columns[key] == old)
        session.execute(sa.insert(kind).from_select([column.name for column in columns], copied))
    for table in Base.metadata.sorted_tables:
        if "repository" in table.c and table.name != CommitRow.__tablename__:
            session.execute(sa.update(table).where(table.c.repository == old).values(repository=new))
    session.execute(sa.delete(CommitRow).where(CommitRow.repository == old))
    session.execute(sa.delete(RepositoryRow).where(RepositoryRow.id == old))
