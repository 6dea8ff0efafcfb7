"""Histories in databases of their own: repositories, environments and deployments as a test needs them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from controller.history import decide, decided, read, record, store, watching, work
from controller.history.audit import Act
from controller.history.decision import Decided, DecidedRepository
from controller.history.opening import NewDeployment, Part
from controller.history.record import Finish, Planned
from controller.history.standing import RepositoryStanding, standing
from controller.history.store import Store
from controller.model.bundle import Binding, StateStorage
from controller.model.deployment import EngineKind, Mode, Rank, Status, VerdictKind
from controller.model.record import Counts, Decision, Deployment, Environment
from controller.model.ruling import Ruling
from controller.model.tree import Commit
from tests import databases

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REPOSITORY = "acme"
LEASE = timedelta(seconds=60)
ME = "controller-1"


@contextmanager
def watched(folder: Path) -> Iterator[Store]:
    """A new database that knows one repository."""
    opened = databases.opened(folder)
    watching.ensure_repository(opened, REPOSITORY, "https://git.acme.example/acme.git", "main")
    yield opened
    store.close(opened)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def commit(n: int, message: str = "") -> Commit:
    """The n-th commit of a line: its id is the number, over and over."""
    return Commit(
        id=f"{n:04}" * 10,
        parents=(f"{n - 1:04}" * 10,) if n > 1 else (),
        author_name="Ada",
        author_email="ada@acme.example",
        committer_email="ada@acme.example",
        committed_at=after(60 * n),
        message=message or f"Change number {n}",
    )


def binding(uuid_: str) -> Binding:
    return Binding(uuid_, "local", StateStorage("local"), EngineKind.TERRAFORM)


def deployment(uuid_: str, digest: str = "d1", **changes: Any) -> NewDeployment:
    """A deployment from Git of environment shop/development, or as `changes` say."""
    given: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "project": "shop",
        "environment": "development",
        "environment_uuid": uuid_,
        "mode": Mode.DEPLOY,
        "rank": Rank.GIT,
        "desired_digest": digest,
        "binding": binding(uuid_),
        "created_by": "git",
        "reason": "the first one",
        "parts": {"manifest": Part.public(b'{"workloads": {}}')},
        "repository": REPOSITORY,
        "commit": commit(1),
    }
    return NewDeployment(**given | changes)


def environment(
    opened: Store,
    name: str = "development",
    *,
    project: str = "shop",
    told: Sequence[Ruling] = (),
    opening: NewDeployment | None = None,
    at: int = 1,
    **changes: Any,
) -> str:
    """Decide that there is an environment at the `at`-th commit; its uuid."""
    uuid_ = opening.environment_uuid if opening else str(uuid.uuid4())
    decided = Decided(uuid_, project, name, None, "development", told=tuple(told), opening=opening, **changes)
    assert decided_on(opened, [decided], at=at, projects={project: project.title()})
    return uuid_


def decided_on(opened: Store, environments: Sequence[Decided], *, at: int = 1, **changes: Any) -> bool:
    """Record a decision on the `at`-th commit; an environment without a version gets its present one."""
    found = now(opened)
    known = {each.environment.uuid: each.version for each in found.environments.values()}
    current = [replace(each, version=known.get(each.uuid)) for each in environments]
    fields: dict[str, Any] = {"commits": (commit(at),), "environments": tuple(current), "woken": found.wake}
    decision = DecidedRepository(
        REPOSITORY, found.repository.decided_tip, commit(at).id, release="0", now=after(at), **fields | changes
    )
    return decide.record(opened, decision)


def now(opened: Store) -> RepositoryStanding:
    return standing(opened, REPOSITORY, START)


def opened_environment(opened: Store, digest: str = "d1", **changes: Any) -> tuple[str, str]:
    """An environment whose first deployment is queued: its uuid, and the deployment's id."""
    uuid_ = str(uuid.uuid4())
    new = deployment(uuid_, digest, **changes)
    told = Ruling(commit(1).id, VerdictKind.DEPLOYED, digest, changed=True)
    fields: dict[str, Any] = {"tip": digest, "desired": digest, "desired_commit": commit(1).id}
    environment(
        opened,
        new.environment,
        project=new.project,
        told=[told],
        opening=new,
        decided=Decision(digest, None, None),
        **fields,
    )
    return uuid_, new.id


def plan(*, empty: bool = False, **changes: Any) -> Planned:
    given: dict[str, Any] = {
        "plan_digest": "p" * 64,
        "engine_version": "1.11.4",
        "fingerprint": "f1",
        "counts": Counts(create=0 if empty else 2),
        "no_changes": empty,
        "parts": {"summary": Part.public(b'{"changes": [], "counts": {}}')},
    }
    return Planned(**given | changes)


def carried(opened: Store, id: str, status: Status = Status.SUCCEEDED, at: float = 10) -> Deployment:
    """Take a queued deployment all the way: claimed, planned, applied, ended."""
    claim(opened, at)
    record.planned(opened, id, plan())
    record.begin_apply(opened, id, after(at + 1))
    ended = record.finished(opened, id, Finish(status, "", applied=status is Status.SUCCEEDED), after(at + 2))
    record.cleared(opened, id)
    return ended


def claim(opened: Store, at: float = 10) -> str | None:
    return work.claim_queued(opened, ME, after(at), LEASE)


def act(actor: str = "ann", at: float = 20, reason: str = "") -> Act:
    return Act(actor, after(at), reason)


def the_environment(opened: Store, name: str = "development", project: str = "shop") -> Environment:
    return read.environment(opened, project, name)


def verdicts(opened: Store) -> dict[str, str]:
    """Short form of every verdict on environment shop/development: commit number -> kind."""
    return {
        f"{int(found.id[:4])}": str(verdict.kind)
        for found in decided.commits(opened, REPOSITORY)
        for verdict in found.verdicts
    }
