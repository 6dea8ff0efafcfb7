"""How does a person keep Git from an environment, a project or everything for a while?"""

from __future__ import annotations

from datetime import datetime

from controller.deployments.doors import Doors
from controller.errors import ConflictError, NotFoundError, suggest
from controller.history import read, suspending
from controller.history.audit import Act
from controller.model.record import Hold

ALL = suspending.ALL


def suspend(doors: Doors, actor: str, scope: str, *, until: datetime | None = None, reason: str = "") -> Hold:
    """Let nothing from Git begin in a scope: P/E, P, or `*`; see `history.suspending`."""
    _check(doors, scope)
    now = doors.now()
    if until is not None and until <= now:
        raise ConflictError(f"{until.isoformat()} has passed already; give a time to come, or leave it out")
    return suspending.suspended(doors.store, scope, Act(actor, now, reason, doors.origin), until)


def resume(doors: Doors, actor: str, scope: str, *, reason: str = "") -> None:
    """End the suspension of a project or of everything; what it held is decided again."""
    _check(doors, scope)
    suspending.resumed(doors.store, scope, Act(actor, doors.now(), reason, doors.origin))


def _check(doors: Doors, scope: str) -> None:
    project, _, name = scope.partition("/")
    if name:
        read.environment(doors.store, project, name)
    elif scope != ALL:
        known = read.projects(doors.store)
        if project not in known:
            remedy = suggest(project, known, "`lockstep get projects` lists them")
            raise NotFoundError(f"project `{project}` does not exist; {remedy}")
