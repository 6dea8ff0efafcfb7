"""How is an environment moved to the runner and the state storage that Git wants for it now? Planned before and after.

The move is a deployment of mode `rebind` in the environment's line: under the old binding a plan must be empty, the
state is put where it is to be, and there a plan must be empty as well. Only then the binding changes, at one stroke.
"""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass, replace

from controller import pipeline
from controller.deployments import again, evaluate, keys, moving, parts
from controller.deployments.doors import Connection, Doors
from controller.deployments.walking import Asking
from controller.errors import ConflictError, NotFoundError
from controller.history import opening, read
from controller.history import rebinding as history
from controller.history import standing as picture
from controller.history.audit import Act
from controller.history.opening import NewDeployment
from controller.model.bundle import Binding
from controller.model.catalog import Runner
from controller.model.deployment import Mode, Rank
from controller.model.record import Deployment, Environment
from controller.model.tree import Commit

# What it has of the deployment that succeeded last: nothing of that changes.
_KEPT = (parts.MANIFEST, parts.DESIRED, parts.MODULES, parts.GUARDS, parts.KEPT, parts.METADATA)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What Git wants an environment to be bound to, at its newest decided commit."""

    now: Binding
    then: Binding
    runner: Runner
    commit: Commit

    @property
    def changes(self) -> tuple[str, ...]:
        """What would change, a few words each."""
        now, then = self.now, self.then
        found = []
        if now.runner != then.runner:
            found.append(f"runner from `{now.runner}` to `{then.runner}`")
        if now.state.type != then.state.type:
            found.append(f"state storage from `{now.state.type}` to `{then.state.type}`")
        elif now.state != then.state:
            found.append(f"state storage `{now.state.type}` to another place")
        return tuple(found)


def wanted(doors: Doors, project: str, environment: str) -> Wanted:
    """What `rebind` would move an environment to; refused where it was never bound, or cannot be moved."""
    found = read.environment(doors.store, project, environment)
    if found.binding is None or found.last_success is None:
        raise ConflictError(f"{found.slug} was never deployed; it is bound at its first deployment")
    connection = doors.connections.get(found.repository or "")
    if connection is None or not found.declared:
        raise ConflictError(f"no repository that is watched declares {found.slug}; nobody says where it is to go")
    return _wanted(doors, connection, found, found.binding)


def rebind(
    doors: Doors,
    actor: str,
    project: str,
    environment: str,
    *,
    log_recipient: str | None = None,
    expect_last: str | None = None,
    reason: str = "",
) -> Deployment:
    """Open the deployment that moves an environment to what Git wants now."""
    found = read.environment(doors.store, project, environment)
    want = wanted(doors, project, environment)
    last = found.last_success or ""
    _check(doors, found, want, last, expect_last)
    act = Act(actor, doors.now(), reason, doors.origin)
    new = _deployment(doors, found, want, last, act, log_recipient)
    made = history.opened(doors.store, new, act, last_success=last)
    connection = doors.connections.get(found.repository or "")
    if connection is not None:
        with contextlib.suppress(NotFoundError):
            connection.mirror.keep(want.commit.id, made.id)
    return made


def _wanted(doors: Doors, connection: Connection, found: Environment, now: Binding) -> Wanted:
    standing = picture.standing(doors.store, connection.id, doors.now())
    tip = standing.repository.decided_tip
    if tip is None:
        raise ConflictError(f"no commit of {found.slug} was decided yet; try again in a moment")
    commit = connection.mirror.commit(tip)
    question = Asking(doors, connection, standing).question(
        pipeline.read(connection.mirror.snapshot(tip).tree), found.slug
    )
    unbound = replace(question, past=replace(question.past, binding=None), engine=now.engine)
    resolved, _ = evaluate.resolve(unbound)
    then = Binding(now.uuid, resolved.runner.id, evaluate.state_of(resolved.runner), now.engine)
    return Wanted(now, then, resolved.runner, commit)


def _check(doors: Doors, found: Environment, want: Wanted, last: str, expect_last: str | None) -> None:
    slug = found.slug
    if not want.changes:
        raise ConflictError(f"{slug} is bound to what Git wants; there is nothing to move")
    if doors.engine.kind is not want.now.engine:
        what = f"{slug} is bound to {want.now.engine}, the engine here is {doors.engine}"
        raise ConflictError(
            f"{what}; install {want.now.engine}: an environment is not moved from one kind to the other"
        )
    if found.applied is None:
        raise ConflictError(f"the last deployment of {slug} did not succeed; bring it in step first, then move it")
    if found.adoption is not None:
        raise ConflictError(f"{slug} is to take over {found.adoption.what}; let it do so first, then move it")
    if expect_last is not None and last != expect_last:
        raise ConflictError(
            f"the last deployment of {slug} that succeeded is {last}, not {expect_last}; look at it, then move it"
        )


def _deployment(
    doors: Doors, found: Environment, want: Wanted, last: str, act: Act, log_recipient: str | None
) -> NewDeployment:
    before = opening.parts(doors.store, last, (*_KEPT, parts.RUNNER))
    readers = keys.given(log_recipient, None, doors.recipients)
    after = {
        "id": want.runner.id,
        "configuration": dict(want.runner.configuration),
        "state_storage": dict(want.runner.state_storage),
    }
    why = f"moved from {moving.words(want.now)} to {moving.words(want.then)}, for {act.actor}"
    return NewDeployment(
        id=str(uuid.uuid4()),
        project=found.project,
        environment=found.name,
        environment_uuid=found.uuid,
        mode=Mode.REBIND,
        rank=Rank.PERSON,
        desired_digest=found.applied or "",
        binding=want.then,
        created_by=act.actor,
        reason=why + (f": {act.reason}" if act.reason else ""),
        parts={
            **{name: part for name, part in before.items() if name != parts.RUNNER},
            parts.RUNNER: parts.sealed_document(doors.sealer, after),
            parts.RUNNER_BEFORE: again.runner_of(doors, found, before[parts.RUNNER]),
        },
        repository=found.repository,
        commit=want.commit,
        source_deployment=last,
        log_recipient=readers.log_recipient,
        log_key=readers.log_key,
        outputs_recipient=readers.outputs_recipient,
        outputs_key=readers.outputs_key,
    )
