"""What is a deployment opened with? Everything that it will need, so that it needs neither Git nor anybody later."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from controller.deployments import evaluate, guard, guarding, keys, parts
from controller.deployments.doors import Doors
from controller.deployments.keys import Readers
from controller.history.opening import NewDeployment, Part
from controller.model.bundle import Binding
from controller.model.deployment import Mode, Rank
from controller.model.document import Json, plain
from controller.model.record import Environment
from controller.model.tree import Commit
from controller.pipeline import Resolved


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why, by whom and from what a deployment opens."""

    reason: str
    repository: str
    commit: Commit
    created_by: str = "git"
    mode: Mode = Mode.DEPLOY
    rank: Rank = Rank.GIT
    source_commit: str | None = None
    ref: str | None = None
    request: str | None = None
    must_approve: str = ""
    superseded: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()


def new(
    doors: Doors,
    resolved: Resolved,
    occasion: Occasion,
    environment_uuid: str,
    environment: Environment | None,
    readers: Readers | None = None,
) -> NewDeployment:
    """A deployment of what was resolved. `environment` None: it is seen for the first time."""
    context = resolved.context
    known = environment.binding if environment else None
    return NewDeployment(
        id=str(uuid.uuid4()),
        project=context.project_id,
        environment=context.env_id,
        environment_uuid=environment_uuid,
        mode=occasion.mode,
        rank=occasion.rank,
        desired_digest=resolved.desired.digest,
        binding=known or bound(doors, resolved, environment_uuid),
        created_by=occasion.created_by,
        reason=occasion.reason,
        parts=kept(doors, resolved),
        repository=occasion.repository,
        commit=occasion.commit,
        source_commit=occasion.source_commit,
        ref=occasion.ref,
        request=occasion.request,
        warnings=(*resolved.warnings, *resolved.unpinned),
        waits_for=occasion.waits_for,
        must_approve=occasion.must_approve,
        superseded=occasion.superseded,
        **_readers(readers or made(doors, resolved, environment)),
    )


def made(doors: Doors, resolved: Resolved, environment: Environment | None) -> Readers:
    """Keys that the controller makes: for those that both this commit and the one applied last let read."""
    guards = guard.stricter(guard.guards_of(resolved.config), guarding.last(doors, environment))
    return keys.made((*guards.recipients, *doors.recipients), guards.output_recipients)


def bound(doors: Doors, resolved: Resolved, environment_uuid: str) -> Binding:
    """What the environment's first deployment binds it to."""
    return Binding(environment_uuid, resolved.runner.id, evaluate.state_of(resolved.runner), doors.engine.kind)


def kept(doors: Doors, resolved: Resolved) -> Mapping[str, Part]:
    """The documents and files that it needs from now on."""
    runner: Json = {
        "id": resolved.runner.id,
        "configuration": dict(resolved.runner.configuration),
        "state_storage": dict(resolved.runner.state_storage),
    }
    return {
        parts.MANIFEST: parts.document(plain(resolved.manifest.document)),
        parts.DESIRED: Part(resolved.desired.digest, resolved.desired.text.encode()),
        parts.MODULES: parts.files(doors.sealer, resolved.module_files),
        parts.GUARDS: Part.public(guard.write(guard.guards_of(resolved.config))),
        parts.RUNNER: parts.sealed_document(doors.sealer, runner),
    }


def _readers(readers: Readers) -> dict[str, Json]:
    return {
        "log_recipient": readers.log_recipient,
        "log_key": readers.log_key,
        "outputs_recipient": readers.outputs_recipient,
        "outputs_key": readers.outputs_key,
    }
