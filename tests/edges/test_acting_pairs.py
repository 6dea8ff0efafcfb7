"""What is in the line of an environment × what a person does to it, or Git takes back: each pair by its name.

refused     nothing is changed, and a sentence says why
goes-on     it is as it was, and comes to the end that it would have come to
applied     its plan is applied
discarded   it ends so, at once
cancelled   it ends so, at once or when its engine has stopped
dropped     it is superseded, and nothing takes its place
behind      what Git wants now is queued behind it
followed    it ends as it would, and then Git is followed again
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controller.deployments import actions, suspending, upkeep
from controller.errors import ConflictError
from controller.history import read
from controller.model.deployment import FINAL, HoldKind, Rank, Status
from controller.model.record import Deployment
from tests.deploy_factories import Script, World, project, sized, world
from tests.edges.test_pairs import STATUSES, files, put_there

# What is there: who opened it, and how far it is.  What arrives.
TABLE = """
                      approve  discard    cancel     retry    resume    suspend  back     rejected  removal  restart
git-queued            refused  refused    cancelled  refused  refused   dropped  dropped  goes-on   dropped  goes-on
git-planning          refused  refused    cancelled  refused  refused   dropped  dropped  goes-on   dropped  goes-on
git-awaiting          applied  discarded  cancelled  refused  refused   dropped  dropped  goes-on   dropped  goes-on
git-applying          refused  refused    cancelled  refused  refused   goes-on  behind   goes-on   goes-on  goes-on
person-queued         refused  refused    cancelled  refused  refused   goes-on  goes-on  goes-on   goes-on  goes-on
person-planning       refused  refused    cancelled  refused  refused   goes-on  goes-on  goes-on   goes-on  goes-on
person-awaiting       applied  discarded  cancelled  refused  refused   goes-on  goes-on  goes-on   goes-on  goes-on
person-applying       refused  refused    cancelled  refused  followed  goes-on  goes-on  goes-on   goes-on  goes-on
rollback-queued       refused  refused    cancelled  refused  refused   goes-on  goes-on  goes-on   goes-on  goes-on
rollback-planning     refused  refused    cancelled  refused  refused   goes-on  goes-on  goes-on   goes-on  goes-on
rollback-awaiting     applied  discarded  cancelled  refused  refused   goes-on  goes-on  goes-on   goes-on  goes-on
rollback-applying     refused  refused    cancelled  refused  followed  goes-on  goes-on  goes-on   goes-on  goes-on
destroy-queued        refused  refused    cancelled  refused  refused   goes-on  goes-on  goes-on   goes-on  goes-on
destroy-planning      refused  refused    cancelled  refused  refused   goes-on  goes-on  goes-on   goes-on  goes-on
destroy-awaiting      applied  discarded  cancelled  refused  refused   goes-on  goes-on  goes-on   goes-on  goes-on
destroy-applying      refused  refused    cancelled  refused  followed  goes-on  goes-on  goes-on   goes-on  goes-on
"""
HERE = "projects/shop/development/"


def pairs() -> Iterator[tuple[str, str, str]]:
    head, *rows = [line.split() for line in TABLE.strip().splitlines()]
    for there, *cells in rows:
        for arrives, outcome in zip(head, cells, strict=True):
            yield there, arrives, outcome


def back(acme: World, _id: str) -> None:
    acme.push({"README.md": "# Back\n", **files(2)}, "Back to what is applied")
    acme.poll()


def rejected(acme: World, _id: str) -> None:
    commit = acme.push({f"{HERE}app.manifest.yaml": sized("[]")}, "Break it")
    acme.poll()
    assert acme.told(commit)["development"] == "rejected"


def removal(acme: World, _id: str) -> None:
    acme.push(dict.fromkeys(files(2)), "Remove it")
    acme.poll()


def restart(acme: World, _id: str) -> None:
    acme.restarted()


ARRIVES: dict[str, Callable[[World, str], object]] = {
    "approve": lambda acme, id: actions.approve(acme.doors, "bea", id),
    "discard": lambda acme, id: actions.discard(acme.doors, "bea", id),
    "cancel": lambda acme, id: actions.cancel(acme.doors, "bea", id),
    "retry": lambda acme, id: actions.retry(acme.doors, "bea", id),
    "resume": lambda acme, id: actions.resume(acme.doors, "bea", "shop", "development"),
    "suspend": lambda acme, id: suspending.suspend(acme.doors, "bea", "shop/development"),
    "back": back,
    "rejected": rejected,
    "removal": removal,
    "restart": restart,
}


@pytest.mark.parametrize(("there", "arrives", "outcome"), [pytest.param(*one, id="×".join(one[:2])) for one in pairs()])
def test_what_is_there_and_what_is_done_to_it(tmp_path: Path, there: str, arrives: str, outcome: str) -> None:
    beside = project(staging=sized(1), production=sized(1)) if arrives == "removal" else {}  # else all would vanish
    with world(tmp_path) as acme:
        acme.deploy(beside | files(1))
        acme.deploy(files(2))
        check(acme, there, arrives, outcome)


def check(acme: World, there: str, arrives: str, outcome: str) -> None:
    first = put_there(acme, there)
    known = {row.id for row in acme.deployments()}
    if outcome == "refused":
        with pytest.raises(ConflictError):
            ARRIVES[arrives](acme, first.id)
    else:
        ARRIVES[arrives](acme, first.id)
    now = read.deployment(acme.doors.store, first.id)
    opened = [row for row in acme.deployments() if row.id not in known]

    assert [row.rank for row in opened] == ([Rank.GIT] if outcome == "behind" else [])
    at_once = AT_ONCE.get(outcome, first.status)
    if outcome == "cancelled":
        at_once = first.status if there.endswith(("planning", "applying")) else Status.CANCELLED
    assert (now.status, now.superseded_by) == (at_once, None)
    if outcome in ("refused", "goes-on") and arrives != "restart":
        assert now == first

    end(acme, first, approve=outcome not in ("applied", "discarded"))
    assert read.deployment(acme.doors.store, first.id).status is ENDS.get(outcome, Status.SUCCEEDED)
    if not (there.startswith("destroy") and arrives == "removal"):  # that one is gone
        assert_held(acme, there, arrives, outcome)
    later = [row for row in acme.deployments("development") if row.id not in known]
    assert [(row.rank, row.status) for row in later] == (
        [(Rank.GIT, Status.SUCCEEDED)] if outcome in ("behind", "followed") else []
    )
    for _ in range(3):
        acme.poll()
        upkeep.tidy(acme.doors)
        acme.settle()
    assert [row for row in acme.deployments("development") if row.id not in known] == later
    assert all(row.status in FINAL for row in acme.deployments())


AT_ONCE = {"discarded": Status.DISCARDED, "dropped": Status.SUPERSEDED}
ENDS = {"discarded": Status.DISCARDED, "cancelled": Status.CANCELLED, "dropped": Status.SUPERSEDED}


def assert_held(acme: World, there: str, arrives: str, outcome: str) -> None:
    """A person's deployment holds the environment from the start of its apply on, whatever became of it."""
    who, how_far = there.split("-")
    is_begun = STATUSES[how_far] is Status.APPLYING or outcome not in ("cancelled", "discarded")
    expected = {HoldKind.DESTROYED if who == "destroy" else HoldKind.PINNED} if who != "git" and is_begun else set()
    if outcome == "followed":
        expected = set()
    if arrives == "suspend":
        expected |= {HoldKind.SUSPENDED}
    assert {hold.kind for hold in acme.environment("development").holds} == expected


def end(acme: World, first: Deployment, *, approve: bool) -> None:
    """Everything that is open comes to its end; what waits is approved if it was not decided on yet."""
    acme.runner.script = Script()
    now = read.deployment(acme.doors.store, first.id)
    if first.id in acme.runner.alive:
        acme.carry(first.id)  # what was cancelled or superseded stops its engine
    if first.id in acme.runner.alive and now.status is Status.APPLYING:
        acme.runner.finish(first.id)
    elif first.id in acme.runner.alive:
        acme.runner.lose(first.id)  # its plan is made anew
    for _ in range(3):
        acme.settle()
        for row in acme.deployments("development"):
            if row.started_at is not None:
                acme.carry(row.id)
            found = read.deployment(acme.doors.store, row.id)
            if approve and found.status is Status.AWAITING_APPROVAL:
                actions.approve(acme.doors, "bea", row.id)
                acme.carry(row.id)
