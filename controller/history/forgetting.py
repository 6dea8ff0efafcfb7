"""How is an environment forgotten that still has something?"""

from __future__ import annotations

from collections.abc import Mapping

from controller.errors import ConflictError
from controller.history import audit, holding, removal
from controller.history.audit import Act
from controller.history.opening import supersede
from controller.history.standing import lines
from controller.history.store import Store
from controller.history.tables import EnvironmentRow
from controller.history.watching import wake_within
from controller.model.deployment import REPLACEABLE
from controller.model.document import Json


def forgotten(store: Store, uuid: str, act: Act, left: Mapping[str, Json]) -> None:
    """Forget it, or hold it where Git declares it, and keep what stays behind in the audit trail."""
    with store.writing() as session:
        environment = session.get_one(EnvironmentRow, uuid)
        scope = holding.scope(environment)
        opened = lines(session, [uuid]).get(uuid, ())
        running = [found for found in opened if found.status not in REPLACEABLE]
        if running:
            raise ConflictError(
                f"deployment {running[0].id} of {scope} is {running[0].status}: what it makes could not be told; "
                f"wait for its end, or `lockstep cancel {running[0].id}` first"
            )
        with audit.changing(session, act, "forget", scope, audit.environment(session, uuid), {"left_behind": left}):
            environment.version += 1
            said = f"{scope} was forgotten by {act.actor}"
            supersede(session, [found.id for found in opened], act.now, by=None, message=said)
            if environment.declared:
                holding.hold_destroyed(session, environment, act.actor, act.reason or said, act.now)
            removal.emptied(session, environment, act.now, act.actor)
            removal.settle(session, [environment])
            wake_within(session, environment.repository)
