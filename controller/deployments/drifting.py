"""Is what was deployed still as it was? It is looked at now and then, and put right where somebody wants that."""

from __future__ import annotations

import logging

from controller.deployments import again
from controller.deployments.doors import Doors
from controller.errors import ConflictError, LockstepError
from controller.history import drifting as history
from controller.history import read, work
from controller.history.audit import Act
from controller.history.drifting import Due
from controller.model.deployment import CONTROLLER
from controller.model.record import Deployment, Environment

log = logging.getLogger(__name__)

_FEW = 20  # looks, and heals, that are opened at a time; the queue has no more room anyway


def look(doors: Doors, actor: str, project: str, environment: str, *, reason: str = "") -> Deployment:
    """Plan once more what was deployed last, on a copy and without the state's lock; nothing is changed by it."""
    found = read.environment(doors.store, project, environment)
    if found.last_success is None:
        raise ConflictError(f"{found.slug} has nothing that could have drifted; deploy something first")
    if found.applied is None:
        raise ConflictError(
            f"{found.slug} is being changed, or was left half changed; look when a deployment succeeded"
        )
    act = Act(actor, doors.now(), reason, doors.origin)
    new = again.drift(doors, work.work(doors.store, found.last_success), found, act, is_by_person=True)
    made = history.look_opened(doors.store, new, None, act)
    if made is None:
        raise ConflictError(f"{found.slug} is being deployed this very moment; look again afterwards")
    return made


def look_where_due(doors: Doors) -> None:
    """Open the looks whose time has come, each once."""
    for due in history.looks_due(doors.store, doors.now(), _FEW):
        try:
            _look(doors, due)
        except LockstepError as e:
            log.warning("%s/%s: drift cannot be looked for: %s", due.project, due.name, e)


def heal_where_due(doors: Doors) -> None:
    """Deploy once more what was deployed last where something else was found, never against a hold or a person."""
    for due in history.heals_due(doors.store, doors.now(), _FEW):
        try:
            _heal(doors, due)
        except LockstepError as e:
            log.warning("%s/%s: drift cannot be healed: %s", due.project, due.name, e)


def _look(doors: Doors, due: Due) -> None:
    act = Act(CONTROLLER, doors.now())
    new = again.drift(doors, work.work(doors.store, due.success), _environment(doors, due), act, is_by_person=False)
    history.look_opened(doors.store, new, due, act)


def _heal(doors: Doors, due: Due) -> None:
    act = Act(CONTROLLER, doors.now(), "something else was found than what was deployed")
    new = again.heal(doors, work.work(doors.store, due.success), _environment(doors, due), act)
    made = history.heal_opened(doors.store, new, due, act)
    if made is not None:
        log.info("%s/%s: opened deployment %s: %s", due.project, due.name, made.id, made.reason)


def _environment(doors: Doors, due: Due) -> Environment:
    return read.environment(doors.store, due.project, due.name)
