"""What is in the line of an environment × what arrives: each pair of DESIGN §5 by its name, and quiet afterwards.

replaced   what was there ends as superseded by what arrives
behind     what arrives is queued; what was there goes on, and goes first
held       a commit opens nothing: it is held, and decided again when the line is free
own        a commit is decided with what is there already: nothing opens
beside     what arrives is opened and may begin at once: what is there is in no line, and goes on
none       nothing opens: nobody looks for drift, or heals, while something is in the line
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.deployments import actions, upkeep
from controller.history import read
from controller.model.deployment import FINAL, Rank, Status
from controller.model.document import Json
from controller.model.record import Deployment
from controller.runner.protocol import Ended, Phase
from tests.deploy_factories import Script, World, sized, world

# What is there: who opened it, and how far it is.  What arrives; `time` is an hour, in which a look for drift is due.
TABLE = """
                      push-other  push-same  person    rollback  destroy   time
git-queued            replaced    own        replaced  replaced  replaced  none
git-planning          replaced    own        replaced  replaced  replaced  none
git-awaiting          replaced    own        replaced  replaced  replaced  none
git-applying          behind      own        behind    behind    behind    none
git-interrupted       behind      own        behind    behind    behind    none
person-queued         held        held       replaced  replaced  replaced  none
person-planning       held        held       replaced  replaced  replaced  none
person-awaiting       held        held       replaced  replaced  replaced  none
person-applying       held        held       behind    behind    behind    none
rollback-queued       held        held       behind    replaced  replaced  none
rollback-planning     held        held       behind    replaced  replaced  none
rollback-awaiting     held        held       behind    replaced  replaced  none
rollback-applying     held        held       behind    behind    behind    none
destroy-queued        held        held       behind    behind    behind    none
destroy-planning      held        held       behind    behind    behind    none
destroy-awaiting      held        held       behind    behind    behind    none
destroy-applying      held        held       behind    behind    behind    none
destroy-failed        held        held       beside    beside    beside    none
heal-queued           replaced    own        replaced  replaced  replaced  none
heal-planning         replaced    own        replaced  replaced  replaced  none
heal-awaiting         replaced    own        replaced  replaced  replaced  none
heal-applying         behind      own        behind    behind    behind    none
look-planning         beside      own        beside    beside    beside    none
plan-planning         beside      own        beside    beside    beside    beside
"""
FREE = "drift: {every: 1h, heal: true}\nlimits: {replace: unlimited, destroy: unlimited}\n"


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


def look(acme: World, _size: int) -> None:
    """An hour goes by; what was asked for is done, and what hangs goes on hanging."""
    acme.clock.forward(timedelta(hours=1))
    upkeep.tidy(acme.doors)


def heal(acme: World, _size: int) -> None:
    """Something was changed from outside, and is found."""
    before, acme.runner.script = acme.runner.script, Script(counts={"update": 1})
    look(acme, 0)
    acme.settle()
    assert acme.environment("development").drifted
    acme.runner.script = before
    upkeep.tidy(acme.doors)


def plan(acme: World, size: int) -> None:
    actions.deploy_manifest(acme.doors, "ann", "shop", "development", manifest(size), plan_only=True)


OPEN: dict[str, Callable[[World, int], None]] = {
    "git": push,
    "person": person,
    "rollback": rollback,
    "destroy": destroy,
    "heal": heal,
    "look": look,
    "plan": plan,
    "time": look,
    "push-other": push,
    "push-same": push,
}
SCRIPTS = {
    "queued": Script(),
    "planning": Script(hangs_in=Phase.PLAN),
    "awaiting": Script(counts={"destroy": 1}),
    "applying": Script(hangs_in=Phase.APPLY),
    "interrupted": Script(hangs_in=Phase.APPLY),
    "failed": Script(apply=Ended.FAILED, message="no"),
}
STATUSES = {
    "queued": Status.QUEUED,
    "planning": Status.PLANNING,
    "awaiting": Status.AWAITING_APPROVAL,
    "applying": Status.APPLYING,
    "interrupted": Status.INTERRUPTED,
    "failed": Status.FAILED,
}
RANKS = {"look": Rank.HEAL, "plan": Rank.PERSON}


def put_there(acme: World, there: str) -> Deployment:
    """A deployment of size 3 (or a rollback, or a destroy), as far as its row says."""
    who, how_far = there.split("-")
    acme.runner.script = SCRIPTS[how_far]
    OPEN[who](acme, 3)
    row = acme.last("development")
    if how_far != "queued":
        acme.claim()
        acme.carry(row.id)
    if how_far == "interrupted":
        acme.runner.lose(row.id)
        acme.runner.script = Script(hangs_in=Phase.RECOVER)
        acme.carry(row.id)
    found = read.deployment(acme.doors.store, row.id)
    assert found.status is STATUSES[how_far]
    return found


@pytest.mark.parametrize(("there", "arrives", "outcome"), [pytest.param(*one, id="×".join(one[:2])) for one in pairs()])
def test_what_is_there_and_what_arrives(acme: World, there: str, arrives: str, outcome: str) -> None:
    first = put_there(acme, there)
    known = {row.id for row in acme.deployments()}
    same = 2 if there.startswith(("heal", "look", "plan")) else 3
    OPEN[arrives](acme, same if arrives == "push-same" else 4)
    opened = [row for row in acme.deployments() if row.id not in known]
    now = read.deployment(acme.doors.store, first.id)

    if outcome == "replaced":
        (new,) = opened
        assert (now.status, now.superseded_by, new.status) == (Status.SUPERSEDED, new.id, Status.QUEUED)
    elif outcome == "behind":
        (new,) = opened
        assert (now.status, new.status) == (first.status, Status.QUEUED)
        assert acme.claim() in (None, first.id)
    elif outcome == "beside":
        (new,) = opened
        assert (now.status, new.status) == (first.status, Status.QUEUED)
        assert acme.claim() == new.id
    else:
        assert (opened, now.status) == ([], first.status)
    who = there.split("-", maxsplit=1)[0]
    assert first.rank is (RANKS[who] if who in RANKS else Rank(who))

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
    acme.runner.script = Script(counts={})  # neither has anything drifted
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
    upkeep.tidy(acme.doors)  # a look that was due meanwhile
    acme.settle()
