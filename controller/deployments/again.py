"""How is a deployment opened with what another one was opened with: tried again, rolled back to, destroyed?

Manifest, graph, module trees, pins and guards are those that were kept; only the runner's variables are today's, for
credentials expire. So none of this needs the commit, nor even Git.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime

from controller import pipeline
from controller.catalog.supported import unsupported
from controller.deployments import guard as guards
from controller.deployments import guarding, keys, parts
from controller.deployments.doors import Doors
from controller.deployments.keys import Readers
from controller.errors import ConflictError, LockstepError
from controller.history import opening, read
from controller.history.audit import Act
from controller.history.opening import NewDeployment, Part
from controller.history.work import Work
from controller.model.deployment import CHANGES, FINAL, NOTHING, TRIED_AGAIN, Mode, Rank, Status
from controller.model.record import Deployment, Environment
from controller.model.tree import Commit

# What a deployment is opened with.
_KEPT = (parts.MANIFEST, parts.DESIRED, parts.MODULES, parts.GUARDS, parts.RUNNER)


def follow_up(
    doors: Doors, work: Work, reason: str, *, tries: int = 0, not_before: datetime | None = None
) -> NewDeployment:
    """The very same once more, by itself."""
    return replace(
        _same(doors, work, reason, readers(doors, work)),
        follow_up_of=work.deployment.id,
        tries=tries,
        not_before=not_before,
    )


def retry(doors: Doors, work: Work, environment: Environment, act: Act) -> NewDeployment:
    """The same once more, because a person says so."""
    row = work.deployment
    _check_retry(row, environment)
    _check_is_newest(doors, row, environment)
    made = _same(doors, work, _why(f"retry of deployment {row.id}", act), readers(doors, work))
    return replace(_as_of_today(doors, made, environment), created_by=act.actor, source_deployment=row.id)


def rollback(doors: Doors, target: Work, environment: Environment, act: Act, readers: Readers) -> NewDeployment:
    """What an earlier deployment of the environment wanted, with the catalogue and the pins of then."""
    row = target.deployment
    _check_target(target, environment)
    return replace(
        _as_of_today(doors, _same(doors, target, _why(f"rollback to deployment {row.id}", act), readers), environment),
        mode=Mode.ROLLBACK,
        rank=Rank.ROLLBACK,
        created_by=act.actor,
        must_approve="",
        source_deployment=row.id,
    )


def destroy(doors: Doors, last: Work, environment: Environment, act: Act, readers: Readers) -> NewDeployment:
    """The end of all that an environment has. `last`: the newest deployment that began to change it."""
    row = last.deployment
    return replace(
        _as_of_today(doors, _same(doors, last, _why("destroyed", act), readers), environment),
        mode=Mode.DESTROY,
        rank=Rank.DESTROY,
        desired_digest=NOTHING,
        created_by=act.actor,
        must_approve="",
        source_deployment=row.id,
    )


def drift(doors: Doors, last: Work, environment: Environment, act: Act, *, is_by_person: bool) -> NewDeployment:
    """A look at whether what succeeded last is still as it was made."""
    why = _why("a look for drift", act) if is_by_person else "a look for drift, as its environment says"
    return replace(
        _as_of_today(doors, _same(doors, last, why, readers(doors, last)), environment),
        mode=Mode.DRIFT,
        rank=Rank.PERSON if is_by_person else Rank.HEAL,
        created_by=act.actor,
        must_approve="",
        source_deployment=last.deployment.id,
    )


def heal(doors: Doors, last: Work, environment: Environment, act: Act) -> NewDeployment:
    """What succeeded last once more, because something has changed it from outside."""
    return replace(
        _as_of_today(doors, _same(doors, last, f"heals drift: {act.reason}", readers(doors, last)), environment),
        mode=Mode.DEPLOY,
        rank=Rank.HEAL,
        created_by=act.actor,
        must_approve="",
        source_deployment=last.deployment.id,
    )


def _same(doors: Doors, work: Work, reason: str, readers: Readers) -> NewDeployment:
    row = work.deployment
    return NewDeployment(
        id=str(uuid.uuid4()),
        project=row.project,
        environment=row.environment,
        environment_uuid=row.environment_uuid,
        mode=row.mode,
        rank=row.rank,
        desired_digest=row.desired_digest,
        binding=work.binding,
        created_by=row.created_by,
        reason=reason,
        parts=opening.parts(doors.store, row.id, _KEPT),
        repository=row.repository,
        commit=_commit(work),
        source_commit=row.source_commit,
        ref=row.ref,
        warnings=row.warnings,
        must_approve=work.must_approve,
        source_deployment=row.source_deployment,
        log_recipient=readers.log_recipient,
        log_key=readers.log_key,
        outputs_recipient=readers.outputs_recipient,
        outputs_key=readers.outputs_key,
    )


def _why(what: str, act: Act) -> str:
    return f"{what} by {act.actor}" + (f": {act.reason}" if act.reason else "")


def readers(doors: Doors, work: Work) -> Readers:
    """Keys of its own, so that each can be shared alone; where a person holds them, theirs once more."""
    row = work.deployment
    if row.rank is not Rank.GIT:
        return keys.given(row.log_recipient, row.outputs_recipient, doors.recipients)
    effective = guards.stricter(guarding.own(doors, row.id), guarding.last(doors, work.environment))
    return keys.made((*effective.recipients, *doors.recipients), effective.output_recipients)


def _commit(work: Work) -> Commit | None:
    """The commit as it was recorded: Git is not asked."""
    row = work.deployment
    if row.commit is None:
        return None
    return Commit(
        id=row.commit,
        parents=(),
        author_name=row.commit_author or "",
        author_email=work.commit_email or "",
        committer_email=work.committer_email or "",
        committed_at=row.created_at,
        message=row.commit_subject or "",
    )


def _as_of_today(doors: Doors, made: NewDeployment, environment: Environment) -> NewDeployment:
    """With the name that the environment has now, and the variables of its runner as Git has them now."""
    kept = made.parts[parts.RUNNER]
    return replace(
        made,
        project=environment.project,
        environment=environment.name,
        binding=environment.binding or made.binding,
        parts={**made.parts, parts.RUNNER: runner_of(doors, environment, kept)},
    )


def runner_of(doors: Doors, environment: Environment, kept: Part) -> Part:
    """Today's configuration of the runner that the environment is bound to; what was kept, where Git cannot tell."""
    connection = doors.connections.get(environment.repository or "")
    tip = next((row.decided_tip for row in read.repositories(doors.store) if row.id == environment.repository), None)
    if connection is None or tip is None or environment.binding is None:
        return kept
    try:
        catalog = pipeline.read(connection.mirror.snapshot(tip).tree).catalog
    except LockstepError:
        return kept
    runner = catalog.catalog.runners.get(environment.binding.runner)
    if runner is None or catalog.problems or list(unsupported(runner)):
        return kept
    before = parts.read_sealed(doors.sealer, kept)
    return parts.sealed_document(doors.sealer, before | {"configuration": dict(runner.configuration)})


def _check_retry(row: Deployment, environment: Environment) -> None:
    if row.mode not in CHANGES or row.ref is not None:
        raise ConflictError(f"deployment {row.id} only plans; plan it again instead")
    if row.mode is Mode.REBIND:
        raise ConflictError(f"deployment {row.id} was a move; run `lockstep rebind` again")
    if row.status not in FINAL:
        raise ConflictError(f"deployment {row.id} is {row.status}; wait for its end, or cancel it first")
    if row.status not in TRIED_AGAIN:
        raise ConflictError(f"deployment {row.id} is {row.status}; there is nothing to try again")
    if row.rank is not Rank.GIT:
        return
    if environment.holds:
        held = environment.holds[0]
        raise ConflictError(
            f"{environment.slug} is {held.kind} by {held.who}; run `lockstep resume {environment.project} "
            f"{environment.name}` first"
        )
    if environment.desired != row.desired_digest:
        raise ConflictError(f"Git wants something else of {environment.slug} by now than deployment {row.id} did")


def _check_is_newest(doors: Doors, row: Deployment, environment: Environment) -> None:
    if environment.last_success is None:
        return
    last = read.deployment(doors.store, environment.last_success)
    if last.created_at > row.created_at:
        raise ConflictError(f"deployment {last.id} succeeded since deployment {row.id}; deploy what you want anew")


def _check_target(target: Work, environment: Environment) -> None:
    row, binding = target.deployment, environment.binding
    listing = f"`lockstep get deployments {environment.project} {environment.name}` lists them"
    if row.environment_uuid != environment.uuid:
        raise ConflictError(f"deployment {row.id} is one of another environment than {environment.slug}; {listing}")
    if row.mode not in (Mode.DEPLOY, Mode.ROLLBACK) or row.status is not Status.SUCCEEDED:
        raise ConflictError(f"deployment {row.id} ({row.mode}) is {row.status}; roll back to one that succeeded")
    if binding is not None and binding != target.binding:
        raise ConflictError(
            f"deployment {row.id} ran with runner `{target.binding.runner}` and other settings than "
            f"{environment.slug} is bound to now; deploy its manifest instead"
        )
