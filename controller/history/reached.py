"""How far did the apply of a deployment come, as far as the history tells?"""

from __future__ import annotations

import json

import sqlalchemy as sa

from controller.history import read
from controller.history.store import Store
from controller.history.tables import ArtifactRow, EventRow, PartRow
from controller.model.deployment import Status
from controller.tofu import progress as reaching
from controller.tofu.progress import Progress


def progress(store: Store, id: str, *, ending: Status | None = None) -> Progress:
    """By its status, or by the one that it is just about to get; asked again and again, so nothing else is read."""
    row = read.deployment(store, id)
    summary = (
        sa.select(ArtifactRow.content)
        .join(PartRow, sa.and_(PartRow.digest == ArtifactRow.digest, PartRow.sealed == ArtifactRow.sealed))
        .where(PartRow.deployment == row.id, PartRow.name == "summary", PartRow.sealed.is_(False))
    )
    events = sa.select(EventRow.document).where(EventRow.deployment == row.id).order_by(EventRow.n)
    with store.reading() as session:
        found = session.scalars(summary).one_or_none()
        told = list(session.scalars(events))
    return reaching.progress(json.loads(found) if found else None, told, ending or row.status)
