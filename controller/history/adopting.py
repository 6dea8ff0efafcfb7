"""How is it written down that an environment takes over what exists? Identity, note and deployment at one stroke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.errors import ConflictError
from controller.history import audit, holding, rows
from controller.history.audit import Act
from controller.history.opening import NewDeployment, insert_deployment, supersede
from controller.history.standing import lines
from controller.history.store import Store
from controller.history.tables import (
    DeploymentRow,
    EnvironmentKeyRow,
    EnvironmentRow,
    ProviderPinRow,
    VerdictRow,
    WaitRow,
)
from controller.history.watching import wake_within
from controller.history.work import attempts_within
from controller.model.deployment import REPLACEABLE, Mode, Status
from controller.model.document import Json
from controller.model.record import Adoption, Deployment

# What is kept by an environment's identity.
_OF_ENVIRONMENT = (DeploymentRow, EnvironmentKeyRow, ProviderPinRow, VerdictRow, WaitRow)


def adopted(
    store: Store, new: NewDeployment, before: str, adoption: Adoption, act: Act, *, is_first: bool
) -> Deployment:
    """Note what an environment takes over, and open the deployment that does so.

    `before`: its identity until now; the one that it has from now on is the deployment's. `is_first`: refused where
    it was deployed before.
    """
    with store.writing() as session:
        environment = session.get_one(EnvironmentRow, before)
        slug = holding.scope(environment)
        if is_first and (environment.last_success or attempts_within(session, before, None)):
            raise ConflictError(f"{slug} was deployed this very moment; look at it, then adopt again")
        line = lines(session, [before]).get(before, ())
        busy = next((found.id for found in line if found.status not in REPLACEABLE), None)
        if busy is not None:
            raise ConflictError(f"deployment {busy} is changing {slug}; wait for its end, then adopt again")
        if new.environment_uuid != before:
            _rename(session, before, new.environment_uuid)
        environment = session.get_one(EnvironmentRow, new.environment_uuid)
        details: dict[str, Json] = {"deployment": new.id, "what": adoption.what}
        with audit.changing(session, act, "adopt", slug, lambda: _picture(session, new.environment_uuid), details):
            environment.version += 1
            environment.adoption = asdict(adoption)
            if is_first:
                environment.binding = None  # it is bound anew as it opens
            row = insert_deployment(session, replace(new, superseded=tuple(found.id for found in line)), act.now)
            if new.mode is Mode.DEPLOY:
                environment.decided_digest, environment.decided_deployment = new.desired_digest, new.id
                environment.decided_ended = None
            wake_within(session, new.repository)
        return rows.deployment(row)


def forgotten(store: Store, uuid: str, act: Act) -> None:
    """Take nothing over any more: what is about to is ended, and nothing opens in its place."""
    with store.writing() as session:
        environment = session.get_one(EnvironmentRow, uuid)
        slug = holding.scope(environment)
        if environment.adoption is None:
            raise ConflictError(f"{slug} is to take nothing over; there is nothing to forget")
        with audit.changing(session, act, "adopt", slug, lambda: _picture(session, uuid)):
            environment.version += 1
            environment.adoption = None
            ids = [found.id for found in lines(session, [uuid]).get(uuid, ()) if found.status in REPLACEABLE]
            supersede(session, ids, act.now, by=None, message=f"{act.actor} takes nothing over any more")
            if environment.decided_deployment in ids:
                environment.decided_ended = Status.DISCARDED
            wake_within(session, environment.repository)


def _rename(session: Session, before: str, after: str) -> None:
    taken = session.get(EnvironmentRow, after)
    if taken is not None:
        gone = ", which was removed" if taken.removed_at is not None else ""
        raise ConflictError(f"uuid {after} is that of {holding.scope(taken)}{gone}; each environment needs its own")
    for table in _OF_ENVIRONMENT:
        column = table.environment_uuid
        session.execute(sa.update(table).where(column == before).values(environment_uuid=after))
    session.execute(sa.update(EnvironmentRow).where(EnvironmentRow.uuid == before).values(uuid=after))
    session.expire_all()


def _picture(session: Session, uuid: str) -> Mapping[str, Json]:
    row = session.get_one(EnvironmentRow, uuid)
    return {**audit.environment(session, uuid)(), "uuid": uuid, "adopts": (row.adoption or {}).get("what")}
