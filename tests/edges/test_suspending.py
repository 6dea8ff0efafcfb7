"""Suspended: nothing from Git begins there, whatever is pushed; a person may, and what runs ends as it would."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.deployments import actions, suspending, upkeep
from controller.errors import ConflictError, LockstepError, NotFoundError
from controller.history import decided, read
from controller.model.deployment import HoldKind, Mode, Rank, Status
from controller.model.document import Json
from controller.runner.protocol import Ended, Extent, Phase
from tests.databases import both_databases
from tests.deploy_factories import Script, World, project, sized, world

HERE = "shop/development"
MANIFEST: Json = {"workloads": {"api": {"resources": {"db": {"type": "thing", "params": {"size": 7}}}}}}


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.deploy(project(development=sized(1), staging=sized(1)))
        yield made


def pushed(acme: World, size: int) -> str:
    commit = acme.push(project(development=sized(size), staging=sized(1)), f"Size {size}")
    acme.poll()
    return commit


def verdict(acme: World, commit: str) -> str:
    """Kind, deployment and reason, as far as it has them."""
    (found,) = (one for one in decided.commit(acme.doors.store, commit).verdicts if one.environment == "development")
    return " ".join(filter(None, (found.kind, found.deployment, found.reason)))


@both_databases
def test_what_is_pushed_is_held_and_deployed_after_it_was_resumed(acme: World) -> None:
    hold = suspending.suspend(acme.doors, "ann", HERE, reason="the demo is on")
    assert (hold.kind, hold.scope, hold.who, hold.why, hold.until) == (
        HoldKind.SUSPENDED,
        HERE,
        "ann",
        "the demo is on",
        None,
    )
    before = len(acme.deployments())
    commit = pushed(acme, 2)
    for _ in range(20):
        acme.poll()
        acme.settle()
    assert len(acme.deployments()) == before
    assert verdict(acme, commit) == "held suspended by ann"
    actions.resume(acme.doors, "bea", "shop", "development")
    acme.settle()
    row = acme.last("development")
    assert (row.commit, row.status) == (commit, Status.SUCCEEDED)
    assert verdict(acme, commit) == f"deployed {row.id}"


@pytest.mark.parametrize("where", ["queued", "planning", "awaiting"])
def test_what_from_git_has_not_begun_to_apply_ends_and_is_decided_again(acme: World, where: str) -> None:
    acme.runner.script = Script(counts={"destroy": 1}, hangs_in=Phase.PLAN if where == "planning" else None)
    commit = pushed(acme, 2)
    row = acme.last("development")
    if where != "queued":
        acme.claim()
        acme.carry(row.id)
    suspending.suspend(acme.doors, "ann", HERE, reason="stop")
    found = read.deployment(acme.doors.store, row.id)
    assert (found.status, found.message, found.superseded_by) == (Status.SUPERSEDED, "suspended by ann: stop", None)
    assert verdict(acme, commit) == "held suspended by ann"
    acme.carry(row.id)  # whoever carries it stops its plan
    acme.runner.script = Script()
    actions.resume(acme.doors, "ann", "shop", "development")
    acme.settle()
    again = acme.last("development")
    assert (again.id != row.id, again.commit, again.status) == (True, commit, Status.SUCCEEDED)
    assert verdict(acme, commit) == f"deployed {again.id}"


def test_a_running_apply_ends_as_it_would(acme: World) -> None:
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    commit = pushed(acme, 2)
    row = acme.last("development")
    acme.claim()
    acme.carry(row.id)
    assert read.deployment(acme.doors.store, row.id).status is Status.APPLYING
    suspending.suspend(acme.doors, "ann", HERE)
    acme.runner.finish(row.id)
    acme.carry(row.id)
    assert read.deployment(acme.doors.store, row.id).status is Status.SUCCEEDED
    assert verdict(acme, commit) == f"deployed {row.id}"


@pytest.mark.parametrize("scope", ["shop", "*"])
def test_a_project_or_everything_is_suspended_as_a_whole(acme: World, scope: str) -> None:
    suspending.suspend(acme.doors, "ann", scope, reason="freeze")
    before = len(acme.deployments())
    commit = acme.push(project(development=sized(2), staging=sized(2)))
    acme.poll()
    acme.settle()
    assert len(acme.deployments()) == before
    assert acme.told(commit) == {"development": "held (suspended by ann)", "staging": "held (suspended by ann)"}
    command = "lockstep resume --all" if scope == "*" else "lockstep resume shop"
    with pytest.raises(ConflictError) as e:
        actions.resume(acme.doors, "ann", "shop", "development")
    assert str(e.value) == f"{HERE} is not held by itself, but with others; `{command}` ends that"
    suspending.resume(acme.doors, "ann", scope)
    acme.settle()
    assert [row.status for row in acme.deployments()[before:]] == [Status.SUCCEEDED, Status.SUCCEEDED]


@both_databases
def test_when_its_time_is_over_one_deployment_catches_up(acme: World) -> None:
    until = acme.doors.now() + timedelta(hours=2)
    suspending.suspend(acme.doors, "ann", HERE, until=until)
    commits = [pushed(acme, size) for size in (2, 3, 4)]
    before = len(acme.deployments())
    acme.clock.forward(timedelta(hours=2))
    upkeep.tidy(acme.doors)
    acme.settle()
    new = acme.deployments()[before:]
    assert [(row.commit, row.status) for row in new] == [(commits[-1], Status.SUCCEEDED)]
    superseded = f"superseded {new[0].id}"
    assert [verdict(acme, commit) for commit in commits] == [superseded, superseded, f"deployed {new[0].id}"]
    line = read.audit(acme.doors.store, limit=1)[0]
    assert (line.actor, line.action, line.subject, line.reason) == (
        "lockstep",
        "resume",
        HERE,
        f"suspended until {until:%Y-%m-%d %H:%M} UTC",
    )
    assert (line.before, line.after) == ({"holds": [f"suspended by ann until {until.isoformat()}"]}, {"holds": []})


def test_said_again_the_new_reason_and_time_count(acme: World) -> None:
    suspending.suspend(acme.doors, "ann", HERE, reason="one")
    until = acme.doors.now() + timedelta(hours=1)
    suspending.suspend(acme.doors, "bea", HERE, reason="two", until=until)
    (hold,) = acme.environment("development").holds
    assert (hold.who, hold.why, hold.until) == ("bea", "two", until)
    line = read.audit(acme.doors.store, limit=1)[0]
    assert line.before == {"holds": ["suspended by ann"]}
    assert line.after == {"holds": [f"suspended by bea until {until.isoformat()}"]}


@both_databases
def test_a_person_may_deploy_roll_back_and_destroy_meanwhile(acme: World) -> None:
    first = acme.last("development")
    suspending.suspend(acme.doors, "ann", HERE)
    made = actions.deploy_manifest(acme.doors, "ann", "shop", "development", MANIFEST)
    acme.settle()
    assert acme.last("development").status is Status.SUCCEEDED
    actions.rollback(acme.doors, "ann", "shop", "development", first.id)
    acme.settle()
    assert (acme.last("development").mode, acme.last("development").status) == (Mode.ROLLBACK, Status.SUCCEEDED)
    acme.runner.script = Script(counts={"destroy": 1})
    actions.destroy(acme.doors, "ann", "shop", "development")
    acme.settle()
    row = acme.last("development")
    actions.approve(acme.doors, "ann", row.id)
    acme.settle()
    assert read.deployment(acme.doors.store, row.id).status is Status.SUCCEEDED
    assert not isinstance(made, actions.DryRun)


def test_what_an_interruption_left_begins_when_it_may(acme: World) -> None:
    acme.runner.script = Script(apply=Ended.INTERRUPTED, more={"extent": Extent.PARTIAL})
    acme.push(project(development=sized(2), staging=sized(1)))
    acme.poll()
    acme.claim()
    first = acme.last("development")
    acme.carry(first.id)
    follow_up = acme.last("development")
    assert (follow_up.follow_up_of, follow_up.rank, follow_up.status) == (first.id, Rank.GIT, Status.QUEUED)
    acme.runner.script = Script()
    suspending.suspend(acme.doors, "ann", HERE)
    acme.settle()
    assert read.deployment(acme.doors.store, follow_up.id).status is Status.QUEUED
    actions.resume(acme.doors, "ann", "shop", "development")
    acme.settle()
    assert read.deployment(acme.doors.store, follow_up.id).status is Status.SUCCEEDED


def test_what_failed_before_is_not_tried_again_because_a_suspension_ends(acme: World) -> None:
    acme.runner.script = Script(apply=Ended.FAILED)
    pushed(acme, 2)
    acme.settle()
    failed = acme.last("development")
    assert failed.status is Status.FAILED
    suspending.suspend(acme.doors, "ann", HERE)
    with pytest.raises(ConflictError) as e:
        actions.retry(acme.doors, "ann", failed.id)
    assert str(e.value) == f"{HERE} is suspended by ann; run `lockstep resume shop development` first"
    actions.resume(acme.doors, "ann", "shop", "development")
    acme.settle()
    assert acme.last("development").id == failed.id


def _past(acme: World) -> None:
    suspending.suspend(acme.doors, "ann", HERE, until=acme.doors.now())


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        pytest.param(
            lambda acme: suspending.suspend(acme.doors, "ann", "shpo"),
            NotFoundError,
            "project `shpo` does not exist; did you mean `shop`?",
            id="unknown project",
        ),
        pytest.param(
            lambda acme: suspending.resume(acme.doors, "ann", "shop"),
            ConflictError,
            "project `shop` is not suspended; `lockstep get holds` lists what is held",
            id="project that is not suspended",
        ),
        pytest.param(
            lambda acme: suspending.resume(acme.doors, "ann", "*"),
            ConflictError,
            "nothing is suspended as a whole; `lockstep get holds` lists what is held",
            id="everything that is not suspended",
        ),
        pytest.param(
            _past,
            ConflictError,
            "2026-03-01T12:00:00+00:00 has passed already; give a time to come, or leave it out",
            id="a time that has passed",
        ),
    ],
)
def test_what_cannot_be(acme: World, act: object, error: type[LockstepError], message: str) -> None:
    with pytest.raises(error) as e:
        act(acme)  # type: ignore[operator]
    assert str(e.value) == message
