"""Why is my commit not deployed? Everything that `explain` tells is looked up here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from controller import comparison, pipeline
from controller.comparison import Wish
from controller.deployments import evaluate, parts
from controller.deployments.doors import Doors
from controller.deployments.explain import Answer, Facts, explain
from controller.deployments.walking import Asking
from controller.errors import LockstepError, NotFoundError
from controller.history import decided, opening, reached, read
from controller.history import standing as picture
from controller.history import work as history
from controller.model.deployment import Status, VerdictKind
from controller.model.record import CommitRecord, Deployment, Environment, Repository, Verdict

_SHORTEST = 4  # digits of a commit's id


@dataclass(frozen=True, slots=True)
class Why:
    """The answer, and what it is about; `commit` as it was asked for where it is not known."""

    project: str
    environment: str
    commit: str | None
    answer: Answer


def why(doors: Doors, project: str, environment: str, commit: str | None = None) -> Why:
    """The answer for a commit, or a unique beginning of its id; without one for the newest of the branch."""
    found = read.environment(doors.store, project, environment)
    repository = next((row for row in read.repositories(doors.store) if row.id == found.repository), None)
    if repository is None:
        return Why(project, environment, commit, explain(Facts(found, commit or "")))
    asked = (commit or repository.head or "").strip().lower()
    if not asked:
        raise NotFoundError(f"no commit of repository `{repository.id}` is known yet; `lockstep refresh` polls it now")
    if len(asked) < _SHORTEST:
        raise NotFoundError(f"commit `{asked}` cannot be looked up; give {_SHORTEST} digits of its id at least")
    record = decided.find_commit(doors.store, repository.id, asked)
    facts = _facts(doors, found, repository, asked, record)
    answer = explain(replace(facts, is_connected=repository.id in doors.connections))
    return Why(project, environment, record.id if record else asked, answer)


def _facts(
    doors: Doors, environment: Environment, repository: Repository, asked: str, commit: CommitRecord | None
) -> Facts:
    if commit is None:
        return Facts(environment, asked, repository, is_fetched=_is_fetched(doors, repository, asked))
    verdict = decided.verdict(doors.store, repository.id, commit.id, environment.project, environment.name)
    row = read.deployment(doors.store, verdict.deployment) if verdict and verdict.deployment else None
    waits = row is not None and row.status is Status.AWAITING_APPROVAL
    return Facts(
        environment=environment,
        asked=asked,
        repository=repository,
        commit=commit,
        verdict=verdict,
        deployment=row,
        expires=history.work(doors.store, row.id).approval_expires_at if row and waits else None,
        done=_done(doors, row),
        live=read.deployment(doors.store, environment.last_success) if environment.last_success else None,
        other=_other(doors, repository, verdict),
        would_change=_would_change(doors, environment, verdict),
        rest=_rest(doors, environment, repository, commit, verdict),
    )


def _rest(
    doors: Doors,
    environment: Environment,
    repository: Repository,
    commit: CommitRecord,
    verdict: Verdict | None,
) -> Answer | None:
    """Of a commit that changes nothing: why what Git wanted before it is not applied."""
    if verdict is None or verdict.kind is not VerdictKind.UNCHANGED or not commit.on_branch:
        return None
    before = decided.last_change(doors.store, environment.uuid, repository.id, commit.id)
    if before is None or before == commit.id:
        return None
    record = decided.find_commit(doors.store, repository.id, before)
    return explain(_facts(doors, environment, repository, before, record))


def _is_fetched(doors: Doors, repository: Repository, asked: str) -> bool:
    connection = doors.connections.get(repository.id)
    try:
        return connection is not None and bool(connection.mirror.commit(asked))
    except LockstepError:
        return False


def _done(doors: Doors, row: Deployment | None) -> tuple[int, int] | None:
    if row is None or row.status not in (Status.APPLYING, Status.INTERRUPTED):
        return None
    found = reached.progress(doors.store, row.id)
    return (found.done, found.total) if found.is_begun else None


def _other(doors: Doors, repository: Repository, verdict: Verdict | None) -> CommitRecord | None:
    if verdict is None or verdict.other_commit is None:
        return None
    return decided.find_commit(doors.store, repository.id, verdict.other_commit)


def _would_change(doors: Doors, environment: Environment, verdict: Verdict | None) -> int | None:
    """How many resources a held commit would change in what is applied; None where that cannot be known."""
    connection = doors.connections.get(environment.repository or "")
    if (
        verdict is None
        or verdict.kind is not VerdictKind.HELD
        or connection is None
        or environment.last_success is None
    ):
        return None
    now = picture.standing(doors.store, connection.id, doors.now())
    try:
        repository = pipeline.read(connection.mirror.snapshot(verdict.commit).tree)
        resolved, _ = evaluate.resolve(Asking(doors, connection, now).question(repository, environment.slug))
    except LockstepError:
        return None
    kept = opening.parts(doors.store, environment.last_success, (parts.DESIRED,))
    applied = comparison.wish_of(parts.read(kept[parts.DESIRED]))
    return len(comparison.compare(applied, Wish(resolved.graph, resolved.desired.document)).changes)
