"""What can a person do to environments that Git does not declare? Make one, give it more time; it ends by itself."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime

from controller import configs, pipeline
from controller.deployments import actions
from controller.deployments.doors import Connection, Doors
from controller.errors import ConflictError, LockstepError, ManifestError, NotFoundError, Problem, suggest
from controller.history import creating, read
from controller.history.audit import Act
from controller.history.creating import NewEnvironment
from controller.manifest.schema import ENVIRONMENT
from controller.model.deployment import CONTROLLER, Origin
from controller.model.manifest import EnvironmentConfig
from controller.model.record import Environment

log = logging.getLogger(__name__)


def create(
    doors: Doors,
    actor: str,
    project: str,
    name: str,
    type: str,
    *,
    expires_at: datetime | None = None,
    reason: str = "",
) -> Environment:
    """Make an environment of a project; its modules, runners and defaults are those of the newest decided commit."""
    connection, tip = _catalogue_of(doors, project)
    _check_name(name)
    config = configs.config_by_hand(pipeline.read(connection.mirror.snapshot(tip).tree), project, name, type)
    now = doors.now()
    _check_time(expires_at, now)
    new = NewEnvironment(str(uuid.uuid4()), project, name, type, connection.id, expires_at, *_drift(config))
    return creating.created(doors.store, new, Act(actor, now, reason, doors.origin))


def extend(
    doors: Doors, actor: str, project: str, name: str, expires_at: datetime | None, *, reason: str = ""
) -> Environment:
    """Say anew when an environment that somebody made ends by itself; None: never."""
    found = read.environment(doors.store, project, name)
    if found.origin is Origin.GIT:
        raise ConflictError(f"Git declares {found.slug}: it ends when its directory goes")
    now = doors.now()
    _check_time(expires_at, now)
    creating.extended(doors.store, found.uuid, Act(actor, now, reason, doors.origin), expires_at)
    return read.environment(doors.store, project, name)


def end_expired(doors: Doors) -> None:
    """Destroy the environments whose time is over, once each: a destroy that fails is for a person to look at."""
    for project, name in creating.expired(doors.store, doors.now()):
        try:
            actions.destroy(doors, CONTROLLER, project, name, reason="its time is over")
        except LockstepError as e:
            log.warning("%s/%s: its time is over, and it cannot be destroyed: %s", project, name, e)


def _drift(config: EnvironmentConfig) -> tuple[int | None, bool]:
    return (int(config.drift_every.total_seconds()) if config.drift_every else None), config.drift_heal


def _catalogue_of(doors: Doors, project: str) -> tuple[Connection, str]:
    owner = read.owner(doors.store, project)
    if owner is None:
        known = read.projects(doors.store)
        remedy = suggest(project, known, "a repository has to declare it: push a folder for it")
        raise NotFoundError(f"project `{project}` does not exist; {remedy}")
    connection = doors.connections.get(owner)
    tip = next((row.decided_tip for row in read.repositories(doors.store) if row.id == owner), None)
    if connection is None or tip is None:
        raise ConflictError(f"repository `{owner}` of project `{project}` is not watched; list it in the settings")
    return connection, tip


def _check_name(name: str) -> None:
    if not ENVIRONMENT.accepts(name):
        raise ManifestError([Problem("name", ENVIRONMENT.complaint(name), ENVIRONMENT.rule)])


def _check_time(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise ConflictError(f"{expires_at.isoformat()} has passed already; give a time to come")
