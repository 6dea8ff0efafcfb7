"""What can a person do to deployments and environments? One function each; every change is audited."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime
from functools import partial

from controller import reconcile
from controller.deployments import again, follow, guarding, keys, observing, opened, previews, recovery, today
from controller.deployments.doors import Doors
from controller.deployments.opened import Occasion
from controller.deployments.previews import DryRun
from controller.deployments.requests import PlannedRef, plan_ref, planned_ref
from controller.errors import ConflictError, NotAllowedError, NotFoundError, RetryableError, suggest
from controller.history import audit, person, read, watching
from controller.history import work as history
from controller.history.audit import Act
from controller.history.opening import NewDeployment
from controller.model.deployment import Mode, Rank
from controller.model.document import Json, Node
from controller.model.record import Deployment

__all__ = [
    "DryRun",
    "PlannedRef",
    "approve",
    "cancel",
    "deploy_manifest",
    "destroy",
    "discard",
    "has_imports",
    "plan_ref",
    "planned_ref",
    "refresh",
    "resume",
    "retry",
    "rollback",
    "rollback_preview",
]


def deploy_manifest(  # noqa: PLR0913  (one for each option of the command)
    doors: Doors,
    actor: str,
    project: str,
    environment: str,
    document: Json | Node,
    *,
    plan_only: bool = False,
    dry_run: bool = False,
    log_recipient: str | None = None,
    outputs_recipient: str | None = None,
    expect_last: str | None = None,
    hold_until: datetime | None = None,
    log_level: str = "info",
    reason: str = "",
) -> Deployment | DryRun:
    """Deploy a manifest instead of what Git wants, with the catalogue of the newest decided commit."""
    found = read.environment(doors.store, project, environment)
    connection, tip = today.catalogue_of(doors, found)
    resolved = today.resolved(doors, connection, tip, found, document)
    if dry_run:
        return previews.of_resolved(doors, found, resolved)
    occasion = Occasion(
        reason=reason or f"manifest by {actor}",
        repository=connection.id,
        commit=connection.mirror.commit(tip),
        created_by=actor,
        mode=Mode.PLAN_ONLY if plan_only else Mode.DEPLOY,
        rank=Rank.PERSON,
    )
    readers = keys.given(log_recipient, outputs_recipient, doors.recipients)
    new = opened.new(doors, resolved, occasion, found.uuid, found, readers)
    new = replace(new, hold_until=hold_until, log_level=log_level)
    replaces = None if plan_only else partial(reconcile.replaced_by, Rank.PERSON)
    made = person.opened(doors.store, new, _act(doors, actor, reason), expect_last=expect_last, replaces=replaces)
    connection.mirror.keep(tip, made.id)
    return made


def rollback(  # noqa: PLR0913  (one for each option of the command)
    doors: Doors,
    actor: str,
    project: str,
    environment: str,
    id: str,
    *,
    plan_only: bool = False,
    log_recipient: str | None = None,
    outputs_recipient: str | None = None,
    expect_last: str | None = None,
    hold_until: datetime | None = None,
    log_level: str = "info",
    reason: str = "",
) -> Deployment:
    """Deploy once more what an earlier deployment wanted, and hold the environment there."""
    found = read.environment(doors.store, project, environment)
    target = history.work(doors.store, read.deployment(doors.store, id).id)
    readers = keys.given(log_recipient, outputs_recipient, doors.recipients)
    act = _act(doors, actor, reason)
    new = replace(again.rollback(doors, target, found, act, readers), log_level=log_level)
    if plan_only:
        planned = replace(new, mode=Mode.PLAN_ONLY, rank=Rank.PERSON)
        return person.opened(doors.store, planned, act, action="rollback", expect_last=expect_last)
    return _opened_again(doors, replace(new, hold_until=hold_until), act, "rollback", expect_last)


def rollback_preview(doors: Doors, actor: str, project: str, environment: str, id: str) -> DryRun:
    """What a rollback would change; nothing is stored."""
    found = read.environment(doors.store, project, environment)
    target = history.work(doors.store, read.deployment(doors.store, id).id)
    new = again.rollback(doors, target, found, _act(doors, actor, ""), keys.given(None, None, doors.recipients))
    return previews.of_new(doors, found, new)


def retry(doors: Doors, actor: str, id: str, *, reason: str = "") -> Deployment:
    """Try once more what failed, was rejected, discarded or cancelled, if it is still what is wanted."""
    work = history.work(doors.store, read.deployment(doors.store, id).id)
    if work.environment is None:
        raise ConflictError(f"deployment {work.deployment.id} only plans; plan it again instead")
    found = read.environment(doors.store, work.environment.project, work.environment.name)
    observing.check_retry(work.deployment, found)
    act = _act(doors, actor, reason)
    return _opened_again(doors, again.retry(doors, work, found, act), act, "retry", None)


def destroy(  # noqa: PLR0913  (one for each option of the command)
    doors: Doors,
    actor: str,
    project: str,
    environment: str,
    *,
    log_recipient: str | None = None,
    expect_last: str | None = None,
    current_providers: bool = False,
    log_level: str = "info",
    reason: str = "",
) -> Deployment | None:
    """Destroy all that an environment has, with what was kept of it: neither its folder nor Git is needed.

    Then it is forgotten; where Git declares it still, it is held. None where it has nothing, and that is done at once.
    `current_providers`: with the provider blocks of today's catalogue, for those of then may have lost their access.
    """
    found = read.environment(doors.store, project, environment)
    act = _act(doors, actor, reason)
    attempts = history.attempts_since(doors.store, found.uuid, found.last_success)
    if not attempts:
        person.removed(doors.store, found.uuid, act)
        return None
    readers = keys.given(log_recipient, None, doors.recipients)
    last = history.work(doors.store, attempts[-1])
    new = replace(again.destroy(doors, last, found, act, readers), log_level=log_level)
    if current_providers:
        new = today.with_providers(doors, new, found)
    return _opened_again(doors, new, act, "destroy", expect_last)


def _opened_again(doors: Doors, new: NewDeployment, act: Act, action: str, expect_last: str | None) -> Deployment:
    replaces = partial(reconcile.replaced_by, new.rank)
    made = person.opened(doors.store, new, act, action=action, expect_last=expect_last, replaces=replaces)
    connection = doors.connections.get(new.repository or "")
    if connection is not None and new.commit is not None:
        with contextlib.suppress(NotFoundError):  # a mirror that was made anew may lack it; nothing here needs it
            connection.mirror.keep(new.commit.id, made.id)
    return made


def resume(doors: Doors, actor: str, project: str, environment: str, *, reason: str = "") -> None:
    """End every hold of this environment alone: it follows Git again."""
    found = read.environment(doors.store, project, environment)
    person.resumed(doors.store, found.project, found.name, _act(doors, actor, reason))


def approve(doors: Doors, actor: str, id: str, *, reason: str = "", imports: bool = False) -> Deployment:
    """Let the plan of a waiting deployment be applied, that very plan.

    With `imports` it is planned again instead, to take over what an interrupted apply has made.
    """
    work = history.work(doors.store, read.deployment(doors.store, id).id)
    if not guarding.effective(doors, work).self_approval and actor in _starters(work):
        raise NotAllowedError(f"deployment {id} was started by {actor}; somebody else has to approve it")
    if imports:
        return _import(doors, work, _act(doors, actor, reason))
    return person.approved(doors.store, work.deployment.id, _act(doors, actor, reason))


def has_imports(doors: Doors, id: str) -> bool:
    """Whether a deployment could take over what an interrupted apply has made."""
    work = history.work(doors.store, id)
    return not work.imports and bool(recovery.takes_over(doors, work))


def discard(doors: Doors, actor: str, id: str, *, reason: str = "") -> Deployment:
    """End a waiting deployment: its plan will not be applied."""
    return person.discarded(doors.store, read.deployment(doors.store, id).id, _act(doors, actor, reason))


def cancel(doors: Doors, actor: str, id: str, *, reason: str = "") -> Deployment:
    """Stop a deployment: at once where no engine runs, else when the engine has ended in good order."""
    return person.cancelled(doors.store, read.deployment(doors.store, id).id, _act(doors, actor, reason))


def refresh(doors: Doors, actor: str, repository: str) -> None:
    """Poll a repository now."""
    if repository not in doors.connections:
        remedy = suggest(repository, doors.connections, "list it under `connections` in the settings")
        raise NotFoundError(f"repository `{repository}` is not watched; {remedy}")
    audit.note(doors.store, _act(doors, actor, ""), "refresh", repository)
    follow.poll(doors, repository)
    watching.wake(doors.store, repository)
    error = next(found.error for found in read.repositories(doors.store) if found.id == repository)
    if error:
        raise RetryableError(error)


def _import(doors: Doors, work: history.Work, act: Act) -> Deployment:
    id = work.deployment.id
    taken = recovery.takes_over(doors, work)
    if work.imports or not taken:
        what = "takes over all that it can already" if work.imports else "has no import on offer"
        raise ConflictError(f"deployment {id} {what}; approve it without `--import`, or discard it")
    return person.imported(doors.store, id, taken, act)


def _act(doors: Doors, actor: str, reason: str) -> Act:
    return Act(actor, doors.now(), reason, doors.origin)


def _starters(work: history.Work) -> set[str]:
    """Who stands behind a deployment: who opened it, and for Git the commit's author and committer."""
    row = work.deployment
    people = (row.commit_author, work.commit_email, work.committer_email)
    return {name for name in (row.created_by, *(people if row.rank is Rank.GIT else ())) if name}
