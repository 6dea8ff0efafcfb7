"""Resumed while it is being applied: what a person did ends as it would, and then Git is followed again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.deployments import actions, upkeep
from controller.history import read
from controller.model.deployment import HoldKind, Mode, Rank, Status
from controller.model.document import Json
from controller.model.record import Deployment
from controller.runner.protocol import Ended, Extent, Phase
from tests.deploy_factories import Script, World, project, sized, world

CUT_SHORT = Script(
    dies_in=Phase.APPLY, apply=Ended.INTERRUPTED, message="interrupted in the middle", more={"extent": Extent.PARTIAL}
)


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    """shop/development was deployed with size 1, then with 2."""
    with world(tmp_path) as made:
        made.deploy(project(development=sized(1)), "One")
        made.deploy(project(development=sized(2)), "Two")
        yield made


def manifest(size: int) -> Json:
    """The same as `sized`, by hand."""
    thing: Json = {"type": "thing", "params": {"size": size}}
    outputs: Json = {"SIZE": "${resources.db.outputs.size}"}
    return {"workloads": {"api": {"resources": {"db": thing}, "outputs": outputs}}}


def begun(acme: World, how: str, until: timedelta | None = None) -> Deployment:
    """What ann does, being applied."""
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    end = acme.doors.now() + until if until else None
    if how == "deploy":
        actions.deploy_manifest(acme.doors, "ann", "shop", "development", manifest(7), hold_until=end)
    elif how == "rollback":
        first = acme.deployments("development")[0].id
        actions.rollback(acme.doors, "ann", "shop", "development", first, hold_until=end)
    else:
        actions.destroy(acme.doors, "ann", "shop", "development")
    row = acme.last("development")
    acme.claim()
    acme.carry(row.id)
    found = read.deployment(acme.doors.store, row.id)
    assert found.status is Status.APPLYING
    return found


def ended(acme: World, row: Deployment) -> None:
    acme.runner.finish(row.id)
    acme.runner.script = Script()
    acme.carry(row.id)
    assert read.deployment(acme.doors.store, row.id).status is Status.SUCCEEDED
    acme.settle()


def held(acme: World) -> list[tuple[HoldKind, str]]:
    return [(hold.kind, hold.who) for hold in acme.environment("development").holds]


@pytest.mark.parametrize("how", ["deploy", "rollback", "destroy"])
def test_who_resumes_what_is_being_applied_is_not_undone_by_its_end(acme: World, how: str) -> None:
    row = begun(acme, how)
    kind = HoldKind.DESTROYED if how == "destroy" else HoldKind.PINNED
    assert held(acme) == [(kind, "ann")]
    actions.resume(acme.doors, "bea", "shop", "development")
    assert held(acme) == []
    ended(acme, row)
    assert held(acme) == []
    last = acme.last("development")
    assert (last.rank, last.mode, last.status) == (Rank.GIT, Mode.DEPLOY, Status.SUCCEEDED)
    found = acme.environment("development")
    assert found.applied == found.desired is not None
    count = len(acme.deployments())
    for _ in range(3):
        acme.poll()
        upkeep.tidy(acme.doors)
        acme.settle()
    assert (len(acme.deployments()), held(acme)) == (count, [])


@pytest.mark.parametrize("how", ["deploy", "rollback", "destroy"])
def test_without_that_it_is_held_as_before(acme: World, how: str) -> None:
    row = begun(acme, how)
    ended(acme, row)
    assert held(acme) == [(HoldKind.DESTROYED if how == "destroy" else HoldKind.PINNED, "ann")]
    assert acme.last("development").id == row.id


def test_a_pin_whose_time_is_over_before_its_apply_ends_does_not_come_back(acme: World) -> None:
    row = begun(acme, "rollback", until=timedelta(minutes=10))
    acme.clock.forward(timedelta(minutes=10))
    upkeep.tidy(acme.doors)
    assert held(acme) == []
    acme.claim()
    ended(acme, row)
    assert held(acme) == []
    assert [entry.action for entry in read.audit(acme.doors.store, limit=100)].count("resume") == 1
    assert (acme.last("development").rank, acme.last("development").status) == (Rank.GIT, Status.SUCCEEDED)


def test_resumed_and_deployed_by_hand_once_more_in_the_same_moment_it_is_held(acme: World) -> None:
    ended(acme, begun(acme, "deploy"))
    actions.resume(acme.doors, "bea", "shop", "development")
    row = begun(acme, "rollback")
    assert held(acme) == [(HoldKind.PINNED, "ann")]
    ended(acme, row)
    assert held(acme) == [(HoldKind.PINNED, "ann")]


def test_git_that_moves_on_during_an_apply_of_what_it_wanted_leaves_that_pinned(acme: World) -> None:
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    actions.deploy_manifest(acme.doors, "ann", "shop", "development", manifest(2))
    row = acme.last("development")
    acme.claim()
    acme.carry(row.id)
    assert held(acme) == []  # it is what Git wants
    acme.push({"platform/modules/thing/main.tf": 'variable "size" { type = number }\n'}, "Another release")
    acme.poll()
    ended(acme, row)
    assert held(acme) == [(HoldKind.PINNED, "ann")]


@pytest.mark.parametrize("how", ["deploy", "rollback", "destroy"])
@pytest.mark.parametrize("resumed", [True, False])
def test_what_goes_on_after_an_interruption_holds_nothing_that_was_resumed(
    acme: World, how: str, resumed: bool
) -> None:
    """The rest of what a person began is done, and then Git is followed, if that is what was said meanwhile."""
    row = begun(acme, how)
    acme.runner.lose(row.id)
    acme.runner.scripts[row.id] = CUT_SHORT
    acme.runner.script = Script()
    acme.carry(row.id)
    assert read.deployment(acme.doors.store, row.id).status is Status.FAILED
    follow_up = acme.last("development")
    assert (follow_up.status, follow_up.follow_up_of) == (Status.QUEUED, row.id)
    acme.clock.forward(timedelta(minutes=1))
    if resumed:
        actions.resume(acme.doors, "bea", "shop", "development")
    acme.settle()
    assert read.deployment(acme.doors.store, follow_up.id).status is Status.SUCCEEDED
    kind = HoldKind.DESTROYED if how == "destroy" else HoldKind.PINNED
    assert held(acme) == ([] if resumed else [(kind, "ann")])
    assert acme.last("development").rank is (Rank.GIT if resumed else follow_up.rank)
