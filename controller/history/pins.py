"""Which provider versions did a commit leave open, and how are digests told of what was found?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.history.opening import Part, keep_parts
from controller.history.store import Store
from controller.history.tables import (
    DeploymentRow,
    EnvironmentKeyRow,
    EnvironmentRow,
    ProviderPinRow,
    VerdictRow,
)
from controller.model.bundle import ProviderPin
from controller.model.deployment import Mode


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A digest, and the one that the same wish has now; `document` is the desired document that it is the digest of."""

    before: str
    after: str
    document: Part


def pinned(
    store: Store, id: str, providers: Mapping[str, ProviderPin], rewritten: Mapping[str, Rewritten], now: datetime
) -> None:
    """Record a lock file that a deployment generated, and rewrite every digest that it is part of.

    `rewritten`: deployment -> its digests. What was decided, wanted or applied by the digest before is so by the
    one after: nothing changed but what is known, so nothing opens.
    """
    with store.writing() as session:
        row = session.scalars(sa.select(DeploymentRow).where(DeploymentRow.id == id)).one()
        pins = sa.delete(ProviderPinRow).where(ProviderPinRow.environment_uuid == row.environment_uuid)
        session.execute(pins)
        for address, pin in sorted(providers.items()):
            session.add(
                ProviderPinRow(
                    environment_uuid=row.environment_uuid,
                    address=address,
                    version=pin.version,
                    constraints=pin.constraints,
                    hashes=list(pin.hashes),
                    deployment=id,
                    created_at=now,
                )
            )
        _rewrite(session, row.environment_uuid, rewritten)


def rehashed(
    store: Store, environment_uuid: str, rewritten: Mapping[str, Rewritten], wanted: Mapping[str, str]
) -> None:
    """Rewrite the digests of an environment; `wanted`: digest before -> after, of what no deployment stands for."""
    with store.writing() as session:
        _rewrite(session, environment_uuid, rewritten, wanted)


def open_deployments(store: Store, environment_uuid: str) -> list[str]:
    """Deployments of an environment that have not ended, plans of requests aside."""
    query = sa.select(DeploymentRow.id).where(
        DeploymentRow.environment_uuid == environment_uuid,
        DeploymentRow.cleared.is_(False),
        DeploymentRow.completed_at.is_(None),
        DeploymentRow.request.is_(None),
    )
    with store.reading() as session:
        return list(session.scalars(query.order_by(DeploymentRow.number)))


def _rewrite(
    session: Session,
    environment_uuid: str,
    rewritten: Mapping[str, Rewritten],
    wanted: Mapping[str, str] | None = None,
) -> None:
    """Put new digests in the place of those before, wherever one of this environment is kept."""
    for deployment, found in sorted(rewritten.items()):
        session.execute(
            # A destroy wants nothing, whatever it is that it destroys.
            sa.update(DeploymentRow)
            .where(DeploymentRow.id == deployment, DeploymentRow.mode != Mode.DESTROY)
            .values(desired_digest=found.after)
        )
        keep_parts(session, deployment, {"desired": found.document})
    after = {**(wanted or {}), **{found.before: found.after for found in rewritten.values()}}
    environment = session.get(EnvironmentRow, environment_uuid)
    if environment is not None:
        environment.version += 1
        for name in ("applied", "decided_digest", "desired", "valid_desired"):
            digest = getattr(environment, name)
            setattr(environment, name, after.get(digest, digest))
    for old, new in sorted(after.items()):
        session.execute(
            sa.update(VerdictRow)
            .where(VerdictRow.environment_uuid == environment_uuid, VerdictRow.desired == old)
            .values(desired=new)
        )


def environment_key(store: Store, environment_uuid: str, purpose: str, sealed: bytes, now: datetime) -> bytes:
    """The sealed key of an environment for a purpose: the one that was first, `sealed` if there is none yet."""
    with store.writing() as session:
        row = session.get(EnvironmentKeyRow, (environment_uuid, purpose))
        if row is None:
            row = EnvironmentKeyRow(environment_uuid=environment_uuid, purpose=purpose, content=sealed, created_at=now)
            session.add(row)
        return row.content
