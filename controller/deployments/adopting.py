"""How does an environment take over what exists: a state under another identity, a state's file, things by their ids?

What is taken over is noted with the environment, and holds until a deployment has succeeded with it. Until then a plan
that would change anything there waits for approval, whichever commit it is of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from controller import pipeline
from controller.deployments import evaluate, opened, parts
from controller.deployments.doors import Connection, Doors
from controller.deployments.opened import Occasion
from controller.deployments.walking import Asking
from controller.errors import ConflictError, ManifestError, Problem
from controller.history import adopting as history
from controller.history import read
from controller.history import standing as picture
from controller.history import work as works
from controller.history.audit import Act
from controller.history.opening import NewDeployment, Part
from controller.history.standing import Standing
from controller.model.deployment import Mode, Rank
from controller.model.manifest import Follow
from controller.model.record import Adoption, Deployment, Environment
from controller.pipeline import Resolved
from controller.secrets.sealing import Sealer
from controller.tofu import states

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ADDRESS = re.compile(r"(?:module\.[\w-]+(?:\[[^\]]+\])?\.)*[A-Za-z][\w-]*\.[\w-]+(?:\[[^\]]+\])?")


def adopt(
    doors: Doors,
    actor: str,
    project: str,
    environment: str,
    *,
    uuid: str | None = None,
    state: bytes | None = None,
    imports: Mapping[str, str] | None = None,
    reason: str = "",
) -> Deployment:
    """Open the deployment that takes over what exists: what Git wants now, planned against that.

    `uuid`: the identity under which there is a state in the environment's storage. `state`: the file of one, which is
    put there. `imports`: address -> id of things that no state knows.
    """
    found = read.environment(doors.store, project, environment)
    uuid = uuid.strip().lower() if uuid is not None else None
    is_first = uuid is not None or state is not None
    _check(doors, found, uuid, state, imports or {}, is_first=is_first)
    act = Act(actor, doors.now(), reason, doors.origin)
    adoption = Adoption(actor, act.now.isoformat(), _words(uuid, state, imports or {}), _sealed(doors.sealer, imports))
    connection = _connection(doors, found)
    new = _deployment(doors, connection, found, act, adoption, uuid or found.uuid, is_first=is_first)
    if state is not None:
        new = replace(new, parts={**new.parts, parts.UNSAVED: Part.closed(doors.sealer.seal(state))})
    made = history.adopted(doors.store, new, found.uuid, adoption, act, is_first=is_first)
    if new.commit is not None:
        connection.mirror.keep(new.commit.id, made.id)
    return made


def forget(doors: Doors, actor: str, project: str, environment: str, *, reason: str = "") -> None:
    """Take nothing over any more that no deployment has taken over yet."""
    found = read.environment(doors.store, project, environment)
    history.forgotten(doors.store, found.uuid, Act(actor, doors.now(), reason, doors.origin))


def _check(
    doors: Doors,
    found: Environment,
    uuid: str | None,
    state: bytes | None,
    imports: Mapping[str, str],
    *,
    is_first: bool,
) -> None:
    slug = found.slug
    if not (is_first or imports):
        raise ConflictError(f"{slug}: nothing is named that it is to take over; give a uuid, a state or imports")
    if found.holds:
        held = found.holds[0]
        resume = f"run `lockstep resume {found.project} {found.name}` first"
        raise ConflictError(f"{slug} is {held.kind} by {held.who}; {resume}")
    if is_first and works.attempts_since(doors.store, found.uuid, found.last_success):
        remedy = "things that it lacks are taken over with `--import ADDRESS=ID`"
        raise ConflictError(f"{slug} was deployed already, and has a state of its own; {remedy}")
    if uuid is not None and not _UUID.fullmatch(uuid):
        raise ConflictError(f"uuid: `{uuid}` is no UUID; write it as 8-4-4-4-12 hexadecimal digits")
    if state is not None:
        _check_state(state)
    _check_imports(imports)


def _check_state(content: bytes) -> None:
    state = states.read(content)
    if state is None:
        remedy = "give what the engine's `state pull` prints, which is not encrypted"
        raise ConflictError(f"state: this is no state that can be read; {remedy}")
    if state.is_none:
        raise ConflictError("state: there is nothing in it that could be taken over; give another one")


def _check_imports(imports: Mapping[str, str]) -> None:
    problems = [
        Problem("import", f"`{address}` is no address of a resource", "write it as the plan does: `module.x.type.name`")
        for address in sorted(imports)
        if not _ADDRESS.fullmatch(address)
    ]
    problems += [
        Problem("import", f"`{address}` has no id", "write ADDRESS=ID")
        for address, id in sorted(imports.items())
        if not id.strip()
    ]
    if problems:
        raise ManifestError(problems)


def _words(uuid: str | None, state: bytes | None, imports: Mapping[str, str]) -> str:
    things = ", ".join(sorted(imports))
    return " and ".join(
        filter(
            None,
            (
                f"the state of uuid {uuid}" if uuid else "",
                "the state that was given" if state is not None else "",
                things,
            ),
        )
    )


def _sealed(sealer: Sealer, imports: Mapping[str, str] | None) -> str | None:
    return sealer.seal(json.dumps(dict(imports), sort_keys=True).encode()).hex() if imports else None


def _connection(doors: Doors, environment: Environment) -> Connection:
    connection = doors.connections.get(environment.repository or "")
    if connection is None or not environment.declared:
        what = f"no repository that is watched declares {environment.slug}"
        raise ConflictError(f"{what}; declare it, so that it is known what is wanted of what it takes over")
    return connection


def _deployment(
    doors: Doors,
    connection: Connection,
    found: Environment,
    act: Act,
    adoption: Adoption,
    uuid: str,
    *,
    is_first: bool,
) -> NewDeployment:
    standing = picture.standing(doors.store, connection.id, doors.now())
    mine = standing.environments[found.slug]
    commit = connection.mirror.commit(_commit(mine, standing.repository.decided_tip, found))
    question = Asking(doors, connection, standing).question(
        pipeline.read(connection.mirror.snapshot(commit.id).tree), found.slug
    )
    if is_first:
        question = replace(question, past=replace(question.past, binding=None))
    resolved, base = evaluate.resolve(question)
    _check_identity(resolved, uuid)
    occasion = Occasion(
        reason=f"takes over {adoption.what}, for {act.actor}" + (f": {act.reason}" if act.reason else ""),
        repository=connection.id,
        commit=commit,
        created_by=act.actor,
        mode=Mode.PLAN_ONLY if resolved.config.mode is Follow.OBSERVE else Mode.DEPLOY,
        rank=Rank.GIT,
        source_commit=base.commit if base else None,
    )
    return opened.new(doors, resolved, occasion, uuid, replace(found, binding=None) if is_first else found)


def _commit(standing: Standing, tip: str | None, found: Environment) -> str:
    commit = standing.desired_commit or tip
    if commit is None:
        raise ConflictError(f"no commit of {found.slug} was decided yet; try again in a moment")
    return commit


def _check_identity(resolved: Resolved, uuid: str) -> None:
    given = resolved.config.uuid
    if given is not None and given != uuid:
        place, remedy = resolved.config.place_of("uuid"), f"write `uuid: {uuid}`, or leave it out"
        raise ManifestError([Problem(place, f"Git says that its uuid is {given}, not {uuid}", remedy)])
