"""What is a person's part? To deploy, destroy and roll back, to approve, and to try again what has ended."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pygit2

from controller.deployments import actions
from controller.deployments.doors import Doors
from controller.errors import ConflictError, NotFoundError
from controller.model.deployment import Mode
from tests import git_factories
from tests.kills import company, laws, ledger, moments
from tests.kills.company import PROJECT, Folder
from tests.kills.points import Point

PERSON = "ann"


@dataclass
class Act:
    """What is wanted of an environment now, and where somebody is killed on the way."""

    environment: str
    mode: Mode
    wanted: Mapping[str, int]  # name -> size
    armed: Point | None = None
    more: list[Point] = field(default_factory=list)  # after the first one
    target: str = ""  # deployment to roll back to
    points: list[Point] = field(default_factory=list)  # that were reached
    since: int = 0  # number of the newest deployment before it
    began: float = 0.0
    retried: list[str] = field(default_factory=list)  # deployments that a person tried again


def trap(act: Act) -> Mapping[str, Any]:
    """The trap that is set for its next point."""
    assert act.armed is not None
    point = act.armed
    return {
        "id": point.id,
        "environment": act.environment,
        "since": act.since,
        "moment": point.moment,
        "victim": point.victim,
    }


def prepare(folder: Folder, act: Act) -> None:
    """Empty the warm directory where init is to be seen."""
    if act.armed is not None and act.armed.moment in (moments.INIT_STARTED, moments.INIT_FINISHED):
        for uuid in _uuids(folder, act.environment):
            shutil.rmtree(folder.workdir(uuid), ignore_errors=True)


def begin(doors: Doors, folder: Folder, act: Act) -> None:
    """Do what a person does."""
    if act.mode is Mode.DESTROY:
        actions.destroy(doors, PERSON, PROJECT, act.environment)
    elif act.mode is Mode.ROLLBACK:
        actions.rollback(doors, PERSON, PROJECT, act.environment, act.target)
    else:
        push(folder, act)
        with suppress(ConflictError, NotFoundError):  # it is not held, or new
            actions.resume(doors, PERSON, PROJECT, act.environment)


def push(folder: Folder, act: Act) -> None:
    repo = pygit2.Repository(str(folder.path / "origin.git"))
    git_factories.commit(repo, company.environment(act.environment, act.wanted), message=f"Want {dict(act.wanted)}")


def tip(folder: Folder) -> str:
    repo = pygit2.Repository(str(folder.path / "origin.git"))
    return str(repo.references["refs/heads/main"].target)


def answer(doors: Doors, folder: Folder, row: Mapping[str, Any]) -> str:
    """Take over what is there already, where that is offered; else let it be made, which the ledger hears first."""
    if actions.has_imports(doors, row["id"]):
        actions.approve(doors, PERSON, row["id"], imports=True)
        return "imports"
    ledger.approve(folder.ledger, row["environment_uuid"])
    actions.approve(doors, PERSON, row["id"])
    return "approvals"


def retry(doors: Doors, row: Mapping[str, Any]) -> None:
    actions.retry(doors, PERSON, row["id"])


def end_all(folder: Folder) -> None:
    """Kill what is left of supervisors and engines."""
    for pid, _ in laws.processes(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _uuids(folder: Folder, environment: str) -> list[str]:
    rows = folder.rows()
    query = "SELECT DISTINCT environment_uuid FROM deployments WHERE environment = :environment"
    found = [row["environment_uuid"] for row in rows(query, environment=environment)]
    rows.close()
    return found
