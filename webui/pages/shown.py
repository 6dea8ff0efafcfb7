"""What stands on a page? The values that its template loops over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flask import url_for

import controller
from controller.deployments import engines
from controller.deployments.doors import Doors
from controller.errors import NotFoundError
from controller.history import decided, deliveries, module_pins, overview, read, renaming
from controller.history.drifting import PAUSES
from controller.history.module_pins import ModulePin
from controller.history.overview import Counts
from controller.model.deployment import (
    OPEN,
    EngineKind,
    EnvironmentStatus,
    HoldKind,
    Mode,
    Origin,
    Role,
    Status,
)
from controller.model.record import CommitRecord, Deployment, Environment
from webui import access
from webui.access import Caller
from webui.pages import display

_ENVIRONMENTS = 100
_PAGE = 50
_DIGITS = 18  # every database counts as far
_DELIVERIES = 20
_RECENT = 10
_MOST = 200
_VERDICTS = 10  # of each commit in a list

_SENTENCES = {
    "held": "Git is watched, but nothing is deployed from it while the hold lasts.",
    "destroyed": "A person destroyed it. Git declares it still; to resume brings it back.",
    "rejected": "What was live before goes on.",
    "in step": "What is applied is what Git wants.",
    "deploying": "A deployment is at work.",
    "deployed": "Git does not declare it: what was deployed last is what it has.",
    "waiting": "A plan waits for approval.",
    "queued": "A deployment is about to start.",
    "out of step": "Git wants something else than what is applied.",
    "never deployed": "Nothing is applied yet.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One environment in the list."""

    environment: Environment
    state: str
    live: CommitRecord | None
    latest: Deployment | None
    queue: tuple[Deployment, ...]


def environments(doors: Doors, who: Caller, arguments: Mapping[str, str]) -> dict[str, object]:
    found = overview.lines(doors.store, who.projects, arguments.get("after", ""), _ENVIRONMENTS + 1)
    here = found[:_ENVIRONMENTS]
    rows = [Row(one.environment, state_of(one.environment, one.queue), one.live, one.latest, one.queue) for one in here]
    groups = [(project, list(found)) for project, found in groupby(rows, lambda row: row.environment.project)]
    return {
        "groups": groups,
        "summary": _summary(overview.counts(doors.store, who.projects)),
        "next": here[-1].environment.slug if len(found) > len(here) else None,
        "is_live": True,
    }


def environment(doors: Doors, who: Caller, project: str, name: str) -> dict[str, object]:
    found = read.environment(doors.store, project, name)
    recent = read.deployments(doors.store, project=project, environment=name, limit=_RECENT)
    state = state_of(found, [row for row in _in_line(recent) if row.status in OPEN])
    return {
        "environment": found,
        "state": state,
        "sentence": display.waiting(found.note) or _SENTENCES.get(state, ""),
        "live": _commit(doors, found.live_commit),
        "resources": read.resources(doors.store, project, name),
        "deployments": recent,
        "most_heals": len(PAUSES),
        "failed_look": _failed_look(recent),
        "bound_since": _bound_since(recent, found),
        "may_move": any("lockstep rebind" in problem for problem in found.problems),
        "renamed": renaming.asked(doors.store, found.uuid),
        "may_deploy": who.has_role(Role.DEPLOYER),
        "is_held_alone": any(hold.scope == found.slug for hold in found.holds),
        "is_live": True,
    }


def _failed_look(recent: Sequence[Deployment]) -> Deployment | None:
    """The last look for drift, if it failed: then nothing newer is known than what the one before has found."""
    last = next((row for row in recent if row.mode is Mode.DRIFT and row.status not in OPEN), None)
    return last if last is not None and last.status is Status.FAILED else None


def _bound_since(recent: Sequence[Deployment], found: Environment) -> Deployment | None:
    """The last move, as far as it is among the newest deployments; None where it is bound as at its first one."""
    is_move = (row for row in recent if row.mode is Mode.REBIND and row.status is Status.SUCCEEDED)
    return next(is_move, None) if found.binding else None


def history(doors: Doors, who: Caller, arguments: Mapping[str, str]) -> dict[str, object]:
    names = ("project", "environment", "repository", "commit", "before")
    asked: dict[str, Any] = {name: arguments.get(name) or None for name in names}
    if asked["project"]:
        access.require_project(who, asked["project"], f"project `{asked['project']}`")
    asked["status"] = _status(arguments.get("status"))
    wanted = asked | {"commit": _full_id(doors, asked["commit"])}
    found = read.deployments(doors.store, **wanted, limit=_PAGE)
    kept = {name: value for name, value in asked.items() if value and name != "before"}
    older = url_for("pages.history", **kept, before=found[-1].id) if len(found) == _PAGE else None
    return {
        "asked": asked,
        "rows": [row for row in found if who.sees(row.project)],
        "projects": [id for id in read.projects(doors.store) if who.sees(id)],
        "statuses": list(Status),
        "newest": url_for("pages.history", **kept),
        "older": older,
    }


def commits(doors: Doors, who: Caller, arguments: Mapping[str, str]) -> dict[str, object]:
    known = [row.id for row in read.repositories(doors.store)]
    repository = arguments.get("repository") or (known[0] if known else None)
    before = arguments.get("before") or None
    found: list[CommitRecord] = []
    if repository:
        found = decided.commits(doors.store, repository, before, _PAGE, most=_VERDICTS, projects=who.projects)
    is_whole = len(found) < _PAGE
    return {
        "rows": found,
        "repository": repository,
        "repositories": known,
        "ranges": decided.ranges(doors.store, repository) if repository and is_whole else [],
        "older": None if is_whole else url_for("pages.commits", repository=repository, before=found[-1].id),
        "is_live": before is None,
    }


def commit(doors: Doors, who: Caller, id: str) -> dict[str, object]:
    found = decided.commit(doors.store, id, most=_MOST, projects=who.projects)
    deployments = read.deployments(doors.store, repository=found.repository, commit=found.id, limit=_MOST)
    return {
        "commit": found,
        "many": sum(found.counts.values()),
        "deployments": [row for row in deployments if who.sees(row.project)],
    }


def system(doors: Doors, who: Caller, arguments: Mapping[str, str]) -> dict[str, object]:
    sees_audit = who.has_role(Role.ADMIN) and who.projects is None
    before = arguments.get("before", "")
    number = int(before) if before.isdecimal() and len(before) <= _DIGITS else None
    audit = read.audit(doors.store, number, _PAGE) if sees_audit else None
    is_cut = audit is not None and len(audit) == _PAGE
    return {
        "version": controller.__version__,
        "engine": f"Engine: {doors.engine.name} {doors.engine.version}; {doors.engine.why}.",
        "notices": _notices(doors),
        "repositories": read.repositories(doors.store),
        "modules": _modules(doors),
        "mirrors": {id: watched.mirror.packs() for id, watched in doors.connections.items()},
        "open": _open(doors, who),
        "holds": [row for row in read.holds(doors.store) if row.scope == "*" or who.sees(row.scope.partition("/")[0])],
        "projects": [id for id in read.projects(doors.store) if who.sees(id)],
        "may_deploy": who.has_role(Role.DEPLOYER),
        "sees_all": who.projects is None,
        "deliveries": deliveries.newest(doors.store, limit=_DELIVERIES) if who.projects is None else [],
        "audit": audit,
        "audit_older": url_for("pages.system", before=audit[-1].number) if audit and is_cut else None,
        "is_live": not before,
    }


def _modules(doors: Doors) -> list[dict[str, object]]:
    """The tags and branches that modules name, each with the modules that do."""
    found: dict[tuple[str, str], tuple[ModulePin, list[str]]] = {}
    for repository in read.repositories(doors.store):
        modules = (read.catalogue(doors.store, repository.id) or {}).get("modules", ())
        for id_, pin in module_pins.shown(doors.store, repository.id, modules).items():
            found.setdefault((repository.id, pin.source), (pin, []))[1].append(id_)
    return [{"repository": key[0], "pin": pin, "modules": ids} for key, (pin, ids) in sorted(found.items())]


def state_of(found: Environment, queue: Sequence[Deployment]) -> str:
    """How an environment stands, in one word or two; the first that holds."""
    statuses = {row.status for row in queue}
    if found.status is not EnvironmentStatus.ACTIVE:
        return str(found.status)
    if statuses & {Status.APPLYING, Status.PLANNING, Status.INTERRUPTED}:
        return "deploying"
    if Status.AWAITING_APPROVAL in statuses:
        return "waiting"
    if any(hold.kind is HoldKind.DESTROYED for hold in found.holds) and found.last_success is None:
        return "destroyed"
    if found.holds:
        return "held"
    if found.problems:
        return "rejected"
    if queue:
        return "queued"
    if found.applied is not None and (found.applied == found.desired or found.origin is not Origin.GIT):
        return "in step" if found.origin is Origin.GIT else "deployed"
    return _out_of_step(found)


def _out_of_step(found: Environment) -> str:
    if found.decided is not None and found.decided.ended is Status.FAILED:
        return "failed"
    return "never deployed" if found.last_success is None else "out of step"


def _open(doors: Doors, who: Caller) -> list[Deployment]:
    """What has not ended, oldest first."""
    found = [row for status in sorted(OPEN) for row in read.deployments(doors.store, status=status, limit=_MOST)]
    return sorted((row for row in found if who.sees(row.project)), key=lambda row: (row.created_at, row.id))


def _in_line(found: Sequence[Deployment]) -> list[Deployment]:
    """Those that change their environment; plans and drift checks only look at it."""
    return [row for row in found if row.mode not in (Mode.PLAN_ONLY, Mode.DRIFT)]


def _summary(counts: Counts) -> str:
    return (
        f"{_several(counts.environments, 'environment')} in {_several(counts.projects, 'project')}: "
        f"{counts.in_step} in step with Git, {_several(counts.at_work, 'deployment')} at work or waiting."
    )


def _several(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _commit(doors: Doors, id: str | None) -> CommitRecord | None:
    if id is None:
        return None
    try:
        return decided.described(doors.store, id)
    except NotFoundError:
        return None  # live since before the walk that Lockstep saw


def _full_id(doors: Doors, commit: str | None) -> str | None:
    found = _commit(doors, commit)
    return found.id if found else commit


def _status(word: str | None) -> Status | None:
    return Status(word) if word in set(Status) else None


def _notices(doors: Doors) -> list[str]:
    unserved = engines.unserved(doors.store, doors.engine.kind)
    return [*([f"{unserved}."] if unserved else []), *_unencrypted(doors)]


def _unencrypted(doors: Doors) -> list[str]:
    if doors.engine.kind is EngineKind.OPENTOFU:
        return []
    return [
        f"With {doors.engine.name} local state is not encrypted: whoever can read the controller's data directory can "
        "read it. OpenTofu encrypts it."
    ]
