"""What is in the line of an environment × what arrives: each pair of DESIGN §5 by its name, and quiet afterwards.

replaced   what was there ends as superseded by what arrives
behind     what arrives is queued; what was there goes on, and goes first
held       a commit opens nothing: it is held, and decided again when the line is free
own        a commit is decided with what is there already: nothing opens
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controller.deployments import actions, upkeep
from controller.history import read
from controller.model.deployment import FINAL, Mode, Rank, Status
from controller.model.document import Json
from controller.model.record import Deployment
from controller.runner.protocol import Phase
from tests.deploy_factories import Script, World, sized, world

# What is there: who opened it, and how far it is.  What arrives.
TABLE = """
                      push-other  push-same  person    rollback  destroy
git-queued            replaced    own        replaced  replaced  replaced
git-planning          replaced    own        replaced  replaced  replaced
git-awaiting          replaced    own        replaced  replaced  replaced
git-applying          behind      own        behind    behind    behind
person-queued         held        held       replaced  replaced  replaced
person-planning       held        held       replaced  replaced  replaced
person-awaiting       held        held       replaced  replaced  replaced
person-applying       held        held       behind    behind    behind
rollback-queued       held        held       behind    replaced  replaced
rollback-planning     held        held       behind    replaced  replaced
rollback-awaiting     held        held       behind    replaced  replaced
rollback-applying     held        held       behind    behind    behind
destroy-queued        held        held       behind    behind    behind
destroy-planning      held        held       behind    behind    behind
destroy-awaiting      held        held       behind    behind    behind
destroy-applying      held        held       behind    behind    behind
"""
FREE = "limits: {replace: unlimited, destroy: unlimited}\n"


def pairs() -> Iterator[tuple[str, str, str]]:
    head, *rows = [line.split() for line in TABLE.strip().splitlines()]
    for there, *cells in rows:
        for arrives, outcome in zip(head, cells, strict=True):
            yield there, arrives, outcome


def manifest(size: int) -> Json:
    return {"workloads": {"api": {"resources": {"db": {"type": "thing", "params": {"size": size}}}}}}


def files(size: int) -> dict[str, str]:
    return {
        "projects/shop/development/environment.yaml": FREE.replace("destroy: unlimited", "destroy: 0"),
        "projects/shop/development/app.manifest.yaml": sized(size),
    }


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    """shop/development was deployed with size 1, then with 2."""
    with world(tmp_path) as made:
        made.deploy(files(1))
        made.deploy(files(2))
        yield made


def push(acme: World, size: int) -> None:
    acme.push(files(size), f"Size {size}")
    acme.poll()


def person(acme: World, size: int) -> None:
    actions.deploy_manifest(acme.doors, "ann", "shop", "development", manifest(size))


def rollback(acme: World, _size: int) -> None:
    actions.rollback(acme.doors, "ann", "shop", "development", acme.deployments("development")[0].id)


def destroy(acme: World, _size: int) -> None:
    actions.destroy(acme.doors, "ann", "shop", "development")


OPEN: dict[str, Callable[[World, int], None]] = {
    "git": push,
    "person": person,
    "rollback": rollback,
    "destroy": destroy,
    "push-other": push,
    "push-same": push,
}
SCRIPTS = {
    "queued": Script(),
    "planning": Script(hangs_in=Phase.PLAN),
    "awaiting": Script(counts={"destroy": 1}),
    "applying": Script(hangs_in=Phase.APPLY),
}
STATUSES = {
    "queued": Status.QUEUED,
    "planning": Status.PLANNING,
    "awaiting": Status.AWAITING_APPROVAL,
    "applying": Status.APPLYING,
}


def put_there(acme: World, there: str) -> Deployment:
    """A deployment of size 3 (or a rollback, or a destroy), as far as its row says."""
    who, how_far = there.split("-")
    acme.runner.script = SCRIPTS[how_far]
    OPEN[who](acme, 3)
    row = acme.last("development")
    if how_far != "queued":
        acme.claim()
        acme.carry(row.id)
    found = read.deployment(acme.doors.store, row.id)
    assert found.status is STATUSES[how_far]
    return found


@pytest.mark.parametrize(("there", "arrives", "outcome"), [pytest.param(*one, id="×".join(one[:2])) for one in pairs()])
def test_what_is_there_and_what_arrives(acme: World, there: str, arrives: str, outcome: str) -> None:
    first = put_there(acme, there)
    known = {row.id for row in acme.deployments()}
    OPEN[arrives](acme, 3 if arrives == "push-same" else 4)
    opened = [row for row in acme.deployments() if row.id not in known]
    now = read.deployment(acme.doors.store, first.id)

    if outcome == "replaced":
        (new,) = opened
        assert (now.status, now.superseded_by, new.status) == (Status.SUPERSEDED, new.id, Status.QUEUED)
    elif outcome == "behind":
        (new,) = opened
        assert (now.status, new.status) == (first.status, Status.QUEUED)
        assert acme.claim() in (None, first.id)
    elif outcome == "held":
        assert (opened, now.status) == ([], first.status)
    else:
        assert (opened, now.status) == ([], first.status)
    assert first.rank is Rank(there.split("-", maxsplit=1)[0])

    end_well(acme, first)
    before = len(acme.deployments())
    for _ in range(3):
        acme.poll()
        upkeep.tidy(acme.doors)
        acme.settle()
    assert len(acme.deployments()) == before
    assert all(row.status in FINAL for row in acme.deployments())


def end_well(acme: World, first: Deployment) -> None:
    """Everything that is open comes to its end; what waits is approved."""
    acme.runner.script = Script()
    if first.id in acme.runner.alive and read.deployment(acme.doors.store, first.id).status is Status.APPLYING:
        acme.runner.finish(first.id)
    elif first.id in acme.runner.alive:
        acme.runner.lose(first.id)  # its plan is made anew, or it has ended
    for _ in range(5):
        for row in acme.deployments():
            if row.started_at is not None:
                acme.carry(row.id)
            if read.deployment(acme.doors.store, row.id).status is Status.AWAITING_APPROVAL:
                actions.approve(acme.doors, "bea", row.id)
        acme.settle()
    assert all(row.mode in Mode for row in acme.deployments())
